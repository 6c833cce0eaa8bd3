//! One look at a target.
//!
//! | file | what |
//! |---|---|
//! | `target` | [`Endpoint`]: host and port, from what was written |
//! | `look` | [`look()`]: every address of the name, side by side; [`Look`], [`Sight`] |
//! | `handshake` | one address: connect, shake hands, hear whether a client certificate was missed |

mod handshake;
mod look;
mod target;
#[cfg(test)]
mod tests;

use kit::Failure;
use wire::Phase;

pub use look::{Look, Shown, Sight, Unproven, look};
pub use target::Endpoint;

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

/// A defect of this program.
#[must_use]
pub fn internal(detail: impl Into<String>) -> Failure {
    Failure { phase: "internal", reason: "internal", detail: detail.into(), refused: None }
}
