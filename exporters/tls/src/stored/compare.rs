//! What a scrape shows of served and stored certificates.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use kit::{BoxFuture, Collector, Page};
use wire::tls::Certificate;

use super::Partner;
use super::metrics::{MATCHES, STALE_SINCE};
use super::pair::Index;
use crate::endpoint::Endpoint;
use crate::files::{Files, Stored, label};
use crate::metrics::flag;
use crate::targets::{Entry, Schedule};

/// Compares, from memory alone, what the schedule's targets serve with the files.
#[derive(Debug)]
pub struct Compare {
    schedule: Schedule,
    files: Files,
    index: Mutex<(u64, Arc<Index>)>,
    /// What is remembered of a target and its file, by target, module and path. It outlives a reload.
    memory: Arc<Mutex<HashMap<Pair, Memory>>>,
}

type Pair = (String, String, PathBuf);
type Fingerprint = [u8; 32];

/// What scrapes have seen of a target and its file.
#[derive(Clone, Copy, Debug)]
struct Memory {
    /// The certificate in the file, and since when that is there as far as scrapes saw.
    stored: Fingerprint,
    since: SystemTime,
    /// When it was last seen to be served.
    same: Option<SystemTime>,
    /// The youngest that was served in its place while the file could be seen.
    other: Option<Fingerprint>,
}

impl Memory {
    /// What is remembered from now on.
    fn after(before: Option<&Self>, compared: &Compared<'_>, now: SystemTime) -> Self {
        let Compared { stored, certificate, youngest, matches, .. } = *compared;
        let fresh = Self { stored: certificate.fingerprint, since: now, same: None, other: None };
        let known = before.copied().unwrap_or(fresh);
        let is_seen = stored.remembered().is_none();
        Self {
            stored: fresh.stored,
            since: if known.stored == fresh.stored { known.since } else { now },
            same: if matches { Some(now) } else { known.same },
            other: if is_seen { (!matches).then_some(youngest.0) } else { known.other },
        }
    }

    /// Since when at the latest what is in the file is there: something else about it may have changed after it was seen there.
    fn changed(&self, stored: &Stored) -> SystemTime {
        stored.written().map_or(self.since, |written| written.min(self.since))
    }

    /// Whether what is known says whether the file's certificate is served.
    fn tells(&self, compared: &Compared<'_>) -> bool {
        let Compared { stored, certificate, youngest, seen_at, matches } = *compared;
        if matches {
            return true;
        }
        // As it seems both were renewed while the file could not be seen.
        let younger = youngest.1 > certificate.not_before;
        if stored.remembered().is_some() && younger && self.other != Some(youngest.0) {
            return false;
        }
        // What was served before the file changed says nothing of what is served since.
        seen_at.is_some_and(|seen_at| seen_at >= self.changed(stored))
    }
}

impl Compare {
    /// Of these targets and files.
    #[must_use]
    pub fn new(schedule: Schedule, files: Files, previous: Option<&Compare>) -> Self {
        let memory = previous.map(|previous| Arc::clone(&previous.memory)).unwrap_or_default();
        Self { schedule, files, index: Mutex::default(), memory }
    }

    /// The index of the files as they are now; made anew only after a scan.
    fn index(&self) -> Arc<Index> {
        let mut cached = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = self.files.generation();
        if cached.0 != generation {
            *cached = (generation, Arc::new(Index::new(self.files.stored())));
        }
        Arc::clone(&cached.1)
    }

    /// The targets, by name and module, that serve another certificate than the file that they belong to.
    pub(crate) fn stale(&self, now: SystemTime) -> HashMap<(String, String), PathBuf> {
        let (entries, index) = (self.schedule.entries(), self.index());
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let stale = |entry: &Arc<Entry>| {
            let compared = compared(entry, &index, now)?;
            let pair = compared.pair(entry);
            let known = Memory::after(memory.get(&pair), &compared, now);
            (!compared.matches && known.tells(&compared)).then_some(((pair.0, pair.1), pair.2))
        };
        entries.iter().filter_map(stale).collect()
    }

    pub(super) fn page(&self, now: SystemTime) -> Page {
        let (entries, index) = (self.schedule.entries(), self.index());
        let mut page = Page::with_capacity(entries.len(), 64);
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = HashMap::with_capacity(memory.len());
        for entry in entries.iter() {
            let Some(compared) = compared(entry, &index, now) else { continue };
            let pair = compared.pair(entry);
            let known = Memory::after(memory.get(&pair), &compared, now);
            seen.insert(pair, known);
            if !known.tells(&compared) {
                continue;
            }
            let Compared { stored, matches, .. } = compared;
            let [target, module] = entry.labels();
            let path = label(&stored.path);
            let labels = [target, module, &stored.source, &path];
            page.family(&MATCHES).push(&labels, flag(matches));
            if !matches {
                let since = known.changed(stored).max(known.same.unwrap_or(UNIX_EPOCH));
                let since = since.duration_since(UNIX_EPOCH).unwrap_or_default();
                page.family(&STALE_SINCE).push(&labels, since.as_secs_f64());
            }
        }
        // What is gone is forgotten.
        *memory = seen;
        page
    }
}

impl Collector for Compare {
    fn name(&self) -> &str {
        "stored"
    }

    fn collect(&self, _: kit::Scope) -> BoxFuture<'_, Result<Page, kit::CollectError>> {
        Box::pin(std::future::ready(Ok(self.page(SystemTime::now()))))
    }
}

/// A target's file, and what it serves.
struct Compared<'i> {
    stored: &'i Stored,
    /// The first in the file.
    certificate: &'i Certificate,
    /// The youngest that is served: which it is, and from when on it is valid.
    youngest: (Fingerprint, i64),
    /// When that was seen.
    seen_at: Option<SystemTime>,
    /// Whether the one is served.
    matches: bool,
}

impl Compared<'_> {
    fn pair(&self, entry: &Entry) -> Pair {
        let [target, module] = entry.labels();
        (target.to_owned(), module.to_owned(), self.stored.path.clone())
    }
}

/// The file that a target belongs to, and what it serves. `None`: it has no file, or it is not known what it serves.
fn compared<'i>(entry: &Entry, index: &'i Index, now: SystemTime) -> Option<Compared<'i>> {
    let target = &entry.target;
    entry.state.with(|known| {
        let mut served: Vec<&Certificate> =
            known.last.iter().flat_map(|last| &last.look.sights).filter_map(|sight| sight.leaf()).collect();
        let mut seen_at = known.last.as_ref().map(|last| last.at);
        if served.is_empty() {
            // Kept for as long as the certificates are told of.
            let (shown, at) = known.certificates(target.interval, now)?;
            served.extend(shown.leaf());
            seen_at = Some(at);
        }
        let youngest = served.iter().max_by_key(|served| served.not_before)?;
        let judged = |stored: &'i Stored, all: bool| {
            let certificate = stored.certificate()?;
            let is = |served: &&Certificate| served.fingerprint == certificate.fingerprint;
            let matches = if all { served.iter().all(is) } else { served.iter().any(is) };
            Some(Compared {
                stored,
                certificate,
                youngest: (youngest.fingerprint, youngest.not_before),
                seen_at,
                matches,
            })
        };
        match &target.stored {
            Partner::None => None,
            // Every address must serve it: that is what was said.
            Partner::File(path) => judged(by_path(index, path)?, true),
            // One will do: behind the others may be other machines.
            Partner::ByName => {
                let host = Endpoint::parse(&target.target, 443).ok()?.host;
                let name =
                    target.module.server_name.as_deref().or(target.hostname.as_deref()).unwrap_or(&host);
                judged(index.partner(name, served.iter().copied())?, false)
            }
        }
    })
}

fn by_path<'i>(index: &'i Index, path: &Path) -> Option<&'i Stored> {
    index.all.iter().find(|stored| stored.path == path)
}
