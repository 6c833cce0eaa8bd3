//! Why a server could not be brought to TLS.

use std::fmt;

use super::Protocol;

/// The closed set of reasons; [`Reason::word`] is what a metric's label shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The server speaks the protocol and has no TLS to offer: a finding about its security.
    NotOffered,
    /// The server said no, to the connection or to TLS; [`StartTlsError::code`] is its own word for it.
    Refused,
    /// What answered does not speak this protocol.
    NotThisProtocol,
    /// The server said more than any sane one does, or more in one line.
    TooMuch,
    /// The server said more than it was asked before TLS began: what an attacker's injected text looks like.
    Injection,
    /// The peer closed or reset the connection.
    Closed,
}

impl Reason {
    /// Every reason, in the order of the enum.
    pub const ALL: [Self; 6] = [
        Self::NotOffered,
        Self::Refused,
        Self::NotThisProtocol,
        Self::TooMuch,
        Self::Injection,
        Self::Closed,
    ];

    /// The reason as it stands in a label.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotOffered => "starttls_not_offered",
            Self::Refused => "starttls_refused",
            Self::NotThisProtocol => "starttls_not_protocol",
            Self::TooMuch => "starttls_too_much",
            Self::Injection => "starttls_injection",
            Self::Closed => "connection_closed",
        }
    }
}

/// A dialogue that did not reach TLS: the reason for machines, the words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartTlsError {
    /// The protocol that was spoken.
    pub protocol: Protocol,
    /// From the closed set.
    pub reason: Reason,
    /// The server's own code of a refusal: `454`, `NO`, `28000`, `52`, `host-unknown`. Printable ASCII, short.
    pub code: Option<String>,
    /// The cause in words, lower case, with what came.
    pub detail: String,
}

impl StartTlsError {
    /// The reason as it stands in a label.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        self.reason.word()
    }
}

impl fmt::Display for StartTlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "starttls over {}: {}", self.protocol, self.detail)
    }
}

impl std::error::Error for StartTlsError {}
