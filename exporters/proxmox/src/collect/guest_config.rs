//! `/nodes/{node}/{type}/{vmid}/config`: which guests are to be started with their node. One call a guest, so that it is
//! done at leisure.

use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::{Collector, Scope, Tier, VM_AUDIT, Visit, flag};
use crate::api::value::Number;
use crate::api::{Failure, Reason};
use crate::cluster::map::Guest;

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "guest_config",
    tier: Tier::Slow,
    scope: Scope::Node,
    on: true,
    every: Duration::from_secs(1800),
    limit: Duration::from_secs(600),
    needs: &[VM_AUDIT],
    descs: &[&ONBOOT],
    collect,
};

/// Whether it is started with its node.
pub const ONBOOT: Desc = Desc::gauge(
    "pve_onboot_status",
    "Whether the guest is to be started when its node starts: one that is and does not run is a broken promise.",
)
.labels(&["cluster", "id", "node", "type"]);

/// The answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Config {
    onboot: Number,
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let map = visit.cluster.map();
        each(
            visit,
            &map.guests,
            |guest, answer: Config| {
                // Not written is not set.
                let onboot = answer.onboot.flag().unwrap_or(false);
                page.family(&ONBOOT).push(&[visit.name, &guest.id, visit.node, guest.kind()], flag(onboot));
            },
            "/nodes/{node}/{type}/{vmid}/config",
        )
        .await
    })
}

/// The time of one guest.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks for something of each guest of the visit's node. A guest that was removed in the meantime is no failure; a node
/// that does not answer for one is not asked for the others.
pub(super) async fn each<T: serde::de::DeserializeOwned + Send>(
    visit: &Visit<'_>,
    guests: &[Guest],
    mut take: impl FnMut(&Guest, T) + Send,
    path: &'static str,
) -> Result<(), Failure> {
    let mut calls: Vec<BoxFuture<'_, (&Guest, Result<T, Failure>)>> = Vec::new();
    for guest in guests.iter().filter(|guest| *guest.node == *visit.node) {
        calls.push(Box::pin(async move {
            let visit = Visit { deadline: visit.deadline.min(Instant::now() + PATIENCE), ..*visit };
            let fill = [("node", visit.node), ("type", guest.kind()), ("vmid", &*guest.vmid)];
            (guest, visit.get_with::<T>(path, &fill).await)
        }));
    }
    let mut answers = stream::iter(calls).buffer_unordered(4);
    let mut result = Ok(());
    while let Some((guest, answer)) = answers.next().await {
        match answer {
            Ok(answer) => take(guest, answer),
            Err(failure) if is_gone(&failure) => {}
            // The others would hang as well, each in a place that other nodes need.
            Err(failure) if matches!(failure.reason, Reason::NodeUnreachable | Reason::Timeout) => {
                return Err(failure);
            }
            Err(failure) => result = result.and(Err(failure)),
        }
    }
    result
}

/// `Configuration file 'nodes/a/qemu-server/100.conf' does not exist`
fn is_gone(failure: &Failure) -> bool {
    failure.reason == Reason::NotFound
        || (failure.reason == Reason::ServerError && failure.detail.contains("does not exist"))
}
