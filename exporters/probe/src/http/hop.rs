//! One exchange: resolve, connect, TLS, request.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use http::header::{HOST, HeaderMap, HeaderValue};
use http::{Method, Request, Uri};
use kit::Failure;
use tokio::net::TcpStream;
use url::Url;
use wire::http::{Connection, HttpError, Protocol, Reply};
use wire::tls::{Alpn, TlsStream};
use wire::{Phase, Stopwatch};

use super::metrics::Facts;
use super::proxy::Route;
use super::{HttpProbe, target};
use crate::module::Context;
use crate::reach;
use crate::verdict::{Address, fail, invalid, refused};

/// What one exchange asks, and of whom.
pub(super) struct Hop {
    pub(super) url: Url,
    /// The Host header, where it is not the URL's.
    pub(super) host: Option<HeaderValue>,
    /// TLS's server name, where it is not the URL's host.
    pub(super) server_name: Option<String>,
    pub(super) method: Method,
    pub(super) body: Bytes,
    pub(super) headers: HeaderMap,
}

impl Hop {
    pub(super) fn is_secure(&self) -> bool {
        self.url.scheme() == "https"
    }

    fn request(&self) -> Result<Request<Bytes>, Failure> {
        let uri = Uri::try_from(self.url.as_str())
            .map_err(|error| invalid(format!("{:?} cannot be asked for: {error}", self.url.as_str())))?;
        let mut request = Request::new(self.body.clone());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers.clone();
        if let Some(host) = &self.host {
            request.headers_mut().insert(HOST, host.clone());
        }
        Ok(request)
    }
}

/// The connection of an exchange.
pub(super) enum Link {
    Plain(Connection<TcpStream>),
    /// Plain HTTP to a proxy, which wants the whole URL.
    Proxied(Connection<TcpStream>),
    Tls(Connection<TlsStream<TcpStream>>),
}

impl Link {
    async fn send(&mut self, request: Request<Bytes>) -> Result<Reply, HttpError> {
        match self {
            Link::Plain(connection) => connection.send(request).await,
            Link::Proxied(connection) => connection.send_to_proxy(request).await,
            Link::Tls(connection) => connection.send(request).await,
        }
    }

    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        match self {
            Link::Plain(connection) | Link::Proxied(connection) => connection.chunk().await,
            Link::Tls(connection) => connection.chunk().await,
        }
    }

    pub(super) async fn close(self) {
        match self {
            Link::Plain(connection) | Link::Proxied(connection) => connection.close().await,
            Link::Tls(connection) => connection.close().await,
        }
    }
}

/// Makes an exchange as far as the answer's head. Leaves [`Phase::Transfer`] open.
pub(super) async fn exchange(
    probe: &HttpProbe,
    hop: &Hop,
    context: &Context<'_>,
    facts: &mut Facts,
    watch: &mut Stopwatch,
) -> Result<(Reply, Link), Failure> {
    let request = hop.request()?;
    let host = target::host(&hop.url);
    let port = hop.url.port_or_known_default().unwrap_or(80);
    let proxy = probe.proxy.as_ref().and_then(|proxy| proxy.route(&hop.url, &host));
    facts.seen = None;
    // What is over before the answer is waited for lies in a box of its own: a slow probe shall not hold its room.
    let target = Box::pin(locate(probe, proxy, &host, port, context, facts, watch)).await?;
    let stream = match (proxy, target) {
        (None, Some(ip)) => probe.reach.connect(context, SocketAddr::new(ip, port), watch).await?,
        (None, None) => return Err(fail(Phase::Resolve, "internal", "no address")),
        (Some(proxy), _) => {
            let addr = Box::pin(proxy.locate(probe.reach.preference, context, watch)).await?;
            let stream = probe.reach.connect(context, addr, watch).await?;
            if hop.is_secure() { Box::pin(proxy.tunnel(stream, &host, port, watch)).await? } else { stream }
        }
    };
    let mut link = if hop.is_secure() {
        Box::pin(secure(probe, hop, stream, &host, context, facts, watch)).await?
    } else {
        let connection = Connection::open(stream, Protocol::Http1)
            .await
            .map_err(|error| failed(Phase::Connect, &error))?;
        if proxy.is_some() { Link::Proxied(connection) } else { Link::Plain(connection) }
    };
    watch.enter(Phase::Processing);
    let mut request = request;
    if let Some(authorization) = proxy.filter(|_| !hop.is_secure()).and_then(|route| route.authorization()) {
        request.headers_mut().insert(http::header::PROXY_AUTHORIZATION, authorization.clone());
    }
    let reply = link.send(request).await.map_err(|error| failed(Phase::Processing, &error))?;
    watch.enter(Phase::Transfer);
    Ok((reply, link))
}

/// The target's address; `None` if a proxy looks for it.
async fn locate(
    probe: &HttpProbe,
    proxy: Option<Route<'_>>,
    host: &str,
    port: u16,
    context: &Context<'_>,
    facts: &mut Facts,
    watch: &mut Stopwatch,
) -> Result<Option<IpAddr>, Failure> {
    let allow = &context.tools.allow;
    // Where only addresses can be checked, the proxy's word for a name will not do.
    if proxy.is_some() && probe.proxy_resolves && allow.is_open() {
        allow.check_host(host, Some(port)).map_err(refused)?;
        facts.address.get_or_insert_with(Address::default);
        facts.resolved = true;
        return Ok(None);
    }
    let first = facts.address.is_none();
    if first {
        facts.address = Some(Address::default());
    }
    let found = probe.reach.find(context, host, Some(port), watch).await;
    if first {
        let ip = found.as_ref().ok().copied();
        facts.address = Some(Address { lookup: watch.get(Phase::Resolve).unwrap_or_default(), ip });
        facts.resolved = found.is_ok();
    }
    found.map(Some)
}

async fn secure(
    probe: &HttpProbe,
    hop: &Hop,
    stream: TcpStream,
    host: &str,
    context: &Context<'_>,
    facts: &mut Facts,
    watch: &mut Stopwatch,
) -> Result<Link, Failure> {
    let name = hop.server_name.as_deref().unwrap_or(host);
    let alpn = if probe.http2 { Alpn::Http2OrHttp1 } else { Alpn::Http1 };
    let stream = reach::secure(&probe.tls, stream, name, &alpn, context, &mut facts.seen, watch).await?;
    let protocol = Protocol::from_alpn(facts.seen.as_ref().and_then(|seen| seen.alpn.as_deref()));
    let connection = Connection::open(stream, protocol).await.map_err(|error| failed(Phase::Tls, &error))?;
    Ok(Link::Tls(connection))
}

/// An exchange's error as a failure.
pub(super) fn failed(phase: Phase, error: &HttpError) -> Failure {
    fail(phase, error.word(), error.to_string())
}
