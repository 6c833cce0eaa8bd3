//! The other side of a dialogue: lines and bytes within limits, and none swallowed.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use super::Protocol;
use super::error::{Reason, StartTlsError};

/// The longest line, bytes: SMTP has 512, but an IMAP server's capabilities may take thousands.
pub const MAX_LINE: usize = 8 * 1024;
/// The most that a server may say before TLS, bytes: banners and capabilities take a few thousand.
pub const MAX_BYTES: usize = 64 * 1024;
/// How much of what came is shown.
const SHOWN: usize = 200;

/// A connection in clear text. What has been read and not yet taken stays in `buffer`.
pub(super) struct Peer<'a, S> {
    stream: &'a mut S,
    protocol: Protocol,
    buffer: Vec<u8>,
    taken: usize,
    total: usize,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Peer<'a, S> {
    pub(super) fn new(stream: &'a mut S, protocol: Protocol) -> Self {
        Self { stream, protocol, buffer: Vec::new(), taken: 0, total: 0 }
    }

    /// Sends all of it.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), StartTlsError> {
        let sent = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        sent.await.map_err(|error| self.fail(Reason::Closed, error.to_string().to_lowercase()))
    }

    /// Sends a command, to which the server has not answered yet: what it said unasked is an error.
    pub(super) async fn command(&mut self, line: &str) -> Result<(), StartTlsError> {
        self.expect_nothing_buffered()?;
        self.send(format!("{line}\r\n").as_bytes()).await
    }

    /// The next line without its end, which is LF or CR LF; bytes that are no UTF-8 are replaced.
    pub(super) async fn line(&mut self) -> Result<String, StartTlsError> {
        let mut searched = 0;
        loop {
            let waiting = &self.buffer[self.taken..];
            if let Some(&byte @ (0x15 | 0x16)) = waiting.first() {
                return Err(self.other(if byte == 0x15 { "a tls alert" } else { "a tls handshake" }));
            }
            let end = waiting[searched..].iter().position(|byte| *byte == b'\n').map(|at| searched + at);
            let length = end.unwrap_or(waiting.len());
            if waiting[searched..length].contains(&0) {
                return Err(self.other(&quote(&waiting[..length])));
            }
            if length > MAX_LINE {
                let detail = format!("a line of more than {MAX_LINE} bytes, which begins {}", quote(waiting));
                return Err(self.fail(Reason::TooMuch, detail));
            }
            if let Some(end) = end {
                let line = &waiting[..end];
                let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
                self.taken += end + 1;
                return Ok(line);
            }
            searched = length;
            self.fill().await?;
        }
    }

    /// The next `count` bytes.
    pub(super) async fn exact(&mut self, count: usize) -> Result<Vec<u8>, StartTlsError> {
        while self.buffer.len() - self.taken < count {
            self.fill().await?;
        }
        let bytes = self.buffer[self.taken..self.taken + count].to_vec();
        self.taken += count;
        Ok(bytes)
    }

    /// The next byte.
    pub(super) async fn byte(&mut self) -> Result<u8, StartTlsError> {
        loop {
            if let Some(byte) = self.buffer.get(self.taken) {
                self.taken += 1;
                return Ok(*byte);
            }
            self.fill().await?;
        }
    }

    /// What has come and is not taken yet.
    pub(super) fn waiting(&self) -> &[u8] {
        &self.buffer[self.taken..]
    }

    /// Refuses what has already come unasked.
    fn expect_nothing_buffered(&self) -> Result<(), StartTlsError> {
        let rest = self.waiting();
        if rest.is_empty() {
            return Ok(());
        }
        Err(self.fail(Reason::Injection, format!("the server said more than it was asked: {}", quote(rest))))
    }

    /// Refuses whatever came behind the go-ahead: inside TLS, the client speaks first.
    pub(super) async fn expect_silence(&mut self) -> Result<(), StartTlsError> {
        self.expect_nothing_buffered()?;
        let mut space = [0; 256];
        let mut read = ReadBuf::new(&mut space);
        // Asked once, not waited for: what is there already has come with the go-ahead or right behind it.
        let state =
            poll_fn(|context| Poll::Ready(Pin::new(&mut *self.stream).poll_read(context, &mut read))).await;
        match state {
            Poll::Pending => Ok(()),
            Poll::Ready(Err(error)) => Err(self.fail(Reason::Closed, error.to_string().to_lowercase())),
            Poll::Ready(Ok(())) if read.filled().is_empty() => {
                Err(self.fail(Reason::Closed, "the peer closed the connection after its go-ahead"))
            }
            Poll::Ready(Ok(())) => {
                self.buffer.extend_from_slice(read.filled());
                self.expect_nothing_buffered()
            }
        }
    }

    async fn fill(&mut self) -> Result<(), StartTlsError> {
        if self.total >= MAX_BYTES {
            let detail = format!("more than {MAX_BYTES} bytes before tls");
            return Err(self.fail(Reason::TooMuch, detail));
        }
        // Only what waits is kept: the whole holds less than a line and a read.
        self.buffer.drain(..self.taken);
        self.taken = 0;
        let mut chunk = [0; 2048];
        let room = chunk.len().min(MAX_BYTES - self.total);
        match self.stream.read(&mut chunk[..room]).await {
            Ok(0) => Err(self.closed()),
            Ok(count) => {
                self.buffer.extend_from_slice(&chunk[..count]);
                self.total += count;
                Ok(())
            }
            Err(error) => Err(self.fail(Reason::Closed, error.to_string().to_lowercase())),
        }
    }

    fn closed(&self) -> StartTlsError {
        let detail = match &self.buffer[self.taken..] {
            [] if self.total == 0 => "the peer closed the connection and said nothing".to_owned(),
            [] => "the peer closed the connection in the middle of the dialogue".to_owned(),
            half => format!("the peer closed the connection after {}", quote(half)),
        };
        self.fail(Reason::Closed, detail)
    }

    /// An error without a code.
    pub(super) fn fail(&self, reason: Reason, detail: impl Into<String>) -> StartTlsError {
        StartTlsError { protocol: self.protocol, reason, code: None, detail: detail.into() }
    }

    /// The server said no: `to` what, with its code, in its words.
    pub(super) fn refused(&self, to: &str, code: &str, said: &str) -> StartTlsError {
        let code = printable(code.as_bytes(), 40);
        let detail = format!("the server refuses {to} with {code}: {}", quote(said.as_bytes()));
        StartTlsError { protocol: self.protocol, reason: Reason::Refused, code: Some(code), detail }
    }

    /// The server has no TLS; `how` it showed.
    pub(super) fn not_offered(&self, how: &str) -> StartTlsError {
        self.fail(Reason::NotOffered, format!("the server does not offer tls: {how}"))
    }

    /// What came is not of this protocol.
    pub(super) fn other(&self, came: &str) -> StartTlsError {
        self.fail(Reason::NotThisProtocol, format!("the answer is not {}: {came}", self.protocol))
    }
}

/// What came, for people: quoted, escaped, cut.
pub(super) fn quote(bytes: &[u8]) -> String {
    let cut = if bytes.len() > SHOWN { "…" } else { "" };
    format!("\"{}\"{cut}", bytes[..bytes.len().min(SHOWN)].escape_ascii())
}

/// Printable ASCII of it, at most `most` characters.
pub(super) fn printable(bytes: &[u8], most: usize) -> String {
    bytes
        .iter()
        .map(|byte| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '?' })
        .take(most)
        .collect()
}

/// A greeting as [`Greeting`](super::Greeting) keeps it.
pub(super) fn greeting(text: &str) -> String {
    printable(text.trim().as_bytes(), SHOWN)
}
