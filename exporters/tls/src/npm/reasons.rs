//! Why an inventory cannot be read: the closed set.

use wire::http::fetch::{FetchError, FetchReason};

/// What kept a reading from coming to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The name of the host has no address.
    Dns,
    /// No connection.
    Connect,
    /// No TLS.
    Tls,
    /// Not in time.
    Timeout,
    /// What came is not HTTP, or the connection ended before it was whole.
    Http,
    /// The answer or the file is larger than any inventory.
    TooLarge,
    /// The secret cannot be had from where it lies.
    Secret,
    /// Nginx Proxy Manager knows no such user or password.
    LoginRefused,
    /// The user has a second factor.
    TwoFactor,
    /// The user may not see what is asked for.
    Forbidden,
    /// Nginx Proxy Manager's own error.
    ServerError,
    /// The answer or the database is not what it was when this was written.
    Schema,
    /// There is no database.
    NotFound,
    /// The database may not be read.
    PermissionDenied,
    /// The database is being written all the time, or was left half-written.
    Busy,
    /// The database keeps a write-ahead log.
    WriteAheadLog,
    /// The database is damaged, or none.
    Damaged,
    /// A defect of this program.
    Internal,
}

impl Reason {
    /// The value of the label `reason`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Http => "http",
            Self::TooLarge => "too_large",
            Self::Secret => "secret_unreadable",
            Self::LoginRefused => "login_refused",
            Self::TwoFactor => "two_factor",
            Self::Forbidden => "forbidden",
            Self::ServerError => "server_error",
            Self::Schema => "schema",
            Self::NotFound => "not_found",
            Self::PermissionDenied => "permission_denied",
            Self::Busy => "database_busy",
            Self::WriteAheadLog => "write_ahead_log",
            Self::Damaged => "database_damaged",
            Self::Internal => "internal",
        }
    }
}

/// Every reason with what it means.
pub const REASONS: &[(&str, &str)] = &[
    ("dns", "The name of Nginx Proxy Manager's host has no address."),
    ("connect", "Nobody answers at the url: is the container up, and its port 81 open to this machine?"),
    ("tls", "No TLS with the url, or a certificate that is not trusted (tls_config)."),
    ("timeout", "No whole answer in time."),
    ("http", "What came is not HTTP, or ended too early."),
    ("too_large", "An answer above 8 MiB: no inventory is."),
    ("secret_unreadable", "The password cannot be read from where the configuration says it lies."),
    ("login_refused", "Nginx Proxy Manager knows no such user, or the password is another one."),
    (
        "two_factor",
        "The user has a second factor, which nobody is there to give: take a user without, with view rights alone.",
    ),
    (
        "forbidden",
        "The user may not see hosts or streams: give it the permission to view all four kinds, of all users.",
    ),
    ("server_error", "Nginx Proxy Manager answers with an error of its own; its log says why."),
    ("schema", "The answer or the database has another form than any known version's: please report this."),
    ("not_found", "There is no database at the path."),
    (
        "permission_denied",
        "This process may not read the database or its folder; give its user the right to (ACL).",
    ),
    (
        "database_busy",
        "The database was being written whenever it was looked at, or a writer died half-way: start Nginx Proxy Manager.",
    ),
    (
        "write_ahead_log",
        "The database keeps a write-ahead log, which cannot be read without writing beside it: use the API.",
    ),
    ("database_damaged", "The file is no SQLite database, or a damaged one."),
    ("internal", "A defect of this program: please report it."),
];

/// Why a reading failed: the reason for machines, the words for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Fault {
    /// From the closed set.
    pub reason: Reason,
    /// The cause in words, lower case; never a secret.
    pub detail: String,
}

impl From<FetchError> for Fault {
    fn from(error: FetchError) -> Self {
        let reason = match error.reason {
            FetchReason::Dns => Reason::Dns,
            FetchReason::Connect => Reason::Connect,
            FetchReason::Tls => Reason::Tls,
            FetchReason::Http => Reason::Http,
            FetchReason::TooLarge => Reason::TooLarge,
        };
        Self { reason, detail: error.detail }
    }
}

impl Fault {
    /// A failed reading.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_line() {
        use Reason::*;
        let all = [
            Dns,
            Connect,
            Tls,
            Timeout,
            Http,
            TooLarge,
            Secret,
            LoginRefused,
            TwoFactor,
            Forbidden,
            ServerError,
            Schema,
            NotFound,
            PermissionDenied,
            Busy,
            WriteAheadLog,
            Damaged,
            Internal,
        ];
        assert_eq!(all.map(Reason::word).to_vec(), REASONS.iter().map(|(word, _)| *word).collect::<Vec<_>>());
    }
}
