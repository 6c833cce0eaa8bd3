//! `/etc/hosts`, and `localhost` without it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Names in lower case without a final dot, to their addresses in the file's order.
pub(super) type Hosts = HashMap<Box<str>, Vec<IpAddr>>;

/// RFC 6761 §6.3: these names are the loopback addresses, whatever a server says.
const LOOPBACK: &[IpAddr] = &[IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST)];

/// Reads the file's text; a line that is not an address and names is passed over, as hosts(5)' other readers do.
pub(super) fn parse(text: &str) -> Hosts {
    let mut hosts = Hosts::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
        let Some(ip) = words.next().and_then(|word| word.parse::<IpAddr>().ok()) else { continue };
        for name in words {
            let addresses = hosts.entry(key(name).into()).or_default();
            if !addresses.contains(&ip) {
                addresses.push(ip);
            }
        }
    }
    hosts
}

/// The addresses of `host` that need no server, if it has such.
pub(super) fn lookup<'a>(hosts: &'a Hosts, host: &str) -> Option<&'a [IpAddr]> {
    hosts.get(key(host).as_ref()).map(Vec::as_slice).or_else(|| localhost(host))
}

/// The loopback addresses, if `host` is a name for them.
pub(super) fn localhost(host: &str) -> Option<&'static [IpAddr]> {
    let name = key(host);
    (name == "localhost" || name.ends_with(".localhost")).then_some(LOOPBACK)
}

fn key(name: &str) -> Cow<'_, str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_as_hosts_5_says() {
        let hosts = parse(
            "\u{feff}127.0.0.1 localhost box # the machine\n\n# a comment\n::1\tLocalHost ip6-localhost\n\
             192.0.2.7 nas.lan nas\n192.0.2.8 nas.lan\nnonsense here\n192.0.2.7 nas.lan\n",
        );
        let text = |host: &str| {
            lookup(&hosts, host).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        for (host, want) in [
            ("localhost", Some("127.0.0.1 ::1")),
            ("NAS.lan.", Some("192.0.2.7 192.0.2.8")),
            ("nas", Some("192.0.2.7")),
            ("box", Some("127.0.0.1")),
            ("app.localhost", Some("::1 127.0.0.1")),
            ("here", None),
            ("example.net", None),
        ] {
            assert_eq!(text(host).as_deref(), want, "{host}");
        }
        assert_eq!(lookup(&Hosts::new(), "localhost").map(<[IpAddr]>::len), Some(2));
    }
}
