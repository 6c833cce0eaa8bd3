//! A document over http or https, within limits.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use http::header::{ACCEPT, CONNECTION, USER_AGENT};
use http::{HeaderMap, Request, StatusCode};
use kit::allow::AllowList;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use url::Url;
use wire::dial::dial;
use wire::http::{Connection, HttpError, Protocol};
use wire::tls::{Alpn, Client};
use wire::{Egress, Preference, Proxy, Resolver};

/// Why a document cannot be had: a word (`refused`, `dns`, `connect`, `proxy`, `tls`, `timeout`, `http`, `status`), and the
/// cause for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The word.
    pub reason: &'static str,
    /// The cause.
    pub detail: String,
    /// The allow-list's word, if that was the cause.
    pub refused: Option<kit::Refusal>,
}

impl Fault {
    /// Of a word and a cause.
    pub fn new(reason: &'static str, detail: impl ToString) -> Self {
        Self { reason, detail: detail.to_string(), refused: None }
    }
}

/// What it takes to fetch.
#[derive(Clone, Copy, Debug)]
pub struct Fetcher<'a> {
    /// Makes the handshakes.
    pub client: &'a Client,
    /// Names to addresses.
    pub resolver: &'a Resolver,
    /// The proxy to go through.
    pub proxy: Option<&'a Proxy>,
    /// What may be asked.
    pub allow: &'a AllowList,
    /// No answer is larger, in bytes.
    pub largest: usize,
}

impl Fetcher<'_> {
    /// A document, if the status is 200; redirections are not followed. The headers come in any case in which an answer came.
    pub async fn get(&self, url: &Url, deadline: Instant) -> (Result<Vec<u8>, Fault>, HeaderMap) {
        let mut headers = HeaderMap::new();
        let result =
            match tokio::time::timeout_at(deadline.into(), self.run(url, deadline, &mut headers)).await {
                Ok(result) => result,
                Err(_) => Err(Fault::new("timeout", format!("{}: no answer in time", shown(url)))),
            };
        (result, headers)
    }

    async fn run(&self, url: &Url, deadline: Instant, headers: &mut HeaderMap) -> Result<Vec<u8>, Fault> {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let port = url.port_or_known_default().unwrap_or(443);
        let stream = self.connect(host, port).await?;
        if url.scheme() != "https" {
            return self.exchange(stream, url, headers).await;
        }
        let shaken = self.client.handshake_by(stream, host, &Alpn::Http1, deadline).await;
        let stream = shaken.stream.map_err(|error| Fault::new("tls", error))?;
        self.exchange(stream, url, headers).await
    }

    async fn exchange<S>(&self, stream: S, url: &Url, headers: &mut HeaderMap) -> Result<Vec<u8>, Fault>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let http = |error: HttpError| Fault::new("http", format!("{}: {error}", shown(url)));
        let mut connection = Connection::open(stream, Protocol::Http1).await.map_err(http)?;
        let request = Request::get(url.as_str())
            .header(ACCEPT, "*/*")
            .header(USER_AGENT, concat!("tls-exporter/", env!("CARGO_PKG_VERSION")))
            .header(CONNECTION, "close")
            .body(Bytes::new())
            .map_err(|error| Fault::new("http", error))?;
        let reply = connection.send(request).await.map_err(http)?;
        *headers = reply.headers;
        if reply.status != StatusCode::OK {
            return Err(Fault::new("status", format!("{}: status {}", shown(url), reply.status.as_u16())));
        }
        let mut body = Vec::new();
        while let Some(chunk) = connection.chunk().await.map_err(http)? {
            if body.len() + chunk.len() > self.largest {
                return Err(Fault::new("http", format!("{}: more than {} bytes", shown(url), self.largest)));
            }
            body.extend_from_slice(&chunk);
        }
        connection.close().await;
        Ok(body)
    }

    async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, Fault> {
        let refused = |refusal: kit::Refusal| {
            let fault = Fault::new("refused", &refusal.detail);
            Fault { refused: Some(refusal), ..fault }
        };
        self.allow.check_host(host, Some(port)).map_err(refused)?;
        let at = self.proxy.map_or((host, port), |proxy| (proxy.host.as_str(), proxy.port));
        let any = Preference { fallback: true, ..Preference::default() };
        let ip = self.resolver.lookup_one(at.0, any).await.map_err(|error| Fault::new("dns", error))?;
        if self.proxy.is_none() {
            self.allow.check_addr(host, ip, Some(port)).map_err(refused)?;
        }
        let stream = dial(SocketAddr::new(ip, at.1), &Egress::default()).await;
        match self.proxy {
            None => stream.map_err(|error| Fault::new("connect", error)),
            Some(proxy) => {
                let stream = stream.map_err(|error| Fault::new("proxy", error))?;
                let tunnel = proxy.tunnel(stream, host, port, &HeaderMap::new()).await;
                tunnel.map_err(|error| Fault::new("proxy", error))
            }
        }
    }
}

/// A URL as it may be shown: without a user and a password.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Neither can fail where there is a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}
