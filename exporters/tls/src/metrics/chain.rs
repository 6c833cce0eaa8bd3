//! What the chain is worth, each fact apart.

use kit::{Desc, Page};
use wire::tls::Seen;

use super::{TARGET, count, flag, seconds};
use crate::facts::{Facts, TRUSTS};

/// All together.
pub const VALID: Desc = Desc::gauge(
    "tls_chain_valid",
    "Whether chain, dates, name and the server's proof of its key are all good; also told where the module skips \
     verification.",
)
.labels(TARGET);
/// Time.
pub const TIME: Desc = Desc::gauge(
    "tls_certificate_time_valid",
    "Whether the look fell between the two dates of the server's own certificate.",
)
.labels(TARGET);
/// Name.
pub const NAME: Desc =
    Desc::gauge("tls_hostname_match", "Whether the certificate is for the name that was asked for.")
        .labels(TARGET);
/// Trust.
pub const TRUSTED: Desc = Desc::gauge(
    "tls_chain_trusted",
    "Whether a path leads from the certificate to a trusted one, dates and name left aside.",
)
.labels(TARGET);
/// Trust, and why not.
pub const TRUST: Desc =
    Desc::info("tls_chain_trust_info", "How the certificate is trusted, or why it is not.")
        .labels(&["target", "module", "trust"])
        .closed("trust", TRUSTS);
/// Completeness.
pub const COMPLETE: Desc = Desc::gauge(
    "tls_chain_complete",
    "Whether one comes from the certificate, issuer by issuer through what the server sent, to a trusted one or to one \
     signed by itself. 0: an intermediate is missing, and clients that do not fetch it fail.",
)
.labels(TARGET);
/// Order.
pub const IN_ORDER: Desc = Desc::gauge(
    "tls_chain_in_order",
    "Whether the server sent each certificate followed by its issuer's, as RFC 5246 demands; some clients fail otherwise.",
)
.labels(TARGET);
/// Length.
pub const LENGTH: Desc = Desc::gauge("tls_chain_length", "Certificates that the server sent.").labels(TARGET);
/// Expiry.
pub const EXPIRY: Desc = Desc::gauge(
    "tls_chain_expiry_timestamp_seconds",
    "When the longest-lived path from the certificate to a trusted one expires. Absent if there is none.",
)
.labels(TARGET);
/// Signatures.
pub const WEAK_SIGNATURE: Desc = Desc::gauge(
    "tls_chain_signature_weak",
    "Whether a certificate below the root is signed with SHA-1 or MD5.",
)
.labels(TARGET);
/// Key.
pub const WEAK_KEY: Desc = Desc::gauge(
    "tls_certificate_key_weak",
    "Whether the certificate's key is too small: RSA below 2,048 bits, an elliptic curve below 224.",
)
.labels(TARGET);
/// Staple.
pub const STAPLED: Desc = Desc::gauge(
    "tls_ocsp_stapled",
    "Whether the server sent an OCSP response with its certificate; tls_ocsp_valid tells what that is worth.",
)
.labels(TARGET);

/// Everything that is written here.
pub const DESCS: &[&Desc] = &[
    &VALID,
    &TIME,
    &NAME,
    &TRUSTED,
    &TRUST,
    &COMPLETE,
    &IN_ORDER,
    &LENGTH,
    &EXPIRY,
    &WEAK_SIGNATURE,
    &WEAK_KEY,
    &STAPLED,
];

/// The facts of what a handshake showed; nothing if it showed no certificate.
pub fn write(page: &mut Page, [target, module]: [&str; 2], seen: &Seen) {
    let (Some(facts), Some(chain)) = (Facts::of(seen), seen.chain()) else { return };
    let mut set = |desc: &Desc, value: Option<f64>| {
        if let Some(value) = value {
            page.family(desc).push(&[target, module], value);
        }
    };
    set(&VALID, Some(flag(facts.valid)));
    set(&TIME, facts.time_valid.map(flag));
    set(&NAME, facts.name_match.map(flag));
    set(&TRUSTED, Some(flag(facts.trust.is_trusted())));
    set(&COMPLETE, Some(flag(facts.complete)));
    set(&IN_ORDER, Some(flag(facts.in_order)));
    set(&LENGTH, Some(count(chain.links.len())));
    set(&EXPIRY, facts.path_expiry.map(seconds));
    set(&WEAK_SIGNATURE, Some(flag(facts.weak_signature)));
    set(&WEAK_KEY, facts.weak_key.map(flag));
    set(&STAPLED, Some(flag(!seen.ocsp.is_empty())));
    page.family(&TRUST).push(&[target, module, facts.trust.word()], 1.0);
}
