//! The command line.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use kit::flags::Common;

use crate::TlsExporter;

/// TLS certificates on the wire and on disk: what will expire, what should have been renewed, and why a handshake fails.
#[derive(Parser)]
#[command(name = "tls-exporter", version, about)]
struct Arguments {
    #[command(flatten)]
    common: Common,
}

/// The whole program; `arguments` begin with its name. A function of the library, so that `farol tls-exporter …` is the
/// same.
#[must_use]
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    match Arguments::try_parse_from(arguments) {
        Ok(arguments) => kit::run::main_with::<TlsExporter>(arguments.common),
        Err(error) => {
            // Help and version are no failures, and clap knows where each belongs.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        }
    }
}
