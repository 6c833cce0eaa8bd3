//! One file: its certificates, its faults, its key.

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::SystemTime;

use wire::tls::Certificate;

use super::faults::Fault;
use super::formats::{self, Content};
use super::key;

/// No larger file is read: it is no certificate.
const LARGEST: u64 = 4 << 20;

/// By what a file is known to be the one that was read. Through a link it is the target's: certbot renews by pointing the
/// link elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    modified: (i64, i64),
    size: u64,
}

impl Stamp {
    fn of(meta: &Metadata) -> Self {
        let modified = (meta.mtime(), meta.mtime_nsec());
        Self { device: meta.dev(), inode: meta.ino(), modified, size: meta.size() }
    }

    /// Of the file at this place; `None` if there is none that can be looked at.
    pub(super) fn at(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|meta| Self::of(&meta))
    }
}

/// What a file is.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Its certificates, in order.
    pub(super) certificates: Vec<Certificate>,
    /// What is wrong with it, each once.
    pub(super) faults: Vec<Fault>,
    /// When it was last changed.
    pub(super) modified: Option<SystemTime>,
    /// Whether the private key, in the file or beside it, is the first certificate's.
    pub(super) key_matches: Option<bool>,
    /// Nothing but a private key, beside a certificate or not: no file of ours.
    pub(super) only_key: bool,
}

/// Reads a file, and the key beside it.
pub(super) fn read(path: &Path) -> Read {
    let (content, modified) = match content(path) {
        Ok(read) => read,
        Err(fault) => return Read { faults: vec![fault], ..Read::default() },
    };
    let only_key =
        content.certificates.is_empty() && (content.key.is_some() || content.faults == [Fault::KeyEncrypted]);
    let mut read = Read { faults: content.faults, modified, only_key, ..Read::default() };
    if let Some(first) = content.certificates.first() {
        read.key_matches = match content.key {
            Some(key) => key::matches(&key, first),
            None => beside(path, first, &mut read.faults),
        };
    }
    read.certificates = content.certificates;
    read.faults.sort_unstable();
    read.faults.dedup();
    read
}

/// Whether the key in the file beside a certificate's is its own; `None` if there is no such file, or it cannot be read.
fn beside(path: &Path, certificate: &Certificate, faults: &mut Vec<Fault>) -> Option<bool> {
    let place = key::beside(path).into_iter().find(|place| place.exists())?;
    let content = match content(&place) {
        Ok((content, _)) => content,
        Err(_) => {
            faults.push(Fault::KeyUnreadable);
            return None;
        }
    };
    let verdict = content.key.as_ref().and_then(|key| key::matches(key, certificate));
    if verdict.is_none() {
        let encrypted = content.faults.contains(&Fault::KeyEncrypted);
        faults.push(if encrypted { Fault::KeyEncrypted } else { Fault::KeyUnreadable });
    }
    verdict
}

/// The stamps of the files beside this one that its key may be in: a key that is changed, too, is a change.
pub(super) fn key_stamp(path: &Path) -> Option<Stamp> {
    key::beside(path).iter().find_map(|place| Stamp::at(place))
}

fn content(path: &Path) -> Result<(Content, Option<SystemTime>), Fault> {
    let told = |error: std::io::Error| {
        let fault = Fault::of(&error);
        if fault == Fault::ReadFailed {
            tracing::warn!(path = %path.display(), error = %error, "a file cannot be read");
        }
        fault
    };
    // Looked at before it is opened: to open a pipe would wait for a writer.
    let meta = std::fs::metadata(path).map_err(told)?;
    if !meta.is_file() {
        return Err(Fault::NoCertificate);
    }
    if meta.size() > LARGEST {
        return Err(Fault::TooLarge);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.size()).unwrap_or(0));
    let file = File::open(path).map_err(told)?;
    // It may grow while it is read.
    file.take(LARGEST).read_to_end(&mut bytes).map_err(told)?;
    Ok((formats::read(&bytes), meta.modified().ok()))
}
