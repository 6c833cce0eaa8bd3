//! What a scrape of `/metrics` shows of the targets.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use kit::{Desc, Page};

use super::schedule::Entry;
use super::state::Known;
use crate::ari::Ari;
use crate::metrics::certificate::Renewal;
use crate::metrics::{TARGET, certificate, chain, look, ocsp, versions};

/// Finished looks.
pub const LOOKS: Desc =
    Desc::counter("tls_probe_attempts_total", "Looks at the target that came to an end, well or not.")
        .labels(TARGET);
/// Failed looks.
pub const FAILURES: Desc =
    Desc::counter("tls_probe_failures_total", "Looks at the target that failed.").labels(TARGET);
/// Rounds without a look.
pub const SKIPPED: Desc = Desc::counter(
    "tls_probe_rounds_skipped_total",
    "Rounds in which the target was not looked at: the last look was not over, or the exporter had no time for it.",
)
.labels(TARGET);
/// When the last look ended.
pub const LAST_ATTEMPT: Desc = Desc::gauge(
    "tls_probe_last_attempt_timestamp_seconds",
    "When the last look at the target ended, in seconds since 1970; what is told of the handshake is of that time.",
)
.labels(TARGET);
/// When the last good look ended.
pub const LAST_SUCCESS: Desc = Desc::gauge(
    "tls_probe_last_success_timestamp_seconds",
    "When the last successful look at the target ended, in seconds since 1970. Absent until there is one.",
)
.labels(TARGET);
/// When the certificates were seen.
pub const LAST_SEEN: Desc = Desc::gauge(
    "tls_certificate_last_seen_timestamp_seconds",
    "When the certificates that are told of were last seen, in seconds since 1970. They are kept for a day.",
)
.labels(TARGET);
/// When versions were asked for.
pub const VERSIONS_ASKED: Desc = Desc::gauge(
    "tls_protocol_accepted_last_asked_timestamp_seconds",
    "When the target was last asked which versions of TLS it accepts, in seconds since 1970. The answers are kept for a day.",
)
.labels(TARGET);
/// How often the target is looked at.
pub const INTERVAL: Desc = Desc::gauge(
    "tls_probe_interval_seconds",
    "From the beginning of one look at the target to that of the next.",
)
.labels(TARGET);
/// The target's identity.
pub const INFO: Desc = Desc::info(
    "tls_target_info",
    "What is looked at under the target's name, as configured, with the labels that the configuration gives it.",
)
.labels(&["target", "module", "endpoint"])
.open();

/// The schedule's own descriptions.
pub const DESCS: &[&Desc] = &[
    &LOOKS,
    &FAILURES,
    &SKIPPED,
    &LAST_ATTEMPT,
    &LAST_SUCCESS,
    &LAST_SEEN,
    &VERSIONS_ASKED,
    &INTERVAL,
    &INFO,
];

/// The page of all targets, as they are at `now`, by both clocks.
pub(super) fn page(entries: &[Arc<Entry>], ari: Option<&Ari>, now: Instant, wall: SystemTime) -> Page {
    let mut page = Page::with_capacity(entries.len() * 48, 24);
    for entry in entries {
        entry.state.with(|known| one(&mut page, entry, known, ari, (now, wall)));
    }
    page
}

fn one(page: &mut Page, entry: &Entry, known: &Known, ari: Option<&Ari>, (now, wall): (Instant, SystemTime)) {
    let (target, labels) = (&entry.target, entry.labels());
    let mut set = |desc: &Desc, value: Option<f64>| {
        if let Some(value) = value {
            page.family(desc).push(&labels, value);
        }
    };
    set(&LOOKS, Some(whole(known.looks)));
    set(&FAILURES, Some(whole(known.failures)));
    set(&SKIPPED, Some(whole(known.skipped)));
    set(&LAST_ATTEMPT, known.last.as_ref().map(|last| timestamp(last.at)));
    set(&LAST_SUCCESS, known.last_success.map(timestamp));
    set(&INTERVAL, Some(target.interval.as_secs_f64()));
    let open: Vec<(&str, &str)> = target.labels.iter().map(|(name, value)| (&**name, &**value)).collect();
    page.family(&INFO).push_open(&[labels[0], labels[1], &target.target], &open, 1.0);
    if let Some(last) = known.last.as_ref().filter(|last| last.is_fresh(target.interval, target.timeout, now))
    {
        look::write(page, labels, &last.look);
        if let Some(seen) = last.look.worst().and_then(|sight| sight.seen.as_ref()) {
            look::handshake(page, labels, seen);
            chain::write(page, labels, seen);
            ocsp::write(page, labels, seen);
            let leaf = seen.leaf().map(|leaf| leaf.fingerprint);
            if let Some((_, answer)) =
                known.revoked.filter(|(of, _)| seen.staple.is_none() && leaf == Some(*of))
            {
                ocsp::remembered(page, labels, answer);
            }
        }
    }
    if let Some((accepted, at)) = known.versions(wall) {
        versions::write(page, labels, accepted);
        page.family(&VERSIONS_ASKED).push(&labels, timestamp(at));
    }
    let shown = known.certificates(target.interval, wall);
    if let Some((chain, at)) = shown.and_then(|(shown, at)| Some((shown.chain()?, at))) {
        certificate::write(page, labels, chain, &Renewal { ari, policy: target.renewal });
        page.family(&LAST_SEEN).push(&labels, timestamp(at));
    }
}

fn timestamp(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

#[allow(clippy::cast_precision_loss, reason = "nobody looks 2^53 times")]
fn whole(count: u64) -> f64 {
    count as f64
}
