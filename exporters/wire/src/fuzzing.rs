//! What the fuzz targets reach of wire beside its public interface. Not for anything else.

/// Reads a received datagram as every kind of ICMP echo message; how many it could be.
#[must_use]
pub fn icmp(bytes: &[u8]) -> usize {
    crate::icmp::fuzz(bytes)
}

/// Reads a stapled OCSP response about a certificate, which stands for its issuer's, too; whether it is signed and true.
#[must_use]
pub fn ocsp(response: &[u8], certificate: &[u8]) -> bool {
    crate::tls::fuzz_ocsp(response, certificate)
}

/// Asks a proxy of SOCKS 5 for a tunnel.
///
/// # Errors
/// In words: it said no, or something else than SOCKS.
pub async fn socks<S>(stream: S) -> Result<S, String>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let user = ("me".to_owned(), "word".to_owned());
    crate::proxy::socks::tunnel(stream, "a.test", 443, Some(&user)).await.map_err(|error| error.to_string())
}

/// Reads a hosts file; how many names it has.
#[must_use]
pub fn hosts(text: &str) -> usize {
    crate::resolve::fuzz_hosts(text)
}

/// Reads a resolv.conf, and makes a client of it.
///
/// # Errors
/// What is wrong with it.
pub fn resolv_conf(text: &[u8]) -> Result<(), String> {
    crate::resolve::fuzz_resolv_conf(text)
}

/// Reads a DNS server's answer as the resolver does; how many records it has.
#[must_use]
pub fn answer(bytes: &[u8]) -> usize {
    hickory_proto::op::Message::from_vec(bytes)
        .map_or(0, |message| message.all_sections().filter(|record| record.data.ip_addr().is_some()).count())
}
