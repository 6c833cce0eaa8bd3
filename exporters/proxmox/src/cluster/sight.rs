//! Whether an answer that lacks something can be believed. The API leaves out without a word what the token may not see: rights
//! that were lost look like a cluster that was emptied. What was known stays until the permissions say which of the two it is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// What is believed of the answers.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    state: Mutex<State>,
    /// Whether the permissions should be asked for again.
    doubt: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// What the last answer lacks, while that is not believed.
    lost: Option<&'static str>,
    /// Whether the permissions were seen to be complete since.
    proven: bool,
}

impl Sight {
    /// Whether an answer that lacks this can be believed. One without nodes cannot: every cluster has one.
    pub(super) fn believes(&self, lacks: Option<&'static str>) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let believed = lacks.is_none() || (state.proven && lacks != Some("nodes"));
        let lost = lacks.filter(|_| !believed);
        if lost != state.lost {
            // It began or ended: the permissions are others than they were.
            self.doubt();
        }
        *state = State { lost, proven: state.proven && lost.is_some() };
        believed
    }

    /// What cannot be seen any more.
    pub(crate) fn lost(&self) -> Option<&'static str> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).lost
    }

    /// The permissions were asked for: whether everything may be seen. Returns whether everything is.
    pub(crate) fn permitted(&self, complete: bool) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.proven = complete && state.lost.is_some();
        complete && state.lost != Some("nodes")
    }

    /// Another cluster: nothing of it was seen.
    pub(super) fn forget(&self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
        self.doubt();
    }

    /// The permissions may have changed.
    pub(super) fn doubt(&self) {
        self.doubt.store(true, Ordering::Relaxed);
    }

    /// Whether the permissions should be asked for, since this was last asked.
    pub(super) fn take_doubt(&self) -> bool {
        self.doubt.swap(false, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_vanishes_is_believed_when_the_permissions_are_complete() {
        let sight = Sight::default();
        assert!(sight.believes(None) && !sight.take_doubt());
        assert!(!sight.believes(Some("guests")) && sight.take_doubt());
        assert!(!sight.believes(Some("guests")) && !sight.take_doubt(), "asked once");
        assert!(!sight.permitted(false) && !sight.believes(Some("guests")));
        assert_eq!(sight.lost(), Some("guests"));
        assert!(sight.permitted(true) && sight.believes(Some("guests")));
        assert_eq!(sight.lost(), None);
        assert!(sight.take_doubt(), "it ended");
        assert!(sight.permitted(true));
        assert!(!sight.believes(Some("guests")), "a proof is of what was lost when it was given");
    }

    #[test]
    fn no_cluster_is_without_nodes() {
        let sight = Sight::default();
        assert!(!sight.believes(Some("nodes")));
        assert!(!sight.permitted(true), "whatever the permissions say");
        assert!(!sight.believes(Some("nodes")));
        assert!(sight.believes(None) && sight.permitted(true));
    }
}
