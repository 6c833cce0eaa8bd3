//! What is known of a target. It outlives a reload: a target that stays keeps its counters.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use kit::schedule::{Busy, Change};

use wire::tls::{Answer, Status};

use crate::endpoint::{Accepted, Look, Shown, Sight};
use crate::metrics::shown;

/// For so long the certificates of a server that can no longer be reached are told of: an alert on their end shall not
/// resolve since the server is down, too; but what was true yesterday may not be.
pub(crate) const KEPT: Duration = Duration::from_secs(86_400);

/// How often a target is asked which versions it accepts: each time is a connection for each.
const VERSIONS_EVERY: Duration = Duration::from_secs(3600);

/// A target's counters, its last look, and the certificates that it last showed.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) busy: Busy,
    known: Mutex<Known>,
}

/// What a lock covers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) looks: u64,
    pub(crate) failures: u64,
    pub(crate) skipped: u64,
    pub(crate) last: Option<Last>,
    pub(crate) last_success: Option<SystemTime>,
    /// Which versions it accepts, as of the moments beside it.
    pub(super) accepted: Option<(Accepted, SystemTime, Instant)>,
    /// The last handshake that showed a certificate, also one that failed.
    pub(crate) shown: Option<(Shown, SystemTime)>,
    /// The certificate that is served and that a look failed for since its issuer calls it revoked, by the response that came
    /// with it.
    pub(super) revoked: Option<Revoked>,
}

/// A certificate by its fingerprint, and what was said of it.
pub(super) type Revoked = ([u8; 32], Answer);

/// The last look.
#[derive(Clone, Debug)]
pub(crate) struct Last {
    /// When it ended, by both clocks.
    pub(crate) at: SystemTime,
    pub(crate) ended: Instant,
    pub(crate) look: Look,
}

impl State {
    /// Takes note of a look that ended.
    pub(crate) fn finish(&self, look: Look) -> Change {
        let now = SystemTime::now();
        let mut known = self.lock();
        known.looks += 1;
        let before = known.last.as_ref().map(|last| last.look.failure());
        let change = Change::between(before, look.failure());
        if look.failure().is_some() {
            known.failures += 1;
        } else {
            known.last_success = Some(now);
        }
        if let Some(accepted) = look.accepted.filter(|accepted| accepted.iter().any(Option::is_some)) {
            known.accepted = Some((accepted, now, Instant::now()));
        }
        if let Some(seen) = shown(&look) {
            known.shown = Some((seen, now));
        }
        known.revoked = revoked(known.revoked, &look);
        known.last = Some(Last { at: now, ended: Instant::now(), look });
        change
    }

    pub(crate) fn skip(&self, rounds: u64) {
        self.lock().skipped += rounds;
    }

    /// Looks at what is known without copying it.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // After a panic it is what it was before.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Last {
    /// Whether it is of use still: a schedule that stands still must not look like a target that is well.
    pub(crate) fn is_fresh(&self, interval: Duration, timeout: Duration, now: Instant) -> bool {
        kit::schedule::is_fresh(self.ended, interval, timeout, now)
    }
}

impl Known {
    /// Whether it is time to ask which versions are accepted.
    pub(super) fn wants_versions(&self, now: Instant) -> bool {
        self.accepted.is_none_or(|(.., at)| now.saturating_duration_since(at) >= VERSIONS_EVERY)
    }

    /// The accepted versions that may still be told of, and when they were asked for.
    pub(super) fn versions(&self, now: SystemTime) -> Option<(&Accepted, SystemTime)> {
        let (accepted, at, _) = self.accepted.as_ref()?;
        let age = now.duration_since(*at).unwrap_or_default();
        (age <= KEPT).then_some((accepted, *at))
    }

    /// The certificates that may still be told of, and when they were seen.
    pub(crate) fn certificates(&self, interval: Duration, now: SystemTime) -> Option<(&Shown, SystemTime)> {
        let (seen, at) = self.shown.as_ref()?;
        let age = now.duration_since(*at).unwrap_or_default();
        (age <= KEPT.max(interval * 3)).then_some((seen, *at))
    }
}

/// What is known of a revocation after a look. It goes with the certificate, or when its issuer takes it back: that the server
/// leaves the response out mends nothing.
fn revoked(before: Option<Revoked>, look: &Look) -> Option<Revoked> {
    let said = |sight: &Sight| {
        let judged = sight.failure.as_ref().is_some_and(|failure| failure.reason.starts_with("tls_cert_"));
        let staple = sight.seen.as_ref()?.staple.as_ref().filter(|staple| judged && staple.is_revoked())?;
        Some((sight.leaf()?.fingerprint, staple.answer?))
    };
    let still = |(fingerprint, _): &Revoked| {
        let mut leaves = look.sights.iter().filter_map(|sight| Some((sight, sight.leaf()?))).peekable();
        let good = |sight: &Sight| {
            let staple = sight.seen.as_ref().and_then(|seen| seen.staple.as_ref());
            staple.is_some_and(|staple| {
                staple.valid == Some(true)
                    && staple.answer.is_some_and(|answer| answer.status == Status::Good)
            })
        };
        // A server that cannot be reached says nothing.
        leaves.peek().is_none()
            || leaves.any(|(sight, leaf)| leaf.fingerprint == *fingerprint && !good(sight))
    };
    look.sights.iter().find_map(said).or_else(|| before.filter(still))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::invalid;

    #[test]
    fn counters_and_changes() {
        let state = State::default();
        let (well, bad) = (Look::default, || Look::failed(invalid("bad")));
        assert_eq!(state.finish(well()), Change::None);
        assert_eq!(state.finish(bad()), Change::Down(invalid("bad")));
        assert_eq!(state.finish(bad()), Change::None);
        let other = Look::failed(crate::endpoint::internal("worse"));
        assert!(matches!(state.finish(other), Change::Down(_)), "another reason is news");
        assert_eq!(state.finish(well()), Change::Up);
        state.skip(3);
        assert_eq!(state.with(|known| (known.looks, known.failures, known.skipped)), (5, 3, 3));
    }
}
