//! All files of a source, with a memory: a file that has not changed is not read again, and one that can no longer be seen is
//! not forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::faults::Fault;
use super::find::{Found, find};
use super::mounts::{Mount, Mounts};
use super::read::{Read, Stamp, key_stamp, read};
use super::source::Source;

/// A file as it was read.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) read: Arc<Read>,
    stamps: (Option<Stamp>, Option<Stamp>),
    /// What must be mounted for it to be there.
    pub(super) mounts: Vec<Arc<Mount>>,
    /// Whether it is no file but a folder that is closed: what lies in it is not known.
    pub(super) folder: bool,
    /// Whether it is the folder that a pattern begins at: nothing of that is seen.
    base: bool,
}

impl Entry {
    /// One that was read before this process began: it is read again as soon as it can be.
    pub(super) fn recalled(read: Read, mounts: Vec<Arc<Mount>>) -> Self {
        Self { read: Arc::new(read), stamps: (None, None), mounts, folder: false, base: false }
    }

    /// A folder of this source that could not be looked into.
    pub(super) fn closed(folder: &Path, error: &std::io::Error, source: &Source) -> Self {
        let base = source.paths.iter().any(|pattern| pattern.begins_at(folder));
        let detail = Some(error.to_string().into());
        let read = Read { faults: vec![Fault::of(folder, error)], detail, ..Read::default() };
        Self { folder: true, base, ..Self::recalled(read, Vec::new()) }
    }

    /// Whether it is told of in this source.
    pub(super) fn counts(&self, path: &Path, source: &Source) -> bool {
        self.base || self.read.counts(path, source)
    }

    /// The same, told from memory for this cause.
    fn unseen(&self, fault: Fault, at: SystemTime) -> Self {
        let read = if self.read.remembered.is_some() && *self.read.faults == [fault] {
            Arc::clone(&self.read)
        } else {
            Arc::new(self.read.unseen(fault, at))
        };
        Self { read, stamps: (None, None), mounts: self.mounts.clone(), folder: false, base: false }
    }

    /// Whether the file can be taken for the one that was read.
    fn is(&self, stamps: &(Option<Stamp>, Option<Stamp>)) -> bool {
        // What is not there has no stamp, and neither has what could not be looked at.
        let seen = stamps.0.is_some() || *self.read.faults == [Fault::NotFound];
        seen && self.stamps == *stamps && lasting(&self.read) && undisturbed(&self.read)
    }
}

/// What a scan came to.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    /// Its files, and the folders that are closed.
    pub(super) files: BTreeMap<PathBuf, Entry>,
    /// The folders that they were found in.
    pub(super) folders: BTreeSet<PathBuf>,
    /// How many of these the kernel tells changes of.
    pub(super) watched: usize,
    /// When it ended, by both clocks.
    pub(super) at: SystemTime,
    pub(super) ended: Instant,
    pub(super) took: Duration,
    /// How many files had to be read.
    pub(super) read: usize,
}

impl Scan {
    /// Of these files, as they were seen at a moment; none of them now.
    pub(super) fn recalled(files: BTreeMap<PathBuf, Entry>, at: SystemTime) -> Self {
        let (folders, ended, took) = (BTreeSet::new(), Instant::now(), Duration::ZERO);
        Self { files, folders, watched: 0, at, ended, took, read: 0 }
    }

    /// The same of fewer files.
    pub(super) fn of(&self, wanted: impl Fn(&Path) -> bool) -> Self {
        let mut fewer = self.clone();
        fewer.files.retain(|path, _| wanted(path));
        fewer
    }

    /// The same, each file of which is to be read again: something else that it is read with has changed.
    pub(super) fn to_be_read_again(&self) -> Self {
        let mut again = self.clone();
        for entry in again.files.values_mut() {
            entry.stamps = (None, None);
        }
        again
    }

    /// How many files are told of from memory, at least in part.
    pub(super) fn remembered(&self) -> usize {
        self.files.values().filter(|file| file.read.is_remembered()).count()
    }

    /// Whether the same is known of the same files, as far as it is kept for after a restart. A file may have been read again
    /// without saying anything else.
    pub(super) fn knows_the_same(&self, other: &Self) -> bool {
        fn known(scan: &Scan) -> impl Iterator<Item = (&PathBuf, &Entry)> {
            scan.files.iter().filter(|(_, entry)| !entry.read.is_empty())
        }
        let same = |((path, file), (other, before)): ((&PathBuf, &Entry), (&PathBuf, &Entry))| {
            let read = Arc::ptr_eq(&file.read, &before.read) || file.read.knows_the_same(&before.read);
            path == other && read && file.mounts == before.mounts
        };
        known(self).count() == known(other).count() && known(self).zip(known(other)).all(same)
    }
}

/// Scans a source; `before` is what the last scan found.
pub(super) fn scan(source: &Source, before: Option<&Scan>) -> Scan {
    let began = Instant::now();
    let mut found = find(&source.paths, &source.exclude);
    // What was found before and is there still, though no way of the pattern's leads to it any more: `**` goes through no links.
    for (path, entry) in before.into_iter().flat_map(|before| &before.files) {
        let is_lost = !entry.read.is_empty() && !found.files.contains(path);
        if is_lost && !source.excludes(path) && path.is_file() {
            found.files.insert(path.clone());
        }
    }
    let mut mounts = Mounts::default();
    let (mut files, mut count) = (BTreeMap::new(), 0);
    for path in &found.files {
        let stamps = (Stamp::at(path), key_stamp(path));
        let known = before.and_then(|before| Some((before.files.get(path)?, before.at)));
        let entry = match known.filter(|(known, _)| known.is(&stamps)) {
            Some((known, _)) => known.clone(),
            None => {
                count += 1;
                look(path, stamps, source, known, &mut mounts)
            }
        };
        files.insert(path.clone(), entry);
    }
    for (path, entry) in before.into_iter().flat_map(|before| &before.files) {
        if !files.contains_key(path)
            && let Some(fault) = unseen(path, entry, &found)
            && let Some(before) = before
        {
            files.insert(path.clone(), entry.unseen(fault, before.at));
        }
    }
    let mut folders = found.folders;
    for entry in files.values() {
        let others = entry.read.others.iter().filter_map(|(other, _)| other.parent());
        folders.extend(others.filter(|folder| folder.is_dir()).map(Path::to_owned));
    }
    for (folder, error) in found.closed {
        let entry = Entry::closed(&folder, &error, source);
        files.insert(folder, entry);
    }
    let at = SystemTime::now();
    Scan { files, folders, watched: 0, at, ended: Instant::now(), took: began.elapsed(), read: count }
}

/// Reads a file that is not known, or has changed.
fn look(
    path: &Path,
    stamps: (Option<Stamp>, Option<Stamp>),
    source: &Source,
    known: Option<(&Entry, SystemTime)>,
    mounts: &mut Mounts,
) -> Entry {
    let mut read = read(path, &source.passwords);
    if let Some((known, at)) = known {
        if *read.faults == [Fault::NotFound] && lost(known) {
            read.faults = vec![Fault::NotMounted];
        }
        read = read.with_memory(&known.read, at);
    }
    let mounts = match known {
        // Where it was, not where a link of the same name may lead now.
        Some((known, _)) if read.remembered.is_some() => known.mounts.clone(),
        _ => mounts.of(path),
    };
    Entry { read: Arc::new(read), stamps, mounts, folder: false, base: false }
}

/// Why a file that was known, and is not found, cannot be told to be gone; `None` if it is.
fn unseen(path: &Path, known: &Entry, found: &Found) -> Option<Fault> {
    if known.read.is_empty() {
        return None;
    }
    if let Some((folder, error)) = found.closed.iter().find(|(folder, _)| path.starts_with(folder)) {
        return Some(Fault::of(folder, error));
    }
    if lost(known) {
        return Some(Fault::NotMounted);
    }
    match std::fs::metadata(path) {
        // A container engine makes a folder in the place of a file that it is to show and does not find.
        Ok(meta) => meta.is_dir().then_some(Fault::NoCertificate),
        Err(error) => Some(Fault::of(path, &error)).filter(|fault| fault.hides()),
    }
}

fn lost(known: &Entry) -> bool {
    !known.read.is_empty() && known.mounts.iter().any(|mount| mount.is_missing())
}

/// Whether the other files that it was made of are as they were.
fn undisturbed(read: &Read) -> bool {
    read.others.iter().all(|(path, stamp)| Stamp::at(path) == *stamp)
}

/// Whether what was read stays true while the file's stamp does. Rights change without a trace in the file, and a file system
/// may come back.
fn lasting(read: &Read) -> bool {
    use Fault::{KeyUnreadable, NotMounted, PermissionDenied, ReadFailed};
    let passing = |fault: &Fault| matches!(fault, PermissionDenied | ReadFailed | KeyUnreadable | NotMounted);
    !read.faults.iter().any(passing)
}
