//! `/nodes/{node}/tasks?vmid=`: the task log of guests that were off when this program started. The cluster's own list has the
//! last 25 tasks of each node alone, so that it does not know any more who stopped a guest a month ago. Asked once for each.

use std::time::{Duration, Instant};

use kit::{BoxFuture, Page};

use super::guest_config::each;
use super::permissions::{Permissions, has};
use super::switches::STOPPED;
use super::tasks::Row;
use super::{Collector, Need, Scope, Tier, Visit};
use crate::api::Failure;
use crate::api::value::Rows;
use crate::cluster::map::Guest;

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "guest_tasks",
    tier: Tier::Node,
    scope: Scope::Node,
    on: true,
    every: Duration::from_secs(60),
    limit: Duration::from_secs(20),
    needs: &[Need { privilege: "Sys.Audit", path: "/nodes" }],
    // Written by `tasks`, where it is at once.
    descs: &[&STOPPED],
    collect,
};

/// So many guests are asked for in a run.
const MOST: usize = 50;

fn collect<'a>(visit: &'a Visit<'a>, _: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let (map, switches) = (visit.cluster.map(), visit.cluster.tasks().switches());
        let is_here = |guest: &&Guest| *guest.node == *visit.node && switches.is_riddle(guest);
        let riddles: Vec<Guest> = map.guests.iter().filter(is_here).take(MOST).cloned().collect();
        if riddles.is_empty() {
            return Ok(());
        }
        // Whoever may not see all tasks gets a list of none: it would look like a guest that nobody ever started.
        let permissions: Permissions = visit.get("/access/permissions").await?;
        if !sees_all(&permissions) {
            return Ok(());
        }
        each(
            visit,
            &riddles,
            |guest, answer: Rows<Row>| switches.read(&guest.id, &answer.rows, Instant::now()),
            "/nodes/{node}/tasks?vmid={vmid}&limit=500",
        )
        .await
    })
}

fn sees_all(permissions: &Permissions) -> bool {
    COLLECTOR.needs.iter().all(|need| has(permissions, need))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_may_not_be_seen_is_no_empty_log() {
        for (json, want) in [
            (r#"{"/":{"Sys.Audit":1,"VM.Audit":1}}"#, true),
            (r#"{"/nodes":{"Sys.Audit":1}}"#, true),
            (r#"{"/vms":{"VM.Audit":1},"/nodes":{}}"#, false),
            ("{}", false),
        ] {
            assert_eq!(sees_all(&serde_json::from_str(json).unwrap()), want, "{json}");
        }
    }
}
