//! What was known of a file stays when it can no longer be seen: an alert must not resolve since the exporter is blind. Such
//! knowledge is marked with when it was last seen; it goes when the file can be read, or is seen to be gone.

use std::sync::Arc;
use std::time::SystemTime;

use wire::tls::{Certificate, RevocationList};

use super::faults::Fault;
use super::read::Read;

impl Read {
    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.certificates.is_empty() && self.lists.is_empty() && self.parts.is_empty()
    }

    /// Whether some of it is told from memory.
    pub(super) fn is_remembered(&self) -> bool {
        self.remembered.is_some() || self.parts.iter().any(|(_, part)| part.is_remembered())
    }

    /// All of it from memory, for a file that cannot be seen for this cause; `at` is when it was seen last.
    pub(super) fn unseen(&self, fault: Fault, at: SystemTime) -> Self {
        let mut all = self.clone();
        all.remember(at);
        all.faults = vec![fault];
        all
    }

    /// What was read now, and in the place of what could not be seen what was known before. `at` is when that was seen.
    pub(super) fn with_memory(mut self, before: &Self, at: SystemTime) -> Self {
        let faults = self.faults.clone();
        let any = |hides: fn(Fault) -> bool| faults.iter().any(|fault| hides(*fault));
        if any(Fault::hides) && self.is_empty() && !before.is_empty() {
            let mut all = before.clone();
            all.remember(at);
            (all.faults, all.detail) = (faults, self.detail);
            return all;
        }
        if any(Fault::hides) || any(Fault::hides_key) {
            self.keep_key(before);
            for (name, part) in &mut self.parts {
                let known = before.parts.iter().find(|(other, _)| other == name);
                known.into_iter().for_each(|(_, known)| part.keep_key(known));
            }
        }
        // What has a part that nobody can read at all times hides nothing more by that: what is missing then is gone.
        if self.unread > before.usual {
            self.usual = before.usual;
            if any(Fault::hides_certificates) {
                self.keep_certificates(before, at);
                self.keep_parts(before, at);
            }
            if any(Fault::hides_lists) {
                self.keep_lists(before, at);
            }
        }
        self
    }

    /// Marks all of it as told from memory, `at` being when it was last seen.
    pub(super) fn remember(&mut self, at: SystemTime) {
        self.remembered.get_or_insert(at);
        for (_, part) in &mut self.parts {
            part.remembered.get_or_insert(at);
        }
    }

    /// Keeps the certificates that this reading lacks, each where it stood.
    fn keep_certificates(&mut self, before: &Self, at: SystemTime) {
        let alone = self.certificates.is_empty();
        let lacking = before.certificates.iter().enumerate().filter(|(_, known)| {
            let is = |now: &Certificate| now.fingerprint == known.fingerprint;
            // A renewal takes a certificate's place; what stood beside it before does not.
            let in_its_place = |now: &Certificate| {
                is_after(now, known)
                    && before.certificates.iter().all(|other| other.fingerprint != now.fingerprint)
            };
            !self.certificates.iter().any(|now| is(now) || in_its_place(now))
        });
        let lacking: Vec<_> = lacking.map(|(place, known)| (place, known.clone())).collect();
        for (place, known) in lacking {
            if place == 0 {
                // The key was compared with what stands first now.
                self.key_matches = before.key_matches;
            }
            self.certificates.insert(place.min(self.certificates.len()), known);
            self.remembered = before.remembered.or(Some(at));
        }
        if alone {
            self.unordered = before.unordered;
        }
    }

    /// Keeps the parts that this reading lacks, and what it lacks of the others.
    fn keep_parts(&mut self, before: &Self, at: SystemTime) {
        for (name, known) in &before.parts {
            match self.parts.iter_mut().find(|(other, _)| other == name) {
                Some((_, part)) => part.keep_certificates(known, at),
                None => {
                    let mut part = known.clone();
                    part.remember(at);
                    self.parts.push((name.clone(), part));
                }
            }
        }
    }

    /// Keeps the revocation lists that this reading lacks.
    fn keep_lists(&mut self, before: &Self, at: SystemTime) {
        for known in &before.lists {
            let is = |now: &RevocationList| {
                now.issuer == known.issuer
                    && now.authority_key == known.authority_key
                    && now.is_delta == known.is_delta
            };
            if !self.lists.iter().any(|now| is(now)) {
                self.lists.push(Arc::clone(known));
                self.remembered = before.remembered.or(Some(at));
            }
        }
    }

    /// Whether the same is known of a file as it was read before, as far as that is kept for after a restart.
    pub(super) fn knows_the_same(&self, other: &Self) -> bool {
        let parts = |((name, part), (other, before)): (&(String, Self), &(String, Self))| {
            name == other && part.knows_the_same(before)
        };
        self.certificates == other.certificates
            && self.unordered == other.unordered
            && self.lists == other.lists
            && self.parts.len() == other.parts.len()
            && self.parts.iter().zip(&other.parts).all(parts)
            && self.remembered == other.remembered
            && self.modified == other.modified
            && self.written == other.written
            && self.key_matches == other.key_matches
            && self.usual == other.usual
            && self.renewal == other.renewal
    }

    /// Whether the key matches is still known of the same certificate when the key cannot be seen.
    fn keep_key(&mut self, before: &Self) {
        let own = |read: &Self| read.certificates.first().map(|first| first.fingerprint);
        if self.key_matches.is_none() && own(self).is_some() && own(self) == own(before) {
            self.key_matches = before.key_matches;
        }
    }
}

/// Whether a certificate may be the one that comes after another: for the same names, by the same kind of key.
fn is_after(now: &Certificate, before: &Certificate) -> bool {
    now.not_before >= before.not_before
        && now.subject == before.subject
        && now.dns_names == before.dns_names
        && now.ip_addresses == before.ip_addresses
        && now.key_type == before.key_type
}
