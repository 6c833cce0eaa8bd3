//! What is told of nodes, guests and storages.

use kit::Desc;

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
/// The same of a node.
pub const NODE_STATE: Desc = Desc::info(
    "pve_node_state_info",
    "The state of a node that is neither online nor offline: unknown for one that is a member and has told nothing for 5 min, \
     as when its pvestatd hangs; nothing is known then of its guests and storages either, and pve_up of them all is absent. \
     Absent for the others.",
)
.labels(&["cluster", "id", "node", "state"]);
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
    "Memory used; of a virtual machine without a balloon driver what the host gives it, which may exceed its size. Of a node \
     ZFS's cache (ARC) counts as used, though most of it is given back when needed: see pve_node_zfs_arc_size_bytes.",
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

/// Software-defined network.
pub const SDN: Desc = Desc::gauge(
    "pve_sdn_zone_up",
    "Whether a zone of the software-defined network is in order on a node: 0 for one in error, or whose changes are not \
     applied. Absent where the cluster does not know.",
)
.labels(&["cluster", "node", "zone"]);
/// The same in words.
pub const SDN_STATE: Desc = Desc::info(
    "pve_sdn_zone_state_info",
    "The state of a zone of the software-defined network on a node: ok, available, pending, error, …",
)
.labels(&["cluster", "node", "zone", "state"]);

/// Everything that is written.
pub const DESCS: &[&Desc] = &[
    &UP,
    &STATE,
    &NODE_STATE,
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
    &SDN,
    &SDN_STATE,
];
