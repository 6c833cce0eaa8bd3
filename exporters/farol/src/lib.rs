//! Every exporter of the suite in one process, with a status page; it finds out by itself what to watch, or runs what it
//! is given a configuration for.
//!
//! | module | what |
//! |---|---|
//! | [`cli`] | the command line: `up`, `check`, `discover`, `health`, and the exporters by their names |
//! | [`members`] | the exporters, one line each |
//! | [`peers`] | files of other programs that they can stand in for |
//! | [`discover`] | what this machine has, as probe-exporter's configuration |
//! | [`up`] | run: which exporters, on which ports, reload, stop; what is printed at the start |
//! | [`check`] | validate files |
//! | [`health`] | whether it answers, for a container's health check |
//! | [`status`] | farol's own page, an exporter that watches the exporters |

#![forbid(unsafe_code)]

pub mod check;
pub mod cli;
pub mod discover;
pub mod health;
pub mod members;
pub mod peers;
pub mod status;
pub mod up;

pub use cli::main;

/// Prints to standard output; a reader that has seen enough (`| head`) is no failure.
pub(crate) fn print(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints to standard error.
pub(crate) fn complain(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
