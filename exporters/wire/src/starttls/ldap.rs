//! LDAP: the StartTLS extended operation (RFC 4511 §4.14), in as much BER as it takes.

use tokio::io::{AsyncRead, AsyncWrite};

use super::error::{Reason, StartTlsError};
use super::peer::{MAX_BYTES, Peer, quote};

/// `LDAPMessage { messageID 1, extendedReq { requestName 1.3.6.1.4.1.1466.20037 } }`.
const REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;
/// `[APPLICATION 24]`, constructed.
const EXTENDED_RESPONSE: u8 = 0x78;
/// The result code of an operation that the server does not know.
const PROTOCOL_ERROR: u32 = 2;

pub(super) async fn dialogue<S>(peer: &mut Peer<'_, S>, _: &str) -> Result<String, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    peer.send(REQUEST).await?;
    let message = message(peer).await?;
    let Some((id, code, said)) = response(&message) else { return Err(peer.other(&quote(&message))) };
    match (id, code) {
        (1, 0) => Ok(String::new()),
        (1, PROTOCOL_ERROR) => {
            let how = format!("StartTLS is answered with protocolError (2): {}", quote(said));
            Err(peer.not_offered(&how))
        }
        // Message 0 is the server's notice that it disconnects (§4.4.1).
        (0 | 1, code) => Err(peer.refused("StartTLS", &code.to_string(), &String::from_utf8_lossy(said))),
        _ => Err(peer.other(&quote(&message))),
    }
}

/// Reads one message; its contents.
async fn message<S>(peer: &mut Peer<'_, S>) -> Result<Vec<u8>, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let tag = peer.byte().await?;
    if tag != SEQUENCE {
        return Err(peer.other(&format!("its first byte is {tag:#04x}")));
    }
    let first = peer.byte().await?;
    let length = match first {
        0..=0x7f => usize::from(first),
        0x81..=0x84 => {
            let bytes = peer.exact(usize::from(first & 0x7f)).await?;
            bytes.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte))
        }
        _ => return Err(peer.other(&format!("a length that begins with {first:#04x}"))),
    };
    if length > MAX_BYTES {
        return Err(peer.fail(Reason::TooMuch, format!("a message of {length} bytes")));
    }
    peer.exact(length).await
}

/// Message ID, result code and diagnostic message of an extended response.
fn response(message: &[u8]) -> Option<(u32, u32, &[u8])> {
    let (id, rest) = element(message, INTEGER)?;
    let (body, _) = element(rest, EXTENDED_RESPONSE)?;
    let (code, rest) = element(body, ENUMERATED)?;
    let (_matched_dn, rest) = element(rest, OCTET_STRING)?;
    let (said, _) = element(rest, OCTET_STRING)?;
    Some((number(id)?, number(code)?, said))
}

/// The contents of the element at the beginning, which must have this tag, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    if *found != tag {
        return None;
    }
    match first {
        0..=0x7f => rest.split_at_checked(usize::from(*first)),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            rest.split_at_checked(length.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)))
        }
        _ => None,
    }
}

fn number(bytes: &[u8]) -> Option<u32> {
    let short = !bytes.is_empty() && bytes.len() <= 4 && bytes[0] < 0x80;
    short.then(|| bytes.iter().fold(0, |sum, byte| (sum << 8) | u32::from(*byte)))
}
