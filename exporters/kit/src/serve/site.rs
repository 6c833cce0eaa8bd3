//! What all requests share.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Once};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use super::history::History;
use super::pool::Pool;
use super::tally::Tally;
use crate::config::ConfigError;
use crate::own::Own;
use crate::run::engine::Engine;
use crate::run::{OnReload, Settings};
use crate::web::Live;

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) engine: Arc<Engine>,
    pub(super) web: Live,
    pub(super) pool: Arc<Pool>,
    pub(super) tally: Tally,
    pub(super) history: History,
    pub(super) own: Own,
    /// Path in front of every endpoint.
    pub(super) prefix: String,
    pub(super) offset: Duration,
    /// Requests at a time, probes and health checks aside; 0: no limit.
    pub(super) most: usize,
    /// How many of those are being answered.
    pub(super) answering: AtomicUsize,
    /// What else a reload that is asked for over HTTP does.
    pub(super) on_reload: Option<OnReload>,
    /// Set when the end has begun: not ready any more.
    pub(super) draining: watch::Sender<bool>,
    pub(super) started: SystemTime,
    /// Somebody spoke plain HTTP where TLS is spoken, and the log has it: once is enough.
    pub(super) plain_told: Once,
}

/// How long what waits for others may go on when the end has begun: a scrape of something that hangs must not hold it up.
const LAST_MOMENT: Duration = Duration::from_millis(700);

impl Site {
    pub(crate) fn new(engine: Arc<Engine>, web: Live, settings: &Settings) -> Self {
        Self {
            own: Own::new(&engine.about, settings.sandbox),
            engine,
            web,
            pool: Pool::new(settings.limits, affordable(settings.max_connections, crate::run::open_files())),
            tally: Tally::default(),
            history: History::new(settings.history),
            prefix: settings.route_prefix.clone(),
            offset: settings.timeout_offset,
            most: settings.max_requests,
            answering: AtomicUsize::new(0),
            on_reload: settings.on_reload.clone(),
            draining: watch::Sender::new(false),
            started: SystemTime::now(),
            plain_told: Once::new(),
        }
    }

    /// Completes when the end has begun, and what waits for others has had a moment more.
    pub(super) async fn end(&self) {
        // The sender lives as long as this does.
        let _ = self.draining.subscribe().wait_for(|draining| *draining).await;
        tokio::time::sleep(LAST_MOMENT).await;
    }

    /// Reads the configuration and the web configuration anew; each is kept as it is when it is no good.
    pub(crate) fn reload(&self) -> Result<(), ConfigError> {
        let (own, web) = (self.engine.reload(), self.web.reload());
        let problems =
            [own, web].into_iter().filter_map(Result::err).flat_map(|error| error.problems).collect();
        ConfigError::check(problems)
    }
}

/// Connections that the limit of open files allows, with as many left for what is watched; `wanted` 0: as many as can be.
fn affordable(wanted: usize, open_files: usize) -> usize {
    let most = (open_files.saturating_sub(16) / 2).max(4);
    if wanted == 0 { most } else { wanted.min(most) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_half_of_the_open_files() {
        for (wanted, open_files, want) in [(512, 1_048_576, 512), (512, 64, 24), (0, 1016, 500), (512, 8, 4)]
        {
            assert_eq!(affordable(wanted, open_files), want, "{wanted} of {open_files}");
        }
    }
}
