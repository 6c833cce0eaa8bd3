//! ManageSieve: STARTTLS (RFC 5804 §2.2).

use tokio::io::{AsyncRead, AsyncWrite};

use super::error::StartTlsError;
use super::peer::{Peer, greeting, quote};

pub(super) async fn dialogue<S>(peer: &mut Peer<'_, S>, _: &str) -> Result<String, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let capabilities = response(peer, "the connection").await?;
    let named = |name: &str| {
        capabilities.iter().find_map(|line| {
            let (word, value) = line.strip_prefix('"')?.split_once('"')?;
            word.eq_ignore_ascii_case(name).then_some(value)
        })
    };
    let banner = greeting(named("IMPLEMENTATION").unwrap_or_default().trim().trim_matches('"'));
    if named("STARTTLS").is_none() {
        return Err(peer.not_offered("no STARTTLS in its capabilities"));
    }
    peer.command("STARTTLS").await?;
    response(peer, "STARTTLS").await?;
    Ok(banner)
}

/// The lines before `OK`.
async fn response<S>(peer: &mut Peer<'_, S>, to: &str) -> Result<Vec<String>, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut lines = Vec::new();
    loop {
        let line = peer.line().await?;
        // A string may come as its length and then its bytes, behind which the line goes on.
        if let Some(length) = literal(&line) {
            peer.exact(length).await?;
            lines.push(line);
            lines.push(peer.line().await?);
            continue;
        }
        if line.starts_with('"') || line.is_empty() {
            lines.push(line);
            continue;
        }
        let word = line.split([' ', '(']).next().unwrap_or_default().to_ascii_uppercase();
        return match word.as_str() {
            "OK" => Ok(lines),
            "NO" | "BYE" => Err(peer.refused(to, &word, &line)),
            _ => Err(peer.other(&quote(line.as_bytes()))),
        };
    }
}

/// The length of a literal that begins behind this line: `{12}` or `{12+}` at its end.
fn literal(line: &str) -> Option<usize> {
    let (_, length) = line.strip_suffix('}')?.rsplit_once('{')?;
    length.strip_suffix('+').unwrap_or(length).parse().ok()
}
