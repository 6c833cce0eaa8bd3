//! The binary: [`farol::main`] does the work.

use std::process::ExitCode;

fn main() -> ExitCode {
    farol::main(std::env::args_os().collect())
}
