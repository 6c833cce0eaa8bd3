//! What was known of a file stays when it can no longer be seen: an alert must not resolve since the exporter is blind. Such
//! knowledge is marked with when it was last seen; it goes when the file can be read, or is seen to be gone.

use std::time::SystemTime;

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
        let key_is_hidden = self.faults.iter().any(|fault| fault.hides_key());
        if self.faults.iter().any(|fault| fault.hides()) {
            if self.is_empty() && !before.is_empty() {
                let mut all = before.clone();
                all.remember(at);
                (all.faults, all.only_key) = (self.faults, false);
                return all;
            }
            let whole = self.certificates.is_empty() && !before.certificates.is_empty();
            if whole {
                self.certificates.clone_from(&before.certificates);
                (self.unordered, self.key_matches) = (before.unordered, before.key_matches);
                self.remembered = before.remembered.or(Some(at));
            }
            if self.lists.is_empty() {
                self.lists.clone_from(&before.lists);
            }
            for (name, known) in &before.parts {
                match self.parts.iter_mut().find(|(other, _)| other == name) {
                    Some((_, part)) => part.keep_key(known),
                    None => {
                        let mut part = known.clone();
                        part.remember(at);
                        self.parts.push((name.clone(), part));
                    }
                }
            }
        } else if key_is_hidden {
            self.keep_key(before);
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

    /// Whether the key matches is still known of the same certificate when the key cannot be seen.
    fn keep_key(&mut self, before: &Self) {
        let own = |read: &Self| read.certificates.first().map(|first| first.fingerprint);
        if self.key_matches.is_none() && own(self).is_some() && own(self) == own(before) {
            self.key_matches = before.key_matches;
        }
    }
}
