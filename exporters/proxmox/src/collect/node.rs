//! `/nodes/{node}/status`: load, waiting for disks, swap, root file system, shared memory, versions.

use std::time::Duration;

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::{Collector, Need, Scope, Tier, Visit};
use crate::api::Failure;
use crate::api::value::{Number, Text};

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "node",
    tier: Tier::Node,
    scope: Scope::Node,
    on: true,
    every: Duration::from_secs(60),
    limit: Duration::from_secs(15),
    needs: &[Need { privilege: "Sys.Audit", path: "/nodes" }],
    descs: &[
        &LOAD1,
        &LOAD5,
        &LOAD15,
        &IOWAIT,
        &MEMORY_FREE,
        &MEMORY_AVAILABLE,
        &SWAP_SIZE,
        &SWAP,
        &ROOT_SIZE,
        &ROOT,
        &ROOT_AVAILABLE,
        &KSM,
        &VERSION,
    ],
    collect,
};

const NODE: &[&str] = &["cluster", "node"];

/// Load.
pub const LOAD1: Desc = Desc::gauge("pve_node_load1", "Load average of the node over 1 min.").labels(NODE);
/// Load.
pub const LOAD5: Desc = Desc::gauge("pve_node_load5", "Load average of the node over 5 min.").labels(NODE);
/// Load.
pub const LOAD15: Desc = Desc::gauge("pve_node_load15", "Load average of the node over 15 min.").labels(NODE);
/// Waiting.
pub const IOWAIT: Desc =
    Desc::gauge("pve_node_iowait_ratio", "Share of processor time in which the node waited for its disks.")
        .labels(NODE);
/// Free memory.
pub const MEMORY_FREE: Desc = Desc::gauge(
    "pve_node_memory_free_bytes",
    "Memory of the node that nothing uses, not even as a cache; before Proxmox VE 9 with \
     the page cache, and without that of ZFS.",
)
.labels(NODE);
/// Available memory.
pub const MEMORY_AVAILABLE: Desc = Desc::gauge(
    "pve_node_memory_available_bytes",
    "Memory that programs could still have without swapping, as the kernel reckons (Proxmox VE 9 and newer; older versions do \
     not tell it). The page cache is in it, ZFS's is not: what pve_node_zfs_arc_size_bytes says comes on top.",
)
.labels(NODE);
/// Swap.
pub const SWAP_SIZE: Desc = Desc::gauge("pve_node_swap_size_bytes", "Swap space of the node.").labels(NODE);
/// Swap used.
pub const SWAP: Desc =
    Desc::gauge("pve_node_swap_usage_bytes", "Swap space of the node that is used.").labels(NODE);
/// Root file system.
pub const ROOT_SIZE: Desc =
    Desc::gauge("pve_node_rootfs_size_bytes", "Size of the node's root file system.").labels(NODE);
/// Its use.
pub const ROOT: Desc =
    Desc::gauge("pve_node_rootfs_usage_bytes", "Bytes used in the node's root file system.").labels(NODE);
/// What is left.
pub const ROOT_AVAILABLE: Desc = Desc::gauge(
    "pve_node_rootfs_available_bytes",
    "Bytes that can still be written to the node's root file system.",
)
.labels(NODE);
/// Shared pages.
pub const KSM: Desc =
    Desc::gauge("pve_node_ksm_shared_bytes", "Memory that guests share because its content is the same.")
        .labels(NODE);
/// Versions.
pub const VERSION: Desc =
    Desc::info("pve_node_version_info", "The node's version of Proxmox VE, its kernel and its processor.")
        .labels(&["cluster", "node", "pveversion", "kernel", "cpu_model", "boot_mode"]);

/// The answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    loadavg: Vec<Number>,
    wait: Number,
    memory: Space,
    swap: Space,
    rootfs: Space,
    ksm: Ksm,
    cpuinfo: Cpu,
    #[serde(rename = "boot-info")]
    boot: Boot,
    #[serde(rename = "current-kernel")]
    kernel: Kernel,
    kversion: Text,
    pveversion: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Space {
    total: Number,
    used: Number,
    free: Number,
    avail: Number,
    available: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Ksm {
    shared: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cpu {
    model: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Boot {
    mode: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Kernel {
    release: Text,
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let status: Status = visit.get("/nodes/{node}/status").await?;
        write([visit.name, visit.node], &status, page);
        Ok(())
    })
}

/// Writes what is known.
pub fn write(labels: [&str; 2], status: &Status, page: &mut Page) {
    let load = |index: usize| status.loadavg.get(index).and_then(|load| load.0);
    for (desc, value) in [
        (&LOAD1, load(0)),
        (&LOAD5, load(1)),
        (&LOAD15, load(2)),
        (&IOWAIT, status.wait.0),
        (&MEMORY_FREE, status.memory.free.0),
        (&MEMORY_AVAILABLE, status.memory.available.0),
        (&SWAP_SIZE, status.swap.total.0),
        (&SWAP, status.swap.used.0),
        (&ROOT_SIZE, status.rootfs.total.positive()),
        (&ROOT, status.rootfs.used.0),
        (&ROOT_AVAILABLE, status.rootfs.avail.0),
        (&KSM, status.ksm.shared.0),
    ] {
        if let Some(value) = value {
            page.family(desc).push(&labels, value);
        }
    }
    // `Linux 6.8.12-1-pve #1 SMP …`, in older versions the only place of it.
    let old = status.kversion.split_whitespace().nth(1).unwrap_or_default();
    let kernel = if status.kernel.release.is_empty() { old } else { &*status.kernel.release };
    // `pve-manager/9.1-1/9a1b2c3d`
    let version = status.pveversion.split('/').nth(1).unwrap_or(&status.pveversion);
    if !version.is_empty() || !kernel.is_empty() {
        let [cluster, node] = labels;
        page.family(&VERSION)
            .push(&[cluster, node, version, kernel, &status.cpuinfo.model, &status.boot.mode], 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_texts_and_missing_parts() {
        let json = r#"{"loadavg":["0.15","0.25",0.3],"wait":0.01,"swap":{"total":0,"used":0},"rootfs":{"total":9,"used":"3"},
            "kversion":"Linux 6.8.12-1-pve #1 SMP","pveversion":"pve-manager/8.2.4/abc","cpuinfo":{"model":"X"},"ksm":{}}"#;
        let mut page = Page::new();
        write(["c", "a"], &serde_json::from_str(json).unwrap(), &mut page);
        let labels = [("cluster", "c"), ("node", "a")];
        for (name, want) in [
            ("pve_node_load1", Some(0.15)),
            ("pve_node_load15", Some(0.3)),
            ("pve_node_swap_size_bytes", Some(0.0)),
            ("pve_node_rootfs_usage_bytes", Some(3.0)),
            ("pve_node_ksm_shared_bytes", None),
            ("pve_node_memory_available_bytes", None),
        ] {
            assert_eq!(page.get(name, &labels), want, "{name}");
        }
        let info = [
            ("cluster", "c"),
            ("node", "a"),
            ("pveversion", "8.2.4"),
            ("kernel", "6.8.12-1-pve"),
            ("cpu_model", "X"),
            ("boot_mode", ""),
        ];
        assert_eq!(page.get("pve_node_version_info", &info), Some(1.0));
        let mut empty = Page::new();
        write(["c", "a"], &serde_json::from_str("{}").unwrap(), &mut empty);
        assert!(empty.is_empty());
    }
}
