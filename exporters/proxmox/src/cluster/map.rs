//! What is known of a cluster's members: who must be asked, and what is where.

use std::collections::{BTreeMap, HashSet};
use std::time::Instant;

/// The members, as the last good answer had them.
#[derive(Clone, Debug, Default)]
pub struct Map {
    /// When that was; `None`: never.
    pub at: Option<Instant>,
    /// The nodes, by name.
    pub nodes: Vec<Node>,
    /// The guests.
    pub guests: Vec<Guest>,
    /// The storages of each node.
    pub storages: Vec<Storage>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: Box<str>,
    /// Whether it is a member that answers; `None`: the cluster does not know.
    pub online: Option<bool>,
}

/// A guest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guest {
    /// `qemu/100`.
    pub id: Box<str>,
    /// `100`.
    pub vmid: Box<str>,
    /// Where it is.
    pub node: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// Whether it runs; `None`: the cluster does not know.
    pub running: Option<bool>,
    /// Whether it is a template.
    pub template: bool,
    /// The API's word for its state: `running`, `stopped`, `paused`, …; empty when there is none.
    pub status: Box<str>,
    /// The pool it is in, or empty.
    pub pool: Box<str>,
    /// Its tags, sorted, with semicolons between.
    pub tags: Box<str>,
}

impl Guest {
    /// `qemu` or `lxc`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.id.split('/').next().unwrap_or_default()
    }
}

/// A storage of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// Where it is looked at.
    pub node: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// Whether all nodes have the same.
    pub shared: bool,
    /// Whether backups may be on it.
    pub backups: bool,
    /// Whether it is there; `None`: the cluster does not know.
    pub available: Option<bool>,
}

impl Map {
    /// Whether this answer shows none of a kind that there must be, or that there was before: `nodes`, `guests` or
    /// `storages`. The API leaves out without a word what may not be seen, so that this may be rights that were lost.
    #[must_use]
    pub fn lacks(&self, before: &Self) -> Option<&'static str> {
        if self.nodes.is_empty() {
            Some("nodes")
        } else if self.guests.is_empty() && !before.guests.is_empty() {
            Some("guests")
        } else if self.storages.is_empty() && !before.storages.is_empty() {
            Some("storages")
        } else {
            None
        }
    }

    /// Whether this is another cluster than before: none of its nodes was one of that.
    #[must_use]
    pub fn is_other(&self, before: &Self) -> bool {
        let is_new = |node: &Node| before.nodes.iter().all(|known| known.name != node.name);
        !self.nodes.is_empty() && !before.nodes.is_empty() && self.nodes.iter().all(is_new)
    }

    /// Keeps of what was known before what is not here: of an answer of which a part cannot be read.
    pub fn keep(&mut self, before: &Self) {
        let all = |map: &Self| -> HashSet<Box<str>> {
            let nodes = map.nodes.iter().map(|node| node.name.clone());
            let storages =
                map.storages.iter().map(|storage| format!("{}/{}", storage.node, storage.name).into());
            nodes.chain(map.guests.iter().map(|guest| guest.id.clone())).chain(storages).collect()
        };
        let here = all(self);
        self.nodes.extend(before.nodes.iter().filter(|node| !here.contains(&node.name)).cloned());
        self.guests.extend(before.guests.iter().filter(|guest| !here.contains(&guest.id)).cloned());
        let is_gone = |storage: &&Storage| !here.contains(&*format!("{}/{}", storage.node, storage.name));
        self.storages.extend(before.storages.iter().filter(is_gone).cloned());
    }

    /// The nodes that may be asked: those that are not known to be offline.
    pub fn online(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.online != Some(false))
    }

    /// Guests by their number, which is unique in a cluster.
    #[must_use]
    pub fn by_number(&self) -> BTreeMap<&str, &Guest> {
        self.guests.iter().map(|guest| (&*guest.vmid, guest)).collect()
    }
}

/// What `/cluster/status` says of the nodes: by which address and name one may mean one of them.
#[derive(Clone, Debug, Default)]
pub struct Members {
    /// The cluster's own name; empty for a node that stands alone.
    pub cluster: Box<str>,
    /// Name and address (may be empty) of each node.
    pub nodes: Vec<(Box<str>, Box<str>)>,
}

impl Members {
    /// Whether these are of another cluster than before, by its name, which no cluster changes.
    #[must_use]
    pub fn is_other(&self, before: &Self) -> bool {
        !self.cluster.is_empty() && !before.cluster.is_empty() && self.cluster != before.cluster
    }

    /// The node that a host name or address means.
    #[must_use]
    pub fn node(&self, host: &str) -> Option<&str> {
        let short = host.split('.').next().unwrap_or(host);
        let whole = self.nodes.iter().find(|(name, ip)| &**name == host || &**ip == host);
        let found = whole.or_else(|| self.nodes.iter().find(|(name, _)| &**name == short));
        found.map(|(name, _)| &**name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(nodes: &[&str]) -> Map {
        let node = |name: &&str| Node { name: (*name).into(), online: Some(true) };
        Map { nodes: nodes.iter().map(node).collect(), ..Map::default() }
    }

    #[test]
    fn another_cluster_has_no_node_of_the_one_before() {
        assert!(map(&["x", "y"]).is_other(&map(&["a", "b"])));
        assert!(!map(&["a", "x", "y"]).is_other(&map(&["a", "b"])), "nodes come and go");
        assert!(!map(&[]).is_other(&map(&["a"])) && !map(&["a"]).is_other(&map(&[])), "not known");
        let members = |cluster: &str| Members { cluster: cluster.into(), nodes: Vec::new() };
        assert!(members("x").is_other(&members("a")) && !members("a").is_other(&members("a")));
        assert!(!members("a").is_other(&members("")), "a node that stood alone");
    }

    #[test]
    fn what_cannot_be_read_is_kept() {
        let mut now = map(&["a"]);
        now.keep(&map(&["a", "b"]));
        assert_eq!(now.nodes.len(), 2);
    }
}
