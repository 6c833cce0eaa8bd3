//! `/cluster/ceph/status`: the health of a Ceph that Proxmox VE runs. Off unless it is wanted: without Ceph the API answers
//! with a failure. Whoever runs much Ceph has more from its manager's own Prometheus module.

use std::collections::BTreeMap;
use std::time::Duration;

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::{Collector, DATASTORE_AUDIT, SYS_AUDIT, Scope, Tier, Visit, count};
use crate::api::Failure;
use crate::api::value::{Number, Text};

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "ceph",
    tier: Tier::Slow,
    scope: Scope::Cluster,
    on: false,
    every: Duration::from_secs(60),
    limit: Duration::from_secs(30),
    needs: &[SYS_AUDIT, DATASTORE_AUDIT],
    descs: &[
        &HEALTH, &CHECK, &OSDS, &OSDS_UP, &OSDS_IN, &SIZE, &USED, &AVAILABLE, &GROUPS, &MONITORS, &QUORUM,
    ],
    collect,
};

const CLUSTER: &[&str] = &["cluster"];

/// Its state.
pub const HEALTH: Desc =
    Desc::info("pve_ceph_health_info", "Ceph's health: HEALTH_OK, HEALTH_WARN or HEALTH_ERR.")
        .labels(&["cluster", "status"]);
/// What is wrong.
pub const CHECK: Desc =
    Desc::info("pve_ceph_health_check_info", "A check of Ceph's health that found something.")
        .labels(&["cluster", "check", "severity"]);
/// Disks.
pub const OSDS: Desc = Desc::gauge("pve_ceph_osds", "Object storage daemons, one a disk.").labels(CLUSTER);
/// Disks that run.
pub const OSDS_UP: Desc = Desc::gauge("pve_ceph_osds_up", "Object storage daemons that run.").labels(CLUSTER);
/// Disks that are used.
pub const OSDS_IN: Desc =
    Desc::gauge("pve_ceph_osds_in", "Object storage daemons that data is put on.").labels(CLUSTER);
/// Size.
pub const SIZE: Desc =
    Desc::gauge("pve_ceph_size_bytes", "Size of all disks, copies included.").labels(CLUSTER);
/// Used.
pub const USED: Desc =
    Desc::gauge("pve_ceph_usage_bytes", "Bytes used on all disks, copies included.").labels(CLUSTER);
/// Available.
pub const AVAILABLE: Desc =
    Desc::gauge("pve_ceph_available_bytes", "Bytes that are free on all disks, for data and its copies.")
        .labels(CLUSTER);
/// Placement groups.
pub const GROUPS: Desc = Desc::gauge(
    "pve_ceph_placement_groups",
    "Placement groups by state; well are those that are active+clean.",
)
.labels(&["cluster", "state"]);
/// Monitors.
pub const MONITORS: Desc = Desc::gauge("pve_ceph_monitors", "Ceph's monitors.").labels(CLUSTER);
/// Monitors in the quorum.
pub const QUORUM: Desc =
    Desc::gauge("pve_ceph_monitors_in_quorum", "Ceph's monitors that are part of the quorum.")
        .labels(CLUSTER);

/// The answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    health: Health,
    osdmap: Osds,
    pgmap: Groups,
    monmap: Monitors,
    quorum_names: Vec<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Health {
    status: Text,
    checks: BTreeMap<Text, Check>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Check {
    severity: Text,
}

/// Up to Ceph 15 the numbers stood one level deeper.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Osds {
    num_osds: Number,
    num_up_osds: Number,
    num_in_osds: Number,
    osdmap: Option<Box<Osds>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Groups {
    bytes_total: Number,
    bytes_used: Number,
    bytes_avail: Number,
    pgs_by_state: Vec<Group>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Group {
    state_name: Text,
    count: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Monitors {
    mons: Option<Vec<serde::de::IgnoredAny>>,
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let status: Status = visit.get("/cluster/ceph/status").await?;
        write(visit.name, &status, page);
        Ok(())
    })
}

/// Writes what is known.
pub fn write(cluster: &str, status: &Status, page: &mut Page) {
    if !status.health.status.is_empty() {
        page.family(&HEALTH).push(&[cluster, &status.health.status], 1.0);
    }
    let mut family = page.family(&CHECK);
    for (name, check) in &status.health.checks {
        family.push(&[cluster, name, &check.severity], 1.0);
    }
    let osds = status.osdmap.osdmap.as_deref().unwrap_or(&status.osdmap);
    let monitors = status.monmap.mons.as_ref().map(|monitors| count(monitors.len()));
    for (desc, value) in [
        (&OSDS, osds.num_osds.0),
        (&OSDS_UP, osds.num_up_osds.0),
        (&OSDS_IN, osds.num_in_osds.0),
        (&SIZE, status.pgmap.bytes_total.0),
        (&USED, status.pgmap.bytes_used.0),
        (&AVAILABLE, status.pgmap.bytes_avail.0),
        (&MONITORS, monitors),
        (&QUORUM, (!status.quorum_names.is_empty()).then(|| count(status.quorum_names.len()))),
    ] {
        if let Some(value) = value {
            page.family(desc).push(&[cluster], value);
        }
    }
    let mut family = page.family(&GROUPS);
    for group in &status.pgmap.pgs_by_state {
        if let Some(number) = group.count.0 {
            family.push(&[cluster, &group.state_name], number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_and_an_old_map() {
        let json = r#"{"health":{"status":"HEALTH_WARN","checks":{"OSD_NEARFULL":{"severity":"HEALTH_WARN"}}},
            "osdmap":{"osdmap":{"num_osds":3,"num_up_osds":"2"}},"pgmap":{"pgs_by_state":[{"state_name":"active+clean","count":5}]},
            "quorum_names":["a","b"],"monmap":{"mons":[{},{},{}]}}"#;
        let mut page = Page::new();
        write("c", &serde_json::from_str(json).unwrap(), &mut page);
        let get = |name: &str| page.get(name, &[("cluster", "c")]);
        assert_eq!([get(OSDS.name), get(OSDS_UP.name), get(OSDS_IN.name)], [Some(3.0), Some(2.0), None]);
        assert_eq!([get(MONITORS.name), get(QUORUM.name), get(SIZE.name)], [Some(3.0), Some(2.0), None]);
        let check = [("cluster", "c"), ("check", "OSD_NEARFULL"), ("severity", "HEALTH_WARN")];
        assert_eq!(page.get(CHECK.name, &check), Some(1.0));
    }
}
