//! What the fuzz targets reach of the API's answers. Not for anything else.

use kit::Page;
use kit::page::Dropped;
use serde::de::DeserializeOwned;

use crate::api::body::{data, unpack};
use crate::api::failure::Failure;
use crate::api::value::Rows;
use crate::collect::{
    backup_jobs, backups, ceph, certificates, disks, guest_addresses, guest_config, guest_filesystems,
    guests, ha, lvmthin, node, packages, permissions, pressure, qdevice, replication, resources, services,
    smart, snapshots, status, subscription, tasks, zfs,
};
use crate::discovery::Book;

const LABELS: [&str; 2] = ["c", "a"];

fn list<T: DeserializeOwned>(
    body: &[u8],
    write: impl FnOnce(&[T], &mut Page),
    page: &mut Page,
) -> Result<(), Failure> {
    data::<Rows<T>>(body).map(|answer| write(&answer.rows, page))
}

fn one<T: DeserializeOwned>(
    body: &[u8],
    write: impl FnOnce(T, &mut Page),
    page: &mut Page,
) -> Result<(), Failure> {
    data::<T>(body).map(|answer| write(answer, page))
}

/// Reads an answer's body as the collector with this number does, and writes it down; how many samples that were, or
/// `None` for what is no answer.
///
/// # Panics
/// If a page would be dropped for anything but doubled rows, which an API may send.
#[must_use]
pub fn answer(kind: u8, body: &[u8]) -> Option<usize> {
    let mut page = Page::new();
    let out = &mut page;
    let done = match kind % 26 {
        0 => list(body, |rows, page| resources::write("c", rows, true, page), out),
        1 => list(body, |rows, page| status::write("c", rows, page), out),
        2 => list(body, |rows, page| ha::write("c", rows, page), out),
        3 => {
            let memory = tasks::Memory::default();
            list(
                body,
                |rows, page| {
                    memory.take(rows);
                    tasks::write("c", rows, &memory, page);
                },
                out,
            )
        }
        4 => one(body, |found, page| node::write(LABELS, &found, page), out),
        5 => list(body, |rows, page| guests::write("c", "qemu", rows, page), out),
        6 => list(body, |rows, page| replication::write("c", rows, &|_| "qemu".to_owned(), page), out),
        7 => list(
            body,
            |rows, page| backup_jobs::write_jobs("c", rows, &crate::cluster::map::Map::default(), page),
            out,
        ),
        8 => list(body, |rows, page| backup_jobs::write_guests("c", "cluster/c", rows, page), out),
        9 => list(body, |rows, page| backups::write("c", "s", rows, page), out),
        10 => list(body, |rows, page| certificates::write(LABELS, rows, page), out),
        11 => one(body, |found, page| subscription::write(LABELS, &found, true, page), out),
        12 => list(body, |rows, page| services::write(LABELS, rows, page), out),
        13 => list(body, |rows, page| packages::write(LABELS, rows, page), out),
        14 => list(body, |rows, page| disks::write(LABELS, rows, page), out),
        15 => list(body, |rows, page| zfs::write(LABELS, rows, page), out),
        16 => one(body, |found, page| zfs::write_detail(LABELS, "p", &found, page), out),
        17 => list(body, |rows, page| lvmthin::write(LABELS, rows, page), out),
        18 => one(body, |found, page| qdevice::write("c", "c", &found, page), out),
        19 => list(body, |rows, page| snapshots::write(LABELS, rows, page), out),
        20 => one(body, |found, page| guest_filesystems::write(LABELS, found, page), out),
        21 => one(body, |found, page| ceph::write("c", &found, page), out),
        22 => list(body, |rows, page| pressure::write(LABELS, rows, page), out),
        23 => one(body, |found, page| smart::write(["c", "a", "d"], &found, page), out),
        24 => {
            let book = Book::default();
            one(
                body,
                |found: guest_config::Config, _| {
                    book.write("qemu/1", found.network(true));
                    let _ = book.of("qemu/1", true);
                },
                out,
            )
        }
        _ => {
            let book = Book::default();
            one(
                body,
                |found, _| {
                    if let Some(seen) = guest_addresses::of_machine(found) {
                        book.see("qemu/1", seen);
                        let _ = book.of("qemu/1", true);
                    }
                },
                out,
            )
        }
    };
    let spoilt = page.dropped().iter().find(|(_, why)| *why != Dropped::Duplicate);
    assert!(spoilt.is_none(), "{spoilt:?}");
    done.ok().map(|()| page.len())
}

/// Unpacks a body, as long as it stays within its limit.
#[must_use]
pub fn unpacked(body: &[u8]) -> Option<usize> {
    unpack(body).ok().map(|body| body.len())
}

/// Reads what a token may see; how many paths that are.
#[must_use]
pub fn permissions(body: &[u8]) -> Option<usize> {
    data::<permissions::Permissions>(body).ok().map(|permissions| permissions.len())
}
