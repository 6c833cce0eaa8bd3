//! What the fuzz targets reach of the probers beside their public interface. Not for anything else.

/// Reads a server's answer and writes all its records down; the text.
#[must_use]
pub fn dns_answer(bytes: &[u8]) -> String {
    crate::dns::fuzz_answer(bytes)
}

/// Writes the data of a record of this type down; the text.
#[must_use]
pub fn dns_rdata(kind: u16, data: &[u8]) -> String {
    crate::dns::fuzz_rdata(kind, data)
}

/// Reads a body that is compressed by gzip (0), deflate (1), brotli (2) or not at all, and comes in pieces of `step`
/// bytes; how many bytes came out, at most `limit`.
#[must_use]
pub fn http_body(compression: u8, step: usize, bytes: &[u8], limit: u64) -> usize {
    crate::http::fuzz_body(compression, step, bytes, limit)
}

/// Follows a Location and keeps a Set-Cookie, both from `http://probe.test/a/b`; where that leads, and with which cookies.
#[must_use]
pub fn http_redirect(location: &[u8], cookie: &[u8]) -> Option<(String, String)> {
    crate::http::fuzz_redirect(location, cookie)
}

/// Reads a target of the http prober; its URL.
#[must_use]
pub fn http_target(text: &str) -> Option<String> {
    crate::http::fuzz_target(text)
}
