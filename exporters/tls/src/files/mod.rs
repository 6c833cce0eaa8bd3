//! Certificates in files: found by globs, read in the background, and never again until they change.
//!
//! | file | what |
//! |---|---|
//! | `source` | a validated entry of `files:` |
//! | `find` | the files that its patterns name |
//! | `read` | one file: its certificates, its faults, its key |
//! | `formats` | the table of file formats: a new one is a function and a line |
//! | `certbot` | when certbot renews a certificate, by its own configuration |
//! | `key` | whether a private key belongs to a certificate |
//! | `on_demand` | files that are read because somebody asks for them now |
//! | `scan` | all files of a source, with a memory by device, inode, time and size |
//! | `notify` | folders whose changes the kernel tells |
//! | `watch` | [`Files`]: the background loop |
//! | `inspect` | a file that is looked at by hand |
//! | `page` | what a scrape shows, and its descriptions |
//! | `revocation` | what a scrape shows of revocation lists |
//! | `faults` | what may be wrong with a file: the closed set |

mod certbot;
pub mod faults;
mod find;
mod formats;
mod inspect;
mod keep;
mod key;
mod label;
mod mounts;
mod notify;
mod on_demand;
pub mod page;
mod read;
mod remember;
mod revocation;
mod scan;
mod source;
#[cfg(test)]
mod tests;
mod watch;

pub(crate) use certbot::policy as fuzz_certbot;
pub(crate) use formats::fuzz;
pub use inspect::{Entry, Inspected, Surveyed};
pub(crate) use label::label;
pub(crate) use on_demand::{OnDemand, certificates, on_demand};
pub use page::DESCS;
pub use source::{Source, add_named, sources};
pub use watch::{Files, Stored};
