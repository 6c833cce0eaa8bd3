//! How many rounds that began just now run at once.
//!
//! A round of a healthy target on the same network is over in milliseconds. When more are due than the machine has time for,
//! beginning them all makes none of them end sooner, but each holds its buffers (27 kB of a TLS handshake): so few begin
//! before others end. A target that is slow or dead stops counting soon, so that it holds up no other.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// So many may run that are not older than [`YOUNG`]: two cores are busy with a few. Also what begins when nothing ends is
/// enough: 480 a second, up to [`super::AT_ONCE`].
const MOST: usize = 48;

/// A round that has run for so long waits for its target rather than for this machine.
const YOUNG: Duration = Duration::from_millis(100);

/// The rounds that run and are young, by number.
#[derive(Debug, Default)]
pub(super) struct Young {
    /// In the order of their beginning, hence of their numbers, too.
    began: VecDeque<(u64, Instant)>,
    next: u64,
}

impl Young {
    /// Whether another one may begin.
    pub(super) fn has_room(&mut self, now: Instant) -> bool {
        while self.began.front().is_some_and(|(_, at)| now.saturating_duration_since(*at) >= YOUNG) {
            self.began.pop_front();
        }
        self.began.len() < MOST
    }

    /// When there is room at the latest, if there is none.
    pub(super) fn room_at(&self) -> Option<Instant> {
        let (_, first) = self.began.front().filter(|_| self.began.len() >= MOST)?;
        Some(*first + YOUNG)
    }

    /// Notes a beginning: the round's number.
    pub(super) fn begin(&mut self, now: Instant) -> u64 {
        self.next += 1;
        self.began.push_back((self.next, now));
        self.next
    }

    /// Notes the end of a round, young or not.
    pub(super) fn end(&mut self, number: u64) {
        if let Ok(place) = self.began.binary_search_by_key(&number, |(number, _)| *number) {
            self.began.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_when_one_ends_and_when_one_gets_old() {
        let (mut young, start) = (Young::default(), Instant::now());
        let at = |ms: u64| start + Duration::from_millis(ms);
        let numbers: Vec<u64> = (0..MOST as u64)
            .map(|ms| {
                assert!(young.has_room(at(ms)) && young.room_at().is_none());
                young.begin(at(ms))
            })
            .collect();
        assert!(!young.has_room(at(50)));
        assert_eq!(young.room_at(), Some(at(100)));
        young.end(numbers[20]);
        young.end(numbers[20]);
        assert!(young.has_room(at(50)) && young.room_at().is_none());
        young.begin(at(50));
        assert!(!young.has_room(at(99)));
        assert!(young.has_room(at(100)), "the first is no longer young");
        young.end(numbers[0]);
        young.begin(at(100));
        assert_eq!(young.room_at(), Some(at(101)), "the end of an old one makes no room twice");
    }
}
