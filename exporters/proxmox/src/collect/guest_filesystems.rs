//! `/nodes/{node}/qemu/{vmid}/agent/get-fsinfo`: what the file systems of virtual machines use, as the agent in them says.
//! One call a guest, each of which may hang for as long as the agent does: off unless it is wanted, and each guest has its
//! own few seconds.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::{Collector, Need, Scope, Tier, Visit};
use crate::api::value::{Number, Rows, Text};
use crate::api::{Failure, Reason};

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "guest_filesystems",
    tier: Tier::Slow,
    scope: Scope::Node,
    on: false,
    every: Duration::from_secs(300),
    limit: Duration::from_secs(290),
    needs: &[Need { privilege: "VM.GuestAgent.Audit", path: "/vms" }],
    descs: &[&SIZE, &USED],
    collect,
};

/// The time of one guest.
const PATIENCE: Duration = Duration::from_secs(8);

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

/// The answer: a list of file systems, or an object with the agent's error.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Answer {
    result: serde_json::Value,
}

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
        let map = visit.cluster.map();
        let mut result = Ok(());
        let running = map.guests.iter().filter(|guest| {
            *guest.node == *visit.node
                && guest.kind() == "qemu"
                && guest.running == Some(true)
                && !guest.template
        });
        for guest in running {
            let visit = Visit { deadline: visit.deadline.min(Instant::now() + PATIENCE), ..*visit };
            let fill = [("node", visit.node), ("vmid", &*guest.vmid)];
            match visit.get_with::<Answer>("/nodes/{node}/qemu/{vmid}/agent/get-fsinfo", &fill).await {
                Ok(answer) => write([visit.name, &guest.id], answer, page),
                // `QEMU guest agent is not running`, `No QEMU guest agent configured`: it has none, which is no failure.
                Err(failure) if failure.reason == Reason::ServerError && failure.detail.contains("agent") => {
                }
                Err(failure) if failure.reason == Reason::NodeUnreachable => return Err(failure),
                Err(failure) => result = result.and(Err(failure)),
            }
        }
        result
    })
}

/// Writes the file systems that can fill; each mount point once.
pub fn write([cluster, id]: [&str; 2], answer: Answer, page: &mut Page) {
    // An object is the agent's error: it cannot do this.
    let Ok(systems) = serde_json::from_value::<Rows<FileSystem>>(answer.result) else { return };
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
