//! All files of a source, with a memory: a file that has not changed is not read again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::faults::Fault;
use super::find::find;
use super::read::{Read, Stamp, key_stamp, read};
use super::source::Source;

/// A file as it was read.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) read: Arc<Read>,
    stamps: (Option<Stamp>, Option<Stamp>),
}

/// What a scan came to.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    pub(super) files: BTreeMap<PathBuf, Entry>,
    /// When it ended.
    pub(super) at: SystemTime,
    pub(super) took: Duration,
    /// How many files had to be read.
    pub(super) read: usize,
}

impl Scan {
    /// The same of fewer files.
    pub(super) fn of(&self, wanted: impl Fn(&Path) -> bool) -> Self {
        let mut fewer = self.clone();
        fewer.files.retain(|path, _| wanted(path));
        fewer
    }
}

/// Scans a source; `before` is what the last scan found.
pub(super) fn scan(source: &Source, before: Option<&Scan>) -> Scan {
    let began = Instant::now();
    let found = find(&source.paths, &source.exclude);
    let (mut files, mut count) = (BTreeMap::new(), 0);
    for path in found.files {
        let stamps = (Stamp::at(&path), key_stamp(&path));
        let known = before.and_then(|before| before.files.get(&path));
        // What could not be looked at is tried anew: rights change without a trace in the file.
        let entry = match known.filter(|known| known.stamps == stamps && lasting(&known.read)) {
            Some(known) => known.clone(),
            None => {
                count += 1;
                Entry { read: Arc::new(read(&path)), stamps }
            }
        };
        files.insert(path, entry);
    }
    for (folder, error) in found.closed {
        let read = Read { faults: vec![Fault::of(&error)], ..Read::default() };
        files.insert(folder, Entry { read: Arc::new(read), stamps: (None, None) });
    }
    Scan { files, at: SystemTime::now(), took: began.elapsed(), read: count }
}

/// Whether what was read stays true while the file's stamp does.
fn lasting(read: &Read) -> bool {
    use Fault::{KeyUnreadable, PermissionDenied, ReadFailed};
    !read.faults.iter().any(|fault| matches!(fault, PermissionDenied | ReadFailed | KeyUnreadable))
}
