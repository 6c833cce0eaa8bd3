//! The HTTP/1.1 side, over hyper's connection, which is polled beside the exchange instead of in a task of its own.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::connection::{Limits, Reply};
use super::error::{HttpError, Reason};

/// hyper refuses a smaller buffer.
const SMALLEST_BUFFER: usize = 8 * 1024;

pub(super) struct Http1<S: AsyncRead + AsyncWrite + Unpin> {
    sender: SendRequest<Full<Bytes>>,
    driver: Driver<S>,
    body: Option<Incoming>,
    pub(super) trailers: Option<HeaderMap>,
}

/// hyper's connection and how it ended. It is polled without shutting the stream down, so that a CONNECT can give the
/// stream back.
struct Driver<S: AsyncRead + AsyncWrite + Unpin> {
    connection: Connection<TokioIo<S>, Full<Bytes>>,
    end: Option<Result<(), HttpError>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    /// Moves the connection on; true when it has ended.
    fn advance(&mut self, cx: &mut Context<'_>) -> bool {
        if self.end.is_none()
            && let Poll::Ready(end) = self.connection.poll_without_shutdown(cx)
        {
            self.end = Some(end.map_err(HttpError::from));
        }
        self.end.is_some()
    }

    fn why(&mut self) -> HttpError {
        match self.end.take() {
            Some(Err(error)) => {
                self.end = Some(Err(error.clone()));
                error
            }
            end => {
                self.end = end;
                HttpError::new(Reason::ConnectionClosed, "the peer closed the connection")
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Http1<S> {
    pub(super) async fn open(stream: S, limits: Limits) -> Result<Self, HttpError> {
        let mut builder = Builder::new();
        builder.max_buf_size(limits.head_bytes.max(SMALLEST_BUFFER));
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, driver: Driver { connection, end: None }, body: None, trailers: None })
    }

    pub(super) async fn send(&mut self, request: Request<Bytes>) -> Result<Reply, HttpError> {
        self.finish_earlier().await?;
        self.trailers = None;
        let mut answer = pin!(self.sender.send_request(request.map(Full::new)));
        let driver = &mut self.driver;
        let response = poll_fn(|cx| {
            // The connection first: only it moves bytes. Then whether that brought an answer, even if it has ended since.
            let ended = driver.advance(cx);
            match answer.as_mut().poll(cx) {
                Poll::Ready(Ok(response)) => Poll::Ready(Ok(response)),
                Poll::Ready(Err(error)) if error.is_canceled() || error.is_closed() => {
                    Poll::Ready(Err(driver.why()))
                }
                Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
                Poll::Pending if ended => Poll::Ready(Err(driver.why())),
                Poll::Pending => Poll::Pending,
            }
        })
        .await?;
        let (head, body) = response.into_parts();
        self.body = Some(body);
        Ok(Reply::new(head.status, head.version, head.headers))
    }

    /// A kept-alive connection takes the next request once the body before has been read and hyper is ready.
    async fn finish_earlier(&mut self) -> Result<(), HttpError> {
        self.body = None;
        let (sender, driver) = (&mut self.sender, &mut self.driver);
        poll_fn(|cx| {
            let ended = driver.advance(cx);
            match sender.poll_ready(cx) {
                Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
                Poll::Ready(Err(_)) => Poll::Ready(Err(driver.why())),
                Poll::Pending if ended => Poll::Ready(Err(driver.why())),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        let (driver, trailers) = (&mut self.driver, &mut self.trailers);
        let Some(body) = self.body.as_mut() else { return Ok(None) };
        let next = poll_fn(|cx| {
            loop {
                let ended = driver.advance(cx);
                match Pin::new(&mut *body).poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                        Ok(data) if data.is_empty() => {}
                        Ok(data) => return Poll::Ready(Ok(Some(data))),
                        Err(frame) => *trailers = frame.into_trailers().ok(),
                    },
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error.into())),
                    Poll::Ready(None) => return Poll::Ready(Ok(None)),
                    Poll::Pending if ended => return Poll::Ready(Err(driver.why())),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
        if !matches!(next, Ok(Some(_))) {
            self.body = None;
        }
        next
    }

    pub(super) fn into_stream(self) -> Result<(S, Bytes), HttpError> {
        if let Some(Err(error)) = self.driver.end {
            return Err(error);
        }
        let parts = self.driver.connection.into_parts();
        Ok((parts.io.into_inner(), parts.read_buf))
    }

    pub(super) async fn close(self) {
        let mut stream = self.driver.connection.into_parts().io.into_inner();
        // One attempt: a peer that does not read must not hold the probe up.
        poll_fn(|cx| {
            let _ = Pin::new(&mut stream).poll_shutdown(cx);
            Poll::Ready(())
        })
        .await;
    }
}
