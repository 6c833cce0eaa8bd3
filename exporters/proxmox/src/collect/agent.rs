//! Questions to the agents in virtual machines. One call a guest, each of which may hang for as long as the agent does: each
//! guest has its own few seconds, and one that is silent costs no other.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Need, Visit};
use crate::api::value::Rows;
use crate::api::{Failure, Reason};
use crate::cluster::map::Guest;

/// What the token must be allowed. Up to version 8 it is a right to the guest's monitor, which no role of readers has.
pub(super) const AUDIT: Need = Need { privilege: "VM.GuestAgent.Audit", path: "/vms" };

/// The time of one guest.
const PATIENCE: Duration = Duration::from_secs(8);

/// An agent's answer: a list, or an object with the agent's error.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Answer {
    result: serde_json::Value,
}

impl Answer {
    /// The list; `None` for the agent's error: it cannot do this.
    #[must_use]
    pub fn rows<T: DeserializeOwned>(self) -> Option<Rows<T>> {
        serde_json::from_value(self.result).ok()
    }
}

/// Asks the agents of all virtual machines that run on the visit's node, but those that are known to have none.
pub(super) async fn ask(
    visit: &Visit<'_>,
    path: &'static str,
    mut take: impl FnMut(&Guest, Answer) + Send,
) -> Result<(), Failure> {
    let map = visit.cluster.map();
    let is_asked = |guest: &&Guest| {
        *guest.node == *visit.node
            && guest.kind() == "qemu"
            && guest.running == Some(true)
            && !guest.template
            && visit.cluster.addresses().may_have_agent(&guest.id)
    };
    let mut result = Ok(());
    for guest in map.guests.iter().filter(is_asked) {
        let visit = Visit { deadline: visit.deadline.min(Instant::now() + PATIENCE), ..*visit };
        let fill = [("node", visit.node), ("vmid", &*guest.vmid)];
        match visit.get_with::<Answer>(path, &fill).await {
            Ok(answer) => take(guest, answer),
            // `QEMU guest agent is not running`, `No QEMU guest agent configured`: it has none, which is no failure.
            Err(failure) if failure.reason == Reason::ServerError && failure.detail.contains("agent") => {}
            Err(failure) if failure.reason == Reason::NodeUnreachable => return Err(failure),
            Err(failure) => result = result.and(Err(failure)),
        }
    }
    result
}
