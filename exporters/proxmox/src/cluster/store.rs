//! What the background found, with its age. Old knowledge is kept while it is young enough, so that one failed run leaves
//! no hole; what is older than three intervals is dropped: a stale value looks like a fresh one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use kit::Page;

use super::cell::Collected;
use super::report::{self, Fared};
use crate::api::{Failure, Reason};

/// A collector's name and a node's, which is empty for the whole cluster.
pub(super) type Key = (&'static str, Box<str>);

/// Intervals that knowledge lasts.
const LASTS: u32 = 3;

/// The findings of all background collectors of a cluster.
#[derive(Debug, Default)]
pub(super) struct Store {
    entries: Mutex<BTreeMap<Key, Entry>>,
    generation: AtomicU64,
}

#[derive(Clone, Debug)]
struct Entry {
    page: Arc<Page>,
    /// When the page was made.
    at: Instant,
    lasts: Duration,
    every: Duration,
    failure: Option<Failure>,
    took: Duration,
    last_success: Option<SystemTime>,
}

/// A node that is offline has no load that could be kept.
fn is_gone(entry: &Entry) -> bool {
    entry.failure.as_ref().is_some_and(|failure| failure.reason == Reason::NodeOffline)
}

impl Store {
    /// Changes whenever the page does.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    fn changed(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// Puts in what a run came to.
    pub(super) fn put(&self, key: Key, fresh: Collected, every: Duration) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let before = entries.get(&key);
        let mut entry = Entry {
            page: fresh.page,
            at: fresh.at,
            lasts: every * LASTS + fresh.took,
            every,
            took: fresh.took,
            last_success: before.and_then(|before| before.last_success),
            failure: fresh.failure,
        };
        if entry.failure.is_none() {
            entry.last_success = Some(fresh.time);
        } else if let Some(before) = before.filter(|_| entry.page.is_empty() && !is_gone(&entry)) {
            (entry.page, entry.at) = (Arc::clone(&before.page), before.at);
        }
        entries.insert(key, entry);
        drop(entries);
        self.changed();
    }

    /// Forgets everything: another cluster.
    pub(super) fn forget(&self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.changed();
    }

    /// Forgets the nodes that are no members any more, and drops what is too old.
    pub(super) fn prune(&self, is_wanted: impl Fn(&Key) -> bool) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let before = entries.len();
        entries.retain(|key, _| is_wanted(key));
        let mut changed = entries.len() != before;
        for entry in
            entries.values_mut().filter(|entry| !entry.page.is_empty() && entry.at.elapsed() > entry.lasts)
        {
            entry.page = Arc::default();
            changed = true;
        }
        drop(entries);
        if changed {
            self.changed();
        }
    }

    /// Which collectors fail now, and why; those of a node that is offline do not: that is told of the node.
    pub(super) fn failing(&self) -> Vec<(Key, Failure)> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let failing = entries.iter().filter(|(_, entry)| !is_gone(entry));
        failing.filter_map(|(key, entry)| Some((key.clone(), entry.failure.clone()?))).collect()
    }

    /// Everything, or what is for some keys.
    pub(super) fn page(&self, cluster: &str, is_wanted: impl Fn(&Key) -> bool) -> Page {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted: Vec<_> = entries.iter().filter(|(key, _)| is_wanted(key)).collect();
        let samples: usize = wanted.iter().map(|(_, entry)| entry.page.len() + 4).sum();
        let mut page = Page::with_capacity(samples, 32);
        for ((name, node), entry) in wanted {
            page.absorb(&entry.page);
            let fared = Fared {
                failure: entry.failure.as_ref(),
                took: entry.took,
                last_success: entry.last_success,
                every: Some(entry.every),
            };
            report::collector(&mut page, cluster, name, node, &fared);
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: kit::Desc = kit::Desc::gauge("value", "A value.").labels(&["cluster"]);

    fn found(value: Option<f64>) -> Collected {
        let mut page = Page::new();
        if let Some(value) = value {
            page.family(&VALUE).push(&["c"], value);
        }
        let failure = value.is_none().then(|| Failure::new(Reason::Timeout, "late"));
        Collected::new(page, failure, Instant::now())
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "there is no runtime here")]
    fn what_is_known_lasts_three_intervals() {
        let (store, every) = (Store::default(), Duration::from_millis(20));
        let key = || -> Key { ("node", "pve1".into()) };
        store.put(key(), found(Some(1.0)), every);
        assert!(store.failing().is_empty());
        store.put(key(), found(None), every);
        assert_eq!(store.failing(), [(key(), Failure::new(Reason::Timeout, "late"))]);
        let page = store.page("c", |_| true);
        let labels = [("cluster", "c"), ("collector", "node"), ("node", "pve1")];
        assert_eq!(page.get("value", &[("cluster", "c")]), Some(1.0), "kept through a failure");
        assert_eq!(page.get(report::SUCCESS.name, &labels), Some(0.0));
        assert!(page.get(report::LAST_SUCCESS.name, &labels).is_some());
        std::thread::sleep(Duration::from_millis(80));
        let generation = store.generation();
        store.prune(|_| true);
        assert!(store.generation() > generation);
        let page = store.page("c", |_| true);
        assert_eq!(page.get("value", &[("cluster", "c")]), None, "dropped when it is old");
        assert_eq!(page.get(report::SUCCESS.name, &labels), Some(0.0), "but its failure is told");
        store.prune(|_| false);
        assert!(store.page("c", |_| true).is_empty());
    }
}
