//! `/nodes/{node}/rrddata`: the pressure on a node's own processors, disks and memory, and how much of that ZFS has as a cache,
//! which Proxmox VE 9 and newer write down once a minute and tell nowhere else. An hour of rows for the newest of them: asked half as often as they come.

use std::time::Duration;

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::{Collector, Need, Scope, Tier, Visit, whole};
use crate::api::Failure;
use crate::api::value::{Number, Rows};

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "pressure",
    tier: Tier::Slow,
    scope: Scope::Node,
    on: true,
    every: Duration::from_secs(120),
    limit: Duration::from_secs(20),
    needs: &[Need { privilege: "Sys.Audit", path: "/nodes" }],
    descs: &[&PRESSURE, &ARC],
    collect,
};

/// The first version that has it.
const SINCE: u32 = 9;
/// How many of the last rows are looked at: the newest may still be empty. In minutes.
const LAST: usize = 5;

/// Pressure.
pub const PRESSURE: Desc = Desc::gauge(
    "pve_node_pressure_ratio",
    "Share of the last minute in which some (or all, full) of the node's tasks waited for a resource: cpu, io, memory \
     (Proxmox VE 9 and newer).",
)
.labels(&["cluster", "node", "resource", "kind"]);

/// ZFS's cache.
pub const ARC: Desc = Desc::gauge(
    "pve_node_zfs_arc_size_bytes",
    "Memory of the node that ZFS uses as a cache (ARC), of the last minutes: the kernel counts it as used, and ZFS gives most of \
     it back when programs need it. Absent without ZFS, and before Proxmox VE 9, which does not tell it.",
)
.labels(&["cluster", "node"]);

/// A minute.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Row {
    time: Number,
    pressurecpusome: Number,
    pressurecpufull: Number,
    pressureiosome: Number,
    pressureiofull: Number,
    pressurememorysome: Number,
    pressurememoryfull: Number,
    arcsize: Number,
}

impl Row {
    fn all(&self) -> [(&'static str, &'static str, Number); 6] {
        [
            ("cpu", "some", self.pressurecpusome),
            ("cpu", "full", self.pressurecpufull),
            ("io", "some", self.pressureiosome),
            ("io", "full", self.pressureiofull),
            ("memory", "some", self.pressurememorysome),
            ("memory", "full", self.pressurememoryfull),
        ]
    }
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        // A cluster that is being updated has nodes of two versions: those of the older one have no such rows.
        if visit.cluster.version().is_some_and(|major| major < SINCE) {
            return Ok(());
        }
        let path = "/nodes/{node}/rrddata?timeframe=hour&cf=AVERAGE";
        let answer: Rows<Row> = visit.get(path).await?;
        write([visit.name, visit.node], &answer.rows, page);
        whole(&answer, path)
    })
}

/// Writes the newest minute that has something.
pub fn write([cluster, node]: [&str; 2], rows: &[Row], page: &mut Page) {
    let mut rows: Vec<&Row> = rows.iter().filter(|row| row.time.0.is_some()).collect();
    rows.sort_by(|a, b| b.time.0.unwrap_or_default().total_cmp(&a.time.0.unwrap_or_default()));
    if let Some(arc) = rows.iter().take(LAST).find_map(|row| row.arcsize.positive()) {
        page.family(&ARC).push(&[cluster, node], arc);
    }
    let has = |row: &&&Row| row.all().iter().any(|(.., percent)| percent.0.is_some());
    let Some(row) = rows.iter().take(LAST).find(has) else { return };
    for (resource, kind, percent) in row.all() {
        if let Some(percent) = percent.0 {
            page.family(&PRESSURE).push(&[cluster, node, resource, kind], percent / 100.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_minute_that_has_something() {
        let page = |json: &str| {
            let rows: Rows<Row> = serde_json::from_str(json).unwrap();
            let mut page = Page::new();
            write(["c", "a"], &rows.rows, &mut page);
            page
        };
        let json = r#"[{"time":60,"pressureiosome":50},{"time":180},{"time":"120","pressureiosome":"12.5","pressurecpusome":0}]"#;
        let found = page(json);
        let io = [("cluster", "c"), ("node", "a"), ("resource", "io"), ("kind", "some")];
        assert_eq!((found.get(PRESSURE.name, &io), found.len()), (Some(0.125), 2));
        let arc = page(r#"[{"time":60,"arcsize":1},{"time":180},{"time":120,"arcsize":"4096.5"}]"#);
        assert_eq!(arc.get(ARC.name, &[("cluster", "c"), ("node", "a")]), Some(4096.5));
        assert!(page(r#"[{"time":60,"arcsize":0}]"#).is_empty(), "a node without ZFS");
        assert!(page(r#"[{"time":60,"cpu":0.1},{"pressureiosome":1}]"#).is_empty());
        let old = r#"[{"time":0,"pressureiosome":1},{"time":1},{"time":2},{"time":3},{"time":4},{"time":5}]"#;
        assert!(page(old).is_empty(), "what is older than a few minutes is not the pressure now");
    }
}
