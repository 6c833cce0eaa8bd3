//! Limits, authentication and routes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use http::header::AUTHORIZATION;
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;

use super::reply::{self, Reply};
use super::site::Site;
use super::tally::{Refused, Route};
use super::{beside, discovery, host, landing, probe, report, scrape};
use crate::run::OnReload;
use crate::web::Web;

/// Answers a request. Its body is not read: no endpoint takes one.
pub(super) async fn answer(site: &Site, request: Request<Incoming>) -> Reply {
    let _in_flight = Counted::new(&site.tally.in_flight);
    let web = site.web.now();
    let head = request.method() == Method::HEAD;
    let (reply, route) = match request.uri().path().strip_prefix(site.prefix.as_str()) {
        // The prefix alone: relative links need the slash behind it.
        Some("") => (reply::moved(&format!("{}/", site.prefix)), Route::Landing),
        Some(path) => {
            let route = route(site, path);
            (limited(site, &web, route, request).await, route)
        }
        None => (not_found(site), Route::Unknown),
    };
    site.tally.request(route, reply.status());
    let mut reply = if head { reply::head(reply) } else { reply };
    for (name, value) in &web.headers {
        reply.headers_mut().insert(name.clone(), value.clone());
    }
    reply
}

/// A prober may have the path of the peer whose place it takes; `/probe` leads there, too.
fn route(site: &Site, path: &str) -> Route {
    match Route::of(path) {
        Route::Unknown if site.engine.force().prober.as_ref().is_some_and(|prober| prober.path() == path) => {
            Route::Probe
        }
        route => route,
    }
}

/// Rate limit, then users, as the toolkit does; then the number of requests at a time.
async fn limited(site: &Site, web: &Web, route: Route, request: Request<Incoming>) -> Reply {
    let health = matches!(route, Route::Healthy | Route::Ready);
    if !(health && web.health_without_auth) {
        if let Some(Err(wait)) = web.rate.as_ref().map(|bucket| bucket.take(Instant::now())) {
            site.tally.refused(Refused::Rate);
            return reply::later(StatusCode::TOO_MANY_REQUESTS, "Too many requests\n", wait.as_secs() + 1);
        }
        if let Some(users) = &web.users {
            let authorization = request.headers().get(AUTHORIZATION).map(http::HeaderValue::as_bytes);
            if !users.allow(authorization).await {
                site.tally.refused(Refused::User);
                return reply::who();
            }
        }
    }
    // Probes wait for others: dozens of hanging targets must not make the exporter refuse the rest. Each holds a
    // connection, and of those there is a limit.
    if health || route == Route::Probe || site.most == 0 {
        return dispatch(site, route, request).await;
    }
    let answering = Counted::new(&site.answering);
    if answering.before >= site.most {
        site.tally.refused(Refused::Requests);
        return reply::later(StatusCode::SERVICE_UNAVAILABLE, "Too many requests at the same time\n", 1);
    }
    dispatch(site, route, request).await
}

async fn dispatch(site: &Site, route: Route, request: Request<Incoming>) -> Reply {
    if route == Route::Reload {
        return match *request.method() {
            Method::POST | Method::PUT => reload(site),
            _ => reply::method("POST, PUT"),
        };
    }
    if route == Route::Unknown {
        return not_found(site);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return reply::method("GET, HEAD");
    }
    match route {
        Route::Metrics => unless_ended(site, scrape::scrape(site, request.headers())).await,
        Route::Probe => {
            // A probe may wait for long. What it needs is taken from the request, whose buffer of 8 KiB the connection
            // can then use again.
            let wish = probe::Wish::of(&request);
            drop(request);
            unless_ended(site, probe::probe(site, wish)).await
        }
        Route::Landing => landing::landing(site, &host::of(&request)),
        Route::Discovery => {
            let path = request.uri().path().strip_prefix(site.prefix.as_str()).unwrap_or_default();
            discovery::discovery(site, path, request.uri().query().unwrap_or_default())
        }
        Route::Logs => report::logs(site, request.uri().query().unwrap_or_default()),
        Route::Config => reply::text(StatusCode::OK, beside::configuration(site, &host::of(&request))),
        Route::Healthy => reply::text(StatusCode::OK, "Healthy\n"),
        Route::Ready if *site.draining.borrow() => {
            reply::text(StatusCode::SERVICE_UNAVAILABLE, "Shutting down\n")
        }
        Route::Ready => reply::text(StatusCode::OK, "Ready\n"),
        Route::Reload | Route::Unknown => not_found(site),
    }
}

/// The answer of what waits for others, unless the end comes first: then none, so that the scraper takes it for one that failed.
async fn unless_ended(site: &Site, answer: impl Future<Output = Reply>) -> Reply {
    tokio::select! {
        reply = answer => reply,
        () = site.end() => reply::text(StatusCode::SERVICE_UNAVAILABLE, "Shutting down\n"),
    }
}

fn reload(site: &Site) -> Reply {
    let beside = || site.on_reload.as_ref().map_or(Ok(()), OnReload::run);
    match site.reload().and_then(|()| beside()) {
        Ok(()) => reply::text(StatusCode::OK, "Reloaded\n"),
        Err(error) => reply::text(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("The configuration was refused; the one before is still in force.\n{error}\n"),
        ),
    }
}

pub(super) fn not_found(site: &Site) -> Reply {
    let prefix = &site.prefix;
    let force = site.engine.force();
    let path = force.prober.as_ref().map(|prober| prober.path());
    let probe = path.map_or_else(String::new, |path| format!(", {prefix}{path}, {prefix}/logs"));
    let lists: String = force
        .face
        .discovered()
        .iter()
        .map(|list| format!(", {prefix}/sd/{}", discovery::encoded(&list.name)))
        .collect();
    let body = format!(
        "Not found. There are {prefix}/, {prefix}/metrics{probe}{lists}, {prefix}/config, {prefix}/-/healthy, {prefix}/-/ready and {prefix}/-/reload\n"
    );
    reply::text(StatusCode::NOT_FOUND, body)
}

/// One more while it lives.
struct Counted<'a> {
    count: &'a AtomicUsize,
    before: usize,
}

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        Self { count, before: count.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}
