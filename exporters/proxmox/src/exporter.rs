//! The exporter: the validated configuration, and the shapes that work by it.

use std::sync::Arc;

use kit::allow::AllowList;
use kit::config::{ConfigError, Document, Problem};
use kit::{About, Collector, Desc, Discovered, Exporter, Notice, Prober, Sampler, Watched};
use wire::Resolver;
use wire::tls::Roots;

use crate::api::tally;
use crate::cluster::{self, Cluster, Fast, Rounds};
use crate::collect;
use crate::config::File;
use crate::config::build::{Built, Shared, build, modules};
use crate::config::identity::unreadable;
use crate::discovery::{self, Wish};
use crate::door::Door;

/// The Proxmox VE exporter.
#[derive(Debug)]
pub struct ProxmoxExporter {
    clusters: Vec<Built>,
    rounds: Vec<Arc<Rounds>>,
    door: Arc<Door>,
    notices: Vec<Notice>,
}

impl ProxmoxExporter {
    /// The configured clusters.
    pub fn clusters(&self) -> impl Iterator<Item = &Arc<Cluster>> {
        self.clusters.iter().map(|built| &built.cluster)
    }

    fn found(&self, wish: &Wish) -> Vec<Discovered> {
        let list = |cluster: &Arc<Cluster>| Discovered {
            name: cluster.settings().name.clone(),
            groups: discovery::groups(cluster, wish),
        };
        self.clusters().map(list).collect()
    }

    /// What answers on demand.
    #[must_use]
    pub fn door(&self) -> &Arc<Door> {
        &self.door
    }
}

impl Exporter for ProxmoxExporter {
    const ABOUT: About = About {
        name: "proxmox-exporter",
        summary: "Proxmox VE: nodes, guests, storage, backups, HA and replication of whole clusters, from one scrape.",
        version: env!("CARGO_PKG_VERSION"),
        port: 9221,
        config_file: "proxmox.yml",
        builtin_config: include_str!("builtin.yml"),
    };

    type Raw = File;

    fn catalogue() -> Vec<&'static Desc> {
        let collectors = collect::ALL.iter().flat_map(|collector| collector.descs.iter().copied());
        let mut all: Vec<&'static Desc> =
            collectors.chain(cluster::DESCS.iter().copied()).chain(tally::DESCS.iter().copied()).collect();
        // Two collectors may write one family, as pve_up.
        all.sort_by_key(|desc| desc.name);
        all.dedup_by_key(|desc| desc.name);
        all
    }

    fn build(raw: File, document: &Document, previous: Option<&Self>) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let shared =
            Shared { resolver: resolver(&raw, document, &mut problems), roots: Arc::new(Roots::system()) };
        let before = previous.map_or(&[][..], |previous| &previous.clusters);
        let clusters = build(&raw.clusters, &shared, before, document, &mut problems);
        let environment = |name: &str| std::env::var(name).ok();
        let modules = modules(&raw.modules, document, environment, &mut problems);
        ConfigError::check(problems)?;
        let mut notices = Vec::new();
        for section in &raw.clusters {
            notices.extend(unreadable(section, &document.folder));
            if section.tls.as_ref().is_some_and(|tls| tls.insecure_skip_verify == Some(true)) {
                notices.push(unverified(&section.name));
            }
        }
        match (clusters.is_empty(), modules.is_empty()) {
            // A file that has no cluster yet says so itself.
            (true, true) if document.text == Self::ABOUT.builtin_config => {
                notices.push(Notice { name: "nothing_configured", text: NOTHING.to_owned() });
            }
            (true, false) => notices.push(hostless()),
            _ => {}
        }
        let known = |cluster: &Arc<Cluster>| {
            let running = previous.into_iter().flat_map(|previous| &previous.rounds);
            running.into_iter().find(|rounds| Arc::ptr_eq(rounds.cluster(), cluster)).map(Arc::clone)
        };
        let rounds = clusters.iter().map(|built| {
            known(&built.cluster).unwrap_or_else(|| Arc::new(Rounds::new(Arc::clone(&built.cluster))))
        });
        let rounds = rounds.collect();
        let allow = raw.allowed_targets.as_ref().map(|raw| AllowList::new(Some(raw)));
        let own = clusters.iter().map(|built| Arc::clone(&built.cluster)).collect();
        let door = Arc::new(Door::new(own, modules, allow, shared));
        Ok(Self { clusters, rounds, door, notices })
    }

    fn collectors(&self) -> Vec<Arc<dyn Collector>> {
        self.clusters()
            .map(|cluster| Arc::new(Fast::new(Arc::clone(cluster))) as Arc<dyn Collector>)
            .collect()
    }

    fn samplers(&self) -> Vec<Arc<dyn Sampler>> {
        self.rounds.iter().map(|rounds| Arc::clone(rounds) as Arc<dyn Sampler>).collect()
    }

    fn prober(&self) -> Option<Arc<dyn Prober>> {
        Some(Arc::clone(&self.door) as Arc<dyn Prober>)
    }

    fn watched(&self) -> Vec<Watched> {
        let line = |cluster: &Arc<Cluster>| {
            let (ok, detail) = cluster.state();
            let name = cluster.settings().name.clone();
            let link = Some(Watched::probe_link("default", &name, None));
            Watched { name, kind: "cluster".to_owned(), ok, detail, link }
        };
        self.clusters().map(line).collect()
    }

    fn discovered(&self) -> Vec<Discovered> {
        self.found(&Wish::default())
    }

    fn discovered_by(&self, query: &str) -> Result<Vec<Discovered>, String> {
        Wish::parse(query).map(|wish| self.found(&wish))
    }

    fn notices(&self) -> Vec<Notice> {
        self.notices.clone()
    }
}

/// What is needed when nothing is configured.
pub(crate) const NOTHING: &str = "no cluster is configured; write its endpoints and its token into proxmox.yml, in the working directory or in \
                                  /etc/farol: proxmox-exporter --setup prints how the token is made, --config.example every key";

fn unverified(name: &str) -> Notice {
    Notice {
        name: "insecure_cluster",
        text: format!(
            "cluster {name}: any certificate is taken, so that whoever stands between gets the token; put the node's \
             fingerprint or a copy of /etc/pve/pve-root-ca.pem into its tls section"
        ),
    }
}

fn hostless() -> Notice {
    Notice {
        name: "no_clusters",
        text: "a pve.yml names no hosts, so that /metrics shows no cluster: add clusters: with their endpoints, or scrape \
               /pve?target=HOST&module=NAME with HOST in allowed_targets"
            .to_owned(),
    }
}

fn resolver(raw: &File, document: &Document, problems: &mut Vec<Problem>) -> Arc<Resolver> {
    let mut servers = Vec::with_capacity(raw.dns_servers.len());
    for (index, text) in raw.dns_servers.iter().enumerate() {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        let address =
            text.parse().ok().or_else(|| bare.parse().ok().map(|ip| std::net::SocketAddr::new(ip, 53)));
        match address {
            Some(server) => servers.push(server),
            None => {
                let cause = format!("{:?} is not an address with or without a port", text.as_str());
                let way_out = "give e.g. 192.0.2.53 or [2001:db8::53]:53";
                problems.push(document.problem(text, format!("dns_servers[{index}]"), cause, way_out));
            }
        }
    }
    let own = (!servers.is_empty()).then(|| Resolver::servers(&servers).ok()).flatten();
    Arc::new(own.unwrap_or_else(Resolver::hickory))
}

#[cfg(test)]
mod tests;
