//! A TLS handshake that reports what it saw.
//!
//! | file | what it holds |
//! |---|---|
//! | `settings` | [`Settings`]: what a module's `tls_config` becomes, and what may be wrong with it |
//! | `roots` | [`Roots`]: the trust anchors, read once, when the first handshake needs them |
//! | `client` | [`Client`]: built once per module; [`Client::handshake`], [`Outcome`] |
//! | `recorder` | the per-connection verifier that keeps the chain whatever its worth |
//! | `judge` | the verification, fault by fault |
//! | `memory` | chains that were judged already |
//! | `verification` | [`Verification`]: the faults apart, for rustls tells only the first |
//! | `seen` | [`Seen`]: all that a handshake showed, also one that failed |
//! | `certificate` | [`Certificate`]: a certificate's facts |
//! | `ocsp` | [`Staple`]: what a stapled OCSP response says, and whether it counts |
//! | `der` | a small reader of DER, for what x509-parser has no type for |
//! | `renewal_id` | [`renewal_id()`]: a certificate's name for its authority's renewal information |
//! | `name` | distinguished names as Go prints them |
//! | [`cleartext`] | the certificate of a server that rustls refuses, read before anything is encrypted |
//! | `failure` | [`HandshakeError`] and its closed set of reasons |
//!
//! The certificate is never lost on failure: peers that verify inside the handshake drop every certificate metric at the
//! moment of expiry (blackbox_exporter #1119, ssl_exporter #37). Here the verifier records the chain, lets the handshake
//! end, and only then, before any byte of an application, a required verification that failed closes the stream.

mod certificate;
pub mod cleartext;
mod client;
mod der;
mod failure;
mod judge;
mod memory;
mod name;
mod ocsp;
mod recorder;
mod renewal_id;
mod roots;
mod seen;
mod settings;
mod verification;

#[cfg(test)]
mod odd_servers;
#[cfg(test)]
mod tests;

pub use certificate::{Certificate, Chain, Link, Unreadable};
pub use client::{Alpn, Client, Outcome, TlsStream};
pub use failure::{HandshakeError, Reason, alert, io_failure};
pub(crate) use ocsp::fuzz as fuzz_ocsp;
pub use ocsp::{Answer, Staple, Status};
pub use renewal_id::renewal_id;
pub use roots::Roots;
pub use seen::Seen;
pub use settings::{Identity, Settings, TlsConfigError, Version};
pub use verification::{Fault, NameMatch, Proof, Trust, Validity, Verification};
