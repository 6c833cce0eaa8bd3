//! The command line: the exporter, or with `once` a report of what is seen now.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use kit::flags::Common;

use crate::{TlsExporter, once};

/// TLS certificates on the wire and on disk: what will expire, what should have been renewed, and why a handshake fails.
#[derive(Parser)]
#[command(name = "tls-exporter", version, about)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Once(once::Once),
}

/// The whole program; `arguments` begin with its name. A function of the library, so that `farol tls-exporter …` is the
/// same.
#[must_use]
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no failures, and clap knows where each belongs.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match &arguments.command {
        Some(Command::Once(command)) => once::main(command),
        None => kit::run::main_with::<TlsExporter>(arguments.common),
    }
}
