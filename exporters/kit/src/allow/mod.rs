//! Which targets a URL may name: `/probe?target=` turns whoever reaches the exporter into a client of whatever the
//! exporter reaches. Checked on the name before it is resolved, on the address after, and on each redirect.

mod rule;

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use rule::{AllowRule, AllowedTargets};

use crate::prober::Refusal;

/// The allow-list in force.
#[derive(Clone, Debug, Default)]
pub struct AllowList {
    /// `None`: the door is open.
    rules: Option<Vec<AllowRule>>,
}

impl AllowList {
    /// From the configuration. Without a list every target is allowed, save link-local addresses.
    #[must_use]
    pub fn new(raw: Option<&AllowedTargets>) -> Self {
        Self { rules: raw.map(|raw| raw.0.iter().map(|rule| rule.value.clone()).collect()) }
    }

    /// The same list, in which rules without ports are for this one alone: for what has one usual port, and secrets to send.
    #[must_use]
    pub fn for_port(&self, port: u16) -> Self {
        let rules = self.rules.as_ref();
        Self { rules: rules.map(|rules| rules.iter().map(|rule| rule.for_port(port)).collect()) }
    }

    /// Whether there is no list, so that all but link-local addresses is allowed.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.rules.is_none()
    }

    /// What is known before the name is resolved. A host passes when a rule allows its name, or when one might allow its
    /// address: [`Self::check_addr`] has the last word. `host` may be an address, in brackets or not, with a zone or not.
    ///
    /// # Errors
    /// The rule's name, what was refused, and how to allow it.
    pub fn check_host(&self, host: &str, port: Option<u16>) -> Result<(), Refusal> {
        if let Some(ip) = literal(host) {
            return self.check_addr(host, ip, port);
        }
        let Some(rules) = &self.rules else { return Ok(()) };
        if rules.iter().any(|rule| rule.matches_host(host, port) || rule.may_match_address(port)) {
            return Ok(());
        }
        Err(refusal(&shown(host, port), &format!("hosts: ['{host}']"), port))
    }

    /// The last word on a host, by the address it was resolved to. To be asked about the very address that is then
    /// dialled, and again on each redirect.
    ///
    /// # Errors
    /// The rule's name, what was refused, and how to allow it.
    pub fn check_addr(&self, host: &str, ip: IpAddr, port: Option<u16>) -> Result<(), Refusal> {
        let is_literal = literal(host).is_some();
        if let Some(kind) = always_refused(ip) {
            let name = if is_literal { ip.to_string() } else { format!("{host} ({ip})") };
            return Err(Refusal {
                rule: Cow::Borrowed("link_local"),
                detail: format!("{name} is {kind}, which is always refused; no rule can allow it"),
            });
        }
        let Some(rules) = &self.rules else { return Ok(()) };
        let matches = |rule: &AllowRule| {
            rule.matches_address(ip, port)
                || rule.matches_host(if is_literal { bare(host) } else { host }, port)
        };
        if rules.iter().any(matches) {
            return Ok(());
        }
        let name =
            if is_literal { shown(&ip.to_string(), port) } else { format!("{} ({ip})", shown(host, port)) };
        Err(refusal(&name, &format!("networks: ['{ip}']"), port))
    }
}

/// A refusal for want of a rule.
fn refusal(name: &str, what: &str, port: Option<u16>) -> Refusal {
    let ports = port.map_or_else(String::new, |port| format!(", ports: [{port}]"));
    Refusal {
        rule: Cow::Borrowed("allowed_targets"),
        detail: format!(
            "{name} matches no rule of allowed_targets; to allow it, add the rule {{{what}{ports}}}"
        ),
    }
}

/// A host and a port as people write them.
fn shown(host: &str, port: Option<u16>) -> String {
    match port {
        None => host.to_owned(),
        Some(port) if host.contains(':') && !host.starts_with('[') => format!("[{host}]:{port}"),
        Some(port) => format!("{host}:{port}"),
    }
}

/// A host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// The address that a host is, if it is one.
fn literal(host: &str) -> Option<IpAddr> {
    let host = bare(host);
    host.split_once('%').map_or(host, |(address, _)| address).parse().ok()
}

/// What kind of never allowed address this is, if it is one.
fn always_refused(ip: IpAddr) -> Option<&'static str> {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local().then_some("a link-local address"),
        IpAddr::V6(ip) if ip.is_unicast_link_local() => Some("a link-local address"),
        // The IPv6 address of Amazon's instance metadata.
        IpAddr::V6(ip) if ip == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254) => {
            Some("a cloud's metadata address")
        }
        IpAddr::V6(ip) => embedded(ip)
            .filter(Ipv4Addr::is_link_local)
            .map(|_| "a link-local address inside an IPv6 address"),
    }
}

/// The IPv4 address inside an IPv6 address that leads to it: mapped (`::ffff:0:0/96`), compatible (`::/96`), SIIT
/// (`::ffff:0:0:0/96`), NAT64 (`64:ff9b::/96`; in `64:ff9b:1::/48`, RFC 8215, at its end as with a /96) and 6to4 (`2002::/16`).
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match ip.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0x2002, high, low, ..] => Some(join(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::Document;

    fn list(yaml: &str) -> AllowList {
        AllowList::new(Some(&Document::embedded("t", yaml).parse().unwrap()))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn without_a_list_all_but_link_local_is_allowed() {
        let open = AllowList::new(None);
        assert!(open.is_open() && !list("[]").is_open());
        for address in
            ["127.0.0.1", "10.0.0.1", "192.0.2.1", "::1", "2001:db8::1", "fd00::1", "64:ff9b::a00:1"]
        {
            assert_eq!(open.check_host(address, Some(80)), Ok(()), "{address}");
            assert_eq!(open.check_addr("a.b", ip(address), None), Ok(()), "{address}");
        }
        for address in [
            "169.254.169.254",
            "169.254.0.0",
            "169.254.255.255",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "::ffff:0:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::169.254.169.254",
            "2002:a9fe:a9fe::1",
        ] {
            for list in [&open, &list("['*', 0.0.0.0/0, '::/0']")] {
                for refusal in
                    [list.check_host(address, Some(80)), list.check_addr("a.b", ip(address), Some(80))]
                {
                    assert_eq!(refusal.unwrap_err().rule, "link_local", "{address}");
                }
            }
        }
        assert_eq!(open.check_host("[fe80::1%eth0]", Some(80)).unwrap_err().rule, "link_local");
    }

    #[test]
    fn rules_without_ports_can_be_for_one_port() {
        let list = list("[a.b, 'c.d:1-9', 10.0.0.0/8, {ports: [7]}]").for_port(5);
        for (host, port, allowed) in [
            ("a.b", 5, true),
            ("a.b", 6, false),
            ("a.b", 7, true),
            ("c.d", 6, true),
            ("c.d", 10, false),
            ("10.1.2.3", 5, true),
            ("10.1.2.3", 6, false),
        ] {
            // A name may have an address that is allowed; the address has the last word.
            let address = ip(if host.starts_with("10.") { host } else { "192.0.2.1" });
            assert_eq!(list.check_addr(host, address, Some(port)).is_ok(), allowed, "{host}:{port}");
        }
        assert!(AllowList::new(None).for_port(5).is_open());
    }

    #[test]
    fn refusals_say_what_and_how_to_allow() {
        let list = list("- 10.0.0.0/8:443\n- '*.example.org:80'");
        for (refusal, detail) in [
            (
                list.check_host("a.b", Some(8080)),
                "a.b:8080 matches no rule of allowed_targets; to allow it, add the rule {hosts: ['a.b'], ports: [8080]}",
            ),
            (
                list.check_host("a.b", None),
                "a.b matches no rule of allowed_targets; to allow it, add the rule {hosts: ['a.b']}",
            ),
            (
                list.check_host("[::1]", Some(443)),
                "[::1]:443 matches no rule of allowed_targets; to allow it, add the rule {networks: ['::1'], ports: [443]}",
            ),
            (
                list.check_addr("a.b", ip("192.0.2.1"), Some(443)),
                "a.b:443 (192.0.2.1) matches no rule of allowed_targets; to allow it, add the rule {networks: ['192.0.2.1'], ports: [443]}",
            ),
            (
                AllowList::new(None).check_addr("metadata", ip("169.254.169.254"), Some(80)),
                "metadata (169.254.169.254) is a link-local address, which is always refused; no rule can allow it",
            ),
        ] {
            assert_eq!(refusal.unwrap_err().detail, detail);
        }
    }

    #[test]
    fn one_rule_must_match_host_or_network_and_port() {
        let list = list(
            "- 10.0.0.0/8:443\n- '*.example.org:80'\n- {hosts: [both.test], networks: [192.0.2.0/24], ports: [1-9]}\n- {ports: [7777]}",
        );
        // A name, the address it has, a port, whether the name passes and whether both do.
        for (host, address, port, passes, allowed) in [
            ("a.example.org", "198.51.100.1", Some(80), true, true),
            ("a.example.org", "198.51.100.1", Some(443), true, false),
            ("a.example.org", "10.1.1.1", Some(443), true, true),
            ("a.example.org", "::ffff:10.1.1.1", Some(443), true, true),
            ("a.example.org", "10.1.1.1", Some(81), false, false),
            ("other.test", "10.1.1.1", Some(443), true, true),
            ("other.test", "10.1.1.1", None, false, false),
            ("both.test", "198.51.100.1", Some(5), true, true),
            ("other.test", "192.0.2.1", Some(5), true, true),
            ("other.test", "192.0.3.1", Some(5), true, false),
            ("other.test", "192.0.3.1", Some(7777), true, true),
            ("10.1.1.1", "10.1.1.1", Some(443), true, true),
            ("10.1.1.1", "10.1.1.1", Some(444), false, false),
            ("192.0.3.1", "192.0.3.1", Some(5), false, false),
        ] {
            assert_eq!(list.check_host(host, port).is_ok(), passes, "{host} {port:?}");
            assert_eq!(
                list.check_addr(host, ip(address), port).is_ok(),
                allowed,
                "{host} {address} {port:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_network_allows_its_addresses_and_no_others(network: u32, length in 0_u8..=32, address: u32) {
            let (network, address) = (Ipv4Addr::from(network), Ipv4Addr::from(address));
            let list = list(&format!("- {network}/{length}"));
            let shift = 32 - u32::from(length);
            let prefix = |ip: Ipv4Addr| u32::from(ip).checked_shr(shift).unwrap_or(0);
            let want = prefix(network) == prefix(address) && !address.is_link_local();
            for ip in [IpAddr::V4(address), IpAddr::V6(address.to_ipv6_mapped())] {
                prop_assert_eq!(list.check_addr("a.b", ip, None).is_ok(), want);
                prop_assert_eq!(list.check_host(&ip.to_string(), Some(80)).is_ok(), want);
            }
        }

        #[test]
        fn what_the_address_check_allows_the_name_check_passed(address: u32, port: u16, host in "[a-z]{1,3}\\.(org|net)") {
            let list = list("- 10.0.0.0/8:1-9999\n- '*.org:443'\n- {ports: [7777]}\n- 128.0.0.0/1");
            if list.check_addr(&host, Ipv4Addr::from(address).into(), Some(port)).is_ok() {
                prop_assert!(list.check_host(&host, Some(port)).is_ok());
            }
        }

        #[test]
        fn link_local_is_refused_in_every_form(low: u16, suffix: u64) {
            let (high, open) = (0xa9fe, AllowList::new(None));
            let tail = suffix.to_be_bytes();
            let pair = |at: usize| u16::from_be_bytes([tail[at], tail[at + 1]]);
            for segments in [
                [0, 0, 0, 0, 0, 0xffff, high, low],
                [0x64, 0xff9b, 0, 0, 0, 0, high, low],
                [0x64, 0xff9b, 1, pair(0), pair(2), pair(4), high, low],
                [0x2002, high, low, 0, pair(0), pair(2), pair(4), pair(6)],
                [0xfe80 | (low & 0x3f), 0, 0, 0, pair(0), pair(2), pair(4), pair(6)],
            ] {
                prop_assert!(open.check_addr("a.b", Ipv6Addr::from(segments).into(), None).is_err());
            }
        }

        #[test]
        fn no_host_breaks_it(host in ".{0,40}", port: Option<u16>) {
            let _ = AllowList::new(None).check_host(&host, port);
            let _ = list("['*.org']").check_host(&host, port);
        }
    }
}
