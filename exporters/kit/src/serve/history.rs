//! The last probes: small records, of which a text is made only when somebody asks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::expose::Encoded;
use crate::prober::{Failure, Step};

/// A probe that has ended.
#[derive(Debug)]
pub(super) struct Record {
    /// From 1, in order; given by [`History::add`].
    pub(super) id: u64,
    pub(super) module: String,
    pub(super) target: String,
    pub(super) hostname: Option<String>,
    pub(super) began: SystemTime,
    pub(super) took: Duration,
    pub(super) allowed: Duration,
    pub(super) failure: Option<Failure>,
    pub(super) steps: Vec<Step>,
    pub(super) page: Arc<Encoded>,
}

/// The last `limit` probes, and as many failures that newer probes have pushed out: those are what is looked for.
#[derive(Debug)]
pub(super) struct History {
    limit: usize,
    ring: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    last_id: u64,
    recent: VecDeque<Arc<Record>>,
    failures: VecDeque<Arc<Record>>,
}

impl History {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, ring: Mutex::default() }
    }

    fn ring(&self) -> std::sync::MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, mut record: Record) {
        if self.limit == 0 {
            return;
        }
        let mut ring = self.ring();
        ring.last_id += 1;
        record.id = ring.last_id;
        ring.recent.push_back(Arc::new(record));
        if ring.recent.len() > self.limit
            && let Some(oldest) = ring.recent.pop_front()
            && oldest.failure.is_some()
        {
            ring.failures.push_back(oldest);
            if ring.failures.len() > self.limit {
                ring.failures.pop_front();
            }
        }
    }

    /// All of them, newest first.
    pub(super) fn list(&self) -> Vec<Arc<Record>> {
        let ring = self.ring();
        ring.recent.iter().rev().chain(ring.failures.iter().rev()).cloned().collect()
    }

    /// The one with this id.
    pub(super) fn by_id(&self, id: u64) -> Option<Arc<Record>> {
        let ring = self.ring();
        ring.recent.iter().chain(&ring.failures).find(|record| record.id == id).cloned()
    }

    /// The newest of this target (and module). The peer gives the oldest, kept failures first: that is not what is asked.
    pub(super) fn by_target(&self, target: &str, module: Option<&str>) -> Option<Arc<Record>> {
        let fits = |record: &&Arc<Record>| {
            record.target == target && module.is_none_or(|module| record.module == module)
        };
        let ring = self.ring();
        ring.recent.iter().rev().chain(ring.failures.iter().rev()).find(fits).cloned()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::page::Page;

    pub(crate) fn record(module: &str, target: &str, good: bool) -> Record {
        let failure =
            Failure { phase: "connect", reason: "connect_refused", detail: "refused".into(), refused: None };
        Record {
            id: 0,
            module: module.into(),
            target: target.into(),
            hostname: None,
            began: SystemTime::UNIX_EPOCH,
            took: Duration::from_millis(5),
            allowed: Duration::from_secs(5),
            failure: (!good).then_some(failure),
            steps: Vec::new(),
            page: Arc::new(Encoded::new(Page::new())),
        }
    }

    fn ids(history: &History) -> Vec<u64> {
        history.list().iter().map(|record| record.id).collect()
    }

    #[test]
    fn the_latest_are_kept_and_failures_outlive_them() {
        let history = History::new(3);
        for good in [false, true, false, true, true, true] {
            history.add(record("m", "t", good));
        }
        assert_eq!(ids(&history), [6, 5, 4, 3, 1]);
        for _ in 0..10 {
            history.add(record("m", "t", false));
        }
        assert_eq!(ids(&history), [16, 15, 14, 13, 12, 11]);
    }

    #[test]
    fn found_by_id_target_and_module() {
        let history = History::new(2);
        history.add(record("a", "x", false));
        history.add(record("b", "x", true));
        history.add(record("a", "y", true));
        assert_eq!(history.by_id(1).unwrap().module, "a");
        assert!(history.by_id(9).is_none());
        assert_eq!(history.by_target("x", None).unwrap().id, 2);
        assert_eq!(history.by_target("x", Some("a")).unwrap().id, 1);
        assert!(history.by_target("y", Some("b")).is_none());
    }

    #[test]
    fn nothing_is_kept_at_zero() {
        let history = History::new(0);
        history.add(record("a", "x", false));
        assert!(history.list().is_empty());
    }
}
