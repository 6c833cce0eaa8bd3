//! `/nodes/{node}/qemu` and `/nodes/{node}/lxc`: what the cluster's own list lacks of the guests: pressure, swap, process.
//! With `devices` each disk and network card of the virtual machines by itself: then QEMU is asked (`full=1`), all
//! machines of a node in one call, which the node bounds at 2 s.

use std::collections::BTreeMap;
use std::time::Duration;

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::{Collector, Scope, Tier, VM_AUDIT, Visit, whole};
use crate::api::Failure;
use crate::api::value::{Number, Rows, Text};

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "guests",
    tier: Tier::Node,
    scope: Scope::Node,
    on: true,
    every: Duration::from_secs(60),
    limit: Duration::from_secs(20),
    needs: &[VM_AUDIT],
    descs: &[
        &PRESSURE,
        &SWAP_SIZE,
        &SWAP,
        &BALLOON,
        &READ,
        &WRITTEN,
        &READS,
        &WRITES,
        &FLUSHES,
        &FAILED,
        &RECEIVED,
        &TRANSMITTED,
        &MACHINE,
    ],
    collect,
};

const ID: &[&str] = &["cluster", "id"];
const DEVICE: &[&str] = &["cluster", "id", "device"];

/// Pressure.
pub const PRESSURE: Desc = Desc::gauge(
    "pve_guest_pressure_ratio",
    "Share of the last 10 s in which some (or all, full) of the guest's tasks waited for a resource: cpu, io, memory \
     (Proxmox VE 9 and newer).",
)
.labels(&["cluster", "id", "resource", "kind"]);
/// Swap.
pub const SWAP_SIZE: Desc =
    Desc::gauge("pve_guest_swap_size_bytes", "Swap space that a container may use.").labels(ID);
/// Swap used.
pub const SWAP: Desc =
    Desc::gauge("pve_guest_swap_usage_bytes", "Swap space that a container uses.").labels(ID);
/// Balloon.
pub const BALLOON: Desc = Desc::gauge(
    "pve_guest_balloon_bytes",
    "Memory that the balloon driver leaves to the virtual machine now.",
)
.labels(ID);
/// Read.
pub const READ: Desc = Desc::counter(
    "pve_guest_device_read_bytes_total",
    "Bytes that a virtual machine read from one of its disks.",
)
.labels(DEVICE);
/// Written.
pub const WRITTEN: Desc = Desc::counter(
    "pve_guest_device_written_bytes_total",
    "Bytes that a virtual machine wrote to one of its disks.",
)
.labels(DEVICE);
/// Reads.
pub const READS: Desc =
    Desc::counter("pve_guest_device_reads_total", "Reads of a virtual machine from one of its disks.")
        .labels(DEVICE);
/// Writes.
pub const WRITES: Desc =
    Desc::counter("pve_guest_device_writes_total", "Writes of a virtual machine to one of its disks.")
        .labels(DEVICE);
/// Flushes.
pub const FLUSHES: Desc = Desc::counter(
    "pve_guest_device_flushes_total",
    "Flushes of a virtual machine's caches to one of its disks.",
)
.labels(DEVICE);
/// Failures.
pub const FAILED: Desc = Desc::counter(
    "pve_guest_device_failed_operations_total",
    "Reads, writes and flushes of a virtual machine that its disk failed to do.",
)
.labels(DEVICE);
/// Received.
pub const RECEIVED: Desc = Desc::counter(
    "pve_guest_device_receive_bytes_total",
    "Bytes that a virtual machine received by one of its network cards.",
)
.labels(DEVICE);
/// Sent.
pub const TRANSMITTED: Desc = Desc::counter(
    "pve_guest_device_transmit_bytes_total",
    "Bytes that a virtual machine sent by one of its network cards.",
)
.labels(DEVICE);
/// QEMU.
pub const MACHINE: Desc = Desc::info(
    "pve_guest_machine_info",
    "The QEMU that runs a virtual machine, and the kind of machine: an old one after an update means a pending restart.",
)
.labels(&["cluster", "id", "qemu", "machine"]);

/// A row of either answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Row {
    vmid: Text,
    status: Text,
    maxswap: Number,
    swap: Number,
    balloon: Number,
    pressurecpusome: Number,
    pressurecpufull: Number,
    pressureiosome: Number,
    pressureiofull: Number,
    pressurememorysome: Number,
    pressurememoryfull: Number,
    blockstat: BTreeMap<Text, Block>,
    nics: BTreeMap<Text, Nic>,
    #[serde(rename = "running-qemu")]
    qemu: Text,
    #[serde(rename = "running-machine")]
    machine: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Block {
    rd_bytes: Number,
    wr_bytes: Number,
    rd_operations: Number,
    wr_operations: Number,
    flush_operations: Number,
    failed_rd_operations: Number,
    failed_wr_operations: Number,
    failed_flush_operations: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Nic {
    netin: Number,
    netout: Number,
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let path =
            if visit.cluster.settings().devices { "/nodes/{node}/qemu?full=1" } else { "/nodes/{node}/qemu" };
        // Each is worth having without the other.
        let machines = visit.get::<Rows<Row>>(path).await;
        let containers = visit.get::<Rows<Row>>("/nodes/{node}/lxc").await;
        let mut result = Ok(());
        for (kind, path, answer) in [("qemu", path, machines), ("lxc", "/nodes/{node}/lxc", containers)] {
            match answer {
                Ok(answer) => {
                    write(visit.name, kind, &answer.rows, page);
                    result = result.and(whole(&answer, path));
                }
                Err(failure) => result = Err(failure),
            }
        }
        result
    })
}

/// Writes the guests of one type.
pub fn write(cluster: &str, kind: &str, rows: &[Row], page: &mut Page) {
    for row in rows.iter().filter(|row| !row.vmid.is_empty()) {
        let id = format!("{kind}/{}", &*row.vmid);
        for (desc, value) in
            [(&SWAP_SIZE, row.maxswap.0), (&SWAP, row.swap.0), (&BALLOON, row.balloon.positive())]
        {
            if let Some(value) = value {
                page.family(desc).push(&[cluster, &id], value);
            }
        }
        // Of one that does not run they are 0, which it is not.
        if *row.status == *"running" {
            for (resource, kind, percent) in [
                ("cpu", "some", row.pressurecpusome),
                ("cpu", "full", row.pressurecpufull),
                ("io", "some", row.pressureiosome),
                ("io", "full", row.pressureiofull),
                ("memory", "some", row.pressurememorysome),
                ("memory", "full", row.pressurememoryfull),
            ] {
                if let Some(percent) = percent.0 {
                    page.family(&PRESSURE).push(&[cluster, &id, resource, kind], percent / 100.0);
                }
            }
        }
        if !row.qemu.is_empty() || !row.machine.is_empty() {
            page.family(&MACHINE).push(&[cluster, &id, &row.qemu, &row.machine], 1.0);
        }
        devices(cluster, &id, row, page);
    }
}

fn devices(cluster: &str, id: &str, row: &Row, page: &mut Page) {
    let mut push = |desc: &Desc, device: &str, value: Option<f64>| {
        if let Some(value) = value.filter(|value| *value >= 0.0) {
            page.family(desc).push(&[cluster, id, device], value);
        }
    };
    for (device, block) in &row.blockstat {
        push(&READ, device, block.rd_bytes.0);
        push(&WRITTEN, device, block.wr_bytes.0);
        push(&READS, device, block.rd_operations.0);
        push(&WRITES, device, block.wr_operations.0);
        push(&FLUSHES, device, block.flush_operations.0);
        let failed = [block.failed_rd_operations, block.failed_wr_operations, block.failed_flush_operations];
        if failed.iter().any(|failed| failed.0.is_some()) {
            push(&FAILED, device, Some(failed.iter().filter_map(|failed| failed.0).sum()));
        }
    }
    for (card, nic) in &row.nics {
        // `tap100i0` is card 0 of guest 100; the guest is a label already, and may get another number.
        let device =
            card.rsplit_once('i').map_or_else(|| card.to_string(), |(_, number)| format!("net{number}"));
        push(&RECEIVED, &device, nic.netin.0);
        push(&TRANSMITTED, &device, nic.netout.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_is_a_ratio_and_devices_are_told() {
        let json = r#"[{"vmid":"101","status":"running","pressureiosome":"12.5","pressurecpufull":0,"balloon":0,
            "blockstat":{"scsi0":{"rd_bytes":5,"failed_rd_operations":1,"failed_wr_operations":2}},
            "nics":{"tap101i1":{"netin":7,"netout":-1}},"running-qemu":"9.2.0"},
            {"vmid":100,"status":"stopped","pressureiosome":0}]"#;
        let rows: Rows<Row> = serde_json::from_str(json).unwrap();
        let mut page = Page::new();
        write("c", "qemu", &rows.rows, &mut page);
        let get = |name: &str, labels: &[(&str, &str)]| {
            let all: Vec<(&str, &str)> =
                [("cluster", "c"), ("id", "qemu/101")].iter().chain(labels).copied().collect();
            page.get(name, &all)
        };
        assert_eq!(get("pve_guest_pressure_ratio", &[("resource", "io"), ("kind", "some")]), Some(0.125));
        assert_eq!(get("pve_guest_device_failed_operations_total", &[("device", "scsi0")]), Some(3.0));
        assert_eq!(get("pve_guest_device_receive_bytes_total", &[("device", "net1")]), Some(7.0));
        assert_eq!(get("pve_guest_device_transmit_bytes_total", &[("device", "net1")]), None);
        assert_eq!(get("pve_guest_balloon_bytes", &[]), None);
        assert_eq!(
            page.samples().filter(|sample| sample.desc.name == PRESSURE.name).count(),
            2,
            "not of the stopped one"
        );
    }
}
