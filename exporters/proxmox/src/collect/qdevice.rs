//! `/cluster/config/qdevice`: the vote from outside that a cluster of two has. Empty where there is none.

use std::time::Duration;

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::{Collector, SYS_AUDIT, Scope, Tier, Visit, flag};
use crate::api::Failure;
use crate::api::value::Text;

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "qdevice",
    tier: Tier::Slow,
    scope: Scope::Cluster,
    on: true,
    every: Duration::from_secs(60),
    limit: Duration::from_secs(30),
    needs: &[SYS_AUDIT],
    descs: &[&UP, &INFO],
    collect,
};

/// Whether it is connected.
pub const UP: Desc =
    Desc::gauge("pve_qdevice_up", "Whether the cluster's quorum device is connected. Absent without one.")
        .labels(&["cluster", "id"]);
/// Which it is.
pub const INFO: Desc = Desc::info("pve_qdevice_info", "The cluster's quorum device. Absent without one.")
    .labels(&["cluster", "id", "model", "algorithm", "qnetd_host", "tie_breaker", "state"]);

/// The answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Qdevice {
    #[serde(rename = "State", alias = "state")]
    state: Text,
    #[serde(rename = "Model")]
    model: Text,
    #[serde(rename = "Algorithm")]
    algorithm: Text,
    #[serde(rename = "QNetd host")]
    host: Text,
    #[serde(rename = "Tie-breaker")]
    tie_breaker: Text,
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let qdevice: Option<Qdevice> = visit.get("/cluster/config/qdevice").await?;
        let members = visit.cluster.members_known(visit.deadline).await;
        write(visit.name, &members.cluster, &qdevice.unwrap_or_default(), page);
        Ok(())
    })
}

/// Writes what is known.
pub fn write(cluster: &str, name: &str, qdevice: &Qdevice, page: &mut Page) {
    if qdevice.state.is_empty() {
        return;
    }
    let id = format!("cluster/{name}");
    page.family(&UP).push(&[cluster, &id], flag(*qdevice.state == *"Connected"));
    let Qdevice { state, model, algorithm, host, tie_breaker } = qdevice;
    page.family(&INFO).push(&[cluster, &id, model, algorithm, host, tie_breaker, state], 1.0);
}
