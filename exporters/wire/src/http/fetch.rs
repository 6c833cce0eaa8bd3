//! A small document from an API, over a connection of its own: for what is asked a few times a minute.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::{Connection, Protocol};
use crate::dial::dial;
use crate::tls::{Alpn, Client};
use crate::{Egress, Preference, Resolver};

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
    /// What calls itself.
    agent: &'static str,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// The method.
    pub method: Method,
    /// What stands behind the base: a path from its slash on, or nothing.
    pub path: &'a str,
    /// A bearer token.
    pub token: Option<&'a str>,
    /// JSON; empty for none.
    pub body: Bytes,
    /// No more is read of the answer, in bytes.
    pub limit: usize,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Why nothing came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchReason {
    /// The name of the host has no address.
    Dns,
    /// No connection.
    Connect,
    /// No TLS, or a certificate that is not trusted.
    Tls,
    /// What came is not HTTP, or ended too early.
    Http,
    /// The answer is larger than the limit.
    TooLarge,
}

impl FetchReason {
    /// The reason as it stands in a label.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Http => "http",
            Self::TooLarge => "too_large",
        }
    }
}

/// A failed exchange: the reason for machines, the words for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct FetchError {
    /// From the closed set.
    pub reason: FetchReason,
    /// The cause in words, lower case; nothing of the answer or the token.
    pub detail: String,
}

impl FetchError {
    fn new(reason: FetchReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Base {
    /// A URL of http or https, with or without a path; the client is for https. `agent` is the User-Agent.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, tls: Client, agent: &'static str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|error| format!("not a URL: {error}"))?;
        let (usual, tls) = match uri.scheme_str() {
            Some("http") => (80, None),
            Some("https") => (443, Some(tls)),
            _ => return Err("not a URL of http or https".to_owned()),
        };
        let authority =
            uri.authority().filter(|authority| !authority.host().is_empty()).ok_or("no host in it")?;
        if authority.as_str().contains('@') {
            return Err("a user or password in it, which would be shown everywhere".to_owned());
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = authority.port_u16().unwrap_or(usual);
        Ok(Self { host, port, text: text.trim_end_matches('/').to_owned(), tls, agent })
    }

    /// Asks, at the first address that takes a connection. There is no deadline but the caller's. Redirects are not followed.
    ///
    /// # Errors
    /// No whole answer came.
    pub async fn ask(&self, resolver: &Resolver, ask: Ask<'_>) -> Result<Answer, FetchError> {
        let stream = self.connect(resolver).await?;
        match &self.tls {
            None => self.exchange(stream, ask).await,
            Some(client) => {
                let outcome = client.handshake(stream, &self.host, &Alpn::Http1).await;
                let refused =
                    |error: crate::tls::HandshakeError| FetchError::new(FetchReason::Tls, error.to_string());
                self.exchange(outcome.stream.map_err(refused)?, ask).await
            }
        }
    }

    async fn connect(&self, resolver: &Resolver) -> Result<TcpStream, FetchError> {
        let found = resolver
            .lookup(&self.host, Preference::default())
            .await
            .map_err(|error| FetchError::new(FetchReason::Dns, error.to_string()))?;
        let mut last = FetchError::new(FetchReason::Dns, format!("{} has no address", self.host));
        for ip in found {
            match dial(SocketAddr::new(ip, self.port), &Egress::default()).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = FetchError::new(FetchReason::Connect, error.to_string()),
            }
        }
        Err(last)
    }

    async fn exchange<S>(&self, stream: S, ask: Ask<'_>) -> Result<Answer, FetchError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let url = format!("{}{}", self.text, ask.path);
        let broken = |error: &dyn fmt::Display| FetchError::new(FetchReason::Http, format!("{url}: {error}"));
        let mut request = Request::builder()
            .method(&ask.method)
            .uri(&url)
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, self.agent)
            .header(CONNECTION, "close");
        if !ask.body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(token) = ask.token {
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| broken(&"the token cannot be sent in a header"))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let request = request.body(ask.body).map_err(|error| broken(&error))?;
        let mut connection =
            Connection::open(stream, Protocol::Http1).await.map_err(|error| broken(&error))?;
        let reply = connection.send(request).await.map_err(|error| broken(&error))?;
        let too_large = || {
            let detail = format!("{url}: the answer is larger than {} bytes", ask.limit);
            FetchError::new(FetchReason::TooLarge, detail)
        };
        if reply.content_length.is_some_and(|length| length > ask.limit as u64) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = connection.chunk().await.map_err(|error| broken(&error))? {
            if body.len() + chunk.len() > ask.limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status: reply.status, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Settings;

    #[test]
    fn urls_that_are_one_and_that_are_none() {
        let parse = |text: &str| Base::parse(text, Client::new(&Settings::default()).unwrap(), "test");
        for (text, host, port, shown) in [
            ("http://a.test:81", "a.test", 81, "http://a.test:81"),
            ("https://[2001:db8::1]/npm/", "2001:db8::1", 443, "https://[2001:db8::1]/npm"),
            ("http://192.0.2.1/sd?x=y", "192.0.2.1", 80, "http://192.0.2.1/sd?x=y"),
        ] {
            let base = parse(text).unwrap();
            assert_eq!((base.host.as_str(), base.port, base.to_string().as_str()), (host, port, shown));
        }
        for text in
            ["", "a.test", "ftp://a.test", "http://", "http:///x", "http://user:word@a.test", "http://a b"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
