//! What must change in a request to suit the protocol that was negotiated.
//!
//! The caller says what it wants once: an absolute URI, and a `Host` header only where it must differ from the URI's
//! authority. HTTP/1.1 wants the path alone and a `Host`; HTTP/2 wants `:authority` instead of `Host`, and forbids the
//! headers that speak of a connection (RFC 9113 §8.2.2).

use std::fmt::Write as _;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName, TE, TRANSFER_ENCODING, UPGRADE};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Method, Request, Uri, Version};

use super::error::{HttpError, Reason};

/// For HTTP/1.1: origin form, `Host` first. A CONNECT keeps its authority form, and an absolute URI stays whole when
/// `absolute` is set, as a plain proxy wants it.
pub(super) fn for_http1(mut request: Request<Bytes>, absolute: bool) -> Result<Request<Bytes>, HttpError> {
    *request.version_mut() = Version::HTTP_11;
    if !request.headers().contains_key(HOST)
        && let Some(authority) = request.uri().authority()
    {
        let host = without_user(authority);
        let value = HeaderValue::from_str(host).map_err(|_| unsayable(format!("host {host:?}")))?;
        request.headers_mut().insert(HOST, value);
    }
    if request.method() != Method::CONNECT && !absolute && request.uri().authority().is_some() {
        let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        *request.uri_mut() = Uri::from(path);
    }
    Ok(request)
}

/// An HTTP/1.1 request as it travels: its head, and its body.
pub(super) fn encode(request: Request<Bytes>) -> [Bytes; 2] {
    let (parts, body) = request.into_parts();
    let mut head = BytesMut::with_capacity(256);
    head.put_slice(parts.method.as_str().as_bytes());
    head.put_u8(b' ');
    // Writing to a buffer that grows cannot fail.
    let _ = write!(head, "{}", parts.uri);
    head.put_slice(b" HTTP/1.1\r\n");
    // First, as RFC 9110 §7.2 wants it.
    let host = parts.headers.get_all(HOST).iter().map(|value| (&HOST, value));
    for (name, value) in host.chain(parts.headers.iter().filter(|(name, _)| *name != HOST)) {
        put_name(&mut head, name);
        head.put_slice(b": ");
        head.put_slice(value.as_bytes());
        head.put_slice(b"\r\n");
    }
    if announces(&parts.method, &body) && !parts.headers.contains_key(CONTENT_LENGTH) {
        let _ = write!(head, "Content-Length: {}\r\n", body.len());
    }
    head.put_slice(b"\r\n");
    [head.freeze(), body]
}

/// `content-length` as `Content-Length`: some small servers know no other spelling.
fn put_name(head: &mut BytesMut, name: &HeaderName) {
    let mut first = true;
    for byte in name.as_str().bytes() {
        head.put_u8(if first { byte.to_ascii_uppercase() } else { byte });
        first = byte == b'-';
    }
}

/// Whether the body's length is announced: if there is a body, and if the method leads one to expect one.
fn announces(method: &Method, body: &Bytes) -> bool {
    !body.is_empty() || matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

/// For HTTP/2: `Host` becomes `:authority`, headers of the connection go, a body's length is announced.
pub(super) fn for_http2(mut request: Request<Bytes>) -> Result<Request<Bytes>, HttpError> {
    *request.version_mut() = Version::HTTP_2;
    for name in [CONNECTION, TRANSFER_ENCODING, UPGRADE, HeaderName::from_static("keep-alive")] {
        request.headers_mut().remove(name);
    }
    request.headers_mut().remove("proxy-connection");
    if request.headers().get(TE).is_some_and(|te| te != "trailers") {
        request.headers_mut().remove(TE);
    }
    let host = request.headers_mut().remove(HOST);
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    if let Some(host) = host {
        let authority =
            Authority::try_from(host.as_bytes()).map_err(|_| unsayable(format!("host {host:?}")))?;
        parts.authority = Some(authority);
    } else if let Some(authority) = &parts.authority {
        // RFC 9113 §8.3.1: no user information in `:authority`.
        let host = without_user(authority);
        if host.len() != authority.as_str().len() {
            let bare = Authority::try_from(host).map_err(|_| unsayable(format!("host {host:?}")))?;
            parts.authority = Some(bare);
        }
    }
    if parts.authority.is_none() {
        return Err(unsayable("a request without a host".to_owned()));
    }
    if request.method() != Method::CONNECT {
        parts.scheme.get_or_insert(http::uri::Scheme::HTTPS);
        parts.path_and_query.get_or_insert_with(|| PathAndQuery::from_static("/"));
    }
    *request.uri_mut() = Uri::from_parts(parts).map_err(|error| unsayable(error.to_string()))?;
    if announces(request.method(), request.body()) && !request.headers().contains_key(CONTENT_LENGTH) {
        let length = HeaderValue::from(request.body().len());
        request.headers_mut().insert(CONTENT_LENGTH, length);
    }
    Ok(request)
}

fn without_user(authority: &Authority) -> &str {
    let text = authority.as_str();
    text.rsplit_once('@').map_or(text, |(_, host)| host)
}

fn unsayable(what: String) -> HttpError {
    HttpError::new(Reason::Request, format!("cannot send {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, uri: &str, headers: &[(&str, &str)], body: &'static str) -> Request<Bytes> {
        let mut builder = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(Bytes::from_static(body.as_bytes())).unwrap()
    }

    #[test]
    fn http1_takes_the_path_and_a_host() {
        for (uri, headers, absolute, want_uri, want_host) in [
            ("http://a.test/x?y=1", &[][..], false, "/x?y=1", "a.test"),
            ("http://a.test:8080", &[], false, "/", "a.test:8080"),
            ("http://user:word@a.test/", &[], false, "/", "a.test"),
            ("http://10.0.0.1/", &[("host", "b.test")], false, "/", "b.test"),
            ("http://a.test/x", &[], true, "http://a.test/x", "a.test"),
            ("http://[::1]:81/x", &[], false, "/x", "[::1]:81"),
        ] {
            let sent = for_http1(request("GET", uri, headers, ""), absolute).unwrap();
            assert_eq!(sent.uri().to_string(), want_uri);
            assert_eq!(sent.headers()[HOST], want_host);
        }
        let connect = for_http1(request("CONNECT", "a.test:443", &[], ""), false).unwrap();
        assert_eq!(connect.uri().to_string(), "a.test:443");
    }

    #[test]
    fn http1_is_written_as_go_writes_it() {
        let headers = [("x-a", "1"), ("host", "b.test"), ("x-a", "2"), ("accept-encoding", "gzip")];
        let [head, body] = encode(request("POST", "/x?y", &headers, "abc"));
        let want = "POST /x?y HTTP/1.1\r\nHost: b.test\r\nX-A: 1\r\nX-A: 2\r\nAccept-Encoding: gzip\r\nContent-Length: 3\r\n\r\n";
        assert_eq!((std::str::from_utf8(&head).unwrap(), &body[..]), (want, &b"abc"[..]));
        for (method, uri, want) in [
            ("GET", "/", "GET / HTTP/1.1\r\n\r\n"),
            ("PUT", "/", "PUT / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"),
            ("CONNECT", "a.test:443", "CONNECT a.test:443 HTTP/1.1\r\n\r\n"),
            ("GET", "http://a.test/x", "GET http://a.test/x HTTP/1.1\r\n\r\n"),
        ] {
            assert_eq!(encode(request(method, uri, &[], ""))[0], want);
        }
    }

    #[test]
    fn http2_takes_an_authority_and_no_connection_headers() {
        let headers = [("host", "b.test"), ("connection", "close"), ("te", "gzip"), ("accept", "*/*")];
        let sent = for_http2(request("POST", "https://10.0.0.1:444/x", &headers, "abc")).unwrap();
        assert_eq!(sent.uri().to_string(), "https://b.test/x");
        assert_eq!(sent.headers().len(), 2);
        assert_eq!(sent.headers()[CONTENT_LENGTH], "3");
        let sent = for_http2(request("GET", "https://me@a.test/", &[("te", "trailers")], "")).unwrap();
        assert_eq!(sent.uri().to_string(), "https://a.test/");
        assert_eq!(sent.headers()[TE], "trailers");
        assert!(!sent.headers().contains_key(CONTENT_LENGTH));
        assert_eq!(for_http2(request("GET", "/x", &[], "")).unwrap_err().reason, Reason::Request);
    }
}
