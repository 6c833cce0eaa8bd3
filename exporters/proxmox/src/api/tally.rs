//! What the exporter asks of a cluster, counted: by path and outcome, and how long it took.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kit::{Desc, Page};

use super::failure::Failure;

/// Calls.
pub const REQUESTS: Desc = Desc::counter(
    "pve_api_requests_total",
    "Calls to the cluster's API, by path and outcome: ok, or the reason of the failure.",
)
.labels(&["cluster", "path", "outcome"]);
/// Their time.
pub const SECONDS: Desc = Desc::counter(
    "pve_api_request_duration_seconds_total",
    "Time that the calls took, from the wish to the last byte of the answer; divide by the calls.",
)
.labels(&["cluster", "path"]);
/// Connections.
pub const CONNECTIONS: Desc = Desc::counter(
    "pve_api_connections_total",
    "Connections made to the cluster's endpoints: each costs a TLS handshake, pveproxy closes them after 5 s of silence.",
)
.labels(&["cluster"]);
/// Endpoints.
pub const ENDPOINT_UP: Desc = Desc::gauge(
    "pve_endpoint_up",
    "Whether the endpoint could be connected to when that was last tried. Absent until it is needed: those behind the first \
     are only tried when it fails.",
)
.labels(&["cluster", "endpoint"]);

/// What [`Tally::write`] and the endpoints write.
pub const DESCS: &[&Desc] = &[&REQUESTS, &SECONDS, &CONNECTIONS, &ENDPOINT_UP];

/// The counters of one cluster.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    calls: BTreeMap<(&'static str, &'static str), u64>,
    time: BTreeMap<&'static str, Duration>,
    connections: u64,
}

impl Tally {
    /// A call to a path (its template, so that no guest becomes a label) has ended.
    pub fn call(&self, path: &'static str, failure: Option<&Failure>, took: Duration) {
        let outcome = failure.map_or("ok", |failure| failure.reason.word());
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.calls.entry((path, outcome)).or_default() += 1;
        *counts.time.entry(path).or_default() += took;
    }

    /// A connection was made.
    pub fn connection(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).connections += 1;
    }

    /// How many calls there were.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).calls.values().sum()
    }

    /// Writes the counters.
    #[allow(clippy::cast_precision_loss, reason = "nobody makes 2^53 calls")]
    pub fn write(&self, cluster: &str, page: &mut Page) {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rows = page.family(&REQUESTS);
        for ((path, outcome), count) in &counts.calls {
            rows.push(&[cluster, path, outcome], *count as f64);
        }
        let mut rows = page.family(&SECONDS);
        for (path, time) in &counts.time {
            rows.push(&[cluster, path], time.as_secs_f64());
        }
        page.family(&CONNECTIONS).push(&[cluster], counts.connections as f64);
    }
}
