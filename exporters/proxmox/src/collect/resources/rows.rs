//! A row of the answer, and what it says of the members.

use std::collections::BTreeSet;
use std::time::Instant;

use serde::Deserialize;

use super::super::sorted;
use crate::api::value::{Number, Rows, Text};
use crate::api::{Failure, Reason};
use crate::cluster::map::{Guest, Map, Node, Storage};

/// A row of the answer. One type for all kinds: which fields are there says the kind.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Row {
    pub(super) id: Text,
    #[serde(rename = "type")]
    pub(super) kind: Text,
    pub(super) node: Text,
    pub(super) name: Text,
    pub(super) status: Text,
    pub(super) vmid: Text,
    pub(super) storage: Text,
    pub(super) tags: Text,
    pub(super) pool: Text,
    pub(super) lock: Text,
    pub(super) hastate: Text,
    pub(super) content: Text,
    pub(super) plugintype: Text,
    /// The zone, of rows of the kind `sdn`.
    pub(super) sdn: Text,
    /// The same in those of the kind `network` (9.0.12 and newer), where `network-type` says what it is.
    pub(super) network: Text,
    #[serde(rename = "network-type")]
    pub(super) network_kind: Text,
    pub(super) template: Number,
    pub(super) shared: Number,
    pub(super) cpu: Number,
    pub(super) maxcpu: Number,
    pub(super) mem: Number,
    pub(super) memhost: Number,
    pub(super) maxmem: Number,
    pub(super) disk: Number,
    pub(super) maxdisk: Number,
    pub(super) netin: Number,
    pub(super) netout: Number,
    pub(super) diskread: Number,
    pub(super) diskwrite: Number,
    pub(super) uptime: Number,
}

impl Row {
    /// Whether it says what it is about. Of kinds that are not known here nothing is wanted.
    fn is_readable(&self) -> bool {
        let has_id = !self.id.is_empty();
        match &*self.kind {
            "" => false,
            "node" => has_id && !self.node.is_empty(),
            "qemu" | "lxc" => has_id && !self.node.is_empty(),
            "storage" => has_id && !self.storage.is_empty(),
            _ => true,
        }
    }

    pub(super) fn is_guest(&self) -> bool {
        matches!(&*self.kind, "qemu" | "lxc")
    }

    /// The zone of the software-defined network that the row is about; empty for any other row.
    pub(super) fn zone(&self) -> &str {
        match &*self.kind {
            "sdn" => &self.sdn,
            "network" if *self.network_kind == *"zone" => &self.network,
            _ => "",
        }
    }

    /// Whether it is up, where the cluster knows.
    pub(super) fn up(&self) -> Option<bool> {
        let up = match &*self.kind {
            "node" => "online",
            "qemu" | "lxc" => "running",
            "storage" => "available",
            _ => return None,
        };
        (!matches!(&*self.status, "unknown" | "")).then_some(*self.status == *up)
    }
}

/// Whether the answer can be what it should: every cluster has a node, and every row says what it is about.
pub(super) fn check(answer: &Rows<Row>) -> Result<(), Failure> {
    let all = answer.rows.len() + answer.strange;
    let unreadable = answer.rows.iter().filter(|row| !row.is_readable()).count() + answer.strange;
    let detail = if unreadable > 0 {
        format!("{unreadable} rows of {all} cannot be read: they lack type, id, node or storage")
    } else if answer.rows.iter().any(|row| *row.kind == *"node") {
        return Ok(());
    } else {
        format!("no node is among the {all} rows, and every cluster has one")
    };
    Err(Failure::new(Reason::Answer, format!("/cluster/resources: {detail}")))
}

/// What the rows say of the members.
pub(super) fn map(rows: &[Row]) -> Map {
    let mut map = Map { at: Some(Instant::now()), ..Map::default() };
    let mut ids = BTreeSet::new();
    // Whatever doubles a row, it is about one thing.
    for row in rows.iter().filter(|row| row.id.is_empty() || ids.insert(&*row.id)) {
        match &*row.kind {
            "node" if !row.node.is_empty() => {
                map.nodes.push(Node { name: row.node.0.clone(), online: row.up() });
            }
            "qemu" | "lxc" if !row.id.is_empty() => map.guests.push(Guest {
                id: row.id.0.clone(),
                vmid: row.id.rsplit('/').next().unwrap_or_default().into(),
                node: row.node.0.clone(),
                name: row.name.0.clone(),
                running: row.up(),
                template: row.template.flag() == Some(true),
                status: row.status.0.clone(),
                pool: row.pool.0.clone(),
                tags: sorted(&row.tags, ';').into(),
            }),
            "storage" if !row.storage.is_empty() => map.storages.push(Storage {
                node: row.node.0.clone(),
                name: row.storage.0.clone(),
                shared: row.shared.flag() == Some(true),
                backups: row.content.split(',').any(|content| content.trim() == "backup"),
                available: row.up(),
            }),
            _ => {}
        }
    }
    map.nodes.sort_by(|a, b| a.name.cmp(&b.name));
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_cannot_be_is_told() {
        let node = r#"{"id":"node/a","type":"node","node":"a"}"#;
        for (json, want) in [
            ("[]".to_owned(), "no node is among the 0 rows"),
            (r#"[{"id":"pool/x","type":"pool"}]"#.to_owned(), "no node is among the 1 rows"),
            (format!("[{node},7,{{}},{{\"id\":\"qemu/1\",\"node\":\"a\"}}]"), "3 rows of 4 cannot be read"),
            (format!(r#"[{node},{{"type":"storage","id":"storage/a/b"}}]"#), "1 rows of 2"),
            (format!(r#"[{node},{{"type":"some-day"}},{{"id":"lxc/1","type":"lxc","node":"a"}}]"#), ""),
        ] {
            let told = check(&serde_json::from_str(&json).unwrap()).err();
            let (reason, detail) = told.map(|failure| (failure.reason, failure.detail)).unzip();
            assert_eq!(reason, (!want.is_empty()).then_some(Reason::Answer), "{json}");
            assert!(detail.unwrap_or_default().contains(want), "{json}");
        }
    }
}
