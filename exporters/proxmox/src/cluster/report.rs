//! How the collectors themselves fare, as metrics.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kit::{Desc, Page};

use super::Cluster;
use crate::api::tally::ENDPOINT_UP;
use crate::api::{Failure, REASONS};
use crate::collect::flag;

/// Whether it delivered.
pub const SUCCESS: Desc = Desc::gauge(
    "pve_collector_success",
    "Whether the collector's last run brought everything; node is empty for what is asked of the cluster as a whole.",
)
.labels(&["cluster", "collector", "node"]);
/// How long it took.
pub const DURATION: Desc =
    Desc::gauge("pve_collector_duration_seconds", "How long the collector's last run took.").labels(&[
        "cluster",
        "collector",
        "node",
    ]);
/// How old its knowledge is.
pub const LAST_SUCCESS: Desc = Desc::gauge(
    "pve_collector_last_success_timestamp_seconds",
    "When the collector last brought everything. What the background knows is shown until it is three intervals old.",
)
.labels(&["cluster", "collector", "node"]);
/// How often it runs.
pub const INTERVAL: Desc = Desc::gauge(
    "pve_collector_interval_seconds",
    "From one run of the collector to the next, in the background. Absent of those that a scrape asks.",
)
.labels(&["cluster", "collector", "node"]);
/// Why it did not.
pub const FAILURE: Desc = Desc::info(
    "pve_collector_failure_info",
    "Why the collector's last run did not bring everything, from a closed set. Absent on success.",
)
.labels(&["cluster", "collector", "node", "reason"])
.closed("reason", REASONS);

/// What this file writes, with the API's counters.
pub const DESCS: &[&Desc] = &[&SUCCESS, &DURATION, &LAST_SUCCESS, &INTERVAL, &FAILURE];

/// How a collector fared.
pub(super) struct Fared<'a> {
    pub(super) failure: Option<&'a Failure>,
    pub(super) took: Duration,
    pub(super) last_success: Option<SystemTime>,
    /// `None`: when a scrape asks.
    pub(super) every: Option<Duration>,
}

/// Writes how a collector fared.
pub(super) fn collector(page: &mut Page, cluster: &str, name: &str, node: &str, fared: &Fared<'_>) {
    let labels = [cluster, name, node];
    page.family(&SUCCESS).push(&labels, flag(fared.failure.is_none()));
    page.family(&DURATION).push(&labels, fared.took.as_secs_f64());
    if let Some(time) = fared.last_success {
        page.family(&LAST_SUCCESS).push(&labels, since_1970(time));
    }
    if let Some(every) = fared.every {
        page.family(&INTERVAL).push(&labels, every.as_secs_f64());
    }
    if let Some(failure) = fared.failure {
        page.family(&FAILURE).push(&[cluster, name, node, failure.reason.word()], 1.0);
    }
}

/// Writes what the exporter asks of a cluster, and whom.
pub(super) fn exporter(cluster: &Cluster, page: &mut Page) {
    let name = &cluster.settings().name;
    cluster.api().tally().write(name, page);
    let mut rows = page.family(&ENDPOINT_UP);
    for endpoint in cluster.api().endpoints() {
        if let Some(state) = endpoint.state() {
            rows.push(&[name, &endpoint.authority()], flag(state.is_ok()));
        }
    }
}

fn since_1970(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
