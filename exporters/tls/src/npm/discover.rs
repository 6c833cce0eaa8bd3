//! What follows from an inventory: targets for the schedule, files to watch, and a list for others.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kit::Group;
use rustls_pki_types::ServerName;
use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::inventory::{Certificate, Host, Inventory, Kind};
use crate::config::Target;
use crate::config::target::DEFAULT_TIMEOUT;
use crate::endpoint::Endpoint;
use crate::renewal::Policy;
use crate::stored::Partner;

/// Stands in a wildcard's place when a host has no other name: one that nobody uses.
const ANY: &str = "farol-wildcard";

/// Every enabled host with a certificate, one for each of its names, at the address where the proxy answers; a stream once,
/// at its port.
pub(super) fn targets(entry: &Entry, inventory: &Inventory) -> Vec<Target> {
    let mut all = Vec::new();
    for host in inventory.hosts.iter().filter(|host| host.enabled && host.tcp) {
        let Some(id) = host.certificate else { continue };
        let certificate = inventory.certificates.get(&id);
        let renewed = certificate.is_some_and(Certificate::is_renewed);
        let timeout = entry.module.timeout.unwrap_or(DEFAULT_TIMEOUT).min(entry.interval);
        for (name, hostname, port) in names(entry, host, certificate) {
            all.push(Target {
                name,
                target: written(&entry.address.host, port),
                hostname,
                module: std::sync::Arc::clone(&entry.module),
                interval: entry.interval,
                timeout,
                renewal: if renewed { Policy::Npm } else { entry.renewal },
                stored: file(entry, id, certificate).map_or(Partner::None, Partner::File),
                labels: vec![("npm".to_owned(), entry.name.clone())],
            });
        }
    }
    all
}

/// What each target of a host is called, the name to ask for, and the port.
fn names(
    entry: &Entry,
    host: &Host,
    certificate: Option<&Certificate>,
) -> Vec<(String, Option<String>, u16)> {
    if let (Kind::Stream, Some(port)) = (host.kind, host.port) {
        // nginx looks at no name in a stream; a client would ask for one that the certificate has.
        let plain = |name: &String| match Way::of(name) {
            Way::Name(asked) => Some(asked.into_owned()),
            _ => None,
        };
        let name = certificate.and_then(|certificate| certificate.domain_names.iter().find_map(plain));
        let shown = name.as_deref().unwrap_or(&entry.address.host);
        return vec![(format!("{shown}:{port}"), name, port)];
    }
    let port = entry.address.port;
    let ways: Vec<_> = host.names.iter().map(|name| (name, Way::of(name))).collect();
    let one = |name: &String, asked: &str| (name.clone(), Some(asked.to_owned()), port);
    let plain: Vec<_> = ways
        .iter()
        .filter_map(|(name, way)| if let Way::Name(asked) = way { Some(one(name, asked)) } else { None })
        .collect();
    if !plain.is_empty() {
        return plain;
    }
    let under = |(name, way): &(&String, Way<'_>)| match way {
        Way::Under(zone) => Some(one(name, &format!("{ANY}.{zone}"))),
        _ => None,
    };
    ways.iter().filter_map(under).collect()
}

kit::closed_set! {
    /// Why a name of a host is not looked at.
    pub enum LeftOut;
    /// Every cause with what it means.
    pub const LEFT_OUT;
    Pattern = "pattern":
        "a pattern of nginx (www.example.*, a regular expression), which no name to ask for follows from",
    NoName = "no_name": "no name that a client could ask for",
}

/// How a client asks for a name of a host, as nginx understands it (https://nginx.org/en/docs/http/server_names.html).
enum Way<'n> {
    /// By this name: what is not ASCII in the form in which it is asked for.
    Name(Cow<'n, str>),
    /// By any name below this one.
    Under(Cow<'n, str>),
    /// In no way.
    None(LeftOut),
}

impl<'n> Way<'n> {
    fn of(name: &'n str) -> Self {
        if name.starts_with('~') || name.strip_prefix("*.").unwrap_or(name).contains('*') {
            return Self::None(LeftOut::Pattern);
        }
        let below = name.strip_prefix("*.");
        // With a dot in front it is for the name and all below it.
        let bare = below.or(name.strip_prefix('.')).unwrap_or(name);
        match (asked(bare), below) {
            (Some(asked), None) => Self::Name(asked),
            (Some(asked), Some(_)) => Self::Under(asked),
            (None, _) => Self::None(LeftOut::NoName),
        }
    }
}

/// A name as it is asked for: in ASCII (IDNA), as a browser makes it of what people write.
fn asked(name: &str) -> Option<Cow<'_, str>> {
    let name = if name.is_ascii() {
        Cow::Borrowed(name)
    } else {
        match url::Host::parse(name) {
            Ok(url::Host::Domain(ascii)) => Cow::Owned(ascii),
            _ => return None,
        }
    };
    // `_` is what nginx's own documents call a host that has no name.
    (name != "_" && ServerName::try_from(&*name).is_ok()).then_some(name)
}

/// A name of an enabled host that nothing is looked at for.
pub(super) struct Unasked<'i> {
    pub(super) host: &'i Host,
    pub(super) name: &'i str,
    pub(super) reason: LeftOut,
}

/// All names of enabled hosts that are neither looked at nor given to others.
pub(super) fn left_out(inventory: &Inventory) -> Vec<Unasked<'_>> {
    let enabled = inventory.hosts.iter().filter(|host| host.enabled && host.kind != Kind::Stream);
    let each = enabled.flat_map(|host| host.names.iter().map(move |name| (host, name.as_str())));
    let one = |(host, name)| match Way::of(name) {
        Way::None(reason) => Some(Unasked { host, name, reason }),
        _ => None,
    };
    each.filter_map(one).collect()
}

fn written(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// The file of a certificate.
pub(super) fn file(entry: &Entry, id: u64, certificate: Option<&Certificate>) -> Option<PathBuf> {
    let folder = format!("npm-{id}");
    Some(if certificate?.is_renewed() {
        entry.letsencrypt.join("live").join(folder).join("fullchain.pem")
    } else {
        entry.custom_ssl.join(folder).join("fullchain.pem")
    })
}

/// The files of all certificates, each with when it is due; those in a folder of which `there` says no are left out, unless
/// they are `known`.
pub(super) fn files(
    entry: &Entry,
    inventory: &Inventory,
    there: Folders,
    known: impl Fn(&Path) -> bool,
) -> Vec<(PathBuf, Policy)> {
    let one = |(id, certificate): (&u64, &Certificate)| {
        let (wanted, policy) = match certificate.is_renewed() {
            true => (there.letsencrypt, Policy::Npm),
            false => (there.custom_ssl, entry.renewal),
        };
        let path = file(entry, *id, Some(certificate)).filter(|path| wanted || known(path))?;
        Some((path, policy))
    };
    inventory.certificates.iter().filter_map(one).collect()
}

/// Which of the two folders are there. One that is not is not watched: Nginx Proxy Manager may run on another machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Folders {
    pub(super) letsencrypt: bool,
    pub(super) custom_ssl: bool,
}

impl Folders {
    /// Looked at now; waits for a disk. One that may not be looked into is there.
    pub(super) fn of(entry: &Entry) -> Self {
        let there = |path: &PathBuf| {
            std::fs::metadata(path)
                .map_or_else(|error| error.kind() != std::io::ErrorKind::NotFound, |meta| meta.is_dir())
        };
        Self { letsencrypt: there(&entry.letsencrypt), custom_ssl: there(&entry.custom_ssl) }
    }
}

/// Every enabled host, one for each of its names, for `http_sd_configs`.
pub(super) fn groups(entry: &Entry, inventory: &Inventory) -> Vec<Group> {
    let mut all = Vec::new();
    for host in inventory.hosts.iter().filter(|host| host.enabled) {
        let certificate = host.certificate.and_then(|id| inventory.certificates.get(&id));
        let common = labels(entry, host, certificate);
        if let (Kind::Stream, Some(port)) = (host.kind, host.port) {
            let mut labels = common.clone();
            labels.insert("__meta_npm_port".to_owned(), port.to_string());
            all.push(Group { targets: vec![written(&entry.address.host, port)], labels });
            continue;
        }
        let secure = host.certificate.is_some();
        for name in &host.names {
            let Way::Name(asked) = Way::of(name) else { continue };
            let (scheme, port) = if secure { ("https", 443) } else { ("http", 80) };
            let mut labels = common.clone();
            labels.insert("__meta_npm_host".to_owned(), name.clone());
            labels.insert("__meta_npm_url".to_owned(), format!("{scheme}://{asked}/"));
            all.push(Group { targets: vec![written(&asked, port)], labels });
        }
    }
    all
}

fn labels(entry: &Entry, host: &Host, certificate: Option<&Certificate>) -> BTreeMap<String, String> {
    let Endpoint { host: address, port } = &entry.address;
    let mut labels = BTreeMap::new();
    let mut set = |name: &str, value: String| labels.insert(name.to_owned(), value);
    set("npm", entry.name.clone());
    set("__meta_npm_type", host.kind.word().to_owned());
    set("__meta_npm_id", host.id.to_string());
    set("__meta_npm_address", written(address, *port));
    set("__meta_npm_tls", host.certificate.is_some().to_string());
    if let Some(online) = host.online {
        set("__meta_npm_online", online.to_string());
    }
    if let Some(id) = host.certificate {
        set("__meta_npm_certificate_id", id.to_string());
    }
    if let Some(certificate) = certificate {
        set("__meta_npm_certificate_provider", certificate.provider.clone());
    }
    labels
}
