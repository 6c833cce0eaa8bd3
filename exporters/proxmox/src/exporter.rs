//! The exporter: the validated configuration, and the shapes that work by it.

use std::sync::Arc;

use kit::allow::AllowList;
use kit::config::{ConfigError, Document, Problem};
use kit::{About, Collector, Desc, Exporter, Notice, Prober, Sampler, Watched};
use wire::Resolver;
use wire::tls::Roots;

use crate::api::tally;
use crate::cluster::{self, Cluster, Fast, Rounds};
use crate::collect;
use crate::config::File;
use crate::config::build::{Built, Shared, build, modules};
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
            if section.tls.as_ref().is_some_and(|tls| tls.insecure_skip_verify == Some(true)) {
                notices.push(unverified(&section.name));
            }
        }
        if !modules.is_empty() && clusters.is_empty() {
            notices.push(hostless());
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

    fn notices(&self) -> Vec<Notice> {
        self.notices.clone()
    }
}

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
mod tests {
    use super::*;

    fn made(yaml: &str, previous: Option<&ProxmoxExporter>) -> Result<ProxmoxExporter, String> {
        let document = Document::embedded("test.yml", yaml);
        let raw = document.parse().map_err(|error| error.to_string())?;
        ProxmoxExporter::build(raw, &document, previous).map_err(|error| error.to_string())
    }

    const GOOD: &str = "clusters: [{name: a, endpoints: [pve1, 'https://[2001:db8::1]:443'], token_id: 'u@pve!t', token: 's'}]";

    #[test]
    fn the_built_in_configuration_and_the_example_are_good() {
        for (name, text, clusters) in [
            ("built in", ProxmoxExporter::ABOUT.builtin_config, 0),
            ("config/proxmox.yml", include_str!("../../../config/proxmox.yml"), 2),
            ("good", GOOD, 1),
            (
                "peer",
                "default: {user: u@pve, password: p}\nother: {user: 'u@pve!t', token_value: v, timeout: 2.5}",
                0,
            ),
        ] {
            let exporter = made(text, None).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(exporter.clusters().count(), clusters, "{name}");
            assert_eq!(
                (exporter.samplers().len(), exporter.collectors().len()),
                (clusters, clusters),
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_wrong_is_told_where_it_is() {
        let cluster = |more: &str| format!("clusters: [{{name: a, endpoints: [pve1], {more}}}]");
        let token = |more: &str| cluster(&format!("token_id: 'u@pve!t', token: 's', {more}"));
        for (yaml, want) in [
            (cluster(""), "neither a token nor a user"),
            (cluster("token_id: 'u@pve!t'"), "the token has no secret"),
            (cluster("token_id: 'u@pve', token: s"), "not the name of a token"),
            (cluster("token_id: 'u!t', token: s"), "not the name of a token"),
            (cluster("username: 'u@pve!t', password: s"), "give it as token_id"),
            (cluster("username: u, password: s"), "no realm"),
            (cluster("username: u@pve"), "the user has no password"),
            (cluster("token_id: 'u@pve!t', token_file: /nowhere/token"), "/nowhere/token"),
            (token("username: u@pve"), "there is a token_id, too"),
            (token("token_file: x"), "stands in token, too"),
            (token("timeout: 0s"), "no time at all"),
            (token("intervals: {node: 1ms}"), "too short"),
            (token("intervals: {nodes: 1m}"), "nodes"),
            (token("collectors: {snapshot: true}"), "did you mean \"snapshots\"?"),
            (token("collectors: {disks: often}"), "disks"),
            (token("tls: {fingerprint: 'AB:CD'}"), "not a SHA-256"),
            (token("tls: {ca_file: /nowhere.pem}"), "read /nowhere.pem"),
            (token("tls: {ca_file: Cargo.toml}"), "no certificate in it"),
            (token("one_hots: true"), "one_hot"),
            ("clusters: [{name: a, token_id: 'u@pve!t', token: s, endpoints: []}]".into(), "there is none"),
            (
                "clusters: [{name: a, token_id: 'u@pve!t', token: s, endpoints: ['http://a']}]".into(),
                "https alone",
            ),
            (
                "clusters: [{name: '', token_id: 'u@pve!t', token: s, endpoints: [a]}]".into(),
                "the name is empty",
            ),
            (
                format!(
                    "{}{}",
                    &GOOD[..GOOD.len() - 1],
                    ", {name: a, endpoints: [b], token_id: 'u@pve!t', token: 's'}]"
                ),
                "name of clusters[0], too",
            ),
            ("cluster: []".into(), "did you mean `clusters`?"),
            ("default: {user: u@pve}".into(), "neither a password nor a token"),
            ("default: {user: u, password: p}".into(), "no realm"),
            ("default: {user: u@pve, token_name: t}".into(), "no token_value"),
            ("default: {user: 'u@pve!a', token_name: b, token_value: c}".into(), "names another token"),
            ("default: {user: u@pve, token_value: c}".into(), "without token_name"),
            ("default: {user: u@pve, password: p, timeout: 0}".into(), "no number of seconds"),
            ("default: {user: u@pve, password: p, verify: false}".into(), "verify_ssl"),
            ("default: {user: u@pve, password: p, verify_ssl: /nowhere.pem}".into(), "read /nowhere.pem"),
            ("dns_servers: [here]".into(), "dns_servers[0]"),
        ] {
            let error = made(&yaml, None).err().unwrap_or_else(|| panic!("{yaml} was taken"));
            assert!(error.contains(want) && error.contains("test.yml:"), "{yaml}: {error}");
        }
    }

    #[test]
    fn a_cluster_that_has_not_changed_goes_on() {
        let first = made(GOOD, None).unwrap();
        let same = made(&format!("{GOOD}\nallowed_targets: [a]"), Some(&first)).unwrap();
        assert!(Arc::ptr_eq(&first.rounds[0], &same.rounds[0]));
        let other = made(&GOOD.replace("'s'", "'other'"), Some(&first)).unwrap();
        assert!(!Arc::ptr_eq(&first.rounds[0], &other.rounds[0]));
    }

    #[test]
    fn no_two_families_have_one_name() {
        let mut names: Vec<&str> = ProxmoxExporter::catalogue().iter().map(|desc| desc.family()).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn the_peers_environment_is_a_module() {
        use crate::config::ModuleSection;
        let get = |name: &str| match name {
            "PVE_USER" => Some("u@pve".to_owned()),
            "PVE_TOKEN_NAME" => Some("t".to_owned()),
            "PVE_TOKEN_VALUE" => Some("v".to_owned()),
            "PVE_VERIFY_SSL" => Some("False".to_owned()),
            _ => None,
        };
        let (name, section) = ModuleSection::of_environment(get).unwrap();
        let document = Document::embedded("environment", "");
        let module = section.module(&name, &document, &mut Vec::new()).unwrap();
        assert_eq!((name.as_str(), module.verify), ("default", false));
        assert!(ModuleSection::of_environment(|_| None).is_none());
    }
}
