//! What the fuzz targets reach of the file readers beside their public interface. Not for anything else.

/// Reads a file's bytes by every format; how many certificates and revocation lists came out.
#[must_use]
pub fn file(bytes: &[u8]) -> usize {
    crate::files::fuzz(bytes)
}

/// Reads a list of hosts as Nginx Proxy Manager's API gives it; how many hosts, certificates and odd rows came out.
#[must_use]
pub fn npm_hosts(body: &[u8]) -> [usize; 3] {
    crate::npm::fuzz(body)
}

/// Reads an authority's answers, the window of a certificate and the directory, and a time to come again in seconds; the window, if
/// there is one.
#[must_use]
pub fn ari(body: &[u8], retry_after: &[u8]) -> (Option<crate::ari::Window>, u64) {
    crate::ari::fuzz(body, retry_after)
}

/// Reads certbot's configuration of a certificate; when that is due, of one that lives for these seconds.
#[must_use]
pub fn certbot(text: &str, lifetime: i64) -> i64 {
    crate::files::fuzz_certbot(text).due(0, lifetime).at
}
