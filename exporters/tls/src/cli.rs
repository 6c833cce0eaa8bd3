//! The command line.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use kit::flags::Common;

use crate::TlsExporter;
use crate::compat::SslExporter;

/// TLS certificates on the wire and on disk: what will expire, what should have been renewed, and why a handshake fails.
#[derive(Parser)]
#[command(name = "tls-exporter", version, about)]
struct Arguments {
    #[command(flatten)]
    common: Common,

    /// Stand in for another exporter: read its module file and show its metrics on /probe. What differs: docs/migrating-from-ssl-exporter.md.
    #[arg(long = "compat", env = "FAROL_COMPAT", value_name = "EXPORTER", value_enum)]
    compat: Option<Compat>,
}

/// Whom tls-exporter can stand in for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Compat {
    /// ribbybibby/ssl_exporter 2.4
    #[value(name = "ssl_exporter")]
    SslExporter,
}

/// The whole program; `arguments` begin with its name. A function of the library, so that `farol tls-exporter …` is the
/// same.
#[must_use]
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    match Arguments::try_parse_from(arguments) {
        Ok(arguments) => match arguments.compat {
            None => kit::run::main_with::<TlsExporter>(arguments.common),
            Some(Compat::SslExporter) => kit::run::main_with::<SslExporter>(arguments.common),
        },
        Err(error) => {
            // Help and version are no failures, and clap knows where each belongs.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        }
    }
}
