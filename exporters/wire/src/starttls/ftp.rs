//! FTP: AUTH TLS (RFC 4217 §4).

use tokio::io::{AsyncRead, AsyncWrite};

use super::error::StartTlsError;
use super::peer::{Peer, greeting};
use super::reply;

pub(super) async fn dialogue<S>(peer: &mut Peer<'_, S>, _: &str) -> Result<String, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut banner = reply::read(peer).await?;
    // "Service ready in nnn minutes", and then the service (RFC 959 §5.4).
    if banner.code == 120 {
        banner = reply::read(peer).await?;
    }
    if banner.code != 220 {
        return Err(banner.refusal(peer, "the connection"));
    }
    let answer = reply::ask(peer, "AUTH TLS").await?;
    match answer.code {
        // 334 is of servers older than the RFC.
        234 | 334 => Ok(greeting(banner.first())),
        500 | 502 | 504 => Err(peer.not_offered(&format!("AUTH TLS is answered with {}", answer.code))),
        _ => Err(answer.refusal(peer, "AUTH TLS")),
    }
}
