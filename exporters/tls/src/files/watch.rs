//! The background loop: each source is scanned on its interval, in a thread that may wait for a disk.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use kit::schedule::{Busy, List, Plan, Roster, drive, place};
use kit::{Beat, BoxFuture, Page, Sampler, Watched};
use wire::tls::Certificate;

use super::page::page;
use super::read::Read;
use super::scan::{Scan, scan};
use super::source::Source;

/// The sources and what is known of them. A reload makes a new one, which takes over what is known of sources that stay.
#[derive(Clone, Debug)]
pub struct Files {
    rounds: Arc<Rounds>,
}

#[derive(Debug)]
struct Rounds {
    roster: Roster<Entry>,
    /// The sources before a reload, for those that are assigned again.
    before: Option<List<Entry>>,
    /// Scans that came to an end and sources that changed, here and before reloads.
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
    fn new(source: Source, scan: Option<Arc<Scan>>) -> Arc<Self> {
        Arc::new(Self { source, busy: Busy::default(), scan: Mutex::new(scan) })
    }

    pub(super) fn last(&self) -> Option<Arc<Scan>> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Scan>>> {
        self.scan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The source's name.
    pub source: String,
    /// Where it is.
    pub path: PathBuf,
    read: Arc<Read>,
}

impl Stored {
    /// Its first certificate.
    #[must_use]
    pub fn certificate(&self) -> Option<&Certificate> {
        self.read.certificates.first()
    }

    /// One that was never read.
    #[cfg(test)]
    pub(crate) fn made(path: &str, certificate: Certificate) -> Self {
        let read = Read { certificates: vec![certificate], ..Read::default() };
        Self { source: "made".to_owned(), path: path.into(), read: Arc::new(read) }
    }

    /// When it was last changed.
    #[must_use]
    pub fn modified(&self) -> Option<SystemTime> {
        self.read.modified
    }
}

impl Files {
    /// Watches these sources, and those that [`Files::assign`] gives by these names; all names differ.
    #[must_use]
    pub fn new(
        sources: Vec<Source>,
        assigned: impl IntoIterator<Item = String>,
        previous: Option<&Files>,
    ) -> Self {
        let before = previous.map(|previous| previous.entries());
        let known = |source: &Source| {
            let same = |entry: &&Arc<Entry>| {
                entry.source.name == source.name && entry.source.written == source.written
            };
            before.as_ref().and_then(|before| before.iter().find(same)?.last())
        };
        let entries: Vec<_> = sources
            .into_iter()
            .map(|source| {
                let scan = known(&source);
                Entry::new(source, scan)
            })
            .collect();
        let finished = previous.map_or(0, |previous| previous.rounds.finished.load(Ordering::Relaxed)) + 1;
        let finished = AtomicU64::new(finished);
        Self { rounds: Arc::new(Rounds { roster: Roster::new(entries, assigned), before, finished }) }
    }

    /// Takes a source in the place of the one that had its name, if one had; what was read of files that stay is kept.
    pub fn assign(&self, source: Source) {
        let name = source.name.clone();
        let (now, before) = (self.entries(), self.rounds.before.as_ref());
        let mut known = now.iter().chain(before.into_iter().flat_map(|before| before.iter()));
        let scan = known.find(|entry| entry.source.name == name).and_then(|entry| entry.last());
        let scan = scan.map(|scan| Arc::new(scan.of(|path| source.has(path))));
        self.rounds.roster.replace(&name, |_| vec![Entry::new(source, scan)]);
        self.rounds.finished.fetch_add(1, Ordering::Relaxed);
    }

    /// The files whose first certificate can be read, as of their last scans.
    #[must_use]
    pub fn stored(&self) -> Vec<Stored> {
        let mut all = Vec::new();
        for entry in self.entries().iter() {
            let Some(scan) = entry.last() else { continue };
            for (path, file) in &scan.files {
                if !file.read.certificates.is_empty() {
                    let (source, path) = (entry.source.name.clone(), path.clone());
                    all.push(Stored { source, path, read: Arc::clone(&file.read) });
                }
            }
        }
        all
    }

    /// Changes when [`Files::stored`] would say something else.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.rounds.finished.load(Ordering::Relaxed)
    }

    fn entries(&self) -> List<Entry> {
        self.rounds.roster.all()
    }

    /// The background loop; none if there is nothing to watch, and never will be.
    #[must_use]
    pub fn samplers(&self) -> Vec<Arc<dyn Sampler>> {
        if self.rounds.roster.is_idle() {
            Vec::new()
        } else {
            vec![Arc::clone(&self.rounds) as Arc<dyn Sampler>]
        }
    }

    /// Each source's state in words, for the landing page.
    #[must_use]
    pub fn watched(&self) -> Vec<Watched> {
        self.entries()
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
    async fn round(&self, entry: Arc<Entry>) {
        let name = entry.source.name.clone();
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
            tracing::error!(source = name, "the scan panicked: please report this");
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
        self.roster.plan().iter().map(plan).collect()
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        self.roster.changed()
    }

    fn start(&self, index: usize) -> Option<BoxFuture<'_, ()>> {
        let entry = self.roster.planned(index)?;
        // Claimed in the thread, which outlives this future when the loop is stopped.
        drop(entry.busy.claim()?);
        Some(Box::pin(self.round(entry)))
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
        page(&self.roster.all())
    }
}

#[cfg(test)]
impl Files {
    pub(crate) async fn run_once(&self) -> (Page, usize) {
        let mut read = 0;
        for entry in self.entries().iter() {
            self.rounds.round(Arc::clone(entry)).await;
            read += entry.last().map_or(0, |scan| scan.read);
        }
        (self.rounds.page(), read)
    }
}
