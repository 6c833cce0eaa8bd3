//! The `tls-exporter` binary: [`tls_exporter::main`] does the work.

use std::process::ExitCode;

fn main() -> ExitCode {
    tls_exporter::main(std::env::args_os().collect())
}
