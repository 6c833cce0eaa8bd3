//! The schedule: every configured target, probed on its interval, shown on `/metrics`.
//!
//! | file | what |
//! |---|---|
//! | `schedule` | [`Schedule`]: what [`kit::schedule`] starts when it is due |
//! | `state` | what is known of a target: counters, durations, the last verdict; it outlives a reload |
//! | `metrics` | the descriptions, and the probers' own with `target` and `module` before their labels |
//! | `page` | what a scrape shows |
//! | `words` | what the landing page and `once` say |
//!
//! `/metrics` is another page than `/probe`, so the last verdict is told in the probe's own families, with `target` and
//! `module` in front: `probe_success{target="web",module="http_2xx"}`. An alert on `probe_success == 0` is the same for
//! both ways.

pub mod metrics;
mod page;
mod schedule;
mod state;
pub(crate) mod words;

pub use metrics::{OWN_DESCS, descs};
pub use schedule::Schedule;
pub(crate) use schedule::probe;
