//! The exporter: the validated configuration, and the shapes that work by it.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use kit::allow::AllowList;
use kit::config::{ConfigError, Document, Problem};
use kit::{About, Collector, Desc, Discovered, Exporter, Notice, Prober, Sampler, Store, Watched};
use wire::Resolver;

use crate::ari::{self, Ari, Asker};
use crate::config::target::targets;
use crate::config::{File, server_address};
use crate::files::{self, Files};
use crate::metrics;
use crate::module::{self, Modules, Tools};
use crate::npm::{self, Npm};
use crate::renewal::Policy;
use crate::revoked::{self, Revoked};
use crate::stored::{self, Compare};
use crate::targets::{self, Schedule};

/// The TLS exporter.
#[derive(Debug)]
pub struct TlsExporter {
    modules: Arc<Modules>,
    schedule: Schedule,
    files: Files,
    asker: Option<Arc<Asker>>,
    npm: Npm,
    /// `None` if there is nothing to compare.
    compare: Option<Arc<Compare>>,
    /// As that.
    revoked: Option<Arc<Revoked>>,
    /// The same through reloads: it knows which documents it could not read, and holds a lock.
    store: Option<Store>,
    notices: Vec<Notice>,
}

impl TlsExporter {
    /// The modules, for looks that nobody asked for over HTTP.
    #[must_use]
    pub fn modules(&self) -> &Arc<Modules> {
        &self.modules
    }

    /// The configured targets.
    #[must_use]
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// The configured files.
    #[must_use]
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// The configured Nginx Proxy Managers.
    #[must_use]
    pub fn npm(&self) -> &Npm {
        &self.npm
    }
}

impl TlsExporter {
    /// [`Exporter::build`], with where what is known outlives the process.
    pub(crate) fn build_with(
        raw: File,
        document: &Document,
        store: Option<Store>,
        previous: Option<&Self>,
    ) -> Result<Self, ConfigError> {
        let (mut problems, mut notices) = (Vec::new(), Vec::new());
        let renewal = raw.renewal.as_ref();
        let renewal =
            renewal.map_or(Policy::Usual, |renewal| renewal.policy(document, "renewal", &mut problems));
        let map = module::build(&raw, document, &mut problems, &mut notices);
        let targets = targets(&raw, &map, renewal, document, &mut problems);
        let mut sources = files::sources(&raw.files, renewal, document, &mut problems);
        let entries = npm::entries(&raw, &map, renewal, document, &mut problems);
        let resolver = resolver(&raw, document, &mut problems);
        let allow = AllowList::new(raw.allowed_targets.as_ref());
        if allow.is_open() {
            notices.push(open_door());
        }
        let ari = raw.ari.as_ref().and_then(|section| {
            let before = previous.and_then(|previous| previous.modules.ari.as_deref());
            Ari::new(section, &resolver, document, before, &mut problems)
        });
        ConfigError::check(problems)?;
        let ari = ari.map(Arc::new);
        let tools = |allow| Tools { resolver: Arc::clone(&resolver), allow };
        // What the configuration names itself needs nobody's leave; the list is about what a URL may name.
        let own = Arc::new(tools(AllowList::default()));
        files::add_named(&mut sources, &targets, renewal);
        let names: Vec<String> = entries.iter().map(|entry| entry.name.clone()).collect();
        let before = previous.map(|previous| &previous.schedule);
        let schedule = Schedule::new(targets, names.clone(), own, ari.clone(), before);
        let (asked, own) = (tools(allow), schedule.clone());
        let modules = Arc::new(Modules { map, tools: asked, schedule: own, renewal, ari: ari.clone() });
        let asker = ari.map(|ari| Arc::new(Asker::new(ari, schedule.clone())));
        if store.is_none() && (!entries.is_empty() || sources.iter().any(|source| !source.only_certificates))
        {
            notices.push(forgetful());
        }
        let before = previous.map(|previous| &previous.files);
        let files = Files::new(sources, names, store.clone(), before);
        let hands =
            npm::Hands { resolver, schedule: schedule.clone(), files: files.clone(), store: store.clone() };
        let npm = Npm::new(entries, &hands, previous.map(|previous| &previous.npm));
        let compared = !schedule.samplers().is_empty() && !files.samplers().is_empty();
        let before = previous.and_then(|previous| previous.compare.as_deref());
        let compare = compared.then(|| Arc::new(Compare::new(schedule.clone(), files.clone(), before)));
        let revoked = compared.then(|| Arc::new(Revoked::new(schedule.clone(), files.clone())));
        Ok(Self { modules, schedule, files, asker, npm, compare, revoked, store, notices })
    }
}

#[cfg(test)]
impl TlsExporter {
    pub(crate) fn compare(&self) -> Option<&Compare> {
        self.compare.as_deref()
    }

    pub(crate) fn revoked(&self) -> Option<&Revoked> {
        self.revoked.as_deref()
    }
}

impl Exporter for TlsExporter {
    const ABOUT: About = About {
        name: "tls-exporter",
        summary: "TLS certificates on the wire and on disk: what will expire, what should have been renewed, and why a handshake fails.",
        version: env!("CARGO_PKG_VERSION"),
        port: 9219,
        config_file: "tls.yml",
        builtin_config: include_str!("builtin.yml"),
    };

    type Raw = File;

    fn catalogue() -> Vec<&'static Desc> {
        let own = [targets::DESCS, files::DESCS, stored::DESCS, revoked::DESCS, npm::DESCS, ari::DESCS];
        metrics::descs().chain(own.into_iter().flatten().copied()).collect()
    }

    fn writes() -> Vec<PathBuf> {
        Store::of_process().map(|store| store.folder().to_owned()).into_iter().collect()
    }

    fn build(raw: File, document: &Document, previous: Option<&Self>) -> Result<Self, ConfigError> {
        let store = previous.map_or_else(Store::of_process, |previous| previous.store.clone());
        Self::build_with(raw, document, store, previous)
    }

    fn collectors(&self) -> Vec<Arc<dyn Collector>> {
        let compare = self.compare.iter().map(|compare| Arc::clone(compare) as Arc<dyn Collector>);
        compare.chain(self.revoked.iter().map(|revoked| Arc::clone(revoked) as Arc<dyn Collector>)).collect()
    }

    fn samplers(&self) -> Vec<Arc<dyn Sampler>> {
        let asker = self.asker.iter().map(|asker| Arc::clone(asker) as Arc<dyn Sampler>);
        let own = [self.npm.samplers(), self.schedule.samplers(), self.files.samplers()];
        own.into_iter().flatten().chain(asker).collect()
    }

    fn prober(&self) -> Option<Arc<dyn Prober>> {
        Some(Arc::clone(&self.modules) as Arc<dyn Prober>)
    }

    fn watched(&self) -> Vec<Watched> {
        let mut targets = self.schedule.watched();
        let stale = self.compare.as_ref().map(|compare| compare.stale(SystemTime::now())).unwrap_or_default();
        for target in &mut targets {
            if let Some(path) = stale.get(&(target.name.clone(), target.kind.clone())) {
                target.ok = Some(false);
                let _ =
                    write!(target.detail, "; not the certificate of {}: reload the server", path.display());
            }
        }
        let own = [targets, self.files.watched(), self.npm.watched()];
        own.into_iter().flatten().collect()
    }

    fn discovered(&self) -> Vec<Discovered> {
        self.npm.discovered()
    }

    fn notices(&self) -> Vec<Notice> {
        self.notices.clone()
    }
}

/// What is told of a configuration without `allowed_targets`.
pub(crate) fn open_door() -> Notice {
    Notice {
        name: "open_targets",
        text: "the configuration has no allowed_targets: whoever reaches /probe can have any target looked at from here, \
               save link-local addresses; name what may be looked at in allowed_targets (networks, host patterns, ports)"
            .to_owned(),
    }
}

/// What is told of a configuration of which nothing outlives the process.
fn forgetful() -> Notice {
    Notice {
        name: "no_state_directory",
        text: "what is known of files and of Nginx Proxy Manager is lost at a restart, and with it the alerts on what then cannot \
               be read: set STATE_DIRECTORY to a folder that this process may write to (systemd: StateDirectory=)"
            .to_owned(),
    }
}

fn resolver(raw: &File, document: &Document, problems: &mut Vec<Problem>) -> Arc<Resolver> {
    let mut servers = Vec::with_capacity(raw.dns_servers.len());
    for (index, text) in raw.dns_servers.iter().enumerate() {
        match server_address(text) {
            Some(server) => servers.push(server),
            None => {
                let cause = format!("{:?} is not an address with or without a port", text.as_str());
                let way_out = "give e.g. 192.0.2.53 or [2001:db8::53]:53";
                problems.push(document.problem(text, format!("dns_servers[{index}]"), cause, way_out));
            }
        }
    }
    if servers.is_empty() {
        return Arc::new(Resolver::hickory());
    }
    match Resolver::servers(&servers) {
        Ok(resolver) => Arc::new(resolver),
        Err(error) => {
            problems.push(document.problem_at("dns_servers", error, "name servers that can be asked"));
            Arc::new(Resolver::hickory())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::build;

    #[test]
    fn the_built_in_configuration_and_the_example_are_good() {
        for (name, text) in [
            ("built in", TlsExporter::ABOUT.builtin_config),
            ("config/tls.yml", include_str!("../../../config/tls.yml")),
            ("nothing", "{}"),
        ] {
            let exporter = build(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(exporter.modules().map.contains_key(module::DEFAULT_MODULE), "{name}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_where_it_is() {
        for (yaml, want) in [
            ("targets: [{}]", "target"),
            ("targets: [{target: ''}]", "targets[0].target"),
            ("targets: [{target: 'http://a.test'}]", "not a scheme"),
            ("targets: [{target: a, module: tsl}]", "did you mean \"tls\"?"),
            ("targets: [{target: a}, {target: b, name: a}]", "name of targets[0], too"),
            ("targets: [{target: a, interval: 5s, timeout: 6s}]", "more than the interval"),
            ("targets: [{target: a, interval: 0s}]", "no time at all"),
            ("targets: [{target: a, hostname: 'a b'}]", "not a host name"),
            ("targets: [{target: a, labels: {endpoint: x}}]", "labels.endpoint"),
            ("targets: [{target: a, labels: {source: dns}}]", "labels.source"),
            ("targets: [{target: a, renewal: {fraction: 0}}]", "targets[0].renewal.fraction"),
            ("renewal: {before: 1s}", "renewal.before"),
            ("modules: {m: {timeout: 2h}}", "modules.m.timeout"),
            ("modules: {m: {starttls: smpt}}", "did you mean \"smtp\"?"),
            ("modules: {m: {alpn: ['']}}", "modules.m.alpn[0]"),
            ("modules: {m: {source_ip_address: here}}", "source_ip_address"),
            ("modules: {m: {tls_config: {ca_file: /nowhere.pem}}}", "read /nowhere.pem"),
            ("modules: {m: {tls_config: {cert_file: Cargo.toml}}}", "one half of a client certificate"),
            ("modules: {m: {tls_config: {ca_file: Cargo.toml}}}", "no certificate in it"),
            ("modules: {m: {tls_config: {ca_file: /dev/null}}}", "not a regular file"),
            ("targets: [{target: a, interval: 1ms}]", "too short"),
            ("modules: {m: {tls_config: {min_version: TLS13, max_version: TLS12}}}", "min_version is above"),
            ("modules: {m: {tls_config: {min_version: TLS10}}}", "min_version"),
            ("modules: {m: {tls_config: {server_name: 'a b'}}}", "server name"),
            ("dns_servers: [here]", "dns_servers[0]"),
            ("ari: {directories: []}", "ari.directories"),
            ("ari: {directories: [{organization: a, url: 'http://a.test/'}]}", "ari.directories[0].url"),
            (
                "ari: {directories: [{organization: a, url: 'https://a/'}, {organization: a, url: 'https://b/'}]}",
                "stands twice",
            ),
            (
                "ari: {ca_file: /nowhere.pem, directories: [{organization: a, url: 'https://a/'}]}",
                "ari.ca_file",
            ),
            (
                "ari: {proxy_url: 'x://a', directories: [{organization: a, url: 'https://a/'}]}",
                "ari.proxy_url",
            ),
            ("modules: {m: {proxy_url: 'https://a:1'}}", "modules.m.proxy_url"),
            ("npm: [{name: a}]", "neither url nor database"),
            ("npm: [{name: a b, database: /x}]", "npm[0].name"),
            ("npm: [{name: a, database: /x}, {name: a, database: /y}]", "name of npm[0], too"),
            ("files: [{name: a, paths: [/x]}]\nnpm: [{name: a, database: /x}]", "name of files[0], too"),
            ("npm: [{name: a, url: 'http://a.test', database: /x}]", "npm[0].database"),
            ("npm: [{name: a, url: 'http://a.test', secret: x}]", "npm[0].identity"),
            ("npm: [{name: a, url: 'http://a.test', identity: x}]", "npm[0].secret"),
            ("npm: [{name: a, url: 'ftp://a.test', identity: x, secret: s}]", "http or https"),
            (
                "npm: [{name: a, url: 'http://u:p@a.test', identity: x, secret: s}]",
                "a user or password in it",
            ),
            ("npm: [{name: a, database: /x, identity: x}]", "npm[0].identity"),
            ("npm: [{name: a, database: /x, module: tsl}]", "did you mean"),
            ("npm: [{name: a, database: /x, address: 'ftp://x'}]", "npm[0].address"),
            ("npm: [{name: a, database: /x, interval: 1s, timeout: 2s}]", "npm[0].timeout"),
            (
                "npm: [{name: a, url: 'https://a.test', identity: x, secret: s, tls_config: {ca_file: /nowhere.pem}}]",
                "npm[0].tls_config.ca_file",
            ),
            ("target: []", "target"),
        ] {
            let error = build(yaml).err().unwrap_or_else(|| panic!("{yaml} was taken"));
            assert!(error.contains(want) && error.contains("test.yml:"), "{yaml}: {error}");
            assert!(!error.contains("u:p@"), "a password is shown: {error}");
        }
    }

    #[test]
    fn no_two_families_have_one_name() {
        let mut names: Vec<&str> = TlsExporter::catalogue().iter().map(|desc| desc.family()).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
