//! Certificates in files: found by globs, read in the background, and never again until they change.
//!
//! | file | what |
//! |---|---|
//! | `source` | a validated entry of `files:` |
//! | `find` | the files that its patterns name |
//! | `read` | one file: its certificates, its faults, its key |
//! | `formats` | the table of file formats: a new one is a function and a line |
//! | `key` | whether a private key belongs to a certificate |
//! | `once` | files that are read because somebody asks for them now |
//! | `scan` | all files of a source, with a memory by device, inode, time and size |
//! | `watch` | [`Files`]: the background loop |
//! | `page` | what a scrape shows, and its descriptions |
//! | `faults` | what may be wrong with a file: the closed set |

pub mod faults;
mod find;
mod formats;
mod key;
mod once;
pub mod page;
mod read;
mod scan;
mod source;
#[cfg(test)]
mod tests;
mod watch;

pub(crate) use once::{Once, certificates, once};
pub use page::DESCS;
pub use source::{Source, add_named, sources};
pub use watch::{Files, Stored};
