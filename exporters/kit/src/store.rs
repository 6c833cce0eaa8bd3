//! What is kept through a restart: small JSON documents in the folder that `$STATE_DIRECTORY` names, as systemd's
//! `StateDirectory=` and the compose file set it. Without the variable nothing is kept.
//!
//! A document is what its reader cannot see again: one that cannot be read is not written over, but put aside.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use nix::fcntl::OFlag;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The variable.
pub const VARIABLE: &str = "STATE_DIRECTORY";
/// No larger document is read, in bytes.
const LARGEST: u64 = 256 << 20;
/// No document's file has a longer name, `.json` and what may follow it left aside: file systems take 255 bytes.
const LONGEST_NAME: usize = 180;

/// A folder of documents. Clones are one.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    lock: Mutex<Lock>,
    /// The documents that could not be read, and lie where others will.
    bad: Mutex<BTreeSet<String>>,
}

/// The folder's lock (flock): of two processes that keep the same documents each overwrites what the other one knows.
#[derive(Debug, Default)]
enum Lock {
    #[default]
    NotTried,
    /// Held for as long as the file is open.
    Held(#[expect(dead_code, reason = "it is there to be closed with this")] File),
    /// Another process has it, which was told.
    Elsewhere,
    /// The file system has no locks.
    None,
}

/// As much of a document as tells of what form it is.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Store {
    /// In this folder.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, shared: Arc::default() }
    }

    /// In the folder that the environment names; of several (systemd separates them by colons) the first.
    #[must_use]
    pub fn of_process() -> Option<Self> {
        let value = std::env::var_os(VARIABLE)?;
        let first = std::env::split_paths(&value).next().filter(|folder| folder.is_absolute())?;
        Some(Self::new(first))
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Puts a document in the place of the one of the same name, whole or not at all, also when the power fails. It may be
    /// read by this user alone. Its number `version` is what [`Store::recall`] asks for.
    ///
    /// # Errors
    /// Of the system.
    pub fn keep(&self, name: &str, document: &impl Serialize) -> io::Result<()> {
        self.claim();
        let place = self.place(name);
        self.put_aside(name, &place)?;
        let new = suffixed(&place, &format!(".{}.new", std::process::id()));
        // Of a process of the same number that ended halfway.
        let _ = fs::remove_file(&new);
        let kept = write(&new, document).and_then(|()| fs::rename(&new, &place));
        if kept.is_err() {
            // On a full disk it would stand in its own way.
            let _ = fs::remove_file(&new);
        }
        kept
    }

    /// The document of this name; `None` if there is none.
    ///
    /// # Errors
    /// It cannot be read, or is not what is wanted, or of another version. Then [`Store::keep`] puts it aside before another
    /// takes its place, as the error's text says.
    pub fn recall<T: DeserializeOwned>(&self, name: &str, version: u32) -> io::Result<Option<T>> {
        let place = self.place(name);
        read(&place, version).map_err(|error| {
            lock(&self.shared.bad).insert(name.to_owned());
            let (place, aside) = (place.display(), aside(&place));
            let text = format!(
                "{place}: {error}; before another takes its place it is put aside as {}",
                aside.display()
            );
            io::Error::new(error.kind(), text)
        })
    }

    /// Takes a document that could not be read out of the way of the next one.
    fn put_aside(&self, name: &str, place: &Path) -> io::Result<()> {
        let mut bad = lock(&self.shared.bad);
        if !bad.contains(name) {
            return Ok(());
        }
        let aside = aside(place);
        match fs::rename(place, &aside) {
            Ok(()) => {
                let (document, aside) = (place.display(), aside.display());
                tracing::warn!(%document, %aside, "what could not be read is put aside; what was known before this start is in it");
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        bad.remove(name);
        Ok(())
    }

    /// Takes the folder's lock, once, and removes what processes left that ended halfway. Without the lock all goes on: whose
    /// documents they are is for the operator to say.
    fn claim(&self) {
        let mut known = lock(&self.shared.lock);
        if matches!(*known, Lock::Held(_) | Lock::None) {
            return;
        }
        let Ok(folder) = File::open(&self.folder) else { return };
        *known = match folder.try_lock() {
            Ok(()) => {
                self.sweep();
                Lock::Held(folder)
            }
            Err(TryLockError::WouldBlock) => {
                if matches!(*known, Lock::NotTried) {
                    let folder = self.folder.display();
                    tracing::warn!(
                        %folder,
                        "another process keeps what it knows here, too, and each overwrites what the other one wrote: give each \
                         its own STATE_DIRECTORY"
                    );
                }
                Lock::Elsewhere
            }
            Err(TryLockError::Error(error)) => {
                tracing::debug!(folder = %self.folder.display(), %error, "the state directory cannot be locked");
                Lock::None
            }
        };
    }

    /// Removes half-written documents.
    fn sweep(&self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".new")?.rsplit_once(".json."));
            if number.is_some_and(|(_, number)| number.parse::<u32>().is_ok()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Where a document is. What could lead elsewhere, or is no text, becomes `%NN`; of a name that is too long for a file's
    /// the beginning is left, and a number that stands for the whole.
    fn place(&self, name: &str) -> PathBuf {
        let mut file = String::with_capacity(name.len() + 5);
        for byte in name.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => file.push(char::from(byte)),
                _ => file.push_str(&format!("%{byte:02x}")),
            }
        }
        if file.len() > LONGEST_NAME {
            file.truncate(LONGEST_NAME - 17);
            file.push('~');
            let whole = digest(&SHA256, name.as_bytes());
            file.extend(whole.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")));
        }
        self.folder.join(file + ".json")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn aside(place: &Path) -> PathBuf {
    suffixed(place, ".bad")
}

fn suffixed(place: &Path, suffix: &str) -> PathBuf {
    let mut path = place.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// Writes a file that is not there yet.
fn write(place: &Path, document: &impl Serialize) -> io::Result<()> {
    let file = File::options().write(true).create_new(true).mode(0o600).open(place)?;
    let mut out = BufWriter::new(file);
    serde_json::to_writer(&mut out, document)?;
    out.flush()?;
    out.get_ref().sync_all()
}

fn read<T: DeserializeOwned>(place: &Path, version: u32) -> io::Result<Option<T>> {
    // Whoever opens a pipe would wait for its writer.
    let file = match File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(place) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let (meta, wrong) = (file.metadata()?, |cause: String| io::Error::new(ErrorKind::InvalidData, cause));
    if !meta.is_file() {
        return Err(wrong("not a regular file".to_owned()));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len().min(LARGEST)).unwrap_or(0));
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(wrong(format!("more than {} MiB", LARGEST >> 20)));
    }
    // First what a document of any form has: the rest of another one's is not understood.
    let Versioned { version: own } = serde_json::from_slice(&bytes)?;
    if own != version {
        return Err(wrong(format!("its form is {own}, and {version} is what this version reads")));
    }
    Ok(Some(serde_json::from_slice(&bytes)?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize, Serialize)]
    struct Note {
        version: u32,
        text: String,
    }

    fn note(text: &str) -> Note {
        Note { version: 1, text: text.to_owned() }
    }

    fn recalled(store: &Store, name: &str) -> Option<String> {
        store.recall::<Note>(name, 1).unwrap().map(|note| note.text)
    }

    fn files(folder: &Path) -> Vec<String> {
        let all = fs::read_dir(folder).unwrap().flatten();
        let mut names: Vec<_> = all.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_kept_is_recalled() {
        let lab = tempfile::tempdir().unwrap();
        let store = Store::new(lab.path().to_owned());
        assert_eq!(recalled(&store, "a"), None);
        let long = |end: char| format!("{}{end}", "ä/".repeat(400));
        let all = ["a", "../a", "a/b", "ä", ".", &long('a'), &long('b'), &"x".repeat(256)];
        for name in all {
            store.keep(name, &note(name)).unwrap();
        }
        for name in all {
            assert_eq!(recalled(&store, name).as_deref(), Some(name));
        }
        store.keep("a", &note("other")).unwrap();
        assert_eq!(recalled(&store, "a").as_deref(), Some("other"));
        let files: Vec<_> = fs::read_dir(lab.path()).unwrap().flatten().collect();
        assert_eq!(files.len(), all.len(), "{files:?}");
        for file in files {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
        }
    }

    #[test]
    fn what_cannot_be_written_leaves_what_was_there_and_nothing_else() {
        let lab = tempfile::tempdir().unwrap();
        let store = Store::new(lab.path().join("none"));
        assert_eq!(store.keep("a", &note("a")).unwrap_err().kind(), ErrorKind::NotFound);
        let store = Store::new(lab.path().to_owned());
        // Of a process that is gone, and of none.
        for name in ["a.json.4000000000.new", "a.json.bad", "note.new"] {
            fs::write(lab.path().join(name), "").unwrap();
        }
        store.keep("b", &note("b")).unwrap();
        let unwritable = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert!(store.keep("b", &unwritable).is_err());
        assert_eq!(recalled(&store, "b").as_deref(), Some("b"));
        assert_eq!(files(lab.path()), ["a.json.bad", "b.json", "note.new"]);
    }

    #[test]
    fn what_cannot_be_read_is_put_aside_when_another_comes_and_not_before() {
        for text in ["", "{", "\"text\"", r#"{"version":2,"text":"a"}"#, r#"{"version":1}"#, "pipe", "folder"]
        {
            let lab = tempfile::tempdir().unwrap();
            let (place, aside) = (lab.path().join("a.json"), lab.path().join("a.json.bad"));
            match text {
                "pipe" => nix::unistd::mkfifo(&place, nix::sys::stat::Mode::S_IRWXU).unwrap(),
                "folder" => fs::create_dir(&place).unwrap(),
                text => fs::write(&place, text).unwrap(),
            }
            let store = Store::new(lab.path().to_owned());
            for _ in 0..2 {
                let error = store.recall::<Note>("a", 1).unwrap_err().to_string();
                let names = [&place, &aside].map(|path| path.to_str().unwrap());
                assert!(names.iter().all(|name| error.contains(name)), "{text:?}: {error}");
            }
            assert_eq!(files(lab.path()), ["a.json"], "{text:?}: who only reads changes nothing");
            for told in ["new", "newer"] {
                store.clone().keep("a", &note(told)).unwrap();
                assert_eq!(recalled(&store, "a").as_deref(), Some(told));
                assert_eq!(files(lab.path()), ["a.json", "a.json.bad"], "{text:?}");
            }
            if aside.is_file() {
                assert_eq!(fs::read_to_string(&aside).unwrap(), text);
            }
        }
    }

    #[test]
    fn of_two_that_keep_in_one_folder_one_has_the_lock() {
        let lab = tempfile::tempdir().unwrap();
        let stores = [0, 1].map(|_| Store::new(lab.path().to_owned()));
        let holds = |store: &Store| matches!(*lock(&store.shared.lock), Lock::Held(_));
        for _ in 0..2 {
            for store in &stores {
                store.keep("a", &note("a")).unwrap();
            }
            assert_eq!(stores.each_ref().map(holds), [true, false]);
        }
        // When the one is gone, the other has it.
        let [first, second] = stores;
        drop(first);
        second.keep("a", &note("b")).unwrap();
        assert!(holds(&second));
    }
}
