//! One address: shake hands, and hear whether a client certificate was missed.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kit::Failure;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wire::tls::{HandshakeError, Reason, Seen, TlsStream, Version, alert, cleartext};
use wire::{Phase, Stopwatch};

use super::way::Way;
use super::{Unproven, fail};
use crate::reasons::of_alert;

/// How long a server that asked for a client certificate is given to say that it missed it, beside the time that the
/// handshake took.
const SAY_SO: Duration = Duration::from_millis(100);

/// Shakes hands with an address. What was seen goes to `seen` however it ends.
///
/// # Errors
/// What was wrong with the way there, the handshake or the certificate.
pub(super) async fn shake(
    way: &Way<'_>,
    ip: IpAddr,
    name: &str,
    watch: &mut Stopwatch,
    seen: &mut Option<Seen>,
) -> Result<(), Failure> {
    let (module, deadline) = (way.module(), way.deadline());
    let stream = way.go(ip, name, watch).await?;
    watch.enter(Phase::Tls);
    let outcome = module.client.handshake_by(stream, name, &module.alpn, deadline).await;
    watch.finish();
    let shown = seen.insert(outcome.seen);
    match outcome.stream {
        Ok(mut stream) => {
            way.trace().step("tls handshake as", name.to_owned());
            let missed = missed_certificate(&mut stream, shown, watch, deadline).await;
            // The server shall not take the end for a cut; if it does not read, that is its affair.
            let _ = tokio::time::timeout(SAY_SO, stream.shutdown()).await;
            missed.map_or(Ok(()), Err)
        }
        Err(error) => Err(unshaken(&error, shown)),
    }
}

/// Whether a server that rustls does not come to terms with may still show its certificate in the clear.
pub(super) fn worth_another_way(reason: &str, seen: Option<&Seen>) -> bool {
    matches!(reason, "tls_protocol_version" | "tls_handshake_failure" | "tls_handshake")
        && seen.is_none_or(|seen| seen.chain().is_none())
}

/// The certificates of such a server: TLS 1.0 or 1.1, RSA key exchange alone, parameters too old. `None` if they cannot be
/// had this way either; the failure is told already.
pub(super) async fn unproven(way: &Way<'_>, ip: IpAddr, name: &str) -> Option<Unproven> {
    let read = async {
        let mut stream = way.go(ip, name, &mut Stopwatch::new()).await.ok()?;
        cleartext::read(&mut stream, name).await.ok()
    };
    let found = tokio::time::timeout_at(way.deadline().into(), read).await.ok()??;
    way.trace().step("certificates read in the clear, by", found.version.as_str());
    let chain = Arc::new(found.chain()?);
    Some(Unproven { version: found.version.as_str(), cipher: found.cipher.to_string(), chain })
}

/// Under TLS 1.3 the handshake is over for a client before the server has looked at its certificate: one that misses it
/// says so in an alert that comes with the first read.
async fn missed_certificate(
    stream: &mut TlsStream<TcpStream>,
    seen: &Seen,
    watch: &Stopwatch,
    deadline: Instant,
) -> Option<Failure> {
    if !seen.asked_for_certificate || seen.version != Some(Version::Tls13) {
        return None;
    }
    let patience = Instant::now() + SAY_SO + 2 * watch.get(Phase::Tls).unwrap_or_default();
    let read = tokio::time::timeout_at(patience.min(deadline).into(), stream.read_u8()).await;
    let error = read.ok()?.err()?;
    let name = alert(&error)?;
    Some(fail(
        Phase::Tls,
        of_alert(&name, true),
        format!("after the handshake the peer sent the alert {name}"),
    ))
}

fn unshaken(error: &HandshakeError, seen: &Seen) -> Failure {
    let reason = match (&error.alert, error.reason) {
        (Some(alert), Reason::Alert) => of_alert(alert, seen.asked_for_certificate),
        (_, reason) => reason.word(),
    };
    fail(Phase::Tls, reason, error.to_string())
}
