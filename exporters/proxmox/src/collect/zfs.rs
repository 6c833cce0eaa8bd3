//! `/nodes/{node}/disks/zfs` and its pools: their state, their space, and the errors of each of their devices.

use std::time::Duration;

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::lost::{Fails, Lost};
use super::scan::{SCAN_END, SCAN_ERRORS, SCAN_RUNNING, Scan};
use super::{Collector, SYS_AUDIT, Scope, Tier, Visit, flag, whole};
use crate::api::Failure;
use crate::api::value::{Number, Rows, Text};

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "zfs",
    tier: Tier::Slow,
    scope: Scope::Node,
    on: true,
    every: Duration::from_secs(600),
    limit: Duration::from_secs(60),
    needs: &[SYS_AUDIT],
    descs: &[
        &ONLINE,
        &MISSING,
        &STATE,
        &SIZE,
        &ALLOCATED,
        &FREE,
        &FRAGMENTATION,
        &DEDUP,
        &DATA_ERRORS,
        &DEVICE_STATE,
        &DEVICE_ERRORS,
        &SCAN_END,
        &SCAN_ERRORS,
        &SCAN_RUNNING,
    ],
    collect,
};

const POOL: &[&str] = &["cluster", "node", "pool"];

/// Whether it is whole.
pub const ONLINE: Desc = Desc::gauge(
    "pve_zfs_pool_online",
    "Whether the pool is whole: 0 for one that is degraded, faulted, suspended, … One that was not whole stays 0 when it is \
     missing: see pve_zfs_pool_missing.",
)
.labels(POOL);
/// One that was not whole and is not there any more.
pub const MISSING: Desc = Desc::gauge(
    "pve_zfs_pool_missing",
    "1 for a pool that was not whole when it was last seen, and that the node does not list any more (exported, or too little \
     of it is left to import it); told until it is back and whole, or the exporter is restarted. Else absent.",
)
.labels(POOL);
/// Its state.
pub const STATE: Desc =
    Desc::info("pve_zfs_pool_state_info", "The pool's state: ONLINE, DEGRADED, FAULTED, …")
        .labels(&["cluster", "node", "pool", "state"]);
/// Its size.
pub const SIZE: Desc =
    Desc::gauge("pve_zfs_pool_size_bytes", "Size of the pool, parity included.").labels(POOL);
/// What is used.
pub const ALLOCATED: Desc =
    Desc::gauge("pve_zfs_pool_allocated_bytes", "Bytes of the pool that are used.").labels(POOL);
/// What is free.
pub const FREE: Desc =
    Desc::gauge("pve_zfs_pool_free_bytes", "Bytes of the pool that are free.").labels(POOL);
/// Fragments.
pub const FRAGMENTATION: Desc =
    Desc::gauge("pve_zfs_pool_fragmentation_ratio", "How fragmented the pool's free space is.").labels(POOL);
/// Deduplication.
pub const DEDUP: Desc =
    Desc::gauge("pve_zfs_pool_dedup_ratio", "How many times the pool's data is stored once; 1 without.")
        .labels(POOL);
/// Lost data.
pub const DATA_ERRORS: Desc = Desc::gauge(
    "pve_zfs_pool_data_errors",
    "Whether the pool says that data in it is lost (permanent errors).",
)
.labels(POOL);
/// A device.
pub const DEVICE_STATE: Desc = Desc::info("pve_zfs_device_state_info", "The state of a device of the pool.")
    .labels(&["cluster", "node", "pool", "device", "state"]);
/// Its errors.
pub const DEVICE_ERRORS: Desc = Desc::gauge(
    "pve_zfs_device_errors",
    "Errors of a device of the pool since they were last cleared, by kind: read, write, cksum.",
)
.labels(&["cluster", "node", "pool", "device", "kind"]);

/// A pool of the list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pool {
    name: Text,
    health: Text,
    size: Number,
    alloc: Number,
    free: Number,
    frag: Number,
    dedup: Number,
}

/// A pool by itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Detail {
    errors: Text,
    scan: Text,
    children: Vec<Device>,
}

/// What `/nodes/{node}/time` answers: the time, and what the clock on the node's wall says, both in seconds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Clock {
    time: Number,
    localtime: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Device {
    name: Text,
    state: Text,
    read: Number,
    write: Number,
    cksum: Number,
    children: Vec<Device>,
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let answer: Rows<Pool> = visit.get("/nodes/{node}/disks/zfs").await?;
        let labels = [visit.name, visit.node];
        write(labels, &answer.rows, page);
        write_lost(labels, &answer.rows, &visit.cluster.lost().pools, page);
        let mut result = whole(&answer, "/nodes/{node}/disks/zfs");
        // Scrubs are told in the node's own time. Asked once a pool is known to have any.
        let mut zone = None;
        for pool in answer.rows.iter().filter(|pool| !pool.name.is_empty()) {
            let fill = [("node", visit.node), ("pool", &*pool.name)];
            match visit.get_with::<Detail>("/nodes/{node}/disks/zfs/{pool}", &fill).await {
                Ok(detail) => {
                    write_detail(labels, &pool.name, &detail, page);
                    let Some(scan) = Scan::parse(&detail.scan) else { continue };
                    if zone.is_none() {
                        match visit.get::<Clock>("/nodes/{node}/time").await {
                            Ok(clock) => zone = Some(clock.offset()),
                            Err(failure) => {
                                zone = Some(None);
                                result = result.and(Err(failure));
                            }
                        }
                    }
                    scan.write([visit.name, visit.node, &pool.name], zone.flatten(), page);
                }
                Err(failure) => result = result.and(Err(failure)),
            }
        }
        result
    })
}

impl Clock {
    /// Seconds from UTC to the node's own time.
    fn offset(&self) -> Option<f64> {
        Some(self.localtime.0? - self.time.0?)
    }
}

impl Fails for Pool {
    fn well(&self) -> Option<bool> {
        (!self.health.is_empty()).then(|| *self.health == *"ONLINE")
    }

    fn is_same(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// Writes the pools that were not whole and are not in the list any more, as far as that lasts: their state.
pub fn write_lost([cluster, node]: [&str; 2], pools: &[Pool], lost: &Lost<Pool>, page: &mut Page) {
    let known = lost.take(node, pools);
    for pool in known.missing.iter().chain(&known.silent) {
        page.family(&ONLINE).push(&[cluster, node, &pool.name], 0.0);
        page.family(&STATE).push(&[cluster, node, &pool.name, &pool.health], 1.0);
    }
    for pool in &known.missing {
        page.family(&MISSING).push(&[cluster, node, &pool.name], 1.0);
    }
}

/// Writes the pools.
pub fn write([cluster, node]: [&str; 2], pools: &[Pool], page: &mut Page) {
    for pool in pools.iter().filter(|pool| !pool.name.is_empty()) {
        let labels = [cluster, node, &*pool.name];
        for (desc, value) in [
            (&ONLINE, pool.well().map(flag)),
            (&SIZE, pool.size.0),
            (&ALLOCATED, pool.alloc.0),
            (&FREE, pool.free.0),
            (&FRAGMENTATION, pool.frag.0.map(|percent| percent / 100.0)),
            (&DEDUP, pool.dedup.0),
        ] {
            if let Some(value) = value {
                page.family(desc).push(&labels, value);
            }
        }
        if !pool.health.is_empty() {
            page.family(&STATE).push(&[cluster, node, &pool.name, &pool.health], 1.0);
        }
    }
}

/// Writes a pool's devices.
pub fn write_detail([cluster, node]: [&str; 2], pool: &str, detail: &Detail, page: &mut Page) {
    if !detail.errors.is_empty() {
        let lost = !detail.errors.to_ascii_lowercase().starts_with("no known data errors");
        page.family(&DATA_ERRORS).push(&[cluster, node, pool], flag(lost));
    }
    let mut devices: Vec<&Device> = detail.children.iter().collect();
    while let Some(device) = devices.pop() {
        devices.extend(&device.children);
        if device.name.is_empty() || !device.children.is_empty() {
            continue;
        }
        if !device.state.is_empty() {
            page.family(&DEVICE_STATE).push(&[cluster, node, pool, &device.name, &device.state], 1.0);
        }
        for (kind, number) in [("read", device.read), ("write", device.write), ("cksum", device.cksum)] {
            if let Some(number) = number.0 {
                page.family(&DEVICE_ERRORS).push(&[cluster, node, pool, &device.name, kind], number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_degraded_pool_and_its_devices() {
        let pools: Rows<Pool> = serde_json::from_str(
            r#"[{"name":"rpool","health":"DEGRADED","size":10,"alloc":4,"free":6,"frag":"5","dedup":1.0}]"#,
        )
        .unwrap();
        let detail: Detail = serde_json::from_str(
            r#"{"errors":"No known data errors","children":[{"name":"mirror-0","state":"DEGRADED","children":[
                {"name":"/dev/sda","state":"ONLINE","read":0,"write":0,"cksum":"2"},{"name":"/dev/sdb","state":"UNAVAIL","leaf":1}]}]}"#,
        )
        .unwrap();
        let mut page = Page::new();
        write(["c", "a"], &pools.rows, &mut page);
        write_detail(["c", "a"], "rpool", &detail, &mut page);
        let pool = [("cluster", "c"), ("node", "a"), ("pool", "rpool")];
        assert_eq!((page.get(ONLINE.name, &pool), page.get(DATA_ERRORS.name, &pool)), (Some(0.0), Some(0.0)));
        assert_eq!(page.get(FRAGMENTATION.name, &pool), Some(0.05));
        let device = |device, kind| {
            page.get(DEVICE_ERRORS.name, &[pool[0], pool[1], pool[2], ("device", device), ("kind", kind)])
        };
        assert_eq!(
            (device("/dev/sda", "cksum"), device("/dev/sdb", "read"), device("mirror-0", "read")),
            (Some(2.0), None, None)
        );
    }

    #[test]
    fn a_degraded_pool_that_vanishes_is_told() {
        let lost = Lost::default();
        let read = |json: &str| {
            let pools: Rows<Pool> = serde_json::from_str(json).unwrap();
            let mut page = Page::new();
            write(["c", "a"], &pools.rows, &mut page);
            write_lost(["c", "a"], &pools.rows, &lost, &mut page);
            assert!(page.dropped().is_empty(), "{:?}", page.dropped());
            let pool = [("cluster", "c"), ("node", "a"), ("pool", "tank")];
            let state = [pool[0], pool[1], pool[2], ("state", "DEGRADED")];
            (page.get(ONLINE.name, &pool), page.get(MISSING.name, &pool), page.get(STATE.name, &state))
        };
        let bad = r#"[{"name":"tank","health":"DEGRADED","size":10}]"#;
        assert_eq!(read(bad), (Some(0.0), None, Some(1.0)));
        assert_eq!(read("[]"), (Some(0.0), Some(1.0), Some(1.0)));
        assert_eq!(read(&bad.replace("DEGRADED", "ONLINE")), (Some(1.0), None, None));
        assert_eq!(read("[]"), (None, None, None), "one that was whole was taken away");
    }
}
