//! One connection, one exchange at a time.

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Request, StatusCode, Version};
use tokio::io::{AsyncRead, AsyncWrite};

use super::error::{HttpError, Reason};
use super::framing::length_of;
use super::http1::Http1;
use super::http2::Http2;
use super::request;

/// Which HTTP to speak, as ALPN or the caller's configuration decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, with prior knowledge or after ALPN chose `h2`.
    Http2,
}

impl Protocol {
    /// What ALPN chose; everything but `h2` is HTTP/1.1.
    #[must_use]
    pub fn from_alpn(alpn: Option<&[u8]>) -> Self {
        if alpn == Some(b"h2") { Self::Http2 } else { Self::Http1 }
    }
}

/// What a peer may make us hold in memory.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The answer's head, in bytes; its trailers, too.
    pub head_bytes: usize,
    /// How much of a body HTTP/2 lets the peer send ahead of the reader, in bytes; at most 2^31 - 1.
    pub window_bytes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head_bytes: 64 * 1024, window_bytes: 64 * 1024 }
    }
}

/// The head of an answer. The body is read from the [`Connection`].
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status; never 1xx, those are skipped, save 101.
    pub status: StatusCode,
    /// The version the peer spoke: HTTP/1.0, HTTP/1.1 or HTTP/2.
    pub version: Version,
    /// All headers, in the order of arrival for those of one name.
    pub headers: HeaderMap,
    /// The length that the peer announced, in bytes, as it travels (compressed, if it is).
    pub content_length: Option<u64>,
    /// What an HTTP/1 peer says beside a status of 400 and above: for some APIs the only place of the cause. Else empty.
    pub phrase: Box<str>,
}

impl Reply {
    pub(super) fn new(status: StatusCode, version: Version, headers: HeaderMap) -> Self {
        let content_length = headers.get(CONTENT_LENGTH).and_then(|value| length_of(value.as_bytes()));
        Self { status, version, headers, content_length, phrase: Box::default() }
    }
}

/// One HTTP connection over a stream of the caller's.
///
/// Nothing moves unless [`Connection::send`] or [`Connection::chunk`] is awaited, and dropping it closes the stream.
pub struct Connection<S: AsyncRead + AsyncWrite + Unpin> {
    side: Side<S>,
    received: u64,
}

enum Side<S: AsyncRead + AsyncWrite + Unpin> {
    Http1(Box<Http1<S>>),
    Http2(Box<Http2<S>>),
}

impl<S> Connection<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    /// Takes the stream over. HTTP/1.1 sends nothing yet; HTTP/2 queues its preface.
    ///
    /// # Errors
    /// The stream failed while the preface was written.
    pub async fn open(stream: S, protocol: Protocol) -> Result<Self, HttpError> {
        Self::open_with(stream, protocol, Limits::default()).await
    }

    /// As [`Connection::open`], with other limits.
    ///
    /// # Errors
    /// The stream failed while the preface was written.
    pub async fn open_with(stream: S, protocol: Protocol, limits: Limits) -> Result<Self, HttpError> {
        let side = match protocol {
            Protocol::Http1 => Side::Http1(Box::new(Http1::open(stream, limits))),
            Protocol::Http2 => Side::Http2(Box::new(Http2::open(stream, limits).await?)),
        };
        Ok(Self { side, received: 0 })
    }

    /// Sends a request and waits for the answer's head.
    ///
    /// The URI is absolute, `http://host[:port]/path`; a `Host` header, if set, wins over the URI's authority, also as
    /// HTTP/2's `:authority`. `Content-Length` is added for a body. What is left of an earlier body is given up.
    ///
    /// # Errors
    /// The connection ended, or what came is not HTTP within the [`Limits`].
    pub async fn send(&mut self, request: Request<Bytes>) -> Result<Reply, HttpError> {
        self.received = 0;
        match &mut self.side {
            Side::Http1(side) => side.send(request::for_http1(request, false)?).await,
            Side::Http2(side) => side.send(request::for_http2(request)?).await,
        }
    }

    /// As [`Connection::send`] to a plain HTTP proxy: HTTP/1.1's request line carries the whole URI.
    ///
    /// # Errors
    /// As [`Connection::send`].
    pub async fn send_to_proxy(&mut self, request: Request<Bytes>) -> Result<Reply, HttpError> {
        self.received = 0;
        match &mut self.side {
            Side::Http1(side) => side.send(request::for_http1(request, true)?).await,
            Side::Http2(side) => side.send(request::for_http2(request)?).await,
        }
    }

    /// The next piece of the body as it travels (still compressed, if it is; chunking removed). `None` at its end.
    ///
    /// # Errors
    /// The connection ended before the body did, or broke the protocol's rules.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        let chunk = match &mut self.side {
            Side::Http1(side) => side.chunk().await?,
            Side::Http2(side) => side.chunk().await?,
        };
        if let Some(chunk) = &chunk {
            self.received += chunk.len() as u64;
        }
        Ok(chunk)
    }

    /// Bytes of the current answer's body that [`Connection::chunk`] has given so far.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The trailers, once [`Connection::chunk`] has given `None`; gRPC's status travels there.
    #[must_use]
    pub fn trailers(&self) -> Option<&HeaderMap> {
        match &self.side {
            Side::Http1(side) => side.trailers.as_ref(),
            Side::Http2(side) => side.trailers.as_ref(),
        }
    }

    /// Gives the stream back after a successful CONNECT or 101, with the bytes that were already read from it.
    ///
    /// # Errors
    /// HTTP/2 has no such thing.
    pub fn into_stream(self) -> Result<(S, Bytes), HttpError> {
        match self.side {
            Side::Http1(side) => Ok(side.into_stream()),
            Side::Http2(_) => {
                Err(HttpError::new(Reason::Request, "an http/2 connection cannot be taken over"))
            }
        }
    }

    /// Ends the connection politely (close_notify, GOAWAY) as far as that needs no waiting, then drops it.
    pub async fn close(self) {
        match self.side {
            Side::Http1(side) => side.close().await,
            Side::Http2(side) => side.close().await,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> std::fmt::Debug for Connection<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let protocol = match self.side {
            Side::Http1(_) => Protocol::Http1,
            Side::Http2(_) => Protocol::Http2,
        };
        f.debug_struct("Connection").field("protocol", &protocol).field("received", &self.received).finish()
    }
}
