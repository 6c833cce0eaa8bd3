//! The background loop: each source is scanned on its interval, in a thread that may wait for a disk, and when the kernel
//! tells that something has changed.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use kit::schedule::{Busy, List, Plan, Roster, drive, place};
use kit::{Beat, BoxFuture, Page, Sampler, Store, Watched};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use wire::tls::{Certificate, RevocationList};

use super::faults::Fault;
use super::keep::{Keeping, When, recall};
use super::notify::{Notices, Touched};
use super::page::page;
use super::read::Read;
use super::scan::{Scan, scan};
use super::source::Source;

/// From the first change that is told to the scan: programs change more than one file at a time.
const SETTLE: Duration = Duration::from_millis(250);
/// So many new faults of a source are told in the log, one by one.
const TOLD: usize = 5;
/// So often it is looked whether what is known is to be kept.
const LATER: Duration = Duration::from_secs(60);
/// Scans take no more than a tenth of the time, however busy a folder is.
const REST: u32 = 10;

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
    /// Where what is known outlives the process.
    store: Option<Store>,
    /// Made when the loop begins; `None` if the kernel gives none.
    notices: OnceLock<Option<Arc<Notices>>>,
}

/// A source, and its last scan.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) source: Source,
    busy: Busy,
    scan: Mutex<Option<Arc<Scan>>>,
    keeping: Keeping,
}

impl Entry {
    /// A source that nothing is known of but what outlived the process before.
    fn new(source: Source, store: Option<&Store>) -> Arc<Self> {
        let scan = store.and_then(|store| recall(store, &source));
        let (busy, keeping) = (Busy::default(), Keeping::default());
        Arc::new(Self { source, busy, scan: Mutex::new(scan), keeping })
    }

    /// The source that takes the place of this one; `None` if nothing is known of this one.
    fn replaced(&self, source: Source) -> Option<Arc<Self>> {
        let scan = for_source(&self.last()?, &self.source, &source);
        let (busy, keeping) = (Busy::default(), self.keeping.after());
        Some(Arc::new(Self { source, busy, scan: Mutex::new(Some(scan)), keeping }))
    }

    /// When what is known was last kept for after a restart.
    pub(super) fn kept_at(&self) -> Option<SystemTime> {
        self.keeping.at()
    }

    /// Keeps what is known for after a restart, if it is time. Waits for a disk.
    fn keep(&self, store: &Store, when: When) {
        self.keeping.keep(store, &self.source, || self.last(), when);
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

    /// When it was last seen, if it is told from memory since it cannot be seen now.
    #[must_use]
    pub fn remembered(&self) -> Option<SystemTime> {
        self.read.remembered
    }

    /// When it was last changed, as its time of modification has it.
    #[must_use]
    pub fn modified(&self) -> Option<SystemTime> {
        self.read.modified
    }

    /// Since when at the latest what is in it is there.
    #[must_use]
    pub fn written(&self) -> Option<SystemTime> {
        self.read.written.or(self.read.modified)
    }
}

impl Files {
    /// Watches these sources, and those that [`Files::assign`] gives by these names; all names differ. What was known before
    /// is taken from `previous`, or else from `store`.
    #[must_use]
    pub fn new(
        sources: Vec<Source>,
        assigned: impl IntoIterator<Item = String>,
        store: Option<Store>,
        previous: Option<&Files>,
    ) -> Self {
        let before = previous.map(|previous| previous.entries());
        let entry = |source: Source| {
            taken_over(before.iter().flat_map(|before| before.iter()), source, store.as_ref())
        };
        let entries: Vec<_> = sources.into_iter().map(entry).collect();
        let finished = previous.map_or(0, |previous| previous.rounds.finished.load(Ordering::Relaxed)) + 1;
        let (finished, notices) = (AtomicU64::new(finished), OnceLock::new());
        Self {
            rounds: Arc::new(Rounds {
                roster: Roster::new(entries, assigned),
                before,
                finished,
                store,
                notices,
            }),
        }
    }

    /// Takes a source in the place of the one that had its name, if one had; what was read of files that stay is kept.
    pub fn assign(&self, source: Source) {
        let name = source.name.clone();
        let (now, before) = (self.entries(), self.rounds.before.as_ref());
        let known = now.iter().chain(before.into_iter().flat_map(|before| before.iter()));
        let entry = taken_over(known, source, self.rounds.store.as_ref());
        self.rounds.roster.replace(&name, |_| vec![entry]);
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

    /// Whether something is known of what is, or was, in a file of a source.
    pub(crate) fn knows(&self, source: &str, path: &Path) -> bool {
        let entries = self.entries();
        let scan = entries.iter().find(|entry| entry.source.name == source).and_then(|entry| entry.last());
        scan.is_some_and(|scan| scan.files.get(path).is_some_and(|file| !file.read.is_empty()))
    }

    /// The revocation lists in the files, as of their last scans.
    #[must_use]
    pub fn revocation_lists(&self) -> Vec<Arc<RevocationList>> {
        let mut all = Vec::new();
        for scan in self.entries().iter().filter_map(|entry| entry.last()) {
            all.extend(scan.files.values().flat_map(|file| file.read.lists.iter().map(Arc::clone)));
        }
        all
    }

    /// Changes when [`Files::stored`] or [`Files::revocation_lists`] would say something else.
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

    /// The sources.
    pub(crate) fn sources(&self) -> Vec<Source> {
        self.entries().iter().map(|entry| entry.source.clone()).collect()
    }

    /// Each source's state in words, for the landing page.
    #[must_use]
    pub fn watched(&self) -> Vec<Watched> {
        self.entries()
            .iter()
            .map(|entry| {
                let (ok, detail) =
                    entry.last().map_or((None, "not scanned yet".to_owned()), |scan| said(entry, &scan));
                Watched { name: entry.source.name.clone(), kind: "files".to_owned(), ok, detail, link: None }
            })
            .collect()
    }
}

/// A source, with what is known of it: from the first of its name, or of its paths when it got another, or else from the process
/// before this one.
fn taken_over<'e>(
    before: impl Iterator<Item = &'e Arc<Entry>>,
    source: Source,
    store: Option<&Store>,
) -> Arc<Entry> {
    let before: Vec<_> = before.collect();
    let of = |is: &dyn Fn(&Source) -> bool| before.iter().find(|entry| is(&entry.source));
    let known =
        of(&|known| known.name == source.name).or_else(|| of(&|known| known.written == source.written));
    let known = known.and_then(|entry| entry.replaced(source.clone()));
    known.unwrap_or_else(|| Entry::new(source, store))
}

/// What a scan of a source knows of the files of the source that takes its place. They are read again if they may be read
/// otherwise, and what cannot be is not forgotten.
fn for_source(scan: &Arc<Scan>, before: &Source, now: &Source) -> Arc<Scan> {
    let (other_files, other_passwords) = (before.written != now.written, before.passwords != now.passwords);
    match (other_files, other_passwords) {
        (false, false) => Arc::clone(scan),
        (_, false) => Arc::new(scan.of(|path| now.has(path))),
        (_, true) => Arc::new(scan.of(|path| now.has(path)).to_be_read_again()),
    }
}

/// Whether a source is well, and what the landing page says of it.
fn said(entry: &Entry, scan: &Scan) -> (Option<bool>, String) {
    let only = entry.source.only_certificates;
    let mut files = scan.files.iter().filter(|(path, file)| file.counts(path, &entry.source)).peekable();
    if files.peek().is_none() {
        // Where certificates are looked for among other things, it is no fault that there is none.
        let detail = match scan.files.is_empty() {
            true => "no file matches its patterns",
            false => "no certificate is in the files that match its patterns",
        };
        return (Some(only), detail.to_owned());
    }
    let paths: Vec<_> = files.filter(|(_, file)| !file.folder).map(|(path, _)| path).collect();
    let number = if paths.len() == 1 { "1 file".to_owned() } else { format!("{} files", paths.len()) };
    let bad = faulty(&entry.source, scan);
    match (bad.first(), paths.as_slice()) {
        (None, [path]) => (Some(true), format!("{number}: {}", path.display())),
        (None, _) => (Some(true), number),
        (Some((path, fault)), _) => {
            let more = if bad.len() > 1 { format!(" and {} more", bad.len() - 1) } else { String::new() };
            (Some(false), format!("{number}; {}: {}{more}", path.display(), fault.word()))
        }
    }
}

/// The files with something wrong, each with the first fault.
fn faulty<'s>(source: &Source, scan: &'s Scan) -> Vec<(&'s Path, Fault)> {
    let counts = scan.files.iter().filter(|(path, file)| file.counts(path, source));
    counts.filter_map(|(path, file)| Some((path.as_path(), file.read.first_fault()?))).collect()
}

/// Says what a scan found to be wrong that the one before it did not.
fn tell(source: &Source, before: Option<&Scan>, now: &Scan) {
    let name = &*source.name;
    let known: HashSet<(&Path, Fault)> =
        before.map(|before| faulty(source, before).into_iter().collect()).unwrap_or_default();
    let new: Vec<_> = faulty(source, now).into_iter().filter(|fault| !known.contains(fault)).collect();
    for (path, fault) in new.iter().take(TOLD) {
        let error = now.files.get(*path).and_then(|file| file.read.detail.as_deref());
        tracing::warn!(source = name, path = %path.display(), reason = fault.word(), error, "something is wrong with a file");
    }
    if new.len() > TOLD {
        let more = new.len() - TOLD;
        tracing::warn!(source = name, more, "and with others: tls_file_error_info names them");
    }
    if now.files.is_empty() && before.is_none_or(|before| !before.files.is_empty()) {
        tracing::info!(source = name, "no file matches the patterns of the source");
    }
}

impl Rounds {
    async fn round(&self, entry: Arc<Entry>) {
        let name = entry.source.name.clone();
        let (notices, store) = (self.notices.get().cloned().flatten(), self.store.clone());
        // The thread keeps the turn: what hangs on a dead NFS server must not be joined by another one each round.
        let done = tokio::task::spawn_blocking(move || {
            let Some(_turn) = entry.busy.claim() else { return };
            let before = entry.last();
            let mut now = scan(&entry.source, before.as_deref());
            if let Some(notices) = notices {
                let (watched, new) = notices.follow(&entry.source.name, &now.folders);
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
            tell(&entry.source, before.as_deref(), &now);
            if before.is_none_or(|before| !now.knows_the_same(&before)) {
                entry.keeping.differs();
            }
            *entry.lock() = Some(Arc::new(now));
            if let Some(store) = store {
                entry.keep(&store, When::Due);
            }
        });
        if done.await.is_err() {
            tracing::error!(source = name, "the scan panicked: please report this");
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
        let (began, names) =
            (Instant::now(), || self.roster.all().iter().map(|entry| entry.source.name.clone()).collect());
        let all: Vec<String> = names();
        let mut due: BTreeMap<String, Instant> = all.into_iter().map(|name| (name, began)).collect();
        let mut running = FuturesUnordered::new();
        loop {
            let next = due.values().min().copied().map(tokio::time::Instant::from_std);
            tokio::select! {
                ready = events.readable() => {
                    let Ok(mut ready) = ready else { return std::future::pending().await };
                    let Ok(Ok(touched)) = ready.try_io(|notices| Ok(notices.get_ref().read()?)) else { continue };
                    let touched = match touched {
                        Touched::Sources(sources) => sources.into_iter().collect(),
                        Touched::All => names(),
                    };
                    for name in touched {
                        let soon = self.soon(&name);
                        due.entry(name).or_insert(soon);
                    }
                }
                Some(()) = running.next(), if !running.is_empty() => beat.success(),
                () = tokio::time::sleep_until(next.unwrap_or_else(tokio::time::Instant::now)), if next.is_some() => {
                    let now = Instant::now();
                    let ready: Vec<String> =
                        due.iter().filter(|(_, at)| **at <= now).map(|(name, _)| name.clone()).collect();
                    for name in ready {
                        due.remove(&name);
                        let Some(entry) = self.named(&name) else { continue };
                        if entry.busy.claim().is_some() {
                            running.push(self.round(entry));
                        } else {
                            // Whoever is at it may have passed what changed: again, then.
                            due.insert(name, now + SETTLE);
                        }
                    }
                }
            }
        }
    }

    /// Keeps what scans found too soon after the last time. Ends never.
    async fn keep_on(&self) {
        loop {
            tokio::time::sleep(LATER).await;
            self.keep(When::Due).await;
        }
    }

    async fn keep(&self, when: When) {
        let Some(store) = &self.store else { return };
        for entry in self.roster.all().iter().filter(|entry| entry.keeping.is_due(when)) {
            let (entry, store) = (Arc::clone(entry), store.clone());
            // A panic is the hook's to tell.
            let _ = tokio::task::spawn_blocking(move || entry.keep(&store, when)).await;
        }
    }

    fn named(&self, name: &str) -> Option<Arc<Entry>> {
        self.roster.all().iter().find(|entry| entry.source.name == name).cloned()
    }

    /// When a source that has changed is scanned.
    fn soon(&self, name: &str) -> Instant {
        let settled = Instant::now() + SETTLE;
        let last = self.named(name).and_then(|entry| entry.last());
        last.map_or(settled, |scan| settled.max(scan.ended + scan.took * REST))
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
        Box::pin(async move {
            tokio::select! {
                () = drive(&*self, &beat) => {}
                () = self.listen(&beat) => {}
                () = self.keep_on() => {}
            }
            self.keep(When::Ending).await;
        })
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
