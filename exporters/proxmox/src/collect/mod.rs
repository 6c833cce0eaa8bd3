//! The collectors: each asks one thing of a cluster, or of each of its nodes, and writes what it learnt. One collector is
//! one file and one line in [`ALL`]; its descriptions, its privileges, its parsing and its tests live in that file.
//!
//! | tier | when | collectors |
//! |---|---|---|
//! | fast | at each scrape, side by side, each answer good for 5 s | `resources`, `status`, `ha`, `tasks` |
//! | node | once a minute, every node that is online | `node`, `guests`, `guest_tasks`, `replication` |
//! | slow | every 2 to 60 minutes | the rest |

pub mod agent;
pub mod backup_jobs;
pub mod backups;
mod calendar;
pub mod ceph;
pub mod certificates;
pub mod disks;
pub mod fingerprints;
pub mod guest_addresses;
pub mod guest_config;
pub mod guest_filesystems;
pub mod guest_tasks;
pub mod guests;
pub mod ha;
pub mod lost;
pub mod lvmthin;
pub mod node;
pub mod packages;
pub mod permissions;
pub mod pressure;
pub mod qdevice;
pub mod replication;
pub mod resources;
mod scan;
pub mod services;
pub mod smart;
pub mod snapshots;
pub mod status;
pub mod subscription;
pub mod switches;
pub mod tasks;
pub mod version;
pub mod zfs;

use std::sync::Arc;
use std::time::{Duration, Instant};

use kit::{BoxFuture, Desc, Page};
use serde::de::DeserializeOwned;

use crate::api::value::Rows;
use crate::api::{Call, Failure, Lane, Reason};
use crate::cluster::Cluster;
use crate::cluster::map::Map;

/// All of them, in the order in which a page has them.
pub const ALL: &[&Collector] = &[
    &resources::COLLECTOR,
    &status::COLLECTOR,
    &ha::COLLECTOR,
    &tasks::COLLECTOR,
    &version::COLLECTOR,
    &node::COLLECTOR,
    &guests::COLLECTOR,
    &guest_tasks::COLLECTOR,
    &replication::COLLECTOR,
    &pressure::COLLECTOR,
    &permissions::COLLECTOR,
    &fingerprints::COLLECTOR,
    &backup_jobs::COLLECTOR,
    &backups::COLLECTOR,
    &certificates::COLLECTOR,
    &subscription::COLLECTOR,
    &services::COLLECTOR,
    &packages::COLLECTOR,
    &disks::COLLECTOR,
    &zfs::COLLECTOR,
    &lvmthin::COLLECTOR,
    &qdevice::COLLECTOR,
    &guest_config::COLLECTOR,
    &snapshots::COLLECTOR,
    &guest_filesystems::COLLECTOR,
    &guest_addresses::COLLECTOR,
    &ceph::COLLECTOR,
];

/// When a collector runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// At each scrape.
    Fast,
    /// In the background, soon.
    Node,
    /// In the background, at leisure.
    Slow,
}

impl Tier {
    /// The name of its interval in the configuration, and of its calls' lane.
    #[must_use]
    pub const fn lane(self) -> Lane {
        match self {
            Tier::Fast => Lane::Scrape,
            Tier::Node => Lane::Node,
            Tier::Slow => Lane::Slow,
        }
    }
}

/// What a collector is run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Once for the cluster.
    Cluster,
    /// Once for each node that is online.
    Node,
}

/// A privilege, and the path it is needed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// E.g. `Sys.Audit`.
    pub privilege: &'static str,
    /// E.g. `/`.
    pub path: &'static str,
}

/// The run of a collector, which owns nothing.
pub type Collect = for<'a> fn(&'a Visit<'a>, &'a mut Page) -> BoxFuture<'a, Result<(), Failure>>;

/// A collector.
#[derive(Debug)]
pub struct Collector {
    /// Its name in the configuration and in the `collector` label.
    pub name: &'static str,
    /// When it runs.
    pub tier: Tier,
    /// For what.
    pub scope: Scope,
    /// Whether it runs when the configuration does not say.
    pub on: bool,
    /// From one run to the next, in the background.
    pub every: Duration,
    /// How long a run may take, in the background.
    pub limit: Duration,
    /// What its user must be allowed.
    pub needs: &'static [Need],
    /// Everything that it writes.
    pub descs: &'static [&'static Desc],
    /// What it does. What it wrote before it failed is kept.
    pub collect: Collect,
}

impl Collector {
    /// The collector of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|collector| collector.name == name)
    }
}

/// `Sys.Audit` on the whole tree.
pub const SYS_AUDIT: Need = Need { privilege: "Sys.Audit", path: "/" };
/// `VM.Audit` on all guests.
pub const VM_AUDIT: Need = Need { privilege: "VM.Audit", path: "/vms" };
/// `Datastore.Audit` on all storages.
pub const DATASTORE_AUDIT: Need = Need { privilege: "Datastore.Audit", path: "/storage" };

/// One run.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// Of which cluster.
    pub cluster: &'a Cluster,
    /// The cluster's name: the first label of every family.
    pub name: &'a str,
    /// Of which node; empty for the whole cluster.
    pub node: &'a str,
    /// By which lane it calls.
    pub lane: Lane,
    /// When it must be over.
    pub deadline: Instant,
    /// The cluster's epoch when it began.
    pub epoch: u64,
}

impl Visit<'_> {
    /// Asks for a path; `{node}` in it is the visit's.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn get<T: DeserializeOwned>(&self, path: &'static str) -> Result<T, Failure> {
        self.get_with(path, &[("node", self.node)]).await
    }

    /// Asks for a path with what stands for its braces.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn get_with<T: DeserializeOwned>(
        &self,
        path: &'static str,
        fill: &[(&'static str, &str)],
    ) -> Result<T, Failure> {
        let answer =
            self.cluster.api().get(Call { path, fill, lane: self.lane, deadline: self.deadline }).await?;
        if self.epoch != self.cluster.epoch() {
            return Err(Failure::new(Reason::Answer, "another cluster answers than the one that was asked"));
        }
        Ok(answer)
    }

    /// The cluster's members, no older than a minute if they can be asked for.
    ///
    /// # Errors
    /// They are not known: without them there is nobody to ask, which must not look like nothing to tell.
    pub async fn members(&self) -> Result<Arc<Map>, Failure> {
        let map = self.cluster.fresh_map(Duration::from_secs(60), self.deadline).await;
        match map.at {
            Some(_) => Ok(map),
            None => Err(Failure::new(Reason::Timeout, "the cluster's members are not known yet")),
        }
    }
}

/// What is told of a list in which not everything was an object.
///
/// # Errors
/// If something was not.
pub fn whole<T>(rows: &Rows<T>, path: &str) -> Result<(), Failure> {
    if rows.strange == 0 {
        return Ok(());
    }
    let detail =
        format!("{path}: {} entries of {} are no objects", rows.strange, rows.strange + rows.rows.len());
    Err(Failure::new(Reason::Answer, detail))
}

/// 1 or 0.
#[must_use]
pub fn flag(value: bool) -> f64 {
    f64::from(u8::from(value))
}

/// A count as a value.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "nobody counts to 2^53 here")]
pub fn count(number: usize) -> f64 {
    number as f64
}

/// A list that Proxmox VE writes in any order (`tags` by semicolons, `content` by commas), sorted: as a label it must not
/// change from one scrape to the next.
#[must_use]
pub fn sorted(list: &str, separator: char) -> String {
    let mut parts: Vec<&str> =
        list.split([separator, ',', ';', ' ']).map(str::trim).filter(|part| !part.is_empty()).collect();
    parts.sort_unstable();
    parts.dedup();
    parts.join(&separator.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_different_and_needs_are_known_privileges() {
        let mut names: Vec<&str> = ALL.iter().map(|collector| collector.name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
        for collector in ALL {
            assert!(collector.tier == Tier::Fast || !collector.every.is_zero(), "{}", collector.name);
            for desc in collector.descs {
                assert_eq!(desc.labels.first(), Some(&"cluster"), "{}: {}", collector.name, desc.name);
            }
        }
    }

    #[test]
    fn lists_are_sorted() {
        assert_eq!(sorted("web;prod; a", ';'), "a;prod;web");
        assert_eq!(sorted("rootdir,images", ','), "images,rootdir");
        assert_eq!(sorted("", ';'), "");
    }
}
