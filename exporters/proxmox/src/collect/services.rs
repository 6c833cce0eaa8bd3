//! `/nodes/{node}/services`: the daemons that Proxmox VE is made of.

use std::time::Duration;

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::{Collector, Need, Scope, Tier, Visit, flag, whole};
use crate::api::Failure;
use crate::api::value::{Rows, Text};

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "services",
    tier: Tier::Slow,
    scope: Scope::Node,
    on: true,
    every: Duration::from_secs(300),
    limit: Duration::from_secs(30),
    needs: &[Need { privilege: "Sys.Audit", path: "/nodes" }],
    descs: &[&UP],
    collect,
};

/// Whether it runs.
pub const UP: Desc = Desc::gauge(
    "pve_service_up",
    "Whether a service of the node runs. Absent for those that are switched off or not installed.",
)
.labels(&["cluster", "node", "service"]);

/// A row of the answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Row {
    service: Text,
    name: Text,
    state: Text,
    #[serde(rename = "active-state")]
    active: Text,
    #[serde(rename = "unit-state")]
    unit: Text,
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let answer: Rows<Row> = visit.get("/nodes/{node}/services").await?;
        write([visit.name, visit.node], &answer.rows, page);
        whole(&answer, "/nodes/{node}/services")
    })
}

/// Writes the rows.
pub fn write([cluster, node]: [&str; 2], rows: &[Row], page: &mut Page) {
    let mut family = page.family(&UP);
    for row in rows {
        let name = if row.service.is_empty() { &*row.name } else { &*row.service };
        let off = matches!(&*row.unit, "disabled" | "masked" | "not-found" | "indirect" | "static");
        let up = *row.state == *"running" || *row.active == *"active";
        // What is off may run all the same, started by hand; that is worth telling.
        if !name.is_empty() && (up || !off) {
            family.push(&[cluster, node, name], flag(up));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_off_is_absent() {
        let json = r#"[{"service":"pveproxy","state":"running","unit-state":"enabled"},
            {"service":"corosync","state":"dead","active-state":"failed","unit-state":"enabled"},
            {"service":"postfix","state":"dead","active-state":"inactive","unit-state":"disabled"},
            {"name":"old","state":"exited","active-state":"active"}]"#;
        let rows: Rows<Row> = serde_json::from_str(json).unwrap();
        let mut page = Page::new();
        write(["c", "a"], &rows.rows, &mut page);
        let up =
            |service| page.get("pve_service_up", &[("cluster", "c"), ("node", "a"), ("service", service)]);
        assert_eq!(
            [up("pveproxy"), up("corosync"), up("postfix"), up("old")],
            [Some(1.0), Some(0.0), None, Some(1.0)]
        );
    }
}
