//! What the server counts about itself.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use http::StatusCode;

use super::pool::Pool;
use crate::desc::Desc;
use crate::page::{Dropped, Page};
use crate::run::engine::{Engine, Force};

/// Requests being answered.
pub const IN_FLIGHT: Desc =
    Desc::gauge("farol_http_requests_in_flight", "Requests being answered, this scrape among them.");
/// Requests answered.
pub const REQUESTS: Desc =
    Desc::counter("farol_http_requests_total", "Requests answered, by endpoint and status.")
        .labels(&["path", "code"]);
/// Open connections.
pub const CONNECTIONS: Desc = Desc::gauge("farol_http_connections", "Open connections.");
/// What was turned away.
pub const REFUSED: Desc = Desc::counter(
    "farol_http_refused_total",
    "Requests and connections that were turned away, by the limit or rule that did it.",
)
.labels(&["reason"]);
/// Requests for modules that do not exist.
pub const UNKNOWN_MODULE: Desc = Desc::counter(
    "farol_probe_unknown_module_total",
    "Requests for a probe by a module that the configuration does not have.",
);
/// Samples that the guard left out.
pub const DROPPED: Desc = Desc::counter(
    "farol_page_dropped_total",
    "Samples left out of a page because they would have made Prometheus refuse all of it.",
)
.labels(&["reason"]);
/// Whether the last reload was good.
pub const RELOAD_GOOD: Desc = Desc::gauge(
    "farol_config_last_reload_successful",
    "Whether the last reading of the configuration was good; if not, the one before is still in force.",
);
/// When the configuration in force was read.
pub const RELOAD_TIME: Desc = Desc::gauge(
    "farol_config_last_reload_success_timestamp_seconds",
    "When the configuration in force was read, in seconds since 1970.",
);
/// Whether the last reload of the web configuration was good.
pub const WEB_GOOD: Desc = Desc::gauge(
    "farol_web_config_last_reload_successful",
    "Whether the last reading of the web configuration, its certificates and keys was good. Absent without one.",
);
/// What the operator should know.
pub const NOTICE: Desc = Desc::info(
    "farol_config_notice_info",
    "What the operator should know about the configuration in force; `--config.check` tells it in words.",
)
.labels(&["notice"]);

/// Every metric that the server adds to `/metrics`.
pub const DESCS: &[&Desc] = &[
    &IN_FLIGHT,
    &REQUESTS,
    &CONNECTIONS,
    &REFUSED,
    &UNKNOWN_MODULE,
    &DROPPED,
    &RELOAD_GOOD,
    &RELOAD_TIME,
    &WEB_GOOD,
    &NOTICE,
];

/// The endpoints: a closed set, so that nobody's paths become labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Landing,
    Metrics,
    Probe,
    Config,
    Logs,
    Discovery,
    Healthy,
    Ready,
    Reload,
    Unknown,
}

impl Route {
    const ALL: [(Route, &'static str); 10] = [
        (Route::Landing, "/"),
        (Route::Metrics, "/metrics"),
        (Route::Probe, "/probe"),
        (Route::Config, "/config"),
        (Route::Logs, "/logs"),
        (Route::Discovery, "/sd"),
        (Route::Healthy, "/-/healthy"),
        (Route::Ready, "/-/ready"),
        (Route::Reload, "/-/reload"),
        (Route::Unknown, "other"),
    ];

    pub(super) fn of(path: &str) -> Self {
        if path.starts_with("/sd/") {
            return Route::Discovery;
        }
        Self::ALL.iter().find(|(_, known)| *known == path).map_or(Route::Unknown, |(route, _)| *route)
    }
}

/// The statuses that the router answers with.
const CODES: [StatusCode; 11] = [
    StatusCode::OK,
    StatusCode::MOVED_PERMANENTLY,
    StatusCode::BAD_REQUEST,
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];

/// Why a request was turned away. Connections are counted by the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Requests,
    Rate,
    User,
    Target,
    Handshake,
}

const REFUSED_WORDS: [&str; 5] = ["max_requests", "rate_limit", "unauthorized", "target", "tls_handshake"];

/// The counters.
#[derive(Debug, Default)]
pub(super) struct Tally {
    requests: [[AtomicU64; CODES.len()]; Route::ALL.len()],
    refused: [AtomicU64; REFUSED_WORDS.len()],
    pub(super) in_flight: AtomicUsize,
    pub(super) unknown_module: AtomicU64,
    dropped: [AtomicU64; Dropped::ALL.len()],
    /// What was dropped and told in the log already: once is enough.
    told: Mutex<HashSet<(&'static str, Dropped)>>,
}

impl Tally {
    pub(super) fn request(&self, route: Route, code: StatusCode) {
        if let Some(index) = CODES.iter().position(|known| *known == code) {
            self.requests[route as usize][index].fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn refused(&self, why: Refused) {
        self.refused[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn dropped(&self, dropped: &[(&'static str, Dropped)]) {
        for (name, why) in dropped {
            if let Some(index) = Dropped::ALL.iter().position(|known| known == why) {
                self.dropped[index].fetch_add(1, Ordering::Relaxed);
            }
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.insert((name, *why)) {
                tracing::warn!(
                    metric = name,
                    reason = why.word(),
                    "a sample was left out of the page; told once"
                );
            }
        }
    }

    /// Adds all of it to a page.
    pub(super) fn page(
        &self,
        page: &mut Page,
        pool: &Pool,
        engine: &Engine,
        force: &Force,
        web: Option<bool>,
    ) {
        page.set(&RELOAD_GOOD, truth(engine.last_good()));
        page.set(&RELOAD_TIME, force.read_at);
        if let Some(good) = web {
            page.set(&WEB_GOOD, truth(good));
        }
        let mut rows = page.family(&NOTICE);
        for (index, notice) in force.notices.iter().enumerate() {
            // Two notices of one name are one fact.
            if !force.notices[..index].iter().any(|before| before.name == notice.name) {
                rows.push(&[notice.name], 1.0);
            }
        }
        page.set(&IN_FLIGHT, self.in_flight.load(Ordering::Relaxed) as f64);
        page.set(&CONNECTIONS, pool.len() as f64);
        let mut rows = page.family(&REQUESTS);
        for (route, path) in Route::ALL {
            for (index, code) in CODES.iter().enumerate() {
                let count = read(&self.requests[route as usize][index]);
                // Zero from the start where a success is to be expected; the rest once it happens.
                if count > 0.0 || (*code == StatusCode::OK && is_usual(route, force)) {
                    rows.push(&[path, code.as_str()], count);
                }
            }
        }
        let mut rows = page.family(&REFUSED);
        for (word, count) in REFUSED_WORDS.iter().zip(&self.refused) {
            rows.push(&[word], read(count));
        }
        rows.push(&["max_connections"], pool.evicted.load(Ordering::Relaxed) as f64);
        rows.push(&["slow_client"], pool.slow.load(Ordering::Relaxed) as f64);
        if force.prober.is_some() {
            page.set(&UNKNOWN_MODULE, read(&self.unknown_module));
        }
        let mut rows = page.family(&DROPPED);
        for (why, count) in Dropped::ALL.iter().zip(&self.dropped) {
            rows.push(&[why.word()], read(count));
        }
    }
}

/// Whether this exporter has it, as far as that does not change by itself.
fn is_usual(route: Route, force: &Force) -> bool {
    match route {
        Route::Probe | Route::Logs => force.prober.is_some(),
        Route::Discovery | Route::Unknown => false,
        _ => true,
    }
}

#[allow(clippy::cast_precision_loss, reason = "nothing is counted to 2^53 here")]
fn read(count: &AtomicU64) -> f64 {
    count.load(Ordering::Relaxed) as f64
}

fn truth(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_agree_with_their_enums() {
        for (index, (route, path)) in Route::ALL.into_iter().enumerate() {
            assert_eq!(route as usize, index);
            assert_eq!(Route::of(path), route);
        }
        assert_eq!(Route::of("/metrics/"), Route::Unknown);
        assert_eq!((Route::of("/sd/x"), Route::of("/sdx")), (Route::Discovery, Route::Unknown));
        assert_eq!(REFUSED_WORDS[Refused::Handshake as usize], "tls_handshake");
    }
}
