//! `/cluster/backup` and `/cluster/backup-info/not-backed-up`: the backup jobs, when they run next, and the guests that
//! none of them covers.

use std::time::Duration;

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::{Collector, SYS_AUDIT, Scope, Tier, VM_AUDIT, Visit, count, flag, whole};
use crate::api::Failure;
use crate::api::value::{Number, Prose, Rows, Text, shortened};
use crate::cluster::map::{self, Map};

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "backup_jobs",
    tier: Tier::Slow,
    scope: Scope::Cluster,
    on: true,
    every: Duration::from_secs(300),
    limit: Duration::from_secs(60),
    needs: &[SYS_AUDIT, VM_AUDIT],
    descs: &[&JOB, &GUEST, &ENABLED, &NEXT_RUN, &NOT_COVERED, &NOT_COVERED_INFO],
    collect,
};

/// A job.
pub const JOB: Desc = Desc::info(
    "pve_backup_job_info",
    "A backup job: its storage, schedule, mode, and which guests it covers (all, all but NUMBERS, pool NAME, or NUMBERS; of a job \
     for one node those that are on it).",
)
.labels(&["cluster", "id", "storage", "schedule", "mode", "guests"]);
/// A guest of it.
pub const GUEST: Desc = Desc::info(
    "pve_backup_job_guest_info",
    "A guest that the backup job covers: of its list or pool, or of all those that it does not exclude.",
)
.labels(&["cluster", "id", "backup_job"]);
/// Whether it runs.
pub const ENABLED: Desc =
    Desc::gauge("pve_backup_job_enabled", "Whether the backup job runs by its schedule.")
        .labels(&["cluster", "id"]);
/// When.
pub const NEXT_RUN: Desc = Desc::gauge(
    "pve_backup_job_next_run_timestamp_seconds",
    "When the backup job runs next. Absent for one that is not enabled.",
)
.labels(&["cluster", "id"]);
/// Guests without a job. The peer's name and type: a gauge that is called total.
pub const NOT_COVERED: Desc = Desc::unknown(
    "pve_not_backed_up_total",
    "Guests that no backup job covers. id is the cluster, or the node if it stands alone.",
)
.labels(&["cluster", "id"]);
/// Which.
pub const NOT_COVERED_INFO: Desc =
    Desc::info("pve_not_backed_up_info", "A guest that no backup job covers.").labels(&["cluster", "id"]);

/// A job of the answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Job {
    id: Text,
    storage: Text,
    schedule: Text,
    starttime: Text,
    dow: Text,
    mode: Text,
    pool: Text,
    vmid: Prose,
    all: Number,
    exclude: Prose,
    node: Text,
    enabled: Number,
    #[serde(rename = "next-run")]
    next_run: Number,
}

/// A guest of the answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Guest {
    vmid: Text,
    #[serde(rename = "type")]
    kind: Text,
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let map = visit.members().await?;
        let jobs = visit.get::<Rows<Job>>("/cluster/backup").await;
        let guests = visit.get::<Rows<Guest>>("/cluster/backup-info/not-backed-up").await;
        let mut result = Ok(());
        match jobs {
            Ok(jobs) => {
                write_jobs(visit.name, &jobs.rows, &map, page);
                result = whole(&jobs, "/cluster/backup");
            }
            Err(failure) => result = result.and(Err(failure)),
        }
        match guests {
            Ok(guests) => {
                write_guests(visit.name, &whose(visit).await, &guests.rows, page);
                result.and(whole(&guests, "/cluster/backup-info/not-backed-up"))
            }
            Err(failure) => result.and(Err(failure)),
        }
    })
}

/// `cluster/NAME`, or the node that stands alone.
async fn whose(visit: &Visit<'_>) -> String {
    let members = visit.cluster.members_known(visit.deadline).await;
    match (members.cluster.is_empty(), members.nodes.first()) {
        (false, _) => format!("cluster/{}", members.cluster),
        (true, Some((name, _))) => format!("node/{name}"),
        (true, None) => {
            visit.cluster.map().nodes.first().map_or_else(String::new, |node| format!("node/{}", node.name))
        }
    }
}

impl Job {
    /// Whether it backs a guest up.
    fn covers(&self, guest: &map::Guest) -> bool {
        let among = |list: &str| numbers(list).any(|vmid| vmid == &*guest.vmid);
        // In the order in which Proxmox VE looks at them.
        let chosen = match self.all.flag() {
            _ if !self.pool.is_empty() => *self.pool == *guest.pool,
            Some(true) => !among(&self.exclude.0),
            _ => among(&self.vmid.0),
        };
        chosen && (self.node.is_empty() || *self.node == *guest.node)
    }

    /// The same in words.
    fn guests(&self) -> String {
        let list = |list: &str| numbers(list).collect::<Vec<_>>().join(",");
        match self.all.flag() {
            _ if !self.pool.is_empty() => format!("pool {}", &*self.pool),
            Some(true) if numbers(&self.exclude.0).next().is_none() => "all".to_owned(),
            Some(true) => format!("all but {}", list(&self.exclude.0)),
            _ => list(&self.vmid.0),
        }
    }
}

/// The numbers of a list.
fn numbers(list: &str) -> impl Iterator<Item = &str> {
    list.split(|letter: char| matches!(letter, ',' | ';') || letter.is_whitespace())
        .filter(|number| !number.is_empty())
}

/// Writes the jobs, and which of these guests they cover.
pub fn write_jobs(cluster: &str, jobs: &[Job], map: &Map, page: &mut Page) {
    for job in jobs.iter().filter(|job| !job.id.is_empty()) {
        let old = [&*job.dow, &*job.starttime].join(" ");
        let schedule = if job.schedule.is_empty() { old.trim() } else { &*job.schedule };
        page.family(&JOB)
            .push(&[cluster, &job.id, &job.storage, schedule, &job.mode, &shortened(&job.guests())], 1.0);
        let mut family = page.family(&GUEST);
        for guest in map.guests.iter().filter(|guest| job.covers(guest)) {
            family.push(&[cluster, &guest.id, &job.id], 1.0);
        }
        // Jobs of before 6.4 do not say: they run.
        let enabled = job.enabled.flag().unwrap_or(true);
        page.family(&ENABLED).push(&[cluster, &job.id], flag(enabled));
        if let Some(next) = job.next_run.positive().filter(|_| enabled) {
            page.family(&NEXT_RUN).push(&[cluster, &job.id], next);
        }
    }
}

/// Writes the guests without a job.
pub fn write_guests(cluster: &str, whose: &str, guests: &[Guest], page: &mut Page) {
    page.family(&NOT_COVERED).push(&[cluster, whose], count(guests.len()));
    let mut family = page.family(&NOT_COVERED_INFO);
    for guest in guests.iter().filter(|guest| !guest.vmid.is_empty()) {
        let kind = if guest.kind.is_empty() { "qemu" } else { &*guest.kind };
        family.push(&[cluster, &format!("{kind}/{}", &*guest.vmid)], 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_of_all_versions() {
        let json = r#"[{"id":"j1","schedule":"*/30","mode":"snapshot","storage":"local","enabled":1,"all":1,"exclude":"104;999","next-run":1715299200},
            {"id":"j2","schedule":"sat 02:00","storage":"nfs","enabled":"0","vmid":"101, 102\t999","next-run":1},
            {"id":"j3","dow":"mon","starttime":"02:00","pool":"prod"},
            {"id":"j4","all":1,"node":"a"},
            {"id":"j5"},{"id":"j6","all":1,"pool":"prod"},{"id":"j7","vmid":103}]"#;
        let jobs: Rows<Job> = serde_json::from_str(json).unwrap();
        let guests = [
            ("qemu/101", "a", ""),
            ("lxc/102", "b", "prod"),
            ("qemu/103", "a", "prod"),
            ("lxc/104", "a", ""),
        ];
        let guests = guests.map(|(id, node, pool)| map::Guest {
            id: id.into(),
            vmid: id.split('/').nth(1).unwrap().into(),
            node: node.into(),
            pool: pool.into(),
            ..map::Guest::default()
        });
        let map = Map { guests: guests.to_vec(), ..Map::default() };
        let mut page = Page::new();
        write_jobs("c", &jobs.rows, &map, &mut page);
        let get = |name: &str, job| page.get(name, &[("cluster", "c"), ("id", job)]);
        assert_eq!(get("pve_backup_job_next_run_timestamp_seconds", "j1"), Some(1_715_299_200.0));
        assert_eq!(get("pve_backup_job_next_run_timestamp_seconds", "j2"), None);
        assert_eq!(
            (get("pve_backup_job_enabled", "j2"), get("pve_backup_job_enabled", "j3")),
            (Some(0.0), Some(1.0))
        );
        for (job, guests, covered) in [
            ("j1", "all but 104,999", "qemu/101 lxc/102 qemu/103"),
            ("j2", "101,102,999", "qemu/101 lxc/102"),
            ("j3", "pool prod", "lxc/102 qemu/103"),
            ("j4", "all", "qemu/101 qemu/103 lxc/104"),
            ("j5", "", ""),
            ("j6", "pool prod", "lxc/102 qemu/103"),
            ("j7", "103", "qemu/103"),
        ] {
            let guest = |id: &&str| {
                page.get(GUEST.name, &[("cluster", "c"), ("id", id), ("backup_job", job)]).is_some()
            };
            let told: Vec<_> = map.guests.iter().map(|guest| &*guest.id).filter(guest).collect();
            assert_eq!(told.join(" "), covered, "{job}");
            let row = page
                .samples()
                .find(|row| row.desc.name == JOB.name && row.labels().any(|(_, value)| value == job));
            assert!(row.unwrap().labels().any(|label| label == ("guests", guests)), "{job}: {guests}");
        }
        let old = [
            ("cluster", "c"),
            ("id", "j3"),
            ("storage", ""),
            ("schedule", "mon 02:00"),
            ("mode", ""),
            ("guests", "pool prod"),
        ];
        assert_eq!(page.get("pve_backup_job_info", &old), Some(1.0));
    }
}
