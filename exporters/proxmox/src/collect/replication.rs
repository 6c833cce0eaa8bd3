//! `/nodes/{node}/replication`: the storage replication jobs whose source the node is, each with its state.

use std::time::Duration;

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::{Collector, Scope, Tier, VM_AUDIT, Visit, whole};
use crate::api::Failure;
use crate::api::value::{Number, Rows, Text};

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "replication",
    tier: Tier::Node,
    scope: Scope::Node,
    on: true,
    every: Duration::from_secs(60),
    limit: Duration::from_secs(15),
    needs: &[VM_AUDIT],
    descs: &[&INFO, &TOOK, &LAST_SYNC, &LAST_TRY, &NEXT_SYNC, &FAILED, &ERROR],
    collect,
};

const ID: &[&str] = &["cluster", "id"];

/// A job.
pub const INFO: Desc =
    Desc::info("pve_replication_info", "A replication job: from where, to where, and what.")
        .labels(&["cluster", "id", "type", "source", "target", "guest"]);
/// How long.
pub const TOOK: Desc =
    Desc::gauge("pve_replication_duration_seconds", "How long the last replication took.").labels(ID);
/// When it last worked.
pub const LAST_SYNC: Desc = Desc::gauge(
    "pve_replication_last_sync_timestamp_seconds",
    "When the guest was last replicated. Absent if it never was.",
)
.labels(ID);
/// When it was last tried.
pub const LAST_TRY: Desc =
    Desc::gauge("pve_replication_last_try_timestamp_seconds", "When replication was last tried.").labels(ID);
/// When it is due.
pub const NEXT_SYNC: Desc =
    Desc::gauge("pve_replication_next_sync_timestamp_seconds", "When replication is next due.").labels(ID);
/// How often it failed.
pub const FAILED: Desc =
    Desc::gauge("pve_replication_failed_syncs", "How often replication has failed since it last worked.")
        .labels(ID);
/// Whether it is in error.
pub const ERROR: Desc =
    Desc::gauge("pve_replication_error", "Whether the last replication failed; the job's log says why.")
        .labels(ID);

/// A row of the answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Row {
    id: Text,
    #[serde(rename = "type")]
    kind: Text,
    source: Text,
    target: Text,
    guest: Text,
    vmtype: Text,
    error: Text,
    duration: Number,
    last_sync: Number,
    last_try: Number,
    next_sync: Number,
    fail_count: Number,
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let answer: Rows<Row> = visit.get("/nodes/{node}/replication").await?;
        let map = visit.cluster.map();
        let guests = map.by_number();
        let kind = |vmid: &str| guests.get(vmid).map_or("qemu", |guest| guest.kind()).to_owned();
        write(visit.name, &answer.rows, &kind, page);
        whole(&answer, "/nodes/{node}/replication")
    })
}

/// Writes the rows; `kind` is the type of a guest where the row does not say it.
pub fn write(cluster: &str, rows: &[Row], kind: &dyn Fn(&str) -> String, page: &mut Page) {
    for row in rows.iter().filter(|row| !row.id.is_empty()) {
        let vmtype = if row.vmtype.is_empty() { kind(&row.guest) } else { row.vmtype.to_string() };
        let (source, target) = (format!("node/{}", &*row.source), format!("node/{}", &*row.target));
        let guest = format!("{vmtype}/{}", &*row.guest);
        page.family(&INFO).push(&[cluster, &row.id, &row.kind, &source, &target, &guest], 1.0);
        for (desc, value) in [
            (&TOOK, row.duration.0),
            (&LAST_SYNC, row.last_sync.positive()),
            (&LAST_TRY, row.last_try.positive()),
            (&NEXT_SYNC, row.next_sync.positive()),
            (&FAILED, row.fail_count.0),
            (&ERROR, Some(super::flag(!row.error.is_empty() || row.fail_count.positive().is_some()))),
        ] {
            if let Some(value) = value {
                page.family(desc).push(&[cluster, &row.id], value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_that_work_that_fail_and_that_never_ran() {
        let json = r#"[{"id":"100-0","type":"local","source":"a","target":"b","guest":100,"vmtype":"lxc","last_sync":5,
            "duration":"1.5","fail_count":0,"next_sync":9},
            {"id":"101-0","guest":101,"fail_count":3,"error":"no route","last_sync":0,"last_try":7}]"#;
        let rows: Rows<Row> = serde_json::from_str(json).unwrap();
        let mut page = Page::new();
        write("c", &rows.rows, &|_| "qemu".to_owned(), &mut page);
        let get = |name: &str, id| page.get(name, &[("cluster", "c"), ("id", id)]);
        assert_eq!(get("pve_replication_duration_seconds", "100-0"), Some(1.5));
        assert_eq!(
            (get("pve_replication_error", "100-0"), get("pve_replication_error", "101-0")),
            (Some(0.0), Some(1.0))
        );
        assert_eq!(get("pve_replication_last_sync_timestamp_seconds", "101-0"), None);
        let info = [
            ("cluster", "c"),
            ("id", "100-0"),
            ("type", "local"),
            ("source", "node/a"),
            ("target", "node/b"),
            ("guest", "lxc/100"),
        ];
        assert_eq!(page.get("pve_replication_info", &info), Some(1.0));
    }
}
