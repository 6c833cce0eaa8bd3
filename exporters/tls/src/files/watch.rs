//! The background loop: each source is scanned on its interval, in a thread that may wait for a disk.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use kit::schedule::{Busy, Plan, drive, place};
use kit::{Beat, BoxFuture, Page, Sampler, Watched};

use super::page::page;
use super::scan::{Scan, scan};
use super::source::Source;

/// The sources and what is known of them. A reload makes a new one, which takes over what is known of sources that stay.
#[derive(Debug)]
pub struct Files {
    rounds: Arc<Rounds>,
}

#[derive(Debug)]
struct Rounds {
    entries: Vec<Arc<Entry>>,
    finished: AtomicU64,
}

/// A source, and its last scan.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) source: Source,
    busy: Busy,
    scan: Mutex<Option<Arc<Scan>>>,
}

impl Entry {
    pub(super) fn last(&self) -> Option<Arc<Scan>> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Scan>>> {
        self.scan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files {
    /// Watches these sources, whose names differ.
    #[must_use]
    pub fn new(sources: Vec<Source>, previous: Option<&Files>) -> Self {
        let known = |source: &Source| {
            let same = |entry: &&Arc<Entry>| {
                entry.source.name == source.name && entry.source.written == source.written
            };
            previous.and_then(|previous| previous.rounds.entries.iter().find(same)?.last())
        };
        let entries = sources
            .into_iter()
            .map(|source| {
                let scan = Mutex::new(known(&source));
                Arc::new(Entry { source, busy: Busy::default(), scan })
            })
            .collect();
        let finished = previous.map_or(0, |previous| previous.rounds.finished.load(Ordering::Relaxed)) + 1;
        Self { rounds: Arc::new(Rounds { entries, finished: AtomicU64::new(finished) }) }
    }

    /// The background loop; none if there is nothing to watch.
    #[must_use]
    pub fn samplers(&self) -> Vec<Arc<dyn Sampler>> {
        if self.rounds.entries.is_empty() {
            Vec::new()
        } else {
            vec![Arc::clone(&self.rounds) as Arc<dyn Sampler>]
        }
    }

    /// Each source's state in words, for the landing page.
    #[must_use]
    pub fn watched(&self) -> Vec<Watched> {
        self.rounds
            .entries
            .iter()
            .map(|entry| {
                let (ok, detail) = entry.last().map_or((None, "not scanned yet".to_owned()), |scan| {
                    let bad = scan.files.values().filter(|file| !file.read.faults.is_empty()).count();
                    (Some(bad == 0), format!("{} files, {bad} with faults", scan.files.len()))
                });
                Watched { name: entry.source.name.clone(), kind: "files".to_owned(), ok, detail, link: None }
            })
            .collect()
    }
}

impl Rounds {
    async fn round(&self, index: usize) {
        let entry = Arc::clone(&self.entries[index]);
        // The thread keeps the turn: what hangs on a dead NFS server must not be joined by another one each round.
        let done = tokio::task::spawn_blocking(move || {
            let Some(_turn) = entry.busy.claim() else { return };
            let before = entry.last();
            let now = scan(&entry.source, before.as_deref());
            if now.read > 0 {
                let (source, files) = (entry.source.name.as_str(), now.files.len());
                tracing::debug!(source, files, read = now.read, took = ?now.took, "files scanned");
            }
            *entry.lock() = Some(Arc::new(now));
        });
        if done.await.is_err() {
            tracing::error!(
                source = self.entries[index].source.name,
                "the scan panicked: please report this"
            );
        }
        self.finished.fetch_add(1, Ordering::Relaxed);
    }
}

impl kit::schedule::Rounds for Rounds {
    fn plans(&self, now: Instant) -> Vec<Plan> {
        let _ = now;
        let plan = |entry: &Arc<Entry>| Plan {
            place: place(&entry.source.name, &entry.source.written),
            interval: entry.source.interval,
            done_lately: false,
        };
        self.entries.iter().map(plan).collect()
    }

    fn start(&self, index: usize) -> Option<BoxFuture<'_, ()>> {
        // Claimed in the thread, which outlives this future when the loop is stopped.
        drop(self.entries[index].busy.claim()?);
        Some(Box::pin(self.round(index)))
    }

    fn skip(&self, _: usize, _: u64) {
        // tls_source_scan_timestamp_seconds stands still, which says it.
    }
}

impl Sampler for Rounds {
    fn name(&self) -> &str {
        "files"
    }

    fn run(self: Arc<Self>, beat: Beat) -> BoxFuture<'static, ()> {
        Box::pin(async move { drive(&*self, &beat).await })
    }

    fn generation(&self) -> u64 {
        self.finished.load(Ordering::Relaxed)
    }

    fn page(&self) -> Page {
        page(&self.entries)
    }
}

#[cfg(test)]
impl Files {
    pub(crate) async fn run_once(&self) -> (Page, usize) {
        let mut read = 0;
        for index in 0..self.rounds.entries.len() {
            self.rounds.round(index).await;
            read += self.rounds.entries[index].last().map_or(0, |scan| scan.read);
        }
        (self.rounds.page(), read)
    }
}
