//! What a stapled OCSP response says, and whether it counts. Nothing is shown where there is none: peers say "good" then.

use kit::{Desc, Page};
use wire::tls::{Answer, Seen};

use super::{TARGET, flag, seconds};

const STATUSES: &[(&str, &str)] = &[
    ("good", "The certificate is not revoked."),
    ("revoked", "The certificate is revoked."),
    ("unknown", "The responder does not know the certificate."),
];

/// The status.
pub const STATUS: Desc = Desc::info(
    "tls_ocsp_status_info",
    "What the OCSP response that the server sent says of its certificate. Absent without a response that speaks of it; but of a \
     configured target whose certificate was revoked by one that counted, it stays for as long as that certificate is served, also \
     without a response (tls_ocsp_stapled 0).",
)
.labels(&["target", "module", "status"])
.closed("status", STATUSES);
/// Its worth.
pub const VALID: Desc = Desc::gauge(
    "tls_ocsp_valid",
    "Whether the OCSP response that the server sent counts: it can be read, speaks of the certificate, is signed by its issuer or \
     whom that appointed, and is within its dates. Absent without a response, and where the issuer's key is not known.",
)
.labels(TARGET);
/// From when.
pub const THIS_UPDATE: Desc = Desc::gauge(
    "tls_ocsp_this_update_timestamp_seconds",
    "From when on what the stapled OCSP response says is true, in seconds since 1970.",
)
.labels(TARGET);
/// Until when.
pub const NEXT_UPDATE: Desc = Desc::gauge(
    "tls_ocsp_next_update_timestamp_seconds",
    "Until when the stapled OCSP response is good, in seconds since 1970. Absent if it does not say.",
)
.labels(TARGET);
/// Signed.
pub const PRODUCED_AT: Desc = Desc::gauge(
    "tls_ocsp_produced_at_timestamp_seconds",
    "When the stapled OCSP response was signed, in seconds since 1970.",
)
.labels(TARGET);
/// Revoked.
pub const REVOKED_AT: Desc = Desc::gauge(
    "tls_ocsp_revoked_at_timestamp_seconds",
    "When the certificate was revoked, as the stapled OCSP response says, in seconds since 1970. Absent if it is not revoked.",
)
.labels(TARGET);

/// Everything that is written here.
pub const DESCS: &[&Desc] = &[&STATUS, &VALID, &THIS_UPDATE, &NEXT_UPDATE, &PRODUCED_AT, &REVOKED_AT];

/// What a response said that is no longer sent.
pub fn remembered(page: &mut Page, [target, module]: [&str; 2], answer: Answer) {
    page.family(&STATUS).push(&[target, module, answer.status.word()], 1.0);
    if let Some(time) = answer.revoked_at {
        page.family(&REVOKED_AT).push(&[target, module], seconds(time));
    }
}

/// What the response of a handshake says.
pub fn write(page: &mut Page, [target, module]: [&str; 2], seen: &Seen) {
    let Some(staple) = &seen.staple else { return };
    let labels = [target, module];
    if let Some(valid) = staple.valid {
        page.family(&VALID).push(&labels, flag(valid));
    }
    let Some(answer) = staple.answer else { return };
    page.family(&STATUS).push(&[target, module, answer.status.word()], 1.0);
    for (desc, time) in [
        (&THIS_UPDATE, Some(answer.this_update)),
        (&NEXT_UPDATE, answer.next_update),
        (&PRODUCED_AT, Some(answer.produced_at)),
        (&REVOKED_AT, answer.revoked_at),
    ] {
        if let Some(time) = time {
            page.family(desc).push(&labels, seconds(time));
        }
    }
}
