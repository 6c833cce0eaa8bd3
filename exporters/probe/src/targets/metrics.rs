//! The schedule's descriptions, and those of the last verdict.

use std::sync::LazyLock;

use kit::Desc;
use kit::prober::FAILURE;

use crate::module::PROBERS;
use crate::{reasons, verdict};

const TARGET: &[&str] = &["target", "module"];

/// Finished probes.
pub const ATTEMPTS: Desc =
    Desc::counter("probe_attempts_total", "Probes of the target that came to an end, well or not. One that could not begin (refused by allowed_targets, no right to \
     ping) is none.")
        .labels(TARGET);
/// Failed probes.
pub const FAILURES: Desc =
    Desc::counter("probe_failures_total", "Probes of the target that failed, of probe_attempts_total.")
        .labels(TARGET);
/// Failed probes by their reason.
pub const REASONS: Desc = Desc::counter(
    "probe_failure_reasons_total",
    "Probes of the target that failed, by the phase in which they stopped and the reason; the reasons are those of \
     probe_failure_info. A reason appears with its first failure.",
)
.labels(&["target", "module", "phase", "reason"])
.closed("reason", reasons::REASONS);
/// How long the probes took.
pub const ATTEMPT_DURATION: Desc = Desc::histogram(
    "probe_attempt_duration_seconds",
    "How long the probes of the target took, failed ones included.",
)
.labels(TARGET);
/// Rounds without a probe.
pub const SKIPPED: Desc = Desc::counter(
    "probe_rounds_skipped_total",
    "Rounds in which the target was not probed: its last probe was not over, or the exporter had no time for it.",
)
.labels(TARGET);
/// When the last probe ended.
pub const LAST_ATTEMPT: Desc = Desc::gauge(
    "probe_last_attempt_timestamp_seconds",
    "When the last probe of the target ended, in seconds since 1970; what is told of the last verdict is of that time.",
)
.labels(TARGET);
/// When the last good probe ended.
pub const LAST_SUCCESS: Desc = Desc::gauge(
    "probe_last_success_timestamp_seconds",
    "When the last successful probe of the target ended, in seconds since 1970. Absent until there is one.",
)
.labels(TARGET);
/// How often the target is probed.
pub const INTERVAL: Desc = Desc::gauge(
    "probe_interval_seconds",
    "From the beginning of one probe of the target to that of the next.",
)
.labels(TARGET);
/// How often the target must be well.
pub const OBJECTIVE: Desc = Desc::gauge(
    "probe_slo_objective_ratio",
    "The share of the target's probes that must succeed, above 0 and below 1, as configured. What it leaves is the error \
     budget: rate(probe_failures_total) / rate(probe_attempts_total) over 1 - this is the rate at which it burns.",
)
.labels(TARGET);
/// The target's identity.
pub const INFO: Desc = Desc::info(
    "probe_target_info",
    "What is probed under the target's name, as configured, with the labels that the configuration gives it.",
)
.labels(&["target", "module", "address"])
.open();

/// The schedule's own descriptions.
pub const OWN_DESCS: &[&Desc] = &[
    &ATTEMPTS,
    &FAILURES,
    &REASONS,
    &ATTEMPT_DURATION,
    &SKIPPED,
    &LAST_ATTEMPT,
    &LAST_SUCCESS,
    &INTERVAL,
    &OBJECTIVE,
    &INFO,
];

/// The classic bounds of [`ATTEMPT_DURATION`]: from an echo within the house to a slow page.
pub(super) const BOUNDS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Every description that a probe's page can have, with `target` and `module` before its own labels; by name.
///
/// They cannot be `const`: a slice of labels put together of two is not. They are a function of constants, so there is one
/// table for the process, made when it is first asked for and never given back (some 60 short slices).
static DERIVED: LazyLock<Vec<Desc>> = LazyLock::new(|| {
    let sources = [kit::prober::DESCS, verdict::DESCS];
    let probers = PROBERS.iter().flat_map(|prober| prober.descs).copied();
    let mut derived: Vec<Desc> =
        sources.into_iter().chain(probers).flatten().map(|desc| with_target(desc)).collect();
    derived.sort_by_key(|desc| desc.name);
    derived.dedup_by_key(|desc| desc.name);
    derived
});

fn with_target(desc: &Desc) -> Desc {
    let labels: Vec<&'static str> = TARGET.iter().chain(desc.labels).copied().collect();
    // kit knows that there is a closed set of reasons; which it is, is ours.
    let closed = if desc.name == FAILURE.name {
        FAILURE.closed("reason", reasons::REASONS).closed
    } else {
        desc.closed
    };
    Desc { labels: Vec::leak(labels), closed, ..*desc }
}

/// Everything that [`super::Schedule`] can emit.
#[must_use]
pub fn descs() -> Vec<&'static Desc> {
    OWN_DESCS.iter().copied().chain(DERIVED.iter()).collect()
}

/// The place of a probe's family in the table.
pub(super) fn derived_index(name: &str) -> Option<u16> {
    let index = DERIVED.binary_search_by_key(&name, |desc| desc.name).ok()?;
    u16::try_from(index).ok()
}

/// The description at a place in the table.
pub(super) fn derived(index: u16) -> Option<&'static Desc> {
    DERIVED.get(usize::from(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_of_a_probe_has_one_with_its_target() {
        let probers = PROBERS.iter().flat_map(|prober| prober.descs).copied();
        for desc in [kit::prober::DESCS].into_iter().chain(probers).flatten() {
            let index = derived_index(desc.name).unwrap();
            let derived = derived(index).unwrap();
            assert_eq!(derived.labels[..2], ["target", "module"], "{}", desc.name);
            assert_eq!(&derived.labels[2..], desc.labels);
            assert_eq!((derived.kind, derived.help), (desc.kind, desc.help));
        }
        assert_eq!(derived_index("no_such_metric"), None);
    }

    #[test]
    fn no_two_families_have_one_name() {
        let mut names: Vec<&str> = descs().iter().map(|desc| desc.family()).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
