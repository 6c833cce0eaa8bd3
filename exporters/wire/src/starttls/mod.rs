//! From a protocol's own clear text to the moment where TLS begins.
//!
//! [`upgrade`] holds the dialogue of one protocol over a fresh connection; when it returns, the next byte from either side
//! belongs to TLS. There is no deadline here: the caller holds one for the whole probe and drops the future when it has
//! passed. What a server sends is never trusted and never kept at length ([`MAX_LINE`], [`MAX_BYTES`]).
//!
//! | file | what it holds |
//! |---|---|
//! | `protocol` | [`Protocol`]: the table; a new dialogue is one file and one line there |
//! | `peer` | the reader: lines and bytes within limits, and none swallowed |
//! | `reply` | replies that begin with three digits: SMTP, LMTP, FTP, NNTP |
//! | `error` | [`StartTlsError`] and its closed set of reasons |
//! | `smtp`, `imap`, … | one dialogue each |
//!
//! A server that says more than its go-ahead before TLS begins is an error of its own: a man in the middle can place text
//! there that a careless client takes for something said inside TLS (CVE-2011-0411, CVE-2021-23222).

mod error;
mod ftp;
mod imap;
mod irc;
mod ldap;
mod mysql;
mod nntp;
mod peer;
mod pop3;
mod postgres;
mod protocol;
mod reply;
mod sieve;
mod smtp;
mod xmpp;

#[cfg(test)]
mod tests;

use tokio::io::{AsyncRead, AsyncWrite};

pub use error::{Reason, StartTlsError};
pub use peer::{MAX_BYTES, MAX_LINE};
pub use protocol::{Protocol, UnknownProtocol};

use peer::Peer;

/// What the server said of itself before TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Greeting {
    /// Its first line, or its version where the protocol has such a field; printable ASCII, at most 200 characters. Empty
    /// where a server says nothing (LDAP, PostgreSQL). Anybody on the way may have written it.
    pub text: String,
}

/// Holds `protocol`'s dialogue over a connection on which nothing has been said, up to where TLS begins.
///
/// `name` is the host that the server is asked to be, which only XMPP says before TLS (RFC 6120 §4.7.2).
///
/// # Errors
/// The server does not offer TLS, refuses it, speaks another protocol, says too much or ends the connection.
pub async fn upgrade<S>(stream: &mut S, protocol: Protocol, name: &str) -> Result<Greeting, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut peer = Peer::new(stream, protocol);
    let text = protocol.dialogue(&mut peer, name).await?;
    peer.expect_silence().await?;
    Ok(Greeting { text })
}
