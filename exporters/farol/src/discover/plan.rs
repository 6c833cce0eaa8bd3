//! From what was found to what is watched: names, modules, and the evidence for each entry.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

use wire::starttls::Protocol;

use super::resolvers::Resolver;
use super::routes::Gateway;
use super::services::Service;
use super::sniff::Heard;
use super::sockets::Listener;
use super::tls;

/// Something to watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, which stays the same as long as the thing does.
    pub name: String,
    /// The target, as probe-exporter takes it.
    pub target: String,
    /// The module, one of [`super::modules`].
    pub module: &'static str,
    /// Why it is here.
    pub evidence: String,
}

/// A listener after it was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What the tables say.
    pub listener: Listener,
    /// The name of its process, if that may be known.
    pub process: Option<String>,
    /// What its port or process is known for.
    pub service: Option<&'static Service>,
    /// The address that was asked last.
    pub address: SocketAddr,
    /// What it said; `None` when it was not asked, since it is bound to an address that is not loopback.
    pub heard: Option<Heard>,
    /// What TLS begins by, if it greeted in such a protocol and gave TLS when it was asked.
    pub starttls: Option<Protocol>,
}

/// What to watch, and what not, each with its reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// At most as many as the limit.
    pub entries: Vec<Entry>,
    /// What has certificates among them, as tls-exporter takes it.
    pub tls: Vec<Entry>,
    /// What was found and is not watched, in sentences.
    pub left_out: Vec<String>,
}

impl Plan {
    /// Puts it together: `own_page` first, then gateways, resolvers and listeners, `limit` entries in all.
    #[must_use]
    pub fn new(
        own_page: Option<&str>,
        gateways: &[Gateway],
        resolvers: &[Resolver],
        asked: &[Asked],
        limit: usize,
    ) -> Self {
        let mut plan = Self::default();
        if let Some(page) = own_page {
            let evidence = "farol itself: its status page".to_owned();
            // Whoever set up users for it gets 401 here, which will do.
            let module = if page.starts_with("https:") { "https_any" } else { "http_any" };
            plan.entries.push(Entry { name: "farol".into(), target: page.into(), module, evidence });
        }
        for gateway in gateways {
            plan.take(of_gateway(gateway));
        }
        for resolver in resolvers {
            plan.take(of_resolver(resolver));
        }
        for asked in asked {
            if plan.take(of_listener(asked)) {
                let tls = plan.entries.last().and_then(|probed| tls::entry(asked, probed));
                plan.tls.extend(tls);
            }
        }
        if plan.entries.len() > limit {
            plan.tls.truncate(limit);
            let over = plan.entries.split_off(limit);
            plan.left_out.push(format!(
                "{} more, since the limit is {limit} targets: {}",
                over.len(),
                names(&over)
            ));
        }
        plan
    }

    /// Whether there is an entry more.
    fn take(&mut self, found: Result<Entry, String>) -> bool {
        match found {
            Ok(mut entry) => {
                let taken: HashSet<&str> = self.entries.iter().map(|entry| entry.name.as_str()).collect();
                if taken.contains(entry.name.as_str()) {
                    // A second gateway behind one interface: its address tells them apart.
                    entry.name = format!("{}-{}", entry.name, entry.target);
                }
                self.entries.push(entry);
                true
            }
            Err(reason) => {
                self.left_out.push(reason);
                false
            }
        }
    }
}

fn of_gateway(gateway: &Gateway) -> Result<Entry, String> {
    let Gateway { address, interface, source } = gateway;
    let evidence = format!("found in {source}: default via {address} dev {interface}");
    if is_link_local(*address) {
        return Err(format!(
            "{evidence}; an address that means something on one interface only cannot be a target yet"
        ));
    }
    Ok(Entry {
        name: format!("gateway-{}", plain(interface)),
        target: address.to_string(),
        module: "icmp",
        evidence,
    })
}

fn of_resolver(resolver: &Resolver) -> Result<Entry, String> {
    let Resolver { address, zone, source } = resolver;
    let zone = zone.as_ref().map(|zone| format!("%{zone}")).unwrap_or_default();
    let evidence = format!("found in {source}: nameserver {address}{zone}");
    if is_link_local(*address) {
        return Err(format!(
            "{evidence}; an address that means something on one interface only cannot be a target yet"
        ));
    }
    let target = SocketAddr::new(*address, 53).to_string();
    Ok(Entry { name: format!("resolver-{address}"), target, module: "dns", evidence })
}

fn of_listener(asked: &Asked) -> Result<Entry, String> {
    let Asked { listener, process, service, address, heard, starttls: _ } = asked;
    let port = address.port();
    let who = process.as_deref().filter(|name| !name.is_empty());
    let by = who.map(|name| format!(" ({name})")).unwrap_or_default();
    let found = format!("found in {}: {} listens{by}", listener.source, listener.bound);
    let known = service.map(|service| service.name);
    let (kind, module, scheme, said) = match heard {
        Some(Heard::Closed(why)) => return Err(format!("{found}; {why}")),
        Some(Heard::Http(status)) => ("http", "http_any", "http", format!("it answered HTTP {status}")),
        Some(Heard::Https(status)) => {
            ("https", "https_any", "https", format!("it answered HTTP {status} over TLS"))
        }
        Some(Heard::Tls) => ("tls", "tls_connect", "", "it speaks TLS, and no HTTP in it".to_owned()),
        Some(Heard::Greeting(line)) => ("tcp", greeted(line, known), "", format!("it greeted with {line:?}")),
        Some(Heard::Redis(line)) => ("redis", "redis_ping", "", format!("it answered PING with {line:?}")),
        Some(Heard::Silence) => ("tcp", "tcp_connect", "", "it accepts connections".to_owned()),
        None if known == Some("sshd") => {
            ("ssh", "ssh_banner", "", "not asked, since it is not on loopback".to_owned())
        }
        None => ("tcp", "tcp_connect", "", "not asked, since it is not on loopback".to_owned()),
    };
    let kind = if module == "ssh_banner" { "sshd" } else { kind };
    // The process's own name says more than the kind: nginx-80, java-8080. Behind docker-proxy it says nothing.
    let by_process = who.filter(|name| *name != "docker-proxy").map(plain);
    let name = known
        .filter(|known| *known != "docker")
        .map(str::to_owned)
        .or(by_process)
        .unwrap_or_else(|| kind.to_owned());
    let target = if scheme.is_empty() { address.to_string() } else { format!("{scheme}://{address}/") };
    Ok(Entry { name: format!("{name}-{port}"), target, module, evidence: format!("{found}; {said}") })
}

/// The module that knows a greeting; a bare 220 may be mail or files, which only the service's name tells apart.
pub(super) fn greeted(line: &str, known: Option<&str>) -> &'static str {
    match line {
        _ if line.starts_with("SSH-") => "ssh_banner",
        _ if line.starts_with("220") && (known == Some("smtp") || line.contains("SMTP")) => "smtp_banner",
        _ if line.starts_with("220") => "ftp_banner",
        _ if line.starts_with("+OK") => "pop3_banner",
        _ if line.starts_with("* OK") || line.starts_with("* PREAUTH") => "imap_banner",
        _ => "tcp_connect",
    }
}

/// A word that is fit for a target's name.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }).collect()
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

fn names(entries: &[Entry]) -> String {
    entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::services::recognise;

    fn asked(bound: &str, process: &str, heard: Option<Heard>) -> Asked {
        let bound: SocketAddr = bound.parse().unwrap();
        let listener = Listener { bound, inode: 0, source: "/proc/net/tcp" };
        let process = (!process.is_empty()).then(|| process.to_owned());
        let service = recognise(bound.port(), process.as_deref());
        let address = listener.addresses()[0];
        Asked { listener, process, service, address, heard, starttls: None }
    }

    #[test]
    fn a_listener_becomes_an_entry() {
        let greeting = |line: &str| Some(Heard::Greeting(line.into()));
        for (bound, process, heard, want) in [
            ("0.0.0.0:22", "sshd", greeting("SSH-2.0-OpenSSH_9.2"), "sshd-22 127.0.0.1:22 ssh_banner"),
            ("0.0.0.0:2222", "", greeting("SSH-2.0-dropbear"), "sshd-2222 127.0.0.1:2222 ssh_banner"),
            ("0.0.0.0:80", "nginx", Some(Heard::Http(403)), "nginx-80 http://127.0.0.1:80/ http_any"),
            ("[::1]:443", "", Some(Heard::Https(200)), "https-443 https://[::1]:443/ https_any"),
            (
                "0.0.0.0:8006",
                "",
                Some(Heard::Https(200)),
                "proxmox-ve-8006 https://127.0.0.1:8006/ https_any",
            ),
            (
                "0.0.0.0:8080",
                "docker-proxy",
                Some(Heard::Http(200)),
                "http-8080 http://127.0.0.1:8080/ http_any",
            ),
            (
                "127.0.0.1:6379",
                "",
                Some(Heard::Redis("+PONG".into())),
                "redis-6379 127.0.0.1:6379 redis_ping",
            ),
            ("127.0.0.1:3306", "mariadbd", Some(Heard::Silence), "mysql-3306 127.0.0.1:3306 tcp_connect"),
            ("127.0.0.1:25", "exim4", greeting("220 host ESMTP Exim"), "smtp-25 127.0.0.1:25 smtp_banner"),
            ("127.0.0.1:21", "", greeting("220 (vsFTPd 3.0.3)"), "ftp-21 127.0.0.1:21 ftp_banner"),
            (
                "127.0.0.1:9999",
                "my server",
                Some(Heard::Silence),
                "my-server-9999 127.0.0.1:9999 tcp_connect",
            ),
            ("127.0.0.1:993", "", Some(Heard::Tls), "imaps-993 127.0.0.1:993 tls_connect"),
            ("10.0.0.5:22", "", None, "sshd-22 10.0.0.5:22 ssh_banner"),
            ("10.0.0.5:5432", "", None, "postgres-5432 10.0.0.5:5432 tcp_connect"),
        ] {
            let entry = of_listener(&asked(bound, process, heard)).unwrap();
            assert_eq!(format!("{} {} {}", entry.name, entry.target, entry.module), want);
            assert!(
                entry.evidence.starts_with(&format!("found in /proc/net/tcp: {bound} listens")),
                "{entry:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_watched_is_told() {
        let gateways =
            [Gateway { address: "fe80::1".parse().unwrap(), interface: "eth0".into(), source: "x" }];
        let resolvers =
            [Resolver { address: "fe80::1".parse().unwrap(), zone: Some("eth0".into()), source: "y" }];
        let closed = asked("0.0.0.0:1", "", Some(Heard::Closed("connect to 127.0.0.1:1: gone".into())));
        let plan = Plan::new(None, &gateways, &resolvers, &[closed], 200);
        assert_eq!(plan.entries, []);
        assert!(
            plan.left_out[0].starts_with("found in x: default via fe80::1 dev eth0; an address"),
            "{plan:?}"
        );
        assert!(plan.left_out[1].starts_with("found in y: nameserver fe80::1%eth0; an address"), "{plan:?}");
        assert!(plan.left_out[2].ends_with("0.0.0.0:1 listens; connect to 127.0.0.1:1: gone"), "{plan:?}");
    }

    #[test]
    fn what_speaks_tls_is_tls_exporters_too() {
        let mail = Asked {
            starttls: Some(Protocol::Smtp),
            ..asked("127.0.0.1:25", "exim4", Some(Heard::Greeting("220 host ESMTP".into())))
        };
        let found = [
            asked("0.0.0.0:443", "nginx", Some(Heard::Https(200))),
            asked("127.0.0.1:80", "nginx", Some(Heard::Http(200))),
            asked("127.0.0.1:993", "", Some(Heard::Tls)),
            asked("127.0.0.1:1", "", Some(Heard::Closed("gone".into()))),
            mail,
        ];
        let plan = Plan::new(None, &[], &[], &found, 200);
        let shown: Vec<String> =
            plan.tls.iter().map(|e| format!("{} {} {}", e.name, e.target, e.module)).collect();
        assert_eq!(
            shown,
            [
                "nginx-443 127.0.0.1:443 tls_insecure",
                "imaps-993 127.0.0.1:993 tls_insecure",
                "smtp-25 127.0.0.1:25 smtp_insecure"
            ]
        );
    }

    #[test]
    fn names_are_unique_and_entries_limited() {
        let gateway = |address: &str| Gateway {
            address: address.parse().unwrap(),
            interface: "eth0".into(),
            source: "x",
        };
        let resolver = Resolver { address: "2001:db8::53".parse().unwrap(), zone: None, source: "y" };
        let gateways = [gateway("10.0.0.1"), gateway("10.0.0.2")];
        let plan = Plan::new(Some("http://127.0.0.1:9700/"), &gateways, &[resolver], &[], 3);
        let names: Vec<&str> = plan.entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["farol", "gateway-eth0", "gateway-eth0-10.0.0.2"]);
        assert_eq!(plan.left_out, ["1 more, since the limit is 3 targets: resolver-2001:db8::53"]);
    }
}
