//! All that a handshake showed.

use std::sync::Arc;

use super::certificate::{Certificate, Chain};
use super::judge::Judged;
use super::ocsp::Staple;
use super::recorder::Record;
use super::settings::Version;
use super::verification::{Proof, Verification};

/// What a handshake showed, as far as it came: also of one that failed.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The version agreed upon.
    pub version: Option<Version>,
    /// The cipher suite's name at IANA: `TLS_AES_128_GCM_SHA256`. Known once the handshake is complete.
    pub cipher: Option<&'static str>,
    /// The group of the key exchange: `X25519`, `secp256r1`, `X25519MLKEM768`. Known once the handshake is complete.
    pub key_exchange: Option<&'static str>,
    /// The protocol that ALPN chose.
    pub alpn: Option<Vec<u8>>,
    /// The stapled OCSP response, DER; empty when there was none.
    pub ocsp: Vec<u8>,
    /// What it says, if the client heeds it.
    pub staple: Option<Arc<Staple>>,
    /// Whether the server proved that it holds the certificate's key.
    pub proof: Proof,
    /// Whether the server asked for a client certificate.
    pub asked_for_certificate: bool,
    judged: Option<Arc<Judged>>,
}

impl Seen {
    pub(super) fn new(record: Record) -> Self {
        Self {
            version: record.version,
            cipher: None,
            key_exchange: None,
            alpn: None,
            ocsp: record.ocsp,
            staple: record.staple.map(Arc::new),
            proof: record.proof.unwrap_or(Proof::NotSeen),
            asked_for_certificate: record.asked_for_certificate,
            judged: record.judged,
        }
    }

    /// The certificates as presented; `None` when the handshake did not come that far.
    #[must_use]
    pub fn chain(&self) -> Option<&Chain> {
        self.judged.as_ref().map(|judged| &*judged.chain)
    }

    /// The server's own certificate, if it came and can be read.
    #[must_use]
    pub fn leaf(&self) -> Option<&Certificate> {
        self.chain()?.leaf()
    }

    /// What became of verifying the chain; also where nothing depends on it.
    #[must_use]
    pub fn verification(&self) -> Option<&Verification> {
        self.judged.as_ref().map(|judged| &judged.verification)
    }

    /// Whether chain, name, dates and the server's proof are all good: `probe_ssl_verified`.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.proof == Proof::Valid && self.verification().is_some_and(Verification::is_good)
    }
}
