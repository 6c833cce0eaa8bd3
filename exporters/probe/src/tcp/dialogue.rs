//! The steps of `query_response`, one after another.

use std::io;

use bytes::Bytes;
use kit::Failure;
use kit::config::BytePattern;
use regex::bytes::Captures;
use wire::{Phase, Stopwatch};

use super::TcpProbe;
use super::metrics::Facts;
use super::reader::{Got, Line, Reader};
use crate::module::Context;
use crate::verdict::fail;

/// A validated step: first it expects, then it sends, then it starts TLS.
pub(super) struct Step {
    pub(super) expect: Expect,
    /// Names and templates of `probe_expect_info`'s labels.
    pub(super) labels: Vec<(String, String)>,
    /// With the newline; `None` sends nothing.
    pub(super) send: Option<Send>,
    pub(super) starttls: bool,
}

/// What a step waits for.
pub(super) enum Expect {
    Nothing,
    Line(BytePattern),
    Bytes(Vec<u8>),
}

/// What a step sends.
pub(super) enum Send {
    /// The same each time.
    Fixed(Vec<u8>),
    /// With groups of the expected line in it; the newline comes after.
    Template(Vec<u8>),
}

impl TcpProbe {
    pub(super) async fn talk(
        &self,
        line: Line,
        server_name: &str,
        context: &Context<'_>,
        facts: &mut Facts,
        watch: &mut Stopwatch,
    ) -> Result<(), Failure> {
        let mut reader = Reader::new(line);
        for step in &self.steps {
            watch.enter(Phase::Dialogue);
            let sent = match &step.expect {
                Expect::Nothing => step.send.as_ref().map(Send::plain),
                Expect::Line(pattern) => {
                    let line = expect_line(&mut reader, pattern, facts).await?;
                    context.trace.step("matched", String::from_utf8_lossy(&line).into_owned());
                    let groups = pattern.captures(&line);
                    facts.expected.extend(labels(step, groups.as_ref()));
                    step.send.as_ref().map(|send| send.filled(groups.as_ref()))
                }
                Expect::Bytes(wanted) => {
                    expect_bytes(&mut reader, wanted, facts).await?;
                    context.trace.step("got the expected bytes", ());
                    step.send.as_ref().map(Send::plain)
                }
            };
            if let Some(bytes) = sent {
                reader.line.write(&bytes).await.map_err(|error| broken("send", &error))?;
                context.trace.step("sent bytes", i64::try_from(bytes.len()).unwrap_or(i64::MAX));
            }
            if step.starttls {
                let (line, left) = reader.into_line();
                if left > 0 {
                    // What came in clear must not be taken for something that came after the handshake.
                    context
                        .trace
                        .step("dropped bytes that came before tls", i64::try_from(left).unwrap_or(i64::MAX));
                }
                reader = Reader::new(self.secure(line, server_name, context, facts, watch).await?);
            }
        }
        Ok(())
    }
}

async fn expect_line(
    reader: &mut Reader,
    pattern: &BytePattern,
    facts: &mut Facts,
) -> Result<Bytes, Failure> {
    match reader.line_that(|line| pattern.is_match(line)).await {
        Ok(Got::Line(line)) => Ok(line),
        Ok(Got::End) => {
            facts.regex_failed = true;
            let detail = format!("no line matched {:?} before the peer closed", pattern.as_str());
            Err(fail(Phase::Dialogue, "expect_regex", detail))
        }
        Ok(Got::TooLong) => Err(fail(Phase::Dialogue, "protocol_error", "a line of more than 64 KiB")),
        Err(error) => Err(broken("read", &error)),
    }
}

async fn expect_bytes(reader: &mut Reader, wanted: &[u8], facts: &mut Facts) -> Result<(), Failure> {
    let got = reader.bytes(wanted.len()).await.map_err(|error| broken("read", &error))?;
    if got == wanted {
        return Ok(());
    }
    facts.bytes_failed = true;
    let detail =
        format!("expected {:?}, got {:?}", wanted.escape_ascii().to_string(), got.escape_ascii().to_string());
    Err(fail(Phase::Dialogue, "expect_bytes", detail))
}

fn broken(what: &str, error: &io::Error) -> Failure {
    let reason = wire::tls::io_failure(error).map_or("connection_closed", |(reason, _)| reason.word());
    fail(Phase::Dialogue, reason, format!("{what}: {}", error.to_string().to_lowercase()))
}

fn labels(step: &Step, groups: Option<&Captures<'_>>) -> Option<Vec<(String, String)>> {
    if step.labels.is_empty() {
        return None;
    }
    let fill = |template: &str| String::from_utf8_lossy(&expand(groups, template.as_bytes())).into_owned();
    Some(step.labels.iter().map(|(name, template)| (name.clone(), fill(template))).collect())
}

fn expand(groups: Option<&Captures<'_>>, template: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(template.len() + 16);
    match groups {
        Some(groups) => groups.expand(template, &mut out),
        None => out.extend_from_slice(template),
    }
    out
}

impl Send {
    /// Without an expected line there are no groups, and `${1}` stays what it is.
    fn plain(&self) -> Vec<u8> {
        match self {
            Send::Fixed(bytes) => bytes.clone(),
            Send::Template(template) => [template, b"\n".as_slice()].concat(),
        }
    }

    fn filled(&self, groups: Option<&Captures<'_>>) -> Vec<u8> {
        match self {
            Send::Fixed(bytes) => bytes.clone(),
            Send::Template(template) => {
                let mut bytes = expand(groups, template);
                bytes.push(b'\n');
                bytes
            }
        }
    }
}
