//! The SSL request of MySQL and MariaDB (MariaDB's manual, "Connection").
//!
//! A server counts connections that end without a login: after `max_connect_errors` of them in a row from one host (100)
//! it refuses that host with 1129, unless it has `skip_name_resolve`. A probe is such a connection.

use tokio::io::{AsyncRead, AsyncWrite};

use super::error::StartTlsError;
use super::peer::{MAX_BYTES, Peer, greeting, quote};

const CLIENT_PROTOCOL_41: u32 = 0x0200;
const CLIENT_SSL: u32 = 0x0800;
const CLIENT_SECURE_CONNECTION: u32 = 0x8000;
const CLIENT_PLUGIN_AUTH: u32 = 0x0008_0000;
/// The largest packet that this side would take; it takes none.
const MAX_PACKET: u32 = 1 << 24;
/// utf8_general_ci.
const CHARSET: u8 = 33;

pub(super) async fn dialogue<S>(peer: &mut Peer<'_, S>, _: &str) -> Result<String, StartTlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let header = peer.exact(4).await?;
    let length = header[..3].iter().rev().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
    // Nobody greets at such length: it is text, or another protocol's number.
    if header[3] != 0 || length == 0 || length > MAX_BYTES {
        return Err(peer.other(&format!("it begins with {}", quote(&header))));
    }
    let packet = peer.exact(length).await?;
    if packet[0] == 0xff {
        return Err(refusal(peer, &packet));
    }
    let Some((version, capabilities)) = handshake(&packet) else {
        return Err(peer.other(&format!("its first packet is {}", quote(&packet))));
    };
    if capabilities & CLIENT_SSL == 0 {
        return Err(peer.not_offered("CLIENT_SSL is not among its capabilities"));
    }
    let mut request = vec![32, 0, 0, 1];
    let flags = CLIENT_PROTOCOL_41 | CLIENT_SSL | CLIENT_SECURE_CONNECTION | CLIENT_PLUGIN_AUTH;
    request.extend_from_slice(&flags.to_le_bytes());
    request.extend_from_slice(&MAX_PACKET.to_le_bytes());
    request.push(CHARSET);
    request.resize(36, 0);
    let banner = greeting(&String::from_utf8_lossy(version));
    // The server answers no more: behind its own packet there must be nothing, and then TLS begins.
    peer.expect_silence().await?;
    peer.send(&request).await?;
    Ok(banner)
}

/// Version and capabilities of a handshake packet of protocol 10.
fn handshake(packet: &[u8]) -> Option<(&[u8], u32)> {
    let rest = packet.strip_prefix(&[10])?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    // Behind the version: connection (4), first part of the challenge (8), a zero; then the lower half of the flags.
    let flags = rest.get(end + 14..end + 16)?;
    Some((&rest[..end], u32::from(flags[0]) | u32::from(flags[1]) << 8))
}

/// An error packet instead of a handshake: host not allowed (1130), blocked (1129), too many connections (1040).
fn refusal<S>(peer: &Peer<'_, S>, packet: &[u8]) -> StartTlsError
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let [_, low, high, said @ ..] = packet else {
        return peer.other(&format!("its first packet is {}", quote(packet)));
    };
    let code = u16::from_le_bytes([*low, *high]).to_string();
    peer.refused("the connection", &code, &String::from_utf8_lossy(said))
}
