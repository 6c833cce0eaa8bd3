//! `/nodes`: the fingerprints of all nodes' certificates. A cluster whose first node is pinned tells those of the others,
//! over a connection that is already trusted: so one pin is enough, and a renewed certificate is learnt from its neighbours.

use std::time::Duration;

use kit::{BoxFuture, Page};
use serde::Deserialize;

use super::{Collector, Scope, Tier, Visit, whole};
use crate::api::Failure;
use crate::api::pins::fingerprint;
use crate::api::value::{Rows, Text};

/// See the module. Runs where trust is by fingerprint.
pub const COLLECTOR: Collector = Collector {
    name: "fingerprints",
    tier: Tier::Slow,
    scope: Scope::Cluster,
    on: false,
    every: Duration::from_secs(3600),
    limit: Duration::from_secs(30),
    needs: &[],
    descs: &[],
    collect,
};

/// A row of the answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Row {
    ssl_fingerprint: Text,
}

fn collect<'a>(visit: &'a Visit<'a>, _: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let answer: Rows<Row> = visit.get("/nodes").await?;
        if let Some(pins) = visit.cluster.api().pins() {
            pins.learn(answer.rows.iter().filter_map(|row| fingerprint(&row.ssl_fingerprint)));
        }
        whole(&answer, "/nodes")
    })
}
