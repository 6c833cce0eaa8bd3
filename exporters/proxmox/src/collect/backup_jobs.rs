//! `/cluster/backup` and `/cluster/backup-info/not-backed-up`: the backup jobs, when they run next, and the guests that
//! none of them covers.

use std::time::Duration;

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::{Collector, SYS_AUDIT, Scope, Tier, VM_AUDIT, Visit, count, flag, whole};
use crate::api::Failure;
use crate::api::value::{Number, Rows, Text};

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
    "A backup job: its storage, schedule, mode, and which guests it covers (all, pool NAME, or their numbers).",
)
.labels(&["cluster", "id", "storage", "schedule", "mode", "guests"]);
/// A guest of its list.
pub const GUEST: Desc = Desc::info(
    "pve_backup_job_guest_info",
    "A guest that the backup job names, by its number. Of a job for all guests or for a pool there are none.",
)
.labels(&["cluster", "id", "vmid"]);
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
    vmid: Text,
    all: Number,
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
        let jobs = visit.get::<Rows<Job>>("/cluster/backup").await;
        let guests = visit.get::<Rows<Guest>>("/cluster/backup-info/not-backed-up").await;
        let mut result = Ok(());
        match jobs {
            Ok(jobs) => {
                write_jobs(visit.name, &jobs.rows, page);
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

/// Writes the jobs.
pub fn write_jobs(cluster: &str, jobs: &[Job], page: &mut Page) {
    for job in jobs.iter().filter(|job| !job.id.is_empty()) {
        let old = [&*job.dow, &*job.starttime].join(" ");
        let schedule = if job.schedule.is_empty() { old.trim() } else { &*job.schedule };
        let pool = format!("pool {}", &*job.pool);
        let guests = match (job.all.flag(), job.pool.is_empty()) {
            (Some(true), _) => "all",
            (_, false) => &pool,
            _ => &*job.vmid,
        };
        page.family(&JOB).push(&[cluster, &job.id, &job.storage, schedule, &job.mode, guests], 1.0);
        if guests == &*job.vmid {
            let mut family = page.family(&GUEST);
            for vmid in guests.split([',', ' ']).filter(|vmid| !vmid.is_empty()) {
                family.push(&[cluster, &job.id, vmid], 1.0);
            }
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
        let json = r#"[{"id":"j1","schedule":"*/30","mode":"snapshot","storage":"local","enabled":1,"all":1,"next-run":1715299200},
            {"id":"j2","schedule":"sat 02:00","storage":"nfs","enabled":"0","vmid":"101,102","next-run":1},
            {"id":"j3","dow":"mon","starttime":"02:00","pool":"prod"}]"#;
        let jobs: Rows<Job> = serde_json::from_str(json).unwrap();
        let mut page = Page::new();
        write_jobs("c", &jobs.rows, &mut page);
        let get = |name: &str, job| page.get(name, &[("cluster", "c"), ("id", job)]);
        assert_eq!(get("pve_backup_job_next_run_timestamp_seconds", "j1"), Some(1_715_299_200.0));
        assert_eq!(get("pve_backup_job_next_run_timestamp_seconds", "j2"), None);
        assert_eq!(
            (get("pve_backup_job_enabled", "j2"), get("pve_backup_job_enabled", "j3")),
            (Some(0.0), Some(1.0))
        );
        let named: Vec<_> = ["101", "102", "103"]
            .map(|vmid| {
                page.get("pve_backup_job_guest_info", &[("cluster", "c"), ("id", "j2"), ("vmid", vmid)])
            })
            .to_vec();
        assert_eq!(named, [Some(1.0), Some(1.0), None]);
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
