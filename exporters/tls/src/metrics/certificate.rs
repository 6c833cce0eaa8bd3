//! The certificates: dates, identity, strength, when they are due.

use kit::{Desc, Page};
use wire::tls::{Certificate, Chain};

use super::{TARGET, count, flag, seconds};
use crate::ari::{self, Ari};
use crate::facts::{ROLES, Role};
use crate::renewal::{Due, POLICIES, Policy};

/// No more certificates of a chain are told of.
const MOST: usize = 16;
/// No more names of a certificate are told of; `san_count` says how many there are.
const NAMES: usize = 20;

const PLACE: &[&str] = &["target", "module", "position", "role"];

/// The last moment.
pub const NOT_AFTER: Desc = Desc::gauge(
    "tls_certificate_not_after_timestamp_seconds",
    "The last moment of validity of each certificate that the server sent, the server's own at position 0. Shown however \
     bad the certificate is, and kept for a day when the server can no longer be reached \
     (tls_certificate_last_seen_timestamp_seconds).",
)
.labels(PLACE)
.closed("role", ROLES);
/// The first moment.
pub const NOT_BEFORE: Desc = Desc::gauge(
    "tls_certificate_not_before_timestamp_seconds",
    "The first moment of validity of each certificate that the server sent.",
)
.labels(PLACE)
.closed("role", ROLES);
/// When it is due.
pub const DUE: Desc = Desc::gauge(
    "tls_certificate_renewal_due_timestamp_seconds",
    "When the server's own certificate should have been renewed. How overdue it is, as a share of the time that is left: \
     (time() - this) / (tls_certificate_not_after_timestamp_seconds - this).",
)
.labels(&["target", "module", "policy"])
.closed("policy", POLICIES);
/// How long it lives.
pub const LIFETIME: Desc = Desc::gauge(
    "tls_certificate_lifetime_seconds",
    "From the first moment of the server's own certificate to its last.",
)
.labels(TARGET);
/// Its timestamps.
pub const SCTS: Desc = Desc::gauge(
    "tls_certificate_scts",
    "Signed certificate timestamps (RFC 6962) in the server's own certificate; browsers refuse a public one without.",
)
.labels(TARGET);
/// Must staple.
pub const MUST_STAPLE: Desc = Desc::gauge(
    "tls_certificate_must_staple",
    "Whether the certificate asks clients to refuse it without a stapled OCSP response (RFC 7633); with tls_ocsp_stapled 0 \
     those that heed it do.",
)
.labels(TARGET);
/// Its identity.
pub const INFO: Desc = Desc::info(
    "tls_certificate_info",
    "The server's own certificate: names, issuer, serial number and fingerprints in hexadecimal, key, signature, and up to \
     20 of its alternative names with commas between.",
)
.labels(&[
    "target",
    "module",
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

/// Everything that is written here.
pub const DESCS: &[&Desc] = &[&NOT_AFTER, &NOT_BEFORE, &DUE, &LIFETIME, &SCTS, &MUST_STAPLE, &INFO];

/// The certificates of a chain.
pub fn write(page: &mut Page, [target, module]: [&str; 2], chain: &Chain, renewal: &Renewal<'_>) {
    let readable = chain.links.iter().enumerate().filter_map(|(position, link)| {
        let facts = link.facts.as_ref().ok()?;
        Some((position, facts, Role::of(facts, position)))
    });
    dates(page, [&NOT_AFTER, &NOT_BEFORE], [target, module], readable);
    let Some(leaf) = chain.leaf() else { return };
    let due = renewal.due(leaf);
    page.family(&DUE).push(&[target, module, due.policy], seconds(due.at));
    let mut set = |desc: &Desc, value: f64| {
        page.family(desc).push(&[target, module], value);
    };
    set(&LIFETIME, seconds(leaf.not_after.saturating_sub(leaf.not_before)));
    set(&SCTS, count(leaf.scts));
    set(&MUST_STAPLE, flag(leaf.must_staple));
    identity(page, &INFO, [target, module], leaf);
    if let Some(ari) = renewal.ari {
        ari::page::write(page, [target, module], ari, leaf);
    }
}

/// How the moment at which a certificate is due is found: by its authority's word if there is one, else by a policy.
#[derive(Clone, Copy, Debug)]
pub struct Renewal<'a> {
    /// What the authorities said.
    pub ari: Option<&'a Ari>,
    /// Where they say nothing.
    pub policy: Policy,
}

impl Renewal<'_> {
    fn due(&self, leaf: &Certificate) -> Due {
        let said = self.ari.and_then(|ari| ari.due(leaf));
        said.unwrap_or_else(|| self.policy.due(leaf.not_before, leaf.not_after))
    }
}

/// The last and the first moment of each certificate, with its position and its role. `first`: the first two labels.
pub(crate) fn dates<'a>(
    page: &mut Page,
    [not_after, not_before]: [&Desc; 2],
    first: [&str; 2],
    certificates: impl Iterator<Item = (usize, &'a Certificate, Role)> + Clone,
) {
    for (desc, date) in [
        (not_after, (|facts| facts.not_after) as fn(&Certificate) -> i64),
        (not_before, |facts| facts.not_before),
    ] {
        let mut rows = page.family(desc);
        for (position, facts, role) in certificates.clone().take_while(|(position, ..)| *position < MOST) {
            rows.push(&[first[0], first[1], &position.to_string(), role.word()], seconds(date(facts)));
        }
    }
}

/// A certificate's identity. `first`: the first two labels.
pub(crate) fn identity(page: &mut Page, desc: &Desc, first: [&str; 2], certificate: &Certificate) {
    let (names, total) = names(certificate);
    page.family(desc).push(
        &[
            first[0],
            first[1],
            certificate.subject_common_name.as_deref().unwrap_or_default(),
            certificate.issuer_common_name.as_deref().unwrap_or_default(),
            certificate.issuer_organization.as_deref().unwrap_or_default(),
            &certificate.serial,
            &certificate.fingerprint_hex(),
            &certificate.spki_fingerprint_hex(),
            &certificate.key_type,
            &certificate.key_bits.map_or_else(String::new, |bits| bits.to_string()),
            &certificate.signature_algorithm,
            &names,
            &total.to_string(),
        ],
        1.0,
    );
}

/// The alternative names with commas between, as far as they are told, and how many there are.
fn names(certificate: &Certificate) -> (String, usize) {
    let mut all = certificate.dns_names.clone();
    all.extend(certificate.ip_addresses.iter().map(ToString::to_string));
    all.extend(certificate.emails.iter().chain(&certificate.uris).cloned());
    let total = all.len();
    all.truncate(NAMES);
    (all.join(","), total)
}
