//! What had failed when it was last seen and is no longer in the list. A disk that dies drops off its bus, a pool that loses too
//! much is not imported any more: that the list is shorter is no good news.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What had failed, by node.
#[derive(Debug)]
pub struct Lost<T>(Mutex<BTreeMap<Box<str>, Node<T>>>);

#[derive(Debug)]
struct Node<T> {
    failed: Vec<T>,
    /// Everything that was ever in its list.
    seen: Vec<T>,
}

impl<T> Default for Lost<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// A row of which it can be told whether it has failed.
pub trait Fails: Clone {
    /// Whether it is well; `None` when nothing is said.
    fn well(&self) -> Option<bool>;
    /// Whether the other row is about the same thing.
    fn is_same(&self, other: &Self) -> bool;
    /// Whether the other row, of what was not there before, is about what took its place.
    fn is_replaced_by(&self, _: &Self) -> bool {
        false
    }
}

/// A node's list against what had failed before.
pub struct Known<T> {
    /// What is not in it any more.
    pub missing: Vec<T>,
    /// What is in it, and of which nothing is said now.
    pub silent: Vec<T>,
}

impl<T: Fails> Lost<T> {
    /// Takes a node's list. What had failed stays known until it is well again.
    pub fn take(&self, node: &str, rows: &[T]) -> Known<T> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Node { failed: Vec::new(), seen: Vec::new() };
        let Node { failed, seen } = all.entry(node.into()).or_insert_with(fresh);
        let mut known = Known { missing: Vec::new(), silent: Vec::new() };
        let new: Vec<&T> = rows.iter().filter(|now| !seen.iter().any(|old| old.is_same(now))).collect();
        for row in std::mem::take(failed) {
            match rows.iter().find(|now| row.is_same(now)) {
                None if new.iter().any(|now| row.is_replaced_by(now)) => {}
                None => known.missing.push(row),
                Some(now) if now.well().is_none() => known.silent.push(row),
                Some(_) => {}
            }
        }
        failed.extend(known.missing.iter().chain(&known.silent).cloned());
        failed.extend(rows.iter().filter(|row| row.well() == Some(false)).cloned());
        seen.extend(new.into_iter().cloned());
        known
    }

    /// Forgets everything: another cluster.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Fails for (&'static str, Option<bool>) {
        fn well(&self) -> Option<bool> {
            self.1
        }

        fn is_same(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }

    #[test]
    fn what_failed_and_vanishes_is_missing_until_it_is_well() {
        let lost = Lost::default();
        let take = |rows: &[(&'static str, Option<bool>)]| {
            let known = lost.take("a", rows);
            (known.missing.len(), known.silent.len())
        };
        assert_eq!(take(&[("x", Some(true)), ("y", Some(false))]), (0, 0));
        assert_eq!(take(&[]), (1, 0), "x was well");
        assert_eq!(take(&[("x", Some(true))]), (1, 0), "and stays missing");
        assert_eq!(take(&[("y", None)]), (0, 1), "it is back and says nothing");
        assert_eq!(take(&[]), (1, 0));
        assert_eq!(take(&[("y", Some(false))]), (0, 0), "it is back, as bad as it was");
        assert_eq!((take(&[("y", Some(true))]), take(&[])), ((0, 0), (0, 0)), "it is well");
        assert_eq!(lost.take("b", &[]).missing.len(), 0);
    }
}
