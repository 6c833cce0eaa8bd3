//! Our ClientHello (RFC 5246 §7.4.1.2, RFC 8446 §4.1.2).

use std::net::IpAddr;

use super::super::settings::Version;
use super::suites;

/// Curves and groups: those in use, then what old servers insist on.
const GROUPS: [u16; 13] = [29, 23, 24, 25, 30, 22, 21, 19, 26, 27, 28, 256, 257];
/// Signatures: those in use, then RSA and ECDSA and DSA with SHA-224, SHA-1 and MD5.
const SIGNATURES: [u16; 23] = [
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501,
    0x0601, 0x0402, 0x0502, 0x0602, 0x0303, 0x0301, 0x0203, 0x0201, 0x0202, 0x0101,
];
/// A server of F5 that never answers a hello of 256 to 511 bytes is why padding exists (RFC 7685).
const PADDED: usize = 512;

/// The version's number on the wire.
pub(super) const fn number(version: Version) -> u16 {
    match version {
        Version::Tls10 => 0x0301,
        Version::Tls11 => 0x0302,
        Version::Tls12 => 0x0303,
        Version::Tls13 => 0x0304,
    }
}

/// A record with a ClientHello; `None` when the system gives no random numbers.
pub(super) fn record(name: &str, version: Version) -> Option<Vec<u8>> {
    let mut chance = [0; 96];
    aws_lc_rs::rand::fill(&mut chance).ok()?;
    let modern = version == Version::Tls13;
    let mut body = Vec::with_capacity(PADDED);
    body.extend_from_slice(&number(version.min(Version::Tls12)).to_be_bytes());
    body.extend_from_slice(&chance[..32]);
    // TLS 1.3 wants a session to look like a resumed one (RFC 8446 §D.4); before it, none must be resumed.
    let session: &[u8] = if modern { &chance[32..64] } else { &[] };
    vector8(&mut body, session);
    let suites = if modern { suites::MODERN } else { suites::OFFERED };
    vector16(&mut body, &numbers(suites.iter().map(|suite| suite.number)));
    // Compression: none.
    vector8(&mut body, &[0]);
    let mut extensions = Vec::with_capacity(256);
    if let Some(host) = sni(name) {
        let mut list = vec![0];
        vector16(&mut list, host.as_bytes());
        extension(&mut extensions, 0, |out| vector16(out, &list));
    }
    extension(&mut extensions, 10, |out| vector16(out, &numbers(GROUPS)));
    if version >= Version::Tls12 {
        extension(&mut extensions, 13, |out| vector16(out, &numbers(SIGNATURES)));
    }
    if modern {
        extension(&mut extensions, 43, |out| vector8(out, &number(version).to_be_bytes()));
        // Any 32 bytes are a point of X25519; who wants another group asks for it, which is an answer too.
        let mut share = vec![0, 29];
        vector16(&mut share, &chance[64..]);
        extension(&mut extensions, 51, |out| vector16(out, &share));
    } else {
        // Uncompressed points.
        extension(&mut extensions, 11, |out| vector8(out, &[0]));
        // Extended master secret and secure renegotiation: some servers insist.
        extension(&mut extensions, 23, |_| {});
        extension(&mut extensions, 0xff01, |out| vector8(out, &[]));
    }
    let length = 4 + body.len() + 2 + extensions.len();
    if (256..PADDED).contains(&length) {
        let zeros = vec![0; (PADDED - length).saturating_sub(4)];
        extension(&mut extensions, 21, |out| out.extend_from_slice(&zeros));
    }
    vector16(&mut body, &extensions);
    let mut out = vec![0x16, 3, 1];
    let mut message = vec![1, 0];
    vector16(&mut message, &body);
    vector16(&mut out, &message);
    Some(out)
}

/// A host name as SNI has it: not an address, without the last dot (RFC 6066 §3).
fn sni(name: &str) -> Option<&str> {
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let bare = bare.split_once('%').map_or(bare, |(address, _)| address);
    if bare.parse::<IpAddr>().is_ok() {
        return None;
    }
    let host = name.strip_suffix('.').unwrap_or(name);
    (!host.is_empty() && host.len() <= 255 && host.is_ascii()).then_some(host)
}

fn numbers(numbers: impl IntoIterator<Item = u16>) -> Vec<u8> {
    numbers.into_iter().flat_map(u16::to_be_bytes).collect()
}

fn extension(out: &mut Vec<u8>, number: u16, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    fill(&mut body);
    out.extend_from_slice(&number.to_be_bytes());
    vector16(out, &body);
}

/// Nothing here is longer than its length field can say: a host name is at most 255 bytes, the rest is fixed.
fn vector16(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn vector8(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(bytes);
}
