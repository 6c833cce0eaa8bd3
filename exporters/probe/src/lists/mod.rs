//! Lists of targets that others discover (`http_sd_configs`): fetched in the background, handed to the schedule.
//!
//! | file | what |
//! |---|---|
//! | `read` | one fetch: from an answer to targets |
//! | `watch` | [`Lists`]: the background loop, and what a scrape shows |
//! | `metrics` | the descriptions, and why a list cannot be had: the closed set |

pub mod metrics;
mod read;
#[cfg(test)]
mod tests;
mod watch;

pub use metrics::DESCS;
pub use watch::Lists;
