//! Probes over http, tcp, icmp and dns: on demand as blackbox_exporter does, and on a schedule of its own.
//!
//! | module | what |
//! |---|---|
//! | [`config`] | the file as it is written: a blackbox.yml, with `targets:` beside `modules:` |
//! | [`exporter`] | [`ProbeExporter`]: the validated configuration, and the shapes that work by it |
//! | [`module`] | the table of probers, and what a module is made of |
//! | [`modules`] | all modules of a configuration, built and asked by name |
//! | [`verdict`] | address metrics, failures |
//! | [`reach`] | from a host to a line that stands: resolve, connect, TLS |
//! | [`reasons`] | why a probe fails: the closed set, each with what it means |
//! | [`certificates`] | what a TLS handshake showed, as metrics |
//! | [`http`], [`tcp`], [`dns`], [`icmp`] | the probers |
//! | [`targets`] | the schedule, its counters and histograms |
//! | [`lists`] | lists of targets that others discover |
//! | `cli` | the command line; [`main`] |
//! | [`once`] | the `once` subcommand: probe now, print a table |

#![forbid(unsafe_code)]

pub mod certificates;
mod cli;
pub mod config;
pub mod dns;
pub mod exporter;
#[doc(hidden)]
pub mod fuzzing;
pub mod http;
pub mod icmp;
pub mod lists;
pub mod module;
pub mod modules;
pub mod once;
pub mod reach;
pub mod reasons;
pub mod targets;
pub mod tcp;
#[cfg(test)]
mod testing;
pub mod verdict;

pub use cli::main;
pub use exporter::ProbeExporter;
