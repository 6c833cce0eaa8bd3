//! Nodes and guests as targets. Names of labels that prometheus-pve-sd has, too, mean the same here; lists stand between
//! commas, as Prometheus' own discoveries write them, so that `,web,` finds a tag anywhere in them.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use kit::discovery::Group;
use kit::once::one_line;

use super::addresses::Source;
use super::wish::Wish;
use crate::cluster::Cluster;
use crate::cluster::map::{Guest, Node};

/// What of a cluster is wanted, each with its labels; `None` until its members are known. Templates are no machines and left
/// out.
#[must_use]
pub fn groups(cluster: &Cluster, wish: &Wish) -> Option<Arc<[Group]>> {
    let map = cluster.map();
    map.at?;
    let members = cluster.members();
    let addresses: HashMap<&str, &str> = members.nodes.iter().map(|(name, ip)| (&**name, &**ip)).collect();
    let name = cluster.settings().name.as_str();
    let nodes = map.nodes.iter().filter_map(|node| {
        let ip = addresses.get(&*node.name).and_then(|ip| ip.parse().ok());
        of_node(name, node, ip, wish)
    });
    let guests = map.guests.iter().filter(|guest| !guest.template).filter_map(|guest| {
        is_wanted(guest, wish).then(|| {
            let (addresses, source) = cluster.addresses().of(&guest.id, guest.running == Some(true));
            of_guest(name, guest, &addresses, source, wish)
        })?
    });
    Some(nodes.chain(guests).collect())
}

fn is_one_of(list: &[String], value: &str) -> bool {
    list.is_empty() || list.iter().any(|one| one == value)
}

fn is_wanted(guest: &Guest, wish: &Wish) -> bool {
    is_one_of(&wish.kinds, guest.kind())
        && wish.running.is_none_or(|running| guest.running == Some(running))
        && is_one_of(&wish.pools, &guest.pool)
        && is_one_of(&wish.nodes, &guest.node)
        && wish.tags.iter().all(|tag| guest.tags.split(';').any(|has| has == tag))
}

fn of_node(cluster: &str, node: &Node, ip: Option<IpAddr>, wish: &Wish) -> Option<Group> {
    // Pools and tags are the guests'.
    let is_wanted = is_one_of(&wish.kinds, "node")
        && wish.running.is_none_or(|running| node.online == Some(running))
        && is_one_of(&wish.nodes, &node.name)
        && wish.pools.is_empty()
        && wish.tags.is_empty();
    let status = match node.online {
        Some(true) => "online",
        Some(false) => "offline",
        None => "unknown",
    };
    let id = format!("node/{}", node.name);
    let facts = [
        ("cluster", cluster),
        ("id", &id),
        ("type", "node"),
        ("name", &node.name),
        ("node", &node.name),
        ("status", status),
    ];
    is_wanted.then(|| group(&facts, &node.name, ip.as_slice(), ip.map(|_| "cluster"), wish))?
}

fn of_guest(
    cluster: &str,
    guest: &Guest,
    addresses: &[IpAddr],
    source: Option<Source>,
    wish: &Wish,
) -> Option<Group> {
    let tags = listed(guest.tags.split(';').filter(|tag| !tag.is_empty()));
    let facts = [
        ("cluster", cluster),
        ("id", &guest.id),
        ("type", guest.kind()),
        ("name", &guest.name),
        ("node", &guest.node),
        ("status", if guest.status.is_empty() { "unknown" } else { &guest.status }),
        ("vmid", &guest.vmid),
        ("pool", &guest.pool),
        ("tags", &tags),
    ];
    let word = source.map(|source| match source {
        Source::Seen => "guest",
        Source::Written => "config",
    });
    group(&facts, &guest.name, addresses, word, wish)
}

/// A target: by the address that is wanted, else, if no family is asked for, by its name.
fn group(
    facts: &[(&str, &str)],
    name: &str,
    addresses: &[IpAddr],
    source: Option<&str>,
    wish: &Wish,
) -> Option<Group> {
    let (host, source) = match (wish.choose(addresses), source) {
        (Some(ip), Some(source)) => (ip.to_string(), source),
        _ if wish.ipv4.is_none() && is_host(name) => (name.to_owned(), "name"),
        _ => return None,
    };
    let mut labels = BTreeMap::new();
    let mut put = |label: &str, value: String| {
        if !value.is_empty() {
            // Whoever names a guest writes what they like.
            let value = one_line(&value);
            if wish.labels.iter().any(|wanted| wanted == label) {
                labels.insert(label.to_owned(), value.clone());
            }
            labels.insert(format!("__meta_pve_{label}"), value);
        }
    };
    for (label, value) in facts {
        put(label, (*value).to_owned());
    }
    let first = |ipv4: bool| addresses.iter().find(|ip| ip.is_ipv4() == ipv4).map(IpAddr::to_string);
    put("ipv4", first(true).unwrap_or_default());
    put("ipv6", first(false).unwrap_or_default());
    put("addresses", listed(addresses));
    put("address_source", source.to_owned());
    Some(Group { targets: vec![wish.target(&host)], labels })
}

/// Whether a name can be a host's: one with anything else in it would be another target, or none.
fn is_host(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    (1..=253).contains(&name.len()) && name.bytes().all(is_part)
}

/// `,a,b,`; empty for none.
fn listed(values: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    let mut text = String::new();
    for value in values {
        text.push_str(&format!(",{value}"));
    }
    if !text.is_empty() {
        text.push(',');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest() -> Guest {
        Guest {
            id: "qemu/100".into(),
            vmid: "100".into(),
            node: "pve1".into(),
            name: "web".into(),
            running: Some(true),
            template: false,
            status: "running".into(),
            pool: "shop".into(),
            tags: "prod;web".into(),
        }
    }

    fn wish(query: &str) -> Wish {
        Wish::parse(query).unwrap()
    }

    #[test]
    fn a_guest_by_address_else_by_name() {
        let addresses: Vec<IpAddr> = ["192.0.2.5", "2001:db8::5"].map(|text| text.parse().unwrap()).into();
        let group = of_guest("lab", &guest(), &addresses, Some(Source::Seen), &wish("port=9100")).unwrap();
        assert_eq!(group.targets, ["192.0.2.5:9100"]);
        for (label, want) in [
            ("cluster", "lab"),
            ("id", "qemu/100"),
            ("type", "qemu"),
            ("name", "web"),
            ("node", "pve1"),
            ("status", "running"),
            ("vmid", "100"),
            ("pool", "shop"),
            ("tags", ",prod,web,"),
            ("ipv4", "192.0.2.5"),
            ("ipv6", "2001:db8::5"),
            ("addresses", ",192.0.2.5,2001:db8::5,"),
            ("address_source", "guest"),
        ] {
            assert_eq!(group.labels[&format!("__meta_pve_{label}")], want, "{label}");
        }
        let bare = of_guest("lab", &guest(), &[], None, &wish("")).unwrap();
        assert_eq!(
            (bare.targets, bare.labels["__meta_pve_address_source"].as_str()),
            (vec!["web".to_owned()], "name")
        );
        assert!(!bare.labels.contains_key("__meta_pve_ipv4"));
        assert_eq!(
            of_guest("lab", &guest(), &addresses[..1], Some(Source::Seen), &wish("family=ipv6")),
            None
        );
    }

    #[test]
    fn facts_can_be_labels_of_their_own() {
        let group = of_guest("lab", &guest(), &[], None, &wish("labels=id,name,node")).unwrap();
        for (label, want) in
            [("id", "qemu/100"), ("name", "web"), ("node", "pve1"), ("__meta_pve_id", "qemu/100")]
        {
            assert_eq!(group.labels[label], want, "{label}");
        }
        assert!(!group.labels.contains_key("vmid"));
    }

    #[test]
    fn a_name_that_is_no_hosts_is_no_target() {
        let named = |name: &str| {
            let guest = Guest { name: name.into(), tags: "a\n;b\u{7}".into(), ..guest() };
            of_guest("lab", &guest, &[], None, &wish("port=80"))
        };
        for name in ["a b", "a\nb", "a/b", "a:1", "", "\u{e9}"] {
            assert_eq!(named(name), None, "{name:?}");
        }
        let group = named("web-1.lan").unwrap();
        assert_eq!((&*group.targets[0], &*group.labels["__meta_pve_tags"]), ("web-1.lan:80", ",a ,b ,"));
        let address = ["192.0.2.5".parse().unwrap()];
        let odd = Guest { name: "a\nb".into(), ..guest() };
        let group = of_guest("lab", &odd, &address, Some(Source::Seen), &wish("")).unwrap();
        assert_eq!(group.labels["__meta_pve_name"], "a b");
    }

    #[test]
    fn wishes_choose() {
        for (query, want) in [
            ("", true),
            ("type=qemu", true),
            ("type=node,lxc", false),
            ("running=1", true),
            ("running=0", false),
            ("tag=web&tag=prod", true),
            ("tag=we", false),
            ("pool=shop", true),
            ("pool=other", false),
            ("node=pve1,pve2", true),
            ("node=pve2", false),
        ] {
            assert_eq!(is_wanted(&guest(), &wish(query)), want, "{query}");
        }
        let node = Node { name: "pve1".into(), online: Some(true) };
        let ip = "192.0.2.1".parse().ok();
        assert!(of_node("lab", &node, ip, &wish("type=node&running=1")).is_some());
        assert!(of_node("lab", &node, ip, &wish("tag=web")).is_none());
    }
}
