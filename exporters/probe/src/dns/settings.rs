//! The dns section, checked, and everything made of it that probes share.

use std::sync::Arc;

use kit::Failure;
use kit::config::Spanned;
use wire::tls::Client;

use super::message::Section;
use super::names::{ANY, CLASS, IN, Names, RCODE, TYPE};
use super::query::Query;
use super::validate::Validator;
use crate::config::{DnsSection, Transport, tls};
use crate::module::Workshop;
use crate::reach::{Reach, preference};
use crate::verdict::invalid;

/// What every query of a module has in common.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) reach: Reach,
    pub(super) transport: Transport,
    /// The TLS client, and the name to ask it for if it is not the target's.
    pub(super) tls: Option<(Arc<Client>, Option<String>)>,
    pub(super) query: Query,
    /// The type that is asked for.
    pub(super) kind: u16,
    /// Response codes that count as success.
    pub(super) rcodes: Vec<u16>,
    pub(super) validators: Vec<Validator>,
}

impl Settings {
    /// Checks the section. `None` if a problem was noted.
    pub(super) fn new(section: Option<&DnsSection>, workshop: &mut Workshop<'_>) -> Option<Self> {
        let Some((section, name)) = section.and_then(|section| Some((section, asked(section)?))) else {
            workshop.module_problem(
                "dns.query_name is missing",
                "give the name to ask for, e.g. query_name: example.org",
            );
            return None;
        };
        let before = workshop.problems.len();
        let preference = preference(section.preferred_ip_protocol, section.ip_protocol_fallback);
        let reach = Reach::new("dns", preference, section.source_ip_address.as_ref(), workshop);
        let transport = section.transport_protocol.unwrap_or_default();
        let tls = encrypted(section, transport, workshop);
        let kind = number(section.query_type.as_ref(), &TYPE, "dns.query_type", "query type", workshop)
            .unwrap_or(ANY);
        let class = number(section.query_class.as_ref(), &CLASS, "dns.query_class", "query class", workshop)
            .unwrap_or(IN);
        let mut rcodes = Vec::with_capacity(section.valid_rcodes.len().max(1));
        for rcode in &section.valid_rcodes {
            rcodes.extend(number(Some(rcode), &RCODE, "dns.valid_rcodes", "response code", workshop));
        }
        if section.valid_rcodes.is_empty() {
            rcodes.push(0);
        }
        let query = match Query::new(name, kind, class, section.recursion_desired.unwrap_or(true)) {
            Ok(query) => Some(query),
            Err(cause) => {
                let cause = format!("{:?} is no domain name: {cause}", name.as_str());
                workshop.problem(name, "dns.query_name", cause, "give a name such as www.example.org");
                None
            }
        };
        if workshop.problems.len() > before {
            return None;
        }
        let validators = [
            Validator::new(Section::Answer, section.validate_answer_rrs.as_ref()),
            Validator::new(Section::Authority, section.validate_authority_rrs.as_ref()),
            Validator::new(Section::Additional, section.validate_additional_rrs.as_ref()),
        ];
        Some(Self {
            reach,
            transport,
            tls,
            query: query?,
            kind,
            rcodes,
            validators: validators.into_iter().flatten().collect(),
        })
    }

    /// The port of a target that names none.
    pub(super) fn port(&self) -> u16 {
        if self.tls.is_some() { 853 } else { 53 }
    }
}

fn asked(section: &DnsSection) -> Option<&Spanned<String>> {
    section.query_name.as_ref().filter(|name| !name.is_empty())
}

fn encrypted(
    section: &DnsSection,
    transport: Transport,
    workshop: &mut Workshop<'_>,
) -> Option<(Arc<Client>, Option<String>)> {
    let encrypted = section.dns_over_tls.as_ref().filter(|encrypted| encrypted.value)?;
    if transport != Transport::Tcp {
        workshop.problem(
            encrypted,
            "dns.dns_over_tls",
            "there is no DNS over TLS on udp",
            "add transport_protocol: tcp",
        );
        return None;
    }
    let client = tls::client(section.tls_config.as_ref(), workshop, "dns.tls_config")?;
    Some((client, tls::server_name(section.tls_config.as_ref())))
}

/// A name's number, or `None` when it is absent, empty, or not known, which is noted.
fn number(
    given: Option<&Spanned<String>>,
    names: &Names,
    key: &str,
    what: &str,
    workshop: &mut Workshop<'_>,
) -> Option<u16> {
    let given = given.filter(|given| !given.is_empty())?;
    let number = names.number(given);
    if number.is_none() {
        let way_out = match names.nearest(given) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("give one of IANA's names, e.g. {}", names.name(1)),
        };
        workshop.problem(given, key, format!("{what} {:?} is not known", given.as_str()), way_out);
    }
    number
}

/// Host and port of a target: `host`, `host:port`, `::1`, `[::1]`, `[::1]:port`.
pub(super) fn split(target: &str, default_port: u16) -> Result<(&str, u16), Failure> {
    let bad = |cause: &str| invalid(format!("{target:?}: {cause}: give host or host:port of a DNS server"));
    let (host, port) = match target.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || (host.starts_with('[') && host.ends_with(']')) => {
            let digits = port.bytes().all(|byte| byte.is_ascii_digit());
            let port = port.parse().ok().filter(|port| digits && *port > 0);
            (host, port.ok_or_else(|| bad("the port is not a number from 1 to 65535"))?)
        }
        _ => (target, default_port),
    };
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    if bare.is_empty() {
        return Err(bad("there is no host"));
    }
    if bare.contains(['/', '[', ']']) {
        return Err(bad("this is not a host"));
    }
    Ok((bare, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        for (target, want) in [
            ("127.0.0.1", Some(("127.0.0.1", 53))),
            ("127.0.0.1:5353", Some(("127.0.0.1", 5353))),
            ("dns.example:53", Some(("dns.example", 53))),
            ("::1", Some(("::1", 53))),
            ("[::1]", Some(("::1", 53))),
            ("[::1]:5353", Some(("::1", 5353))),
            ("", None),
            (":53", None),
            ("host:", None),
            ("host:0", None),
            ("host:65536", None),
            ("host:+53", None),
            ("https://host/", None),
        ] {
            assert_eq!(split(target, 53).ok(), want, "{target}");
        }
    }
}
