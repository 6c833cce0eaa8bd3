//! The right to work on a target.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether somebody works on a target now, also somebody of the schedule before a reload.
#[derive(Debug, Default)]
pub struct Busy(AtomicBool);

/// The right to work on a target; given back when it is dropped, also by work that is cut short.
#[derive(Debug)]
pub struct Turn<'a>(&'a Busy);

impl Busy {
    /// Claims the target; `None` while another one works on it.
    #[must_use]
    pub fn claim(&self) -> Option<Turn<'_>> {
        // `then`, not `then_some`: a turn that is made gives the target back when it is dropped.
        (!self.0.swap(true, Ordering::Acquire)).then(|| Turn(self))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_claimed_once_and_given_back() {
        let busy = Busy::default();
        let turn = busy.claim();
        assert!(turn.is_some() && busy.claim().is_none() && busy.claim().is_none());
        drop(turn);
        assert!(busy.claim().is_some());
    }
}
