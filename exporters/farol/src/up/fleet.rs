//! The exporters that run in this process, and the status page beside them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{LocalBoxFuture, join_all};
use kit::About;
use kit::config::Document;
use kit::run::{Running, Settings, Source, StartError};

use crate::discover::plan::Plan;
use crate::discover::{self, Own, Sources};
use crate::members::{MEMBERS, Member};
use crate::status::{self, Board, Count, LOCALHOST, Slot};
use crate::up::{Flags, UpError, own_processes};

/// How many ports are tried after an exporter's own, when nobody said which.
const TRIES: u16 = 20;

/// The exporters that run.
pub(super) struct Fleet {
    status: Running,
    scheme: &'static str,
    board: Arc<Board>,
    /// What discovery wrote, when nothing is configured; exporters that run on it read it anew at each reload.
    discovered: Option<Discovered>,
}

struct Discovered {
    root: PathBuf,
    /// Each exporter's, in the order of [`MEMBERS`].
    documents: Vec<Arc<Mutex<Document>>>,
    plan: Mutex<Plan>,
}

impl Fleet {
    /// Starts the status page, then every exporter that is configured; when none is, those that discovery can write a
    /// configuration for. `shared` is what they all have.
    pub(super) async fn start(
        flags: &Flags,
        shared: &Settings,
        configured: Vec<(&'static Member, PathBuf)>,
    ) -> Result<Self, UpError> {
        let open = !configured.is_empty();
        let board = Arc::new(Board::new(flags.scheme()));
        let source = Source::Document(Document::embedded("built-in", status::ABOUT.builtin_config));
        let settings = Settings { source, auto_reload: std::time::Duration::ZERO, ..shared.clone() };
        let starter = |settings| -> LocalBoxFuture<'static, _> {
            Box::pin(status::start(Arc::clone(&board), settings))
        };
        let status = listen(&status::ABOUT, starter, settings, flags.listen_addresses.clone(), open).await?;
        let mut fleet = Self { status, scheme: flags.scheme(), board, discovered: None };
        // Whoever cannot start ends them all: half of what somebody configured is not what they wanted.
        if let Err(error) = fleet.start_members(flags, shared, configured).await {
            fleet.stop().await;
            return Err(error);
        }
        Ok(fleet)
    }

    async fn start_members(
        &mut self,
        flags: &Flags,
        shared: &Settings,
        configured: Vec<(&'static Member, PathBuf)>,
    ) -> Result<(), UpError> {
        if configured.is_empty() {
            let root = flags.machine.root.clone();
            let (plan, documents) = self.look(&root).await?;
            let documents: Vec<_> =
                documents.into_iter().map(|document| Arc::new(Mutex::new(document))).collect();
            self.discovered = Some(Discovered { root, documents: documents.clone(), plan: Mutex::new(plan) });
            for (member, document) in discovered().zip(documents) {
                let source = Source::Live(document);
                self.add(member, Settings { source, ..shared.clone() }, flags, false).await?;
            }
        }
        for (member, file) in configured {
            let source = Source::File(file);
            self.add(member, Settings { source, ..shared.clone() }, flags, true).await?;
        }
        Ok(())
    }

    async fn add(
        &self,
        member: &'static Member,
        settings: Settings,
        flags: &Flags,
        open: bool,
    ) -> Result<(), UpError> {
        // What is found cannot be found by an exporter itself: its reload is everybody's.
        let on_reload = (!open).then(|| self.board.on_reload());
        let settings = Settings { on_reload, ..settings };
        let running =
            listen(member.about, member.start, settings, flags.addresses(member.about.name), open).await?;
        self.board.slots().push(Slot { about: member.about, discovered: !open, running: Some(running) });
        Ok(())
    }

    /// Looks at this machine.
    async fn look(&self, root: &Path) -> Result<(Plan, Vec<Document>), UpError> {
        let ports = self.addresses().iter().filter_map(|(_, address)| port(address)).collect();
        let page =
            self.status.addresses().iter().find_map(|address| status::url(self.scheme, address, LOCALHOST));
        let own = Own { page, ports, processes: own_processes() };
        // Reading what every process has open takes milliseconds, which the probes in flight shall not wait for.
        let (place, root) = (root.to_owned(), root.to_owned());
        let sources = tokio::task::spawn_blocking(move || Sources::read(&root)).await.unwrap_or_default();
        let plan = discover::discover(&sources, &own).await?;
        let write = |member: &Member| {
            let text = member.discovered.map(|write| write(&plan, &place)).unwrap_or_default();
            Document::embedded("discovered", &text)
        };
        let documents = discovered().map(write).collect();
        Ok((plan, documents))
    }

    /// Reloads what has a configuration, as a POST to the status page's `/-/reload` does, and asks for the rest.
    pub(super) fn ask_reload(&self) {
        // What is wrong is logged and counted by each.
        let _ = self.board.reload();
    }

    /// Completes when a reload is asked for.
    pub(super) async fn reload_asked(&self) {
        self.board.reload_asked().await;
    }

    /// Lets the exporters without a configuration watch what is found now. Gives the names of those that refused what they read,
    /// with a configuration or without: they go on with what they had.
    pub(super) async fn reload(&self) -> Vec<&'static str> {
        if let Some(discovered) = &self.discovered {
            match self.look(&discovered.root).await {
                Ok((plan, documents)) => {
                    for (known, document) in discovered.documents.iter().zip(documents) {
                        *known.lock().unwrap_or_else(PoisonError::into_inner) = document;
                    }
                    *discovered.plan.lock().unwrap_or_else(PoisonError::into_inner) = plan;
                }
                Err(error) => {
                    tracing::error!(%error, "the machine could not be looked at; what was found before stays")
                }
            }
        }
        let mut refused = Vec::new();
        for slot in self.board.slots().iter() {
            let Some(running) = &slot.running else { continue };
            // Why is logged and counted by the reload itself.
            let is_good =
                if slot.discovered { running.reload().is_ok() } else { running.configuration_is_good() };
            if !is_good {
                refused.push(slot.about.name);
            }
        }
        refused
    }

    /// Answers what is in flight, then ends.
    pub(super) async fn stop(self) {
        let members: Vec<Running> =
            self.board.slots().iter_mut().filter_map(|slot| slot.running.take()).collect();
        futures_util::future::join(self.status.stop(), join_all(members.into_iter().map(Running::stop)))
            .await;
    }

    /// `http`, or `https` when the web configuration sets TLS up.
    pub(super) fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// Every exporter's name with each address it listens on; the status page comes first.
    pub(super) fn addresses(&self) -> Vec<(&'static str, String)> {
        let mut all: Vec<_> =
            self.status.addresses().iter().map(|address| (status::ABOUT.name, address.clone())).collect();
        for slot in self.board.slots().iter() {
            let addresses = slot.running.iter().flat_map(Running::addresses);
            all.extend(addresses.map(|address| (slot.about.name, address.clone())));
        }
        all
    }

    /// What discovery found, if that is what is watched.
    pub(super) fn plan(&self) -> Option<Plan> {
        let plan = &self.discovered.as_ref()?.plan;
        Some(plan.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Calls `with` with every exporter that runs.
    pub(super) fn each(&self, mut with: impl FnMut(&'static About, &Running)) {
        for slot in self.board.slots().iter() {
            if let Some(running) = &slot.running {
                with(slot.about, running);
            }
        }
    }

    /// One line for the service manager.
    pub(super) fn summary(&self) -> String {
        let mut watched = Vec::new();
        self.each(|_, running| watched.extend(running.watched()));
        let Count { ok, failing, unknown } = Count::of(&watched);
        match ok + failing + unknown {
            1 => "watching 1 target".to_owned(),
            all => format!("watching {all} targets"),
        }
    }
}

/// The exporters that discovery writes a configuration for.
fn discovered() -> impl Iterator<Item = &'static Member> {
    MEMBERS.iter().filter(|member| member.discovered.is_some())
}

/// Starts an exporter on the addresses that were given, and only there. Without any it gets its own port: on all
/// addresses when somebody configured it (`open`); else on loopback, and then on one of the next ports if its own is taken,
/// since nobody who just tries it out should have to know about ports.
async fn listen(
    about: &'static About,
    start: impl Fn(Settings) -> LocalBoxFuture<'static, Result<Running, StartError>>,
    settings: Settings,
    addresses: Vec<String>,
    open: bool,
) -> Result<Running, UpError> {
    let failed = |source| UpError::Start { name: about.name, source };
    if open || !addresses.is_empty() {
        let listen = if addresses.is_empty() { vec![format!(":{}", about.port)] } else { addresses };
        return start(Settings { listen, ..settings }).await.map_err(failed);
    }
    let mut port = about.port;
    loop {
        let listen = vec![format!("127.0.0.1:{port}")];
        match start(Settings { listen, ..settings.clone() }).await {
            Err(StartError::Listen(error)) if port < about.port + TRIES => {
                tracing::warn!(
                    exporter = about.name,
                    error,
                    next = port + 1,
                    "the port is taken; the next one is tried"
                );
                port += 1;
            }
            result => return result.map_err(failed),
        }
    }
}

/// The port of an address such as `127.0.0.1:9115`.
fn port(address: &str) -> Option<u16> {
    address.parse::<std::net::SocketAddr>().ok().map(|address| address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::ABOUT;

    fn starter(settings: Settings) -> LocalBoxFuture<'static, Result<Running, StartError>> {
        let source = Source::Document(Document::embedded("built-in", ABOUT.builtin_config));
        Box::pin(status::start(Arc::new(Board::new("http")), Settings { source, ..settings }))
    }

    #[tokio::test]
    async fn a_taken_port_and_the_next_one() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let own = taken.local_addr().unwrap().port();
        // Nobody else's constants: an exporter lives as long as the process.
        let about: &'static About = Box::leak(Box::new(About { port: own, ..ABOUT }));
        let running = listen(about, starter, Settings::default(), Vec::new(), false).await.unwrap();
        let next = port(&running.addresses()[0]).unwrap();
        assert!(next > own && next <= own + TRIES, "{next}");
        running.stop().await;
        let asked = vec![taken.local_addr().unwrap().to_string()];
        let Err(error) = listen(about, starter, Settings::default(), asked, false).await else {
            panic!("two listen")
        };
        assert!(
            matches!(&error, UpError::Start { source: StartError::Listen(text), .. } if text.contains(&own.to_string()))
        );
    }
}
