//! `/nodes/{node}/{type}/{vmid}/snapshot`: how many snapshots a guest has, and since when. One call a guest, so that it is
//! off unless it is wanted.

use std::time::Duration;

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::guest_config::each;
use super::{Collector, Scope, Tier, VM_AUDIT, Visit, count};
use crate::api::Failure;
use crate::api::value::{Number, Rows, Text};

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "snapshots",
    tier: Tier::Slow,
    scope: Scope::Node,
    on: false,
    every: Duration::from_secs(1800),
    limit: Duration::from_secs(600),
    needs: &[VM_AUDIT],
    descs: &[&COUNT, &OLDEST, &NEWEST],
    collect,
};

const ID: &[&str] = &["cluster", "id"];

/// How many.
pub const COUNT: Desc = Desc::gauge("pve_guest_snapshots", "Snapshots of the guest.").labels(ID);
/// The oldest.
pub const OLDEST: Desc = Desc::gauge(
    "pve_guest_snapshot_oldest_timestamp_seconds",
    "When the guest's oldest snapshot was made: one that was forgotten grows, and slows its guest.",
)
.labels(ID);
/// The newest.
pub const NEWEST: Desc =
    Desc::gauge("pve_guest_snapshot_newest_timestamp_seconds", "When the guest's newest snapshot was made.")
        .labels(ID);

/// A row of the answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Row {
    name: Text,
    snaptime: Number,
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let map = visit.cluster.map();
        let path = "/nodes/{node}/{type}/{vmid}/snapshot";
        each(
            visit,
            &map.guests,
            |guest, answer: Rows<Row>| write([visit.name, &guest.id], &answer.rows, page),
            path,
        )
        .await
    })
}

/// Writes the snapshots of one guest; the row `current` is the guest as it is now.
pub fn write(labels: [&str; 2], rows: &[Row], page: &mut Page) {
    let real = || rows.iter().filter(|row| *row.name != *"current");
    page.family(&COUNT).push(&labels, count(real().count()));
    let times = || real().filter_map(|row| row.snaptime.positive());
    for (desc, time) in [(&OLDEST, times().reduce(f64::min)), (&NEWEST, times().reduce(f64::max))] {
        if let Some(time) = time {
            page.family(desc).push(&labels, time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guest_itself_is_no_snapshot() {
        let json = r#"[{"name":"current","snaptime":9},{"name":"a","snaptime":5},{"name":"b","snaptime":"7"},{"name":"c"}]"#;
        let rows: Rows<Row> = serde_json::from_str(json).unwrap();
        let mut page = Page::new();
        write(["c", "qemu/1"], &rows.rows, &mut page);
        let get = |name: &str| page.get(name, &[("cluster", "c"), ("id", "qemu/1")]);
        assert_eq!((get(COUNT.name), get(OLDEST.name), get(NEWEST.name)), (Some(3.0), Some(5.0), Some(7.0)));
    }
}
