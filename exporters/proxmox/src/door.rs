//! `/pve?target=&module=&cluster=&node=`: the peer's page, with the peer's labels. The target is a configured cluster (its
//! name, or one of its endpoints), or with a module of a `pve.yml` a host that `allowed_targets` names. No credential is
//! ever sent to another: the peer sends its token to whatever host a request names.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use kit::allow::AllowList;
use kit::{Ask, BoxFuture, Desc, Failure, Page, Prober, Refusal, Verdict};

use crate::api::{Reason, margin};
use crate::cluster::{Cluster, Collected};
use crate::collect::{Collector, Scope, Tier};
use crate::config::build::Shared;
use crate::config::endpoint;
use crate::config::module::{Module, PORT};

/// The module of a request that names none; the peer's name for it.
const DEFAULT: &str = "default";
/// So many hosts that requests named are remembered.
const MOST: usize = 64;

/// What answers on demand.
#[derive(Debug)]
pub struct Door {
    clusters: Vec<Arc<Cluster>>,
    modules: BTreeMap<String, Module>,
    /// `None`: this machine alone.
    allow: Option<AllowList>,
    shared: Shared,
    /// By module, host and port.
    visited: Mutex<BTreeMap<(String, String, u16), Arc<Cluster>>>,
}

/// Who is asked, and from which side.
struct Found {
    cluster: Arc<Cluster>,
    /// The host that the request named, if it was one.
    host: Option<String>,
    /// Whether its background runs.
    kept: bool,
}

impl Door {
    /// The door to these clusters, and with these modules to what is allowed.
    #[must_use]
    pub fn new(
        clusters: Vec<Arc<Cluster>>,
        modules: BTreeMap<String, Module>,
        allow: Option<AllowList>,
        shared: Shared,
    ) -> Self {
        Self { clusters, modules, allow, shared, visited: Mutex::default() }
    }

    fn find(&self, module: &str, target: &str) -> Result<Found, Failure> {
        let by_name = self.clusters.iter().find(|cluster| cluster.settings().name == target);
        if let Some(cluster) = by_name {
            return Ok(Found { cluster: Arc::clone(cluster), host: None, kept: true });
        }
        let port = self.modules.get(module).map_or(PORT, |module| module.port);
        let (host, port) = endpoint::parse_with(target, port).map_err(|cause| Failure {
            phase: "parse",
            reason: "target_invalid",
            detail: format!("{target:?} is neither a cluster nor a host: {cause}"),
            refused: None,
        })?;
        let has = |cluster: &&Arc<Cluster>| {
            let same = |end: &crate::api::endpoint::Endpoint| {
                end.host.eq_ignore_ascii_case(&host) && end.port == port
            };
            cluster.api().endpoints().iter().any(same)
        };
        if let Some(cluster) = self.clusters.iter().find(has) {
            return Ok(Found { cluster: Arc::clone(cluster), host: Some(host), kept: true });
        }
        let Some(known) = self.modules.get(module) else {
            return Err(refused(format!(
                "{target} is no endpoint of a configured cluster; add it to one under clusters: in the configuration"
            )));
        };
        self.check(&host, port, known.port)?;
        let mut visited = self.visited.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (module.to_owned(), host.clone(), port);
        if let Some(cluster) = visited.get(&key) {
            return Ok(Found { cluster: Arc::clone(cluster), host: Some(host), kept: false });
        }
        let cluster = known
            .cluster(&host, port, &self.shared, self.allow.as_ref().map(|allow| allow.for_port(known.port)))
            .map_err(|detail| Failure { phase: "setup", reason: "tls", detail, refused: None })?;
        if visited.len() >= MOST {
            visited.pop_first();
        }
        let cluster = Arc::new(cluster);
        visited.insert(key, Arc::clone(&cluster));
        Ok(Found { cluster, host: Some(host), kept: false })
    }

    /// Whether a module's credential may be sent to a host: by the module's port, unless a rule names another.
    fn check(&self, host: &str, port: u16, usual: u16) -> Result<(), Failure> {
        match &self.allow {
            None if matches!(host, "localhost" | "127.0.0.1" | "::1") && port == usual => Ok(()),
            None => {
                let shown = crate::api::endpoint::authority(host, port);
                Err(refused(format!(
                    "{shown} is not this machine's port {usual}, and the configuration has no allowed_targets: name the hosts \
                     that the modules' credentials may be sent to, e.g. allowed_targets: ['{shown}']"
                )))
            }
            Some(allow) => allow.for_port(usual).check_host(host, Some(port)).map_err(|refusal| {
                let detail = refusal.detail.clone();
                Failure { phase: "parse", reason: "target_refused", detail, refused: Some(refusal) }
            }),
        }
    }

    async fn page(&self, found: &Found, query: &str, deadline: Instant) -> (Page, Option<Failure>) {
        let parameter = |name: &str| {
            let mut all = url::form_urlencoded::parse(query.as_bytes());
            all.find(|(key, _)| key == name).is_none_or(|(_, value)| value != "0")
        };
        let (whole, node) = (parameter("cluster"), parameter("node"));
        let cluster = &found.cluster;
        let (fast, collected) = cluster.fast(deadline).await;
        let mut page = if whole { fast } else { Page::new() };
        let names = if node { nodes(found) } else { Vec::new() };
        if found.kept {
            if whole {
                page.absorb(&cluster.known(None));
            }
            for name in &names {
                page.absorb(&cluster.known(Some(name)));
            }
        } else {
            now(cluster, whole, &names, deadline, &mut page).await;
        }
        // The page is good for whoever asked as long as the cluster itself answers.
        let failures: Option<Vec<_>> = collected.into_iter().map(|one| one.failure).collect();
        let failure = failures.and_then(|failures| failures.into_iter().next()).map(|failure| Failure {
            phase: "request",
            reason: failure.reason.word(),
            refused: (failure.reason == Reason::Refused)
                .then(|| Refusal { rule: "allowed_targets".into(), detail: failure.detail.clone() }),
            detail: failure.detail,
        });
        (without_cluster(&page), failure)
    }
}

/// The nodes that a request means: the one that its host is, else all of them.
fn nodes(found: &Found) -> Vec<String> {
    let members = found.cluster.members();
    if let Some(node) = found.host.as_deref().and_then(|host| members.node(host)) {
        return vec![node.to_owned()];
    }
    found.cluster.map().online().map(|node| node.name.to_string()).collect()
}

/// What the peer tells of a cluster and of its nodes, asked now: nothing is kept of a host that only requests name.
const NOW: &[&str] = &["version", "backup_jobs", "qdevice", "subscription", "replication", "guest_config"];

async fn now(cluster: &Cluster, whole: bool, nodes: &[String], deadline: Instant, page: &mut Page) {
    let planned = cluster.settings().plan.iter().map(|planned| planned.collector);
    let wanted = planned.filter(|collector| collector.tier != Tier::Fast && NOW.contains(&collector.name));
    let mut visits: Vec<BoxFuture<'_, (&'static Collector, &str, Collected)>> = Vec::new();
    let visit = |collector: &'static Collector, node| async move {
        (collector, node, cluster.visit(collector, node, deadline).await)
    };
    for collector in wanted {
        if collector.scope == Scope::Node {
            for node in nodes {
                visits.push(Box::pin(visit(collector, node.as_str())));
            }
        } else if whole {
            visits.push(Box::pin(visit(collector, "")));
        }
    }
    let mut running = stream::iter(visits).buffer_unordered(8);
    while let Some((collector, node, collected)) = running.next().await {
        page.absorb(&collected.page);
        cluster.report(page, collector.name, node, &collected);
    }
}

/// The page without the label `cluster`, which stands first in every family: on this page there is one cluster, and the
/// peer's dashboards know no such label.
fn without_cluster(page: &Page) -> Page {
    let mut bare = Page::with_capacity(page.len(), 32);
    for sample in page.samples() {
        let desc = match sample.desc.labels.split_first() {
            Some((&"cluster", rest)) => Desc { labels: rest, ..*sample.desc },
            _ => *sample.desc,
        };
        let skip = usize::from(desc.labels.len() != sample.desc.labels.len());
        let labels: Vec<&str> = sample.labels().skip(skip).map(|(_, value)| value).collect();
        if let kit::page::Value::Number(number) = sample.value {
            bare.family(&desc).push(&labels, *number);
        }
    }
    bare
}

fn refused(detail: String) -> Failure {
    let refusal = Refusal { rule: "configured_targets".into(), detail: detail.clone() };
    Failure { phase: "parse", reason: "target_refused", detail, refused: Some(refusal) }
}

impl Prober for Door {
    fn modules(&self) -> Vec<String> {
        let own = (!self.modules.contains_key(DEFAULT)).then(|| DEFAULT.to_owned());
        own.into_iter().chain(self.modules.keys().cloned()).collect()
    }

    fn default_module(&self) -> &str {
        DEFAULT
    }

    fn timeout(&self, module: &str) -> Option<Option<Duration>> {
        // The module's own timeout is a call's, not the page's.
        (module == DEFAULT || self.modules.contains_key(module)).then_some(None)
    }

    fn module_yaml(&self, module: &str) -> String {
        match self.modules.get(module) {
            Some(module) => {
                format!("# {} with a secret that is not shown\nport: {}\n", who(module), module.port)
            }
            None => "# the clusters of the configuration: see /config\n".to_owned(),
        }
    }

    fn path(&self) -> &str {
        "/pve"
    }

    fn target_hint(&self) -> &str {
        if self.modules.is_empty() {
            "a cluster's name, or a node of it"
        } else {
            "a cluster's name, a node of it, or host:port"
        }
    }

    fn default_target(&self) -> Option<&str> {
        match self.clusters.as_slice() {
            [] if !self.modules.is_empty() => Some("localhost"),
            [only] => Some(&only.settings().name),
            _ => None,
        }
    }

    fn probe<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Verdict> {
        self.probe_with(ask, "")
    }

    fn probe_with<'a>(&'a self, ask: Ask<'a>, query: &'a str) -> BoxFuture<'a, Verdict> {
        Box::pin(async move {
            let found = match self.find(ask.module, ask.target) {
                Ok(found) => found,
                Err(failure) => return Verdict { failure: Some(failure), page: Page::new() },
            };
            ask.trace.step("asking the cluster", found.cluster.settings().name.clone());
            let left = ask.deadline.saturating_duration_since(Instant::now());
            let deadline = ask.deadline.checked_sub(margin(left)).unwrap_or(ask.deadline);
            let (page, failure) = self.page(&found, query, deadline).await;
            let samples = i64::try_from(page.len()).unwrap_or(i64::MAX);
            ask.trace.step("samples", samples);
            Verdict { failure, page }
        })
    }
}

fn who(module: &Module) -> &str {
    use crate::api::access::Identity;
    match &module.identity {
        Identity::Token(name, _) | Identity::Password(name, _) => name,
    }
}
