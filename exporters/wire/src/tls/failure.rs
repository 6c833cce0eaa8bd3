//! Why a handshake failed.

use std::fmt;
use std::io;

use rustls::{AlertDescription, Error, InvalidMessage};

/// The closed set of reasons; [`Reason::word`] is what a metric's label shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The handshake broke off for a cause that none of the others names.
    Handshake,
    /// The deadline passed before the handshake was complete.
    Timeout,
    /// The peer sent a fatal alert: no common version, an unknown name, a client certificate missed.
    Alert,
    /// What answered does not speak TLS.
    NotTls,
    /// The peer closed or reset the connection.
    ConnectionClosed,
    /// The certificate, or one of those above it, has expired.
    CertExpired,
    /// The certificate, or one of those above it, is not valid yet.
    CertNotYetValid,
    /// No path leads from the certificate to a trust anchor.
    CertUntrusted,
    /// The certificate is for other names.
    NameMismatch,
    /// The certificate's issuer says that it is revoked.
    CertRevoked,
}

impl Reason {
    /// The reason as it stands in `probe_failure_info`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Handshake => "tls_handshake",
            Self::Timeout => "tls_timeout",
            Self::Alert => "tls_alert",
            Self::NotTls => "tls_not_tls",
            Self::ConnectionClosed => "connection_closed",
            Self::CertExpired => "tls_cert_expired",
            Self::CertNotYetValid => "tls_cert_not_yet_valid",
            Self::CertUntrusted => "tls_cert_untrusted",
            Self::NameMismatch => "tls_name_mismatch",
            Self::CertRevoked => "tls_cert_revoked",
        }
    }
}

/// A failed handshake: the reason for machines, the words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandshakeError {
    /// From the closed set.
    pub reason: Reason,
    /// The cause in words, lower case, with the name of the server.
    pub detail: String,
    /// The alert's name in RFC 8446 (`unrecognized_name`), where [`Reason::Alert`] is the reason.
    pub alert: Option<String>,
}

impl HandshakeError {
    pub(super) fn new(reason: Reason, server: &str, cause: impl fmt::Display) -> Self {
        Self { reason, detail: format!("tls handshake with {server}: {cause}"), alert: None }
    }

    /// Judges what ended a handshake.
    pub(super) fn from_io(server: &str, error: &io::Error) -> Self {
        if let Some((reason, cause)) = io_failure(error) {
            return Self { alert: alert(error), ..Self::new(reason, server, cause) };
        }
        let cause = match error.kind() {
            io::ErrorKind::UnexpectedEof => "the peer closed the connection".to_owned(),
            _ => error.to_string().to_lowercase(),
        };
        Self::new(Reason::ConnectionClosed, server, cause)
    }

    /// The reason as it stands in `probe_failure_info`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.reason.word()
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for HandshakeError {}

/// The TLS failure within an I/O error, and its words; `None` when TLS had no part in it.
///
/// Also for errors after the handshake: under TLS 1.3 a server that misses a client certificate says so in an alert that
/// arrives with the first read.
#[must_use]
pub fn io_failure(error: &io::Error) -> Option<(Reason, String)> {
    let tls = error.get_ref()?.downcast_ref::<Error>()?;
    Some(match tls {
        Error::AlertReceived(alert) => {
            (Reason::Alert, format!("the peer sent the alert {}", alert_name(*alert)))
        }
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => (Reason::NotTls, "the answer is not tls".to_owned()),
        other => (Reason::Handshake, other.to_string()),
    })
}

/// The name in RFC 8446 of the alert that ended a connection, if one did.
#[must_use]
pub fn alert(error: &io::Error) -> Option<String> {
    match error.get_ref()?.downcast_ref::<Error>()? {
        Error::AlertReceived(alert) => Some(alert_name(*alert)),
        _ => None,
    }
}

/// The name of an alert in RFC 8446, or what it is if it has none there.
pub(super) fn alert_name(alert: AlertDescription) -> String {
    match alert {
        // rustls spells it in the British way.
        AlertDescription::UnrecognisedName => "unrecognized_name".to_owned(),
        _ => alert.as_str().map_or_else(|| format!("{alert:?}"), snake_case),
    }
}

/// rustls names alerts in Rust's way (`ProtocolVersion`), RFC 8446 in its own (`protocol_version`).
fn snake_case(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for (index, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && index > 0 {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}
