//! An exporter that serves.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::engine::Engine;
use crate::config::{ConfigError, Document, Watcher};
use crate::exporter::{About, Exporter, Notice, Watched};
use crate::run::Settings;
use crate::serve::listener::Listener;
use crate::serve::{Server, Site};
use crate::web::Live;

/// Why an exporter could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration.
    #[error("{0}")]
    Config(ConfigError),
    /// The web configuration.
    #[error("{0}")]
    Web(ConfigError),
    /// An address to listen on; the text names it and the way out.
    #[error("{0}")]
    Listen(String),
    /// Signals could not be received.
    #[error("receive signals: {0}")]
    Signals(io::Error),
}

/// An exporter that serves until [`Running::stop`], or until this is dropped.
#[derive(Debug)]
pub struct Running {
    site: Arc<Site>,
    server: Server,
    addresses: Vec<String>,
    drain: Duration,
    reloader: Option<JoinHandle<()>>,
}

/// Starts an exporter in the runtime at hand: loads its configuration, starts its samplers, listens and serves. Several
/// may run side by side.
///
/// # Errors
/// See [`StartError`].
pub async fn start<E: Exporter>(settings: Settings) -> Result<Running, StartError> {
    start_with(settings, E::build).await
}

/// [`start`], for an exporter that needs more than its configuration: `build` takes the place of [`Exporter::build`] at
/// the start and at every reload, and has in its closure what it needs.
///
/// # Errors
/// See [`StartError`].
pub async fn start_with<E: Exporter>(
    settings: Settings,
    build: impl FnMut(E::Raw, &Document, Option<&E>) -> Result<E, ConfigError> + Send + 'static,
) -> Result<Running, StartError> {
    let web = Live::open(settings.web_config.clone()).map_err(StartError::Web)?;
    // Before the configuration: what watches something must not begin when nobody can ask for it.
    let listeners = listen(&settings, E::ABOUT.port).map_err(StartError::Listen)?;
    let addresses: Vec<String> = listeners.iter().map(Listener::address).collect();
    // Before the first reading, so that no change after it is lost.
    let watcher = Watcher::new(settings.source.candidates(&E::ABOUT), settings.auto_reload);
    let engine = Arc::new(Engine::start(settings.source.clone(), build).map_err(StartError::Config)?);
    let site = Arc::new(Site::new(engine, web, &settings));
    let server = Server::start(Arc::clone(&site), listeners);
    for address in &addresses {
        tracing::info!(exporter = E::ABOUT.name, version = E::ABOUT.version, address, "listening");
    }
    let reloader =
        (!settings.auto_reload.is_zero()).then(|| tokio::spawn(follow(Arc::clone(&site), watcher)));
    Ok(Running { site, server, addresses, drain: settings.drain, reloader })
}

fn listen(settings: &Settings, port: u16) -> Result<Vec<Listener>, String> {
    if settings.systemd_socket {
        return Listener::from_systemd();
    }
    if settings.listen.is_empty() {
        return Ok(vec![Listener::bind(&format!(":{port}"))?]);
    }
    settings.listen.iter().map(|address| Listener::bind(address)).collect()
}

/// Reloads when the configuration's file has changed; a file that appears where none was has changed, too.
async fn follow(site: Arc<Site>, mut watcher: Watcher) {
    loop {
        let changed = watcher.changed().await;
        tracing::info!(files = ?changed, "configuration file changed");
        // Logged and counted by the reload itself.
        let _ = site.reload();
    }
}

impl Running {
    /// The exporter's constants.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.site.engine.about
    }

    /// Where it listens, with the ports the system chose: `127.0.0.1:9115`, `[::]:9115`, `unix:/run/x.sock`.
    #[must_use]
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Reads the configuration (and the web configuration) anew. A bad one changes nothing.
    ///
    /// # Errors
    /// What is wrong with it; it has been logged already.
    pub fn reload(&self) -> Result<(), ConfigError> {
        self.site.reload()
    }

    /// What is watched, and its state now.
    #[must_use]
    pub fn watched(&self) -> Vec<Watched> {
        self.site.engine.force().face.watched()
    }

    /// What the operator should know.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        self.site.engine.force().notices.clone()
    }

    /// Whether the last reading of the configuration was good; else the one before it is in force.
    #[must_use]
    pub fn configuration_is_good(&self) -> bool {
        self.site.engine.last_good()
    }

    /// The configuration's name: its file, or `built-in`.
    #[must_use]
    pub fn source(&self) -> String {
        self.site.engine.force().source.clone()
    }

    /// The configuration in force as YAML, its secrets hidden.
    #[must_use]
    pub fn configuration(&self) -> String {
        self.site.engine.force().yaml.clone()
    }

    /// Accepts no more, answers the requests in flight, stops the samplers.
    pub async fn stop(self) {
        let Self { site, server, drain, reloader, .. } = self;
        if let Some(reloader) = reloader {
            reloader.abort();
        }
        server.stop(drain).await;
        site.engine.stop().await;
        tracing::info!(exporter = site.engine.about.name, "stopped");
    }
}
