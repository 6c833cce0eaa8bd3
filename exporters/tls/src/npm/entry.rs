//! A validated entry of `npm:`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kit::config::{Document, Problem, SecretSource, Spanned, did_you_mean};
use kit::schedule::{Bounds, timing};
use wire::http::fetch::Base;

use crate::config::target::{DEFAULT_INTERVAL, DEFAULT_TIMEOUT, LONGEST};
use crate::config::{File, NpmSection};
use crate::endpoint::Endpoint;
use crate::module::{self, DEFAULT_MODULE, Module, ModuleMap};
use crate::renewal::Policy;

/// What calls itself.
const AGENT: &str = concat!("farol-tls-exporter/", env!("CARGO_PKG_VERSION"));

/// A Nginx Proxy Manager, ready to be read.
#[derive(Debug)]
pub struct Entry {
    /// What it is called; no two have the same, and no source of files has.
    pub name: String,
    /// How it is read.
    pub access: Access,
    /// Where certbot's `live` is.
    pub letsencrypt: PathBuf,
    /// Where uploaded certificates are.
    pub custom_ssl: PathBuf,
    /// Where the proxy answers.
    pub address: Endpoint,
    /// What its hosts are looked at with.
    pub module: Arc<Module>,
    /// From one reading to the next, and from one look at a host to the next.
    pub interval: Duration,
    /// How long a reading may take; not above `interval`.
    pub timeout: Duration,
    /// When the certificates are due that it does not renew itself.
    pub renewal: Policy,
}

/// How it is read.
#[derive(Debug)]
pub enum Access {
    /// By its API.
    Api(Box<Api>),
    /// From its SQLite file.
    Database(PathBuf),
}

/// What the API needs.
#[derive(Debug)]
pub struct Api {
    /// Where it is.
    pub base: Base,
    /// Who logs in.
    pub identity: String,
    /// With what.
    pub secret: SecretSource,
    /// What the secret's path is relative to.
    pub folder: PathBuf,
}

impl Entry {
    /// What must stay the same for an entry to keep what is known of it through a reload.
    #[must_use]
    pub fn identity(&self) -> (&str, String) {
        let place = match &self.access {
            Access::Api(api) => format!("{} {}", api.base, api.identity),
            Access::Database(path) => path.display().to_string(),
        };
        (&self.name, place)
    }
}

/// Validates `npm:`. What is wrong is told with its position; the rest is returned.
pub fn entries(
    file: &File,
    modules: &ModuleMap,
    renewal: Policy,
    document: &Document,
    problems: &mut Vec<Problem>,
) -> Vec<Entry> {
    let mut names: HashMap<&str, String> = file
        .files
        .iter()
        .enumerate()
        .map(|(at, files)| (files.name.as_str(), format!("files[{at}]")))
        .collect();
    let mut entries = Vec::with_capacity(file.npm.len());
    for (index, section) in file.npm.iter().enumerate() {
        let mut bench = Bench { index, document, problems: Vec::new() };
        let name = &section.name;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if name.is_empty() || !name.bytes().all(plain) {
            let cause = format!("{:?} cannot be the end of a path (/sd/NAME)", name.as_str());
            bench.problem(name, "name", cause, "take letters, digits, _, - and . alone, e.g. home");
        }
        if let Some(first) = names.insert(name.as_str(), format!("npm[{index}]")) {
            let cause = format!("{:?} is the name of {first}, too", name.as_str());
            bench.problem(name, "name", cause, "give each its own name: it is the label source of its files");
        }
        if let Some(entry) = bench.entry(section, modules, &file.modules, renewal) {
            entries.push(entry);
        }
        problems.append(&mut bench.problems);
    }
    entries
}

/// Where one entry is built.
struct Bench<'a> {
    index: usize,
    document: &'a Document,
    problems: Vec<Problem>,
}

impl Bench<'_> {
    fn problem<T>(&mut self, at: &Spanned<T>, key: &str, cause: impl std::fmt::Display, way_out: &str) {
        let key = format!("npm[{}].{key}", self.index);
        self.problems.push(self.document.problem(at, key, cause, way_out));
    }

    fn entry(
        &mut self,
        section: &NpmSection,
        modules: &ModuleMap,
        written: &std::collections::BTreeMap<String, crate::config::ModuleSection>,
        renewal: Policy,
    ) -> Option<Entry> {
        let access = self.access(section);
        let wanted = section.module.as_ref().map_or(DEFAULT_MODULE, |module| module.as_str());
        let module = modules.get(wanted);
        if let (None, Some(at)) = (module, &section.module)
            && !written.contains_key(wanted)
        {
            let way_out = did_you_mean(wanted, modules.keys().map(String::as_str));
            self.problem(at, "module", format!("unknown module {wanted:?}"), &way_out);
        }
        let address = match &section.address {
            Some(at) => match Endpoint::parse(at, 443) {
                Ok(address) => Some(address),
                Err(cause) => {
                    self.problem(at, "address", cause, "give host or host:port, e.g. 192.0.2.80");
                    None
                }
            },
            None => {
                let host = match &access {
                    Some(Access::Api(api)) => api.base.host.clone(),
                    _ => "127.0.0.1".to_owned(),
                };
                Some(Endpoint { host, port: 443 })
            }
        };
        let bounds = Bounds { usual: DEFAULT_INTERVAL, longest: LONGEST };
        let (interval, own) = timing(
            section.interval.as_ref(),
            section.timeout.as_ref(),
            bounds,
            &mut |at, name, cause, way_out| self.problem(at, name, cause, way_out),
        );
        let folder = |given: &Option<Spanned<PathBuf>>, usual: &str| {
            given.as_ref().map_or_else(|| Path::new(usual).to_owned(), |path| self.document.path(path))
        };
        let (letsencrypt, custom_ssl) = (
            folder(&section.letsencrypt, "/etc/letsencrypt"),
            folder(&section.custom_ssl, "/data/custom_ssl"),
        );
        if !self.problems.is_empty() {
            return None;
        }
        Some(Entry {
            name: section.name.value.clone(),
            access: access?,
            letsencrypt,
            custom_ssl,
            address: address?,
            module: Arc::clone(module?),
            interval,
            timeout: own.unwrap_or(DEFAULT_TIMEOUT).min(interval),
            renewal,
        })
    }

    fn access(&mut self, section: &NpmSection) -> Option<Access> {
        match (&section.url, &section.database) {
            (Some(_), Some(at)) => {
                self.problem(at, "database", "url and database exclude one another", "keep one");
                None
            }
            (None, None) => {
                let way_out = "add url, e.g. http://127.0.0.1:81, with identity and secret; or database";
                self.problem(&section.name, "url", "neither url nor database", way_out);
                None
            }
            (None, Some(path)) => {
                if let Some(at) = &section.identity {
                    self.problem(at, "identity", "a database is read without logging in", "remove the key");
                } else if section.secret.is_some() {
                    let cause = "a database is read without logging in";
                    self.problem(&section.name, "secret", cause, "remove the key");
                }
                Some(Access::Database(self.document.path(path)))
            }
            (Some(url), None) => self.api(section, url).map(|api| Access::Api(Box::new(api))),
        }
    }

    fn api(&mut self, section: &NpmSection, url: &Spanned<String>) -> Option<Api> {
        if section.identity.is_none() {
            let way_out = "add identity, the e-mail address of a user with view rights alone";
            self.problem(&section.name, "identity", "the API answers nobody who is not logged in", way_out);
        }
        if section.secret.is_none() {
            let way_out = "add secret: {file: npm.secret}, or the password in quotes";
            self.problem(&section.name, "secret", "the API answers nobody who is not logged in", way_out);
        }
        let key = format!("npm[{}]", self.index);
        let tls = module::client(section.tls_config.as_ref(), key, self.document, &mut self.problems);
        let base = match Base::parse(url, tls?, AGENT) {
            Ok(base) => base,
            Err(cause) => {
                let (key, way_out) = (format!("npm[{}].url", self.index), "give e.g. http://127.0.0.1:81");
                let mut problem = self.document.problem(url, key, cause, way_out);
                // Whoever writes a password into a URL shall not find it in a log.
                problem.snippet = problem.snippet.filter(|_| !url.contains('@'));
                self.problems.push(problem);
                return None;
            }
        };
        Some(Api {
            base,
            identity: section.identity.as_ref()?.value.clone(),
            secret: section.secret.clone()?,
            folder: self.document.folder.clone(),
        })
    }
}
