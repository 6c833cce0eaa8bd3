//! The answers' data, in the shapes of versions 7, 8 and 9. Numbers differ from one guest to the next and follow from its
//! number, so that a test can say what it expects.

use std::sync::OnceLock;

use serde_json::{Value, json};

use super::guest::{self, Guest};
use super::shape::Shape;
use super::state::{Mode, Rights, State};

/// 2026-11-01, the time that the cluster's past is counted from, in seconds.
pub(super) const THEN: u64 = 1_793_491_200;
pub(super) const GIB: u64 = 1 << 30;

/// What does not change while it runs.
pub(super) struct Data {
    guests: Vec<Guest>,
    /// The whole cluster's list while all is well: large, and asked for most.
    whole: OnceLock<Vec<u8>>,
}

pub(super) fn name(node: usize) -> String {
    format!("pve{}", node + 1)
}

impl Data {
    pub(super) fn new(shape: &Shape) -> Self {
        let guest = |index: usize| Guest {
            vmid: 100 + index,
            qemu: !index.is_multiple_of(3),
            node: index % shape.nodes,
        };
        Self { guests: (0..shape.guests).map(guest).collect(), whole: OnceLock::new() }
    }

    /// `/cluster/resources` as it travels, while all is well.
    pub(super) fn whole(&self, state: &State) -> &[u8] {
        self.whole.get_or_init(|| serde_json::to_vec(&json!({ "data": self.resources(state) })).unwrap())
    }

    /// What stands in `data`; `None` for a path that the API does not have.
    pub(super) fn get(&self, state: &State, listener: usize, path: &str) -> Option<Value> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let version = state.shape.version;
        Some(match parts.as_slice() {
            ["version"] => {
                json!({ "version": format!("{version}.2.4"), "release": format!("{version}.2"), "repoid": "0a1b2c3d" })
            }
            ["access", "permissions"] => permissions(state),
            ["nodes"] => self.nodes(state),
            ["cluster", "resources"] => self.resources(state),
            ["cluster", "status"] => status(state, listener),
            ["cluster", "ha", "status", "current"] => ha(state),
            ["cluster", "tasks"] => tasks(state),
            ["cluster", "backup"] => json!([
                { "id": "backup-1", "type": "vzdump", "enabled": 1, "all": 1, "schedule": "02:00", "mode": "snapshot",
                  "storage": "backup", "next-run": recent(state) + 93_600 },
                { "id": "backup-2", "type": "vzdump", "enabled": 0, "vmid": "100,101", "schedule": "sat 02:00", "mode": "stop",
                  "storage": "local" },
            ]),
            ["cluster", "backup-info", "not-backed-up"] => {
                if state.shape.well {
                    json!([])
                } else {
                    json!([{ "vmid": 101, "type": "qemu", "name": "guest-101" }])
                }
            }
            ["cluster", "config", "qdevice"] => json!({}),
            ["nodes", _, "tasks"] => log_of(query),
            ["nodes", node, rest @ ..] => self.node(state, node, rest)?,
            _ => return None,
        })
    }

    fn node(&self, state: &State, node: &str, rest: &[&str]) -> Option<Value> {
        let index = (0..state.shape.nodes).find(|index| name(*index) == node)?;
        let here = || self.guests.iter().filter(|guest| guest.node == index);
        let list = |qemu| {
            here()
                .filter(|guest| guest.qemu == qemu)
                .map(|guest| guest::of_node(guest, state.shape.version))
                .collect()
        };
        let seen = state.is_privileged();
        Some(match rest {
            ["status"] => {
                let mut memory = json!({ "total": 64 * GIB, "used": 20 * GIB, "free": 44 * GIB });
                if state.shape.version >= 9 {
                    memory["available"] = json!(44 * GIB);
                }
                json!({
                "loadavg": ["0.52", "0.58", "0.59"], "cpu": 0.12, "wait": 0.013, "uptime": 2_501_631, "idle": 0,
                "memory": memory,
                "swap": { "total": 8 * GIB, "used": GIB, "free": 7 * GIB },
                "rootfs": { "total": 94 * GIB, "used": 11 * GIB, "avail": 83 * GIB, "free": 83 * GIB },
                "ksm": { "shared": 4096 }, "pveversion": format!("pve-manager/{}.2.4/0a1b2c3d", state.shape.version),
                "kversion": "Linux 6.8.12-1-pve #1 SMP PREEMPT_DYNAMIC PMX 6.8.12-1", "cpuinfo": { "model": "Intel(R) Xeon(R)", "mhz": "2100.000", "cpus": 8 },
                })
            }
            ["qemu"] if seen => Value::Array(list(true)),
            ["lxc"] if seen => Value::Array(list(false)),
            ["qemu" | "lxc" | "replication"] if !seen => json!([]),
            ["qemu" | "lxc", number, "config"] => {
                let guest = here().find(|guest| guest.vmid.to_string() == *number)?;
                guest::network(
                    guest,
                    json!({ "onboot": u8::from(guest.vmid.is_multiple_of(2)), "memory": "8192", "cores": 4, "digest": "0" }),
                )
            }
            ["qemu", number, "agent", "network-get-interfaces"] => {
                guest::interfaces_of_machine(number.parse().ok()?)
            }
            ["lxc", number, "interfaces"] if state.shape.version >= 8 => {
                guest::interfaces_of_container(number.parse().ok()?)
            }
            ["qemu" | "lxc", _, "snapshot"] => json!([
                { "name": "current", "description": "You are here!" }, { "name": "before", "snaptime": THEN - 86_400 },
            ]),
            ["replication"] if index == 0 => json!([
                { "id": "100-0", "type": "local", "source": "pve1", "target": "pve2", "guest": 100, "vmtype": "lxc", "jobnum": 0,
                  "last_sync": recent(state), "last_try": recent(state), "next_sync": recent(state) + 900, "duration": "2.5", "fail_count": 0 },
            ]),
            ["replication"] => json!([]),
            // Asked by prometheus-pve-exporter alone: the list has it already.
            ["replication", id, "status"] => json!({
                "id": id, "guest": 100, "last_sync": THEN, "last_try": THEN, "next_sync": THEN + 900, "duration": 2.5, "fail_count": 0,
            }),
            ["subscription"] => {
                json!({ "status": "active", "level": "c", "nextduedate": "2027-01-31", "productname": "Community" })
            }
            ["certificates", "info"] => json!([
                { "filename": "pve-root-ca.pem", "subject": "/CN=Proxmox Virtual Environment", "notbefore": THEN, "notafter": THEN + 315_360_000 },
                { "filename": "pve-ssl.pem", "subject": format!("/CN={node}"), "notbefore": THEN, "notafter": THEN + 63_072_000 },
            ]),
            ["services"] => json!([
                { "service": "pveproxy", "name": "pveproxy", "state": "running", "active-state": "active", "unit-state": "enabled" },
                { "service": "corosync", "name": "corosync", "state": if state.shape.well { "running" } else { "dead" },
                  "active-state": if state.shape.well { "active" } else { "failed" }, "unit-state": "enabled" },
            ]),
            ["disks", "list"] => json!([
                { "devpath": "/dev/sda", "model": "SSD", "serial": "S1", "type": "ssd", "size": 480 * GIB, "health": "PASSED", "wearout": 97, "used": "ZFS" },
                { "devpath": "/dev/sdb", "model": "HDD", "serial": "S2", "type": "hdd", "size": 4000 * GIB,
                  "health": if state.shape.well { "PASSED" } else { "FAILED!" }, "wearout": "N/A" },
            ]),
            ["disks", "smart"] => json!({ "health": "PASSED", "type": "ata", "attributes": [
                { "id": "  5", "name": "Reallocated_Sector_Ct", "value": "100", "worst": "100", "threshold": "010", "fail": "-", "raw": "3", "flags": "PO--CK" },
                { "id": "  9", "name": "Power_On_Hours", "value": "99", "worst": "99", "threshold": "000", "fail": "-", "raw": "1000", "flags": "-O--CK" },
                { "id": "194", "name": "Temperature_Celsius", "value": "34", "worst": "45", "threshold": "000", "fail": "-", "raw": "34 (Min/Max 20/45)", "flags": "-O---K" },
                { "id": "197", "name": "Current_Pending_Sector", "value": "100", "worst": "100", "threshold": "000", "fail": "-", "raw": "0", "flags": "-O--CK" },
                { "id": "198", "name": "Offline_Uncorrectable", "value": "100", "worst": "100", "threshold": "000", "fail": "-", "raw": "0", "flags": "-O--CK" },
                { "id": "199", "name": "UDMA_CRC_Error_Count", "value": "100", "worst": "100", "threshold": "000", "fail": "-", "raw": "0", "flags": "-O--CK" },
            ] }),
            ["rrddata"] => json!([
                { "time": THEN, "cpu": 0.1, "pressurecpusome": 5.0, "pressureiosome": 40.0, "pressureiofull": 20.0, "pressurememoryfull": 0 },
                { "time": THEN + 60, "cpu": 0.1, "pressurecpusome": 2.5, "pressureiosome": 12.5, "pressureiofull": 10.0, "pressurememoryfull": 0, "arcsize": 4 * GIB },
                { "time": THEN + 120 },
            ]),
            ["time"] => {
                json!({ "timezone": "Europe/Lisbon", "time": now(state), "localtime": now(state) + 3600 })
            }
            ["disks", "zfs"] => {
                json!([{ "name": "rpool", "health": "ONLINE", "size": 470 * GIB, "alloc": 100 * GIB, "free": 370 * GIB, "frag": 5, "dedup": 1.0 }])
            }
            ["disks", "zfs", "rpool"] => {
                let errors = if state.shape.well { 0 } else { 2 };
                let scan =
                    format!("scrub repaired 0B in 00:12:34 with {errors} errors on Sun Nov  1 00:00:00 2026");
                json!({ "name": "rpool", "state": "ONLINE", "errors": "No known data errors",
                    "scan": scan, "children": [
                { "name": "mirror-0", "state": "ONLINE", "children": [{ "name": "sda3", "state": "ONLINE", "leaf": 1, "read": 0, "write": 0, "cksum": u8::from(!state.shape.well) }] }] })
            }
            ["disks", "lvmthin"] => {
                json!([{ "lv": "data", "vg": "pve", "lv_size": 300 * GIB, "used": 150 * GIB, "metadata_size": GIB, "metadata_used": GIB / 100 }])
            }
            ["apt", "versions"] => json!([
                { "Package": "pve-manager", "OldVersion": "9.2.4", "Version": "9.2.7", "CurrentState": "Installed" },
                { "Package": "proxmox-ve", "OldVersion": "9.2.0", "Version": "9.2.0", "RunningKernel": "6.8.12-1-pve" },
            ]),
            ["storage", storage, "content"] if seen => self.backups(state, index, storage),
            ["storage", _, "content"] => json!([]),
            _ => return None,
        })
    }

    /// `backup` is shared and has a backup of every guest, verified; `local` those of its node's first. Where all is well there are
    /// three of each, of an hour ago and of the days before.
    fn backups(&self, state: &State, node: usize, storage: &str) -> Value {
        let guests = self
            .guests
            .iter()
            .filter(|guest| storage == "backup" || guest.node == node)
            .take(if storage == "backup" { usize::MAX } else { 1 });
        let times = if state.shape.well {
            [1, 25, 49].map(|hours| now(state).unsigned_abs() - hours * 3600).to_vec()
        } else {
            vec![THEN]
        };
        let volume = |guest: &Guest, time: u64| {
            json!({
                "volid": format!("{storage}:backup/vzdump-{}-{}-2026_11_01-00_00_00.vma.zst", guest.kind(), guest.vmid),
                "content": "backup", "vmid": guest.vmid, "subtype": guest.kind(), "ctime": time + guest.vmid as u64,
                "size": GIB + guest.vmid as u64, "format": "vma.zst", "verification": { "state": "ok", "upid": "UPID:" },
            })
        };
        guests.flat_map(|guest| times.iter().map(|time| volume(guest, *time)).collect::<Vec<_>>()).collect()
    }

    fn nodes(&self, state: &State) -> Value {
        let row = |index: usize| {
            json!({
                "node": name(index), "id": format!("node/{}", name(index)), "type": "node", "status": "online",
                "ssl_fingerprint": state.fingerprint(index).unwrap_or_else(|| format!("{index:02X}").repeat(32)),
            })
        };
        (0..state.shape.nodes).map(row).collect()
    }

    fn resources(&self, state: &State) -> Value {
        let Shape { version, nodes, .. } = state.shape;
        if state.rights() == Rights::Nothing {
            return json!([]);
        }
        let privileged = state.is_privileged();
        let mut rows: Vec<Value> = Vec::with_capacity(self.guests.len() + nodes * 4);
        for guest in self.guests.iter().filter(|_| privileged) {
            match state.mode(&name(guest.node)) {
                Mode::Removed => {}
                Mode::Offline | Mode::Silent => rows.push(json!({
                    "id": format!("{}/{}", guest.kind(), guest.vmid), "vmid": guest.vmid, "node": name(guest.node),
                    "type": guest.kind(), "status": "unknown",
                })),
                Mode::Online | Mode::Hanging => rows.push(guest::of_cluster(guest, version)),
            }
        }
        for index in 0..nodes {
            let node = name(index);
            let id = format!("node/{node}");
            let mode = state.mode(&node);
            let mut row = match mode {
                Mode::Removed => continue,
                Mode::Offline => json!({ "status": "offline" }),
                Mode::Silent => json!({ "status": "unknown" }),
                _ if !privileged => json!({ "status": "online" }),
                Mode::Online | Mode::Hanging => json!({
                    "status": "online", "maxcpu": 8, "cpu": 0.12, "maxmem": 64 * GIB, "mem": 20 * GIB, "maxdisk": 94 * GIB,
                    "disk": 11 * GIB, "uptime": 2_501_631, "level": "c", "cgroup-mode": 2, "hastate": "online",
                }),
            };
            row["id"] = json!(id);
            row["node"] = json!(node);
            row["type"] = json!("node");
            rows.push(row);
            for (storage, shared, content) in [
                ("local", 0, "iso,vztmpl,backup"),
                ("local-lvm", 0, "images,rootdir"),
                ("backup", 1, "backup"),
            ] {
                if !privileged {
                    continue;
                }
                let known = matches!(mode, Mode::Online | Mode::Hanging);
                let mut row = json!({
                    "id": format!("storage/{node}/{storage}"), "node": node, "storage": storage, "type": "storage",
                    "shared": shared, "content": content, "plugintype": "dir", "status": if known { "available" } else { "unknown" },
                });
                if known {
                    row["maxdisk"] = json!(1000 * GIB);
                    row["disk"] = json!(400 * GIB);
                }
                rows.push(row);
            }
            if version >= 9 {
                rows.push(json!({ "id": format!("network/{node}/zone/localnetwork"), "type": "network", "node": node,
                    "network": "localnetwork", "network-type": "zone", "status": "ok" }));
            }
        }
        Value::Array(rows)
    }
}

fn status(state: &State, listener: usize) -> Value {
    let mut rows = Vec::new();
    let all: Vec<usize> =
        (0..state.shape.nodes).filter(|index| state.mode(&name(*index)) != Mode::Removed).collect();
    let online = |index: usize| state.mode(&name(index)) != Mode::Offline;
    if state.shape.nodes > 1 {
        let quorate = all.iter().filter(|index| online(**index)).count() * 2 > all.len();
        rows.push(json!({ "type": "cluster", "id": "cluster", "name": state.shape.cluster, "version": 4, "nodes": all.len(), "quorate": u8::from(quorate) }));
    }
    for index in all {
        rows.push(json!({
            "type": "node", "id": format!("node/{}", name(index)), "name": name(index), "nodeid": index + 1,
            "ip": format!("{}.{}", if state.shape.loopback { "127.0.0" } else { "192.0.2" }, index + 1), "online": u8::from(online(index)), "local": u8::from(index == listener), "level": "c",
        }));
    }
    Value::Array(rows)
}

/// When things last happened: in the cluster's past, but lately where all is well.
fn recent(state: &State) -> u64 {
    if state.shape.well { now(state).unsigned_abs() } else { THEN }
}

/// The time by the cluster's clock, in seconds.
fn now(state: &State) -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap() + state.shape.ahead
}

fn ha(state: &State) -> Value {
    let mut rows = vec![
        json!({ "id": "quorum", "type": "quorum", "node": "pve1", "quorate": 1, "status": "OK" }),
        json!({ "id": "master", "type": "master", "node": "pve1", "status": "pve1 (active)", "timestamp": now(state) }),
        json!({ "id": "service:ct:100", "sid": "ct:100", "type": "service", "node": "pve1", "state": "started", "request_state": "started" }),
    ];
    let is_member = |index: &usize| state.mode(&name(*index)) != Mode::Removed;
    rows.extend((0..state.shape.nodes).filter(is_member).map(|index| {
        json!({ "id": format!("lrm:{}", name(index)), "type": "lrm", "node": name(index), "timestamp": now(state), "status": "active" })
    }));
    Value::Array(rows)
}

fn tasks(state: &State) -> Value {
    if !state.is_privileged() {
        return json!([]);
    }
    json!([
        { "upid": "UPID:pve1:00000001:00000001:00000001:vzdump:100:root@pam:", "node": "pve1", "type": "vzdump", "id": "100",
          "user": "root@pam", "status": "OK", "starttime": THEN, "endtime": THEN + 60 },
        { "upid": "UPID:pve1:00000002:00000002:00000002:vzdump::root@pam:", "node": "pve1", "type": "vzdump", "id": "",
          "user": "root@pam", "status": if state.shape.well { "OK" } else { "job errors" }, "starttime": THEN, "endtime": THEN + 90 },
        { "upid": "UPID:pve1:00000003:00000003:00000003:qmigrate:101:root@pam:", "node": "pve1", "type": "qmigrate", "id": "101",
          "user": "root@pam", "starttime": THEN + 100 },
    ])
}

/// A node's task log: 109 was started a year ago and fell since, 119 was stopped, of the others there is nothing.
fn log_of(query: &str) -> Value {
    let task = |kind: &str, id: &str| {
        json!([{ "upid": format!("UPID:pve1:00000009:00000009:00000009:{kind}:{id}:root@pam:"), "node": "pve1", "type": kind,
                 "id": id, "user": "root@pam", "status": "OK", "starttime": THEN, "endtime": THEN + 1 }])
    };
    match query.split('&').find_map(|part| part.strip_prefix("vmid=")) {
        Some("109") => task("vzstart", "109"),
        Some("119") => task("qmshutdown", "119"),
        _ => json!([]),
    }
}

fn permissions(state: &State) -> Value {
    if !state.is_privileged() {
        return json!({});
    }
    let auditor =
        json!({ "Datastore.Audit": 1, "Pool.Audit": 1, "SDN.Audit": 1, "Sys.Audit": 1, "VM.Audit": 1 });
    let paths = ["/", "/access", "/nodes", "/pool", "/sdn", "/storage", "/vms"];
    Value::Object(paths.map(|path| (path.to_owned(), auditor.clone())).into_iter().collect())
}
