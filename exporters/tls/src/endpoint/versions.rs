//! Which versions of TLS a target accepts: a connection for each that the handshake has not shown already.

use std::net::IpAddr;
use std::time::Instant;

use futures_util::future::join_all;
use kit::Trace;
use wire::Stopwatch;
use wire::tls::{Version, cleartext};

use super::look::{Look, Sight};
use super::way::Way;
use super::{Endpoint, asked};
use crate::module::{Module, Tools};

/// What is asked for, the oldest first.
pub const VERSIONS: [Version; 4] = [Version::Tls10, Version::Tls11, Version::Tls12, Version::Tls13];

/// Whether each of [`VERSIONS`] is accepted by any of a target's addresses; `None` is not known.
pub type Accepted = [Option<bool>; 4];

/// Asks the addresses of a look which versions they accept, one connection after another at each: servers count them. What is
/// not known when the time is over stays unknown.
pub async fn accepted(
    module: &Module,
    tools: &Tools,
    endpoint: &Endpoint,
    hostname: Option<&str>,
    look: &Look,
    deadline: Instant,
    trace: &Trace,
) -> Accepted {
    let Ok(way) = Way::find(module, tools, endpoint.port, deadline, trace).await else { return [None; 4] };
    let name = asked(module, hostname, endpoint);
    // Whoever could not be reached a moment ago is not asked three times more.
    let there = look.sights.iter().filter(|sight| sight.seen.is_some());
    let all = join_all(there.map(|sight| one(&way, sight, name))).await;
    let mut accepted = [None; 4];
    for answers in all {
        for (known, answer) in accepted.iter_mut().zip(answers) {
            // One address that accepts is enough for an attacker.
            *known = (*known).max(answer);
        }
    }
    accepted
}

async fn one(way: &Way<'_>, sight: &Sight, name: &str) -> Accepted {
    let shown = sight.seen.as_ref().and_then(|seen| seen.version);
    let mut answers = [None; 4];
    // The oldest last: some firewalls let them run into the void.
    for (index, version) in VERSIONS.into_iter().enumerate().rev() {
        answers[index] =
            if shown == Some(version) { Some(true) } else { ask(way, sight.ip, name, version, index).await };
    }
    answers
}

/// Asks for a version. It is given a share of the time that is left, so that one without an answer leaves some for the rest.
async fn ask(way: &Way<'_>, ip: IpAddr, name: &str, version: Version, rest: usize) -> Option<bool> {
    let now = Instant::now();
    let left = way.deadline().saturating_duration_since(now);
    let share = left / u32::try_from(rest + 1).unwrap_or(1);
    let way = way.until(now + share);
    let question = async {
        let mut stream = way.go(ip, name, &mut Stopwatch::new()).await.ok()?;
        cleartext::accepts(&mut stream, name, version).await.ok()
    };
    let answer = tokio::time::timeout_at(way.deadline().into(), question).await.ok()??;
    let words = match &answer {
        cleartext::Acceptance::Accepted => format!("{version}: accepted"),
        cleartext::Acceptance::Refused(why) => format!("{version}: {why}"),
    };
    way.trace().step("asked for", words);
    Some(answer.is_accepted())
}
