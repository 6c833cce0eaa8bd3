//! What the fuzz targets reach of the file readers beside their public interface. Not for anything else.

/// Reads a file's bytes by every format; how many certificates and revocation lists came out.
#[must_use]
pub fn file(bytes: &[u8]) -> usize {
    crate::files::fuzz(bytes)
}

/// Reads certbot's configuration of a certificate; when that is due, of one that lives for these seconds.
#[must_use]
pub fn certbot(text: &str, lifetime: i64) -> i64 {
    crate::files::fuzz_certbot(text).due(0, lifetime).at
}
