//! What a scrape shows of the files, and its descriptions.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use kit::{Desc, Page};
use wire::tls::Certificate;

use super::faults::FAULTS;
use super::label::label;
use super::read::{Read, is_servers};
use super::revocation;
use super::watch::Entry;
use crate::facts::{ROLES, Role};
use crate::metrics::{certificate, count, flag, seconds};
use crate::renewal::{POLICIES, Policy};

const SOURCE: &[&str] = &["source"];
const FILE: &[&str] = &["source", "path"];
const PLACE: &[&str] = &["source", "path", "position", "role"];

/// Files.
pub const FILES: Desc = Desc::gauge(
    "tls_source_files",
    "Files that the source's patterns name, those that are told of from memory among them. 0: nothing is there, or a folder \
     above is closed.",
)
.labels(SOURCE);
/// Whether there may be none.
pub const ONLY_CERTIFICATES: Desc = Desc::gauge(
    "tls_source_only_certificates",
    "Whether files without certificates are none of the source's (only_certificates): it looks for certificates among other \
     things, and 0 files are no fault.",
)
.labels(SOURCE);
/// Files with faults.
pub const FAULTY: Desc = Desc::gauge(
    "tls_source_faulty_files",
    "Files of the source with something wrong (tls_file_error_info, but for a private key that cannot be seen), and folders that \
     cannot be looked into.",
)
.labels(SOURCE);
/// Files from memory.
pub const REMEMBERED: Desc = Desc::gauge(
    "tls_source_remembered_files",
    "Files of the source that cannot be seen now, wholly or in part (tls_file_error_info says why), and are told of as they \
     were last seen (tls_file_last_seen_timestamp_seconds): until they can be read, or are seen to be gone.",
)
.labels(SOURCE);
/// When it was scanned.
pub const SCANNED: Desc = Desc::gauge(
    "tls_source_scan_timestamp_seconds",
    "When the source was last scanned, in seconds since 1970; what is told of its files is of that time.",
)
.labels(SOURCE);
/// How often it is scanned.
pub const INTERVAL: Desc = Desc::gauge(
    "tls_source_interval_seconds",
    "From one scan of the source to the next. There before the first scan has ended.",
)
.labels(SOURCE);
/// When it was kept.
pub const KEPT: Desc = Desc::gauge(
    "tls_source_kept_timestamp_seconds",
    "Of what time what is known of the source's files was last kept in the state directory, in seconds since 1970: it is known \
     after a restart, also of files that then cannot be seen. Absent if it is not kept: STATE_DIRECTORY is not set, or it \
     cannot be written.",
)
.labels(SOURCE);
/// How long it took.
pub const TOOK: Desc =
    Desc::gauge("tls_source_scan_duration_seconds", "How long the last scan of the source took.")
        .labels(SOURCE);
/// Folders that are watched.
pub const WATCHED: Desc = Desc::gauge(
    "tls_source_watched_folders",
    "Folders of the source whose changes the kernel tells at once. What it does not tell, on network file systems above all, \
     is found at the next look.",
)
.labels(SOURCE);
/// What is wrong.
pub const ERROR: Desc = Desc::info(
    "tls_file_error_info",
    "What is wrong with a file, or with a folder that the source's patterns lead through. What is good in it is shown all \
     the same.",
)
.labels(&["source", "path", "reason"])
.closed("reason", FAULTS);
/// From memory.
pub const LAST_SEEN: Desc = Desc::gauge(
    "tls_file_last_seen_timestamp_seconds",
    "When what is told of the file was last seen, in seconds since 1970, if it cannot be seen now. Absent of a file that can \
     be read.",
)
.labels(FILE);
/// Certificates.
pub const CERTIFICATES: Desc = Desc::gauge(
    "tls_file_certificates",
    "Certificates in the file that can be read; the first 16 are shown.",
)
.labels(FILE);
/// When it was changed.
pub const MODIFIED: Desc = Desc::gauge(
    "tls_file_modified_timestamp_seconds",
    "When the file was last changed, in seconds since 1970.",
)
.labels(FILE);
/// Key.
pub const KEY: Desc = Desc::gauge(
    "tls_file_key_matches",
    "Whether the private key, in the file or beside it (privkey.pem, NAME.key, NAME-key.pem), is that of the file's first \
     certificate. Absent if there is none, or it cannot be read. Of a keystore's or kubeconfig's entry the path is \
     FILE#ENTRY, unless it is a keystore's only one. In the path of every metric what is no UTF-8 is \\xNN, a # of the \
     file's own name \\x23, and a backslash two.",
)
.labels(FILE);
/// Order.
pub const IN_ORDER: Desc = Desc::gauge(
    "tls_file_chain_in_order",
    "Whether each certificate of the file is followed by its issuer's. Of PEM files that begin with a server's certificate.",
)
.labels(FILE);
/// The last moment.
pub const NOT_AFTER: Desc = Desc::gauge(
    "tls_file_certificate_not_after_timestamp_seconds",
    "The last moment of validity of each certificate in the file, the first at position 0.",
)
.labels(PLACE)
.closed("role", ROLES);
/// The first moment.
pub const NOT_BEFORE: Desc = Desc::gauge(
    "tls_file_certificate_not_before_timestamp_seconds",
    "The first moment of validity of each certificate in the file.",
)
.labels(PLACE)
.closed("role", ROLES);
/// When it is due.
pub const DUE: Desc = Desc::gauge(
    "tls_file_certificate_renewal_due_timestamp_seconds",
    "When the file's certificate, of those that are a server's the first that is due, should have been renewed.",
)
.labels(&["source", "path", "policy"])
.closed("policy", POLICIES);
/// Identity.
pub const INFO: Desc = Desc::info(
    "tls_file_certificate_info",
    "The file's first certificate: names, issuer, serial number and fingerprints in hexadecimal, key, signature, and up to \
     20 of its alternative names with commas between.",
)
.labels(&[
    "source",
    "path",
    "subject_cn",
    "issuer_cn",
    "issuer_o",
    "serial",
    "fingerprint_sha256",
    "spki_sha256",
    "key_type",
    "key_bits",
    "signature_algorithm",
    "san",
    "san_count",
]);

/// Everything that a page of files can have.
pub const DESCS: &[&Desc] = &[
    &FILES,
    &ONLY_CERTIFICATES,
    &FAULTY,
    &REMEMBERED,
    &SCANNED,
    &INTERVAL,
    &KEPT,
    &TOOK,
    &WATCHED,
    &ERROR,
    &LAST_SEEN,
    &CERTIFICATES,
    &MODIFIED,
    &KEY,
    &IN_ORDER,
    &NOT_AFTER,
    &NOT_BEFORE,
    &DUE,
    &INFO,
    &revocation::NEXT_UPDATE,
    &revocation::THIS_UPDATE,
    &revocation::REVOKED,
];

/// The page of all sources.
pub(super) fn page(entries: &[Arc<Entry>]) -> Page {
    let mut page = Page::with_capacity(entries.len() * 16, 64);
    for entry in entries {
        let source = entry.source.name.as_str();
        page.family(&INTERVAL).push(&[source], entry.source.interval.as_secs_f64());
        if let Some(at) = entry.kept_at() {
            page.family(&KEPT).push(&[source], timestamp(at));
        }
        let Some(scan) = entry.last() else { continue };
        let mut set = |desc: &Desc, value: f64| {
            page.family(desc).push(&[source], value);
        };
        let files = || scan.files.iter().filter(|(path, file)| file.counts(path, &entry.source));
        set(&FILES, count(files().filter(|(_, file)| !file.folder).count()));
        set(&ONLY_CERTIFICATES, flag(entry.source.only_certificates));
        set(&FAULTY, count(files().filter(|(_, file)| file.read.first_fault().is_some()).count()));
        set(&REMEMBERED, count(scan.remembered()));
        set(&SCANNED, timestamp(scan.at));
        set(&TOOK, scan.took.as_secs_f64());
        set(&WATCHED, count(scan.watched));
        for (path, file) in files() {
            one(&mut page, source, path, &file.read, entry.source.policy(path));
        }
    }
    page
}

pub(super) fn one(page: &mut Page, source: &str, path: &Path, read: &Read, renewal: Policy) {
    told(page, source, &label(path), read, renewal);
}

fn told(page: &mut Page, source: &str, path: &str, read: &Read, renewal: Policy) {
    for fault in &read.faults {
        page.family(&ERROR).push(&[source, path, fault.word()], 1.0);
    }
    revocation::write(page, [source, path], &read.lists);
    for (name, part) in &read.parts {
        told(page, source, &format!("{path}#{name}"), part, renewal);
    }
    if let Some(seen) = read.remembered {
        page.family(&LAST_SEEN).push(&[source, path], timestamp(seen));
    }
    let Some(first) = read.certificates.first() else { return };
    let mut set = |desc: &Desc, value: f64| {
        page.family(desc).push(&[source, path], value);
    };
    set(&CERTIFICATES, count(read.certificates.len()));
    if let Some(modified) = read.modified {
        set(&MODIFIED, timestamp(modified));
    }
    if let Some(matches) = read.key_matches {
        set(&KEY, flag(matches));
    }
    if read.serves() && !read.unordered {
        let ordered = read.certificates.windows(2).all(|pair| pair[0].issuer == pair[1].subject);
        set(&IN_ORDER, flag(ordered));
    }
    // Whatever stands before it: a server may use any of them, and the first that ends is the first that fails.
    let servers = |(position, certificate): &(usize, &Certificate)| {
        is_servers(certificate) || (*position == 0 && read.serves())
    };
    let due = read.certificates.iter().enumerate().filter(servers);
    if let Some(due) = due.map(|(_, certificate)| read.due(certificate, renewal)).min_by_key(|due| due.at) {
        page.family(&DUE).push(&[source, path, due.policy], seconds(due.at));
    }
    let placed = read
        .certificates
        .iter()
        .enumerate()
        .map(|(position, facts)| (position, facts, role(read.serves(), position, facts)));
    certificate::dates(page, [&NOT_AFTER, &NOT_BEFORE], [source, path], placed);
    certificate::identity(page, &INFO, [source, path], first);
}

/// What a certificate is at its position in a file of which the first is a server's or not.
pub(super) fn role(serves: bool, position: usize, certificate: &Certificate) -> Role {
    let is_leaf = is_servers(certificate) || (serves && position == 0);
    if is_leaf { Role::Leaf } else { Role::of(certificate, 1) }
}

fn timestamp(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
