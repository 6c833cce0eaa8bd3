//! Why a name could not be resolved.

use hickory_proto::op::ResponseCode;
use hickory_resolver::net::{DnsError, NetError};

use super::Preference;

/// Why a name could not be resolved; the words of a `reason` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResolveReason {
    /// There is no such name.
    NxDomain,
    /// The name is there, but has no address of an admitted family.
    NoAddress,
    /// No server answered.
    Timeout,
    /// Anything else: a server's failure, an unusable configuration, something that is no name.
    Error,
}

impl ResolveReason {
    /// The value of a `reason` label.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            ResolveReason::NxDomain => "dns_nxdomain",
            ResolveReason::NoAddress => "dns_no_address",
            ResolveReason::Timeout => "dns_timeout",
            ResolveReason::Error => "dns_error",
        }
    }
}

/// A name that could not be resolved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("resolve {host}: {detail}")]
pub struct ResolveError {
    /// Why.
    pub reason: ResolveReason,
    /// The name.
    pub host: String,
    /// The cause in words.
    pub detail: String,
}

impl ResolveError {
    /// The error of a caller whose deadline passed during a lookup.
    #[must_use]
    pub fn timed_out(host: &str) -> Self {
        Self::new(ResolveReason::Timeout, host, "no answer in time".to_owned())
    }

    pub(super) fn new(reason: ResolveReason, host: &str, detail: String) -> Self {
        Self { reason, host: host.to_owned(), detail }
    }

    pub(super) fn other(host: &str, detail: String) -> Self {
        Self::new(ResolveReason::Error, host, detail)
    }

    pub(super) fn no_address(host: &str, preference: Preference) -> Self {
        let (wanted, other) = (preference.family.word(), preference.family.other().word());
        let detail = if preference.fallback {
            format!("no address, neither {wanted} nor {other}")
        } else {
            format!("no {wanted} address, and no fallback to {other} is allowed")
        };
        Self::new(ResolveReason::NoAddress, host, detail)
    }

    /// What getaddrinfo's error means; the standard library hands over its text only. Texts of glibc and musl.
    pub(super) fn of_system(host: &str, error: &std::io::Error) -> Self {
        let text = error.to_string();
        let cause = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
        let reason = match cause {
            "Name or service not known" | "Name does not resolve" => ResolveReason::NxDomain,
            "No address associated with hostname" | "Name has no usable address" => ResolveReason::NoAddress,
            // A server's failure and its silence are one and the same here.
            "Temporary failure in name resolution" | "Try again" => ResolveReason::Error,
            _ if error.kind() == std::io::ErrorKind::TimedOut => ResolveReason::Timeout,
            _ => ResolveReason::Error,
        };
        Self::new(reason, host, cause.to_lowercase())
    }

    /// What a query's error means.
    pub(super) fn of_query(host: &str, error: &NetError) -> Self {
        match error {
            NetError::Timeout => {
                Self::new(ResolveReason::Timeout, host, "no answer from any server".to_owned())
            }
            NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
                ResponseCode::NXDomain => Self::new(ResolveReason::NxDomain, host, "no such name".to_owned()),
                ResponseCode::NoError => Self::new(ResolveReason::NoAddress, host, "no address".to_owned()),
                code => Self::other(host, answered(code)),
            },
            NetError::Dns(DnsError::ResponseCode(code)) => Self::other(host, answered(*code)),
            NetError::NoConnections => Self::other(host, "no server can be reached".to_owned()),
            NetError::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                Self::new(ResolveReason::Timeout, host, "no answer from any server".to_owned())
            }
            error => Self::other(host, error.to_string()),
        }
    }
}

fn answered(code: ResponseCode) -> String {
    format!("the server answered {}", code.to_str().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn getaddrinfo_texts_have_reasons() {
        for (text, want) in [
            ("failed to lookup address information: Name or service not known", "dns_nxdomain"),
            ("failed to lookup address information: Name does not resolve", "dns_nxdomain"),
            ("failed to lookup address information: No address associated with hostname", "dns_no_address"),
            ("failed to lookup address information: Temporary failure in name resolution", "dns_error"),
            ("something new", "dns_error"),
        ] {
            let error = ResolveError::of_system("h", &std::io::Error::other(text));
            assert_eq!(error.reason.word(), want, "{text}");
        }
        let error = ResolveError::of_system("h", &std::io::Error::other("Try again"));
        assert_eq!(error.to_string(), "resolve h: try again");
    }
}
