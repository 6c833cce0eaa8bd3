//! The backups themselves, as the storages list them: the newest of each guest, its size, whether it was verified. A shared
//! storage is asked once, by one node; each of the others by its own node. Listing may take long (a directory of
//! thousands of files, a backup server far away): each storage has its own time, and costs only itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::{Collector, DATASTORE_AUDIT, Scope, Tier, VM_AUDIT, Visit, flag, whole};
use crate::api::value::{Number, Rows, Text};
use crate::api::{Failure, Reason};
use crate::cluster::map::{Map, Storage};

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "backups",
    tier: Tier::Slow,
    scope: Scope::Cluster,
    on: true,
    every: Duration::from_secs(900),
    limit: Duration::from_secs(600),
    needs: &[DATASTORE_AUDIT, VM_AUDIT],
    descs: &[&LAST, &INTERVAL, &SIZE, &VERIFIED, &COUNT, &TOTAL],
    collect,
};

/// The time of one storage.
const PATIENCE: Duration = Duration::from_secs(60);

const WHERE: &[&str] = &["cluster", "id", "storage"];

/// The newest.
pub const LAST: Desc = Desc::gauge(
    "pve_backup_last_timestamp_seconds",
    "When the guest's newest backup on the storage was begun. storage is its name, of one that is not shared NODE/NAME. \
     Absent for guests without a backup there.",
)
.labels(WHERE);
/// How often.
pub const INTERVAL: Desc = Desc::gauge(
    "pve_backup_interval_seconds",
    "The longest time between two backups in a row, of the guest's newest six on the storage: how often it is backed up there, \
     whatever the job's schedule is, weekends left out and all. Absent for guests with one backup there.",
)
.labels(WHERE);
/// Its size.
pub const SIZE: Desc =
    Desc::gauge("pve_backup_last_size_bytes", "Size of the guest's newest backup on the storage.")
        .labels(WHERE);
/// Whether it is good.
pub const VERIFIED: Desc = Desc::gauge(
    "pve_backup_last_verified",
    "Whether the verification of the guest's newest backup found it good. Absent if it was not verified; only a Proxmox \
     Backup Server does.",
)
.labels(WHERE);
/// How many.
pub const COUNT: Desc = Desc::gauge("pve_backups", "Backups of the guest on the storage.").labels(WHERE);
/// Their size.
pub const TOTAL: Desc = Desc::gauge(
    "pve_backups_size_bytes",
    "Size of all backups of the guest on the storage; on a Proxmox Backup Server before deduplication.",
)
.labels(WHERE);

/// A volume of the answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Volume {
    volid: Text,
    vmid: Text,
    subtype: Text,
    content: Text,
    size: Number,
    ctime: Number,
    verification: Option<Verification>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Verification {
    state: Text,
}

impl Volume {
    /// The guest that it is a backup of; `None` for what is no backup.
    fn guest(&self) -> Option<String> {
        if !matches!(&*self.content, "" | "backup") {
            return None;
        }
        // `local:backup/vzdump-qemu-100-2023_08_28-12_00_00.vma.zst`, `pbs:backup/ct/101/2023-08-28T12:00:00Z`
        let path = self.volid.split_once(':')?.1.strip_prefix("backup/")?;
        let of_name = || {
            let mut parts = path.strip_prefix("vzdump-")?.splitn(3, '-');
            Some((parts.next()?, parts.next()?))
        };
        let of_path = || {
            let mut parts = path.splitn(3, '/');
            Some((parts.next()?, parts.next()?))
        };
        let named = of_name().or_else(of_path);
        let kind = if self.subtype.is_empty() { named?.0 } else { &*self.subtype };
        let kind = match kind {
            "qemu" | "vm" => "qemu",
            "lxc" | "ct" | "openvz" => "lxc",
            _ => return None,
        };
        let number = if self.vmid.is_empty() { named?.1 } else { &*self.vmid };
        Some(format!("{kind}/{number}"))
    }
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let map = visit.members().await?;
        let (mut result, mut silent) = (Ok(()), BTreeSet::new());
        for storage in storages(&map) {
            if silent.contains(&storage.node) {
                continue;
            }
            let visit = Visit {
                node: &storage.node,
                deadline: visit.deadline.min(Instant::now() + PATIENCE),
                ..*visit
            };
            let fill = [("node", visit.node), ("storage", &*storage.name)];
            let path = "/nodes/{node}/storage/{storage}/content?content=backup";
            match visit.get_with::<Rows<Volume>>(path, &fill).await {
                Ok(answer) => {
                    let name = if storage.shared {
                        storage.name.to_string()
                    } else {
                        format!("{}/{}", storage.node, storage.name)
                    };
                    write(visit.name, &name, &answer.rows, page);
                    result = result.and(whole(&answer, path));
                }
                Err(failure) => {
                    if failure.reason == Reason::NodeUnreachable {
                        silent.insert(&storage.node);
                    }
                    result = result.and(Err(failure));
                }
            }
        }
        result
    })
}

/// The storages to ask: each shared one once, by a node that is online and sees it.
fn storages(map: &Map) -> Vec<&Storage> {
    let online: BTreeSet<&str> = map.online().map(|node| &*node.name).collect();
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    for storage in &map.storages {
        let usable = storage.backups && storage.available != Some(false) && online.contains(&*storage.node);
        if usable && (!storage.shared || seen.insert(&*storage.name)) {
            found.push(storage);
        }
    }
    found
}

/// How many of a guest's newest backups tell how often it is backed up: five nights and the weekend between them. What is kept
/// of older ones (one a week, one a month) tells how they are pruned.
const RHYTHM: usize = 6;

/// The longest time between two in a row of the newest backups.
fn interval(times: &mut [f64]) -> Option<f64> {
    times.sort_by(|a, b| b.total_cmp(a));
    times.windows(2).take(RHYTHM - 1).map(|pair| pair[0] - pair[1]).reduce(f64::max)
}

/// Writes what is on one storage.
pub fn write(cluster: &str, storage: &str, volumes: &[Volume], page: &mut Page) {
    struct Sum<'a> {
        newest: &'a Volume,
        times: Vec<f64>,
        count: f64,
        size: f64,
    }
    let mut guests = BTreeMap::<String, Sum<'_>>::new();
    for volume in volumes {
        let Some(id) = volume.guest() else { continue };
        let sum =
            guests.entry(id).or_insert(Sum { newest: volume, times: Vec::new(), count: 0.0, size: 0.0 });
        sum.times.extend(volume.ctime.positive());
        sum.count += 1.0;
        sum.size += volume.size.0.unwrap_or(0.0);
        if volume.ctime.0 > sum.newest.ctime.0 {
            sum.newest = volume;
        }
    }
    for (id, sum) in &mut guests {
        let labels = [cluster, id, storage];
        let verified = sum.newest.verification.as_ref().map(|verification| &*verification.state);
        for (desc, value) in [
            (&LAST, sum.newest.ctime.positive()),
            (&INTERVAL, interval(&mut sum.times)),
            (&SIZE, sum.newest.size.0),
            (
                &VERIFIED,
                verified.filter(|state| matches!(*state, "ok" | "failed")).map(|state| flag(state == "ok")),
            ),
            (&COUNT, Some(sum.count)),
            (&TOTAL, Some(sum.size)),
        ] {
            if let Some(value) = value {
                page.family(desc).push(&labels, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::map::Node;

    #[test]
    fn the_newest_backup_of_each_guest() {
        let json = r#"[
            {"volid":"local:iso/debian.iso","content":"iso","size":1,"ctime":9},
            {"volid":"local:backup/vzdump-qemu-100-2023_08_28-12_00_00.vma.zst","size":10,"ctime":100,"vmid":100},
            {"volid":"local:backup/vzdump-qemu-100-2023_08_29-12_00_00.vma.zst","size":"20","ctime":200,"vmid":"100"},
            {"volid":"local:backup/vzdump-lxc-101-2023_08_29-12_00_00.tar.zst","size":5,"ctime":50},
            {"volid":"pbs:backup/ct/102/2023-08-28T12:00:00Z","subtype":"lxc","vmid":102,"ctime":7,"verification":{"state":"failed"}},
            {"volid":"pbs:backup/host/x/2023-08-28T12:00:00Z","ctime":7},
            {"volid":"local:backup/mine.tar","ctime":7}]"#;
        let rows: Rows<Volume> = serde_json::from_str(json).unwrap();
        let mut page = Page::new();
        write("c", "s", &rows.rows, &mut page);
        let get = |name: &str, id| page.get(name, &[("cluster", "c"), ("id", id), ("storage", "s")]);
        assert_eq!(get("pve_backup_last_timestamp_seconds", "qemu/100"), Some(200.0));
        assert_eq!(
            (get("pve_backup_last_size_bytes", "qemu/100"), get("pve_backups", "qemu/100")),
            (Some(20.0), Some(2.0))
        );
        assert_eq!(get("pve_backups_size_bytes", "qemu/100"), Some(30.0));
        assert_eq!(get("pve_backup_last_timestamp_seconds", "lxc/101"), Some(50.0));
        assert_eq!(
            (get("pve_backup_last_verified", "lxc/102"), get("pve_backup_last_verified", "lxc/101")),
            (Some(0.0), None)
        );
        assert_eq!(page.samples().filter(|sample| sample.desc.name == COUNT.name).count(), 3);
    }

    #[test]
    fn how_often_a_guest_is_backed_up() {
        let day = 86_400.0;
        for (days, want) in [
            (&[10.0, 9.0, 8.0] as &[f64], Some(1.0)),
            // Nights of workdays, Friday last; with one by hand.
            (&[12.0, 11.0, 10.0, 9.0, 8.0, 5.0, 4.0], Some(3.0)),
            (&[12.0, 11.5, 11.0, 10.0], Some(1.0)),
            // A week of nights, then the weeks and months that are kept.
            (&[40.0, 39.0, 38.0, 37.0, 36.0, 35.0, 28.0, 1.0], Some(1.0)),
            (&[7.0], None),
            (&[], None),
        ] {
            let mut times: Vec<f64> = days.iter().rev().map(|at| at * day).collect();
            assert_eq!(interval(&mut times), want.map(|days| days * day), "{days:?}");
        }
    }

    #[test]
    fn a_shared_storage_is_asked_once_and_by_a_node_that_is_there() {
        let node = |name: &str, online| Node { name: name.into(), online };
        let storage = |node: &str, name: &str, shared, backups| Storage {
            node: node.into(),
            name: name.into(),
            shared,
            backups,
            available: Some(true),
        };
        let map = Map {
            nodes: vec![node("a", Some(false)), node("b", Some(true)), node("c", None)],
            storages: vec![
                storage("a", "nfs", true, true),
                storage("a", "local", false, true),
                storage("b", "nfs", true, true),
                storage("b", "local", false, true),
                storage("c", "nfs", true, true),
                storage("c", "local", false, true),
                storage("b", "ceph", true, false),
            ],
            ..Map::default()
        };
        let asked: Vec<String> =
            storages(&map).iter().map(|one| format!("{}/{}", one.node, one.name)).collect();
        assert_eq!(asked, ["b/nfs", "b/local", "c/local"]);
    }
}
