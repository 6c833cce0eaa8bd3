//! A stream that has its answer ready, in pieces, and takes whatever is sent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// See the module.
pub(crate) struct Canned {
    answer: Vec<u8>,
    at: usize,
    piece: usize,
}

impl Canned {
    /// The first byte says how large the pieces are; the rest is the answer.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let (piece, answer) = match bytes.split_first() {
            Some((0, answer)) => (usize::MAX, answer),
            Some((piece, answer)) => (usize::from(*piece), answer),
            None => (1, bytes),
        };
        Self { answer: answer.to_vec(), at: 0, piece }
    }
}

impl AsyncRead for Canned {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = self.answer.len() - self.at;
        let count = rest.min(self.piece).min(out.remaining());
        out.put_slice(&self.answer[self.at..self.at + count]);
        self.at += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Canned {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
