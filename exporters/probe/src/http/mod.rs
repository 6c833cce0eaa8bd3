//! The http prober: one request over a connection of its own, hop by hop through redirects, and checks of what came.
//!
//! | file | what |
//! |---|---|
//! | `build` | the section validated; everything made that does not change from probe to probe |
//! | `checks` | status, version, headers, body, CEL |
//! | `target` | from the target's text to a URL, from a Location to the next one |
//! | `hop` | one exchange: resolve, connect, TLS, request |
//! | `body` | the body read through its decompression, up to its limit |
//! | `cookies` | the jar that lives as long as a probe |
//! | `credentials` | the Authorization header |
//! | `encoding` | whether Accept-Encoding admits a compression |
//! | `proxy` | the way through an HTTP proxy |
//! | `metrics` | the descriptions and the page |

mod body;
mod build;
mod checks;
mod cookies;
mod credentials;
mod encoding;
mod hop;
pub mod metrics;
mod proxy;
mod target;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue, LOCATION, SET_COOKIE};
use http::{Method, StatusCode};
use kit::{BoxFuture, Failure, Verdict};
use url::Url;
use wire::http::Reply;
use wire::tls::Client;
use wire::{Phase, Stopwatch};

use crate::certificates;
use crate::config::http::Compression;
use crate::module::{Context, ModuleProbe, Prober};
use crate::reach::Reach;
use crate::verdict::{fail, in_time, invalid, verdict};
use body::Body;
use checks::Checks;
use cookies::Jar;
use credentials::Credentials;
use hop::{Hop, Link};
use metrics::Facts;
use proxy::Proxy;

/// The line in the table of probers.
pub const PROBER: Prober =
    Prober { name: "http", build: build::build, descs: &[metrics::DESCS, certificates::DESCS] };

/// Redirects that are followed; the eleventh ends the probe, as the peer's.
const MOST_REDIRECTS: u32 = 10;

/// A validated http module.
struct HttpProbe {
    method: Method,
    /// All headers that do not change: the module's, User-Agent, and Authorization if no file has a part in it.
    headers: HeaderMap,
    /// The Host header, if the module has one.
    host: Option<HeaderValue>,
    body: Bytes,
    credentials: Credentials,
    reach: Reach,
    follow: bool,
    checks: Arc<Checks>,
    compression: Option<Compression>,
    /// The most bytes of a body, after decompression; `None` is no limit.
    limit: Option<u64>,
    tls: Arc<Client>,
    server_name: Option<String>,
    http2: bool,
    proxy: Option<Proxy>,
    /// Whether the proxy resolves the target.
    proxy_resolves: bool,
    /// What the module asks for that is not done yet: its probes fail with this.
    unsupported: Option<&'static str>,
}

impl ModuleProbe for HttpProbe {
    fn check(&self, target: &str) -> Result<(), Failure> {
        target::parse(target).map(drop)
    }

    fn objection(&self, hostname: &str) -> Option<String> {
        given_host(hostname, self.host.as_ref()).err()
    }

    fn probe<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Verdict> {
        Box::pin(async move {
            let (mut facts, mut watch) = (Facts::default(), Stopwatch::new());
            facts.cel_failed = self.checks.has_cel().then_some(false);
            let run = self.run(&context, &mut facts, &mut watch);
            let ended = tokio::time::timeout_at(context.deadline.into(), run).await;
            let failure = in_time(ended, &mut watch).err();
            verdict(facts.page(&watch, self.tls.verifies()), failure)
        })
    }
}

impl HttpProbe {
    async fn run(
        &self,
        context: &Context<'_>,
        facts: &mut Facts,
        watch: &mut Stopwatch,
    ) -> Result<(), Failure> {
        if let Some(what) = self.unsupported {
            return Err(fail(Phase::Setup, "unsupported", format!("{what} is not supported yet")));
        }
        let first = target::parse(context.target)?;
        let mut hop = self.first_hop(context, &first)?;
        let mut jar = Jar::default();
        loop {
            if let Some(cookies) = jar.header(&hop.url) {
                hop.headers.insert(http::header::COOKIE, cookies);
            }
            let (reply, link) = hop::exchange(self, &hop, context, facts, watch).await?;
            context.trace.step("answered", i64::from(reply.status.as_u16()));
            for cookie in reply.headers.get_all(SET_COOKIE) {
                jar.store(&hop.url, cookie);
            }
            let Some(location) = location(&reply) else {
                return self.judge(&reply, link, context, facts, watch, &hop).await;
            };
            facts.redirects += 1;
            if !self.follow || facts.redirects > MOST_REDIRECTS {
                return self.stop_at_redirect(&reply, link, context, facts, watch, &hop).await;
            }
            context.trace.step("redirected to", String::from_utf8_lossy(location.as_bytes()).into_owned());
            let status = reply.status;
            let next = target::follow(&hop.url, location)?;
            link.close().await;
            hop = self.next_hop(hop, next, status, &first);
        }
    }

    fn first_hop(&self, context: &Context<'_>, url: &Url) -> Result<Hop, Failure> {
        let host = match context.hostname {
            None => self.host.clone(),
            Some(name) => Some(given_host(name, self.host.as_ref()).map_err(invalid)?),
        };
        let mut headers = self.headers.clone();
        self.credentials.apply(&mut headers, url)?;
        let server_name = self.server_name.clone().or_else(|| host.as_ref().and_then(target::host_name));
        Ok(Hop {
            url: url.clone(),
            host,
            server_name,
            method: self.method.clone(),
            body: self.body.clone(),
            headers,
        })
    }

    /// The request after a redirect, by the rules of Go's client, which the peer uses.
    fn next_hop(&self, last: Hop, url: Url, status: StatusCode, first: &Url) -> Hop {
        let mut hop = Hop { url, ..last };
        let keeps = matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
        if !keeps && hop.method != Method::GET && hop.method != Method::HEAD {
            hop.method = Method::GET;
        }
        if !keeps {
            hop.body = Bytes::new();
            hop.headers.remove(http::header::CONTENT_TYPE);
        }
        hop.headers.remove(http::header::COOKIE);
        if hop.url.host() != first.host() {
            // What was meant for the first host is nothing to another: its name, and what it alone may know.
            hop.host = None;
            hop.server_name = None;
            let secret: Vec<_> =
                hop.headers.keys().filter(|name| kit::config::hide_header(name.as_str())).cloned().collect();
            for name in secret {
                hop.headers.remove(name);
            }
        }
        hop
    }

    /// The end at a redirect that is not followed: its body is nothing to count, but something to check if asked to.
    async fn stop_at_redirect(
        &self,
        reply: &Reply,
        link: Link,
        context: &Context<'_>,
        facts: &mut Facts,
        watch: &mut Stopwatch,
        hop: &Hop,
    ) -> Result<(), Failure> {
        if self.checks.wants_body() {
            return self.judge(reply, link, context, facts, watch, hop).await;
        }
        facts.answered(reply, hop.is_secure());
        let verdict =
            self.checks.head(reply, facts).and_then(|()| self.checks.transport(reply, hop.is_secure()));
        match verdict {
            Err(failure) if failure.reason == "status" && self.follow => Err(fail(
                Phase::Processing,
                "redirects",
                format!(
                    "more than {MOST_REDIRECTS} redirects, the last with status {}",
                    reply.status.as_u16()
                ),
            )),
            other => other,
        }
    }

    /// Reads the body, and judges the whole answer. The first failure counts.
    async fn judge(
        &self,
        reply: &Reply,
        mut link: Link,
        context: &Context<'_>,
        facts: &mut Facts,
        watch: &mut Stopwatch,
        hop: &Hop,
    ) -> Result<(), Failure> {
        facts.answered(reply, hop.is_secure());
        let head = self.checks.head(reply, facts);
        let keep = head.is_ok() && self.checks.wants_body();
        let compression = self.compression.filter(|_| may_have_body(&hop.method, reply.status));
        let mut body = Body::new(compression, self.limit, keep);
        let read = body.read(&mut link, &mut facts.body_length).await;
        watch.finish();
        context.trace.step("read the body, bytes", i64::try_from(facts.body_length).unwrap_or(i64::MAX));
        link.close().await;
        head?;
        read?;
        if keep {
            Checks::body(&self.checks, body.into_kept(), facts).await?;
        }
        self.checks.transport(reply, hop.is_secure())
    }
}

/// Whether there can be anything to decompress.
fn may_have_body(method: &Method, status: StatusCode) -> bool {
    method != Method::HEAD && status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED
}

/// Where a redirect leads. A 3xx without it is an answer like any other.
fn location(reply: &Reply) -> Option<&HeaderValue> {
    match reply.status.as_u16() {
        301 | 302 | 303 | 307 | 308 => reply.headers.get(LOCATION).filter(|location| !location.is_empty()),
        _ => None,
    }
}

/// The `hostname` parameter as a Host header, or why it cannot be: a module that has another one refuses it, as the peer's
/// does.
fn given_host(name: &str, own: Option<&HeaderValue>) -> Result<HeaderValue, String> {
    if let Some(own) = own.filter(|own| own.as_bytes() != name.as_bytes()) {
        return Err(format!("hostname {name:?} conflicts with the module's Host header {own:?}"));
    }
    HeaderValue::from_str(name).map_err(|_| format!("hostname {name:?} is not a host name"))
}

/// See [`crate::fuzzing::http_body`].
pub(crate) fn fuzz_body(compression: u8, step: usize, bytes: &[u8], limit: u64) -> usize {
    body::fuzz(compression, step, bytes, limit)
}

/// See [`crate::fuzzing::http_redirect`].
pub(crate) fn fuzz_redirect(location: &[u8], cookie: &[u8]) -> Option<(String, String)> {
    let from = target::parse("http://probe.test/a/b").ok()?;
    let mut jar = Jar::default();
    jar.store(&from, &HeaderValue::from_bytes(cookie).ok()?);
    let to = target::follow(&from, &HeaderValue::from_bytes(location).ok()?).ok()?;
    let cookies = jar.header(&to).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    Some((to.into(), cookies.unwrap_or_default()))
}

/// See [`crate::fuzzing::http_target`].
pub(crate) fn fuzz_target(text: &str) -> Option<String> {
    target::parse(text).ok().map(Into::into)
}
