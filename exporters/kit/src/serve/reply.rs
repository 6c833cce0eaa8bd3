//! How an answer is written.

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION,
    RETRY_AFTER, VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;

use crate::expose::Body;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// A response, whole.
pub(super) type Reply = Response<Full<Bytes>>;

/// A text for people.
pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, TEXT);
    // A target's words in a text must not be taken for a page.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}

/// A page for people, with the policy that lets nothing in but its own style.
pub(super) fn html(body: String, policy: HeaderValue) -> Reply {
    let mut reply = text(StatusCode::OK, body);
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HTML);
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// A page for Prometheus.
pub(super) fn metrics(body: Body) -> Reply {
    let mut reply = Response::new(Full::new(body.bytes));
    let headers = reply.headers_mut();
    headers.reserve(5);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(body.content_type));
    headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if body.gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    reply
}

/// A document for programs.
pub(super) fn json(body: String) -> Reply {
    with(text(StatusCode::OK, body), CONTENT_TYPE, HeaderValue::from_static("application/json"))
}

/// Come again later.
pub(super) fn later(status: StatusCode, body: impl Into<Bytes>, seconds: u64) -> Reply {
    with(text(status, body), RETRY_AFTER, seconds.into())
}

/// Who are you?
pub(super) fn who() -> Reply {
    with(
        text(StatusCode::UNAUTHORIZED, "Unauthorized\n"),
        WWW_AUTHENTICATE,
        HeaderValue::from_static("Basic"),
    )
}

/// Not by this method.
pub(super) fn method(allowed: &'static str) -> Reply {
    let body = format!("This endpoint takes {allowed}\n");
    with(text(StatusCode::METHOD_NOT_ALLOWED, body), ALLOW, HeaderValue::from_static(allowed))
}

/// Elsewhere.
pub(super) fn moved(location: &str) -> Reply {
    let reply = text(StatusCode::MOVED_PERMANENTLY, "");
    match HeaderValue::from_str(location) {
        Ok(location) => with(reply, LOCATION, location),
        Err(_) => reply,
    }
}

fn with(mut reply: Reply, name: HeaderName, value: HeaderValue) -> Reply {
    reply.headers_mut().insert(name, value);
    reply
}

/// What HEAD gets: the headers of the whole answer, and nothing else.
pub(super) fn head(reply: Reply) -> Reply {
    let length = hyper::body::Body::size_hint(reply.body()).exact().unwrap_or(0);
    with(reply.map(|_| Full::default()), CONTENT_LENGTH, length.into())
}
