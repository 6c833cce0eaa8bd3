//! `/nodes/{node}/{type}/{vmid}/config`: which guests are to be started with their node, and the addresses that are written
//! down, for discovery. One call a guest, so that it is done at leisure.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use kit::{BoxFuture, Desc, Page};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Collector, Scope, Tier, VM_AUDIT, Visit, flag};
use crate::api::value::{Number, Text};
use crate::api::{Failure, Reason};
use crate::cluster::map::Guest;
use crate::discovery::addresses::{self, Written};

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "guest_config",
    tier: Tier::Slow,
    scope: Scope::Node,
    on: true,
    every: Duration::from_secs(1800),
    limit: Duration::from_secs(600),
    needs: &[VM_AUDIT],
    descs: &[&ONBOOT],
    collect,
};

/// Whether it is started with its node.
pub const ONBOOT: Desc = Desc::gauge(
    "pve_onboot_status",
    "Whether the guest is to be started when its node starts: one that is and does not run is a broken promise.",
)
.labels(&["cluster", "id", "node", "type"]);

/// The answer: of a map with dozens of keys those that are wanted.
#[derive(Debug, Default, PartialEq)]
pub struct Config {
    onboot: Number,
    agent: Text,
    /// `netN` and `ipconfigN`, by their number.
    cards: BTreeMap<(u8, bool), Text>,
}

impl Config {
    /// What it says of the guest's network.
    #[must_use]
    pub fn network(&self, is_machine: bool) -> Written {
        let cards: Vec<&str> = self.cards.values().map(|text| &**text).collect();
        addresses::written(is_machine, &cards, &self.agent)
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ConfigVisitor;
        impl<'de> Visitor<'de> for ConfigVisitor {
            type Value = Config;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a guest's configuration")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Config, A::Error> {
                let mut config = Config::default();
                while let Some(key) = map.next_key::<String>()? {
                    let number = |name: &str| key.strip_prefix(name)?.parse::<u8>().ok();
                    match (key.as_str(), number("net"), number("ipconfig")) {
                        ("onboot", ..) => config.onboot = map.next_value()?,
                        ("agent", ..) => config.agent = map.next_value()?,
                        (_, Some(number), _) => {
                            config.cards.insert((number, false), map.next_value()?);
                        }
                        (_, _, Some(number)) => {
                            config.cards.insert((number, true), map.next_value()?);
                        }
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(config)
            }
        }
        deserializer.deserialize_map(ConfigVisitor)
    }
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let map = visit.cluster.map();
        let book = visit.cluster.addresses();
        let result = each(
            visit,
            &map.guests,
            |guest, answer: Config| {
                // Not written is not set.
                let onboot = answer.onboot.flag().unwrap_or(false);
                page.family(&ONBOOT).push(&[visit.name, &guest.id, visit.node, guest.kind()], flag(onboot));
                book.write(&guest.id, answer.network(guest.kind() == "qemu"));
            },
            "/nodes/{node}/{type}/{vmid}/config",
        )
        .await;
        let map = visit.cluster.map();
        let there: HashSet<&str> = map.guests.iter().map(|guest| &*guest.id).collect();
        book.retain(|id| there.contains(id));
        result
    })
}

/// The time of one guest.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks for something of each guest of the visit's node. A guest that was removed in the meantime is no failure; a node
/// that does not answer for one is not asked for the others.
pub(super) async fn each<T: serde::de::DeserializeOwned + Send>(
    visit: &Visit<'_>,
    guests: &[Guest],
    mut take: impl FnMut(&Guest, T) + Send,
    path: &'static str,
) -> Result<(), Failure> {
    let mut calls: Vec<BoxFuture<'_, (&Guest, Result<T, Failure>)>> = Vec::new();
    for guest in guests.iter().filter(|guest| *guest.node == *visit.node) {
        calls.push(Box::pin(async move {
            let visit = Visit { deadline: visit.deadline.min(Instant::now() + PATIENCE), ..*visit };
            let fill = [("node", visit.node), ("type", guest.kind()), ("vmid", &*guest.vmid)];
            (guest, visit.get_with::<T>(path, &fill).await)
        }));
    }
    let mut answers = stream::iter(calls).buffer_unordered(4);
    let mut result = Ok(());
    while let Some((guest, answer)) = answers.next().await {
        match answer {
            Ok(answer) => take(guest, answer),
            Err(failure) if is_gone(&failure) => {}
            // The others would hang as well, each in a place that other nodes need.
            Err(failure) if matches!(failure.reason, Reason::NodeUnreachable | Reason::Timeout) => {
                return Err(failure);
            }
            Err(failure) => result = result.and(Err(failure)),
        }
    }
    result
}

/// `Configuration file 'nodes/a/qemu-server/100.conf' does not exist`
fn is_gone(failure: &Failure) -> bool {
    failure.reason == Reason::NotFound
        || (failure.reason == Reason::ServerError && failure.detail.contains("does not exist"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_keys_those_that_are_wanted() {
        let json = r#"{"onboot":"1","agent":1,"net10":"virtio=BC:24:11:00:00:10","net0":"virtio=BC:24:11:00:00:01,bridge=vmbr0",
            "ipconfig0":"ip=192.0.2.4/24","description":"net0","name":"web","smbios1":{"odd":[1]},"nettle":"x","net999":"y"}"#;
        let config: Config = serde_json::from_str(json).unwrap();
        let network = config.network(true);
        assert_eq!((config.onboot.flag(), network.agent), (Some(true), Some(true)));
        assert_eq!(network.cards.len(), 2);
        assert_eq!((&*network.cards[0], network.addresses.len()), ("bc:24:11:00:00:01", 1));
        assert_eq!(serde_json::from_str::<Config>("{}").unwrap(), Config::default());
    }
}
