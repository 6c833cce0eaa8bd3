//! What a module's `tls_config` becomes, and what may be wrong with it.

use std::fmt;
use std::sync::Arc;

use super::roots::Roots;

/// A version of TLS, as configurations name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// TLS 1.0 (RFC 2246); cannot be spoken.
    Tls10,
    /// TLS 1.1 (RFC 4346); cannot be spoken.
    Tls11,
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl Version {
    /// As Go and the metrics say it: `TLS 1.2`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls10 => "TLS 1.0",
            Self::Tls11 => "TLS 1.1",
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        }
    }

    /// From a configuration: `TLS10` to `TLS13`.
    #[must_use]
    pub fn from_config(word: &str) -> Option<Self> {
        Some(match word {
            "TLS10" => Self::Tls10,
            "TLS11" => Self::Tls11,
            "TLS12" => Self::Tls12,
            "TLS13" => Self::Tls13,
            _ => return None,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A client certificate. Its `Debug` hides the key.
#[derive(Clone)]
pub struct Identity {
    /// The certificate and those above it, PEM, leaf first.
    pub certificates: Vec<u8>,
    /// The private key, PEM: PKCS#8, PKCS#1 or SEC1, not encrypted.
    pub key: Vec<u8>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity { key: <secret> }")
    }
}

/// Everything a [`Client`](super::Client) is built from. Files are already read: the configuration knows their places.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Take any certificate. It is judged all the same, so that [`Seen`](super::Seen) tells; only nothing comes of it.
    pub insecure_skip_verify: bool,
    /// PEM certificates to trust **instead of** `roots`, as blackbox_exporter's `ca_file`.
    pub ca: Option<Vec<u8>>,
    /// What to trust where `ca` is not set. Give every client a clone of one `Arc`: it is read once for all of them.
    pub roots: Arc<Roots>,
    /// The client certificate to show when a server asks for one.
    pub identity: Option<Identity>,
    /// The name to ask for (SNI) and to verify, instead of the target's.
    pub server_name: Option<String>,
    /// Keep every path to an anchor in [`Verification::paths`](super::Verification::paths).
    pub keep_paths: bool,
    /// Judge a stapled OCSP response, and refuse a certificate that one says is revoked. No browser but Firefox does, nor does
    /// Go's client; without it the response is only kept.
    pub heed_staple: bool,
    /// The lowest version to offer; below TLS 1.2 it counts as TLS 1.2, and [`Client::notices`](super::Client::notices)
    /// says so.
    pub min_version: Option<Version>,
    /// The highest version to offer; below TLS 1.2 is an error.
    pub max_version: Option<Version>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            insecure_skip_verify: false,
            ca: None,
            roots: Arc::new(Roots::system()),
            identity: None,
            server_name: None,
            keep_paths: false,
            heed_staple: false,
            min_version: None,
            max_version: None,
        }
    }
}

/// What is wrong with [`Settings`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsConfigError {
    /// `ca` holds no certificate that can serve as a trust anchor.
    #[error("ca: {0}")]
    Ca(String),
    /// The client certificate cannot be read.
    #[error("client certificate: {0}")]
    Certificate(String),
    /// The client's key cannot be read, or is not the certificate's.
    #[error("client key: {0}")]
    Key(String),
    /// The name cannot be a server's.
    #[error("server name {0:?} is neither a host name nor an ip address")]
    ServerName(String),
    /// No version is left.
    #[error("no tls version between {min} and {max}: {why}")]
    Versions {
        /// The lowest that was asked for.
        min: Version,
        /// The highest that was asked for.
        max: Version,
        /// What to do.
        why: &'static str,
    },
}
