//! farol's own page: an exporter like the others, that watches the exporters in this process. kit serves it.

use std::sync::{Arc, Mutex, PoisonError};

use kit::config::{ConfigError, Document};
use kit::run::{OnReload, Running, Settings, StartError};
use kit::{About, Beside, BoxFuture, CollectError, Collector, Desc, Exporter, Page, Scope, Watched};
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

/// This machine, as it calls itself.
pub const LOCALHOST: &str = "localhost";

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

    /// The exporters that run, for whoever reached this machine by `host`.
    fn beside(&self, host: &str) -> Vec<Beside> {
        let slots = self.slots();
        let running = slots.iter().filter_map(|slot| Some((slot, slot.running.as_ref()?)));
        running.map(|(slot, running)| self.shown(slot, running, host)).collect()
    }

    fn shown(&self, slot: &Slot, running: &Running, host: &str) -> Beside {
        let name = slot.about.name;
        let url = running.addresses().iter().find_map(|address| url(self.scheme, address, host));
        let watched = running.watched();
        let is_good = running.configuration_is_good();
        let targets = Count::of(&watched).sentence();
        let of_exporter = |watched: Watched| Watched {
            kind: format!("{} ({name})", watched.kind),
            // The exporter's own links are paths of its own server.
            link: url.as_ref().zip(watched.link.as_ref()).map(|(page, path)| below(page, path)),
            ..watched
        };
        Beside {
            name,
            page: url.clone().or_else(|| running.addresses().first().cloned()).unwrap_or_default(),
            source: if slot.discovered { "what was found here".to_owned() } else { running.source() },
            yaml: running.configuration(),
            is_good,
            detail: if is_good {
                targets
            } else {
                format!("the configuration before is in force (the log says why); {targets}")
            },
            watched: watched.into_iter().map(of_exporter).collect(),
        }
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

    /// The verdict, e.g. `2 problems (47 of 49 work)`.
    #[must_use]
    pub fn sentence(self) -> String {
        let Self { ok, failing, unknown } = self;
        let all = ok + failing + unknown;
        let work = if all == 1 || ok == 1 { "works" } else { "work" };
        let pending = if unknown == 0 { String::new() } else { format!(", {unknown} not probed yet") };
        match failing {
            _ if all == 0 => "nothing is watched by itself; it answers /probe".to_owned(),
            0 if unknown == 0 => format!("everything works ({ok} of {all})"),
            0 => format!("no problem so far ({ok} of {all} {work}{pending})"),
            1 => format!("1 problem ({ok} of {all} {work}{pending})"),
            _ => format!("{failing} problems ({ok} of {all} {work}{pending})"),
        }
    }
}

/// The page of an exporter that listens at `address`, for whoever reaches this machine by `host`; a unix socket has none.
#[must_use]
pub fn url(scheme: &str, address: &str, host: &str) -> Option<String> {
    let address: std::net::SocketAddr = address.parse().ok()?;
    let port = address.port();
    Some(if address.ip().is_unspecified() {
        format!("{scheme}://{host}:{port}/")
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

    fn beside(&self, host: &str) -> Vec<Beside> {
        self.board.beside(host)
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
            ((47, 2, 0), "2 problems (47 of 49 work)"),
            ((48, 1, 0), "1 problem (48 of 49 work)"),
            ((1, 0, 2), "no problem so far (1 of 3 works, 2 not probed yet)"),
            ((1, 1, 1), "1 problem (1 of 3 works, 1 not probed yet)"),
            ((0, 1, 0), "1 problem (0 of 1 works)"),
            ((1, 6, 0), "6 problems (1 of 7 works)"),
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
            ("[::]:9115", Some("http://nas:9115/")),
            ("[::1]:9115", Some("http://[::1]:9115/")),
            ("unix:/run/x.sock", None),
        ] {
            assert_eq!(url("http", address, "nas").as_deref(), want, "{address}");
        }
    }

    #[test]
    fn an_empty_board_is_an_empty_page() {
        let board = Board::new("http");
        assert!(board.page().is_empty() && board.beside("localhost").is_empty());
    }
}
