//! The command line: the exporter, or with `once` a report of what is seen now.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use kit::flags::Common;

use crate::{ProxmoxExporter, once, peer, setup};

/// Proxmox VE: nodes, guests, storage, backups, HA and replication of whole clusters, from one scrape.
#[derive(Parser)]
#[command(name = "proxmox-exporter", version, about)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Print the commands that make a read-only token on a node, and the way back.
    #[arg(long)]
    setup: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Once(once::Once),
}

/// The whole program; `arguments` begin with its name. A function of the library, so that `farol proxmox-exporter …` is the
/// same.
#[must_use]
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    let (arguments, notices) = match peer::translate(arguments) {
        Ok(translated) => translated,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "proxmox-exporter: {error}");
            return ExitCode::from(2);
        }
    };
    for notice in notices {
        let _ = writeln!(std::io::stderr(), "proxmox-exporter: {notice}");
    }
    match Arguments::try_parse_from(arguments) {
        Ok(arguments) if arguments.setup => {
            // A reader that has seen enough is no failure.
            let _ = std::io::stdout().lock().write_all(setup::TEXT.as_bytes());
            ExitCode::SUCCESS
        }
        Ok(Arguments { command: Some(Command::Once(command)), .. }) => once::main(&command),
        Ok(arguments) => kit::run::main_with::<ProxmoxExporter>(arguments.common),
        Err(error) => {
            // Help and version are no failures, and clap knows where each belongs.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        }
    }
}
