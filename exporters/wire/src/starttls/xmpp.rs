//! XMPP: STARTTLS (RFC 6120 §5), with as much of XML as a stream's beginning takes.

use tokio::io::{AsyncRead, AsyncWrite};

use super::error::{Reason, StartTlsError};
use super::peer::{MAX_LINE, Peer, greeting, quote};

/// As a client.
pub(super) async fn client<S>(peer: &mut Peer<'_, S>, name: &str) -> Result<String, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    dialogue(peer, name, "jabber:client").await
}

/// As another server.
pub(super) async fn server<S>(peer: &mut Peer<'_, S>, name: &str) -> Result<String, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    dialogue(peer, name, "jabber:server").await
}

async fn dialogue<S>(peer: &mut Peer<'_, S>, name: &str, namespace: &str) -> Result<String, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let opening = format!(
        "<?xml version='1.0'?><stream:stream to='{}' xmlns='{namespace}' \
         xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>",
        escape(name)
    );
    peer.send(opening.as_bytes()).await?;
    let mut stream = Tag::first(peer).await?;
    while stream.kind == Kind::Other {
        stream = Tag::first(peer).await?;
    }
    if (stream.kind, stream.local()) != (Kind::Start, "stream") {
        return Err(peer.other(&quote(stream.text.as_bytes())));
    }
    let banner = greeting(&stream.text);
    let mut offered = false;
    loop {
        let tag = Tag::read(peer).await?;
        match (tag.kind, tag.local()) {
            (Kind::Start | Kind::Empty, "starttls") => offered = true,
            (Kind::End | Kind::Empty, "features") => break,
            (Kind::Start, "error") => return Err(stream_error(peer).await),
            (Kind::End, "stream") => return Err(peer.refused("the stream", "stream-closed", &tag.text)),
            _ => {}
        }
    }
    if !offered {
        return Err(peer.not_offered("no starttls among its stream features"));
    }
    peer.send(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await?;
    let tag = Tag::read(peer).await?;
    match (tag.kind, tag.local()) {
        (Kind::Empty, "proceed") => Ok(banner),
        (Kind::Start, "proceed") => match Tag::read(peer).await? {
            end if end.kind == Kind::End && end.local() == "proceed" => Ok(banner),
            other => Err(peer.other(&quote(other.text.as_bytes()))),
        },
        (Kind::Start | Kind::Empty, "failure") => Err(peer.refused("starttls", "failure", &tag.text)),
        (Kind::Start, "error") => Err(stream_error(peer).await),
        _ => Err(peer.other(&quote(tag.text.as_bytes()))),
    }
}

/// The condition within `<stream:error>`, e.g. `host-unknown`.
async fn stream_error<S>(peer: &mut Peer<'_, S>) -> StartTlsError
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match Tag::read(peer).await {
        Ok(tag) => peer.refused("the stream", tag.local(), &tag.text),
        Err(error) => error,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Start,
    End,
    Empty,
    /// A declaration or an instruction.
    Other,
}

/// A tag: what stands between `<` and `>`.
#[derive(Debug)]
struct Tag {
    kind: Kind,
    text: String,
}

impl Tag {
    /// Reads the first tag, before which there is nothing but white space.
    async fn first<S>(peer: &mut Peer<'_, S>) -> Result<Self, StartTlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            match peer.byte().await? {
                b'<' => return Self::inside(peer).await,
                byte if byte.is_ascii_whitespace() => {}
                byte => return Err(peer.other(&quote(&[&[byte], peer.waiting()].concat()))),
            }
        }
    }

    /// Reads the next tag; text before it belongs to an element.
    async fn read<S>(peer: &mut Peer<'_, S>) -> Result<Self, StartTlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        while peer.byte().await? != b'<' {}
        Self::inside(peer).await
    }

    async fn inside<S>(peer: &mut Peer<'_, S>) -> Result<Self, StartTlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (mut text, mut quoted) = (Vec::new(), None);
        loop {
            let byte = peer.byte().await?;
            match (byte, quoted) {
                (b'>', None) => break,
                (b'"' | b'\'', None) => quoted = Some(byte),
                (byte, Some(mark)) if byte == mark => quoted = None,
                _ => {}
            }
            text.push(byte);
            if text.len() > MAX_LINE {
                let detail = format!("a tag of more than {MAX_LINE} bytes, which begins {}", quote(&text));
                return Err(peer.fail(Reason::TooMuch, detail));
            }
        }
        let kind = match text.as_slice() {
            [b'?' | b'!', ..] => Kind::Other,
            [b'/', ..] => Kind::End,
            [.., b'/'] => Kind::Empty,
            _ => Kind::Start,
        };
        Ok(Self { kind, text: String::from_utf8_lossy(&text).into_owned() })
    }

    /// The name without its prefix.
    fn local(&self) -> &str {
        let name = self.text.trim_start_matches('/');
        let name = name
            .split(|letter: char| letter.is_ascii_whitespace() || letter == '/')
            .next()
            .unwrap_or_default();
        name.rsplit_once(':').map_or(name, |(_, local)| local)
    }
}

/// A name as an attribute's value.
fn escape(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for letter in name.chars().filter(|letter| !letter.is_control()) {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&apos;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(letter),
        }
    }
    out
}
