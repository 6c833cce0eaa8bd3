//! What the log has of failures that go on. One cause makes many collectors fail, and is told once: when it begins, and when its last
//! collector works again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::api::{Failure, Reason};

/// The failures that go on: by cause, whom they concern.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<BTreeMap<Cause, BTreeSet<Who>>>);

/// A reason, and what makes it differ from others of the kind.
type Cause = (Reason, String);
/// A collector's name and a node's.
type Who = (Box<str>, Box<str>);

/// What is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// The cause is new.
    New,
    /// It was told already, of another collector: this one has the same.
    Another,
    /// The last collector with this cause works again.
    Over,
    /// One of several works again.
    Less,
}

impl Told {
    /// Takes how a run ended; `None` when there is nothing new. `way_out` is what to do about the failure.
    pub(super) fn take(
        &self,
        collector: &str,
        node: &str,
        failure: Option<&Failure>,
        way_out: Option<&str>,
    ) -> Option<News> {
        let who: Who = (collector.into(), node.into());
        let cause = failure.map(|failure| -> Cause {
            let own = || format!("{collector} {node}");
            // No endpoint, or no way in: the cause is all collectors'.
            let what = if failure.reason.is_of_all() {
                String::new()
            } else {
                way_out.map_or_else(own, str::to_owned)
            };
            (failure.reason, what)
        });
        let mut causes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ended = None;
        causes.retain(|known, all| {
            if cause.as_ref() != Some(known) && all.remove(&who) {
                ended = Some(if all.is_empty() { News::Over } else { News::Less });
            }
            !all.is_empty()
        });
        let Some(cause) = cause else { return ended };
        let all = causes.entry(cause).or_default();
        let is_first = all.is_empty();
        all.insert(who).then_some(if is_first { News::New } else { News::Another })
    }

    /// Forgets what concerns others than these nodes: they are no members any more.
    pub(super) fn retain(&self, is_there: impl Fn(&str) -> bool) {
        let mut causes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        causes.retain(|_, all| {
            all.retain(|(_, node)| node.is_empty() || is_there(node));
            !all.is_empty()
        });
    }

    /// Forgets everything: another cluster.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let told = Told::default();
        let take = |collector, reason: Option<Reason>, way_out| {
            let failure = reason.map(|reason| Failure::new(reason, collector));
            told.take(collector, "", failure.as_ref(), way_out)
        };
        let (gone, denied) = (Some(Reason::Connect), Some(Reason::Forbidden));
        assert_eq!(take("a", None, None), None);
        assert_eq!(take("a", gone, None), Some(News::New));
        assert_eq!(take("a", gone, None), None);
        assert_eq!(take("b", gone, Some("x")), Some(News::Another), "the endpoint is all collectors'");
        assert_eq!(take("a", None, None), Some(News::Less));
        assert_eq!(take("b", None, None), Some(News::Over));
        assert_eq!(take("a", denied, Some("grant x")), Some(News::New));
        assert_eq!(take("b", denied, Some("grant x")), Some(News::Another));
        assert_eq!(take("c", denied, Some("grant y")), Some(News::New));
        assert_eq!(take("b", denied, Some("grant z")), Some(News::New), "another privilege");
        let slow = Some(Reason::Timeout);
        assert_eq!(
            (take("d", slow, None), take("e", slow, None)),
            (Some(News::New), Some(News::New)),
            "each by itself"
        );
        let failure = Failure::new(Reason::Timeout, "");
        assert_eq!(told.take("d", "pve9", Some(&failure), None), Some(News::New));
        told.retain(|node| node != "pve9");
        assert_eq!(told.take("d", "pve9", Some(&failure), None), Some(News::New), "it was forgotten");
    }
}
