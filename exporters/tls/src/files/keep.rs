//! What is known of a source's files is kept through a restart, for those that cannot be seen after it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use kit::Store;
use kit::schedule::Busy;
use serde::{Deserialize, Serialize};

use super::mounts::Mount;
use super::read::Read;
use super::scan::{Entry, Scan};
use super::source::Source;

/// The form of the document. One of another form is not read, but put aside.
const VERSION: u32 = 1;
/// What has not changed is written so often, so that it is known how old it is.
const EVERY: Duration = Duration::from_secs(3600);
/// It is not written oftener, however much changes: it is the whole each time, and waits until the disk has it.
const PAUSE: Duration = Duration::from_secs(300);

#[derive(Serialize)]
struct Kept<'a> {
    version: u32,
    at: SystemTime,
    files: Vec<KeptFile<'a>>,
}

#[derive(Serialize)]
struct KeptFile<'a> {
    #[serde(with = "super::label")]
    path: &'a Path,
    mounts: Vec<&'a Mount>,
    read: &'a Read,
}

#[derive(Deserialize)]
struct Recalled {
    at: SystemTime,
    files: Vec<RecalledFile>,
}

#[derive(Deserialize)]
struct RecalledFile {
    #[serde(with = "super::label")]
    path: PathBuf,
    mounts: Vec<Mount>,
    read: Read,
}

/// What several hold at once, as JSON.
pub(super) mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in crate::files) fn serialize<T: Serialize, S: Serializer>(
        all: &[Arc<T>],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(all.iter().map(|one| &**one))
    }

    pub(in crate::files) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Arc<T>>, D::Error> {
        Ok(Vec::<T>::deserialize(deserializer)?.into_iter().map(Arc::new).collect())
    }
}

/// When a source was last kept, and whether more is known since.
#[derive(Debug, Default)]
pub(super) struct Keeping {
    /// Of the thread that writes: what it hangs on, nobody else joins.
    writing: Busy,
    known: Mutex<Known>,
}

#[derive(Clone, Debug, Default)]
struct Known {
    /// Of what time is what was last kept.
    at: Option<SystemTime>,
    /// When it was last written, or could not be.
    tried: Option<Instant>,
    /// Whether something else is known than what was written.
    behind: bool,
    /// Whether that it could not be was told.
    told: bool,
}

/// When it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// If something else is known, or it is long ago; but not twice in a few minutes.
    Due,
    /// If something else is known: this is the end.
    Ending,
}

impl Keeping {
    /// That of a source after a reload.
    pub(super) fn after(&self) -> Self {
        Self { writing: Busy::default(), known: Mutex::new(self.lock().clone()) }
    }

    /// When what is known was last kept.
    pub(super) fn at(&self) -> Option<SystemTime> {
        self.lock().at
    }

    /// Notes that something else is known.
    pub(super) fn differs(&self) {
        self.lock().behind = true;
    }

    /// Whether something is to be written now.
    pub(super) fn is_due(&self, when: When) -> bool {
        let known = self.lock();
        let age = known.at.map_or(Some(EVERY), |at| SystemTime::now().duration_since(at).ok());
        match when {
            When::Ending => known.behind,
            When::Due => {
                let rested = known.tried.is_none_or(|tried| tried.elapsed() >= PAUSE);
                rested && (known.behind || age.is_none_or(|age| age >= EVERY))
            }
        }
    }

    /// Keeps what the last scan found, if it is time. Waits for a disk: not for a thread of the runtime.
    pub(super) fn keep(
        &self,
        store: &Store,
        source: &Source,
        last: impl Fn() -> Option<Arc<Scan>>,
        when: When,
    ) {
        let Some(_turn) = self.writing.claim() else { return };
        if !self.is_due(when) {
            return;
        }
        // What is found from here on is another matter.
        self.lock().behind = false;
        let Some(scan) = last() else { return };
        let kept = store.keep(&name(source), &document(&scan));
        let mut known = self.lock();
        known.tried = Some(Instant::now());
        match kept {
            Ok(()) => (known.at, known.told) = (Some(scan.at), false),
            Err(error) => {
                if !known.told {
                    let (source, folder) = (source.name.as_str(), store.folder().display());
                    tracing::warn!(source, %folder, %error, "what is known of the files cannot be kept for after a restart");
                }
                (known.at, known.behind, known.told) = (None, true, true);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn document(scan: &Scan) -> Kept<'_> {
    let known = scan.files.iter().filter(|(_, entry)| !entry.read.is_empty());
    let files = known.map(|(path, entry)| KeptFile {
        path,
        mounts: entry.mounts.iter().map(|mount| &**mount).collect(),
        read: &entry.read,
    });
    Kept { version: VERSION, at: scan.at, files: files.collect() }
}

fn name(source: &Source) -> String {
    format!("tls-files-{}", source.name)
}

/// What was known of a source's files before this process began, all of it from memory.
pub(super) fn recall(store: &Store, source: &Source) -> Option<Arc<Scan>> {
    let recalled = store.recall::<Recalled>(&name(source), VERSION);
    let recalled = recalled.inspect_err(
        |error| tracing::warn!(source = source.name, %error, "what was known of the files cannot be read"),
    );
    let Recalled { at, files } = recalled.ok()??;
    let wanted = files.into_iter().filter(|file| source.has(&file.path));
    let files: BTreeMap<_, _> = wanted
        .map(|RecalledFile { path, mounts, mut read }| {
            read.remember(at);
            let mounts = mounts.into_iter().map(Arc::new).collect();
            (path, Entry::recalled(read, mounts))
        })
        .collect();
    tracing::info!(source = source.name, files = files.len(), "what was known of the files is recalled");
    (!files.is_empty()).then(|| Arc::new(Scan::recalled(files, at)))
}
