//! An HTTP/1 answer's head and trailers, read from the bytes that have come so far; RFC 9112 §4 and §5.

use bytes::{Buf as _, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use httparse::{Header, Status};

use super::connection::Reply;
use super::error::{HttpError, Reason};

/// Header lines that are accepted. Go has no limit but that of the head's bytes; nor have servers that set a cookie for each
/// thing they know.
const MOST_HEADERS: usize = 1000;

/// Trailers that are accepted, in bytes. They are read anew with every piece that comes, so that this is also what a peer
/// that sends single bytes can make us do.
const MOST_TRAILERS: usize = 8 * 1024;

/// Whether it is worth to read a head again of which more has come: at the end of a line, and when there is twice as much,
/// since what is no HTTP may have no lines. Else a peer that sends single bytes would have each read as often as there are
/// bytes behind it.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// How much was searched for the end of a line.
    searched: usize,
    /// How much was read in vain.
    read: usize,
}

impl Pace {
    pub(super) fn is_worth(&mut self, buffer: &[u8], most: usize) -> bool {
        let fresh = buffer.get(self.searched..).unwrap_or_default();
        self.searched = buffer.len();
        fresh.contains(&b'\n') || buffer.len() >= most || buffer.len() >= 2 * self.read
    }

    /// What is there now was read, and is no whole head.
    pub(super) fn in_vain(&mut self, buffer: &[u8]) {
        *self = Self { searched: buffer.len(), read: buffer.len() };
    }
}

/// Takes the head of the final answer from the buffer; `None` until it is there whole. `most`: its bytes.
pub(super) fn reply(buffer: &mut BytesMut, most: usize) -> Result<Option<Reply>, HttpError> {
    loop {
        // Empty lines before a head are passed over (RFC 9112 §2.2), and not kept to be passed over again.
        while let Some(length) =
            [&b"\n"[..], b"\r\n"].iter().find(|end| buffer.starts_with(end)).map(|end| end.len())
        {
            buffer.advance(length);
        }
        let mut lines = [const { std::mem::MaybeUninit::<Header<'_>>::uninit() }; MOST_HEADERS];
        let mut head = httparse::Response::new(&mut []);
        // What servers in the field do wrong, and Go's client takes.
        let parsed = httparse::ParserConfig::default()
            .allow_obsolete_multiline_headers_in_responses(true)
            .allow_spaces_after_header_name_in_responses(true)
            .allow_multiple_spaces_in_response_status_delimiters(true)
            .parse_response_with_uninit_headers(&mut head, buffer, &mut lines);
        let length = match parsed {
            Ok(Status::Complete(length)) if length <= most => length,
            Ok(Status::Partial) if buffer.len() < most => return Ok(None),
            Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(too_large()),
            Err(error) => return Err(unreadable(error, buffer)),
        };
        let status = StatusCode::from_u16(head.code.unwrap_or_default())
            .map_err(|error| HttpError::new(Reason::Protocol, error.to_string()))?;
        let version = if head.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
        let headers = map(head.headers)?;
        let phrase = head.reason.filter(|_| status.as_u16() >= 400).unwrap_or_default().into();
        buffer.advance(length);
        // Hints and "100 Continue" come before the answer; 101 is one.
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Some(Reply { phrase, ..Reply::new(status, version, headers) }));
        }
    }
}

/// Takes trailers up to their empty line from the buffer; `None` until they are there whole, `Some(None)` if there are none.
pub(super) fn trailers(buffer: &mut BytesMut, most: usize) -> Result<Option<Option<HeaderMap>>, HttpError> {
    let most = most.min(MOST_TRAILERS);
    let mut lines = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let (length, headers) = match httparse::parse_headers(buffer, &mut lines) {
        Ok(Status::Complete((length, headers))) if length <= most => (length, map(headers)?),
        Ok(Status::Partial) if buffer.len() < most => return Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(too_large()),
        Err(error) => {
            return Err(HttpError::new(Reason::Protocol, format!("trailers that cannot be read: {error}")));
        }
    };
    buffer.advance(length);
    Ok(Some((!headers.is_empty()).then_some(headers)))
}

fn map(lines: &[Header<'_>]) -> Result<HeaderMap, HttpError> {
    let mut headers = HeaderMap::with_capacity(lines.len());
    for line in lines {
        let bad =
            || HttpError::new(Reason::Protocol, format!("a header {:?} that cannot be read", line.name));
        let name = HeaderName::from_bytes(line.name.as_bytes()).map_err(|_| bad())?;
        headers.append(name, value(line.value).map_err(|_| bad())?);
    }
    Ok(headers)
}

/// A folded value is one line: RFC 9112 §5.2.
fn value(text: &[u8]) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    if !text.contains(&b'\n') {
        return HeaderValue::from_bytes(text);
    }
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).collect();
    HeaderValue::from_bytes(&lines.join(&b' '))
}

fn too_large() -> HttpError {
    HttpError::new(Reason::HeadTooLarge, "the answer's head is too large")
}

/// What came instead of a head, as far as it can be shown.
fn unreadable(error: httparse::Error, buffer: &[u8]) -> HttpError {
    if buffer.starts_with(b"HTTP/1.") {
        return HttpError::new(Reason::Protocol, format!("the answer's head cannot be read: {error}"));
    }
    // A record of TLS that tells of an error: what TLS servers answer to what is none.
    if buffer.starts_with(&[0x15, 0x03]) {
        return HttpError::new(Reason::Protocol, "the other side speaks TLS here: ask it by https");
    }
    let line = buffer.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let begin = line[..line.len().min(60)].escape_ascii();
    let what = error.to_string();
    HttpError::new(Reason::Protocol, format!("the answer is not http/1 ({what}); it begins with \"{begin}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_final_answer_is_taken() {
        let text = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.0 404\r\nA: 1\r\na: 2\r\nContent-Length: 7\r\n\r\nrest";
        for cut in 0..text.len() - 4 {
            assert!(reply(&mut BytesMut::from(&text[..cut]), 1024).unwrap().is_none(), "{cut}");
        }
        let mut buffer = BytesMut::from(&text[..]);
        let head = reply(&mut buffer, 1024).unwrap().unwrap();
        assert_eq!(
            (head.status.as_u16(), head.version, head.content_length),
            (404, Version::HTTP_10, Some(7))
        );
        assert_eq!(head.headers.get_all("a").iter().count(), 2);
        assert_eq!(&buffer[..], b"rest");
    }

    /// Go's client takes all of these.
    #[test]
    fn what_servers_do_wrong_is_taken() {
        let text = "HTTP/1.1  200  OK\r\nName : one\r\nFolded: a\r\n\tb\r\n  c\r\n\r\n";
        let head = reply(&mut BytesMut::from(text), 1024).unwrap().unwrap();
        assert_eq!(
            (&head.headers["name"], &head.headers["folded"]),
            (&"one".parse().unwrap(), &"a b c".parse().unwrap())
        );
        let error = reply(&mut BytesMut::from("HTTP/1.1 200 OK\r\n: x\r\n\r\n"), 1024).unwrap_err();
        assert!(error.to_string().starts_with("the answer's head cannot be read: "), "{error}");
    }

    #[test]
    fn heads_have_limits() {
        let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(500));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(1001));
        for (text, most) in [(&long, 500), (&many, 65_536)] {
            let error = reply(&mut BytesMut::from(text.as_str()), most).unwrap_err();
            assert_eq!(error.reason, Reason::HeadTooLarge, "{error}");
        }
        assert!(reply(&mut BytesMut::from(long.as_str()), 600).unwrap().is_some());
        let error = reply(&mut BytesMut::from("SSH-2.0-OpenSSH_9\r\n"), 600).unwrap_err();
        assert!(error.to_string().ends_with("it begins with \"SSH-2.0-OpenSSH_9\""), "{error}");
        let error = reply(&mut BytesMut::from(&b"\x15\x03\x03\0\x02\x02\x16"[..]), 600).unwrap_err();
        assert!(error.to_string().ends_with("speaks TLS here: ask it by https"), "{error}");
    }

    proptest::proptest! {
        #[test]
        fn nothing_a_peer_sends_panics(text: Vec<u8>) {
            let _ = reply(&mut BytesMut::from(&text[..]), 4096);
            let _ = trailers(&mut BytesMut::from(&text[..]), 4096);
            let _ = reply(&mut BytesMut::from(&[b"HTTP/1.1 200 OK\r\n", &text[..]].concat()[..]), 4096);
        }
    }
}
