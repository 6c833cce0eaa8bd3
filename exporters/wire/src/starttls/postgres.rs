//! PostgreSQL's SSLRequest (its manual, "Message Formats").

use tokio::io::{AsyncRead, AsyncWrite};

use super::error::{Reason, StartTlsError};
use super::peer::{MAX_BYTES, Peer, quote};

/// Eight bytes long, and the number 80877103 where a version would stand.
const REQUEST: &[u8] = &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

pub(super) async fn dialogue<S>(peer: &mut Peer<'_, S>, _: &str) -> Result<String, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    peer.send(REQUEST).await?;
    match peer.byte().await? {
        b'S' => Ok(String::new()),
        b'N' => Err(peer.not_offered("SSLRequest is answered with N")),
        // The server cannot even begin: too many connections, a fork that failed.
        b'E' => Err(error_response(peer).await?),
        byte => Err(peer.other(&format!("SSLRequest is answered with {}", quote(&[byte])))),
    }
}

async fn error_response<S>(peer: &mut Peer<'_, S>) -> Result<StartTlsError, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let length = peer.exact(4).await?.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
    let Some(length) = length.checked_sub(4) else {
        return Err(peer.other("an error message shorter than its length"));
    };
    if length > MAX_BYTES {
        return Err(peer.fail(Reason::TooMuch, format!("an error message of {length} bytes")));
    }
    let body = peer.exact(length).await?;
    let field = |kind: u8| body.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(&[kind]));
    let Some(code) = field(b'C') else {
        return Err(peer.other(&format!("an error message without SQLSTATE: {}", quote(&body))));
    };
    let said = String::from_utf8_lossy(field(b'M').unwrap_or_default());
    Ok(peer.refused("SSLRequest", &String::from_utf8_lossy(code), &said))
}
