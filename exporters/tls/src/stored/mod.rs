//! Served versus stored: whether what a target serves is the certificate in the file that it belongs to. A renewal that the
//! server was not told of shows here first: Nginx Proxy Manager renews without reloading nginx.
//!
//! | file | what |
//! |---|---|
//! | `pair` | which file a target belongs to |
//! | `compare` | [`Compare`]: what a scrape shows, and the memory of when both were the same |
//! | `metrics` | the descriptions |

mod compare;
pub mod metrics;
mod pair;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use compare::Compare;
pub use metrics::DESCS;

/// The file that a target belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Partner {
    /// The one that `pair` finds by the names and the key.
    #[default]
    ByName,
    /// None: it is compared with no file.
    None,
    /// This one, whatever is in it.
    File(PathBuf),
}
