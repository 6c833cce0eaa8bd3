//! TLS certificates on the wire and on disk: what will expire, what should have been renewed already, and why a handshake
//! fails.
//!
//! | module | what |
//! |---|---|
//! | [`config`] | the file as it is written: `modules:`, `targets:`, `renewal:`, `files:` |
//! | [`exporter`] | [`TlsExporter`]: the validated configuration, and the shapes that work by it |
//! | [`module`] | a module: a TLS client and how it gets to its target; all modules, asked by name |
//! | [`endpoint`] | one look at a target: every address of its name, with what each showed |
//! | [`facts`] | what a chain is worth, each fact apart |
//! | [`ari`] | when its authority says that it should be |
//! | [`renewal`] | when a certificate should have been renewed |
//! | [`metrics`] | the endpoints' descriptions, and how what was seen becomes samples |
//! | [`targets`] | the schedule, its counters, and what is kept of the last look |
//! | [`files`] | certificates in files: found by globs, read in the background |
//! | [`fetch`] | a document over http or https |
//! | [`compat`] | `--compat=ssl_exporter`: its module file, its metrics |
//! | [`npm`] | Nginx Proxy Manager: its hosts and certificates, and what follows from them |
//! | [`stored`] | served versus stored: whether what a target serves is what lies in its file |
//! | [`revoked`] | whether what targets serve is on a revocation list among the files |
//! | [`reasons`] | why a look fails: the closed set, each with what it means |
//! | [`once`] | the subcommand: a report of what is seen now |
//! | [`fuzzing`] | what the fuzz targets reach |
//! | `cli` | the command line; [`main`] |

#![forbid(unsafe_code)]

pub mod ari;
mod cli;
pub mod compat;
pub mod config;
pub mod endpoint;
pub mod exporter;
pub mod facts;
pub mod fetch;
pub mod files;
pub mod fuzzing;
pub mod metrics;
pub mod module;
pub mod npm;
pub mod once;
pub mod reasons;
pub mod renewal;
pub mod revoked;
pub mod stored;
pub mod targets;
#[cfg(test)]
mod testing;

pub use cli::main;
pub use exporter::TlsExporter;
