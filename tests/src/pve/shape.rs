//! How large the cluster is, which version, who may see what.

use std::time::Duration;

use super::state::Rights;

/// The token's name.
pub const TOKEN: &str = "farol@pve!farol";
/// The token's secret, and the user's password.
pub const SECRET: &str = "5d1f3b3e-0000-4000-8000-cafecafecafe";
/// The user.
pub const USER: &str = "farol@pve";

/// What the cluster is like.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The major version: 7, 8 or 9.
    pub version: u8,
    /// The cluster's own name.
    pub cluster: &'static str,
    /// Nodes, `pve1` and on; one alone is no cluster.
    pub nodes: usize,
    /// Guests, numbered from 100, two of three virtual machines, one after the other on each node.
    pub guests: usize,
    /// Before every answer.
    pub latency: Duration,
    /// Whether nothing is wrong with it: disks, services, tasks, backups and jobs are as they should be, and of now.
    pub well: bool,
    /// What the token may see at first.
    pub rights: Rights,
    /// How long a 401 is held back.
    pub penance: Duration,
    /// How long a call that is handed on to a hanging node waits before it ends in 596.
    pub patience: Duration,
    /// How long a ticket is good.
    pub ticket: Duration,
    /// Whether the nodes say that they have loopback addresses, 127.0.0.1 and on: for whoever connects to them.
    pub loopback: bool,
    /// How far the cluster's clock is ahead, in seconds.
    pub ahead: i64,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            version: 9,
            cluster: "lab",
            nodes: 3,
            guests: 50,
            latency: Duration::ZERO,
            well: false,
            rights: Rights::All,
            penance: Duration::from_secs(3),
            patience: Duration::from_secs(30),
            ticket: Duration::from_secs(7200),
            loopback: false,
            ahead: 0,
        }
    }
}
