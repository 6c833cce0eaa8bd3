//! Why a call failed: the closed set of `reason`.

use std::fmt;

macro_rules! reasons {
    ($($variant:ident $word:literal $meaning:literal,)+) => {
        /// Why a call, and with it a collector, failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $(#[doc = $meaning] $variant,)+
        }

        impl Reason {
            /// The value of a `reason` label.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Reason::$variant => $word,)+
                }
            }
        }

        /// Every reason with what it means; the metric reference is made of it.
        pub const REASONS: &[(&str, &str)] = &[$(($word, $meaning),)+];
    };
}

reasons! {
    Resolve "resolve" "The endpoint's name could not be resolved.",
    Refused "target_refused" "allowed_targets does not allow the address that the target's name stands for; nothing was sent.",
    Connect "connect" "No endpoint could be connected to: nobody listens, nobody answers, or there is no way.",
    Tls "tls" "The TLS handshake with the endpoint broke off.",
    Untrusted "tls_untrusted" "The endpoint's certificate is not good: not trusted, expired, or for another name.",
    Fingerprint "tls_fingerprint" "The endpoint's certificate is none of those that are pinned: it was renewed, or somebody stands between.",
    Closed "connection_closed" "The connection was closed before the answer was complete.",
    Protocol "protocol_error" "What answered does not speak HTTP.",
    Timeout "timeout" "No answer in time: of an endpoint, or of the node that it asked.",
    Credential "credential" "The token or password cannot be read, or the token's name is malformed; nothing was sent.",
    Unauthorized "unauthorized" "The token or password is not accepted (401): wrong, expired, disabled, or its user is.",
    SecondFactor "second_factor" "The user needs a second factor: monitoring needs a token instead.",
    Forbidden "forbidden" "A privilege is missing (403); the log names it.",
    NotFound "not_found" "The API has no such path or object: this version of Proxmox VE, or one that was just removed.",
    NodeUnreachable "node_unreachable" "The endpoint cannot reach the node that was asked about (595, 596, 599).",
    NodeOffline "node_offline" "The cluster says that the node is offline: it is not asked.",
    ServerError "server_error" "The API failed (5xx); the log has its words.",
    Status "status" "The API answered with another status than any of these.",
    TooLarge "too_large" "The answer is larger than any sane one.",
    Answer "bad_answer" "The answer is not the JSON that the API promises, or part of it is not.",
    Internal "internal" "A fault of the exporter's own.",
}

impl Reason {
    /// The reason behind a status of 400 and above. The codes 595 to 599 are those of the HTTP client inside pveproxy,
    /// which hands them on.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 | 501 => Self::NotFound,
            595..=599 => Self::NodeUnreachable,
            500..=594 => Self::ServerError,
            _ => Self::Status,
        }
    }

    /// Whether it speaks of the endpoint and not of what was asked: then another endpoint may do better.
    #[must_use]
    pub const fn is_endpoint(self) -> bool {
        use Reason::{Closed, Connect, Fingerprint, Protocol, Resolve, Tls, Untrusted};
        matches!(self, Resolve | Connect | Tls | Untrusted | Fingerprint | Closed | Protocol)
    }

    /// Whether every call fails of it: no endpoint, or no way in.
    #[must_use]
    pub const fn is_of_all(self) -> bool {
        self.is_endpoint() || matches!(self, Self::Credential | Self::Unauthorized | Self::SecondFactor)
    }
}

/// A failed call: the reason for machines, the words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// From the closed set.
    pub reason: Reason,
    /// The cause in words, without any secret.
    pub detail: String,
}

impl Failure {
    /// A failure.
    #[must_use]
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.word(), self.detail)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_have_their_reasons() {
        for (status, want) in [
            (400, "status"),
            (401, "unauthorized"),
            (403, "forbidden"),
            (404, "not_found"),
            (500, "server_error"),
            (501, "not_found"),
            (503, "server_error"),
            (595, "node_unreachable"),
            (596, "node_unreachable"),
            (599, "node_unreachable"),
            (700, "status"),
        ] {
            assert_eq!(Reason::of_status(status).word(), want, "{status}");
        }
    }

    #[test]
    fn words_are_different() {
        let mut words: Vec<&str> = REASONS.iter().map(|(word, _)| *word).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), REASONS.len());
    }
}
