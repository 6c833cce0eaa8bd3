//! What follows from an inventory: targets for the schedule, files to watch, and a list for others.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kit::Group;

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
        let name = certificate
            .and_then(|certificate| certificate.domain_names.iter().find(|name| !is_wildcard(name)));
        let shown = name.map_or(entry.address.host.as_str(), String::as_str);
        return vec![(format!("{shown}:{port}"), name.cloned(), port)];
    }
    let port = entry.address.port;
    let plain: Vec<_> = host.names.iter().filter(|name| !is_wildcard(name)).collect();
    if plain.is_empty() {
        let asked = |name: &String| name.strip_prefix("*.").map(|rest| format!("{ANY}.{rest}"));
        return host.names.iter().filter_map(|name| Some((name.clone(), Some(asked(name)?), port))).collect();
    }
    plain.into_iter().map(|name| (name.clone(), Some(name.clone()), port)).collect()
}

fn is_wildcard(name: &str) -> bool {
    name.starts_with('*')
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

/// The files of all certificates, each with when it is due; those in a folder of which `there` says no are left out.
pub(super) fn files(entry: &Entry, inventory: &Inventory, there: Folders) -> Vec<(PathBuf, Policy)> {
    let one = |(id, certificate): (&u64, &Certificate)| {
        let (wanted, policy) = match certificate.is_renewed() {
            true => (there.letsencrypt, Policy::Npm),
            false => (there.custom_ssl, entry.renewal),
        };
        let path = file(entry, *id, Some(certificate)).filter(|_| wanted)?;
        Some((path, policy))
    };
    inventory.certificates.iter().filter_map(one).collect()
}

/// Which of the two folders are there. One that is not is not watched: Nginx Proxy Manager may run on another machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        for name in host.names.iter().filter(|name| !is_wildcard(name)) {
            let (scheme, port) = if secure { ("https", 443) } else { ("http", 80) };
            let mut labels = common.clone();
            labels.insert("__meta_npm_host".to_owned(), name.clone());
            labels.insert("__meta_npm_url".to_owned(), format!("{scheme}://{name}/"));
            all.push(Group { targets: vec![written(name, port)], labels });
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
