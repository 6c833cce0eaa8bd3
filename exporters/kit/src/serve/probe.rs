//! `/probe`: from the query to the verdict's page.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use http::{Request, StatusCode};

use super::history::Record;
use super::reply::{self, Reply};
use super::report;
use super::scrape::{negotiated, timeout_header};
use super::site::Site;
use super::tally::Refused;
use crate::config::did_you_mean_of;
use crate::expose::{self, Encoded, Negotiated};
use crate::prober::{
    Ask, DURATION, FAILURE, Failure, Prober, SUCCESS, TIMEOUT, Trace, Verdict, probe_timeout,
};

/// The parameters of a request, decoded once: `%2B` is a plus sign, `+` a space.
#[derive(Debug, Default)]
pub(super) struct Query<'a> {
    pub(super) module: Option<Cow<'a, str>>,
    pub(super) target: Option<Cow<'a, str>>,
    pub(super) hostname: Option<Cow<'a, str>>,
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) debug: bool,
}

impl<'a> Query<'a> {
    /// Of a parameter that stands twice the first counts, as in Go; an empty one is none.
    pub(super) fn parse(query: &'a str) -> Self {
        let mut found = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let slot = match &*name {
                "module" => &mut found.module,
                "target" => &mut found.target,
                "hostname" => &mut found.hostname,
                "id" => &mut found.id,
                "debug" => {
                    found.debug |= value == "true";
                    continue;
                }
                _ => continue,
            };
            if slot.is_none() && !value.is_empty() {
                *slot = Some(value);
            }
        }
        found
    }
}

/// What a request for a probe asks, apart from its connection.
pub(super) struct Wish {
    query: Box<str>,
    /// How long the scraper waits, as it said it.
    patience: Option<Box<str>>,
    format: Negotiated,
}

impl Wish {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        Self {
            query: request.uri().query().unwrap_or_default().into(),
            patience: timeout_header(request.headers()).map(Into::into),
            format: negotiated(request.headers()),
        }
    }
}

/// Answers a request for a probe. Dropped where it stands when the client goes away.
pub(super) async fn probe(site: &Site, wish: Wish) -> Reply {
    let force = site.engine.force();
    let Some(prober) = &force.prober else {
        return reply::text(StatusCode::NOT_FOUND, "This exporter has nothing to probe\n");
    };
    let query = Query::parse(&wish.query);
    let module = query.module.as_deref().unwrap_or_else(|| prober.default_module());
    let Some(own) = prober.timeout(module) else {
        site.tally.unknown_module.fetch_add(1, Ordering::Relaxed);
        // The first line is the peer's, as it is; what helps comes after it.
        let there_are = did_you_mean_of(module, &prober.modules());
        return reply::text(StatusCode::BAD_REQUEST, format!("Unknown module {module:?}\n{there_are}\n"));
    };
    let wanted = prober.target(module).or(query.target.as_deref()).or_else(|| prober.default_target());
    let Some(target) = wanted else {
        return reply::text(StatusCode::BAD_REQUEST, "Target parameter is missing\n");
    };
    let allowed = match probe_timeout(wish.patience.as_deref(), site.offset, own, prober.patience()) {
        Ok(allowed) => allowed,
        Err(error) => return reply::text(StatusCode::BAD_REQUEST, format!("{error}\n")),
    };
    let hostname = query.hostname.as_deref();
    if let Some(objection) = hostname.and_then(|hostname| prober.objection(module, hostname)) {
        return reply::text(StatusCode::BAD_REQUEST, format!("{objection}\n"));
    }
    let trace = Trace::new();
    let began = SystemTime::now();
    let deadline = trace.began() + allowed;
    let asked = Ask { module, target, hostname, deadline, trace: &trace };
    let verdict = ask(&**prober, asked, &wish.query, site.offset).await;
    let took = trace.began().elapsed();
    if let Some(refusal) = verdict.failure.as_ref().and_then(|failure| failure.refused.as_ref()) {
        site.tally.refused(Refused::Target);
        tracing::info!(module, rule = %refusal.rule, detail = refusal.detail, "a target was refused");
        let body = format!("Target refused by rule {:?}: {}\n", refusal.rule, refusal.detail);
        return reply::text(StatusCode::FORBIDDEN, body);
    }
    let page = Arc::new(Encoded::new(complete(site, &verdict.failure, verdict.page, took, allowed)));
    if let Some(failure) = &verdict.failure {
        tracing::debug!(
            module,
            reason = failure.reason,
            phase = failure.phase,
            error = failure.detail,
            "probe failed"
        );
    }
    let record = Record {
        id: 0,
        module: module.to_owned(),
        target: report::without_password(target).into_owned(),
        hostname: hostname.map(str::to_owned),
        began,
        took,
        allowed,
        failure: verdict.failure,
        steps: trace.into_steps(),
        page: Arc::clone(&page),
    };
    let debug = query.debug.then(|| report::report(&record, &prober.module_yaml(module)));
    site.history.add(record);
    if let Some(text) = debug {
        return reply::text(StatusCode::OK, text);
    }
    let body = expose::body(&[page], &wish.format).await;
    reply::metrics(body)
}

/// Probes, and answers for a prober that does not: one that runs past its deadline, or panics.
async fn ask(prober: &dyn Prober, ask: Ask<'_>, query: &str, offset: Duration) -> Verdict {
    let (deadline, module) = (ask.deadline, ask.module);
    // The prober ends by itself, a little late at most; this is for one that hangs.
    let guard = deadline + (offset / 2).max(Duration::from_millis(20));
    let probing = AssertUnwindSafe(prober.probe_with(ask, query)).catch_unwind();
    let detail = match tokio::time::timeout_at(guard.into(), probing).await {
        Ok(Ok(verdict)) => return verdict,
        Ok(Err(_)) => "the prober panicked",
        Err(_) => "the prober did not end by its deadline",
    };
    tracing::error!(module, "{detail}");
    let failure = Failure { phase: "setup", reason: "internal", detail: detail.to_owned(), refused: None };
    Verdict { failure: Some(failure), ..Verdict::default() }
}

/// The verdict's page, and what every probe's page has.
fn complete(
    site: &Site,
    failure: &Option<Failure>,
    mut page: crate::Page,
    took: Duration,
    allowed: Duration,
) -> crate::Page {
    page.set(&DURATION, took.as_secs_f64());
    page.set(&TIMEOUT, allowed.as_secs_f64());
    page.set(&SUCCESS, if failure.is_none() { 1.0 } else { 0.0 });
    if let Some(failure) = failure {
        page.family(&FAILURE).push(&[failure.phase, failure.reason], 1.0);
    }
    site.tally.dropped(page.dropped());
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    /// blackbox_exporter#1525: main decoded `target` a second time.
    #[test]
    fn a_query_is_decoded_once() {
        for (query, target) in [
            ("target=a%2Bb", Some("a+b")),
            ("target=a+b", Some("a b")),
            ("target=a%252Fb", Some("a%2Fb")),
            ("target=http%3A%2F%2Fx%2F%3Fa%3D1%26b%3D2", Some("http://x/?a=1&b=2")),
            ("target=a&target=b", Some("a")),
            ("target=", None),
            ("", None),
        ] {
            assert_eq!(Query::parse(query).target.as_deref(), target, "{query}");
        }
        let query = Query::parse("module=m&hostname=h&debug=true&x=y");
        assert_eq!(
            (query.module.as_deref(), query.hostname.as_deref(), query.debug),
            (Some("m"), Some("h"), true)
        );
        assert!(!Query::parse("debug=1").debug);
    }
}
