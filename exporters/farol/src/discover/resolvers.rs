//! The DNS servers that this machine asks, from resolv.conf(5).

use std::net::IpAddr;

/// A DNS server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolver {
    /// Its address.
    pub address: IpAddr,
    /// The interface of a link-local address (`fe80::1%eth0`).
    pub zone: Option<String>,
    /// The file that names it, for the evidence.
    pub source: &'static str,
}

/// Where systemd-resolved lists the servers behind its own stub, 127.0.0.53.
pub const BEHIND_THE_STUB: &str = "/run/systemd/resolve/resolv.conf";
/// Where everybody looks for DNS servers.
pub const RESOLV_CONF: &str = "/etc/resolv.conf";

/// The servers of `resolv_conf`, and, if one of them is systemd-resolved's stub, those `behind` it; each once. The C
/// library uses the first three lines only, but whoever wrote a fourth wants it to work.
#[must_use]
pub fn resolvers(resolv_conf: &str, behind: &str) -> Vec<Resolver> {
    let mut found = Vec::new();
    collect(resolv_conf, RESOLV_CONF, &mut found);
    if found
        .iter()
        .any(|resolver| matches!(resolver.address, IpAddr::V4(ip) if ip.octets() == [127, 0, 0, 53]))
    {
        collect(behind, BEHIND_THE_STUB, &mut found);
    }
    found
}

fn collect(text: &str, source: &'static str, found: &mut Vec<Resolver>) {
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some("nameserver"), Some(server)) = (words.next(), words.next()) else { continue };
        let (address, zone) = match server.split_once('%') {
            Some((address, zone)) => (address, Some(zone.to_owned())),
            None => (server, None),
        };
        let Ok(address) = address.parse() else { continue };
        if !found.iter().any(|known: &Resolver| known.address == address && known.zone == zone) {
            found.push(Resolver { address, zone, source });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, behind: &str) -> Vec<String> {
        resolvers(text, behind).iter().map(|resolver| resolver.address.to_string()).collect()
    }

    #[test]
    fn each_server_once_whatever_stands_around_it() {
        for (text, want) in [
            ("nameserver 1.1.1.1\nnameserver 1.0.0.1\n", &["1.1.1.1", "1.0.0.1"][..]),
            (
                "# nameserver 9.9.9.9\n;nameserver 9.9.9.9\nsearch lan\n\tnameserver\t10.0.0.1 # the router",
                &["10.0.0.1"],
            ),
            ("nameserver 1.1.1.1\nnameserver 1.1.1.1", &["1.1.1.1"]),
            ("nameserver 2001:db8::53\noptions edns0", &["2001:db8::53"]),
            ("nameserver fe80::1%eth0", &["fe80::1"]),
            ("nameserver\nnameserver resolver.lan\n", &[]),
            ("", &[]),
        ] {
            assert_eq!(shown(text, "nameserver 8.8.8.8"), want, "{text:?}");
        }
    }

    #[test]
    fn behind_the_stub_of_systemd() {
        assert_eq!(shown("nameserver 127.0.0.53", "nameserver 10.0.0.1\n"), ["127.0.0.53", "10.0.0.1"]);
    }
}
