//! The `proxmox-exporter` binary: [`proxmox_exporter::main`] does the work.

use std::process::ExitCode;

fn main() -> ExitCode {
    proxmox_exporter::main(std::env::args_os().collect())
}
