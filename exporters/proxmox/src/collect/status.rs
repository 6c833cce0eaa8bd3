//! `/cluster/status`: membership and quorum, as the node that is asked sees them.

use std::time::Duration;

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::resources::UP;
use super::{Collector, SYS_AUDIT, Scope, Tier, Visit, flag, whole};
use crate::api::value::{Number, Rows, Text};
use crate::api::{Failure, Reason};
use crate::cluster::map::Members;

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "status",
    tier: Tier::Fast,
    scope: Scope::Cluster,
    on: true,
    every: Duration::ZERO,
    limit: Duration::ZERO,
    needs: &[SYS_AUDIT],
    descs: &[&NODE, &CLUSTER, &QUORATE, &NODES, &ONLINE],
    collect,
};

/// A node.
pub const NODE: Desc =
    Desc::info("pve_node_info", "A member of the cluster: its subscription level, name and number.")
        .labels(&["cluster", "id", "level", "name", "nodeid"]);
/// The cluster.
pub const CLUSTER: Desc = Desc::info(
    "pve_cluster_info",
    "The cluster: its members, whether it is quorate, and the version of its configuration; as the peer has it. For alerts \
     take pve_cluster_quorate and pve_cluster_nodes, whose labels stay.",
)
.labels(&["cluster", "id", "nodes", "quorate", "version"]);
/// Quorum.
pub const QUORATE: Desc = Desc::gauge(
    "pve_cluster_quorate",
    "Whether the cluster is quorate: without quorum no guest can be started and nothing changed. Absent for a single node.",
)
.labels(&["cluster"]);
/// Members.
pub const NODES: Desc =
    Desc::gauge("pve_cluster_nodes", "Members of the cluster, also those that are offline.")
        .labels(&["cluster"]);
/// Members that are there.
pub const ONLINE: Desc =
    Desc::gauge("pve_cluster_nodes_online", "Members of the cluster that are online.").labels(&["cluster"]);

/// A row of the answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Row {
    #[serde(rename = "type")]
    kind: Text,
    id: Text,
    name: Text,
    level: Text,
    nodeid: Text,
    ip: Text,
    version: Text,
    nodes: Text,
    quorate: Number,
    online: Number,
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let answer: Rows<Row> = visit.get("/cluster/status").await?;
        let nodes = || answer.rows.iter().filter(|row| *row.kind == *"node" && !row.name.is_empty());
        if nodes().next().is_none() {
            let detail = "/cluster/status: no node is in the answer, and every cluster has one";
            return Err(Failure::new(Reason::Answer, detail));
        }
        visit.cluster.learn_members(Members {
            cluster: answer
                .rows
                .iter()
                .find(|row| *row.kind == *"cluster")
                .map(|row| row.name.0.clone())
                .unwrap_or_default(),
            nodes: nodes().map(|row| (row.name.0.clone(), row.ip.0.clone())).collect(),
        });
        write(visit.name, &answer.rows, page);
        whole(&answer, "/cluster/status")
    })
}

/// Writes the rows.
pub fn write(cluster: &str, rows: &[Row], page: &mut Page) {
    let (mut members, mut online) = (0.0, 0.0);
    for row in rows {
        match &*row.kind {
            "cluster" => {
                let (id, quorate) = (format!("cluster/{}", &*row.name), row.quorate.flag());
                let word = quorate.map_or("", |quorate| if quorate { "1" } else { "0" });
                page.family(&CLUSTER).push(&[cluster, &id, &row.nodes, word, &row.version], 1.0);
                if let Some(quorate) = quorate {
                    page.family(&UP).push(&[cluster, &id], flag(quorate));
                    page.family(&QUORATE).push(&[cluster], flag(quorate));
                }
            }
            "node" if !row.name.is_empty() => {
                members += 1.0;
                online += row.online.flag().map_or(0.0, flag);
                let id = if row.id.is_empty() { format!("node/{}", &*row.name) } else { row.id.to_string() };
                page.family(&NODE).push(&[cluster, &id, &row.level, &row.name, &row.nodeid], 1.0);
            }
            _ => {}
        }
    }
    if members > 0.0 {
        page.family(&NODES).push(&[cluster], members);
        page.family(&ONLINE).push(&[cluster], online);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_and_a_single_node() {
        let read = |json: &str| -> Page {
            let rows: Rows<Row> = serde_json::from_str(json).unwrap();
            let mut page = Page::new();
            write("c", &rows.rows, &mut page);
            page
        };
        let page = read(
            r#"[{"type":"node","name":"b","id":"node/b","nodeid":2,"online":0},
                {"type":"cluster","name":"lab","nodes":2,"quorate":"0","version":4,"id":"cluster"},
                {"type":"node","name":"a","nodeid":1,"online":1,"level":"c"},{"type":"strange"}]"#,
        );
        let one = [("cluster", "c")];
        assert_eq!(page.get("pve_cluster_quorate", &one), Some(0.0));
        assert_eq!(page.get("pve_up", &[("cluster", "c"), ("id", "cluster/lab")]), Some(0.0));
        assert_eq!(page.get("pve_cluster_nodes", &one), Some(2.0));
        assert_eq!(page.get("pve_cluster_nodes_online", &one), Some(1.0));
        let info =
            [("cluster", "c"), ("id", "cluster/lab"), ("nodes", "2"), ("quorate", "0"), ("version", "4")];
        assert_eq!(page.get("pve_cluster_info", &info), Some(1.0));
        let alone = read(r#"[{"type":"node","name":"a","id":"node/a","nodeid":0,"online":1,"local":1}]"#);
        assert_eq!(alone.get("pve_cluster_quorate", &one), None);
        assert_eq!(alone.get("pve_cluster_nodes", &one), Some(1.0));
    }
}
