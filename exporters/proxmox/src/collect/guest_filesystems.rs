//! `/nodes/{node}/qemu/{vmid}/agent/get-fsinfo`: what the file systems of virtual machines use, as the agent in them says.
//! One call a guest: off unless it is wanted.

use std::collections::BTreeSet;
use std::time::Duration;

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::agent::{self, Answer};
use super::{Collector, Scope, Tier, Visit};
use crate::api::Failure;
use crate::api::value::{Number, Text};

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "guest_filesystems",
    tier: Tier::Slow,
    scope: Scope::Node,
    on: false,
    every: Duration::from_secs(300),
    limit: Duration::from_secs(290),
    needs: &[agent::AUDIT],
    descs: &[&SIZE, &USED],
    collect,
};

const LABELS: &[&str] = &["cluster", "id", "mountpoint", "fstype"];

/// Its size.
pub const SIZE: Desc = Desc::gauge(
    "pve_guest_filesystem_size_bytes",
    "Size of a file system in a virtual machine, as its agent says.",
)
.labels(LABELS);
/// What is used.
pub const USED: Desc = Desc::gauge(
    "pve_guest_filesystem_usage_bytes",
    "Bytes used of a file system in a virtual machine, as its agent says.",
)
.labels(LABELS);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FileSystem {
    mountpoint: Text,
    #[serde(rename = "type")]
    kind: Text,
    #[serde(rename = "total-bytes")]
    total: Number,
    #[serde(rename = "used-bytes")]
    used: Number,
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let path = "/nodes/{node}/qemu/{vmid}/agent/get-fsinfo";
        agent::ask(visit, path, |guest, answer| write([visit.name, &guest.id], answer, page)).await
    })
}

/// Writes the file systems that can fill; each mount point once.
pub fn write([cluster, id]: [&str; 2], answer: Answer, page: &mut Page) {
    let Some(systems) = answer.rows::<FileSystem>() else { return };
    let mut seen = BTreeSet::new();
    for system in &systems.rows {
        // Images that are full by their nature.
        let fixed = matches!(&*system.kind, "squashfs" | "iso9660" | "udf" | "CDFS" | "UDF");
        if fixed || system.mountpoint.is_empty() || !seen.insert(&*system.mountpoint) {
            continue;
        }
        for (desc, value) in
            [(&SIZE, system.total.positive()), (&USED, system.total.positive().and(system.used.0))]
        {
            if let Some(value) = value {
                page.family(desc).push(&[cluster, id, &system.mountpoint, &system.kind], value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_errors_and_images() {
        let json = r#"{"result":[{"mountpoint":"/","type":"ext4","total-bytes":20,"used-bytes":"11"},
            {"mountpoint":"/snap/x","type":"squashfs","total-bytes":1,"used-bytes":1},{"mountpoint":"/boot","type":"vfat"},
            {"mountpoint":"/","type":"ext4","total-bytes":20,"used-bytes":11}]}"#;
        let mut page = Page::new();
        write(["c", "qemu/1"], serde_json::from_str(json).unwrap(), &mut page);
        let labels = [("cluster", "c"), ("id", "qemu/1"), ("mountpoint", "/"), ("fstype", "ext4")];
        assert_eq!(
            (page.get(SIZE.name, &labels), page.get(USED.name, &labels), page.len()),
            (Some(20.0), Some(11.0), 2)
        );
        assert!(page.dropped().is_empty());
        for json in [r#"{"result":{"error":{"class":"Unsupported"}}}"#, "{}"] {
            let mut page = Page::new();
            write(["c", "qemu/1"], serde_json::from_str(json).unwrap(), &mut page);
            assert!(page.is_empty(), "{json}");
        }
    }
}
