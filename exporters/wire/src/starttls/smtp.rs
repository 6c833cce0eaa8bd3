//! SMTP (RFC 3207) and LMTP (RFC 2033), which differ in a verb.

use tokio::io::{AsyncRead, AsyncWrite};

use super::error::StartTlsError;
use super::peer::{Peer, greeting};
use super::reply;

/// SMTP's dialogue. The name of this side matters to nobody who is not sent mail; this one is no lie anywhere.
pub(super) async fn smtp<S>(peer: &mut Peer<'_, S>, _: &str) -> Result<String, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    dialogue(peer, "EHLO localhost").await
}

/// LMTP's dialogue.
pub(super) async fn lmtp<S>(peer: &mut Peer<'_, S>, _: &str) -> Result<String, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    dialogue(peer, "LHLO localhost").await
}

async fn dialogue<S>(peer: &mut Peer<'_, S>, hello: &str) -> Result<String, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let banner = reply::read(peer).await?;
    if banner.code != 220 {
        return Err(banner.refusal(peer, "the connection"));
    }
    let answer = reply::ask(peer, hello).await?;
    match answer.code {
        250 => {}
        // A server that knows no extensions, TLS among them.
        500..=504 => return Err(peer.not_offered(&format!("{hello} is answered with {}", answer.code))),
        _ => return Err(answer.refusal(peer, hello)),
    }
    if !answer.lines.iter().skip(1).any(|line| line.trim_end().eq_ignore_ascii_case("STARTTLS")) {
        return Err(peer.not_offered(&format!("no STARTTLS in its answer to {hello}")));
    }
    let answer = reply::ask(peer, "STARTTLS").await?;
    match answer.code {
        220 => Ok(greeting(banner.first())),
        _ => Err(answer.refusal(peer, "STARTTLS")),
    }
}
