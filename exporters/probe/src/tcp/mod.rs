//! The tcp prober: a connection, TLS if asked for, and a dialogue of expected and sent lines or bytes; or no connection,
//! where a port must be closed.
//!
//! | file | what |
//! |---|---|
//! | `build` | the section validated, every pattern and TLS setting made |
//! | `closed` | what becomes of an attempt to connect to a port that must be closed |
//! | `dialogue` | the steps, one after another |
//! | `reader` | lines and bytes from a stream, also a greeting that no newline ends |
//! | `metrics` | the descriptions and the page |

mod build;
mod closed;
mod dialogue;
pub mod metrics;
mod reader;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use kit::{BoxFuture, Failure, Verdict};
use wire::tls::{Alpn, Client};
use wire::{Phase, Stopwatch, dial};

use crate::certificates;
use crate::module::{Context, ModuleProbe, Prober};
use crate::reach::{self, Reach};
use crate::verdict::{fail, in_time, invalid, verdict};
use dialogue::Step;
use metrics::Facts;
use reader::Line;

/// The line in the table of probers.
pub const PROBER: Prober =
    Prober { name: "tcp", build: build::build, descs: &[metrics::DESCS, certificates::DESCS] };

/// A validated tcp module.
struct TcpProbe {
    reach: Reach,
    /// Whether there must be no connection.
    closed: bool,
    /// Whether the connection begins with a handshake.
    tls: bool,
    client: Option<Arc<Client>>,
    server_name: Option<String>,
    steps: Vec<Step>,
}

impl ModuleProbe for TcpProbe {
    fn check(&self, target: &str) -> Result<(), Failure> {
        split(target).map(drop)
    }

    fn probe<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Verdict> {
        Box::pin(async move {
            let (mut facts, mut watch) = (Facts::default(), Stopwatch::new());
            let run = self.run(&context, &mut facts, &mut watch);
            let ended = tokio::time::timeout_at(context.deadline.into(), run).await;
            let silent = ended.is_err() && self.closed && watch.current() == Some(Phase::Connect);
            let mut failure = in_time(ended, &mut watch).err();
            if silent {
                let waited = watch.get(Phase::Connect).unwrap_or_default();
                failure = closed::silent(waited, &context, &mut facts).err();
            }
            let required = self.client.as_ref().is_some_and(|client| client.verifies());
            verdict(facts.page(&watch, required), failure)
        })
    }
}

impl TcpProbe {
    async fn run(
        &self,
        context: &Context<'_>,
        facts: &mut Facts,
        watch: &mut Stopwatch,
    ) -> Result<(), Failure> {
        let (host, port) = split(context.target)?;
        let server_name = self.server_name.as_deref().or(context.hostname).unwrap_or(host);
        facts.resolving = true;
        let ip = self.reach.find(context, host, Some(port), watch).await?;
        facts.ip = Some(ip);
        let addr = SocketAddr::new(ip, port);
        if self.closed {
            watch.enter(Phase::Connect);
            return closed::judge(dial::dial(addr, &self.reach.egress).await, context, facts);
        }
        let stream = self.reach.connect(context, addr, watch).await?;
        let mut line = Line::Plain(stream);
        if self.tls {
            line = self.secure(line, server_name, context, facts, watch).await?;
        }
        facts.talking = true;
        if self.steps.is_empty() {
            return Ok(());
        }
        self.talk(line, server_name, context, facts, watch).await
    }

    /// A handshake over a plain line.
    async fn secure(
        &self,
        line: Line,
        server_name: &str,
        context: &Context<'_>,
        facts: &mut Facts,
        watch: &mut Stopwatch,
    ) -> Result<Line, Failure> {
        let Some(client) = &self.client else {
            return Err(fail(Phase::Tls, "internal", "tls without a client"));
        };
        let Line::Plain(stream) = line else {
            return Err(fail(Phase::Tls, "tls_handshake", "starttls inside of tls"));
        };
        let (alpn, seen) = (Alpn::default(), &mut facts.seen);
        let stream = reach::secure(client, stream, server_name, &alpn, context, seen, watch).await?;
        Ok(Line::Tls(Box::new(stream)))
    }
}

/// Host and port of a target; brackets around an IPv6 address go.
fn split(target: &str) -> Result<(&str, u16), Failure> {
    let wrong = || invalid(format!("target {target:?} is not host:port"));
    let (host, port) = target.rsplit_once(':').ok_or_else(wrong)?;
    let bare = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').ok_or_else(wrong)?,
        None if host.contains(':') => return Err(wrong()),
        None => host,
    };
    let port = port.parse().map_err(|_| wrong())?;
    if bare.is_empty() || port == 0 { Err(wrong()) } else { Ok((bare, port)) }
}
