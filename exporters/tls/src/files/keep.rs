//! What is known of a source's files is kept through a restart, for those that cannot be seen after it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use kit::Store;
use serde::{Deserialize, Serialize};

use super::mounts::Mount;
use super::read::Read;
use super::scan::{Entry, Scan};
use super::source::Source;

/// The form of the document. One of another form is not read.
const VERSION: u32 = 1;
/// What has not changed is written so often, so that it is known how old it is.
const EVERY: Duration = Duration::from_secs(3600);

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
    version: u32,
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

/// When a source was last kept, and whether that it could not be was told.
#[derive(Debug, Default)]
pub(super) struct Keeping(Mutex<(Option<SystemTime>, bool)>);

impl Keeping {
    /// When what is known was last kept.
    pub(super) fn at(&self) -> Option<SystemTime> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Keeps a scan, if it has found something else than the one before it or it is time.
    pub(super) fn keep(&self, store: &Store, source: &Source, before: Option<&Scan>, now: &Scan) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = before.is_none_or(|before| !now.knows_the_same(before));
        let long_ago =
            state.0.is_none_or(|at| now.at.duration_since(at).map_or(true, |passed| passed >= EVERY));
        if !changed && !long_ago {
            return;
        }
        let known = now.files.iter().filter(|(_, entry)| !entry.read.is_empty());
        let files = known.map(|(path, entry)| KeptFile {
            path,
            mounts: entry.mounts.iter().map(|mount| &**mount).collect(),
            read: &entry.read,
        });
        let document = Kept { version: VERSION, at: now.at, files: files.collect() };
        match store.keep(&name(source), &document) {
            Ok(()) => *state = (Some(now.at), false),
            Err(error) => {
                let source = source.name.as_str();
                if !state.1 {
                    let folder = store.folder().display();
                    tracing::warn!(source, %folder, %error, "what is known of the files cannot be kept for after a restart");
                }
                *state = (None, true);
            }
        }
    }
}

fn name(source: &Source) -> String {
    format!("tls-files-{}", source.name)
}

/// What was known of a source's files before this process began, all of it from memory.
pub(super) fn recall(store: &Store, source: &Source) -> Option<Arc<Scan>> {
    let document = match store.recall::<Recalled>(&name(source)) {
        Ok(document) => document.filter(|document| document.version == VERSION)?,
        Err(error) => {
            let (source, folder) = (source.name.as_str(), store.folder().display());
            tracing::warn!(source, %folder, %error, "what was known of the files cannot be read");
            return None;
        }
    };
    let Recalled { at, files, .. } = document;
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
