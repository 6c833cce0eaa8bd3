//! The `probe-exporter` binary: [`probe_exporter::main`] does the work.

use std::process::ExitCode;

fn main() -> ExitCode {
    probe_exporter::main(std::env::args_os().collect())
}
