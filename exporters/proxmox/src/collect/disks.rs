//! `/nodes/{node}/disks/list`: the physical disks and what SMART says of them. One `smartctl` a disk, one after the other:
//! it may take long, and may wake disks that sleep.

use std::time::Duration;

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::{Collector, Need, Scope, Tier, Visit, flag, whole};
use crate::api::Failure;
use crate::api::value::{Number, Rows, Text};

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "disks",
    tier: Tier::Slow,
    scope: Scope::Node,
    on: true,
    every: Duration::from_secs(3600),
    limit: Duration::from_secs(120),
    needs: &[Need { privilege: "Sys.Audit", path: "/nodes" }],
    descs: &[&HEALTHY, &LIFE_LEFT, &SIZE, &INFO],
    collect,
};

const DEVICE: &[&str] = &["cluster", "node", "device"];

/// SMART's verdict.
pub const HEALTHY: Desc = Desc::gauge(
    "pve_node_disk_healthy",
    "Whether SMART finds the disk good (PASSED, OK). Absent where it says nothing.",
)
.labels(DEVICE);
/// What is left of an SSD.
pub const LIFE_LEFT: Desc = Desc::gauge(
    "pve_node_disk_life_left_ratio",
    "Share of an SSD's life of writes that is left. Absent for disks that do not say.",
)
.labels(DEVICE);
/// Its size.
pub const SIZE: Desc = Desc::gauge("pve_node_disk_size_bytes", "Size of the disk.").labels(DEVICE);
/// Which it is.
pub const INFO: Desc = Desc::info(
    "pve_node_disk_info",
    "A physical disk: model, serial number, kind (hdd, ssd, nvme), and what uses it.",
)
.labels(&["cluster", "node", "device", "model", "serial", "type", "used"]);

/// A row of the answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Row {
    devpath: Text,
    model: Text,
    serial: Text,
    #[serde(rename = "type")]
    kind: Text,
    used: Text,
    health: Text,
    size: Number,
    /// Percent; `N/A` where there is none.
    wearout: Number,
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let answer: Rows<Row> = visit.get("/nodes/{node}/disks/list").await?;
        write([visit.name, visit.node], &answer.rows, page);
        whole(&answer, "/nodes/{node}/disks/list")
    })
}

/// Writes the rows.
pub fn write([cluster, node]: [&str; 2], rows: &[Row], page: &mut Page) {
    for row in rows.iter().filter(|row| !row.devpath.is_empty()) {
        let labels = [cluster, node, &*row.devpath];
        let healthy = match row.health.to_ascii_uppercase().as_str() {
            "PASSED" | "OK" => Some(true),
            "" | "UNKNOWN" => None,
            _ => Some(false),
        };
        for (desc, value) in [
            (&HEALTHY, healthy.map(flag)),
            (&LIFE_LEFT, row.wearout.0.map(|percent| percent / 100.0)),
            (&SIZE, row.size.positive()),
        ] {
            if let Some(value) = value {
                page.family(desc).push(&labels, value);
            }
        }
        page.family(&INFO)
            .push(&[cluster, node, &row.devpath, &row.model, &row.serial, &row.kind, &row.used], 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// proxcenter #610: SAS and NVMe disks say OK where the others say PASSED.
    #[test]
    fn all_words_of_smart() {
        let json = r#"[{"devpath":"/dev/sda","health":"PASSED","wearout":"N/A"},{"devpath":"/dev/sdb","health":"OK","wearout":98},
            {"devpath":"/dev/sdc","health":"FAILED!","wearout":"3"},{"devpath":"/dev/sdd","health":"UNKNOWN"},{"devpath":"/dev/sde"}]"#;
        let rows: Rows<Row> = serde_json::from_str(json).unwrap();
        let mut page = Page::new();
        write(["c", "a"], &rows.rows, &mut page);
        let get = |name: &str, device| page.get(name, &[("cluster", "c"), ("node", "a"), ("device", device)]);
        let healthy = ["/dev/sda", "/dev/sdb", "/dev/sdc", "/dev/sdd", "/dev/sde"]
            .map(|device| get(HEALTHY.name, device));
        assert_eq!(healthy, [Some(1.0), Some(1.0), Some(0.0), None, None]);
        assert_eq!((get(LIFE_LEFT.name, "/dev/sda"), get(LIFE_LEFT.name, "/dev/sdc")), (None, Some(0.03)));
    }
}
