//! The background loop: each source is scanned on its interval, in a thread that may wait for a disk, and when the kernel
//! tells that something has changed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use kit::schedule::{Busy, Plan, drive, place};
use kit::{Beat, BoxFuture, Page, Sampler, Watched};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::notify::{Notices, Touched};
use super::page::page;
use super::scan::{Scan, scan};
use super::source::Source;

/// From the first change that is told to the scan: programs change more than one file at a time.
const SETTLE: Duration = Duration::from_millis(250);
/// Scans take no more than a tenth of the time, however busy a folder is.
const REST: u32 = 10;

/// The sources and what is known of them. A reload makes a new one, which takes over what is known of sources that stay.
#[derive(Debug)]
pub struct Files {
    rounds: Arc<Rounds>,
}

#[derive(Debug)]
struct Rounds {
    entries: Vec<Arc<Entry>>,
    finished: AtomicU64,
    /// Made when the loop begins; `None` if the kernel gives none.
    notices: OnceLock<Option<Arc<Notices>>>,
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
                entry.source.name == source.name
                    && entry.source.written == source.written
                    && entry.source.passwords == source.passwords
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
        let rounds = Rounds { entries, finished: AtomicU64::new(finished), notices: OnceLock::new() };
        Self { rounds: Arc::new(rounds) }
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

    /// The sources.
    pub(super) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.rounds.entries.iter().map(|entry| &entry.source)
    }

    /// Each source's state in words, for the landing page.
    #[must_use]
    pub fn watched(&self) -> Vec<Watched> {
        self.rounds
            .entries
            .iter()
            .map(|entry| {
                let (ok, detail) = entry.last().map_or((None, "not scanned yet".to_owned()), |scan| {
                    let only = entry.source.only_certificates;
                    let files = || scan.files.values().filter(|file| file.read.counts(only));
                    let bad = files().filter(|file| !file.read.faults.is_empty()).count();
                    (Some(bad == 0), format!("{} files, {bad} with faults", files().count()))
                });
                Watched { name: entry.source.name.clone(), kind: "files".to_owned(), ok, detail, link: None }
            })
            .collect()
    }
}

impl Rounds {
    async fn round(&self, index: usize) {
        let entry = Arc::clone(&self.entries[index]);
        let notices = self.notices.get().cloned().flatten();
        // The thread keeps the turn: what hangs on a dead NFS server must not be joined by another one each round.
        let done = tokio::task::spawn_blocking(move || {
            let Some(_turn) = entry.busy.claim() else { return };
            let before = entry.last();
            let mut now = scan(&entry.source, before.as_deref());
            if let Some(notices) = notices {
                let (watched, new) = notices.follow(index, &now.folders);
                // What changed between the look and the watch is told by nobody.
                if new {
                    let (read, took) = (now.read, now.took);
                    now = scan(&entry.source, Some(&now));
                    now.read += read;
                    now.took += took;
                }
                now.watched = watched;
            }
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

    /// Scans sources when the kernel tells that something in their folders has changed. Ends never.
    async fn listen(&self, beat: &Beat) {
        let made = self.notices.get_or_init(|| {
            let made = Notices::new().inspect_err(|error| {
                tracing::warn!(%error, "folders cannot be watched (sysctl fs.inotify.max_user_instances): changes are found \
                                        at the next look");
            });
            made.ok().map(Arc::new)
        });
        let Some(Ok(events)) = made.clone().map(observe) else {
            return std::future::pending().await;
        };
        // The first look is at once: what is only on this machine's disks needs no spreading.
        let began = Instant::now();
        let mut due: BTreeMap<usize, Instant> = (0..self.entries.len()).map(|index| (index, began)).collect();
        let mut running = FuturesUnordered::new();
        loop {
            let next = due.values().min().copied().map(tokio::time::Instant::from_std);
            tokio::select! {
                ready = events.readable() => {
                    let Ok(mut ready) = ready else { return std::future::pending().await };
                    let Ok(Ok(touched)) = ready.try_io(|notices| Ok(notices.get_ref().read()?)) else { continue };
                    let touched: Vec<usize> = match touched {
                        Touched::Sources(sources) => sources.into_iter().collect(),
                        Touched::All => (0..self.entries.len()).collect(),
                    };
                    for index in touched {
                        due.entry(index).or_insert_with(|| self.soon(index));
                    }
                }
                Some(()) = running.next(), if !running.is_empty() => beat.success(),
                () = tokio::time::sleep_until(next.unwrap_or_else(tokio::time::Instant::now)), if next.is_some() => {
                    let now = Instant::now();
                    for (index, at) in &mut due {
                        // Whoever is at it may have passed what changed: again, then.
                        if *at <= now && self.entries[*index].busy.claim().is_none() {
                            *at = now + SETTLE;
                        }
                    }
                    due.retain(|index, at| {
                        let wait = *at > now;
                        if !wait {
                            running.push(self.round(*index));
                        }
                        wait
                    });
                }
            }
        }
    }

    /// When a source that has changed is scanned.
    fn soon(&self, index: usize) -> Instant {
        let settled = Instant::now() + SETTLE;
        let rested = self.entries[index].last().map(|scan| scan.ended + scan.took * REST);
        rested.map_or(settled, |rested| rested.max(settled))
    }
}

/// Registers the kernel's notices with the runtime.
#[expect(
    deprecated,
    reason = "its successor is unsafe for the sake of types that lie about their descriptor; Notices own theirs"
)]
fn observe(notices: Arc<Notices>) -> std::io::Result<AsyncFd<Arc<Notices>>> {
    AsyncFd::with_interest(notices, Interest::READABLE)
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
        Box::pin(async move {
            tokio::select! {
                () = drive(&*self, &beat) => {}
                () = self.listen(&beat) => {}
            }
        })
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
