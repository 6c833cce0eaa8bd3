//! `/cluster/resources`: every node, guest and storage in one answer, which pveproxy has in memory. It takes out silently
//! what the token may not see.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::{
    Collector, DATASTORE_AUDIT, SYS_AUDIT, Scope, Tier, VM_AUDIT, Visit, count, flag, sorted, whole,
};
use crate::api::Failure;
use crate::api::value::{Number, Rows, Text};
use crate::cluster::map::{Guest, Map, Node, Storage};

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "resources",
    tier: Tier::Fast,
    scope: Scope::Cluster,
    on: true,
    every: Duration::ZERO,
    limit: Duration::ZERO,
    needs: &[SYS_AUDIT, VM_AUDIT, DATASTORE_AUDIT],
    descs: DESCS,
    collect,
};

const ID: &[&str] = &["cluster", "id"];

/// Whether it is up.
pub const UP: Desc = Desc::gauge(
    "pve_up",
    "Whether a node (node/NAME) is online, a guest (qemu/ID, lxc/ID) runs, a storage (storage/NODE/NAME) is available, or \
     the cluster (cluster/NAME) is quorate. Absent where the cluster itself does not know.",
)
.labels(ID);
/// What it is when it is neither.
pub const STATE: Desc = Desc::info(
    "pve_guest_state_info",
    "The state of a guest that neither runs nor is stopped: paused, suspended, prelaunch, unknown, …; absent for the others.",
)
.labels(&["cluster", "id", "state"]);
/// Processors.
pub const CPU_LIMIT: Desc =
    Desc::gauge("pve_cpu_usage_limit", "Processors that a node has, or a guest may use.").labels(ID);
/// Their use.
pub const CPU: Desc = Desc::gauge(
    "pve_cpu_usage_ratio",
    "Processor time used, as a share of pve_cpu_usage_limit; may exceed 1 for a short time.",
)
.labels(ID);
/// Memory.
pub const MEMORY_SIZE: Desc =
    Desc::gauge("pve_memory_size_bytes", "Memory that a node has, or a guest may use.").labels(ID);
/// Its use.
pub const MEMORY: Desc = Desc::gauge(
    "pve_memory_usage_bytes",
    "Memory used; of a virtual machine without a balloon driver what the host gives it, which may exceed its size.",
)
.labels(ID);
/// What the host spends.
pub const MEMORY_HOST: Desc = Desc::gauge(
    "pve_memory_host_usage_bytes",
    "Memory that a virtual machine takes of its node, its overhead included (Proxmox VE 9 and newer).",
)
.labels(ID);
/// Disk.
pub const DISK_SIZE: Desc = Desc::gauge(
    "pve_disk_size_bytes",
    "Size of a storage, of a node's root file system, of a guest's (boot) disk. Absent where there is none to tell (iSCSI).",
)
.labels(ID);
/// Its use.
pub const DISK: Desc = Desc::gauge(
    "pve_disk_usage_bytes",
    "Bytes used of pve_disk_size_bytes. Absent for virtual machines: what their file systems use is not known outside.",
)
.labels(ID);
/// Uptime.
pub const UPTIME: Desc =
    Desc::gauge("pve_uptime_seconds", "Time since the node or guest was started; 0 if it is stopped.")
        .labels(ID);
/// Shared.
pub const SHARED: Desc =
    Desc::gauge("pve_storage_shared", "Whether the storage is the same on every node.").labels(ID);
/// Network, out.
pub const NETWORK_TRANSMIT: Desc = Desc::counter(
    "pve_network_transmit_bytes_total",
    "Bytes that the guest has sent since it was started; starts again when it is migrated.",
)
.labels(ID);
/// Network, in.
pub const NETWORK_RECEIVE: Desc = Desc::counter(
    "pve_network_receive_bytes_total",
    "Bytes that the guest has received since it was started; starts again when it is migrated.",
)
.labels(ID);
/// Disk, out.
pub const DISK_WRITTEN: Desc = Desc::counter(
    "pve_disk_written_bytes_total",
    "Bytes that the guest has written since it was started; starts again when it is migrated.",
)
.labels(ID);
/// Disk, in.
pub const DISK_READ: Desc = Desc::counter(
    "pve_disk_read_bytes_total",
    "Bytes that the guest has read since it was started; starts again when it is migrated.",
)
.labels(ID);
/// A guest.
pub const GUEST: Desc = Desc::info(
    "pve_guest_info",
    "A guest: where it is, its name, type (qemu, lxc), whether it is a template, and its tags, sorted.",
)
.labels(&["cluster", "id", "node", "name", "type", "template", "tags"]);
/// A pool's member.
pub const POOL: Desc =
    Desc::info("pve_guest_pool_info", "The pool that a guest is in; absent for those that are in none.")
        .labels(&["cluster", "id", "pool"]);
/// A storage.
pub const STORAGE: Desc =
    Desc::info("pve_storage_info", "A storage of a node: its kind, and what it is for, sorted.").labels(&[
        "cluster",
        "id",
        "node",
        "storage",
        "plugintype",
        "content",
    ]);
/// High availability.
pub const HA_STATE: Desc = Desc::gauge(
    "pve_ha_state",
    "1 for the state that high availability says a guest or node is in; the other states are absent unless one_hot is set. \
     Absent for guests that it does not look after.",
)
.labels(&["cluster", "id", "state"]);
/// Locks.
pub const LOCK_STATE: Desc = Desc::gauge(
    "pve_lock_state",
    "1 for the operation that has locked a guest (backup, migrate, snapshot, …); the others are absent unless one_hot is set.",
)
.labels(&["cluster", "id", "state"]);
/// How many.
pub const GUESTS: Desc =
    Desc::gauge("pve_node_guests", "Guests of a node by type (qemu, lxc) and status, templates aside.")
        .labels(&["cluster", "node", "type", "status"]);

/// Everything that this file writes.
pub const DESCS: &[&Desc] = &[
    &UP,
    &STATE,
    &CPU_LIMIT,
    &CPU,
    &MEMORY_SIZE,
    &MEMORY,
    &MEMORY_HOST,
    &DISK_SIZE,
    &DISK,
    &UPTIME,
    &SHARED,
    &NETWORK_TRANSMIT,
    &NETWORK_RECEIVE,
    &DISK_WRITTEN,
    &DISK_READ,
    &GUEST,
    &POOL,
    &STORAGE,
    &HA_STATE,
    &LOCK_STATE,
    &GUESTS,
];

/// A guest's states in high availability, as the peer names them.
const GUEST_HA: &[&str] = &[
    "stopped",
    "request_stop",
    "request_start",
    "request_start_balance",
    "started",
    "fence",
    "recovery",
    "migrate",
    "relocate",
    "freeze",
    "error",
];
/// A node's.
const NODE_HA: &[&str] = &["online", "maintenance", "unknown", "fence", "gone"];
/// A guest's locks.
const LOCKS: &[&str] = &[
    "backup",
    "clone",
    "create",
    "migrate",
    "rollback",
    "snapshot",
    "snapshot-delete",
    "suspended",
    "suspending",
];

/// A row of the answer. One type for all kinds: which fields are there says the kind.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Row {
    id: Text,
    #[serde(rename = "type")]
    kind: Text,
    node: Text,
    name: Text,
    status: Text,
    vmid: Text,
    storage: Text,
    tags: Text,
    pool: Text,
    lock: Text,
    hastate: Text,
    content: Text,
    plugintype: Text,
    template: Number,
    shared: Number,
    cpu: Number,
    maxcpu: Number,
    mem: Number,
    memhost: Number,
    maxmem: Number,
    disk: Number,
    maxdisk: Number,
    netin: Number,
    netout: Number,
    diskread: Number,
    diskwrite: Number,
    uptime: Number,
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let answer: Rows<Row> = visit.get("/cluster/resources").await?;
        visit.cluster.learn(map(&answer.rows));
        write(visit.name, &answer.rows, visit.cluster.settings().one_hot, page);
        whole(&answer, "/cluster/resources")
    })
}

impl Row {
    fn is_guest(&self) -> bool {
        matches!(&*self.kind, "qemu" | "lxc")
    }

    /// Whether it is up, where the cluster knows.
    fn up(&self) -> Option<bool> {
        let up = match &*self.kind {
            "node" => "online",
            "qemu" | "lxc" => "running",
            "storage" => "available",
            _ => return None,
        };
        (!matches!(&*self.status, "unknown" | "")).then_some(*self.status == *up)
    }
}

/// What the rows say of the members.
fn map(rows: &[Row]) -> Map {
    let mut map = Map { at: Some(Instant::now()), ..Map::default() };
    for row in rows {
        match &*row.kind {
            "node" if !row.node.is_empty() => {
                map.nodes.push(Node { name: row.node.0.clone(), online: row.up() });
            }
            "qemu" | "lxc" if !row.id.is_empty() => map.guests.push(Guest {
                id: row.id.0.clone(),
                vmid: row.id.rsplit('/').next().unwrap_or_default().into(),
                node: row.node.0.clone(),
                name: row.name.0.clone(),
                running: row.up(),
                template: row.template.flag() == Some(true),
            }),
            "storage" if !row.storage.is_empty() => map.storages.push(Storage {
                node: row.node.0.clone(),
                name: row.storage.0.clone(),
                shared: row.shared.flag() == Some(true),
                backups: row.content.split(',').any(|content| content.trim() == "backup"),
                available: row.up(),
            }),
            _ => {}
        }
    }
    map.nodes.sort_by(|a, b| a.name.cmp(&b.name));
    map
}

/// Writes the rows, family by family. Rows whose `id` was seen are left out: whatever doubles them, they are one thing.
pub fn write(cluster: &str, rows: &[Row], one_hot: bool, page: &mut Page) {
    let mut ids = BTreeSet::new();
    let known = |row: &&Row| matches!(&*row.kind, "node" | "qemu" | "lxc" | "storage") && !row.id.is_empty();
    let rows: Vec<&Row> = rows.iter().filter(known).filter(|row| ids.insert(&*row.id)).collect();
    let gauge = |page: &mut Page, desc: &Desc, value: &dyn Fn(&Row) -> Option<f64>| {
        let mut family = page.family(desc);
        for row in &rows {
            if let Some(value) = value(row) {
                family.push(&[cluster, &row.id], value);
            }
        }
    };
    gauge(page, &UP, &|row| row.up().map(flag));
    gauge(page, &CPU_LIMIT, &|row| row.maxcpu.0);
    gauge(page, &CPU, &|row| row.cpu.0);
    gauge(page, &MEMORY_SIZE, &|row| row.maxmem.0);
    gauge(page, &MEMORY, &|row| row.mem.0);
    gauge(page, &MEMORY_HOST, &|row| row.memhost.positive());
    gauge(page, &DISK_SIZE, &|row| row.maxdisk.positive());
    gauge(page, &DISK, &|row| match &*row.kind {
        "qemu" => row.disk.positive(),
        "storage" => row.maxdisk.positive().and(row.disk.0),
        _ => row.disk.0,
    });
    gauge(page, &UPTIME, &|row| row.uptime.0);
    gauge(page, &SHARED, &|row| (*row.kind == *"storage").then_some(row.shared.0?));
    for (desc, value) in [
        (&NETWORK_TRANSMIT, (|row| row.netout.0) as fn(&Row) -> Option<f64>),
        (&NETWORK_RECEIVE, |row| row.netin.0),
        (&DISK_WRITTEN, |row| row.diskwrite.0),
        (&DISK_READ, |row| row.diskread.0),
    ] {
        gauge(page, desc, &|row| value(row).filter(|value| *value >= 0.0));
    }
    let guests = || rows.iter().filter(|row| row.is_guest());
    let mut family = page.family(&GUEST);
    for row in guests() {
        let template = row.template.flag().map_or("0", |template| if template { "1" } else { "0" });
        family.push(
            &[cluster, &row.id, &row.node, &row.name, &row.kind, template, &sorted(&row.tags, ';')],
            1.0,
        );
    }
    let mut family = page.family(&STATE);
    for row in guests().filter(|row| !matches!(&*row.status, "running" | "stopped" | "")) {
        family.push(&[cluster, &row.id, &row.status], 1.0);
    }
    let mut family = page.family(&POOL);
    for row in guests().filter(|row| !row.pool.is_empty()) {
        family.push(&[cluster, &row.id, &row.pool], 1.0);
    }
    let mut family = page.family(&STORAGE);
    for row in rows.iter().filter(|row| *row.kind == *"storage") {
        family.push(
            &[cluster, &row.id, &row.node, &row.storage, &row.plugintype, &sorted(&row.content, ',')],
            1.0,
        );
    }
    let states = |row: &Row| match &*row.kind {
        "node" => NODE_HA,
        "storage" => &[],
        _ => GUEST_HA,
    };
    one_of(page, &HA_STATE, cluster, &rows, one_hot, &|row| &row.hastate, &states);
    let locks = |row: &Row| if row.is_guest() { LOCKS } else { &[] };
    one_of(page, &LOCK_STATE, cluster, &rows, one_hot, &|row| &row.lock, &locks);
    census(page, cluster, &rows);
}

/// One state of several: the one that it is, and with `one_hot` the others with 0.
fn one_of(
    page: &mut Page,
    desc: &Desc,
    cluster: &str,
    rows: &[&Row],
    one_hot: bool,
    now: &dyn Fn(&Row) -> &Text,
    all: &dyn Fn(&Row) -> &'static [&'static str],
) {
    let mut family = page.family(desc);
    for row in rows {
        let state = now(row);
        if !state.is_empty() {
            family.push(&[cluster, &row.id, state], 1.0);
        }
        for other in all(row).iter().filter(|other| one_hot && **other != &**state) {
            family.push(&[cluster, &row.id, other], 0.0);
        }
    }
}

fn census(page: &mut Page, cluster: &str, rows: &[&Row]) {
    let mut counts = std::collections::BTreeMap::<(&str, &str, &str), usize>::new();
    for row in rows.iter().filter(|row| row.is_guest() && row.template.flag() != Some(true)) {
        let status = if row.status.is_empty() { "unknown" } else { &*row.status };
        *counts.entry((&row.node, &row.kind, status)).or_default() += 1;
    }
    let mut family = page.family(&GUESTS);
    for ((node, kind, status), number) in counts {
        family.push(&[cluster, node, kind, status], count(number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(json: &str, one_hot: bool) -> Page {
        let rows: Rows<Row> = serde_json::from_str(json).unwrap();
        let mut page = Page::new();
        write("c", &rows.rows, one_hot, &mut page);
        assert!(page.dropped().is_empty(), "{:?}", page.dropped());
        page
    }

    fn value(page: &Page, name: &str, id: &str) -> Option<f64> {
        page.get(name, &[("cluster", "c"), ("id", id)])
    }

    #[test]
    fn what_is_unknown_is_absent() {
        let page = page(
            r#"[{"id":"node/a","type":"node","node":"a","status":"online","maxcpu":"8"},
                {"id":"node/b","type":"node","node":"b","status":"offline","maxmem":7},
                {"id":"node/c","type":"node","node":"c","status":"unknown"},
                {"id":"qemu/1","type":"qemu","node":"a","status":"running","disk":0,"maxdisk":9,"cpu":1.02},
                {"id":"qemu/2","type":"qemu","node":"a","status":"unknown"},
                {"id":"qemu/3","type":"qemu","node":"a","status":"paused"},
                {"id":"lxc/4","type":"lxc","node":"a","status":"stopped","disk":0,"maxdisk":9},
                {"id":"storage/a/i","type":"storage","node":"a","storage":"i","status":"available","maxdisk":0,"disk":0},
                {"id":"storage/a/n","type":"storage","node":"a","storage":"n","status":"unknown"},
                {"id":"network/a/z","type":"network","node":"a","status":"ok"}]"#,
            false,
        );
        for (id, want) in [
            ("node/a", Some(1.0)),
            ("node/b", Some(0.0)),
            ("node/c", None),
            ("qemu/1", Some(1.0)),
            ("qemu/2", None),
            ("qemu/3", Some(0.0)),
            ("lxc/4", Some(0.0)),
            ("storage/a/i", Some(1.0)),
            ("storage/a/n", None),
            ("network/a/z", None),
        ] {
            assert_eq!(value(&page, "pve_up", id), want, "{id}");
        }
        assert_eq!(value(&page, "pve_cpu_usage_limit", "node/a"), Some(8.0));
        assert_eq!(value(&page, "pve_disk_usage_bytes", "qemu/1"), None, "always 0: not known");
        assert_eq!(value(&page, "pve_disk_usage_bytes", "lxc/4"), Some(0.0));
        assert_eq!(value(&page, "pve_disk_size_bytes", "storage/a/i"), None, "ProxMenux #309: 0 of 0");
        let state = [("cluster", "c"), ("id", "qemu/3"), ("state", "paused")];
        assert_eq!(page.get("pve_guest_state_info", &state), Some(1.0));
    }

    #[test]
    fn states_are_sparse_unless_they_are_wanted() {
        let json = r#"[{"id":"qemu/1","type":"qemu","node":"a","status":"running","hastate":"started","lock":"backup"},
                       {"id":"node/a","type":"node","node":"a","status":"online","hastate":"online"}]"#;
        let count =
            |page: &Page, name: &str| page.samples().filter(|sample| sample.desc.name == name).count();
        let sparse = page(json, false);
        assert_eq!((count(&sparse, "pve_ha_state"), count(&sparse, "pve_lock_state")), (2, 1));
        let full = page(json, true);
        assert_eq!((count(&full, "pve_ha_state"), count(&full, "pve_lock_state")), (16, 9));
        let error = [("cluster", "c"), ("id", "qemu/1"), ("state", "error")];
        assert_eq!(full.get("pve_ha_state", &error), Some(0.0));
    }

    #[test]
    fn tags_are_sorted_and_doubled_rows_are_one() {
        let json = r#"[{"id":"qemu/1","type":"qemu","node":"a","name":"x","tags":"b;a","template":1},
                       {"id":"qemu/1","type":"qemu","node":"b","name":"x","tags":"b;a"}]"#;
        let page = page(json, false);
        let labels = [
            ("cluster", "c"),
            ("id", "qemu/1"),
            ("node", "a"),
            ("name", "x"),
            ("type", "qemu"),
            ("template", "1"),
            ("tags", "a;b"),
        ];
        assert_eq!(page.get("pve_guest_info", &labels), Some(1.0));
    }
}
