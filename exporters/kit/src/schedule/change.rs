//! What a round changed in a target's state, for the log; and how long what is known of it holds.

use std::time::{Duration, Instant};

use crate::prober::Failure;

/// A change of a target's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is as it was.
    None,
    /// It was well or unknown, and is not well; or it is not well for another reason than before.
    Down(Failure),
    /// It was not well, and is well.
    Up,
}

impl Change {
    /// From the last round, if there was one, to this one: why each failed, if it did.
    #[must_use]
    pub fn between(before: Option<Option<&Failure>>, now: Option<&Failure>) -> Self {
        let reason = |failure: &Failure| failure.reason;
        match (before, now) {
            (Some(Some(_)), None) => Self::Up,
            (before, Some(failure)) if before.flatten().map(reason) != Some(failure.reason) => {
                Self::Down(failure.clone())
            }
            _ => Self::None,
        }
    }

    /// Says it in the log, of this target.
    pub fn log(&self, target: &str, module: &str) {
        match self {
            Self::None => {}
            Self::Down(failure) => tracing::warn!(
                target = target,
                module = module,
                phase = failure.phase,
                reason = failure.reason,
                error = failure.detail,
                "target failed"
            ),
            Self::Up => tracing::info!(target = target, module = module, "target is well again"),
        }
    }
}

/// Whether what a round found is of use still: a schedule that stands still must not look like a target that is well.
#[must_use]
pub fn is_fresh(ended: Instant, interval: Duration, timeout: Duration, now: Instant) -> bool {
    now.saturating_duration_since(ended) <= interval * 3 + timeout
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_news() {
        let failure = |reason| Failure { phase: "connect", reason, detail: String::new(), refused: None };
        let (refused, timeout) = (failure("connect_refused"), failure("connect_timeout"));
        for (before, now, want) in [
            (None, None, Change::None),
            (Some(None), None, Change::None),
            (None, Some(&refused), Change::Down(refused.clone())),
            (Some(None), Some(&refused), Change::Down(refused.clone())),
            (Some(Some(&refused)), Some(&refused), Change::None),
            (Some(Some(&refused)), Some(&timeout), Change::Down(timeout.clone())),
            (Some(Some(&refused)), None, Change::Up),
        ] {
            assert_eq!(Change::between(before, now), want);
        }
    }
}
