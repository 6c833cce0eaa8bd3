//! Chains that were judged already: a server shows the same one until it is renewed.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Weak};

use rustls_pki_types::{CertificateDer, ServerName};

use super::certificate::Link;
use super::judge::Judged;

/// So many are kept for their own sake, at about 3 kB each. Any number is remembered that somebody else keeps, as a schedule
/// does of its targets.
const KEPT: usize = 1024;

/// What was judged, by what was shown and asked.
#[derive(Debug, Default)]
pub(super) struct Memory {
    all: HashMap<u64, Weak<Judged>>,
    kept: VecDeque<Arc<Judged>>,
    /// Authorities' certificates, by their bytes' hash, while a chain has them.
    links: HashMap<u64, Weak<Link>>,
    hasher: RandomState,
    /// When there are so many of either, those that nobody keeps any more are thrown out.
    full: usize,
    full_of_links: usize,
}

impl Memory {
    /// What was judged of just this chain and name.
    pub(super) fn find(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
    ) -> Option<Arc<Judged>> {
        let judged = self.all.get(&self.key(leaf, name))?.upgrade()?;
        // The key only says where to look.
        (judged.chain.is(leaf, intermediates) && judged.name == *name).then_some(judged)
    }

    /// Remembers a judgement in place of any older one.
    pub(super) fn keep(&mut self, leaf: &CertificateDer<'_>, judged: &Arc<Judged>) {
        let key = self.key(leaf, &judged.name);
        if let Some(old) = self.all.insert(key, Arc::downgrade(judged)).and_then(|old| old.upgrade()) {
            self.kept.retain(|other| !Arc::ptr_eq(other, &old));
        }
        if self.kept.len() >= KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Arc::clone(judged));
        if self.all.len() > self.full {
            self.all.retain(|_, judged| judged.strong_count() > 0);
            self.full = 2 * self.all.len().max(KEPT);
        }
    }

    /// An authority's certificate: the one that was read before, if some chain has it still.
    pub(super) fn link(&mut self, der: &CertificateDer<'_>) -> Arc<Link> {
        let key = self.hasher.hash_one(der.as_ref());
        // Here, too, the key only says where to look.
        if let Some(link) = self.links.get(&key).and_then(Weak::upgrade).filter(|link| link.der == *der) {
            return link;
        }
        let link = Arc::new(Link::read(der));
        if self.links.len() >= self.full_of_links {
            self.links.retain(|_, link| link.strong_count() > 0);
            self.full_of_links = 2 * self.links.len().max(KEPT);
        }
        self.links.insert(key, Arc::downgrade(&link));
        link
    }

    fn key(&self, leaf: &CertificateDer<'_>, name: &ServerName<'_>) -> u64 {
        self.hasher.hash_one((leaf.as_ref(), name))
    }
}

#[cfg(test)]
mod tests {
    use super::super::certificate::Chain;
    use super::super::verification::{NameMatch, Trust, Validity, Verification};
    use super::*;

    #[test]
    fn an_authority_of_many_chains_is_there_once_and_gone_with_the_last() {
        let mut memory = Memory::default();
        let der = |number: u32| CertificateDer::from(number.to_be_bytes().to_vec());
        let first = memory.link(&der(1));
        assert!(Arc::ptr_eq(&first, &memory.link(&der(1))));
        let other = memory.link(&der(2));
        assert!(!Arc::ptr_eq(&first, &other) && other.der == der(2));
        for number in 10..10 + u32::try_from(KEPT).unwrap() * 4 {
            let _ = memory.link(&der(number));
        }
        assert!(memory.links.len() <= 2 * KEPT, "{}", memory.links.len());
        assert!(Arc::ptr_eq(&first, &memory.link(&der(1))), "somebody has it still");
        let gone = Arc::downgrade(&first);
        drop(first);
        assert!(gone.upgrade().is_none());
        assert_eq!(memory.link(&der(1)).der, der(1));
    }

    fn judged(leaf: &CertificateDer<'_>, name: &ServerName<'static>) -> Arc<Judged> {
        let verification = Verification {
            server_name: String::new(),
            validity: Validity::Valid,
            path_validity: Validity::Valid,
            name: NameMatch::Match,
            trust: Trust::Anchored,
            detail: None,
            path_expiry: None,
            paths: Vec::new(),
        };
        let chain = Arc::new(Chain::read(leaf, &[]));
        Arc::new(Judged { chain, verification, name: name.clone(), holds: 0..1 })
    }

    #[test]
    fn what_somebody_keeps_is_remembered_and_of_the_rest_the_newest() {
        let mut memory = Memory::default();
        let name = ServerName::try_from("a.test").unwrap();
        let leaf = |number: u32| CertificateDer::from(number.to_be_bytes().to_vec());
        let held = judged(&leaf(0), &name);
        memory.keep(&leaf(0), &held);
        let many = u32::try_from(KEPT).unwrap() * 4;
        for number in 1..many {
            memory.keep(&leaf(number), &judged(&leaf(number), &name));
        }
        assert!(memory.all.len() <= 2 * KEPT + 1 && memory.kept.len() == KEPT, "{}", memory.all.len());
        assert!(Arc::ptr_eq(&memory.find(&leaf(0), &[], &name).unwrap(), &held), "it is still kept");
        assert!(memory.find(&leaf(1), &[], &name).is_none());
        assert!(memory.find(&leaf(many - 1), &[], &name).is_some());
        let other = ServerName::try_from("b.test").unwrap();
        assert!(memory.find(&leaf(0), &[], &other).is_none(), "another name");
        assert!(memory.find(&leaf(0), &[leaf(1)], &name).is_none(), "another chain");
        // A judgement anew takes the place of the one before.
        let anew = judged(&leaf(0), &name);
        memory.keep(&leaf(0), &anew);
        assert!(Arc::ptr_eq(&memory.find(&leaf(0), &[], &name).unwrap(), &anew));
    }
}
