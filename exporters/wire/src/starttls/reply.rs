//! Replies that begin with three digits (RFC 5321 §4.2, RFC 959 §4.2, RFC 3977 §3.2).

use tokio::io::{AsyncRead, AsyncWrite};

use super::error::StartTlsError;
use super::peer::{Peer, quote};

/// One reply.
#[derive(Debug)]
pub(super) struct Reply {
    /// Its code: 100 to 599.
    pub(super) code: u16,
    /// Its lines, without codes.
    pub(super) lines: Vec<String>,
}

impl Reply {
    /// The first line as it came, near enough.
    pub(super) fn first(&self) -> &str {
        self.lines.first().map_or("", String::as_str)
    }

    /// The refusal that this reply is.
    pub(super) fn refusal<S>(&self, peer: &Peer<'_, S>, to: &str) -> StartTlsError
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if self.code >= 400 {
            peer.refused(to, &self.code.to_string(), self.first())
        } else {
            peer.other(&format!("{} to {to}: {}", self.code, quote(self.first().as_bytes())))
        }
    }
}

/// Reads a reply of one line, or of several: `250-` and so on up to `250 `. In FTP, what lies between needs no code.
pub(super) async fn read<S>(peer: &mut Peer<'_, S>) -> Result<Reply, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let line = peer.line().await?;
    let Some((code, more, text)) = split(&line) else { return Err(peer.other(&quote(line.as_bytes()))) };
    let mut reply = Reply { code, lines: vec![text.to_owned()] };
    let mut more = more;
    while more {
        let line = peer.line().await?;
        match split(&line) {
            Some((same, follows, text)) if same == code => {
                more = follows;
                reply.lines.push(text.to_owned());
            }
            _ => reply.lines.push(line),
        }
    }
    Ok(reply)
}

/// Asks for something, and reads the reply.
pub(super) async fn ask<S>(peer: &mut Peer<'_, S>, command: &str) -> Result<Reply, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    peer.command(command).await?;
    read(peer).await
}

/// Code, whether more lines follow, and text of a line.
fn split(line: &str) -> Option<(u16, bool, &str)> {
    let (digits, rest) = line.split_at_checked(3)?;
    if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let code = digits.parse().ok().filter(|code| (100..600).contains(code))?;
    match rest.as_bytes().first() {
        None => Some((code, false, rest)),
        Some(b' ') => Some((code, false, &rest[1..])),
        Some(b'-') => Some((code, true, &rest[1..])),
        Some(_) => None,
    }
}
