//! The tcp section validated.

use std::sync::Arc;

use super::TcpProbe;
use super::dialogue::{Expect, Send, Step};
use crate::config::tcp::{QueryResponse, TcpSection};
use crate::config::{ModuleSection, tls};
use crate::module::{ModuleProbe, Workshop};
use crate::reach::{Reach, preference};

pub(super) fn build(section: &ModuleSection, workshop: &mut Workshop<'_>) -> Option<Arc<dyn ModuleProbe>> {
    let before = workshop.problems.len();
    let default = TcpSection::default();
    let section = section.tcp.as_ref().unwrap_or(&default);
    let preference = preference(section.preferred_ip_protocol, section.ip_protocol_fallback);
    let reach = Reach::new("tcp", preference, section.source_ip_address.as_ref(), workshop);
    let closed = closed(section, workshop);
    let begins = section.tls == Some(true);
    let secures = begins || section.query_response.iter().any(|step| step.starttls == Some(true));
    let client =
        if secures { tls::client(section.tls_config.as_ref(), workshop, "tcp.tls_config") } else { None };
    let mut secured = begins;
    let mut steps = Vec::with_capacity(section.query_response.len());
    for (index, raw) in section.query_response.iter().enumerate() {
        if raw.starttls == Some(true) {
            if secured {
                workshop.problem_at(
                    &format!("tcp.query_response[{index}].starttls"),
                    "tls has begun before",
                    "keep one of tls and starttls",
                );
            }
            secured = true;
        }
        steps.push(step(raw, index, workshop));
    }
    if workshop.problems.len() > before || (secures && client.is_none()) {
        return None;
    }
    Some(Arc::new(TcpProbe {
        reach,
        closed,
        tls: begins,
        client,
        server_name: tls::server_name(section.tls_config.as_ref()),
        steps,
    }))
}

/// Whether the port must be closed; notes what would have to be done over a connection that must not come about.
fn closed(section: &TcpSection, workshop: &mut Workshop<'_>) -> bool {
    let Some(at) = section.expect_closed.as_ref().filter(|closed| ***closed) else { return false };
    let other = match () {
        () if section.tls == Some(true) => "tls",
        () if section.tls_config.is_some() => "tls_config",
        () if !section.query_response.is_empty() => "query_response",
        () => return true,
    };
    let cause = format!("expect_closed and {other} exclude one another: there is no connection to use it on");
    workshop.problem(at, "tcp.expect_closed", cause, format!("remove {other}, or expect_closed"));
    true
}

fn step(raw: &QueryResponse, index: usize, workshop: &mut Workshop<'_>) -> Step {
    let key = format!("tcp.query_response[{index}]");
    let wanted = raw.expect_bytes.as_ref().filter(|bytes| !bytes.is_empty());
    let pattern = raw.expect.as_ref().filter(|pattern| !pattern.as_str().is_empty());
    if let (Some(bytes), Some(_)) = (wanted, pattern) {
        workshop.problem(
            bytes,
            &format!("{key}.expect_bytes"),
            "expect and expect_bytes exclude one another",
            "make two entries of them",
        );
    }
    for (position, label) in raw.labels.iter().enumerate() {
        if !kit::desc::is_label_name(&label.name) {
            let cause = format!("{:?} cannot name a label", label.name.as_str());
            let way_out = "a label name is [a-zA-Z_][a-zA-Z0-9_]*, without a leading __";
            workshop.problem(&label.name, &format!("{key}.labels[{position}].name"), cause, way_out);
        }
        if raw.labels[..position].iter().any(|other| other.name == label.name) {
            let cause = format!("label {:?} stands twice", label.name.as_str());
            workshop.problem(&label.name, &format!("{key}.labels[{position}].name"), cause, "keep one");
        }
    }
    let expect = match (pattern, wanted) {
        (Some(pattern), _) => Expect::Line(pattern.clone()),
        (None, Some(bytes)) => Expect::Bytes(bytes.to_vec()),
        (None, None) => Expect::Nothing,
    };
    Step {
        labels: raw.labels.iter().map(|label| (label.name.value.clone(), label.value.clone())).collect(),
        send: raw.send.as_ref().filter(|bytes| !bytes.is_empty()).map(|bytes| send(bytes, &expect)),
        expect,
        starttls: raw.starttls == Some(true),
    }
}

/// Only what has a `$` after an expected line needs filling in.
fn send(bytes: &[u8], expect: &Expect) -> Send {
    if matches!(expect, Expect::Line(_)) && bytes.contains(&b'$') {
        Send::Template(bytes.to_vec())
    } else {
        Send::Fixed([bytes, b"\n"].concat())
    }
}
