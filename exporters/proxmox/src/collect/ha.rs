//! `/cluster/ha/status/current`: the high availability manager. Its local resource managers write a time every few seconds:
//! one that stands still is a manager that does not act any more.

use std::time::Duration;

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::{Collector, SYS_AUDIT, Scope, Tier, Visit, flag, whole};
use crate::api::Failure;
use crate::api::value::{Number, Rows, Text};

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "ha",
    tier: Tier::Fast,
    scope: Scope::Cluster,
    on: true,
    every: Duration::ZERO,
    limit: Duration::ZERO,
    needs: &[SYS_AUDIT],
    descs: &[&QUORATE, &MASTER, &TIME, &SERVICE],
    collect,
};

/// Quorum as the manager sees it.
pub const QUORATE: Desc =
    Desc::gauge("pve_ha_quorate", "Whether the high availability manager has quorum.").labels(&["cluster"]);
/// Who leads.
pub const MASTER: Desc =
    Desc::info("pve_ha_master_info", "The node whose manager leads.").labels(&["cluster", "node"]);
/// Heartbeats.
pub const TIME: Desc = Desc::gauge(
    "pve_ha_manager_timestamp_seconds",
    "When the leading (role=master) or the local (role=lrm) manager of a node last said that it lives.",
)
.labels(&["cluster", "node", "role"]);
/// A guest that is looked after.
pub const SERVICE: Desc = Desc::info(
    "pve_ha_service_info",
    "A guest that high availability looks after: its state there, and the one that is asked for.",
)
.labels(&["cluster", "id", "node", "state", "request_state"]);

/// A row of the answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Row {
    #[serde(rename = "type")]
    kind: Text,
    id: Text,
    sid: Text,
    node: Text,
    state: Text,
    request_state: Text,
    quorate: Number,
    timestamp: Number,
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let answer: Rows<Row> = visit.get("/cluster/ha/status/current").await?;
        write(visit.name, &answer.rows, page);
        whole(&answer, "/cluster/ha/status/current")
    })
}

/// Writes the rows.
pub fn write(cluster: &str, rows: &[Row], page: &mut Page) {
    for row in rows {
        match &*row.kind {
            "quorum" => {
                if let Some(quorate) = row.quorate.flag() {
                    page.family(&QUORATE).push(&[cluster], flag(quorate));
                }
            }
            role @ ("master" | "lrm") => {
                if role == "master" {
                    page.family(&MASTER).push(&[cluster, &row.node], 1.0);
                }
                if let Some(time) = row.timestamp.positive() {
                    page.family(&TIME).push(&[cluster, &row.node, role], time);
                }
            }
            "service" => {
                let sid = if row.sid.is_empty() { &*row.id } else { &*row.sid };
                let id = match sid.trim_start_matches("service:").split_once(':') {
                    Some(("vm", number)) => format!("qemu/{number}"),
                    Some(("ct", number)) => format!("lxc/{number}"),
                    _ => sid.to_owned(),
                };
                page.family(&SERVICE).push(&[cluster, &id, &row.node, &row.state, &row.request_state], 1.0);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managers_and_services() {
        let json = r#"[{"type":"quorum","id":"quorum","quorate":1,"status":"OK"},
            {"type":"master","node":"a","id":"master","timestamp":1700000000,"status":"a (active)"},
            {"type":"lrm","node":"b","id":"lrm:b","timestamp":"1700000005"},{"type":"lrm","node":"c"},
            {"type":"service","id":"service:vm:100","sid":"vm:100","node":"a","state":"started","request_state":"started"},
            {"type":"service","id":"ct:101","node":"b","state":"error"},{"type":"fencing"}]"#;
        let rows: Rows<Row> = serde_json::from_str(json).unwrap();
        let mut page = Page::new();
        write("c", &rows.rows, &mut page);
        assert_eq!(page.get("pve_ha_quorate", &[("cluster", "c")]), Some(1.0));
        let lrm = |node| {
            page.get("pve_ha_manager_timestamp_seconds", &[("cluster", "c"), ("node", node), ("role", "lrm")])
        };
        assert_eq!((lrm("b"), lrm("c")), (Some(1_700_000_005.0), None));
        let service =
            [("cluster", "c"), ("id", "lxc/101"), ("node", "b"), ("state", "error"), ("request_state", "")];
        assert_eq!(page.get("pve_ha_service_info", &service), Some(1.0));
    }
}
