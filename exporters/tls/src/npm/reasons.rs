//! Why an inventory cannot be read: the closed set.

use wire::http::fetch::{FetchError, FetchReason};

kit::closed_set! {
    /// What kept a reading from coming to an end.
    pub enum Reason;
    /// Every reason with what it means.
    pub const REASONS;
    Dns = "dns":
        "The name of Nginx Proxy Manager's host has no address.",
    Connect = "connect":
        "Nobody answers at the url: is the container up, and its port 81 open to this machine?",
    Tls = "tls":
        "No TLS with the url, or a certificate that is not trusted (tls_config).",
    Timeout = "timeout":
        "No whole answer in time.",
    Http = "http":
        "What came is not HTTP, or ended too early.",
    TooLarge = "too_large":
        "An answer above 8 MiB, or more than 100,000 rows: no inventory is.",
    Secret = "secret_unreadable":
        "The password cannot be read from where the configuration says it lies.",
    LoginRefused = "login_refused":
        "Nginx Proxy Manager knows no such user, or the password is another one.",
    TwoFactor = "two_factor":
        "The user has a second factor, which nobody is there to give: take a user without, with view rights alone.",
    Forbidden = "forbidden":
        "The user may not see hosts or streams: give it the permission to view all four kinds, of all users.",
    ServerError = "server_error":
        "Nginx Proxy Manager answers with an error of its own; its log says why.",
    Schema = "schema":
        "The answer or the database has another form than any known version's: please report this.",
    NotFound = "not_found":
        "There is no database at the path.",
    PermissionDenied = "permission_denied":
        "This process may not read the database or its folder; give its user the right to (ACL).",
    Busy = "database_busy":
        "The database was being written whenever it was looked at, or a writer died half-way: start Nginx Proxy Manager.",
    WriteAheadLog = "write_ahead_log":
        "The database keeps a write-ahead log, which cannot be read without writing beside it: use the API.",
    Damaged = "database_damaged":
        "The file is no SQLite database, or a damaged one.",
    Internal = "internal":
        "A defect of this program: please report it.",
}

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
