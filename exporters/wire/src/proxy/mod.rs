//! A tunnel through a proxy: the connection to the proxy is the caller's, and becomes one to the target.
//!
//! | file | what it holds |
//! |---|---|
//! | `connect` | HTTP's CONNECT (RFC 9110 §9.3.6) |
//! | `socks` | SOCKS 5 (RFC 1928), with a user and password (RFC 1929) if it wants them |
//!
//! There is no deadline here: the caller drops the future when its own has passed.

mod connect;
pub(crate) mod socks;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};
use tokio::net::TcpStream;
use url::Url;

use crate::http::HttpError;

/// A proxy, as a URL names it. Its `Debug` hides the password.
#[derive(Clone)]
pub struct Proxy {
    /// Its name or address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What is spoken with it.
    pub kind: Kind,
    user: Option<(String, String)>,
    authorization: Option<HeaderValue>,
}

/// What is spoken with a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Plain HTTP.
    Http,
    /// SOCKS 5.
    Socks5,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("kind", &self.kind)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user.is_some())
            .finish()
    }
}

/// Why there is no tunnel.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The exchange with a proxy of HTTP failed.
    #[error("proxy: {0}")]
    Http(#[from] HttpError),
    /// The proxy said no, or something else than its protocol allows.
    #[error("proxy: {0}")]
    Refused(String),
    /// The connection to the proxy broke off.
    #[error("proxy: {0}")]
    Io(#[from] std::io::Error),
}

impl Proxy {
    /// From `http://[user:password@]host[:port]` (port 80), `socks5://…` (port 1080; `socks5h` is the same: names are always
    /// left to whoever asks for the tunnel), or `host:port`, which is http.
    ///
    /// # Errors
    /// What is wrong with it. The text may hold a password, so no cause repeats it.
    pub fn read(text: &str) -> Result<Self, String> {
        let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&text).map_err(|error| format!("not a url: {error}"))?;
        let (kind, usual) = match url.scheme() {
            "http" => (Kind::Http, 80),
            "socks5" | "socks5h" => (Kind::Socks5, 1080),
            other => {
                return Err(format!(
                    "scheme {other:?}: only proxies that speak plain http or socks5 are supported"
                ));
            }
        };
        let user = (!url.username().is_empty())
            .then(|| (decoded(url.username()), decoded(url.password().unwrap_or_default())));
        let authorization = match (&user, kind) {
            (Some((user, password)), Kind::Http) => Some(basic(user, password)?),
            _ => None,
        };
        if let (Some((user, password)), Kind::Socks5) = (&user, kind)
            && [user, password].iter().any(|part| !(1..=255).contains(&part.len()))
        {
            return Err("socks5 takes a user and a password of 1 to 255 bytes".to_owned());
        }
        let host = url.host_str().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err("no host".to_owned());
        }
        Ok(Self { host: host.to_owned(), port: url.port().unwrap_or(usual), kind, user, authorization })
    }

    /// The header by which a proxy of HTTP knows its user; for requests that are sent to it without a tunnel.
    #[must_use]
    pub fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// Makes a connection to the proxy one to the target: a name, which the proxy resolves, or an address without brackets.
    /// `headers` go with HTTP's CONNECT.
    ///
    /// # Errors
    /// See [`ProxyError`].
    pub async fn tunnel(
        &self,
        stream: TcpStream,
        host: &str,
        port: u16,
        headers: &HeaderMap,
    ) -> Result<TcpStream, ProxyError> {
        match self.kind {
            Kind::Http => connect::tunnel(stream, host, port, headers, self.authorization()).await,
            Kind::Socks5 => socks::tunnel(stream, host, port, self.user.as_ref()).await,
        }
    }
}

/// RFC 7617: a header's value that is never shown.
///
/// # Errors
/// A character that no header may hold.
pub fn basic(user: &str, password: &str) -> Result<HeaderValue, String> {
    let text = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| "credentials hold a character that no header may".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

/// A part of a URL without its percent signs.
#[must_use]
pub fn decoded(text: &str) -> String {
    let pair = format!("={}", text.replace('+', "%2B"));
    let decoded = url::form_urlencoded::parse(pair.as_bytes()).next();
    decoded.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_has_a_host_a_port_and_perhaps_a_password() {
        for (text, kind, host, port) in [
            ("http://me:p%40ss@proxy.test:3128", Kind::Http, "proxy.test", 3128),
            ("proxy.test:3128", Kind::Http, "proxy.test", 3128),
            ("http://[::1]/", Kind::Http, "::1", 80),
            ("socks5://me:p%40ss@proxy.test", Kind::Socks5, "proxy.test", 1080),
            ("socks5h://10.0.0.1:9050", Kind::Socks5, "10.0.0.1", 9050),
        ] {
            let proxy = Proxy::read(text).unwrap_or_else(|cause| panic!("{text}: {cause}"));
            assert_eq!((proxy.kind, proxy.host.as_str(), proxy.port), (kind, host, port), "{text}");
            assert!(!format!("{proxy:?}").contains("p@ss"));
        }
        let proxy = Proxy::read("http://me:p%40ss@proxy.test:3128").unwrap();
        assert_eq!(proxy.authorization(), Some(&basic("me", "p@ss").unwrap()));
        for (text, want) in [
            ("https://me:secret@proxy.test", "scheme \"https\""),
            ("socks5://me@proxy.test", "1 to 255 bytes"),
            ("http://", "not a url"),
        ] {
            let cause = Proxy::read(text).err().unwrap_or_else(|| panic!("{text} was taken"));
            assert!(cause.contains(want) && !cause.contains("secret"), "{text}: {cause}");
        }
    }
}
