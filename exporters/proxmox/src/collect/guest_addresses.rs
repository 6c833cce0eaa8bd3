//! The addresses that guests really have, for discovery: of virtual machines by their agent
//! (`/nodes/{node}/qemu/{vmid}/agent/network-get-interfaces`), of containers by their node
//! (`/nodes/{node}/lxc/{vmid}/interfaces`, version 8 and newer). One call a guest: off unless it is wanted; without it
//! discovery knows the addresses that are written in the guests' configuration.

use std::time::{Duration, Instant};

use kit::{BoxFuture, Page};
use serde::Deserialize;

use super::agent::{self, Answer};
use super::{Collector, Scope, Tier, VM_AUDIT, Visit};
use crate::api::value::{Rows, Text};
use crate::api::{Failure, Reason};
use crate::discovery::addresses::{Interface, address, card};

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "guest_addresses",
    tier: Tier::Slow,
    scope: Scope::Node,
    on: false,
    every: Duration::from_secs(300),
    limit: Duration::from_secs(290),
    needs: &[VM_AUDIT, agent::AUDIT],
    descs: &[],
    collect,
};

/// The time of one container.
const PATIENCE: Duration = Duration::from_secs(8);

/// An interface as an agent tells it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OfAgent {
    #[serde(rename = "hardware-address")]
    card: Text,
    #[serde(rename = "ip-addresses")]
    addresses: Vec<Address>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Address {
    #[serde(rename = "ip-address")]
    ip: Text,
}

/// An interface of a container.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct OfContainer {
    hwaddr: Text,
    inet: Text,
    inet6: Text,
    /// All of them, in newer versions; the fields above have one of each kind.
    #[serde(rename = "ip-addresses")]
    addresses: Vec<Address>,
}

fn collect<'a>(visit: &'a Visit<'a>, _: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let book = visit.cluster.addresses();
        let path = "/nodes/{node}/qemu/{vmid}/agent/network-get-interfaces";
        let machines = agent::ask(visit, path, |guest, answer| {
            if let Some(seen) = of_machine(answer) {
                book.see(&guest.id, seen);
            }
        });
        let machines = machines.await;
        // The containers are not asked of a node that does not answer.
        if machines.as_ref().is_err_and(|failure| failure.reason == Reason::NodeUnreachable) {
            return machines;
        }
        machines.and(containers(visit).await)
    })
}

async fn containers(visit: &Visit<'_>) -> Result<(), Failure> {
    let map = visit.cluster.map();
    let mut result = Ok(());
    let running = map.guests.iter().filter(|guest| {
        *guest.node == *visit.node && guest.kind() == "lxc" && guest.running == Some(true) && !guest.template
    });
    for guest in running {
        let visit = Visit { deadline: visit.deadline.min(Instant::now() + PATIENCE), ..*visit };
        let fill = [("node", visit.node), ("vmid", &*guest.vmid)];
        match visit.get_with::<Rows<OfContainer>>("/nodes/{node}/lxc/{vmid}/interfaces", &fill).await {
            Ok(answer) => visit.cluster.addresses().see(&guest.id, of_container(&answer.rows)),
            // Version 7 has no such call; and one may have stopped in the meantime.
            Err(failure) if matches!(failure.reason, Reason::NotFound | Reason::ServerError) => {}
            Err(failure) if failure.reason == Reason::NodeUnreachable => return Err(failure),
            Err(failure) => result = result.and(Err(failure)),
        }
    }
    result
}

/// What an agent's answer says; `None` for the agent's error.
#[must_use]
pub fn of_machine(answer: Answer) -> Option<Vec<Interface>> {
    let interfaces = answer.rows::<OfAgent>()?.rows.into_iter().map(|row| Interface {
        card: card(&row.card),
        addresses: row.addresses.iter().filter_map(|address_| address(&address_.ip)).collect(),
    });
    Some(interfaces.collect())
}

/// What a node says of a container.
#[must_use]
pub fn of_container(rows: &[OfContainer]) -> Vec<Interface> {
    let interface = |row: &OfContainer| {
        let listed = row.addresses.iter().map(|address| &address.ip);
        let mut addresses = Vec::new();
        for ip in [&row.inet, &row.inet6].into_iter().chain(listed).filter_map(|text| address(text)) {
            if !addresses.contains(&ip) {
                addresses.push(ip);
            }
        }
        Interface { card: card(&row.hwaddr), addresses }
    };
    rows.iter().map(interface).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_and_containers() {
        let json = r#"{"result":[{"name":"lo","hardware-address":"00:00:00:00:00:00","ip-addresses":[{"ip-address":"127.0.0.1"}]},
            {"name":"eth0","hardware-address":"BC:24:11:2E:C5:4A","ip-addresses":[{"ip-address":"192.0.2.9","prefix":24},{}]},
            {"name":"eth1"}]}"#;
        let seen = of_machine(serde_json::from_str(json).unwrap()).unwrap();
        assert_eq!((seen.len(), seen[0].addresses.len()), (3, 0));
        assert_eq!(
            (&*seen[1].card, seen[1].addresses[0].to_string().as_str()),
            ("bc:24:11:2e:c5:4a", "192.0.2.9")
        );
        assert_eq!(
            of_machine(serde_json::from_str(r#"{"result":{"error":{"class":"Unsupported"}}}"#).unwrap()),
            None
        );
        let json = r#"[{"name":"eth0","hwaddr":"bc:24:11:89:67:07","inet":"192.0.2.7/24","inet6":"fe80::1/64",
            "ip-addresses":[{"ip-address":"192.0.2.7"},{"ip-address":"2001:db8::7"}]}]"#;
        let rows: Rows<OfContainer> = serde_json::from_str(json).unwrap();
        let found: Vec<String> =
            of_container(&rows.rows)[0].addresses.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["192.0.2.7", "2001:db8::7"]);
    }
}
