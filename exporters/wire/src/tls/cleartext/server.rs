//! ServerHello and Certificate (RFC 5246 §7.4.1.3 and §7.4.2, RFC 8446 §4.1.3).

use rustls_pki_types::CertificateDer;
use tokio::io::AsyncRead;

use super::super::failure::HandshakeError;
use super::super::settings::Version;
use super::flight::{Flight, MAX_CERTIFICATES};
use super::suites::CipherSuite;

const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;
const SERVER_HELLO_DONE: u8 = 14;
const SUPPORTED_VERSIONS: u16 = 43;
/// Longer than any: its extensions are few.
const MAX_HELLO: usize = 1 << 16;

/// What a ServerHello says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hello {
    pub(super) version: Version,
    pub(super) cipher: CipherSuite,
}

/// Reads the ServerHello; TLS 1.3's HelloRetryRequest is one too.
pub(super) async fn hello<S>(flight: &mut Flight<'_, S>) -> Result<Hello, HandshakeError>
where
    S: AsyncRead + Unpin,
{
    let (kind, length) = header(flight).await?;
    if kind != SERVER_HELLO {
        return Err(flight.fail(format!("handshake message {kind} instead of the server's hello")));
    }
    if length > MAX_HELLO {
        return Err(flight.fail(format!("a server's hello of {length} bytes")));
    }
    let body = flight.take(length).await?;
    let Some((version, cipher)) = parse(&body) else {
        return Err(flight.fail("the server's hello cannot be read"));
    };
    let version = match version {
        0x0301 => Version::Tls10,
        0x0302 => Version::Tls11,
        0x0303 => Version::Tls12,
        0x0304 => Version::Tls13,
        0x0300 => return Err(flight.fail("the server chose ssl 3.0")),
        other => return Err(flight.fail(format!("the server chose the unknown version {other:#06x}"))),
    };
    Ok(Hello { version, cipher: CipherSuite::new(cipher) })
}

/// Version and cipher suite.
fn parse(body: &[u8]) -> Option<(u16, u16)> {
    let (version, rest) = number(body)?;
    // Random.
    let (_, rest) = rest.split_at_checked(32)?;
    let (session, rest) = rest.split_first()?;
    let (_, rest) = rest.split_at_checked(usize::from(*session))?;
    let (cipher, rest) = number(rest)?;
    let (_compression, rest) = rest.split_first()?;
    let mut chosen = version;
    if !rest.is_empty() {
        let (length, rest) = number(rest)?;
        let mut extensions = rest.get(..usize::from(length))?;
        while !extensions.is_empty() {
            let (kind, rest) = number(extensions)?;
            let (length, rest) = number(rest)?;
            let (value, rest) = rest.split_at_checked(usize::from(length))?;
            if kind == SUPPORTED_VERSIONS {
                chosen = number(value)?.0;
            }
            extensions = rest;
        }
    }
    Some((chosen, cipher))
}

/// Reads the certificates that follow the hello; none for an anonymous suite.
pub(super) async fn certificates<S>(
    flight: &mut Flight<'_, S>,
) -> Result<Vec<CertificateDer<'static>>, HandshakeError>
where
    S: AsyncRead + Unpin,
{
    let (kind, length) = header(flight).await?;
    match kind {
        CERTIFICATE => {}
        SERVER_KEY_EXCHANGE | SERVER_HELLO_DONE => return Ok(Vec::new()),
        _ => return Err(flight.fail(format!("handshake message {kind} instead of certificates"))),
    }
    let mut left = usize24(flight.array().await?);
    if left + 3 != length {
        return Err(flight.fail(format!("{left} bytes of certificates in a message of {length} bytes")));
    }
    let mut certificates = Vec::new();
    while left > 0 {
        if certificates.len() == MAX_CERTIFICATES {
            return Err(flight.fail(format!("more than {MAX_CERTIFICATES} certificates")));
        }
        let Some(room) = left.checked_sub(3) else {
            return Err(flight.fail("a certificate's length is cut"));
        };
        let length = usize24(flight.array().await?);
        let Some(rest) = room.checked_sub(length) else {
            return Err(flight.fail(format!("a certificate of {length} bytes where {room} are left")));
        };
        certificates.push(CertificateDer::from(flight.take(length).await?));
        left = rest;
    }
    Ok(certificates)
}

/// A handshake message's type and length.
async fn header<S>(flight: &mut Flight<'_, S>) -> Result<(u8, usize), HandshakeError>
where
    S: AsyncRead + Unpin,
{
    let [kind, high, middle, low] = flight.array().await?;
    Ok((kind, usize24([high, middle, low])))
}

fn usize24(bytes: [u8; 3]) -> usize {
    bytes.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte))
}

fn number(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u16::from_be_bytes(*number), rest))
}
