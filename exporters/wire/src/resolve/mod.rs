//! Names to addresses.
//!
//! | file | what |
//! |---|---|
//! | `error` | why a name could not be resolved, from a closed set |
//! | `hosts` | `/etc/hosts`, and `localhost` without it |
//! | `files` | `/etc/resolv.conf` and `/etc/hosts`, read again when they change |
//! | `client` | one query for one family, and what its failure means |
//!
//! Nothing caches answers: a probe's `resolve` phase is the time a lookup took, never the time a map took.

mod client;
mod error;
mod files;
mod hosts;

use std::net::{IpAddr, SocketAddr};

pub use error::{ResolveError, ResolveReason};

use client::Client;
use files::Files;

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    Ip4,
    /// IPv6.
    Ip6,
}

impl Family {
    /// The family of an address. A v4-mapped one is IPv6: it is what was asked for.
    #[must_use]
    pub const fn of(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Family::Ip4 } else { Family::Ip6 }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Family::Ip4 => Family::Ip6,
            Family::Ip6 => Family::Ip4,
        }
    }

    /// `IPv4` or `IPv6`, for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Family::Ip4 => "IPv4",
            Family::Ip6 => "IPv6",
        }
    }
}

/// Which family a probe wants. The default is the peer's: IPv6, else IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Preference {
    /// The family that is asked for first.
    pub family: Family,
    /// Whether the other family will do when a name has no address of the preferred one.
    pub fallback: bool,
}

impl Default for Preference {
    fn default() -> Self {
        Self { family: Family::Ip6, fallback: true }
    }
}

impl Preference {
    /// Whether an address of `family` will do.
    #[must_use]
    pub fn admits(self, family: Family) -> bool {
        self.fallback || family == self.family
    }
}

/// Resolves names. Cheap to share, holds no connection while idle.
#[derive(Debug)]
pub struct Resolver(Source);

#[derive(Debug)]
enum Source {
    /// The C library's, in a thread: honours nsswitch.conf, cannot be cancelled.
    System,
    /// Our own queries, to the servers and with the names that the machine's files say.
    Files(Files),
    /// Our own queries to the servers that the configuration says.
    Servers(Client),
}

impl Resolver {
    /// The C library's resolver, in a thread of the runtime's blocking pool. It honours nsswitch.conf; what hangs in it
    /// keeps its thread until it gives up, also when nobody waits for it any more.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// Our own resolver after `/etc/resolv.conf` and `/etc/hosts`, which are read at the first lookup and again when
    /// they have changed. Without a usable resolv.conf, literals and the names in `/etc/hosts` still work.
    #[must_use]
    pub fn hickory() -> Self {
        Self(Source::Files(Files::system()))
    }

    /// [`Resolver::hickory`] with files elsewhere.
    #[must_use]
    pub fn from_files(
        resolv_conf: impl Into<std::path::PathBuf>,
        hosts: impl Into<std::path::PathBuf>,
    ) -> Self {
        Self(Source::Files(Files::new(resolv_conf.into(), hosts.into())))
    }

    /// Our own resolver, which asks these servers only: no search domains, no `/etc/hosts`. Literals and `localhost`
    /// are not asked for. An answer to the first server's silence comes from the next.
    ///
    /// # Errors
    /// If there is no server in the list.
    pub fn servers(servers: &[SocketAddr]) -> Result<Self, ResolveError> {
        Client::of_servers(servers).map(|client| Self(Source::Servers(client)))
    }

    /// The addresses of `host`, best first: those of the preferred family, or with `fallback` and none of them, those of
    /// the other. An IP literal, also in brackets, is answered at once.
    ///
    /// There is no deadline here but the resolver's own (resolv.conf's `timeout` and `attempts`): the caller holds one
    /// for the whole probe, and reports [`ResolveReason::Timeout`] when it passes; see [`ResolveError::timed_out`].
    ///
    /// # Errors
    /// [`ResolveError`] with the reason.
    pub async fn lookup(&self, host: &str, preference: Preference) -> Result<Vec<IpAddr>, ResolveError> {
        if let Some(ip) = literal(host, preference)? {
            return Ok(vec![ip]);
        }
        match &self.0 {
            Source::System => system_lookup(host, preference).await,
            Source::Files(files) => {
                let view = files.view();
                if let Some(found) = hosts::lookup(&view.hosts, host) {
                    return choose(host, found.iter().copied(), preference);
                }
                let client = view.client.as_ref().map_err(|why| ResolveError::other(host, why.clone()))?;
                client.lookup(host, preference).await
            }
            Source::Servers(client) => {
                if let Some(found) = hosts::localhost(host) {
                    return choose(host, found.iter().copied(), preference);
                }
                client.lookup(host, preference).await
            }
        }
    }

    /// The best address of `host`; for a literal nothing is allocated.
    ///
    /// # Errors
    /// As [`Resolver::lookup`].
    pub async fn lookup_one(&self, host: &str, preference: Preference) -> Result<IpAddr, ResolveError> {
        if let Some(ip) = literal(host, preference)? {
            return Ok(ip);
        }
        let all = self.lookup(host, preference).await?;
        all.first().copied().ok_or_else(|| ResolveError::no_address(host, preference))
    }
}

/// The address, if `host` is one: bare, or an IPv6 one in brackets. Never fails on a name.
///
/// # Errors
/// If it is of a family that `preference` does not admit, or has a zone, which no egress of ours would honour.
pub fn literal(host: &str, preference: Preference) -> Result<Option<IpAddr>, ResolveError> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    // No name is parsed as an address in vain: they start with a digit, or have a colon.
    if !bare.starts_with(|first: char| first.is_ascii_digit()) && !bare.contains(':') {
        return Ok(None);
    }
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return if preference.admits(Family::of(ip)) {
            Ok(Some(ip))
        } else {
            Err(ResolveError::no_address(host, preference))
        };
    }
    if let Some((address, zone)) = bare.split_once('%')
        && address.parse::<std::net::Ipv6Addr>().is_ok()
    {
        let detail = format!(
            "an address with a zone is not taken: give {address}, and {zone} as the interface to send through"
        );
        return Err(ResolveError::other(host, detail));
    }
    Ok(None)
}

/// The addresses of the preferred family, or of the other if that is admitted, in the order they came.
fn choose(
    host: &str,
    all: impl Iterator<Item = IpAddr> + Clone,
    preference: Preference,
) -> Result<Vec<IpAddr>, ResolveError> {
    let of = |family| all.clone().filter(|ip| Family::of(*ip) == family).collect::<Vec<_>>();
    let mut found = of(preference.family);
    if found.is_empty() && preference.fallback {
        found = of(preference.family.other());
    }
    if found.is_empty() { Err(ResolveError::no_address(host, preference)) } else { Ok(found) }
}

async fn system_lookup(host: &str, preference: Preference) -> Result<Vec<IpAddr>, ResolveError> {
    match tokio::net::lookup_host((host, 0)).await {
        Ok(found) => {
            let mut all: Vec<IpAddr> = found.map(|addr| addr.ip()).collect();
            all.dedup();
            choose(host, all.into_iter(), preference)
        }
        Err(error) => Err(ResolveError::of_system(host, &error)),
    }
}

/// See [`crate::fuzzing::hosts`].
pub(crate) fn fuzz_hosts(text: &str) -> usize {
    let found = hosts::parse(text);
    // Each name is found under its own spelling.
    found.keys().filter(|name| hosts::lookup(&found, name).is_some()).count()
}

/// See [`crate::fuzzing::resolv_conf`].
pub(crate) fn fuzz_resolv_conf(text: &[u8]) -> Result<(), String> {
    Client::of_resolv_conf(text).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: Preference = Preference { family: Family::Ip6, fallback: true };
    const ONLY4: Preference = Preference { family: Family::Ip4, fallback: false };
    const ONLY6: Preference = Preference { family: Family::Ip6, fallback: false };

    #[test]
    fn literals_are_told_from_names() {
        for (host, want) in [
            ("127.0.0.1", Some("127.0.0.1")),
            ("::1", Some("::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("example.net", None),
            ("1and1.example", None),
            ("127.1", None),
            ("", None),
        ] {
            let want = want.map(|ip| ip.parse::<IpAddr>().unwrap());
            assert_eq!(literal(host, ANY).unwrap(), want, "{host}");
        }
    }

    #[test]
    fn a_literal_of_the_other_family_needs_the_fallback() {
        assert!(literal("127.0.0.1", ANY).unwrap().is_some());
        let error = literal("127.0.0.1", ONLY6).unwrap_err();
        assert_eq!(error.reason.word(), "dns_no_address");
        assert_eq!(
            error.to_string(),
            "resolve 127.0.0.1: no IPv6 address, and no fallback to IPv4 is allowed"
        );
        assert!(literal("::1", ONLY4).is_err());
    }

    #[test]
    fn a_zone_is_refused_with_the_way_out() {
        let error = literal("fe80::1%eth0", ANY).unwrap_err();
        assert_eq!(error.reason.word(), "dns_error");
        assert!(error.to_string().contains("give fe80::1, and eth0 as the interface"), "{error}");
    }

    #[test]
    fn the_preferred_family_comes_alone() {
        let all: Vec<IpAddr> =
            ["192.0.2.1", "2001:db8::1", "192.0.2.2"].map(|ip| ip.parse().unwrap()).to_vec();
        let text = |preference| {
            choose("h", all.iter().copied(), preference)
                .unwrap()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(text(ANY), ["2001:db8::1"]);
        assert_eq!(text(ONLY4), ["192.0.2.1", "192.0.2.2"]);
        let v4 = || all.iter().copied().filter(IpAddr::is_ipv4);
        assert_eq!(choose("h", v4(), ANY).unwrap().len(), 2);
        assert!(choose("h", v4(), ONLY6).is_err());
    }

    #[tokio::test]
    async fn the_system_resolver_knows_localhost_and_tells_a_name_that_is_not() {
        let resolver = Resolver::system();
        let found =
            resolver.lookup("localhost", Preference { family: Family::Ip4, fallback: false }).await.unwrap();
        assert_eq!(found, [IpAddr::from([127, 0, 0, 1])]);
        let error = resolver.lookup("no such name", ANY).await.unwrap_err();
        assert!(matches!(error.reason.word(), "dns_nxdomain" | "dns_error"), "{error:?}");
    }
}
