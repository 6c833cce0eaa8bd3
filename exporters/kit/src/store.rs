//! What is kept through a restart: small JSON documents in the folder that `$STATE_DIRECTORY` names, as systemd's
//! `StateDirectory=` and the compose file set it. Without the variable nothing is kept.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The variable.
pub const VARIABLE: &str = "STATE_DIRECTORY";
/// No larger document is read, in bytes.
const LARGEST: u64 = 256 << 20;

/// A folder of documents.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// In this folder.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
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
    /// read by this user alone.
    ///
    /// # Errors
    /// Of the system.
    pub fn keep(&self, name: &str, document: &impl Serialize) -> io::Result<()> {
        let place = self.place(name);
        let new = place.with_extension("new");
        let mut options = File::options();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        let mut out = BufWriter::new(file);
        serde_json::to_writer(&mut out, document)?;
        out.flush()?;
        out.get_ref().sync_all()?;
        fs::rename(&new, &place)
    }

    /// The document of this name; `None` if there is none.
    ///
    /// # Errors
    /// Of the system, or it is not what is wanted.
    pub fn recall<T: DeserializeOwned>(&self, name: &str) -> io::Result<Option<T>> {
        let file = match File::open(self.place(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(serde_json::from_reader(BufReader::new(file.take(LARGEST)))?))
    }

    /// Where a document is. What could lead elsewhere, or is no text, becomes `%NN`.
    fn place(&self, name: &str) -> PathBuf {
        let mut file = String::with_capacity(name.len() + 5);
        for byte in name.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => file.push(char::from(byte)),
                _ => file.push_str(&format!("%{byte:02x}")),
            }
        }
        self.folder.join(file + ".json")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_kept_is_recalled() {
        let lab = tempfile::tempdir().unwrap();
        let store = Store::new(lab.path().to_owned());
        assert_eq!(store.recall::<Vec<u8>>("a").unwrap(), None);
        for name in ["a", "../a", "a/b", "ä", "."] {
            store.keep(name, &name).unwrap();
        }
        for name in ["a", "../a", "a/b", "ä", "."] {
            assert_eq!(store.recall::<String>(name).unwrap().as_deref(), Some(name));
        }
        store.keep("a", &"other").unwrap();
        assert_eq!(store.recall::<String>("a").unwrap().as_deref(), Some("other"));
        let files: Vec<_> = fs::read_dir(lab.path()).unwrap().flatten().collect();
        assert_eq!(files.len(), 5, "{files:?}");
        for file in files {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        let lab = tempfile::tempdir().unwrap();
        let store = Store::new(lab.path().join("none"));
        assert_eq!(store.keep("a", &1).unwrap_err().kind(), ErrorKind::NotFound);
        let store = Store::new(lab.path().to_owned());
        for text in ["", "{", "\"text\""] {
            fs::write(lab.path().join("a.json"), text).unwrap();
            assert!(store.recall::<u8>("a").is_err(), "{text:?}");
        }
        // A document that cannot be written leaves the one of before.
        store.keep("b", &7).unwrap();
        let unwritable = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert!(store.keep("b", &unwritable).is_err());
        assert_eq!(store.recall::<u8>("b").unwrap(), Some(7));
    }
}
