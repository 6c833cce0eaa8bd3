//! farol's own page: an exporter like the others, that watches the exporters in this process. kit serves it.

use std::sync::{Arc, Mutex, PoisonError};

use kit::config::{ConfigError, Document};
use kit::run::{OnReload, Running, Settings, StartError};
use kit::{About, BoxFuture, CollectError, Collector, Desc, Exporter, Page, Scope, Watched};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// farol's constants.
pub const ABOUT: About = About {
    name: "farol",
    summary: "Every exporter of the suite in one process: what is watched on this machine, and its state now.",
    version: env!("CARGO_PKG_VERSION"),
    port: 9700,
    config_file: "farol.yml",
    builtin_config: "{}\n",
};

/// Whether the exporter runs.
pub const UP: Desc =
    Desc::gauge("farol_exporter_up", "Whether the exporter runs in this process.").labels(&["exporter"]);
/// Whether nobody configured the exporter.
pub const BUILTIN: Desc = Desc::gauge(
    "farol_exporter_discovered",
    "Whether the exporter watches what was found on this machine, since nobody configured it.",
)
.labels(&["exporter"]);
/// What the exporter watches, by state.
pub const TARGETS: Desc = Desc::gauge(
    "farol_exporter_targets",
    "What the exporter watches by itself, counted by state: ok, failing, or unknown until the first probe.",
)
.labels(&["exporter", "state"]);

/// An exporter in this process.
pub struct Slot {
    /// Its constants.
    pub about: &'static About,
    /// Whether its configuration is what discovery wrote.
    pub discovered: bool,
    /// The exporter; `None` when it has stopped.
    pub running: Option<Running>,
}

/// What runs in this process, for the status page; and what the status page asks for.
pub struct Board {
    slots: Mutex<Vec<Slot>>,
    /// Of the exporters' pages: `http` or `https`.
    scheme: &'static str,
    reload: Arc<Notify>,
}

impl Board {
    /// An empty one, for exporters that are reached by this scheme.
    #[must_use]
    pub fn new(scheme: &'static str) -> Self {
        Self { slots: Mutex::default(), scheme, reload: Arc::default() }
    }

    /// The slots, to look at or to change.
    pub fn slots(&self) -> std::sync::MutexGuard<'_, Vec<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a reload does that is asked of an exporter which watches what is found: the machine is looked at for all of them.
    #[must_use]
    pub fn on_reload(&self) -> OnReload {
        let reload = Arc::clone(&self.reload);
        OnReload::new(move || {
            reload.notify_one();
            Ok(())
        })
    }

    /// Reloads the exporters that have a configuration, and asks for the others to be reloaded.
    ///
    /// # Errors
    /// What is wrong with their files; they go on with what they had. It has been logged already.
    pub fn reload(&self) -> Result<(), ConfigError> {
        let mut problems = Vec::new();
        for slot in self.slots().iter().filter(|slot| !slot.discovered) {
            if let Some(Err(error)) = slot.running.as_ref().map(Running::reload) {
                problems.extend(error.problems);
            }
        }
        self.reload.notify_one();
        if problems.is_empty() { Ok(()) } else { Err(ConfigError { problems }) }
    }

    /// Completes when somebody has asked for a reload of all: the exporters that have a configuration have done it, those that
    /// watch what is found shall.
    pub async fn reload_asked(&self) {
        self.reload.notified().await;
    }

    fn page(&self) -> Page {
        let mut page = Page::new();
        for slot in self.slots().iter() {
            let name = slot.about.name;
            page.family(&UP).push(&[name], f64::from(u8::from(slot.running.is_some())));
            page.family(&BUILTIN).push(&[name], f64::from(u8::from(slot.discovered)));
            let count = Count::of(&slot.running.as_ref().map(Running::watched).unwrap_or_default());
            for (state, number) in [("ok", count.ok), ("failing", count.failing), ("unknown", count.unknown)]
            {
                page.family(&TARGETS).push(&[name, state], number as f64);
            }
        }
        page
    }

    fn watched(&self) -> Vec<Watched> {
        let mut lines = Vec::new();
        for slot in self.slots().iter() {
            let Some(running) = &slot.running else { continue };
            let watched = running.watched();
            let page = running.addresses().iter().find_map(|address| url(self.scheme, address));
            let place = page.as_ref().map(|page| format!("on {page}")).unwrap_or_default();
            let by = if slot.discovered { "what was found here".to_owned() } else { running.source() };
            lines.push(Watched {
                name: slot.about.name.to_owned(),
                kind: "exporter".to_owned(),
                // It runs; how its targets are is said by their own lines.
                ok: Some(running.configuration_is_good()),
                detail: if running.configuration_is_good() {
                    format!("{}; runs {place}, by {by}", Count::of(&watched).sentence())
                } else {
                    format!(
                        "its configuration is refused, the one before is in force (the log says why); {}; runs {place}",
                        Count::of(&watched).sentence()
                    )
                },
                link: page.clone(),
            });
            lines.extend(watched.into_iter().map(|watched| Watched {
                kind: format!("{} ({})", watched.kind, slot.about.name),
                // The exporter's own links are paths of its own server.
                link: page.as_ref().zip(watched.link.as_ref()).map(|(page, path)| below(page, path)),
                ..watched
            }));
        }
        lines
    }
}

/// How many are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Well.
    pub ok: usize,
    /// Not well.
    pub failing: usize,
    /// Not known yet.
    pub unknown: usize,
}

impl Count {
    /// Counts.
    #[must_use]
    pub fn of(watched: &[Watched]) -> Self {
        let of = |state| watched.iter().filter(|watched| watched.ok == state).count();
        Self { ok: of(Some(true)), failing: of(Some(false)), unknown: of(None) }
    }

    /// The verdict, e.g. `2 problems, everything else works (47 of 49)`.
    #[must_use]
    pub fn sentence(self) -> String {
        let Self { ok, failing, unknown } = self;
        let all = ok + failing + unknown;
        let problems = if failing == 1 { "1 problem".to_owned() } else { format!("{failing} problems") };
        match (failing, unknown) {
            _ if all == 0 => "nothing is watched by itself; it answers /probe".to_owned(),
            (0, 0) => format!("everything works ({ok} of {all})"),
            (0, _) => format!("no problem so far ({ok} of {all} work, {unknown} not probed yet)"),
            (_, 0) => format!("{problems}, everything else works ({ok} of {all})"),
            _ => format!("{problems} ({ok} of {all} work, {unknown} not probed yet)"),
        }
    }
}

/// The page of an exporter that listens at `address`, as this machine reaches it; a unix socket has none.
#[must_use]
pub fn url(scheme: &str, address: &str) -> Option<String> {
    let address: std::net::SocketAddr = address.parse().ok()?;
    let port = address.port();
    Some(if address.ip().is_unspecified() {
        format!("{scheme}://localhost:{port}/")
    } else {
        format!("{scheme}://{address}/")
    })
}

/// A path of another exporter, as its page's URL.
fn below(page: &str, path: &str) -> String {
    format!("{}/{}", page.trim_end_matches('/'), path.trim_start_matches('/'))
}

/// Starts the status page that shows this board.
///
/// # Errors
/// See [`StartError`].
pub async fn start(board: Arc<Board>, settings: Settings) -> Result<Running, StartError> {
    let reloading = Arc::clone(&board);
    let on_reload = Some(OnReload::new(move || reloading.reload()));
    let settings = Settings { on_reload, ..settings };
    kit::run::start_with(settings, move |_: Raw, _: &Document, _: Option<&Status>| {
        Ok(Status { board: Arc::clone(&board) })
    })
    .await
}

/// The status page as an exporter.
pub struct Status {
    board: Arc<Board>,
}

/// The status page's configuration: there is nothing to set.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Raw {}

impl Exporter for Status {
    const ABOUT: About = ABOUT;
    type Raw = Raw;

    fn catalogue() -> Vec<&'static Desc> {
        vec![&UP, &BUILTIN, &TARGETS]
    }

    /// With an empty board, which is all that a check of its configuration needs; [`start`] gives it the real one.
    fn build(_: Raw, _: &Document, _: Option<&Self>) -> Result<Self, ConfigError> {
        Ok(Self { board: Arc::new(Board::new("http")) })
    }

    fn collectors(&self) -> Vec<Arc<dyn Collector>> {
        vec![Arc::new(Exporters(Arc::clone(&self.board)))]
    }

    fn watched(&self) -> Vec<Watched> {
        self.board.watched()
    }
}

struct Exporters(Arc<Board>);

impl Collector for Exporters {
    fn name(&self) -> &str {
        "exporters"
    }

    fn collect(&self, _: Scope) -> BoxFuture<'_, Result<Page, CollectError>> {
        Box::pin(async { Ok(self.0.page()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_in_one_sentence() {
        for ((ok, failing, unknown), sentence) in [
            ((49, 0, 0), "everything works (49 of 49)"),
            ((47, 2, 0), "2 problems, everything else works (47 of 49)"),
            ((48, 1, 0), "1 problem, everything else works (48 of 49)"),
            ((1, 0, 2), "no problem so far (1 of 3 work, 2 not probed yet)"),
            ((1, 1, 1), "1 problem (1 of 3 work, 1 not probed yet)"),
            ((0, 0, 0), "nothing is watched by itself; it answers /probe"),
        ] {
            let count = Count { ok, failing, unknown };
            assert_eq!(count.sentence(), sentence);
        }
    }

    #[test]
    fn where_a_page_is() {
        for (address, want) in [
            ("127.0.0.1:9115", Some("http://127.0.0.1:9115/")),
            ("[::]:9115", Some("http://localhost:9115/")),
            ("[::1]:9115", Some("http://[::1]:9115/")),
            ("unix:/run/x.sock", None),
        ] {
            assert_eq!(url("http", address).as_deref(), want, "{address}");
        }
    }

    #[test]
    fn an_empty_board_is_an_empty_page() {
        let board = Board::new("http");
        assert!(board.page().is_empty() && board.watched().is_empty());
    }
}
