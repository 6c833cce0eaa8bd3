//! POP3: STLS (RFC 2595 §4).

use tokio::io::{AsyncRead, AsyncWrite};

use super::error::StartTlsError;
use super::peer::{Peer, greeting, quote};

pub(super) async fn dialogue<S>(peer: &mut Peer<'_, S>, _: &str) -> Result<String, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let banner = match status(peer).await? {
        Ok(text) => greeting(&text),
        Err(said) => return Err(peer.refused("the connection", "-ERR", &said)),
    };
    peer.command("CAPA").await?;
    if let Err(said) = status(peer).await? {
        let how = format!("CAPA is answered with -ERR: {}", quote(said.as_bytes()));
        return Err(peer.not_offered(&how));
    }
    let mut offered = false;
    loop {
        let line = peer.line().await?;
        if line == "." {
            break;
        }
        offered |= line.trim_end().eq_ignore_ascii_case("STLS");
    }
    if !offered {
        return Err(peer.not_offered("no STLS in its capabilities"));
    }
    peer.command("STLS").await?;
    match status(peer).await? {
        Ok(_) => Ok(banner),
        Err(said) => Err(peer.refused("STLS", "-ERR", &said)),
    }
}

/// A status line: what follows `+OK`, or else what follows `-ERR`.
async fn status<S>(peer: &mut Peer<'_, S>) -> Result<Result<String, String>, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let line = peer.line().await?;
    let (word, text) = line.split_once(' ').unwrap_or((&line, ""));
    match word {
        "+OK" => Ok(Ok(text.to_owned())),
        "-ERR" => Ok(Err(text.to_owned())),
        _ => Err(peer.other(&quote(line.as_bytes()))),
    }
}
