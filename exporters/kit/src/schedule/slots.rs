//! When a target is due.
//!
//! Each target has slots of its own: the times that are, modulo its interval, what its name hashes to. So targets do not
//! beat together, and a target's slots stay where they are through restarts and reloads. The first probe after a start does
//! not wait for a slot, which an interval of an hour would make long, but comes within seconds, spread as well.

use std::time::{Duration, Instant};

/// The time within which every target is probed for the first time.
const SOON: Duration = Duration::from_secs(10);

/// FNV-1a of 32 bits. Stable through restarts, unlike the standard library's hash.
#[must_use]
pub fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// Where a target's slots lie, from its name and what it is.
#[must_use]
pub fn place(name: &str, target: &str) -> u64 {
    // Two halves, for 32 bits are 4 s of nanoseconds.
    let low = fnv1a(name.as_bytes());
    let high = fnv1a(format!("{target}\n{name}").as_bytes());
    u64::from(high) << 32 | u64::from(low)
}

/// A target's slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slots {
    /// Some slot, not before the start.
    slot: Instant,
    interval: Duration,
}

impl Slots {
    /// The slots of `hash`, from `start` on. `wall` is the time since 1970 at `start`.
    pub(super) fn new(hash: u64, interval: Duration, start: Instant, wall: Duration) -> Self {
        let interval = interval.max(Duration::from_millis(1));
        let phase = share(hash, interval);
        let past = modulo(wall, interval);
        let until = if phase >= past { phase - past } else { interval - past + phase };
        Self { slot: start + until, interval }
    }

    /// When to probe first: soon, or in the next slot if that is sooner, or if the target was probed within an interval.
    pub(super) fn first(&self, hash: u64, start: Instant, probed_lately: bool) -> Instant {
        let soon = start + share(hash.rotate_left(32), SOON.min(self.interval));
        if probed_lately { self.slot } else { self.slot.min(soon) }
    }

    /// The slot after a probe that was due at `due` and starts `now`, and how many slots are left out between them. At
    /// least half an interval lies between two probes.
    pub(super) fn next(&self, due: Instant, now: Instant) -> (Instant, u64) {
        let next = self.after(now.max(due) + self.interval / 2);
        let expected = self.after(due + self.interval / 2);
        (next, count(next.saturating_duration_since(expected), self.interval))
    }

    /// The first slot not before `time`.
    fn after(&self, time: Instant) -> Instant {
        let ahead = time.saturating_duration_since(self.slot);
        let rounds = count(ahead, self.interval) + u64::from(!modulo(ahead, self.interval).is_zero());
        // Rounds of a day's worth each, a multiplication that cannot overflow before 500 years are over.
        self.slot + Duration::from_nanos(nanos(self.interval).saturating_mul(rounds))
    }
}

/// Where in a span a hash falls.
fn share(hash: u64, span: Duration) -> Duration {
    Duration::from_nanos(hash % nanos(span).max(1))
}

fn modulo(time: Duration, span: Duration) -> Duration {
    let rest = time.as_nanos() % span.as_nanos().max(1);
    Duration::from_nanos(u64::try_from(rest).unwrap_or(0))
}

fn count(time: Duration, span: Duration) -> u64 {
    u64::try_from(time.as_nanos() / span.as_nanos().max(1)).unwrap_or(u64::MAX)
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_first_probe_of_a_long_interval_comes_soon() {
        let start = Instant::now();
        let slots = Slots::new(7 << 60, 3600 * SECOND, start, 1000 * SECOND);
        let first = slots.first(7 << 60, start, false);
        assert!(first < start + SOON);
        assert!(slots.first(7 << 60, start, true) >= first);
    }

    #[test]
    fn rounds_that_were_missed_are_counted() {
        let start = Instant::now();
        let slots = Slots { slot: start, interval: 10 * SECOND };
        for (late, next, missed) in [(0, 10, 0), (4, 10, 0), (6, 20, 1), (14, 20, 1), (36, 50, 4)] {
            let got = slots.next(start, start + late * SECOND);
            assert_eq!(got, (start + next * SECOND, missed), "{late} s late");
        }
    }

    proptest! {
        #[test]
        fn slots_stay_where_they_are_through_a_restart(
            hash: u64, interval in 1_u64..100_000, wall in 0_u64..4_000_000_000, later in 0_u64..1_000_000,
        ) {
            let (start, interval) = (Instant::now(), Duration::from_secs(interval));
            let before = Slots::new(hash, interval, start, Duration::from_secs(wall));
            let restart = start + Duration::from_secs(later);
            let after = Slots::new(hash, interval, restart, Duration::from_secs(wall + later));
            prop_assert_eq!(before.after(restart), after.slot);
            prop_assert!(after.slot < restart + interval);
        }

        #[test]
        fn two_probes_are_at_least_half_an_interval_apart(hash: u64, interval in 1_u64..10_000, late in 0_u64..50_000) {
            let (start, interval) = (Instant::now(), Duration::from_secs(interval));
            let slots = Slots::new(hash, interval, start, 1_700_000_000 * SECOND);
            let due = slots.first(hash, start, false);
            let now = due + Duration::from_millis(late);
            let (next, _) = slots.next(due, now);
            prop_assert!(next >= now + interval / 2);
            prop_assert!(next <= now + interval / 2 + interval);
        }
    }
}
