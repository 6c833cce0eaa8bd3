//! NNTP: STARTTLS (RFC 4642 §2.2).

use tokio::io::{AsyncRead, AsyncWrite};

use super::error::StartTlsError;
use super::peer::{Peer, greeting};
use super::reply;

pub(super) async fn dialogue<S>(peer: &mut Peer<'_, S>, _: &str) -> Result<String, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let banner = reply::read(peer).await?;
    if !matches!(banner.code, 200 | 201) {
        return Err(banner.refusal(peer, "the connection"));
    }
    let answer = reply::ask(peer, "CAPABILITIES").await?;
    match answer.code {
        101 => {}
        // A server older than RFC 3977, which brought the command; TLS came after it.
        500 => return Err(peer.not_offered("CAPABILITIES is answered with 500")),
        _ => return Err(answer.refusal(peer, "CAPABILITIES")),
    }
    let mut offered = false;
    loop {
        let line = peer.line().await?;
        if line == "." {
            break;
        }
        let label = line.split_ascii_whitespace().next().unwrap_or_default();
        offered |= label.eq_ignore_ascii_case("STARTTLS");
    }
    if !offered {
        return Err(peer.not_offered("no STARTTLS in its capabilities"));
    }
    let answer = reply::ask(peer, "STARTTLS").await?;
    match answer.code {
        382 => Ok(greeting(banner.first())),
        _ => Err(answer.refusal(peer, "STARTTLS")),
    }
}
