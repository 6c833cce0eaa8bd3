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
    /// When a target and a file were last seen to be the same, by target, module and path. It outlives a reload.
    same: Arc<Mutex<HashMap<Pair, SystemTime>>>,
}

type Pair = (String, String, PathBuf);

impl Compare {
    /// Of these targets and files.
    #[must_use]
    pub fn new(schedule: Schedule, files: Files, previous: Option<&Compare>) -> Self {
        let same = previous.map(|previous| Arc::clone(&previous.same)).unwrap_or_default();
        Self { schedule, files, index: Mutex::default(), same }
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
        let same = self.same.lock().unwrap_or_else(PoisonError::into_inner);
        let stale = |entry: &Arc<Entry>| {
            let compared = entry_compared(entry, &index, now)?;
            let pair = compared.pair(entry);
            let stale = !compared.matches && !compared.is_unknown(same.get(&pair).copied());
            stale.then_some(((pair.0, pair.1), pair.2))
        };
        entries.iter().filter_map(stale).collect()
    }

    pub(super) fn page(&self, now: SystemTime) -> Page {
        let (entries, index) = (self.schedule.entries(), self.index());
        let mut page = Page::with_capacity(entries.len(), 64);
        let mut same = self.same.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = HashMap::with_capacity(same.len());
        for entry in entries.iter() {
            let Some(compared) = entry_compared(entry, &index, now) else { continue };
            let Compared { stored, matches, .. } = compared;
            let pair = compared.pair(entry);
            let last = if matches { Some(now) } else { same.get(&pair).copied() };
            if compared.is_unknown(last) {
                seen.extend(last.map(|last| (pair, last)));
                continue;
            }
            let [target, module] = entry.labels();
            let path = label(&stored.path);
            let labels = [target, module, &stored.source, &path];
            page.family(&MATCHES).push(&labels, flag(matches));
            if let Some(since) = last.max(stored.modified()).filter(|_| !matches) {
                let since = since.min(now).duration_since(UNIX_EPOCH).unwrap_or_default();
                page.family(&STALE_SINCE).push(&labels, since.as_secs_f64());
            }
            if let Some(last) = last {
                seen.insert(pair, last);
            }
        }
        // What is gone is forgotten.
        *same = seen;
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

/// A target's file, and what is known of whether it is served.
struct Compared<'i> {
    stored: &'i Stored,
    matches: bool,
    /// Whether what is served is younger than what was in the file when that was last seen.
    younger: bool,
}

impl Compared<'_> {
    fn pair(&self, entry: &Entry) -> Pair {
        let [target, module] = entry.labels();
        (target.to_owned(), module.to_owned(), self.stored.path.clone())
    }

    /// Whether the two became different while the file could not be seen, `last` being when they were the same: as it seems
    /// both were renewed.
    fn is_unknown(&self, last: Option<SystemTime>) -> bool {
        let unseen = self.stored.remembered();
        !self.matches && self.younger && unseen.is_some_and(|unseen| last.is_some_and(|last| last >= unseen))
    }
}

/// The file that a target belongs to, and whether it serves it. `None`: it has none, or it is not known what it serves.
fn entry_compared<'i>(entry: &Entry, index: &'i Index, now: SystemTime) -> Option<Compared<'i>> {
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
        if served.is_empty() {
            return None;
        }
        // What was served before the file changed says nothing of what is served since.
        let judged = |stored: &'i Stored, matches: bool| {
            let changed = stored.modified().map(|changed| changed.min(now));
            let younger = served
                .iter()
                .any(|served| stored.certificate().is_some_and(|known| served.not_before > known.not_before));
            (matches || seen_at >= changed).then_some(Compared { stored, matches, younger })
        };
        let is = |stored: &Stored, served: &Certificate| {
            stored.certificate().is_some_and(|certificate| certificate.fingerprint == served.fingerprint)
        };
        match &target.stored {
            Partner::None => None,
            // Every address must serve it: that is what was said.
            Partner::File(path) => {
                let stored = by_path(index, path)?;
                judged(stored, served.iter().all(|served| is(stored, served)))
            }
            // One will do: behind the others may be other machines.
            Partner::ByName => {
                let host = Endpoint::parse(&target.target, 443).ok()?.host;
                let name =
                    target.module.server_name.as_deref().or(target.hostname.as_deref()).unwrap_or(&host);
                let stored = index.partner(name, served.iter().copied())?;
                judged(stored, served.iter().any(|served| is(stored, served)))
            }
        }
    })
}

fn by_path<'i>(index: &'i Index, path: &Path) -> Option<&'i Stored> {
    index.all.iter().find(|stored| stored.path == path)
}
