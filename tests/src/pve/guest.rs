//! What is told of a guest: in the cluster's list, in its node's, in its configuration, and by itself.

use serde_json::{Value, json};

use super::data::{GIB, name};

/// A guest.
pub(super) struct Guest {
    pub(super) vmid: usize,
    pub(super) qemu: bool,
    pub(super) node: usize,
}

impl Guest {
    pub(super) fn kind(&self) -> &'static str {
        if self.qemu { "qemu" } else { "lxc" }
    }

    /// Every tenth is stopped.
    pub(super) fn runs(&self) -> bool {
        self.vmid % 10 != 9
    }
}

pub(super) fn of_cluster(guest: &Guest, version: u8) -> Value {
    let (number, runs) = (guest.vmid as u64, guest.runs());
    let mut row = json!({
        "id": format!("{}/{number}", guest.kind()), "vmid": number, "type": guest.kind(), "node": name(guest.node),
        "name": format!("guest-{number}"), "status": if runs { "running" } else { "stopped" }, "template": 0, "maxcpu": 4,
        "cpu": if runs { 0.0123 } else { 0.0 }, "maxmem": 8 * GIB, "mem": if runs { 3 * GIB } else { 0 },
        "maxdisk": 64 * GIB, "disk": if guest.qemu { 0 } else { 5 * GIB }, "netin": 123_456_789 + number,
        "netout": 987_654_321 + number, "diskread": 555_555 + number, "diskwrite": 777_777 + number,
        "uptime": if runs { 86_400 + number } else { 0 },
    });
    if version >= 8 {
        row["tags"] = json!("web;prod");
    }
    if version >= 9 && guest.qemu {
        row["memhost"] = json!(4 * GIB);
    }
    if guest.vmid == 100 {
        row["hastate"] = json!("started");
    }
    row
}

pub(super) fn of_node(guest: &Guest, version: u8) -> Value {
    let mut row = of_cluster(guest, version);
    if let Some(row) = row.as_object_mut() {
        for key in ["id", "node", "maxcpu", "hastate"] {
            row.remove(key);
        }
    }
    row["cpus"] = json!(4);
    if !guest.qemu {
        // Containers of 7 have it as a text.
        row["vmid"] = if version < 8 { json!(guest.vmid.to_string()) } else { json!(guest.vmid) };
        row["maxswap"] = json!(GIB / 2);
        row["swap"] = json!(0);
    }
    if version >= 9 {
        // Of containers in 9.0 a text.
        row["pressurecpusome"] = if guest.qemu { json!(1.25) } else { json!("1.25") };
        row["pressureiosome"] = if guest.qemu { json!(12.5) } else { json!("12.5") };
        row["pressurememoryfull"] = json!(0);
    }
    row
}

fn mac(number: usize) -> String {
    format!("BC:24:11:00:{:02X}:{:02X}", number / 256 % 256, number % 256)
}

/// The address that a guest really has.
fn address(number: usize) -> String {
    format!("10.1.{}.{}", number / 256 % 256, number % 256)
}

/// A guest's configuration with its network: a written address for every guest, an agent for all machines but each fifth.
pub(super) fn network(guest: &Guest, mut config: Value) -> Value {
    let (mac, ip) = (mac(guest.vmid), format!("10.0.{}.{}/24", guest.vmid / 256 % 256, guest.vmid % 256));
    if guest.qemu {
        config["net0"] = json!(format!("virtio={mac},bridge=vmbr0,firewall=1"));
        config["ipconfig0"] = json!(format!("ip={ip},gw=10.0.0.1"));
        config["agent"] =
            json!(if guest.vmid.is_multiple_of(5) { "0" } else { "enabled=1,fstrim_cloned_disks=1" });
    } else {
        config["net0"] = json!(format!("name=eth0,bridge=vmbr0,hwaddr={mac},ip={ip},type=veth"));
    }
    config
}

/// What the agent in a machine says: its own loop and a bridge in it, too.
pub(super) fn interfaces_of_machine(number: usize) -> Value {
    let address = |ip: String, prefix: u8| json!({ "ip-address": ip, "ip-address-type": if ip.contains(':') { "ipv6" } else { "ipv4" }, "prefix": prefix });
    json!({ "result": [
        { "name": "lo", "hardware-address": "00:00:00:00:00:00", "ip-addresses": [address("127.0.0.1".into(), 8)] },
        { "name": "docker0", "hardware-address": "02:42:00:00:00:01", "ip-addresses": [address("172.17.0.1".into(), 16)] },
        { "name": "ens18", "hardware-address": mac(number).to_lowercase(), "ip-addresses": [
            address("fe80::1".into(), 64), address(self::address(number), 24), address(format!("2001:db8::{number}"), 64)] },
    ] })
}

/// What a node says of a container's network.
pub(super) fn interfaces_of_container(number: usize) -> Value {
    json!([{ "name": "lo", "hwaddr": "00:00:00:00:00:00", "inet": "127.0.0.1/8" },
        { "name": "eth0", "hwaddr": mac(number).to_lowercase(), "inet": format!("{}/24", address(number)) }])
}
