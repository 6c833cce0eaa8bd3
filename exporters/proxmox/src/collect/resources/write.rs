//! The families.

use std::collections::{BTreeMap, BTreeSet};

use kit::page::Labels;
use kit::{Desc, Page};

use super::super::{count, flag, sorted};
use super::descs::{
    CPU, CPU_LIMIT, DISK, DISK_READ, DISK_SIZE, DISK_WRITTEN, GUEST, GUESTS, HA_STATE, LOCK_STATE, MEMORY,
    MEMORY_HOST, MEMORY_SIZE, NETWORK_RECEIVE, NETWORK_TRANSMIT, NODE_STATE, POOL, SDN, SDN_STATE, SHARED,
    STATE, STORAGE, UP, UPTIME,
};
use super::rows::Row;
use crate::api::value::Text;

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

/// Writes the rows, family by family. Rows whose `id` was seen are left out: whatever doubles them, they are one thing.
pub fn write(cluster: &str, rows: &[Row], one_hot: bool, page: &mut Page) {
    zones(page, cluster, rows);
    let mut ids = BTreeSet::new();
    let known = |row: &&Row| matches!(&*row.kind, "node" | "qemu" | "lxc" | "storage") && !row.id.is_empty();
    let rows: Vec<&Row> = rows.iter().filter(known).filter(|row| ids.insert(&*row.id)).collect();
    // One row has a sample in nearly every family: its labels are there once for all of them.
    let labels: Vec<Labels> = rows.iter().map(|row| page.labels(&[cluster, &row.id])).collect();
    let gauge = |page: &mut Page, desc: &Desc, value: &dyn Fn(&Row) -> Option<f64>| {
        let mut family = page.family(desc);
        for (row, labels) in rows.iter().zip(&labels) {
            if let Some(value) = value(row) {
                family.push_at(*labels, value);
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
    let mut family = page.family(&NODE_STATE);
    for row in rows.iter().filter(|row| *row.kind == *"node" && !matches!(&*row.status, "online" | "offline"))
    {
        let state = if row.status.is_empty() { "unknown" } else { &*row.status };
        family.push(&[cluster, &row.id, &row.node, state], 1.0);
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
    let mut counts = BTreeMap::<(&str, &str, &str), usize>::new();
    for row in rows.iter().filter(|row| row.is_guest() && row.template.flag() != Some(true)) {
        let status = if row.status.is_empty() { "unknown" } else { &*row.status };
        *counts.entry((&row.node, &row.kind, status)).or_default() += 1;
    }
    let mut family = page.family(&GUESTS);
    for ((node, kind, status), number) in counts {
        family.push(&[cluster, node, kind, status], count(number));
    }
}

/// The zones of the software-defined network, once for each node: 9.0.12 and newer have them twice, as `sdn` and `network`.
fn zones(page: &mut Page, cluster: &str, rows: &[Row]) {
    let mut states = BTreeMap::<(&str, &str), &str>::new();
    for row in
        rows.iter().filter(|row| !row.zone().is_empty() && !row.node.is_empty() && !row.status.is_empty())
    {
        states.entry((&row.node, row.zone())).or_insert(&row.status);
    }
    let mut family = page.family(&SDN);
    for ((node, zone), state) in states.iter().filter(|(_, state)| **state != "unknown") {
        family.push(&[cluster, node, zone], flag(matches!(*state, "ok" | "available")));
    }
    let mut family = page.family(&SDN_STATE);
    for ((node, zone), state) in states {
        family.push(&[cluster, node, zone, state], 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::value::Rows;

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
        let node = |id: &str, node, state| {
            page.get(NODE_STATE.name, &[("cluster", "c"), ("id", id), ("node", node), ("state", state)])
        };
        assert_eq!(node("node/c", "c", "unknown"), Some(1.0), "a member that tells nothing");
        assert_eq!((node("node/a", "a", "online"), node("node/b", "b", "offline")), (None, None));
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

    #[test]
    fn zones_of_both_kinds_of_rows() {
        let page = page(
            r#"[{"id":"sdn/a/z","type":"sdn","sdn":"z","node":"a","status":"ok"},
                {"id":"network/a/zone/z","type":"network","network-type":"zone","network":"z","node":"a","status":"ok"},
                {"id":"network/b/zone/z","type":"network","network-type":"zone","network":"z","node":"b","status":"error"},
                {"id":"network/b/fabric/f","type":"network","network-type":"fabric","network":"f","node":"b","status":"ok"},
                {"id":"sdn/c/z","type":"sdn","sdn":"z","node":"c","status":"unknown"}]"#,
            false,
        );
        let zone = |node| page.get("pve_sdn_zone_up", &[("cluster", "c"), ("node", node), ("zone", "z")]);
        assert_eq!([zone("a"), zone("b"), zone("c")], [Some(1.0), Some(0.0), None]);
        let unknown = [("cluster", "c"), ("node", "c"), ("zone", "z"), ("state", "unknown")];
        assert_eq!((page.get("pve_sdn_zone_state_info", &unknown), page.len()), (Some(1.0), 5));
    }
}
