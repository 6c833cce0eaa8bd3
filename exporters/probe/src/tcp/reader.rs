//! Lines and bytes from a stream. Everything that was read and not yet taken stays in one buffer, so that a step that
//! wants bytes finds those which came with the line before.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::tls::TlsStream;

/// How long a peer must be silent before what it sent without a newline counts as a line. Long enough for the rest of a
/// line that two segments carry, short beside any timeout.
const SILENCE: Duration = Duration::from_millis(50);
/// The longest line; blackbox_exporter's scanner gives up at the same size.
const LONGEST: usize = 64 * 1024;

/// A connection, plain or secured.
pub(super) enum Line {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Line {
    async fn read(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        match self {
            Line::Plain(stream) => stream.read_buf(buffer).await,
            Line::Tls(stream) => stream.read_buf(buffer).await,
        }
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Line::Plain(stream) => stream.write_all(bytes).await,
            Line::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }
}

/// What reading came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// A line, its end taken off.
    Line(Bytes),
    /// The peer closed, and nothing is left.
    End,
    /// A line without end.
    TooLong,
}

/// A connection and what was read from it too early.
pub(super) struct Reader {
    pub(super) line: Line,
    /// Lines are split off its front without moving what follows: 64 KiB of empty lines are no more work than one.
    buffer: BytesMut,
    /// Bytes of `buffer` that hold no newline, so that they are not searched again.
    searched: usize,
    closed: bool,
}

impl Reader {
    pub(super) fn new(line: Line) -> Self {
        Self { line, buffer: BytesMut::new(), searched: 0, closed: false }
    }

    /// Gives the connection back, and how many bytes nobody took.
    pub(super) fn into_line(self) -> (Line, usize) {
        (self.line, self.buffer.len())
    }

    /// Gives the next line to `matches` until that is content, and takes it. What no newline ends is shown once the peer
    /// is silent or gone; if it does not match, it is kept, for its rest may still come.
    pub(super) async fn line_that(&mut self, mut matches: impl FnMut(&[u8]) -> bool) -> io::Result<Got> {
        loop {
            while let Some(line) = self.take_line() {
                if matches(&line) {
                    return Ok(Got::Line(line));
                }
            }
            if self.closed {
                let rest = self.buffer.split().freeze();
                self.searched = 0;
                return Ok(if !rest.is_empty() && matches(&rest) { Got::Line(rest) } else { Got::End });
            }
            if self.buffer.len() > LONGEST {
                return Ok(Got::TooLong);
            }
            if self.buffer.is_empty() {
                self.fill().await?;
                continue;
            }
            match tokio::time::timeout(SILENCE, self.fill()).await {
                Ok(filled) => filled?,
                Err(_) if matches(&self.buffer) => {
                    self.searched = 0;
                    return Ok(Got::Line(self.buffer.split().freeze()));
                }
                Err(_) => self.fill().await?,
            }
        }
    }

    /// As many bytes as `count`; fewer only if the peer closes.
    pub(super) async fn bytes(&mut self, count: usize) -> io::Result<Bytes> {
        while self.buffer.len() < count && !self.closed {
            self.fill().await?;
        }
        self.searched = 0;
        Ok(self.buffer.split_to(count.min(self.buffer.len())).freeze())
    }

    async fn fill(&mut self) -> io::Result<()> {
        self.buffer.reserve(512);
        self.closed = self.line.read(&mut self.buffer).await? == 0;
        Ok(())
    }

    fn take_line(&mut self) -> Option<Bytes> {
        let Some(at) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') else {
            self.searched = self.buffer.len();
            return None;
        };
        let end = self.searched + at;
        let mut line = self.buffer.split_to(end + 1);
        self.searched = 0;
        line.truncate(end);
        if line.last() == Some(&b'\r') {
            line.truncate(end - 1);
        }
        Some(line.freeze())
    }
}
