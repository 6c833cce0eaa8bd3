//! `/nodes/{node}/certificates/info`: the certificates of each node's interface, and of the cluster's own authority.

use std::time::Duration;

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::{Collector, Scope, Tier, Visit, whole};
use crate::api::Failure;
use crate::api::value::{Number, Rows, Text};

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "certificates",
    tier: Tier::Slow,
    scope: Scope::Node,
    on: true,
    every: Duration::from_secs(3600),
    limit: Duration::from_secs(30),
    needs: &[],
    descs: &[&NOT_AFTER, &NOT_BEFORE, &INFO],
    collect,
};

const FILE: &[&str] = &["cluster", "node", "filename"];

/// Its end.
pub const NOT_AFTER: Desc =
    Desc::gauge("pve_certificate_not_after_timestamp_seconds", "When a certificate of the node expires.")
        .labels(FILE);
/// Its beginning.
pub const NOT_BEFORE: Desc = Desc::gauge(
    "pve_certificate_not_before_timestamp_seconds",
    "When a certificate of the node begins to be valid.",
)
.labels(FILE);
/// Which it is.
pub const INFO: Desc =
    Desc::info("pve_certificate_info", "A certificate of the node: for whom, by whom, its SHA-256.")
        .labels(&["cluster", "node", "filename", "subject", "issuer", "fingerprint"]);

/// A row of the answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Row {
    filename: Text,
    subject: Text,
    issuer: Text,
    fingerprint: Text,
    notafter: Number,
    notbefore: Number,
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let answer: Rows<Row> = visit.get("/nodes/{node}/certificates/info").await?;
        write([visit.name, visit.node], &answer.rows, page);
        whole(&answer, "/nodes/{node}/certificates/info")
    })
}

/// Writes the rows.
pub fn write([cluster, node]: [&str; 2], rows: &[Row], page: &mut Page) {
    for row in rows {
        // `/etc/pve/nodes/node1/pve-ssl.pem` in some versions.
        let file = row.filename.rsplit('/').next().unwrap_or_default();
        for (desc, time) in [(&NOT_AFTER, row.notafter), (&NOT_BEFORE, row.notbefore)] {
            if let Some(time) = time.0 {
                page.family(desc).push(&[cluster, node, file], time);
            }
        }
        page.family(&INFO).push(&[cluster, node, file, &row.subject, &row.issuer, &row.fingerprint], 1.0);
    }
}
