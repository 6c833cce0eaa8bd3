//! What a look at an endpoint showed, as samples.
//!
//! | file | what |
//! |---|---|
//! | `look` | success, reason, durations, addresses, the handshake |
//! | `certificate` | the certificates: dates, identity, strength, when they are due |
//! | `ocsp` | what a stapled OCSP response says, and whether it counts |
//! | `versions` | which versions of TLS are accepted |
//! | `chain` | what the chain is worth, each fact apart |
//!
//! Every family has `target` and `module` in front, on `/metrics` as on `/probe`, so that one alert does for both. Values
//! carry labels that stay when a certificate is renewed; its identity stands in `_info` alone.

pub mod certificate;
pub mod chain;
pub mod look;
pub mod ocsp;
pub mod versions;

use crate::endpoint::{Look, Shown};
use kit::{Desc, Page};

use certificate::Renewal;

/// The labels that every family begins with.
pub const TARGET: &[&str] = &["target", "module"];

/// Everything that [`page()`] can have.
pub fn descs() -> impl Iterator<Item = &'static Desc> {
    [look::DESCS, certificate::DESCS, chain::DESCS, ocsp::DESCS, versions::DESCS]
        .into_iter()
        .flatten()
        .copied()
}

/// What a look showed.
#[must_use]
pub fn page(target: &str, module: &str, look: &Look, renewal: &Renewal<'_>) -> Page {
    let mut page = Page::with_capacity(64, 32);
    let labels = [target, module];
    look::write(&mut page, labels, look);
    if let Some(seen) = look.worst().and_then(|sight| sight.seen.as_ref()) {
        look::handshake(&mut page, labels, seen);
        chain::write(&mut page, labels, seen);
        ocsp::write(&mut page, labels, seen);
    }
    if let Some(accepted) = &look.accepted {
        versions::write(&mut page, labels, accepted);
    }
    if let Some(chain) = shown(look).as_ref().and_then(Shown::chain) {
        certificate::write(&mut page, labels, chain, renewal);
    }
    page
}

/// What the certificates are told of; `None` if nothing showed any.
#[must_use]
pub fn shown(look: &Look) -> Option<Shown> {
    look.worst()?.shown()
}

pub(crate) fn flag(value: bool) -> f64 {
    f64::from(u8::from(value))
}

#[allow(clippy::cast_precision_loss, reason = "no certificate lives 285 million years")]
pub(crate) fn seconds(time: i64) -> f64 {
    time as f64
}

#[allow(clippy::cast_precision_loss, reason = "nobody counts to 2^53 here")]
pub(crate) fn count(number: usize) -> f64 {
    number as f64
}
