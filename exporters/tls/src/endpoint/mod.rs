//! One look at a target.
//!
//! | file | what |
//! |---|---|
//! | `target` | [`Endpoint`]: host and port, from what was written |
//! | `look` | [`look()`]: every address of the name, side by side; [`Look`], [`Sight`] |
//! | `way` | the way to where TLS begins: connection, proxy, STARTTLS |
//! | `handshake` | one address: shake hands, hear whether a client certificate was missed |
//! | `versions` | which versions of TLS it accepts |

mod handshake;
mod look;
mod target;
#[cfg(test)]
mod tests;
mod versions;
mod way;

use kit::{Failure, Refusal};
use wire::Phase;

pub use look::{Look, Shown, Sight, Unproven, look};
pub use target::Endpoint;
pub use versions::{Accepted, VERSIONS, accepted};

use crate::module::Module;

/// The name that a target is asked for: the module's, else the request's or the target's `hostname`, else its own.
fn asked<'a>(module: &'a Module, hostname: Option<&'a str>, endpoint: &'a Endpoint) -> &'a str {
    module.server_name.as_deref().or(hostname).unwrap_or(&endpoint.host)
}

/// A failure in `phase` for a `reason` of [`crate::reasons::REASONS`].
#[must_use]
pub fn fail(phase: Phase, reason: &'static str, detail: impl Into<String>) -> Failure {
    Failure { phase: phase.word(), reason, detail: detail.into(), refused: None }
}

/// The target's text is none. Nothing was resolved or sent.
#[must_use]
pub fn invalid(detail: impl Into<String>) -> Failure {
    Failure { phase: "parse", reason: "target_invalid", detail: detail.into(), refused: None }
}

/// The allow-list's refusal as a failure.
#[must_use]
pub fn refused(refusal: Refusal) -> Failure {
    let detail = refusal.detail.clone();
    Failure { phase: "parse", reason: "target_refused", detail, refused: Some(refusal) }
}

/// A defect of this program.
#[must_use]
pub fn internal(detail: impl Into<String>) -> Failure {
    Failure { phase: "internal", reason: "internal", detail: detail.into(), refused: None }
}
