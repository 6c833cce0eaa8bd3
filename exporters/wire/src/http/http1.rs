//! The HTTP/1.1 side. hyper's client would do, but for what it holds of memory while a peer lets us wait (a channel, two
//! buffers: 25 kB): here a connection that waits holds its request and nothing else.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, Method, Request};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::{Limits, Reply};
use super::error::{HttpError, Reason, from_io};
use super::framing::{Framing, Piece};
use super::head::{self, Pace};
use super::request;

/// What is read at once. It lies on the stack while the socket is asked, so that waiting costs no memory.
const READ: usize = 16 * 1024;

pub(super) struct Http1<S> {
    stream: S,
    limits: Limits,
    /// What is still to be written: the request's head, then its body.
    outgoing: [Bytes; 2],
    /// Written, but perhaps not on its way: TLS has a buffer of its own.
    unflushed: bool,
    /// What has come and was not handed on.
    incoming: BytesMut,
    /// When to read a head of which more has come.
    pace: Pace,
    framing: Framing,
    pub(super) trailers: Option<HeaderMap>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Http1<S> {
    pub(super) fn open(stream: S, limits: Limits) -> Self {
        Self {
            stream,
            limits,
            outgoing: [Bytes::new(), Bytes::new()],
            unflushed: false,
            incoming: BytesMut::new(),
            pace: Pace::default(),
            framing: Framing::Done,
            trailers: None,
        }
    }

    pub(super) async fn send(&mut self, request: Request<Bytes>) -> Result<Reply, HttpError> {
        self.finish_earlier().await?;
        self.trailers = None;
        let method = request.method().clone();
        self.outgoing = request::encode(request);
        self.unflushed = true;
        poll_fn(|cx| self.poll_reply(cx, &method)).await
    }

    fn poll_reply(&mut self, cx: &mut Context<'_>, method: &Method) -> Poll<Result<Reply, HttpError>> {
        // A peer may answer before it has taken the body, and close: then its answer counts, and if there is none, how it
        // closed (an alert of TLS) tells more than that it could not be told all.
        let sent = self.poll_send(cx);
        let mut ended = false;
        loop {
            if ended || self.pace.is_worth(&self.incoming, self.limits.head_bytes) {
                if let Some(reply) = head::reply(&mut self.incoming, self.limits.head_bytes)? {
                    self.pace = Pace::default();
                    self.framing = Framing::of(method, reply.status, &reply.headers)?;
                    return Poll::Ready(Ok(reply));
                }
                self.pace.in_vain(&self.incoming);
            }
            if ended {
                return Poll::Ready(Err(self.closed()));
            }
            match (self.poll_fill(cx), &sent) {
                // What it is that was cut off may still tell more than that it was.
                (Poll::Ready(Ok(0)), _) => ended = true,
                (Poll::Ready(Ok(_)), _) => {}
                (Poll::Ready(Err(error)), _) => return Poll::Ready(Err(error)),
                (Poll::Pending, Poll::Ready(Err(error))) => return Poll::Ready(Err(from_io(error))),
                (Poll::Pending, _) => return Poll::Pending,
            }
        }
    }

    fn closed(&self) -> HttpError {
        if !self.incoming.is_empty() {
            return cut_short();
        }
        HttpError::new(Reason::ConnectionClosed, "the peer closed the connection")
    }

    /// Writes what is left of the request as far as the stream takes it.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        for part in &mut self.outgoing {
            while !part.is_empty() {
                match ready!(Pin::new(&mut self.stream).poll_write(cx, part)) {
                    Ok(0) => return self.cannot_send(io::ErrorKind::WriteZero.into()),
                    Ok(length) => part.advance(length),
                    Err(error) => return self.cannot_send(error),
                }
            }
            *part = Bytes::new();
        }
        if self.unflushed {
            let flushed = ready!(Pin::new(&mut self.stream).poll_flush(cx));
            self.unflushed = false;
            flushed?;
        }
        Poll::Ready(Ok(()))
    }

    fn cannot_send(&mut self, error: io::Error) -> Poll<io::Result<()>> {
        self.outgoing = [Bytes::new(), Bytes::new()];
        self.unflushed = false;
        Poll::Ready(Err(error))
    }

    /// Reads once; 0 is the peer's end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, HttpError>> {
        let mut room = [const { MaybeUninit::uninit() }; READ];
        let mut room = ReadBuf::uninit(&mut room);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut room)).map_err(|error| from_io(&error))?;
        self.incoming.extend_from_slice(room.filled());
        Poll::Ready(Ok(room.filled().len()))
    }

    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, HttpError>> {
        // What the peer does not want to hear any more is no failure of what it says.
        let _ = self.poll_send(cx);
        loop {
            match self.framing.take(&mut self.incoming, self.limits.head_bytes) {
                Ok(Piece::Data(data)) => return Poll::Ready(Ok(Some(data))),
                Ok(Piece::End(trailers)) => {
                    if trailers.is_some() {
                        self.trailers = trailers;
                    }
                    return Poll::Ready(Ok(None));
                }
                Ok(Piece::More) => {}
                Err(error) => return self.broken(error),
            }
            match ready!(self.poll_fill(cx)) {
                Ok(0) if self.framing == Framing::UntilEnd => {
                    self.framing = Framing::Done;
                    return Poll::Ready(Ok(None));
                }
                Ok(0) => return self.broken(cut_short()),
                Ok(_) => {}
                Err(error) => return self.broken(error),
            }
        }
    }

    fn broken(&mut self, error: HttpError) -> Poll<Result<Option<Bytes>, HttpError>> {
        self.framing = Framing::Done;
        Poll::Ready(Err(error))
    }

    /// Before the next request: to the end of a body that was not read, if that is near.
    async fn finish_earlier(&mut self) -> Result<(), HttpError> {
        let mut left = self.limits.head_bytes;
        while let Some(data) = self.chunk().await? {
            left = left.checked_sub(data.len()).ok_or_else(|| {
                HttpError::new(Reason::ConnectionClosed, "the answer before was too long to be passed over")
            })?;
        }
        Ok(())
    }

    pub(super) fn into_stream(self) -> (S, Bytes) {
        (self.stream, self.incoming.freeze())
    }

    /// By its box: moved into the future, the connection would take the room of each future around it once more.
    pub(super) async fn close(mut self: Box<Self>) {
        // One attempt: a peer that does not read must not hold the probe up.
        poll_fn(|cx| {
            let _ = Pin::new(&mut self.stream).poll_shutdown(cx);
            Poll::Ready(())
        })
        .await;
    }
}

fn cut_short() -> HttpError {
    HttpError::new(Reason::ConnectionClosed, "the peer closed the connection before the answer was complete")
}
