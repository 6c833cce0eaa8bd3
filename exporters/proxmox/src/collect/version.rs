//! `/version`: of the node that is asked.

use std::time::Duration;

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::{Collector, Scope, Tier, Visit};
use crate::api::Failure;
use crate::api::value::Text;

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "version",
    tier: Tier::Slow,
    scope: Scope::Cluster,
    on: true,
    every: Duration::from_secs(600),
    limit: Duration::from_secs(30),
    needs: &[],
    descs: &[&VERSION],
    collect,
};

/// The version.
pub const VERSION: Desc =
    Desc::info("pve_version_info", "Proxmox VE's version on the endpoint that is asked.")
        .labels(&["cluster", "release", "repoid", "version"]);

/// The answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Version {
    release: Text,
    repoid: Text,
    version: Text,
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let version: Version = visit.get("/version").await?;
        let major = version.version.split(['.', '-']).next().and_then(|major| major.parse().ok());
        if let Some(major) = major {
            visit.cluster.learn_version(major);
        }
        page.family(&VERSION).push(&[visit.name, &version.release, &version.repoid, &version.version], 1.0);
        Ok(())
    })
}
