//! A module: a TLS client and how it gets to its target. Built once, when the configuration is loaded.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kit::allow::AllowList;
use kit::config::{Document, Problem, Spanned, did_you_mean, span_of_time};
use kit::{Ask, BoxFuture, Notice, Trace, Verdict};
use wire::starttls::Protocol;
use wire::tls::{Alpn, Client, Identity, Roots, Settings, TlsConfigError};
use wire::{Egress, Proxy, Resolver};

use crate::ari::Ari;
use crate::config::module::{Addresses, TlsSection};
use crate::config::{File, ModuleSection};
use crate::endpoint::{Endpoint, Look, accepted, internal, invalid, look};
use crate::metrics::{self, certificate::Renewal};
use crate::renewal::Policy;
use crate::targets::Schedule;

/// The module that is always there, and that a request or target has that names none.
pub const DEFAULT_MODULE: &str = "tls";
/// No file that a module names is larger, in bytes: certificates, keys.
const LARGEST: u64 = 16 << 20;
/// No look is given more time than this.
const LONGEST: Duration = Duration::from_secs(3600);

/// A validated module.
#[derive(Debug)]
pub struct Module {
    /// Its name.
    pub name: String,
    /// Its own limit of a look's time.
    pub timeout: Option<Duration>,
    /// What is spoken before TLS.
    pub starttls: Option<Protocol>,
    /// Which addresses of a name are looked at.
    pub addresses: Addresses,
    /// Whether accepted versions are asked for; see [`ModuleSection::accepted_versions`].
    pub accepted_versions: Option<bool>,
    /// Through which proxy.
    pub proxy: Option<Proxy>,
    /// From where.
    pub egress: Egress,
    /// What is offered by ALPN.
    pub alpn: Alpn,
    /// The name to ask for in place of the target's.
    pub server_name: Option<String>,
    /// Makes the handshakes.
    pub client: Client,
    /// As it was written, for the debug page.
    pub section: ModuleSection,
}

impl Module {
    /// The port of a target that names none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.starttls.map_or(443, Protocol::port)
    }
}

/// The modules by name.
pub type ModuleMap = BTreeMap<String, Arc<Module>>;

/// What all looks share.
#[derive(Debug)]
pub struct Tools {
    /// Names to addresses.
    pub resolver: Arc<Resolver>,
    /// What may be looked at.
    pub allow: AllowList,
}

/// What is asked on `/probe`.
#[derive(Debug)]
pub struct Modules {
    /// By name.
    pub map: ModuleMap,
    /// What their looks share.
    pub tools: Tools,
    /// What is looked at all the time, which a URL may name whatever it is.
    pub schedule: Schedule,
    /// When the certificates are due.
    pub renewal: Policy,
    /// What authorities say of that.
    pub ari: Option<Arc<Ari>>,
}

impl kit::Prober for Modules {
    fn modules(&self) -> Vec<String> {
        self.map.keys().cloned().collect()
    }

    fn default_module(&self) -> &str {
        DEFAULT_MODULE
    }

    fn timeout(&self, module: &str) -> Option<Option<Duration>> {
        self.map.get(module).map(|module| module.timeout)
    }

    fn module_yaml(&self, module: &str) -> String {
        match self.map.get(module).map(|module| serde_saphyr::to_string(&module.section)) {
            Some(Ok(text)) => text,
            Some(Err(error)) => format!("# cannot be shown: {error}\n"),
            None => String::new(),
        }
    }

    fn probe<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Verdict> {
        Box::pin(async move {
            let Some(module) = self.map.get(ask.module) else {
                let detail = format!("unknown module {:?}", ask.module);
                return Verdict { failure: Some(internal(detail)), page: kit::Page::new() };
            };
            let sweep = module.accepted_versions == Some(true);
            let tools = self.schedule.tools_for(&ask).unwrap_or(&self.tools);
            let look = probe(module, tools, ask.target, ask.hostname, (ask.deadline, sweep), ask.trace).await;
            let renewal = Renewal { ari: self.ari.as_deref(), policy: self.renewal };
            let page = metrics::page(ask.target, ask.module, &look, &renewal);
            Verdict { failure: look.failure().cloned(), page }
        })
    }
}

/// Looks at a target as it is written, until a deadline, and with `sweep` asks which versions it accepts.
pub async fn probe(
    module: &Module,
    tools: &Tools,
    target: &str,
    hostname: Option<&str>,
    (deadline, sweep): (Instant, bool),
    trace: &Trace,
) -> Look {
    let endpoint = match Endpoint::parse(target, module.port()) {
        Ok(endpoint) => endpoint,
        Err(detail) => return Look::failed(invalid(detail)),
    };
    let mut look = look(module, tools, &endpoint, hostname, deadline, trace).await;
    if sweep {
        let all = accepted(module, tools, &endpoint, hostname, &look, deadline, trace).await;
        look.accepted = Some(all);
    }
    look
}

/// Builds every module of a file, as [`build`]; their clients keep the paths to trusted certificates, which the peer shows.
pub(crate) fn build_keeping_paths(
    file: &File,
    document: &Document,
    problems: &mut Vec<Problem>,
    notices: &mut Vec<Notice>,
) -> ModuleMap {
    build_with(file, document, true, problems, notices)
}

/// Builds every module of a file. A module with a problem is left out, and its problems are told.
pub fn build(
    file: &File,
    document: &Document,
    problems: &mut Vec<Problem>,
    notices: &mut Vec<Notice>,
) -> ModuleMap {
    build_with(file, document, false, problems, notices)
}

fn build_with(
    file: &File,
    document: &Document,
    keep_paths: bool,
    problems: &mut Vec<Problem>,
    notices: &mut Vec<Notice>,
) -> ModuleMap {
    let roots = if keep_paths { Roots::system().kept() } else { Roots::system() };
    let roots = Arc::new(roots);
    let usual = ModuleSection::default();
    let given = file.modules.iter().map(|(name, section)| (name.as_str(), section));
    let default = (!file.modules.contains_key(DEFAULT_MODULE)).then_some((DEFAULT_MODULE, &usual));
    let mut map = ModuleMap::new();
    for (name, section) in given.chain(default) {
        let mut bench = Bench { keep_paths, ..Bench::new(name, format!("modules.{name}"), document) };
        if let Some(module) = bench.module(section, &roots) {
            map.insert(name.to_owned(), Arc::new(module));
        }
        problems.append(&mut bench.problems);
        notices.append(&mut bench.notices);
    }
    map
}

/// A client of its own for what is no module; problems are told below `key`.
pub(crate) fn client(
    tls: Option<&TlsSection>,
    key: String,
    document: &Document,
    problems: &mut Vec<Problem>,
) -> Option<Client> {
    let mut bench = Bench::new("", key, document);
    let tls = tls.cloned().unwrap_or_default();
    let client = bench.client(&tls, &Arc::new(Roots::system()));
    problems.append(&mut bench.problems);
    client.map(|(client, _)| client)
}

/// Where one module is built.
struct Bench<'a> {
    name: &'a str,
    /// Where it stands in the file: `modules.NAME`.
    place: String,
    document: &'a Document,
    keep_paths: bool,
    problems: Vec<Problem>,
    notices: Vec<Notice>,
}

impl<'a> Bench<'a> {
    fn new(name: &'a str, place: String, document: &'a Document) -> Self {
        Self { name, place, document, keep_paths: false, problems: Vec::new(), notices: Vec::new() }
    }

    fn problem<T>(&mut self, at: &Spanned<T>, key: &str, cause: impl std::fmt::Display, way_out: &str) {
        let key = format!("{}.{key}", self.place);
        self.problems.push(self.document.problem(at, key, cause, way_out));
    }

    fn module(&mut self, section: &ModuleSection, roots: &Arc<Roots>) -> Option<Module> {
        let timeout = span_of_time(section.timeout.as_ref(), LONGEST, &mut |cause, way_out| {
            if let Some(at) = &section.timeout {
                self.problem(at, "timeout", cause, way_out);
            }
        });
        let starttls = section.starttls.as_ref().and_then(|word| match word.parse::<Protocol>() {
            Ok(protocol) => Some(protocol),
            Err(error) => {
                let all = Protocol::ALL.iter().map(|protocol| protocol.as_str());
                self.problem(word, "starttls", error, &did_you_mean(word, all));
                None
            }
        });
        let mut egress = Egress::default();
        if let Some(text) = &section.source_ip_address {
            egress.source = text.parse().ok();
            if egress.source.is_none() {
                let cause = format!("{:?} is not an IP address", text.as_str());
                self.problem(
                    text,
                    "source_ip_address",
                    cause,
                    "give an address of this machine, e.g. 192.0.2.7",
                );
            }
        }
        let proxy = section.proxy_url.as_ref().and_then(|url| {
            let read = Proxy::read(url.expose());
            read.map_err(|cause| {
                self.problem(url, "proxy_url", cause, "give http://host:port or socks5://host:port")
            })
            .ok()
        });
        for (index, protocol) in section.alpn.iter().enumerate() {
            // RFC 7301 §3.1: one length byte, and never empty.
            if protocol.is_empty() || protocol.len() > 255 {
                let key = format!("alpn[{index}]");
                self.problem(
                    protocol,
                    &key,
                    "a protocol's name has 1 to 255 bytes",
                    "give e.g. h2 or http/1.1",
                );
            }
        }
        let alpn = if section.alpn.is_empty() {
            Alpn::None
        } else {
            Alpn::Other(section.alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect())
        };
        let tls = section.tls_config.clone().unwrap_or_default();
        let (client, server_name) = self.client(&tls, roots)?;
        self.problems.is_empty().then(|| Module {
            name: self.name.to_owned(),
            timeout,
            starttls,
            addresses: section.addresses.unwrap_or_default(),
            accepted_versions: section.accepted_versions,
            proxy,
            egress,
            alpn,
            server_name,
            client,
            section: section.clone(),
        })
    }

    /// A client, and the name that it asks for in place of a target's.
    fn client(&mut self, tls: &TlsSection, roots: &Arc<Roots>) -> Option<(Client, Option<String>)> {
        let settings = self.settings(tls, roots)?;
        match Client::new(&settings) {
            Ok(client) => Some((client, settings.server_name)),
            Err(error) => {
                self.told(tls, &error);
                None
            }
        }
    }

    fn settings(&mut self, tls: &TlsSection, roots: &Arc<Roots>) -> Option<Settings> {
        let ca = self.read(tls.ca_file.as_ref(), "ca_file");
        let certificates = self.read(tls.cert_file.as_ref(), "cert_file");
        let key = self.read(tls.key_file.as_ref(), "key_file");
        let half = match (&tls.cert_file, &tls.key_file) {
            (Some(at), None) => Some((at, "cert_file")),
            (None, Some(at)) => Some((at, "key_file")),
            _ => None,
        };
        if let Some((at, key)) = half {
            let way_out = "give both cert_file and key_file, or neither";
            self.problem(at, &format!("tls_config.{key}"), "one half of a client certificate", way_out);
        }
        let identity = certificates.zip(key).map(|(certificates, key)| Identity { certificates, key });
        self.problems.is_empty().then(|| Settings {
            insecure_skip_verify: tls.insecure_skip_verify.unwrap_or(false),
            ca,
            roots: Arc::clone(roots),
            identity,
            keep_paths: self.keep_paths,
            heed_staple: true,
            server_name: tls.server_name.as_ref().map(|name| name.value.clone()),
            min_version: tls.min_version.as_ref().map(|version| version.spoken()),
            max_version: tls.max_version.as_ref().map(|version| version.spoken()),
        })
    }

    fn read(&mut self, path: Option<&Spanned<PathBuf>>, key: &str) -> Option<Vec<u8>> {
        let path = path?;
        let place = self.document.path(path);
        match kit::config::read(&place, LARGEST) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                let cause = format!("read {}: {error}", place.display());
                self.problem(path, &format!("tls_config.{key}"), cause, "give a file that can be read");
                None
            }
        }
    }

    /// Notes an error at the key that it is about.
    fn told(&mut self, tls: &TlsSection, error: &TlsConfigError) {
        let pem = "give PEM as openssl writes it";
        match error {
            TlsConfigError::Ca(_) => self.at(tls.ca_file.as_ref(), "ca_file", error, pem),
            TlsConfigError::Certificate(_) => self.at(tls.cert_file.as_ref(), "cert_file", error, pem),
            TlsConfigError::Key(_) => self.at(tls.key_file.as_ref(), "key_file", error, pem),
            TlsConfigError::Versions { .. } => {
                self.at(tls.min_version.as_ref(), "min_version", error, "take TLS12 or TLS13");
            }
            TlsConfigError::ServerName(_) => {
                let way_out = "give the name alone, e.g. www.example.org";
                self.at(tls.server_name.as_ref(), "server_name", error, way_out);
            }
        }
    }

    fn at<T>(&mut self, at: Option<&Spanned<T>>, key: &str, cause: &TlsConfigError, way_out: &str) {
        let key = format!("tls_config.{key}");
        match at {
            Some(at) => self.problem(at, &key, cause, way_out),
            None => {
                let key = format!("{}.{key}", self.place);
                self.problems.push(self.document.problem_at(key, cause, way_out));
            }
        }
    }
}
