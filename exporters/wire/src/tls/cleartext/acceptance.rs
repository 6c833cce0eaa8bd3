//! Which versions a server speaks: one connection for each.

use tokio::io::{AsyncRead, AsyncWrite};

use super::super::failure::{HandshakeError, Reason};
use super::super::settings::Version;
use super::flight::Flight;
use super::{offer, server};

/// Whether a server takes a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// It answered with this version.
    Accepted,
    /// It did not; how it answered, in words.
    Refused(String),
}

impl Acceptance {
    /// Whether it is [`Acceptance::Accepted`].
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted)
    }
}

/// Whether the server at the other end of a connection on which TLS shall begin speaks this version, and no more than that: it
/// may still have nothing to offer that a client of today wants. The connection is of no use afterwards.
///
/// # Errors
/// The answer tells nothing about the version: it is not TLS, an alert about something else (an unknown name), a connection
/// that breaks off in the middle.
pub async fn accepts<S>(stream: &mut S, name: &str, version: Version) -> Result<Acceptance, HandshakeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    offer(stream, name, version).await?;
    let mut flight = Flight::new(stream, name);
    match server::hello(&mut flight).await {
        Ok(hello) if hello.version == version => Ok(Acceptance::Accepted),
        Ok(hello) => Ok(Acceptance::Refused(format!("the server chose {}", hello.version))),
        Err(error) if refuses(&error) => Ok(Acceptance::Refused(error.detail)),
        // Servers and middleboxes that do not bother to send an alert.
        Err(error) if error.reason == Reason::ConnectionClosed && !flight.has_begun() => {
            Ok(Acceptance::Refused(error.detail))
        }
        Err(error) => Err(error),
    }
}

/// Whether an alert is one of those that servers send for a version which they do not take. So many were offered of everything
/// else that a failed handshake is about the version, too.
fn refuses(error: &HandshakeError) -> bool {
    const ALERTS: [&str; 5] = [
        "protocol_version",
        "handshake_failure",
        "insufficient_security",
        "illegal_parameter",
        "internal_error",
    ];
    error.reason == Reason::Alert && ALERTS.iter().any(|alert| error.detail.ends_with(alert))
}
