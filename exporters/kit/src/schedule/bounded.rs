//! Work that ends in time, whatever it does.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;

/// Work ends by its deadline. What does not is ended after this.
const GRACE: Duration = Duration::from_secs(1);

/// A defect of the work, in the words of a failure's detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It panicked.
    #[error("the prober panicked: please report this as a defect")]
    Panicked,
    /// It did not end.
    #[error("the prober did not end by its deadline: please report this as a defect")]
    Overran,
}

/// Waits for the work, which is to end by the deadline by itself. A panic is a defect, but of one target's round, not of
/// the schedule.
///
/// # Errors
/// The defect, if there was one.
pub async fn bounded<T>(work: impl Future<Output = T>, deadline: Instant) -> Result<T, Broken> {
    match tokio::time::timeout_at((deadline + GRACE).into(), AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(_)) => Err(Broken::Panicked),
        Err(_) => Err(Broken::Overran),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn there_is_an_end_in_any_case() {
        let deadline = Instant::now();
        assert_eq!(bounded(async { 7 }, deadline).await, Ok(7));
        assert_eq!(bounded(std::future::pending::<()>(), deadline).await, Err(Broken::Overran));
        assert_eq!(bounded(async { panic!("on purpose") }, deadline).await, Err::<(), _>(Broken::Panicked));
    }
}
