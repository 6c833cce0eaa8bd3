//! What a scrape shows of the authorities' answers.

use std::time::UNIX_EPOCH;

use kit::{Desc, Page};
use wire::tls::Certificate;

use super::book::Ari;
use super::faults::FAULTS;
use crate::metrics::{TARGET, flag, seconds};

/// From when on.
pub const START: Desc = Desc::gauge(
    "tls_ari_window_start_timestamp_seconds",
    "From when on the authority wants the server's certificate renewed (ARI, RFC 9773), in seconds since 1970. Of the past while \
     much of the lifetime is left: the authority is about to revoke it.",
)
.labels(TARGET);
/// Until when.
pub const END: Desc = Desc::gauge(
    "tls_ari_window_end_timestamp_seconds",
    "Until when the authority wants the server's certificate renewed, in seconds since 1970.",
)
.labels(TARGET);
/// When it said so.
pub const ANSWERED: Desc = Desc::gauge(
    "tls_ari_last_answer_timestamp_seconds",
    "When the authority last named the window, in seconds since 1970.",
)
.labels(TARGET);
/// Whether it was had.
pub const SUCCESS: Desc = Desc::gauge(
    "tls_ari_last_fetch_success",
    "Whether the authority answered when it was last asked about the certificate. Absent until it was asked.",
)
.labels(TARGET);
/// Why not.
pub const FAILURE: Desc = Desc::info(
    "tls_ari_failure_info",
    "Why the authority's last answer could not be had. It is asked again after six hours.",
)
.labels(&["target", "module", "reason"])
.closed("reason", FAULTS);

/// Everything that is written here.
pub const DESCS: &[&Desc] = &[&START, &END, &ANSWERED, &SUCCESS, &FAILURE];

/// What is known of a certificate.
pub fn write(page: &mut Page, [target, module]: [&str; 2], ari: &Ari, certificate: &Certificate) {
    let Some(entry) = ari.entry(certificate) else { return };
    let labels = [target, module];
    page.family(&SUCCESS).push(&labels, flag(entry.fault.is_none()));
    if let Some(reason) = entry.fault {
        page.family(&FAILURE).push(&[target, module, reason], 1.0);
    }
    if let Some(window) = entry.window {
        page.family(&START).push(&labels, seconds(window.start));
        page.family(&END).push(&labels, seconds(window.end));
    }
    if let Some(answered) = entry.answered {
        let at = answered.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        page.family(&ANSWERED).push(&labels, at);
    }
}
