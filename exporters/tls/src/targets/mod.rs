//! The schedule: every target, configured or discovered, looked at on its interval, shown on `/metrics`.
//!
//! | file | what |
//! |---|---|
//! | `schedule` | [`Schedule`]: what [`kit::schedule`] starts when it is due |
//! | `state` | what is known of a target; it outlives a reload |
//! | `page` | what a scrape shows, and its descriptions |

pub mod page;
mod schedule;
mod state;

pub use page::DESCS;
pub(crate) use schedule::Entry;
pub use schedule::{Presented, Schedule};
