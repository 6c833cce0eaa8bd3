//! `/access/permissions`: what the token may see. Lists leave out silently what it may not, so that a token without rights
//! sees an empty cluster in the best of health; this is where that shows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kit::{BoxFuture, Desc, Page};

use super::{Collector, Need, Scope, Tier, Visit, flag};
use crate::api::Failure;
use crate::api::access::Identity;
use crate::api::value::Number;
use crate::cluster::Settings;

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "permissions",
    tier: Tier::Slow,
    scope: Scope::Cluster,
    on: true,
    every: Duration::from_secs(3600),
    limit: Duration::from_secs(30),
    needs: &[],
    descs: &[&MISSING, &COMPLETE],
    collect,
};

/// What is missing.
pub const MISSING: Desc = Desc::gauge(
    "pve_permission_missing",
    "A privilege that a collector needs on a path, and that the token (or user) does not have: 1. The log has the commands \
     that grant it. Absent when nothing is missing.",
)
.labels(&["cluster", "privilege", "path", "collector"]);
/// Whether all can be seen.
pub const COMPLETE: Desc = Desc::gauge(
    "pve_view_complete",
    "Whether the token may see every node, guest and storage. If not, lists are shorter than the cluster is: what may not \
     be seen is left out without a word.",
)
.labels(&["cluster"]);

/// What `/access/permissions` answers: by path, the privileges with whether they go on to what is below.
pub type Permissions = BTreeMap<String, BTreeMap<String, Number>>;

/// What was missing when it was last told in the log.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Option<BTreeSet<(&'static str, &'static str)>>>);

impl Memory {
    /// Forgets everything: another cluster.
    pub(crate) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether anything was missing.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|set| !set.is_empty())
    }

    /// The privileges for want of which lists are shorter than the cluster is.
    #[must_use]
    pub fn hidden(&self) -> Option<String> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seeing = super::resources::COLLECTOR.needs;
        let list: Vec<String> = seeing
            .iter()
            .filter(|need| told.as_ref().is_some_and(|set| set.contains(&(need.privilege, need.path))))
            .map(|need| format!("{} on {}", need.privilege, need.path))
            .collect();
        (!list.is_empty()).then(|| list.join(", "))
    }
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let permissions: Permissions = visit.get("/access/permissions").await?;
        let missing = missing(&permissions, visit.cluster.settings());
        let complete = !missing.iter().any(|(collector, _)| *collector == super::resources::COLLECTOR.name);
        let complete = visit.cluster.sight().permitted(complete);
        write(visit.name, &missing, complete, page);
        let set: BTreeSet<_> = missing.iter().map(|(_, need)| (need.privilege, need.path)).collect();
        let mut told = visit.cluster.told_permissions().0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.as_ref() != Some(&set) {
            tell(visit.name, &set, &visit.cluster.api().access().identity);
            *told = Some(set);
        }
        Ok(())
    })
}

/// What the collectors of a cluster need and do not have.
pub fn missing(permissions: &Permissions, settings: &Settings) -> Vec<(&'static str, Need)> {
    let needs = settings
        .plan
        .iter()
        .flat_map(|planned| planned.collector.needs.iter().map(|need| (planned.collector.name, *need)));
    needs.filter(|(_, need)| !has(permissions, need)).collect()
}

/// Whether a privilege is there: by the path's own entry, else by the nearest one above it that goes on to what is below.
pub(super) fn has(permissions: &Permissions, need: &Need) -> bool {
    // Up to version 8 the agent stood under the right to a guest's monitor.
    let old = if need.privilege == "VM.GuestAgent.Audit" { "VM.Monitor" } else { need.privilege };
    if let Some(own) = permissions.get(need.path) {
        return own.contains_key(need.privilege) || own.contains_key(old);
    }
    let mut path = need.path;
    while let Some((above, _)) = path.rsplit_once('/') {
        path = above;
        let name = if path.is_empty() { "/" } else { path };
        if let Some(entry) = permissions.get(name) {
            let goes_on = |name: &str| entry.get(name).is_some_and(|goes_on| goes_on.flag() == Some(true));
            return goes_on(need.privilege) || goes_on(old);
        }
    }
    false
}

fn write(cluster: &str, missing: &[(&'static str, Need)], complete: bool, page: &mut Page) {
    let mut family = page.family(&MISSING);
    for (collector, need) in missing {
        family.push(&[cluster, need.privilege, need.path, collector], 1.0);
    }
    page.family(&COMPLETE).push(&[cluster], flag(complete));
}

fn tell(cluster: &str, missing: &BTreeSet<(&str, &str)>, identity: &Identity) {
    if missing.is_empty() {
        tracing::info!(cluster, "the permissions are complete");
        return;
    }
    let list: Vec<String> =
        missing.iter().map(|(privilege, path)| format!("{privilege} on {path}")).collect();
    tracing::warn!(
        cluster,
        missing = list.join(", "),
        way_out = grant(identity),
        "permissions are missing: what the token may not see is left out of every answer without a word"
    );
}

/// The commands that let this identity see everything.
#[must_use]
pub fn grant(identity: &Identity) -> String {
    match identity {
        Identity::Token(name, _) => {
            let user = name.split('!').next().unwrap_or(name);
            format!(
                "on a node (proxmox-exporter --setup has it to paste): pveum acl modify / --users {user} --roles PVEAuditor && \
                 pveum acl modify / --tokens '{name}' --roles PVEAuditor"
            )
        }
        Identity::Password(name, _) => {
            format!("on a node: pveum acl modify / --users {name} --roles PVEAuditor")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privileges_come_from_the_path_or_from_above() {
        let json =
            r#"{"/":{"Sys.Audit":0,"VM.Audit":1,"VM.Monitor":1},"/storage":{},"/vms/100":{"VM.Audit":1}}"#;
        let permissions: Permissions = serde_json::from_str(json).unwrap();
        for (privilege, path, want) in [
            ("Sys.Audit", "/", true),
            ("Sys.Audit", "/nodes", false),
            ("VM.Audit", "/vms", true),
            ("VM.Audit", "/nodes/a/b", true),
            ("VM.GuestAgent.Audit", "/vms", true),
            ("Datastore.Audit", "/storage", false),
        ] {
            assert_eq!(has(&permissions, &Need { privilege, path }), want, "{privilege} {path}");
        }
        assert!(!has(&Permissions::new(), &Need { privilege: "Sys.Audit", path: "/" }));
    }
}
