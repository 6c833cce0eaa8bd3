//! What a schedule works on when some of it comes and goes: the configured entries, and those that sources find.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::BoxFuture;

/// Entries, in an order that does not change while the list lives.
pub type List<E> = Arc<[Arc<E>]>;

/// The entries of a schedule. An index is one of the list that [`Roster::plan`] last gave.
#[derive(Debug)]
pub struct Roster<E> {
    /// The configured ones.
    own: List<E>,
    /// Those of each source, also of one that has not found any yet.
    found: Mutex<BTreeMap<String, List<E>>>,
    /// All of them, the configured ones in front.
    all: watch::Sender<List<E>>,
    planned: Mutex<List<E>>,
}

impl<E> Roster<E> {
    /// Of the configured entries and what `sources` will find.
    pub fn new(own: impl IntoIterator<Item = Arc<E>>, sources: impl IntoIterator<Item = String>) -> Self {
        let own: List<E> = own.into_iter().collect();
        let found = sources.into_iter().map(|source| (source, List::from([]))).collect();
        let (all, planned) = (watch::channel(Arc::clone(&own)).0, Mutex::new(Arc::clone(&own)));
        Self { own, found: Mutex::new(found), all, planned }
    }

    /// The configured entries.
    #[must_use]
    pub fn own(&self) -> &[Arc<E>] {
        &self.own
    }

    /// All entries, as of now.
    #[must_use]
    pub fn all(&self) -> List<E> {
        Arc::clone(&self.all.borrow())
    }

    /// Whether there is nothing, and never will be.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.own.is_empty() && lock(&self.found).is_empty()
    }

    /// Puts what `find` makes in the place of what the source found before; it is given all that is not the source's.
    pub fn replace(&self, source: &str, find: impl FnOnce(&[&Arc<E>]) -> Vec<Arc<E>>) {
        let mut found = lock(&self.found);
        let others = found.iter().filter(|(name, _)| *name != source).flat_map(|(_, list)| list.iter());
        let list = find(&self.own.iter().chain(others).collect::<Vec<_>>());
        found.insert(source.to_owned(), list.into());
        let all = self.own.iter().chain(found.values().flat_map(|list| list.iter())).cloned().collect();
        self.all.send_replace(all);
    }

    /// All entries; from now on indices are of this list.
    #[must_use]
    pub fn plan(&self) -> List<E> {
        let mut planned = lock(&self.planned);
        *planned = self.all();
        Arc::clone(&planned)
    }

    /// The entry of an index.
    #[must_use]
    pub fn planned(&self, index: usize) -> Option<Arc<E>> {
        lock(&self.planned).get(index).cloned()
    }
}

impl<E: Send + Sync> Roster<E> {
    /// Completes when the list has become another one after this call: what [`super::Rounds::changed`] is to say.
    pub fn changed(&self) -> BoxFuture<'_, ()> {
        let mut all = self.all.subscribe();
        Box::pin(async move {
            // The sender lives as long as this does.
            let _ = all.changed().await;
        })
    }
}

/// A name that nobody has, from one that a source gives: with the source's behind it if it is taken. `None` if that is taken,
/// too.
pub fn free_name(taken: &mut HashSet<String>, name: String, source: &str) -> Option<String> {
    let name = if taken.contains(&name) { format!("{name} at {source}") } else { name };
    taken.insert(name.clone()).then_some(name)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &List<&'static str>) -> Vec<&'static str> {
        list.iter().map(|entry| **entry).collect()
    }

    #[test]
    fn what_a_source_finds_stands_behind_what_is_configured() {
        assert!(Roster::<&str>::new([], []).is_idle());
        let roster = Roster::new([Arc::new("own")], ["b".to_owned(), "a".to_owned()]);
        roster.replace("b", |others| {
            assert_eq!(others.len(), 1);
            vec![Arc::new("b1"), Arc::new("b2")]
        });
        let planned = roster.plan();
        roster.replace("a", |others| {
            assert_eq!(others.len(), 3);
            vec![Arc::new("a1")]
        });
        assert_eq!(names(&planned), ["own", "b1", "b2"]);
        assert_eq!(roster.planned(1).as_deref(), Some(&"b1"), "an index is of the planned list");
        assert_eq!(names(&roster.all()), ["own", "a1", "b1", "b2"]);
        roster.replace("b", |_| Vec::new());
        assert_eq!((names(&roster.plan()), roster.planned(2)), (vec!["own", "a1"], None));
    }

    #[tokio::test]
    async fn a_change_is_told_once() {
        let roster = Roster::new([Arc::new("own")], []);
        roster.replace("a", |_| Vec::new());
        let pause = std::time::Duration::from_millis(20);
        assert!(tokio::time::timeout(pause, roster.changed()).await.is_err(), "of before");
        let changed = roster.changed();
        roster.replace("a", |_| Vec::new());
        changed.await;
    }
}
