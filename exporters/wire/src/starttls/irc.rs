//! IRC: STARTTLS of IRCv3, before registration.
//!
//! A server that has neither capabilities nor STARTTLS may never answer (InspIRCd without its module `cap`): then the caller's
//! deadline ends the dialogue.

use tokio::io::{AsyncRead, AsyncWrite};

use super::error::StartTlsError;
use super::peer::{Peer, greeting, quote};

pub(super) async fn dialogue<S>(peer: &mut Peer<'_, S>, _: &str) -> Result<String, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // A server may say nothing before it is spoken to, and then notices about looking up this host, at any time. Some say
    // nothing to a command that they do not know, either; but their capabilities lack `tls`. And some that have STARTTLS
    // know nothing of capabilities: so both are sent at once.
    peer.send(b"CAP LS 302\r\nSTARTTLS\r\n").await?;
    let (mut banner, mut listed) = (String::new(), false);
    loop {
        let line = peer.line().await?;
        let Some((source, command, rest)) = split(&line) else {
            return Err(peer.other(&quote(line.as_bytes())));
        };
        if banner.is_empty() {
            banner = greeting(source.unwrap_or(rest));
        }
        match command {
            "670" => return Ok(banner),
            "691" => return Err(peer.refused("STARTTLS", command, rest)),
            "CAP" => {
                let (words, capabilities) = rest.split_once(':').unwrap_or((rest, ""));
                listed |= capabilities.split(' ').any(|one| one.split('=').next() == Some("tls"));
                let more = words.split_ascii_whitespace().nth(2) == Some("*");
                if !listed && !more {
                    return Err(peer.not_offered("no tls among its capabilities"));
                }
            }
            "421" | "451" if rest.split(' ').any(|word| word == "CAP") => {}
            // Unknown command; or known, but not before registration, which no server with STARTTLS would say.
            "421" | "451" => {
                let how = format!("STARTTLS is answered with {command}: {}", quote(rest.as_bytes()));
                return Err(peer.not_offered(&how));
            }
            "ERROR" => return Err(peer.refused("the connection", command, rest)),
            "PING" => peer.send(format!("PONG {}\r\n", rest.trim()).as_bytes()).await?,
            _ => {}
        }
    }
}

/// Source, command and the rest of a message (RFC 1459 §2.3.1). Numbers are said by a server that names itself.
fn split(line: &str) -> Option<(Option<&str>, &str, &str)> {
    let (source, message) = match line.strip_prefix(':') {
        Some(rest) => rest.split_once(' ').map(|(source, message)| (Some(source), message))?,
        None => (None, line),
    };
    let (command, rest) = message.trim_start().split_once(' ')?;
    let number = command.len() == 3 && command.bytes().all(|byte| byte.is_ascii_digit());
    let word = !command.is_empty() && command.bytes().all(|byte| byte.is_ascii_uppercase());
    (word || number && source.is_some()).then_some((source, command, rest))
}
