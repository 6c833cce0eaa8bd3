//! The HTTP/2 side, over h2's connection, which is polled beside the exchange instead of in a task of its own: hyper's
//! HTTP/2 client would want an executor.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, Version};
use tokio::io::{AsyncRead, AsyncWrite};

use super::connection::{Limits, Reply};
use super::error::{HttpError, Reason};

/// The largest window of RFC 9113 §6.9.1.
const LARGEST_WINDOW: u32 = (1 << 31) - 1;

pub(super) struct Http2<S> {
    /// Gone once the connection is being closed.
    sender: Option<SendRequest<Bytes>>,
    driver: Driver<S>,
    body: Option<RecvStream>,
    /// Kept while the answer is read: dropping it before the request's body is out would reset the stream.
    outgoing: Option<SendStream<Bytes>>,
    pub(super) trailers: Option<HeaderMap>,
}

struct Driver<S> {
    connection: Connection<S, Bytes>,
    end: Option<Option<HttpError>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    fn advance(&mut self, cx: &mut Context<'_>) -> bool {
        if self.end.is_none()
            && let Poll::Ready(end) = Pin::new(&mut self.connection).poll(cx)
        {
            self.end = Some(end.err().map(HttpError::from));
        }
        self.end.is_some()
    }

    fn why(&self) -> HttpError {
        match &self.end {
            Some(Some(error)) => error.clone(),
            _ => HttpError::new(Reason::ConnectionClosed, "the peer closed the connection"),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Http2<S> {
    pub(super) async fn open(stream: S, limits: Limits) -> Result<Self, HttpError> {
        let window = limits.window_bytes.clamp(1, LARGEST_WINDOW);
        let (sender, connection) = Builder::new()
            .enable_push(false)
            .initial_window_size(window)
            .initial_connection_window_size(window)
            .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
            .max_concurrent_reset_streams(4)
            .handshake(stream)
            .await?;
        Ok(Self {
            sender: Some(sender),
            driver: Driver { connection, end: None },
            body: None,
            outgoing: None,
            trailers: None,
        })
    }

    pub(super) async fn send(&mut self, request: Request<Bytes>) -> Result<Reply, HttpError> {
        self.body = None;
        self.outgoing = None;
        self.trailers = None;
        let driver = &mut self.driver;
        let Some(sender) = &mut self.sender else { return Err(driver.why()) };
        poll_fn(|cx| {
            let ended = driver.advance(cx);
            match sender.poll_ready(cx) {
                Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) => Poll::Ready(Err(if ended { driver.why() } else { error.into() })),
                Poll::Pending if ended => Poll::Ready(Err(driver.why())),
                Poll::Pending => Poll::Pending,
            }
        })
        .await?;
        let (head, body) = request.into_parts();
        let (mut answer, mut outgoing) =
            sender.send_request(Request::from_parts(head, ()), body.is_empty())?;
        if !body.is_empty() {
            outgoing.send_data(body, true)?;
            self.outgoing = Some(outgoing);
        }
        let response = poll_fn(|cx| {
            let ended = driver.advance(cx);
            match Pin::new(&mut answer).poll(cx) {
                Poll::Ready(Ok(response)) => Poll::Ready(Ok(response)),
                // The connection's own end tells more than what it did to the stream.
                Poll::Ready(Err(error)) => {
                    Poll::Ready(Err(if ended && !error.is_reset() { driver.why() } else { error.into() }))
                }
                Poll::Pending if ended => Poll::Ready(Err(driver.why())),
                Poll::Pending => Poll::Pending,
            }
        })
        .await?;
        let (head, body) = response.into_parts();
        self.body = Some(body);
        Ok(Reply::new(head.status, Version::HTTP_2, head.headers))
    }

    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        let (driver, trailers) = (&mut self.driver, &mut self.trailers);
        let Some(body) = self.body.as_mut() else { return Ok(None) };
        let next = poll_fn(|cx| {
            let ended = driver.advance(cx);
            loop {
                match body.poll_data(cx) {
                    Poll::Ready(Some(Ok(data))) => {
                        // What has been handed on no longer counts against the window; the update leaves with the next
                        // poll of the connection.
                        if let Err(error) = body.flow_control().release_capacity(data.len()) {
                            return Poll::Ready(Err(error.into()));
                        }
                        if !data.is_empty() {
                            return Poll::Ready(Ok(Some(data)));
                        }
                    }
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error.into())),
                    Poll::Ready(None) => break,
                    Poll::Pending if ended => return Poll::Ready(Err(driver.why())),
                    Poll::Pending => return Poll::Pending,
                }
            }
            match body.poll_trailers(cx) {
                Poll::Ready(Ok(found)) => {
                    *trailers = found;
                    Poll::Ready(Ok(None))
                }
                Poll::Ready(Err(error)) => Poll::Ready(Err(HttpError::from(error))),
                Poll::Pending if ended => Poll::Ready(Err(driver.why())),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        if !matches!(next, Ok(Some(_))) {
            self.body = None;
            self.outgoing = None;
        }
        next
    }

    /// By its box: moved into the future, the connection would take the room of each future around it once more.
    pub(super) async fn close(mut self: Box<Self>) {
        self.body = None;
        self.outgoing = None;
        // Without a handle the connection sends GOAWAY and shuts the stream down; one attempt, as for HTTP/1.1.
        self.sender = None;
        poll_fn(|cx| {
            self.driver.advance(cx);
            Poll::Ready(())
        })
        .await;
    }
}
