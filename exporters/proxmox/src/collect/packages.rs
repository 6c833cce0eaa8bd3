//! `/nodes/{node}/apt/versions`: the packages that Proxmox VE is made of, with what is newer of them. (Whether there are
//! updates of other packages, `/apt/update` says, for which reading alone needs the right to change.)

use std::time::Duration;

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::{Collector, Need, Scope, Tier, Visit, count, whole};
use crate::api::Failure;
use crate::api::value::{Rows, Text};

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "packages",
    tier: Tier::Slow,
    scope: Scope::Node,
    on: true,
    every: Duration::from_secs(3600),
    limit: Duration::from_secs(60),
    needs: &[Need { privilege: "Sys.Audit", path: "/nodes" }],
    descs: &[&UPGRADABLE, &INFO],
    collect,
};

/// How many are old.
pub const UPGRADABLE: Desc = Desc::gauge(
    "pve_node_packages_upgradable",
    "Proxmox VE's own packages of the node of which its package lists know a newer version.",
)
.labels(&["cluster", "node"]);
/// Which.
pub const INFO: Desc = Desc::info(
    "pve_node_package_upgradable_info",
    "A package of Proxmox VE of which the node's lists know a newer version: the one that is there, and the newer.",
)
.labels(&["cluster", "node", "package", "installed", "available"]);

/// A row of the answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Row {
    #[serde(rename = "Package")]
    package: Text,
    #[serde(rename = "Version")]
    version: Text,
    #[serde(rename = "OldVersion")]
    old: Text,
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let answer: Rows<Row> = visit.get("/nodes/{node}/apt/versions").await?;
        write([visit.name, visit.node], &answer.rows, page);
        whole(&answer, "/nodes/{node}/apt/versions")
    })
}

/// Writes the rows. Of an installed package `OldVersion` is what is there and `Version` what could be; one that is not
/// installed has no old version.
pub fn write([cluster, node]: [&str; 2], rows: &[Row], page: &mut Page) {
    let old =
        || rows.iter().filter(|row| !row.old.is_empty() && !row.version.is_empty() && row.old != row.version);
    page.family(&UPGRADABLE).push(&[cluster, node], count(old().count()));
    let mut family = page.family(&INFO);
    for row in old().filter(|row| !row.package.is_empty()) {
        family.push(&[cluster, node, &row.package, &row.old, &row.version], 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_installed_and_old_counts() {
        let json = r#"[{"Package":"pve-manager","OldVersion":"8.2.4","Version":"8.2.7"},
            {"Package":"qemu-server","OldVersion":"8.2.1","Version":"8.2.1"},{"Package":"ceph","Version":"18"},{}]"#;
        let rows: Rows<Row> = serde_json::from_str(json).unwrap();
        let mut page = Page::new();
        write(["c", "a"], &rows.rows, &mut page);
        assert_eq!(page.get(UPGRADABLE.name, &[("cluster", "c"), ("node", "a")]), Some(1.0));
        assert_eq!(page.len(), 2);
    }
}
