//! The rate limit: one token bucket for all clients, asked before authentication, as in the toolkit.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A token bucket: full with `burst` tokens, one more each `interval`.
#[derive(Debug)]
pub struct Bucket {
    interval: Duration,
    burst: u32,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// A full bucket. A burst of zero would refuse every request; it means one.
    #[must_use]
    pub fn new(interval: Duration, burst: u32) -> Self {
        let state = State { tokens: f64::from(burst.max(1)), at: Instant::now() };
        Self { interval, burst, state: Mutex::new(state) }
    }

    pub(super) fn is(&self, interval: Duration, burst: u32) -> bool {
        self.interval == interval && self.burst == burst
    }

    /// Takes a token; without one, says how long until there is one.
    ///
    /// # Errors
    /// The time to wait.
    pub fn take(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let gained = now.saturating_duration_since(state.at).as_secs_f64() / self.interval.as_secs_f64();
        state.tokens = (state.tokens + gained).min(f64::from(self.burst.max(1)));
        state.at = now;
        if state.tokens >= 1.0 {
            state.tokens -= 1.0;
            return Ok(());
        }
        Err(self.interval.mul_f64(1.0 - state.tokens))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_one_each_interval() {
        let bucket = Bucket::new(Duration::from_secs(1), 2);
        let begin = Instant::now();
        let at = |ms: u64| bucket.take(begin + Duration::from_millis(ms));
        assert!(at(0).is_ok() && at(0).is_ok());
        let wait = at(500).unwrap_err();
        assert!((Duration::from_millis(490)..=Duration::from_millis(510)).contains(&wait), "{wait:?}");
        assert!(at(1001).is_ok());
        assert!(at(1100).is_err());
        assert!(
            at(60_000).is_ok() && at(60_000).is_ok() && at(60_000).is_err(),
            "no more than the burst is saved up"
        );
    }

    #[test]
    fn a_burst_of_zero_lets_one_through() {
        let bucket = Bucket::new(Duration::from_secs(1), 0);
        assert!(bucket.take(Instant::now()).is_ok());
    }
}
