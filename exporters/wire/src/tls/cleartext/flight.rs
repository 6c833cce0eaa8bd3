//! A server's first flight: records and handshake messages put together again, within limits (RFC 5246 §6.2.1).

use std::fmt;

use rustls::AlertDescription;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::super::failure::{HandshakeError, Reason, alert_name};

/// The most that is taken from a server, bytes, headers included: a chain of a few certificates takes thousands.
pub const MAX_BYTES: usize = 1 << 20;
/// The most certificates that are taken.
pub const MAX_CERTIFICATES: usize = 512;

/// The longest fragment of a record, bytes.
const MAX_FRAGMENT: usize = 1 << 14;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const WARNING: u8 = 1;

/// The bytes of handshake messages, of whatever records they come in. It holds one record.
pub(super) struct Flight<'a, S> {
    stream: &'a mut S,
    name: &'a str,
    fragment: Vec<u8>,
    taken: usize,
    total: usize,
}

impl<'a, S: AsyncRead + Unpin> Flight<'a, S> {
    pub(super) fn new(stream: &'a mut S, name: &'a str) -> Self {
        Self { stream, name, fragment: Vec::new(), taken: 0, total: 0 }
    }

    /// Whether the server has sent anything.
    pub(super) fn has_begun(&self) -> bool {
        self.total > 0
    }

    /// The next `count` bytes. Takes up memory only as they come.
    pub(super) async fn take(&mut self, count: usize) -> Result<Vec<u8>, HandshakeError> {
        if count > MAX_BYTES - self.total + self.waiting() {
            let cause = format!("a message of {count} bytes would exceed the limit of {MAX_BYTES} bytes");
            return Err(self.fail(cause));
        }
        let mut out = Vec::new();
        while out.len() < count {
            if self.waiting() == 0 {
                self.next_record().await?;
            }
            let part = self.waiting().min(count - out.len());
            // No doubling: what is reserved is never more than half of what has come.
            out.reserve_exact(part.max((out.len() / 2).min(count - out.len())));
            out.extend_from_slice(&self.fragment[self.taken..self.taken + part]);
            self.taken += part;
        }
        Ok(out)
    }

    /// The next `N` bytes, for headers.
    pub(super) async fn array<const N: usize>(&mut self) -> Result<[u8; N], HandshakeError> {
        let mut out = [0; N];
        for byte in &mut out {
            if self.waiting() == 0 {
                self.next_record().await?;
            }
            *byte = self.fragment[self.taken];
            self.taken += 1;
        }
        Ok(out)
    }

    fn waiting(&self) -> usize {
        self.fragment.len() - self.taken
    }

    /// Reads the next record with a part of a handshake in it; warnings on the way are passed over.
    async fn next_record(&mut self) -> Result<(), HandshakeError> {
        loop {
            let header = self.record_header().await?;
            let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
            if length == 0 || length > MAX_FRAGMENT {
                return Err(self.fail(format!("a record of {length} bytes")));
            }
            let mut fragment = std::mem::take(&mut self.fragment);
            fragment.resize(length, 0);
            self.taken = 0;
            let filled = self.fill(&mut fragment).await;
            self.fragment = fragment;
            filled?;
            match header[0] {
                HANDSHAKE => return Ok(()),
                ALERT => self.alert()?,
                kind => return Err(self.fail(format!("a record of type {kind} instead of a handshake"))),
            }
        }
    }

    /// Judges an alert: a warning is passed over, for an unknown name may be warned of before the certificate comes.
    fn alert(&mut self) -> Result<(), HandshakeError> {
        let [level, description] = self.fragment[..] else {
            return Err(self.fail("an alert that is not two bytes long"));
        };
        self.taken = self.fragment.len();
        if level == WARNING && description != 0 {
            return Ok(());
        }
        Err(HandshakeError::new(
            Reason::Alert,
            self.name,
            format!("the peer sent the alert {}", alert_name(AlertDescription::from(description))),
        ))
    }

    /// Judges each byte as it comes: what is not TLS may be shorter than a header, and then nothing follows.
    async fn record_header(&mut self) -> Result<[u8; 5], HandshakeError> {
        let (mut header, mut filled) = ([0; 5], 0);
        while filled < header.len() {
            filled += self.some(&mut header[filled..]).await?;
            if !(20..=23).contains(&header[0]) || filled > 1 && header[1] != 3 {
                return Err(self.not_tls(&header[..filled]));
            }
        }
        Ok(header)
    }

    async fn fill(&mut self, out: &mut [u8]) -> Result<(), HandshakeError> {
        let mut filled = 0;
        while filled < out.len() {
            filled += self.some(&mut out[filled..]).await?;
        }
        Ok(())
    }

    /// One read.
    async fn some(&mut self, out: &mut [u8]) -> Result<usize, HandshakeError> {
        let room = out.len().min(MAX_BYTES - self.total);
        if room == 0 {
            return Err(self.fail(format!("more than {MAX_BYTES} bytes and no end")));
        }
        let read = match self.stream.read(&mut out[..room]).await {
            Ok(0) => Err(std::io::ErrorKind::UnexpectedEof.into()),
            other => other,
        };
        let count = read.map_err(|error| HandshakeError::from_io(self.name, &error))?;
        self.total += count;
        Ok(count)
    }

    /// The peer breaks TLS's rules, or a limit of ours.
    pub(super) fn fail(&self, cause: impl fmt::Display) -> HandshakeError {
        HandshakeError::new(Reason::Handshake, self.name, format!("in clear: {cause}"))
    }

    fn not_tls(&self, came: &[u8]) -> HandshakeError {
        let cause = format!("the answer is not tls: it begins with \"{}\"", came.escape_ascii());
        HandshakeError::new(Reason::NotTls, self.name, cause)
    }
}
