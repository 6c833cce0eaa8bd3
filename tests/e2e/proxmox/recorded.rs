//! Every recorded answer of versions 7, 8 and 9, and the edge cases made after the sources, through the collectors' own
//! parsers: no error, no row lost, nothing that the guard would drop.

use std::path::Path;

use farol_tests::{recorded, skipped};
use kit::Page;
use proxmox_exporter::api::value::Rows;
use proxmox_exporter::cluster::map::Map;
use proxmox_exporter::collect::{
    backup_jobs, backups, ceph, certificates, disks, fingerprints, guest_addresses, guest_config,
    guest_filesystems, guests, ha, lvmthin, node, packages, permissions, pressure, qdevice, replication,
    resources, services, smart, snapshots, status, subscription, tasks, version, zfs,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

const LABELS: [&str; 2] = ["c", "a"];

/// Reads a list, and hands it on when nothing of it was lost.
fn list<T: DeserializeOwned>(data: &Value, name: &str, write: impl FnOnce(&[T], &mut Page)) -> Page {
    let rows: Rows<T> =
        serde_json::from_value(data.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(rows.rows.len(), data.as_array().unwrap().len(), "{name}");
    let mut page = Page::new();
    write(&rows.rows, &mut page);
    page
}

/// Reads one object.
fn one<T: DeserializeOwned>(data: &Value, name: &str, write: impl FnOnce(&T, &mut Page)) -> Page {
    let mut page = Page::new();
    write(&serde_json::from_value(data.clone()).unwrap_or_else(|error| panic!("{name}: {error}")), &mut page);
    page
}

/// What a recorded answer becomes; `None` for one that no collector asks for.
fn read(name: &str, data: &Value) -> Option<Page> {
    // A second recording of one path ends in `__2`.
    let path = name.split("__").next()?;
    let parts: Vec<&str> = path.split('_').collect();
    Some(match parts.as_slice() {
        ["cluster", "resources"] | ["pve9", "edge", "cluster", "resources"] => {
            list(data, name, |rows, page| resources::write("c", rows, true, page))
        }
        ["cluster", "status"] => list(data, name, |rows, page| status::write("c", rows, page)),
        ["cluster", "ha", "status", "current"] => list(data, name, |rows, page| ha::write("c", rows, page)),
        ["cluster", "tasks"] => list(data, name, |rows, page| {
            let memory = tasks::Memory::default();
            memory.take(rows);
            tasks::write("c", rows, &memory, page);
        }),
        ["cluster", "backup"] => {
            list(data, name, |rows, page| backup_jobs::write_jobs("c", rows, &Map::default(), page))
        }
        ["cluster", "backup-info", "not-backed-up"] => {
            list(data, name, |rows, page| backup_jobs::write_guests("c", "cluster/c", rows, page))
        }
        ["cluster", "config", "qdevice"] => {
            one(data, name, |found, page| qdevice::write("c", "c", found, page))
        }
        ["cluster", "ceph", "status"] | ["nodes", _, "ceph", "status"] => {
            one(data, name, |found, page| ceph::write("c", found, page))
        }
        ["nodes", _, "apt", "versions"] => list(data, name, |rows, page| packages::write(LABELS, rows, page)),
        ["nodes", _, "qemu", _, "agent", "get-fsinfo"] => {
            let answer =
                serde_json::from_value(data.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
            let mut page = Page::new();
            guest_filesystems::write(LABELS, answer, &mut page);
            page
        }
        ["access", "permissions"] => one(data, name, |_: &permissions::Permissions, _| {}),
        ["nodes"] => list(data, name, |_: &[fingerprints::Row], _| {}),
        ["nodes", _, "version"] => one(data, name, |_: &version::Version, _| {}),
        ["nodes", node, "status"] if *node != "doesntexist" => {
            one(data, name, |found, page| node::write(LABELS, found, page))
        }
        ["nodes", _, "qemu"] | ["pve9", "nodes", "qemu"] => {
            list(data, name, |rows, page| guests::write("c", "qemu", rows, page))
        }
        ["nodes", _, "lxc"] => list(data, name, |rows, page| guests::write("c", "lxc", rows, page)),
        ["nodes", _, "qemu" | "lxc", _, "status", "current"] => {
            // One guest with what `full=1` has of each.
            one(data, name, |row: &guests::Row, page| {
                guests::write("c", "qemu", std::slice::from_ref(row), page)
            })
        }
        ["nodes", _, kind @ ("qemu" | "lxc"), _, "config"] => {
            one(data, name, |found: &guest_config::Config, _| {
                let network = found.network(*kind == "qemu");
                // Every card that is written with its hardware address.
                let is_card = |(key, value): &(&String, &Value)| {
                    key.starts_with("net")
                        && value.as_str().is_some_and(|text| text.matches(':').count() >= 5)
                };
                let cards = data.as_object().map_or(0, |keys| keys.iter().filter(is_card).count());
                assert_eq!(network.cards.len(), cards, "{name}: {network:?}");
            })
        }
        ["nodes", _, "qemu", _, "agent", "network-get-interfaces"] => {
            let answer =
                serde_json::from_value(data.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(guest_addresses::of_machine(answer).is_some_and(|seen| !seen.is_empty()), "{name}");
            Page::new()
        }
        ["nodes", _, "lxc", _, "interfaces"] => list(data, name, |rows, _| {
            assert_eq!(guest_addresses::of_container(rows).len(), rows.len(), "{name}");
        }),
        ["nodes", _, "rrddata"] => list(data, name, |rows, page| pressure::write(LABELS, rows, page)),
        ["nodes", _, "disks", "smart"] => {
            one(data, name, |found, page| smart::write(["c", "a", "d"], found, page))
        }
        ["nodes", _, "qemu" | "lxc", _, "snapshot"] => {
            list(data, name, |rows, page| snapshots::write(LABELS, rows, page))
        }
        ["nodes", _, "replication"] => {
            list(data, name, |rows, page| replication::write("c", rows, &|_| "qemu".to_owned(), page))
        }
        ["nodes", _, "certificates", "info"] => {
            list(data, name, |rows, page| certificates::write(LABELS, rows, page))
        }
        ["nodes", _, "subscription"] => {
            one(data, name, |found, page| subscription::write(LABELS, found, true, page))
        }
        ["nodes", _, "services"] => list(data, name, |rows, page| services::write(LABELS, rows, page)),
        ["nodes", _, "disks", "list"] => list(data, name, |rows, page| disks::write(LABELS, rows, page)),
        ["nodes", _, "disks", "zfs"] => list(data, name, |rows, page| zfs::write(LABELS, rows, page)),
        ["nodes", _, "disks", "zfs", _] => {
            one(data, name, |found, page| zfs::write_detail(LABELS, "p", found, page))
        }
        ["nodes", _, "disks", "lvmthin"] => list(data, name, |rows, page| lvmthin::write(LABELS, rows, page)),
        ["nodes", _, "storage", _, "content"] => {
            list(data, name, |rows, page| backups::write("c", "s", rows, page))
        }
        _ => return None,
    })
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|end| end == "json") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn every_recorded_answer_is_read_without_loss() {
    let Some(folder) = recorded("proxmox") else {
        skipped("proxmox: every recorded answer is read", "the recorded answers are not there");
        return;
    };
    let (mut read_files, mut samples) = (0, 0);
    for path in ["go-proxmox", "synthetic"].iter().flat_map(|part| files(&folder.join(part))) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let shown = path.strip_prefix(&folder).unwrap().display().to_string();
        let whole: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap_or_default();
        let Some(data) = whole.get("data").filter(|data| !data.is_null()) else { continue };
        let Some(page) = read(&name, data) else { continue };
        assert!(page.dropped().is_empty(), "{shown}: {:?}", page.dropped());
        read_files += 1;
        samples += page.len();
    }
    assert!(read_files >= 60 && samples >= 900, "{read_files} answers, {samples} samples");
}
