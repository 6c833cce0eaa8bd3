//! Where an HTTP/1 body ends; RFC 9112 §6 and §7.

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Method, StatusCode};

use super::error::{HttpError, Reason};
use super::head;

/// The longest line that announces a chunk, its extensions included.
const LONGEST_LINE: usize = 4096;

/// How the rest of a body is delimited.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none, or it has been read.
    Done,
    /// So many bytes are still to come.
    Length(u64),
    /// All that comes until the peer closes.
    UntilEnd,
    Chunked(Chunk),
}

/// What comes next in a chunked body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    /// A line with a size.
    Size,
    /// So many bytes of the chunk.
    Data(u64),
    /// The line's end behind a chunk.
    Tail,
    /// Trailers, up to an empty line.
    Trailers,
}

/// What the buffer holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Data(Bytes),
    End(Option<HeaderMap>),
    /// Too little to tell: read more.
    More,
}

impl Framing {
    /// RFC 9112 §6.3, by the request's method and the answer's head.
    pub(super) fn of(method: &Method, status: StatusCode, headers: &HeaderMap) -> Result<Self, HttpError> {
        let connected = *method == Method::CONNECT && status.is_success();
        let bare = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if *method == Method::HEAD || bare || status.is_informational() || connected {
            return Ok(Self::Done);
        }
        // Of several codings the last one frames, and a length beside them does not count.
        if let Some(coding) = headers.get_all(TRANSFER_ENCODING).iter().next_back() {
            let coding = coding.as_bytes().rsplit(|byte| *byte == b',').next().unwrap_or_default();
            let chunked = coding.trim_ascii().eq_ignore_ascii_case(b"chunked");
            return Ok(if chunked { Self::Chunked(Chunk::Size) } else { Self::UntilEnd });
        }
        let mut length = None;
        for value in headers.get_all(CONTENT_LENGTH) {
            let said = std::str::from_utf8(value.as_bytes()).ok().and_then(|text| text.trim().parse().ok());
            let Some(said) = said else { return Err(wrong("a content-length that is no number")) };
            if length.is_some_and(|length| length != said) {
                return Err(wrong("two content-lengths that differ"));
            }
            length = Some(said);
        }
        Ok(match length {
            Some(0) => Self::Done,
            Some(length) => Self::Length(length),
            None => Self::UntilEnd,
        })
    }

    /// Takes the next piece of the body from the buffer. `most`: bytes of trailers that are accepted.
    pub(super) fn take(&mut self, buffer: &mut BytesMut, most: usize) -> Result<Piece, HttpError> {
        loop {
            match self {
                Self::Done => return Ok(Piece::End(None)),
                Self::UntilEnd if buffer.is_empty() => return Ok(Piece::More),
                Self::UntilEnd => return Ok(Piece::Data(buffer.split().freeze())),
                Self::Length(left) => {
                    let data = cut(buffer, left);
                    if *left == 0 {
                        *self = Self::Done;
                    }
                    return Ok(data.map_or(Piece::More, Piece::Data));
                }
                Self::Chunked(chunk) => match chunk {
                    Chunk::Size => match size(buffer)? {
                        None => return Ok(Piece::More),
                        Some(0) => *chunk = Chunk::Trailers,
                        Some(size) => *chunk = Chunk::Data(size),
                    },
                    Chunk::Data(0) => *chunk = Chunk::Tail,
                    Chunk::Data(left) => return Ok(cut(buffer, left).map_or(Piece::More, Piece::Data)),
                    Chunk::Tail if buffer.len() < 2 => return Ok(Piece::More),
                    Chunk::Tail if buffer.starts_with(b"\r\n") => {
                        buffer.advance(2);
                        *chunk = Chunk::Size;
                    }
                    Chunk::Tail => return Err(wrong("a chunk that is longer than its size")),
                    Chunk::Trailers => {
                        let Some(trailers) = head::trailers(buffer, most)? else { return Ok(Piece::More) };
                        *self = Self::Done;
                        return Ok(Piece::End(trailers));
                    }
                },
            }
        }
    }
}

/// Up to `left` bytes of what is there; `None` if nothing is.
fn cut(buffer: &mut BytesMut, left: &mut u64) -> Option<Bytes> {
    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
    *left -= length as u64;
    (length > 0).then(|| buffer.split_to(length).freeze())
}

/// A chunk's size in bytes, if its line is there; extensions are skipped.
fn size(buffer: &mut BytesMut) -> Result<Option<u64>, HttpError> {
    let Some(end) = buffer.iter().take(LONGEST_LINE).position(|byte| *byte == b'\n') else {
        return if buffer.len() < LONGEST_LINE { Ok(None) } else { Err(wrong("a chunk without a size")) };
    };
    let line = buffer.split_to(end + 1);
    let bad = || wrong("a chunk size that is no hexadecimal number");
    let line = line.strip_suffix(b"\r\n").ok_or_else(bad)?;
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    let digits = std::str::from_utf8(digits).ok().filter(|_| plain).ok_or_else(bad)?;
    u64::from_str_radix(digits, 16).map(Some).map_err(|_| bad())
}

fn wrong(what: &str) -> HttpError {
    HttpError::new(Reason::Protocol, format!("the answer has {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_head_says_where_the_body_ends() {
        let chunked = || Framing::Chunked(Chunk::Size);
        for (method, status, lines, want) in [
            (Method::GET, 200, &[("content-length", "3")][..], Framing::Length(3)),
            (Method::GET, 200, &[("content-length", "0")], Framing::Done),
            (Method::GET, 200, &[], Framing::UntilEnd),
            (Method::GET, 200, &[("transfer-encoding", "Chunked"), ("content-length", "3")], chunked()),
            (Method::GET, 200, &[("transfer-encoding", "gzip, chunked")], chunked()),
            (Method::GET, 200, &[("transfer-encoding", "chunked, gzip")], Framing::UntilEnd),
            (Method::HEAD, 200, &[("content-length", "3")], Framing::Done),
            (Method::GET, 204, &[("content-length", "3")], Framing::Done),
            (Method::GET, 304, &[("content-length", "3")], Framing::Done),
            (Method::GET, 101, &[], Framing::Done),
            (Method::CONNECT, 200, &[("content-length", "3")], Framing::Done),
            (Method::CONNECT, 407, &[("content-length", "3")], Framing::Length(3)),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(Framing::of(&method, status, &headers(lines)).unwrap(), want, "{method} {lines:?}");
        }
        for lines in
            [[("content-length", "3"), ("content-length", "4")], [("content-length", "x"), ("a", "b")]]
        {
            assert_eq!(
                Framing::of(&Method::GET, StatusCode::OK, &headers(&lines)).unwrap_err().reason,
                Reason::Protocol
            );
        }
    }

    /// Feeds a body byte by byte and in one piece; both must give the same.
    fn read(framing: impl Fn() -> Framing, body: &[u8]) -> Result<(Vec<u8>, Option<HeaderMap>), HttpError> {
        let run = |step: usize| {
            let (mut framing, mut buffer, mut out) = (framing(), BytesMut::new(), Vec::new());
            for piece in body.chunks(step) {
                buffer.extend_from_slice(piece);
                loop {
                    match framing.take(&mut buffer, 1024)? {
                        Piece::Data(data) => out.extend_from_slice(&data),
                        Piece::End(trailers) => return Ok((out, trailers)),
                        Piece::More => break,
                    }
                }
            }
            Err(HttpError::new(Reason::ConnectionClosed, "too short"))
        };
        let (whole, bytes) = (run(body.len().max(1)), run(1));
        assert_eq!(whole, bytes);
        whole
    }

    #[test]
    fn chunks_are_put_together() {
        let chunked = || Framing::Chunked(Chunk::Size);
        let (body, trailers) =
            read(chunked, b"3\r\nabc\r\nA ;x=\"y\"\r\n0123456789\r\n0\r\nX: y\r\n\r\n").unwrap();
        assert_eq!((&body[..], trailers.unwrap()["x"].as_bytes()), (&b"abc0123456789"[..], &b"y"[..]));
        assert_eq!(read(chunked, b"0\r\n\r\n").unwrap(), (Vec::new(), None));
        assert_eq!(read(|| Framing::Length(3), b"abcdef").unwrap().0, b"abc");
        for bad in [
            &b"zz\r\n"[..],
            b"\r\n",
            b"3\nabc",
            b"3\r\nabcd\r\n",
            b"+3\r\n",
            b"11111111111111111\r\n",
            b"-1\r\n",
        ] {
            assert_eq!(read(chunked, bad).unwrap_err().reason, Reason::Protocol, "{bad:?}");
        }
        for short in [&b"3\r\nab"[..], b"3\r\nabc", b"0\r\n", b"0\r\nX: y\r\n"] {
            assert_eq!(read(chunked, short).unwrap_err().reason, Reason::ConnectionClosed, "{short:?}");
        }
        let endless = "x".repeat(LONGEST_LINE + 1);
        assert_eq!(read(chunked, format!("3;{endless}").as_bytes()).unwrap_err().reason, Reason::Protocol);
    }

    proptest::proptest! {
        #[test]
        fn nothing_a_peer_sends_panics(body: Vec<u8>, length: u64) {
            let _ = read(|| Framing::Chunked(Chunk::Size), &body);
            let _ = read(|| Framing::Length(length), &body);
            let _ = read(|| Framing::UntilEnd, &body);
        }
    }
}
