//! One request to an API, over a connection of its own: a reading is four of them a minute.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use kit::config::Secret;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use wire::dial::dial;
use wire::http::{Connection, Protocol};
use wire::tls::{Alpn, Client};
use wire::{Egress, Preference, Resolver};

use super::reasons::{Fault, Reason};

/// No answer is larger, in bytes: 5,000 hosts have less.
pub(super) const LARGEST: usize = 8 << 20;
/// What calls itself.
const AGENT: &str = concat!("farol-tls-exporter/", env!("CARGO_PKG_VERSION"));

/// Where an API is.
#[derive(Debug)]
pub struct Base {
    /// Host name or address, without brackets.
    pub host: String,
    port: u16,
    /// Scheme, authority and path, without a slash at its end.
    text: String,
    /// Makes the handshakes; `None`: plain HTTP.
    tls: Option<Client>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
}

/// What is asked.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    /// Behind the base, from its slash on.
    pub(super) path: &'a str,
    pub(super) token: Option<&'a Secret>,
    /// JSON.
    pub(super) body: Bytes,
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Base {
    /// A URL of http or https, with or without a path.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, tls: Client) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|error| format!("not a URL: {error}"))?;
        let (usual, tls) = match uri.scheme_str() {
            Some("http") => (80, None),
            Some("https") => (443, Some(tls)),
            _ => return Err("not a URL of http or https".to_owned()),
        };
        let authority =
            uri.authority().filter(|authority| !authority.host().is_empty()).ok_or("no host in it")?;
        if authority.as_str().contains('@') {
            return Err("a user or password in a URL is shown everywhere: use identity and secret".to_owned());
        }
        if uri.query().is_some() {
            return Err("a query has no place in it".to_owned());
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = authority.port_u16().unwrap_or(usual);
        Ok(Self { host, port, text: text.trim_end_matches('/').to_owned(), tls })
    }

    /// Asks, at the first address that takes a connection. There is no deadline but the caller's.
    pub(super) async fn ask(&self, resolver: &Resolver, ask: Ask<'_>) -> Result<Answer, Fault> {
        let stream = self.connect(resolver).await?;
        match &self.tls {
            None => self.exchange(stream, ask).await,
            Some(client) => {
                let outcome = client.handshake(stream, &self.host, &Alpn::Http1).await;
                let stream = outcome.stream.map_err(|error| Fault::new(Reason::Tls, error.to_string()))?;
                self.exchange(stream, ask).await
            }
        }
    }

    async fn connect(&self, resolver: &Resolver) -> Result<TcpStream, Fault> {
        let found = resolver
            .lookup(&self.host, Preference::default())
            .await
            .map_err(|error| Fault::new(Reason::Dns, error.to_string()))?;
        let mut last = Fault::new(Reason::Dns, format!("{} has no address", self.host));
        for ip in found {
            match dial(SocketAddr::new(ip, self.port), &Egress::default()).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = Fault::new(Reason::Connect, error.to_string()),
            }
        }
        Err(last)
    }

    async fn exchange<S>(&self, stream: S, ask: Ask<'_>) -> Result<Answer, Fault>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let broken = |error: &dyn fmt::Display| Fault::new(Reason::Http, format!("{}: {error}", ask.path));
        let mut request = Request::builder()
            .method(&ask.method)
            .uri(format!("{}{}", self.text, ask.path))
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, AGENT)
            .header(CONNECTION, "close");
        if !ask.body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(token) = ask.token {
            let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose()))
                .map_err(|_| Fault::new(Reason::Schema, "the token cannot be sent in a header"))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let request = request.body(ask.body.clone()).map_err(|error| broken(&error))?;
        let mut connection =
            Connection::open(stream, Protocol::Http1).await.map_err(|error| broken(&error))?;
        let reply = connection.send(request).await.map_err(|error| broken(&error))?;
        let too_large = || {
            let detail = format!("{}: the answer is larger than {} MiB", ask.path, LARGEST >> 20);
            Fault::new(Reason::TooLarge, detail)
        };
        if reply.content_length.is_some_and(|length| length > LARGEST as u64) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = connection.chunk().await.map_err(|error| broken(&error))? {
            if body.len() + chunk.len() > LARGEST {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status: reply.status, body })
    }
}

/// Where an API is, and who resolves its name.
#[derive(Debug)]
pub(super) struct Way<'a> {
    pub(super) base: &'a Base,
    pub(super) resolver: &'a Arc<Resolver>,
}

impl Way<'_> {
    pub(super) async fn get(&self, path: &str, token: Option<&Secret>) -> Result<Answer, Fault> {
        let ask = Ask { method: Method::GET, path, token, body: Bytes::new() };
        self.base.ask(self.resolver, ask).await
    }

    pub(super) async fn post(&self, path: &str, body: impl Into<Bytes>) -> Result<Answer, Fault> {
        let ask = Ask { method: Method::POST, path, token: None, body: body.into() };
        self.base.ask(self.resolver, ask).await
    }
}
