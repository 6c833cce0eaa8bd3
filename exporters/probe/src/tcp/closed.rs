//! A port that must be closed: what would be a failure elsewhere is what is wanted here.
//!
//! It says nothing of whether the host is there at all; a probe of something that is open on it does.

use std::time::Duration;

use kit::Failure;
use tokio::net::TcpStream;
use wire::Phase;
use wire::dial::{DialError, DialReason};

use super::metrics::Facts;
use crate::module::Context;
use crate::reach::unconnected;
use crate::verdict::fail;

/// How a closed port shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// The host, or a firewall in its name, answered that nobody listens.
    Refused,
    /// A router, or this machine itself, answered that there is no way.
    Unreachable,
    /// Nobody answered in time.
    Silent,
}

impl Closed {
    /// The value of the label `answer`.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Closed::Refused => "refused",
            Closed::Unreachable => "unreachable",
            Closed::Silent => "none",
        }
    }
}

/// What an attempt to connect that came to its end means.
///
/// # Errors
/// `port_open`, or why it could not be tried.
pub(super) fn judge(
    dialled: Result<TcpStream, DialError>,
    context: &Context<'_>,
    facts: &mut Facts,
) -> Result<(), Failure> {
    let error = match dialled {
        Ok(stream) => {
            let detail = match stream.peer_addr() {
                Ok(addr) => format!("connect to {addr}: the port is open, and must be closed"),
                Err(_) => "the port is open, and must be closed".to_owned(),
            };
            return Err(fail(Phase::Connect, "port_open", detail));
        }
        Err(error) => error,
    };
    facts.closed = Some(match error.reason {
        DialReason::Refused => Closed::Refused,
        DialReason::Unreachable => Closed::Unreachable,
        DialReason::Timeout => Closed::Silent,
        // Our own trouble (no such source address, no free port or descriptor, a local firewall) shows nothing of theirs.
        DialReason::Error => return Err(unconnected(&error)),
    });
    context.trace.step("closed, as it must be:", error.detail);
    Ok(())
}

/// Nobody answered until the probe's time was over, which is how a filtered port shows. `waited` is how long there was to
/// answer.
///
/// # Errors
/// `dns_timeout` when the name took most of the time: silence for what was left of it shows nothing.
pub(super) fn silent(waited: Duration, context: &Context<'_>, facts: &mut Facts) -> Result<(), Failure> {
    if waited * 2 < context.deadline.saturating_duration_since(context.trace.began()) {
        let detail = "the name took most of the time, so that silence does not show the port to be closed";
        return Err(fail(Phase::Resolve, "dns_timeout", detail));
    }
    facts.closed = Some(Closed::Silent);
    context.trace.step("closed, as it must be: no answer in time", ());
    Ok(())
}

#[cfg(test)]
mod tests {
    use kit::Trace;

    use super::*;

    #[tokio::test]
    async fn silence_shows_something_only_if_there_was_time_to_answer() {
        let tools = crate::testing::tools();
        let trace = Trace::new();
        let deadline = trace.began() + Duration::from_secs(2);
        let context = Context { target: "a.test:1", hostname: None, deadline, trace: &trace, tools: &tools };
        for (waited, want) in
            [(1900, Ok(Closed::Silent)), (1000, Ok(Closed::Silent)), (900, Err("dns_timeout"))]
        {
            let mut facts = Facts::default();
            let verdict = silent(Duration::from_millis(waited), &context, &mut facts);
            let got = verdict.map_err(|failure| failure.reason).map(|()| facts.closed.unwrap());
            assert_eq!(got, want, "{waited} ms");
        }
    }
}
