//! What a scrape shows of revocation lists in files, and its descriptions.

use std::sync::Arc;

use kit::{Desc, Page};
use wire::tls::RevocationList;

use crate::metrics::{count, seconds};

const LABELS: &[&str] = &["source", "path", "issuer"];

/// When the next one is due.
pub(super) const NEXT_UPDATE: Desc = Desc::gauge(
    "tls_crl_next_update_timestamp_seconds",
    "When the next revocation list will have been published; clients may refuse every certificate of the issuer by one \
     that is older. Absent if the list does not say.",
)
.labels(LABELS);
/// When it was made.
pub(super) const THIS_UPDATE: Desc =
    Desc::gauge("tls_crl_this_update_timestamp_seconds", "When the revocation list in the file was made.")
        .labels(LABELS);
/// What is in it.
pub(super) const REVOKED: Desc =
    Desc::gauge("tls_crl_revoked_certificates", "Certificates that the revocation list in the file revokes.")
        .labels(LABELS);

/// The lists of a file. Of an issuer's several the newest counts.
pub(super) fn write(page: &mut Page, [source, path]: [&str; 2], lists: &[Arc<RevocationList>]) {
    let newer = |list: &RevocationList, index: usize| {
        let others = lists.iter().enumerate().filter(|(_, other)| other.issuer == list.issuer);
        let newest = others.max_by_key(|(index, other)| (!other.is_delta, other.this_update, *index));
        newest.is_some_and(|(newest, _)| newest == index)
    };
    for (_, list) in lists.iter().enumerate().filter(|(index, list)| newer(list, *index)) {
        let mut set = |desc: &Desc, value: f64| {
            page.family(desc).push(&[source, path, &list.issuer], value);
        };
        if let Some(next) = list.next_update {
            set(&NEXT_UPDATE, seconds(next));
        }
        set(&THIS_UPDATE, seconds(list.this_update));
        set(&REVOKED, count(list.revoked()));
    }
}
