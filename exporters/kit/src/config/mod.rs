//! Strict YAML: unknown keys, wrong types and doubled keys are refused with file, line, column, key, cause and the way
//! out. An exporter's configuration is two types: the raw file, made of this module's types, and the validated one that
//! the program uses.
//!
//! | module | what it holds |
//! |---|---|
//! | `document` | [`Document`]: a file's text, parsed strictly; the source of every [`Problem`] |
//! | `problem` | [`Problem`], [`ConfigError`]: how a mistake is told |
//! | `tree`, `tag`, `builder`, `keys` | a document as it is written, made of the YAML parser's events: positions, names, aliases, merged keys |
//! | `reader`, `access`, `scalar` | serde's way through the tree: the type that is read says what a scalar is |
//! | `mistake`, `explain` | what is wrong and where, in people's words, and the way out of it |
//! | `spanned` | [`Spanned`]: a value that remembers where it was written |
//! | `secret`, `source` | [`Secret`] and what is called one ([`hide_header`]); [`SecretSource`]: where it lies |
//! | `pattern` | [`Pattern`], [`BytePattern`]: regular expressions compiled when the file is read |
//! | `dialect` | Go's regular expressions in the words of Rust's `regex` |
//! | `duration`, `size`, `bytes` | [`HumanDuration`], [`ByteSize`], [`Bytes`] |
//! | `example` | the commented example file, made of the raw types' doc comments |
//! | `watch` | [`Watcher`]: which files have changed |

mod access;
mod builder;
mod bytes;
mod checks;
mod dialect;
mod document;
mod duration;
mod example;
mod explain;
mod file;
mod keys;
mod mistake;
mod pattern;
mod problem;
mod reader;
mod scalar;
mod secret;
mod size;
mod source;
mod spanned;
mod tag;
#[cfg(test)]
mod tests;
mod tree;
mod watch;

pub use bytes::Bytes;
pub use checks::{did_you_mean, did_you_mean_of, span_of_time};
pub use document::Document;
pub use duration::{DurationError, HumanDuration};
pub use example::{example, schema_json, uncomment};
pub use file::read;
pub use pattern::{BytePattern, Pattern};
pub use problem::{ConfigError, Problem};
pub use secret::{HIDDEN, Secret, hide_header};
pub use size::{ByteSize, SizeError};
pub use source::{SecretError, SecretSource};
pub use spanned::Spanned;
pub use watch::Watcher;
