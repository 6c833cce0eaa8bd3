//! IMAP: STARTTLS (RFC 9051 §6.2.1).

use tokio::io::{AsyncRead, AsyncWrite};

use super::error::StartTlsError;
use super::peer::{Peer, greeting, quote};

pub(super) async fn dialogue<S>(peer: &mut Peer<'_, S>, _: &str) -> Result<String, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let line = peer.line().await?;
    let Some(text) = line.strip_prefix("* ") else { return Err(peer.other(&quote(line.as_bytes()))) };
    match first_word(text).as_str() {
        "OK" => {}
        // PREAUTH: already logged in, and then STARTTLS is not allowed any more.
        word @ ("BYE" | "PREAUTH") => return Err(peer.refused("the connection", word, text)),
        _ => return Err(peer.other(&quote(line.as_bytes()))),
    }
    let banner = greeting(text[2..].trim_start());
    // Asked for even when the greeting has them: that list may be shorter.
    if !answer(peer, "a1", "CAPABILITY").await? {
        return Err(peer.not_offered("no STARTTLS in its capabilities"));
    }
    answer(peer, "a2", "STARTTLS").await?;
    Ok(banner)
}

/// Gives a command and reads up to its completion; whether a CAPABILITY response on the way had STARTTLS.
async fn answer<S>(peer: &mut Peer<'_, S>, tag: &str, command: &str) -> Result<bool, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // An IMAP server may send untagged responses at any time, so what waits already is no injection.
    peer.send(format!("{tag} {command}\r\n").as_bytes()).await?;
    let mut offered = false;
    loop {
        let line = peer.line().await?;
        if let Some(text) = line.strip_prefix("* ") {
            match first_word(text).as_str() {
                "BYE" => return Err(peer.refused(command, "BYE", text)),
                "CAPABILITY" => {
                    offered |= text.split(' ').any(|word| word.eq_ignore_ascii_case("STARTTLS"));
                }
                _ => {}
            }
            continue;
        }
        let Some(text) = line.strip_prefix(tag).and_then(|rest| rest.strip_prefix(' ')) else {
            return Err(peer.other(&quote(line.as_bytes())));
        };
        return match first_word(text).as_str() {
            "OK" => Ok(offered),
            word @ ("NO" | "BAD") => Err(peer.refused(command, word, text)),
            _ => Err(peer.other(&quote(line.as_bytes()))),
        };
    }
}

fn first_word(text: &str) -> String {
    text.split(' ').next().unwrap_or_default().to_ascii_uppercase()
}
