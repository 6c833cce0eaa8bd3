//! Why an exchange failed.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use crate::tls;

/// The closed set of reasons; [`Reason::word`] is what a metric's label shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The peer closed or reset the connection before the exchange was complete.
    ConnectionClosed,
    /// What arrived is not HTTP, or breaks its rules; also an HTTP/2 stream that the peer reset.
    Protocol,
    /// The head is larger than [`Limits::head_bytes`](crate::http::Limits) or has too many headers.
    HeadTooLarge,
    /// The TLS layer below failed: an alert that came after the handshake, as a TLS 1.3 server sends when it misses a
    /// client certificate.
    Tls(tls::Reason),
    /// The request cannot be said in this protocol: a fault of the caller's, not of the peer's.
    Request,
}

impl Reason {
    /// The reason as it stands in `probe_failure_info`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::ConnectionClosed => "connection_closed",
            Self::Protocol | Self::HeadTooLarge => "protocol_error",
            Self::Tls(reason) => reason.word(),
            Self::Request => "internal",
        }
    }
}

/// A failed exchange: the reason for machines, the words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpError {
    /// From the closed set.
    pub reason: Reason,
    /// The cause in words, lower case.
    pub detail: String,
}

impl HttpError {
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// The reason as it stands in `probe_failure_info`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.reason.word()
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl StdError for HttpError {}

/// Judges an I/O error below HTTP: what TLS said, or else a connection that ended.
pub(super) fn from_io(error: &io::Error) -> HttpError {
    if let Some((reason, detail)) = tls::io_failure(error) {
        return HttpError::new(Reason::Tls(reason), detail);
    }
    let words = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the peer closed the connection".to_owned(),
        _ => error.to_string().to_lowercase(),
    };
    HttpError::new(Reason::ConnectionClosed, words)
}

impl From<h2::Error> for HttpError {
    fn from(error: h2::Error) -> Self {
        if let Some(io) = error.get_io() {
            return from_io(io);
        }
        if error.is_go_away() && error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR) {
            return Self::new(Reason::ConnectionClosed, "the peer said goaway");
        }
        let who = if error.is_remote() { "the peer" } else { "we" };
        match error.reason() {
            Some(code) if error.is_reset() => {
                Self::new(Reason::Protocol, format!("{who} reset the http/2 stream: {}", code.description()))
            }
            Some(code) if error.is_go_away() => Self::new(
                Reason::Protocol,
                format!("{who} ended the http/2 connection: {}", code.description()),
            ),
            _ => Self::new(Reason::Protocol, error.to_string()),
        }
    }
}
