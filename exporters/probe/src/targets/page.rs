//! What a scrape of `/metrics` shows of the targets.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use kit::Page;

use super::metrics::{
    ATTEMPT_DURATION, ATTEMPTS, FAILURES, INFO, INTERVAL, LAST_ATTEMPT, LAST_SUCCESS, OBJECTIVE, REASONS,
    SKIPPED, derived,
};
use super::schedule::Entry;
use super::state::{Known, durations};

/// The page of all targets, as they are at `now`.
pub(super) fn page(entries: &[Arc<Entry>], now: Instant) -> Page {
    let known: Vec<Known> = entries.iter().map(|entry| entry.state.known()).collect();
    let all = || entries.iter().zip(&known);
    let mut page = Page::with_capacity(entries.len() * 32, 32);
    for (desc, value) in [
        (&ATTEMPTS, (|known| known.attempts) as fn(&Known) -> u64),
        (&FAILURES, |known| known.failures),
        (&SKIPPED, |known| known.skipped),
    ] {
        let mut rows = page.family(desc);
        for (entry, known) in all() {
            rows.push(&entry.labels(), whole(value(known)));
        }
    }
    let mut rows = page.family(&REASONS);
    for (entry, known) in all() {
        let [target, module] = entry.labels();
        for ((phase, reason), count) in &known.reasons {
            rows.push(&[target, module, phase, reason], whole(*count));
        }
    }
    let mut rows = page.family(&ATTEMPT_DURATION);
    for entry in entries {
        rows.push_histogram(&entry.labels(), durations(&entry.state));
    }
    let mut rows = page.family(&LAST_ATTEMPT);
    for (entry, known) in all() {
        if let Some(last) = &known.last {
            rows.push(&entry.labels(), timestamp(last.at));
        }
    }
    let mut rows = page.family(&LAST_SUCCESS);
    for (entry, known) in all() {
        if let Some(at) = known.last_success {
            rows.push(&entry.labels(), timestamp(at));
        }
    }
    let mut rows = page.family(&INTERVAL);
    for entry in entries {
        rows.push(&entry.labels(), entry.target.interval.as_secs_f64());
    }
    let mut rows = page.family(&OBJECTIVE);
    for entry in entries {
        rows.push(&entry.labels(), entry.target.objective.ratio());
    }
    let mut rows = page.family(&INFO);
    for entry in entries {
        let [target, module] = entry.labels();
        let user = &entry.target.labels;
        let open: Vec<(&str, &str)> = user.iter().map(|(name, value)| (&**name, &**value)).collect();
        rows.push_open(&[target, module, &entry.target.target], &open, 1.0);
    }
    verdicts(&mut page, entries, &known, now);
    page
}

/// The last verdicts, family by family over all targets: a family is then opened once, not once for each target.
fn verdicts(page: &mut Page, entries: &[Arc<Entry>], known: &[Known], now: Instant) {
    let mut all = Vec::with_capacity(entries.len() * 24);
    for (entry, known) in entries.iter().zip(known) {
        let target = &entry.target;
        if let Some(last) =
            known.last.as_ref().filter(|last| last.is_fresh(target.interval, target.timeout, now))
        {
            all.extend(last.rows.iter().map(|row| (entry, row)));
        }
    }
    // Stable: within a family the targets keep the order of the file.
    all.sort_by_key(|(_, row)| row.desc);
    for family in all.chunk_by(|(_, one), (_, other)| one.desc == other.desc) {
        let Some(desc) = family.first().and_then(|(_, row)| derived(row.desc)) else { continue };
        let mut rows = page.family(desc);
        let (mut labels, mut open): (Vec<&str>, Vec<(&str, &str)>) = (Vec::new(), Vec::new());
        for (entry, row) in family {
            labels.clear();
            labels.extend(entry.labels());
            labels.extend(row.labels.iter().map(|value| &**value));
            open.clear();
            open.extend(row.open.iter().map(|(name, value)| (&**name, &**value)));
            rows.push_open(&labels, &open, row.value);
        }
    }
}

fn timestamp(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

#[allow(clippy::cast_precision_loss, reason = "nobody probes 2^53 times")]
fn whole(count: u64) -> f64 {
    count as f64
}
