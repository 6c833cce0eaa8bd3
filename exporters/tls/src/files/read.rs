//! One file: its certificates, its faults, its key.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kit::config::Secret;
use nix::fcntl::OFlag;
use serde::{Deserialize, Serialize};
use wire::tls::{Certificate, RevocationList};

use super::faults::Fault;
use super::formats::{self, Content};
use super::source::Source;
use super::{certbot, key};
use crate::renewal::Policy;

/// No larger file is read: it is no certificate.
const LARGEST: u64 = 4 << 20;

/// By what a file is known to be the one that was read. Through a link it is the target's: certbot renews by pointing the
/// link elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    modified: (i64, i64),
    /// Of anything about it, which nobody can set: a file may be rewritten within one tick, or its time put back.
    changed: (i64, i64),
    size: u64,
}

impl Stamp {
    fn of(meta: &Metadata) -> Self {
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
            size: meta.size(),
        }
    }

    /// Of the file at this place; `None` if there is none that can be looked at.
    pub(super) fn at(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|meta| Self::of(&meta))
    }
}

/// What a file is.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Read {
    /// Its certificates, in order.
    pub(super) certificates: Vec<Certificate>,
    /// Whether their order is the format's, and nobody's merit or mistake.
    pub(super) unordered: bool,
    /// Its revocation lists.
    #[serde(with = "super::keep::shared")]
    pub(super) lists: Vec<Arc<RevocationList>>,
    /// What has a name of its own in it; parts have no parts, faults and lists.
    pub(super) parts: Vec<(String, Read)>,
    /// When it was last seen, if it is told from memory since it cannot be seen now.
    pub(super) remembered: Option<SystemTime>,
    /// What is wrong with it, each once.
    #[serde(skip)]
    pub(super) faults: Vec<Fault>,
    /// What the system said of one that cannot be read.
    #[serde(skip)]
    pub(super) detail: Option<Box<str>>,
    /// How many of its parts could not be read.
    #[serde(skip)]
    pub(super) unread: usize,
    /// How many could not be when nothing of it was told from memory.
    #[serde(default)]
    pub(super) usual: usize,
    /// When it was last changed, as its time of modification has it.
    pub(super) modified: Option<SystemTime>,
    /// Since when at the latest what is in it is there.
    #[serde(default)]
    pub(super) written: Option<SystemTime>,
    /// Whether the private key, in the file or beside it, is the first certificate's.
    pub(super) key_matches: Option<bool>,
    /// When its first certificate is due, if a program that renews it has written that down.
    pub(super) renewal: Option<Policy>,
    /// Other files that this was made of, and how they were: what they say changes what is told of this one.
    #[serde(skip)]
    pub(super) others: Vec<(PathBuf, Option<Stamp>)>,
}

/// Reads a file, the key beside it, and what else belongs to it.
pub(super) fn read(path: &Path, passwords: &[Secret]) -> Read {
    let (content, meta) = match content(path, passwords) {
        Ok(read) => read,
        Err((fault, detail)) => {
            let unread = usize::from(fault.hides());
            return Read { faults: vec![fault], detail, unread, ..Read::default() };
        }
    };
    let Content { certificates, key, lists, parts, mut faults, unordered, others } = content;
    let empty = certificates.is_empty() && lists.is_empty() && parts.is_empty();
    if empty && (key.is_some() || faults == [Fault::KeyEncrypted]) {
        faults = vec![Fault::OnlyKey];
    }
    let key_matches = certificates.first().and_then(|first| match key {
        Some(key) => key::matches(&key, first),
        // A keystore has its keys in it.
        None if unordered => None,
        None => beside(path, first, passwords, &mut faults),
    });
    let unread = faults.iter().filter(|fault| fault.hides()).count();
    faults.sort_unstable();
    faults.dedup();
    let mut others: Vec<_> = others.into_iter().map(stamped).collect();
    let mut renewal = None;
    if let Some(place) = certbot::configuration(path) {
        renewal = certbot::read(&place);
        others.push(stamped(place));
    }
    let modified = meta.modified().ok();
    let parts = named(parts, modified);
    let lists = lists.into_iter().map(Arc::new).collect();
    Read {
        certificates,
        unordered,
        lists,
        parts,
        remembered: None,
        faults,
        detail: None,
        unread,
        usual: unread,
        modified,
        written: written(&meta),
        key_matches,
        renewal,
        others,
    }
}

impl Read {
    /// Whether it is told of in this source.
    pub(super) fn counts(&self, path: &Path, source: &Source) -> bool {
        use Fault::{BrokenLink, NoCertificate, NotFound, OnlyKey, PermissionDenied};
        let none = match *self.faults {
            // One that lies among the certificates is none of them.
            [OnlyKey] => source.only_certificates || !source.names(path),
            [] | [NoCertificate | NotFound | BrokenLink | PermissionDenied] => source.only_certificates,
            _ => false,
        };
        !(none && self.is_empty())
    }

    /// What is wrong with it first. A key that cannot be seen is none of that: who watches certificates need not see keys.
    pub(super) fn first_fault(&self) -> Option<Fault> {
        self.faults.iter().copied().find(|fault| !fault.hides_key())
    }
}

impl Read {
    /// Whether its first certificate is a server's. The home lab's usual one, signed by itself by `openssl req -x509`, calls
    /// itself an authority, but has the names of a server, or at least its key beside it; the authorities that a system trusts
    /// have neither.
    pub(super) fn serves(&self) -> bool {
        let has_key = self.key_matches.is_some() || self.faults.iter().any(|fault| fault.hides_key());
        self.certificates.first().is_some_and(|first| is_servers(first) || (first.self_issued && has_key))
    }
}

/// Whether a certificate is a server's by what it says: no authority's, or one with the names of a server.
pub(super) fn is_servers(certificate: &Certificate) -> bool {
    !certificate.is_ca || !certificate.dns_names.is_empty() || !certificate.ip_addresses.is_empty()
}

/// Since when at the latest what is in a file is there: when anything about it last changed, which nobody can set. Its time of
/// modification comes with it from elsewhere (`cp -p`, an archive).
fn written(meta: &Metadata) -> Option<SystemTime> {
    let changed = Duration::new(u64::try_from(meta.ctime()).ok()?, u32::try_from(meta.ctime_nsec()).ok()?);
    UNIX_EPOCH.checked_add(changed)
}

fn stamped(path: PathBuf) -> (PathBuf, Option<Stamp>) {
    let stamp = Stamp::at(&path);
    (path, stamp)
}

/// The parts of a file, each under a name that no other has.
fn named(parts: Vec<formats::Part>, modified: Option<SystemTime>) -> Vec<(String, Read)> {
    /// No longer name is told.
    const LONGEST: usize = 100;
    let mut named: Vec<(String, Read)> = Vec::with_capacity(parts.len());
    for (index, part) in parts.into_iter().enumerate() {
        let own: String = part.name.chars().take(LONGEST).collect();
        let is_free = |name: &String| !name.is_empty() && named.iter().all(|(other, _)| other != name);
        // `a.2` may be somebody's own name.
        let others = (index..).map(|number| format!("{own}.{number}"));
        let Some(name) = std::iter::once(own.clone()).chain(others).find(is_free) else { continue };
        let key_matches =
            part.certificates.first().zip(part.key).and_then(|(first, key)| key::matches(&key, first));
        let certificates = part.certificates;
        named.push((name, Read { certificates, modified, key_matches, unordered: true, ..Read::default() }));
    }
    named
}

/// Whether the key in the file beside a certificate's is its own; `None` if there is no such file, or it cannot be read.
fn beside(
    path: &Path,
    certificate: &Certificate,
    passwords: &[Secret],
    faults: &mut Vec<Fault>,
) -> Option<bool> {
    let place = key::beside(path).into_iter().find(|place| may_exist(place))?;
    let content = match content(&place, passwords) {
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

/// Whether there is a file, or something in the way to it, as a link into a closed folder: then it cannot be told that there is
/// none.
fn may_exist(place: &Path) -> bool {
    // No file has a name that is too long for one.
    place.try_exists().unwrap_or_else(|error| error.kind() != ErrorKind::InvalidFilename)
}

/// The stamps of the files beside this one that its key may be in: a key that is changed, too, is a change.
pub(super) fn key_stamp(path: &Path) -> Option<Stamp> {
    key::beside(path).iter().find_map(|place| Stamp::at(place))
}

/// Opens a file without waiting for the writer of a pipe, which may have taken its place.
pub(super) fn open(path: &Path) -> std::io::Result<(File, Metadata)> {
    let file = File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    let meta = file.metadata()?;
    Ok((file, meta))
}

type Unread = (Fault, Option<Box<str>>);

fn content(path: &Path, passwords: &[Secret]) -> Result<(Content, Metadata), Unread> {
    let told = |error: std::io::Error| {
        let fault = Fault::of(path, &error);
        (fault, (fault == Fault::ReadFailed).then(|| error.to_string().into()))
    };
    // Looked at before it is opened, which alone does something to many a device.
    if !std::fs::metadata(path).map_err(told)?.is_file() {
        return Err((Fault::NoCertificate, None));
    }
    let (file, meta) = open(path).map_err(told)?;
    if !meta.is_file() {
        return Err((Fault::NoCertificate, None));
    }
    if meta.size() > LARGEST {
        return Err((Fault::TooLarge, None));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.size()).unwrap_or(0));
    // It may grow while it is read.
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(told)?;
    if bytes.len() as u64 > LARGEST {
        return Err((Fault::TooLarge, None));
    }
    Ok((formats::read(&bytes, path.parent(), passwords), meta))
}
