//! `/metrics`: collectors side by side, samplers' snapshots, and what the exporter says about itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{ACCEPT, ACCEPT_ENCODING};
use http::{HeaderMap, HeaderName, StatusCode};

use super::reply::{self, Reply};
use super::site::Site;
use crate::collector::{self, Scope};
use crate::expose::{self, Encoded, Negotiated};
use crate::page::Page;
use crate::prober::probe_timeout;

/// How long a collection may take when the scraper does not say how long it waits.
const PATIENCE: Duration = Duration::from_secs(30);

const TIMEOUT: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");

/// Answers a scrape.
pub(super) async fn scrape(site: &Site, headers: &HeaderMap) -> Reply {
    let allowed = match probe_timeout(timeout_header(headers), site.offset, None, PATIENCE) {
        Ok(allowed) => allowed,
        Err(error) => return reply::text(StatusCode::BAD_REQUEST, format!("{error}\n")),
    };
    let force = site.engine.force();
    let mut parts = Vec::with_capacity(force.samplers.len() + 2);
    if !force.collectors.is_empty() {
        let scope = Scope { deadline: Instant::now() + allowed };
        let page = collector::run_all(&force.collectors, scope).await;
        parts.push(finish(site, page));
    }
    for sampled in &force.samplers {
        parts.push(sampled.encoded(|page| site.tally.dropped(page.dropped())));
    }
    let mut own = site.own.page();
    for sampled in &force.samplers {
        sampled.supervised.facts(&mut own);
    }
    site.tally.page(&mut own, &site.pool, &site.engine, &force, site.web.good());
    parts.push(finish(site, own));
    let body = expose::body(&parts, &negotiated(headers)).await;
    site.tally.dropped(&body.dropped);
    reply::metrics(body)
}

fn finish(site: &Site, page: Page) -> Arc<Encoded> {
    site.tally.dropped(page.dropped());
    Arc::new(Encoded::new(page))
}

/// `X-Prometheus-Scrape-Timeout-Seconds`; what is not even text is refused as a number, too.
pub(super) fn timeout_header(headers: &HeaderMap) -> Option<&str> {
    headers.get(&TIMEOUT).map(|value| value.to_str().unwrap_or("not text"))
}

pub(super) fn negotiated(headers: &HeaderMap) -> Negotiated {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    expose::negotiate(text(ACCEPT), text(ACCEPT_ENCODING))
}
