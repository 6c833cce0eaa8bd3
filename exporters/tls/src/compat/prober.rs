//! What the modules do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use kit::{Ask, BoxFuture, Failure, Page, Verdict};
use tokio::sync::Semaphore;
use url::Url;
use wire::Phase;

use super::page;
use crate::endpoint::{Look, fail, internal, invalid};
use crate::fetch::Fetcher;
use crate::files;
use crate::module::{Module, Tools, probe};

/// No larger file is fetched, in bytes.
const LARGEST: usize = 4 << 20;
/// How long a probe may take when neither its module nor the scraper says.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a module does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    /// A handshake with `host:port`.
    Tcp,
    /// A handshake with a URL's host.
    Https,
    /// Certificates of files here, by a pattern.
    File,
    /// Certificates of a file at a URL.
    HttpFile,
    /// What is not supported.
    Nothing,
}

/// A module of the peer's.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) does: Does,
    /// What it looks at, whatever the request says.
    pub(super) target: Option<String>,
    pub(super) module: Arc<Module>,
    /// Its prober, as the peer calls it.
    pub(super) word: String,
}

/// What is asked on `/probe`.
#[derive(Debug)]
pub(super) struct PeerProber {
    pub(super) peers: BTreeMap<String, Peer>,
    pub(super) default: String,
    pub(super) tools: Tools,
    /// For the one who reads files.
    pub(super) place: Arc<Semaphore>,
}

impl kit::Prober for PeerProber {
    fn modules(&self) -> Vec<String> {
        self.peers.keys().cloned().collect()
    }

    fn default_module(&self) -> &str {
        &self.default
    }

    fn timeout(&self, module: &str) -> Option<Option<Duration>> {
        self.peers.get(module).map(|peer| peer.module.timeout)
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn target(&self, module: &str) -> Option<&str> {
        self.peers.get(module)?.target.as_deref()
    }

    fn module_yaml(&self, module: &str) -> String {
        self.peers.get(module).map_or_else(String::new, |peer| {
            serde_saphyr::to_string(&peer.module.section)
                .unwrap_or_else(|error| format!("# cannot be shown: {error}\n"))
        })
    }

    fn probe<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Verdict> {
        Box::pin(async move {
            let Some(peer) = self.peers.get(ask.module) else {
                let failure = Some(internal(format!("unknown module {:?}", ask.module)));
                return Verdict { failure, page: Page::new() };
            };
            let mut page = Page::new();
            let failure = match peer.does {
                Does::Tcp => self.shake(peer, &ask, ask.target, &mut page).await,
                Does::Https => match https(ask.target) {
                    Ok(target) => self.shake(peer, &ask, &target, &mut page).await,
                    Err(failure) => Some(failure),
                },
                Does::File => self.files(&ask, &mut page).await.err(),
                Does::HttpFile => self.fetched(peer, &ask, &mut page).await.err(),
                Does::Nothing => {
                    let detail = format!("the prober {} is not supported", peer.word);
                    Some(fail(Phase::Setup, "prober_unsupported", detail))
                }
            };
            page::outcome(&mut page, &peer.word, failure.is_none());
            Verdict { failure, page }
        })
    }
}

impl PeerProber {
    async fn shake(&self, peer: &Peer, ask: &Ask<'_>, target: &str, page: &mut Page) -> Option<Failure> {
        let time = (ask.deadline, false);
        let look: Look = probe(&peer.module, &self.tools, target, ask.hostname, time, ask.trace).await;
        page::look(page, &look);
        look.failure().cloned()
    }

    async fn fetched(&self, peer: &Peer, ask: &Ask<'_>, page: &mut Page) -> Result<(), Failure> {
        let url = Url::parse(ask.target).map_err(|error| invalid(format!("not a url: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(invalid("not a url of http or https"));
        }
        let fetcher = Fetcher {
            client: &peer.module.client,
            resolver: &self.tools.resolver,
            proxy: peer.module.proxy.as_ref(),
            allow: &self.tools.allow,
            largest: LARGEST,
        };
        let (body, _) = fetcher.get(&url, ask.deadline).await;
        let body = body.map_err(|fault| match fault.refused {
            Some(refusal) => crate::endpoint::refused(refusal),
            None => fail(Phase::Transfer, "fetch_failed", format!("{}: {}", fault.reason, fault.detail)),
        })?;
        let certificates = files::certificates(&body);
        page::certificates(page, &certificates);
        some(&certificates, &format!("no certificate in {} bytes", body.len()))
    }

    /// The certificates of the files that a pattern names; what cannot be read hides nothing else.
    async fn files(&self, ask: &Ask<'_>, page: &mut Page) -> Result<(), Failure> {
        let late = || fail(Phase::Setup, "file_unreadable", "the files could not be read in time");
        let (pattern, deadline) = (ask.target.to_owned(), ask.deadline);
        let read = async {
            // A disk that hangs keeps one thread, and its place: whoever asks again waits for that.
            let place = Arc::clone(&self.place).acquire_owned().await;
            tokio::task::spawn_blocking(move || (files::on_demand(&pattern, deadline), place)).await
        };
        let read = tokio::time::timeout_at(deadline.into(), read).await.map_err(|_| late())?;
        let read = read.map(|(read, _)| read);
        let files::OnDemand { files: found, faults } = match read {
            Ok(Ok(read)) => read,
            Ok(Err(cause)) => return Err(invalid(cause)),
            Err(error) => return Err(internal(error.to_string())),
        };
        for (path, certificates) in &found {
            page::file(page, path, certificates);
        }
        if let Some((path, fault)) = faults.first() {
            let more =
                if faults.len() > 1 { format!(" (and {} more)", faults.len() - 1) } else { String::new() };
            return Err(fail(Phase::Setup, "file_unreadable", format!("{path}: {fault}{more}")));
        }
        some(&found, "no file of that name has a certificate")
    }
}

/// A URL of https, or what one is without its scheme.
fn https(target: &str) -> Result<String, Failure> {
    if target.starts_with("http://") {
        return Err(invalid(format!("{target} is of http, which has no certificate")));
    }
    let target = if target.starts_with("https://") { target.to_owned() } else { format!("https://{target}") };
    match target.parse::<Uri>() {
        Ok(_) => Ok(target),
        Err(error) => Err(invalid(format!("{target}: {error}"))),
    }
}

fn some<T>(found: &[T], words: &str) -> Result<(), Failure> {
    if found.is_empty() { Err(fail(Phase::Transfer, "no_certificate", words)) } else { Ok(()) }
}
