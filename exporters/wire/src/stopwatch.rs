//! How long each phase of a probe took.
//!
//! The watch belongs to the probe and is lent to the future that works, so that when a deadline drops that future the
//! phase it hung in is still open, and [`Stopwatch::finish`] charges it with the time up to the deadline. A phase that
//! runs again, as on a redirect, adds to what it took before. Nothing is allocated.

use std::time::{Duration, Instant};

/// A part of a probe's time. The words are the peers' where they have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// From a name to an address.
    Resolve,
    /// Until the transport is connected.
    Connect,
    /// The TLS handshake.
    Tls,
    /// Opening what a probe needs before it sends: ICMP's socket.
    Setup,
    /// Sending the request.
    Request,
    /// From the request sent to the first byte of the answer.
    Processing,
    /// From the first byte of the answer to the last.
    Transfer,
    /// From an echo request to its reply.
    Rtt,
    /// A scripted exchange of lines.
    Dialogue,
}

impl Phase {
    /// Every phase, in the order in which a probe can come through them.
    pub const ALL: [Phase; 9] = [
        Phase::Resolve,
        Phase::Connect,
        Phase::Tls,
        Phase::Setup,
        Phase::Request,
        Phase::Processing,
        Phase::Transfer,
        Phase::Rtt,
        Phase::Dialogue,
    ];

    /// The value of a `phase` label.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Phase::Resolve => "resolve",
            Phase::Connect => "connect",
            Phase::Tls => "tls",
            Phase::Setup => "setup",
            Phase::Request => "request",
            Phase::Processing => "processing",
            Phase::Transfer => "transfer",
            Phase::Rtt => "rtt",
            Phase::Dialogue => "dialogue",
        }
    }
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// Adds up the time of each [`Phase`].
#[derive(Clone, Debug, Default)]
pub struct Stopwatch {
    open: Option<(Phase, Instant)>,
    /// The last phase that was entered, also when it is closed: where a probe stopped.
    last: Option<Phase>,
    /// One slot a phase, `None` for one that was never entered.
    took: [Option<Duration>; Phase::ALL.len()],
}

impl Stopwatch {
    /// A watch with no phase open.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Closes the open phase, if there is one, and opens `phase`; returns the moment between them.
    pub fn enter(&mut self, phase: Phase) -> Instant {
        let now = Instant::now();
        self.close(now);
        self.open = Some((phase, now));
        self.last = Some(phase);
        now
    }

    /// Closes the open phase. Calling it again changes nothing.
    pub fn finish(&mut self) {
        if self.open.is_some() {
            self.close(Instant::now());
        }
    }

    /// The open phase, or the last that was open: where the probe is or where it stopped.
    #[must_use]
    pub fn current(&self) -> Option<Phase> {
        self.last
    }

    /// The closed time of `phase`; `None` if it was never entered. An open phase counts from its closing.
    #[must_use]
    pub fn get(&self, phase: Phase) -> Option<Duration> {
        self.took[phase as usize]
    }

    /// Adds time measured elsewhere, as by a kernel's stamp, to `phase`.
    pub fn add(&mut self, phase: Phase, time: Duration) {
        let slot = &mut self.took[phase as usize];
        *slot = Some(slot.unwrap_or_default().saturating_add(time));
    }

    /// Leaves the open phase without charging it: the caller measured it better and will [`Stopwatch::add`] it.
    pub fn discard(&mut self) {
        self.open = None;
    }

    fn close(&mut self, now: Instant) {
        if let Some((phase, since)) = self.open.take() {
            self.add(phase, now.saturating_duration_since(since));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_has_its_own_slot_and_word() {
        for (index, phase) in Phase::ALL.into_iter().enumerate() {
            assert_eq!(phase as usize, index);
            assert_eq!(Phase::ALL.iter().filter(|other| other.word() == phase.word()).count(), 1);
        }
    }

    #[test]
    fn repeats_add_up_and_absence_is_not_zero() {
        let mut watch = Stopwatch::new();
        watch.add(Phase::Connect, Duration::from_millis(5));
        watch.add(Phase::Connect, Duration::from_millis(7));
        assert_eq!(watch.get(Phase::Connect), Some(Duration::from_millis(12)));
        assert_eq!(watch.get(Phase::Tls), None);
        assert_eq!(watch.current(), None);
    }

    #[test]
    fn enter_closes_the_phase_before_it() {
        let mut watch = Stopwatch::new();
        let began = watch.enter(Phase::Resolve);
        assert_eq!(watch.get(Phase::Resolve), None, "still open");
        let moved = watch.enter(Phase::Connect);
        assert_eq!(watch.get(Phase::Resolve), Some(moved - began));
        watch.finish();
        let closed = watch.get(Phase::Connect);
        assert!(closed.is_some());
        watch.finish();
        assert_eq!(watch.get(Phase::Connect), closed, "a second finish changes nothing");
        assert_eq!(watch.current(), Some(Phase::Connect));
    }

    #[test]
    fn a_discarded_phase_is_charged_only_by_hand() {
        let mut watch = Stopwatch::new();
        watch.enter(Phase::Rtt);
        watch.discard();
        watch.finish();
        assert_eq!(watch.get(Phase::Rtt), None);
        watch.add(Phase::Rtt, Duration::from_micros(40));
        assert_eq!(watch.get(Phase::Rtt), Some(Duration::from_micros(40)));
    }

    #[tokio::test]
    async fn after_a_deadline_the_open_phase_shows_the_time_it_hung() {
        let mut watch = Stopwatch::new();
        let hanging = async {
            watch.enter(Phase::Resolve);
            watch.enter(Phase::Tls);
            std::future::pending::<()>().await;
        };
        let limit = Duration::from_millis(20);
        assert!(tokio::time::timeout(limit, hanging).await.is_err());
        watch.finish();
        assert_eq!(watch.current(), Some(Phase::Tls));
        assert!(watch.get(Phase::Tls).is_some_and(|hung| hung >= Duration::from_millis(19)), "{watch:?}");
    }
}
