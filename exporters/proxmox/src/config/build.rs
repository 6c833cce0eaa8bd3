//! What the sections become: clusters that can be run, and the modules' credentials.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kit::allow::AllowList;
use kit::config::{Document, HumanDuration, Problem, Spanned, did_you_mean, span_of_time};
use wire::Resolver;
use wire::tls::{Client, Roots, Settings as TlsSettings};

use super::module::read;
use super::{ClusterSection, ModuleSection, TlsSection, Wanted, endpoint};
use crate::api::Api;
use crate::api::access::Access;
use crate::api::endpoint::{Endpoint, Tools, Trust};
use crate::api::pins::{Pins, fingerprint};
use crate::cluster::{Cluster, Planned, Settings};
use crate::collect::{self, Tier};

/// How long a call in a scrape may take when the configuration does not say.
const TIMEOUT: Duration = Duration::from_secs(10);
/// No interval or timeout is longer.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// What all clusters share.
#[derive(Clone, Debug)]
pub struct Shared {
    /// Names to addresses.
    pub resolver: Arc<Resolver>,
    /// The system's authorities.
    pub roots: Arc<Roots>,
}

/// A cluster that can be run, and what it was made of: the same on a reload is the same cluster.
#[derive(Clone, Debug)]
pub struct Built {
    /// The cluster.
    pub cluster: Arc<Cluster>,
    section: ClusterSection,
    ca: Option<Vec<u8>>,
}

/// Validates `clusters:`. Those that have not changed since `before` go on.
pub fn build(
    sections: &[ClusterSection],
    shared: &Shared,
    before: &[Built],
    document: &Document,
    problems: &mut Vec<Problem>,
) -> Vec<Built> {
    let mut names: HashMap<&str, usize> = HashMap::new();
    let mut built = Vec::with_capacity(sections.len());
    for (index, section) in sections.iter().enumerate() {
        let mut bench = Bench { index, document, problems: Vec::new() };
        if let Some(first) = names.insert(section.name.as_str(), index) {
            let cause = format!("{:?} is the name of clusters[{first}], too", section.name.as_str());
            bench.at(&section.name, "name", cause, "give each its own name");
        }
        built.extend(bench.cluster(section, shared, before));
        problems.append(&mut bench.problems);
    }
    built
}

/// Where one cluster is built.
pub(super) struct Bench<'a> {
    index: usize,
    pub(super) document: &'a Document,
    pub(super) problems: Vec<Problem>,
}

impl Bench<'_> {
    pub(super) fn key(&self, key: &str) -> String {
        format!("clusters[{}].{key}", self.index)
    }

    pub(super) fn at<T>(&mut self, at: &Spanned<T>, key: &str, cause: impl std::fmt::Display, way_out: &str) {
        self.problems.push(self.document.problem(at, self.key(key), cause, way_out));
    }

    pub(super) fn there(&mut self, key: &str, cause: impl std::fmt::Display, way_out: &str) {
        self.problems.push(self.document.problem_at(self.key(key), cause, way_out));
    }

    fn cluster(&mut self, section: &ClusterSection, shared: &Shared, before: &[Built]) -> Option<Built> {
        if section.name.trim().is_empty() {
            self.at(&section.name, "name", "the name is empty", "give one, e.g. home");
        } else if section.name.chars().any(char::is_control) {
            let cause = format!("{:?} has characters that no one sees", section.name.as_str());
            self.at(&section.name, "name", cause, "give one of letters, e.g. home");
        }
        let endpoints = self.endpoints(section);
        let identity = self.identity(section);
        let tls = section.tls.clone().unwrap_or_default();
        let ca = tls
            .ca_file
            .as_ref()
            .and_then(|path| read(self.document, path, path, &self.key("tls.ca_file"), &mut self.problems));
        let pin = self.pin(&tls);
        if let Some(at) = &section.verify_ssl {
            let way_out = "write `tls: {fingerprint: …}`, which trusts this one certificate, or \
                           `tls: {insecure_skip_verify: true}`, which trusts any";
            self.at(at, "verify_ssl", "a key of pve.yml, which a cluster does not have", way_out);
        }
        let settings = self.settings(section, pin.is_some());
        let same = |known: &&Built| known.section == *section && known.ca == ca;
        if let Some(known) = before.iter().find(same).filter(|_| self.problems.is_empty()) {
            return Some(known.clone());
        }
        let skip = tls.insecure_skip_verify.unwrap_or(false) || pin.is_some();
        let client = self.client(&tls, ca.clone(), skip, shared)?;
        let identity = identity.filter(|_| self.problems.is_empty())?;
        let trust = pin.map_or(Trust::Client, |pin| Trust::Pins(Pins::new(vec![pin])));
        let tools = Tools { resolver: Arc::clone(&shared.resolver), tls: client, trust, allow: None };
        let api = Api::new(Access::new(identity, self.document.folder.clone()), endpoints, tools);
        let known = before.iter().find(|known| known.section.name == section.name);
        let cluster = Cluster::new(settings, api).after(known.map(|known| &*known.cluster));
        Some(Built { cluster: Arc::new(cluster), section: section.clone(), ca })
    }

    fn endpoints(&mut self, section: &ClusterSection) -> Vec<Endpoint> {
        let mut endpoints = Vec::with_capacity(section.endpoints.len());
        for (index, text) in section.endpoints.iter().enumerate() {
            match endpoint::parse(text) {
                Ok((host, port)) => endpoints.push(Endpoint::new(host, port)),
                Err(cause) => {
                    let cause = format!("{:?}: {cause}", text.as_str());
                    self.at(text, &format!("endpoints[{index}]"), cause, "give e.g. https://192.0.2.10:8006");
                }
            }
        }
        if section.endpoints.is_empty() {
            self.there("endpoints", "there is none", "name at least one node, e.g. https://192.0.2.10:8006");
        }
        endpoints
    }

    fn pin(&mut self, tls: &TlsSection) -> Option<[u8; 32]> {
        let text = tls.fingerprint.as_ref()?;
        if tls.ca_file.is_some() || tls.insecure_skip_verify == Some(true) {
            let way_out = "keep one of fingerprint, ca_file and insecure_skip_verify";
            self.at(text, "tls.fingerprint", "there is another way of trust, too", way_out);
        }
        let pin = fingerprint(text);
        if pin.is_none() {
            let cause = format!("{:?} is not a SHA-256", text.as_str());
            let way_out = "copy it from the node's System, Certificates (pve-ssl.pem or pveproxy-ssl.pem)";
            self.at(text, "tls.fingerprint", cause, way_out);
        }
        pin
    }

    fn client(
        &mut self,
        tls: &TlsSection,
        ca: Option<Vec<u8>>,
        skip: bool,
        shared: &Shared,
    ) -> Option<Client> {
        let settings = TlsSettings {
            insecure_skip_verify: skip,
            ca,
            roots: Arc::clone(&shared.roots),
            ..TlsSettings::default()
        };
        match Client::new(&settings) {
            Ok(client) => Some(client),
            Err(error) => {
                match &tls.ca_file {
                    Some(at) => self.at(at, "tls.ca_file", error, "give PEM, as /etc/pve/pve-root-ca.pem is"),
                    None => self.there("tls", error, ""),
                }
                None
            }
        }
    }

    fn settings(&mut self, section: &ClusterSection, pinned: bool) -> Settings {
        let intervals = section.intervals.clone().unwrap_or_default();
        let timeout = self.span(section.timeout.as_ref(), "timeout");
        let node = self.span(intervals.node.as_ref(), "intervals.node");
        let slow = self.span(intervals.slow.as_ref(), "intervals.slow");
        for name in section.collectors.keys().filter(|name| collect::Collector::named(name).is_none()) {
            let all = collect::ALL.iter().map(|collector| collector.name);
            self.there(&format!("collectors.{name}"), "there is no such collector", &did_you_mean(name, all));
        }
        let mut own = BTreeMap::new();
        for (name, wanted) in &section.collectors {
            let Wanted::Every(every) = wanted.value else { continue };
            let (key, every) = (format!("collectors.{name}"), wanted.map(|_| every));
            if collect::Collector::named(name).is_some_and(|collector| collector.tier == Tier::Fast) {
                let way_out = "give true or false; timeout says how long it may take";
                self.at(&every, &key, "this one is asked at each scrape and has no interval", way_out);
            }
            own.extend(self.span(Some(&every), &key).map(|every| (name.as_str(), every)));
        }
        let wanted = |name: &str, on: bool| {
            section.collectors.get(name).map_or(on, |wanted| wanted.value != Wanted::On(false))
        };
        let is_on = |collector: &collect::Collector| match collector.name {
            // Everything else needs to know who is there.
            "resources" => true,
            "fingerprints" => pinned && wanted("fingerprints", true),
            name => wanted(name, collector.on),
        };
        let every = |collector: &collect::Collector| match (own.get(collector.name), collector.tier) {
            (Some(every), _) => *every,
            (None, Tier::Fast) => Duration::ZERO,
            (None, Tier::Node) => node.unwrap_or(collector.every),
            (None, Tier::Slow) => slow.unwrap_or(collector.every),
        };
        let plan = plan(is_on, every);
        Settings {
            name: section.name.value.clone(),
            timeout: timeout.unwrap_or(TIMEOUT),
            one_hot: section.one_hot.unwrap_or(false),
            devices: section.devices.unwrap_or(false),
            plan,
        }
    }

    fn span(&mut self, raw: Option<&Spanned<HumanDuration>>, key: &str) -> Option<Duration> {
        let mut told = None;
        let span = span_of_time(raw, LONGEST, &mut |cause, way_out| told = Some((cause, way_out.to_owned())));
        if let (Some(at), Some((cause, way_out))) = (raw, told) {
            self.at(at, key, cause, &way_out);
        }
        if let (Some(at), Some(span)) = (raw, span)
            && span < Duration::from_secs(1)
        {
            self.at(at, key, format!("{} is too short", HumanDuration(span)), "give at least 1s");
        }
        span
    }
}

/// The collectors that run, with their intervals.
fn plan(
    is_on: impl Fn(&collect::Collector) -> bool,
    every: impl Fn(&collect::Collector) -> Duration,
) -> Vec<Planned> {
    let on = collect::ALL.iter().filter(|collector| is_on(collector));
    on.map(|collector| Planned { collector, every: every(collector) }).collect()
}

impl super::module::Module {
    /// A cluster that a request names: it is asked in the scrape, and nothing is kept in the background.
    ///
    /// # Errors
    /// What is wrong with the certificates.
    pub fn cluster(
        &self,
        host: &str,
        port: u16,
        shared: &Shared,
        allow: Option<AllowList>,
    ) -> Result<Cluster, String> {
        let settings = TlsSettings {
            insecure_skip_verify: !self.verify,
            ca: self.ca.clone(),
            roots: Arc::clone(&shared.roots),
            ..TlsSettings::default()
        };
        let tls = Client::new(&settings).map_err(|error| error.to_string())?;
        let tools = Tools { resolver: Arc::clone(&shared.resolver), tls, trust: Trust::Client, allow };
        let access = Access::new(self.identity.clone(), self.folder.clone());
        let endpoint = Endpoint::new(host.to_owned(), port);
        let settings = Settings {
            name: endpoint.authority(),
            timeout: self.timeout,
            one_hot: true,
            devices: false,
            plan: plan(|collector| collector.on, |collector| collector.every),
        };
        Ok(Cluster::new(settings, Api::new(access, vec![endpoint], tools)))
    }
}

/// The modules of the file, and that of the environment.
pub fn modules(
    sections: &BTreeMap<String, ModuleSection>,
    document: &Document,
    environment: impl Fn(&str) -> Option<String>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, super::module::Module> {
    let given = ModuleSection::of_environment(environment);
    let of_file = sections.iter().map(|(name, section)| (name.clone(), section.clone()));
    let mut modules = BTreeMap::new();
    for (name, section) in of_file.chain(given) {
        if let Some(module) = section.module(&name, document, problems) {
            modules.insert(name, module);
        }
    }
    modules
}
