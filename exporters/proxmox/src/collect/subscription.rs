//! `/nodes/{node}/subscription`.

use std::time::Duration;

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::calendar;
use super::{Collector, Scope, Tier, Visit};
use crate::api::Failure;
use crate::api::value::Text;

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "subscription",
    tier: Tier::Slow,
    scope: Scope::Node,
    on: true,
    every: Duration::from_secs(3600),
    limit: Duration::from_secs(30),
    needs: &[],
    descs: &[&INFO, &STATUS, &NEXT_DUE],
    collect,
};

/// Its level.
pub const INFO: Desc = Desc::info(
    "pve_subscription_info",
    "The node's subscription: its level (c, b, s, p), empty without one.",
)
.labels(&["cluster", "id", "level"]);
/// Its state.
pub const STATUS: Desc = Desc::gauge(
    "pve_subscription_status",
    "1 for the state of the node's subscription; the other states are absent unless one_hot is set.",
)
.labels(&["cluster", "id", "status"]);
/// Its end.
pub const NEXT_DUE: Desc = Desc::gauge(
    "pve_subscription_next_due_timestamp_seconds",
    "When the node's subscription is due: the beginning of that day, in UTC.",
)
.labels(&["cluster", "id"]);

/// The states, as the peer has them.
const STATES: &[&str] = &["new", "notfound", "active", "invalid", "expired", "suspended"];

/// The answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Subscription {
    status: Text,
    level: Text,
    nextduedate: Text,
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let subscription: Subscription = visit.get("/nodes/{node}/subscription").await?;
        write([visit.name, visit.node], &subscription, visit.cluster.settings().one_hot, page);
        Ok(())
    })
}

/// Writes what is known.
pub fn write([cluster, node]: [&str; 2], subscription: &Subscription, one_hot: bool, page: &mut Page) {
    let id = format!("node/{node}");
    let status = subscription.status.to_ascii_lowercase();
    page.family(&INFO).push(&[cluster, &id, &subscription.level], 1.0);
    let mut family = page.family(&STATUS);
    if !status.is_empty() {
        family.push(&[cluster, &id, &status], 1.0);
    }
    for other in STATES.iter().filter(|other| one_hot && **other != status) {
        family.push(&[cluster, &id, other], 0.0);
    }
    if let Some(due) = calendar::day(&subscription.nextduedate) {
        page.family(&NEXT_DUE).push(&[cluster, &id], due);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_and_without() {
        let read = |json: &str, one_hot| {
            let mut page = Page::new();
            write(["c", "a"], &serde_json::from_str(json).unwrap(), one_hot, &mut page);
            page
        };
        let status = |status| [("cluster", "c"), ("id", "node/a"), ("status", status)];
        let page = read(r#"{"status":"Active","level":"c","nextduedate":"2026-12-31"}"#, true);
        assert_eq!(page.get(STATUS.name, &status("active")), Some(1.0));
        assert_eq!(page.get(STATUS.name, &status("expired")), Some(0.0));
        let page = read(r#"{"status":"notfound"}"#, false);
        assert_eq!(page.get(STATUS.name, &status("notfound")), Some(1.0));
        assert_eq!(page.len(), 2);
    }
}
