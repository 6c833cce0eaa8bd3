//! The certificate of a server that rustls refuses, read from the beginning of a handshake that is not finished.
//!
//! Up to TLS 1.2 a server's first messages are not encrypted: version, cipher suite and certificates can be read without any
//! cryptography. Servers that stopped at TLS 1.0 or 1.1, that know only RSA key exchange, or whose keys, signatures, ciphers
//! or groups are too old, still have certificates that expire. What is read this way proves nothing: whoever answers may send
//! any certificate, for the key is never used. Say so wherever it is shown.
//!
//! | file | what it holds |
//! |---|---|
//! | `hello` | our ClientHello, which offers what was ever common |
//! | `flight` | records and handshake messages put together again, within limits |
//! | `server` | ServerHello and Certificate |
//! | `suites` | cipher suites and their names |
//! | `acceptance` | [`accepts`]: which versions a server speaks |
//!
//! There is no deadline here: the caller drops the future when its own has passed.

mod acceptance;
mod flight;
mod hello;
mod server;
mod suites;

#[cfg(test)]
mod openssl;
#[cfg(test)]
mod tests;

use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

pub use acceptance::{Acceptance, accepts};
pub use flight::{MAX_BYTES, MAX_CERTIFICATES};
pub use suites::CipherSuite;

use super::certificate::Chain;
use super::failure::{HandshakeError, Reason};
use super::settings::Version;
use flight::Flight;

/// What a server showed before anything was encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleartext {
    /// The version that the server chose.
    pub version: Version,
    /// The cipher suite that it chose.
    pub cipher: CipherSuite,
    /// The certificates in its order, its own first. `None` where they cannot be read: TLS 1.3 encrypts them. Empty where
    /// the server showed none: an anonymous cipher suite.
    pub certificates: Option<Vec<CertificateDer<'static>>>,
}

impl Cleartext {
    /// The certificates with their facts, as far as they can be read; `None` where there are none.
    #[must_use]
    pub fn chain(&self) -> Option<Chain> {
        let (leaf, above) = self.certificates.as_deref()?.split_first()?;
        Some(Chain::read(leaf, above))
    }
}

/// Sends a ClientHello of at most TLS 1.2 over a connection on which TLS shall begin, and reads the server's answer up to its
/// certificates. The connection is of no use afterwards.
///
/// `name` is the host to ask for (SNI); an address is asked for without.
///
/// # Errors
/// An alert, something that is not TLS, a connection that ends, or messages that break the protocol or a limit
/// ([`MAX_BYTES`], [`MAX_CERTIFICATES`]).
pub async fn read<S>(stream: &mut S, name: &str) -> Result<Cleartext, HandshakeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    offer(stream, name, Version::Tls12).await?;
    let mut flight = Flight::new(stream, name);
    let hello = server::hello(&mut flight).await?;
    let certificates = match hello.version {
        Version::Tls13 => None,
        _ => Some(server::certificates(&mut flight).await?),
    };
    Ok(Cleartext { version: hello.version, cipher: hello.cipher, certificates })
}

/// Sends a ClientHello whose highest version is this; TLS 1.3 is offered alone.
async fn offer<S>(stream: &mut S, name: &str, version: Version) -> Result<(), HandshakeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let hello = hello::record(name, version)
        .ok_or_else(|| HandshakeError::new(Reason::Handshake, name, "the system gives no random numbers"))?;
    let sent = async {
        stream.write_all(&hello).await?;
        stream.flush().await
    };
    sent.await.map_err(|error| HandshakeError::from_io(name, &error))
}
