//! `/nodes/{node}/tasks?vmid=`: the task log of guests that were off when this program started. The cluster's own list has the
//! last 25 tasks of each node alone, so that it does not know any more who stopped a guest a month ago. Asked once for each.

use std::time::{Duration, Instant};

use kit::{BoxFuture, Page};

use super::guest_config::each;
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
        // Whoever may not see all tasks gets a list of none.
        let is_whole = visit.cluster.told_permissions().hidden().is_none();
        each(
            visit,
            &riddles,
            |guest, answer: Rows<Row>| switches.read(&guest.id, &answer.rows, is_whole, Instant::now()),
            "/nodes/{node}/tasks?vmid={vmid}&limit=500",
        )
        .await
    })
}
