//! What an exporter needs to know beside its configuration.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::config::{ConfigError, Document};
use crate::exporter::About;
use crate::flags::Common;
use crate::sandbox::Sandbox;
use crate::serve::Limits;

/// Where a configuration comes from.
#[derive(Clone, Debug, Default)]
pub enum Source {
    /// The exporter's usual file in the working directory, else in `/etc/farol`, else what is built in. Looked for anew
    /// at each reload.
    #[default]
    Usual,
    /// This file.
    File(PathBuf),
    /// This text; a reload reads the same again.
    Document(Document),
    /// What this cell holds at each load: whoever runs the exporter puts a new document in before a reload.
    Live(Arc<Mutex<Document>>),
}

impl Source {
    /// The document, read now.
    pub(crate) fn read(&self, about: &About) -> Result<Document, ConfigError> {
        match self.file(about) {
            Some(file) => Document::read(&file),
            None => Ok(match self {
                Source::Document(document) => document.clone(),
                Source::Live(document) => document.lock().unwrap_or_else(PoisonError::into_inner).clone(),
                _ => Document::embedded("built-in", about.builtin_config),
            }),
        }
    }

    /// The file, if it is one.
    fn file(&self, about: &About) -> Option<PathBuf> {
        match self {
            Source::File(path) => Some(path.clone()),
            Source::Document(_) | Source::Live(_) => None,
            Source::Usual => self.candidates(about).into_iter().find(|path| path.is_file()),
        }
    }

    /// The files that it may be read from, the best first.
    pub(crate) fn candidates(&self, about: &About) -> Vec<PathBuf> {
        match self {
            Source::File(path) => vec![path.clone()],
            Source::Document(_) | Source::Live(_) => Vec::new(),
            Source::Usual => {
                ["", "/etc/farol"].map(|folder| Path::new(folder).join(about.config_file)).into()
            }
        }
    }
}

/// What else a reload that is asked for over HTTP does; [`super::Running::reload`] does it not. Whoever writes the document of
/// [`Source::Live`] writes it anew, whoever has other exporters beside reloads them.
#[derive(Clone)]
pub struct OnReload(Arc<dyn Fn() -> Result<(), ConfigError> + Send + Sync>);

impl OnReload {
    /// Does this; what is wrong is answered to who asked.
    pub fn new(what: impl Fn() -> Result<(), ConfigError> + Send + Sync + 'static) -> Self {
        Self(Arc::new(what))
    }

    pub(crate) fn run(&self) -> Result<(), ConfigError> {
        (self.0)()
    }
}

impl fmt::Debug for OnReload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnReload")
    }
}

/// What an exporter needs to know beside its configuration. `Settings::default()` is what the flags' defaults say.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the configuration comes from.
    pub source: Source,
    /// How often to look whether the configuration file has changed; zero: never.
    pub auto_reload: Duration,
    /// What else is done when somebody asks for a reload over HTTP, and this exporter's own went well.
    pub on_reload: Option<OnReload>,
    /// Where to listen, as `--web.listen-address`; empty: the exporter's own port, on all addresses.
    pub listen: Vec<String>,
    /// Listen on the sockets that systemd hands over.
    pub systemd_socket: bool,
    /// The web configuration's file.
    pub web_config: Option<PathBuf>,
    /// Requests at a time, probes and health checks aside; 0: no limit.
    pub max_requests: usize,
    /// Connections at a time; 0: no limit.
    pub max_connections: usize,
    /// Path in front of every endpoint, without a slash at its end; empty: none.
    pub route_prefix: String,
    /// Taken off the scraper's timeout.
    pub timeout_offset: Duration,
    /// Probes remembered.
    pub history: usize,
    /// How long to wait for requests in flight at the end.
    pub drain: Duration,
    /// How long a connection may stay in each state.
    pub limits: Limits,
    /// What the process has given up, to be shown on `/metrics`.
    pub sandbox: Sandbox,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            source: Source::Usual,
            auto_reload: Duration::ZERO,
            on_reload: None,
            listen: Vec::new(),
            systemd_socket: false,
            web_config: None,
            max_requests: 40,
            max_connections: 512,
            route_prefix: String::new(),
            timeout_offset: Duration::from_millis(500),
            history: 100,
            // Container runtimes kill after 10 s.
            drain: Duration::from_secs(9),
            limits: Limits::default(),
            sandbox: Sandbox::default(),
        }
    }
}

impl Settings {
    /// From the command line.
    ///
    /// # Errors
    /// When `--web.external-url` is not a URL.
    pub fn new(flags: &Common) -> Result<Self, String> {
        let path = match (&flags.route_prefix, &flags.external_url) {
            (Some(prefix), _) => prefix.clone(),
            (None, Some(external)) => url::Url::parse(external)
                .map_err(|error| format!("--web.external-url {external:?}: {error}"))?
                .path()
                .to_owned(),
            (None, None) => String::new(),
        };
        let path = path.trim_matches('/');
        Ok(Self {
            source: flags.config_file.clone().map_or(Source::Usual, Source::File),
            auto_reload: flags.auto_reload_interval,
            listen: flags.listen_addresses.clone(),
            systemd_socket: flags.systemd_socket,
            web_config: flags.web_config_file.clone(),
            max_requests: flags.max_requests,
            max_connections: flags.max_connections,
            route_prefix: if path.is_empty() { String::new() } else { format!("/{path}") },
            timeout_offset: flags.timeout_offset,
            history: flags.history_limit,
            ..Self::default()
        })
    }
}
