//! A file that is looked at by hand, once.

use std::path::{Path, PathBuf};

use kit::Page;
use kit::config::Secret;
use wire::tls::Certificate;

use super::faults::FAULTS;
use super::find::find;
use super::label::label;
use super::page;
use super::read::{Read, read};
use super::scan::Entry as Scanned;
use super::{Files, Source};
use crate::facts::Role;
use crate::renewal::{Due, Policy};

/// What a file is.
#[derive(Debug)]
pub struct Inspected {
    path: PathBuf,
    read: Read,
    renewal: Policy,
}

/// A file's certificates, or those of one of its entries.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The entry's name; `None` for the file itself.
    pub name: Option<&'a str>,
    /// The certificates, in order.
    pub certificates: &'a [Certificate],
    /// Whether the first is a server's.
    serves: bool,
    /// Whether the private key is the first one's.
    pub key_matches: Option<bool>,
    /// When the first is due, if it is a server's.
    pub due: Option<Due>,
}

/// A source's files as they are now.
#[derive(Debug)]
pub struct Surveyed {
    /// The source's name.
    pub source: String,
    /// The files that are told of.
    pub files: Vec<Inspected>,
    /// The folders that could not be looked into, each with the cause, as far as that is told.
    pub closed: Vec<(PathBuf, std::io::Error)>,
    /// Whether there are files, told of or not.
    pub any: bool,
    /// Whether it is as it should be that there is no file.
    pub only_certificates: bool,
}

impl Source {
    /// Reads its files now. Waits for a disk.
    #[must_use]
    pub fn survey(&self) -> Surveyed {
        let found = find(&self.paths, &self.exclude);
        let any = !found.files.is_empty();
        let inspected = found.files.into_iter().filter_map(|path| {
            let (read, renewal) = (read(&path, &self.passwords), self.policy(&path));
            read.counts(&path, self).then_some(Inspected { path, read, renewal })
        });
        let files = inspected.collect();
        let is_told = |(folder, error): &(PathBuf, std::io::Error)| {
            Scanned::closed(folder, error, self).counts(folder, self)
        };
        Surveyed {
            source: self.name.clone(),
            files,
            any,
            closed: found.closed.into_iter().filter(is_told).collect(),
            only_certificates: self.only_certificates,
        }
    }
}

impl Entry<'_> {
    /// What a certificate of it is, by its position.
    #[must_use]
    pub fn role(&self, position: usize, certificate: &Certificate) -> Role {
        page::role(self.serves, position, certificate)
    }
}

impl Files {
    /// The files that all sources' patterns name now.
    #[must_use]
    pub fn found(&self) -> Vec<PathBuf> {
        let sources = self.sources();
        sources.iter().flat_map(|source| find(&source.paths, &source.exclude).files).collect()
    }

    /// Reads a file now, with the passwords of all sources; when its certificate is due its own source says, if it has one.
    #[must_use]
    pub fn inspect(&self, path: PathBuf, renewal: Policy) -> Inspected {
        let sources = self.sources();
        let own = sources.iter().find(|source| source.has(&path));
        let renewal = own.map_or(renewal, |source| source.policy(&path));
        let passwords: Vec<Secret> = sources.into_iter().flat_map(|source| source.passwords).collect();
        let read = read(&path, &passwords);
        Inspected { path, read, renewal }
    }
}

impl Inspected {
    /// Its place, as the label of its metrics has it.
    #[must_use]
    pub fn name(&self) -> String {
        label(&self.path).into_owned()
    }

    /// What is wrong with it: each reason with what it means or what the system says, and whether it counts: a key need not be seen.
    pub fn faults(&self) -> impl Iterator<Item = (&'static str, &str, bool)> + '_ {
        let meaning =
            |word: &str| FAULTS.iter().find(|(known, _)| *known == word).map_or("", |(_, meaning)| meaning);
        let detail = self.read.detail.as_deref();
        self.read.faults.iter().map(move |fault| {
            let said = detail.unwrap_or_else(|| meaning(fault.word()));
            (fault.word(), said, !fault.hides_key())
        })
    }

    /// Its revocation lists: issuer, when each was made, when the next one will be, how many certificates it revokes.
    pub fn lists(&self) -> impl Iterator<Item = (&str, i64, Option<i64>, usize)> {
        let lists = self.read.lists.iter();
        lists.map(|list| (list.issuer.as_str(), list.this_update, list.next_update, list.revoked()))
    }

    /// The file itself, and what has a name of its own in it.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let own = std::iter::once((None, &self.read));
        let parts = self.read.parts.iter().map(|(name, read)| (Some(name.as_str()), read));
        own.chain(parts).map(|(name, read)| Entry {
            name,
            certificates: &read.certificates,
            serves: read.serves(),
            key_matches: read.key_matches,
            due: read
                .certificates
                .first()
                .filter(|_| read.serves())
                .map(|first| read.due(first, self.renewal)),
        })
    }

    /// Its metrics, of a source named `once`.
    #[must_use]
    pub fn page(&self) -> Page {
        let mut page = Page::new();
        page::one(&mut page, "once", Path::new(&self.path), &self.read, self.renewal);
        page
    }
}

impl Read {
    /// When a certificate of it is due. What the configuration says outweighs what the renewing program has written down.
    pub(super) fn due(&self, certificate: &Certificate, renewal: Policy) -> Due {
        let renewal = self.renewal.filter(|_| renewal == Policy::Usual).unwrap_or(renewal);
        renewal.due(certificate.not_before, certificate.not_after)
    }
}
