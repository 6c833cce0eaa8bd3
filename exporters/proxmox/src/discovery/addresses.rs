//! The addresses of guests. The configuration has those that are written down (`ipconfigN`, `netN`) and the network cards;
//! the guest's agent, or the node for a container, tells those that it really has. A machine tells also of bridges and
//! tunnels inside it, which nobody outside can reach: where a card of the configuration is recognised by its hardware
//! address, only what lies on such cards counts.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A hardware address, `bc:24:11:2e:c5:4a`, in lower case.
pub type Mac = Box<str>;

/// What a guest's configuration says of its network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Addresses that are written down, in the order of the cards.
    pub addresses: Vec<IpAddr>,
    /// Its network cards, in their order.
    pub cards: Vec<Mac>,
    /// Whether the guest is said to have an agent; `None` for containers, which need none.
    pub agent: Option<bool>,
}

/// A network interface as the guest itself sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its hardware address, or empty.
    pub card: Mac,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// How addresses came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The guest, or its node, sees them.
    Seen,
    /// They stand in its configuration.
    Written,
}

/// What is known of all guests of a cluster, by their id (`qemu/100`).
#[derive(Debug, Default)]
pub struct Book(Mutex<HashMap<Box<str>, Entry>>);

#[derive(Debug, Default)]
struct Entry {
    written: Written,
    seen: Vec<Interface>,
}

impl Book {
    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what a guest's configuration says.
    pub fn write(&self, id: &str, written: Written) {
        let mut entries = self.lock();
        match entries.get_mut(id) {
            Some(entry) => entry.written = written,
            None if written == Written::default() => {}
            None => {
                entries.insert(id.into(), Entry { written, ..Entry::default() });
            }
        }
    }

    /// Takes what a guest itself says.
    pub fn see(&self, id: &str, seen: Vec<Interface>) {
        self.lock().entry(id.into()).or_default().seen = seen;
    }

    /// Forgets guests.
    pub fn retain(&self, is_there: impl Fn(&str) -> bool) {
        self.lock().retain(|id, _| is_there(id));
    }

    /// Whether the guest's agent may be asked: unless its configuration is known and has none.
    #[must_use]
    pub fn may_have_agent(&self, id: &str) -> bool {
        self.lock().get(id).is_none_or(|entry| entry.written.agent != Some(false))
    }

    /// The addresses of a guest, the best first, and how they are known. What a guest said of itself counts while it runs:
    /// afterwards another may have its address.
    #[must_use]
    pub fn of(&self, id: &str, runs: bool) -> (Vec<IpAddr>, Option<Source>) {
        let entries = self.lock();
        let Some(entry) = entries.get(id) else { return (Vec::new(), None) };
        let seen = if runs { entry.seen() } else { Vec::new() };
        match (seen.is_empty(), entry.written.addresses.is_empty()) {
            (false, _) => (seen, Some(Source::Seen)),
            (true, false) => (entry.written.addresses.clone(), Some(Source::Written)),
            (true, true) => (Vec::new(), None),
        }
    }
}

impl Entry {
    fn seen(&self) -> Vec<IpAddr> {
        let mut known: Vec<&Interface> = Vec::new();
        for card in &self.written.cards {
            known.extend(self.seen.iter().filter(|interface| interface.card == *card));
        }
        let chosen = if known.is_empty() { self.seen.iter().collect() } else { known };
        let mut found: Vec<IpAddr> = Vec::new();
        for ip in chosen.into_iter().flat_map(|interface| &interface.addresses) {
            if is_reachable(ip) && !found.contains(ip) {
                found.push(*ip);
            }
        }
        found
    }
}

/// Whether others may reach it: neither the guest's own loop, nor good on one link only.
fn is_reachable(ip: &IpAddr) -> bool {
    let local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !(local || ip.is_loopback() || ip.is_unspecified() || ip.is_multicast())
}

/// An address with or without the length of its network: `192.0.2.5/24`. `None` for `dhcp`, `auto`, `manual` and the like.
#[must_use]
pub fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim().split(['/', '%']).next()?;
    bare.parse().ok().filter(is_reachable)
}

/// A hardware address, as it is compared.
#[must_use]
pub fn card(text: &str) -> Mac {
    text.trim().to_ascii_lowercase().into()
}

/// What the values of `netN`, `ipconfigN` and `agent` in a guest's configuration say; `cards` in the order of their numbers.
#[must_use]
pub fn written(is_machine: bool, cards: &[&str], agent: &str) -> Written {
    let mut written = Written { agent: is_machine.then(|| has_agent(agent)), ..Written::default() };
    for text in cards {
        for (key, value) in text.split(',').filter_map(|part| part.split_once('=')) {
            match key.trim() {
                "ip" | "ip6" => written.addresses.extend(address(value)),
                // Of a container; of a machine the card's model is the key: `virtio=BC:24:11:…`.
                "hwaddr" | "macaddr" => written.cards.push(card(value)),
                _ if value.len() == 17 && value.bytes().filter(|byte| *byte == b':').count() == 5 => {
                    written.cards.push(card(value));
                }
                _ => {}
            }
        }
    }
    written
}

/// `1`, `enabled=1`, `1,fstrim_cloned_disks=1`; prometheus-pve-exporter's PR 492 misses the second.
fn has_agent(text: &str) -> bool {
    let first = text.split(',').next().unwrap_or_default().trim();
    matches!(first.strip_prefix("enabled=").unwrap_or(first), "1" | "on" | "yes" | "true")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(list: &[&str]) -> Vec<IpAddr> {
        list.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn configurations_say_cards_addresses_and_agents() {
        let container = written(
            false,
            &[
                "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:89:67:07,ip=192.0.2.7/24,gw=192.0.2.1,ip6=2001:db8::7/64",
                "name=eth1,ip=dhcp,ip6=auto",
            ],
            "",
        );
        assert_eq!(container.addresses, ips(&["192.0.2.7", "2001:db8::7"]));
        assert_eq!(
            (&*container.cards[0], container.cards.len(), container.agent),
            ("bc:24:11:89:67:07", 1, None)
        );
        let machine = written(
            true,
            &["virtio=BC:24:11:2E:C5:4A,bridge=vmbr0,tag=3", "ip=192.0.2.8/24,gw=192.0.2.1"],
            "enabled=1,type=virtio",
        );
        assert_eq!(
            (machine.addresses, machine.cards.len(), machine.agent),
            (ips(&["192.0.2.8"]), 1, Some(true))
        );
        for (text, want) in
            [("1", true), ("1,fstrim_cloned_disks=1", true), ("enabled=0", false), ("0", false), ("", false)]
        {
            assert_eq!(has_agent(text), want, "{text}");
        }
    }

    #[test]
    fn what_others_cannot_reach_is_no_address() {
        let book = Book::default();
        book.write("qemu/1", written(true, &["virtio=BC:24:11:2E:C5:4A", "ip=192.0.2.1/24"], "1"));
        assert_eq!(book.of("qemu/1", true), (ips(&["192.0.2.1"]), Some(Source::Written)));
        let interface = |mac: &str, list: &[&str]| Interface { card: card(mac), addresses: ips(list) };
        book.see(
            "qemu/1",
            vec![
                interface("00:00:00:00:00:00", &["127.0.0.1", "::1"]),
                interface("02:42:aa:aa:aa:aa", &["172.17.0.1"]),
                interface("bc:24:11:2e:c5:4a", &["fe80::1", "192.0.2.9", "2001:db8::9"]),
            ],
        );
        assert_eq!(book.of("qemu/1", true), (ips(&["192.0.2.9", "2001:db8::9"]), Some(Source::Seen)));
        assert_eq!(book.of("qemu/1", false), (ips(&["192.0.2.1"]), Some(Source::Written)), "it does not run");
        // Cards that are not known: everything that could be reached.
        book.see("qemu/2", vec![interface("02:42:aa:aa:aa:aa", &["172.17.0.1", "169.254.1.1"])]);
        assert_eq!(book.of("qemu/2", true).0, ips(&["172.17.0.1"]));
        assert!(book.may_have_agent("qemu/2") && book.may_have_agent("qemu/1"));
        book.write("qemu/2", written(true, &[], "0"));
        assert!(!book.may_have_agent("qemu/2"));
        book.retain(|id| id == "qemu/1");
        assert_eq!(book.of("qemu/2", true), (Vec::new(), None));
    }
}
