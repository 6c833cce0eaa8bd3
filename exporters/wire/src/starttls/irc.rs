//! IRC: STARTTLS of IRCv3, before registration.

use tokio::io::{AsyncRead, AsyncWrite};

use super::error::StartTlsError;
use super::peer::{Peer, greeting, quote};

pub(super) async fn dialogue<S>(peer: &mut Peer<'_, S>, _: &str) -> Result<String, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // A server may say nothing before it is spoken to, and then notices about looking up this host, at any time.
    peer.send(b"STARTTLS\r\n").await?;
    let mut banner = String::new();
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
