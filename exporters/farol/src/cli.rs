//! The command line. farol is also every exporter: called by an exporter's name, through a link or as first argument, it
//! is that exporter and nothing else.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::discover::{self, Own, Sources};
use crate::members::{MEMBERS, Member};
use crate::{check, complain, health, print, status, up};

/// Watches this machine, or what it is given a configuration for, and serves it to Prometheus.
///
/// Without a command it runs every exporter that has a configuration in the working directory or /etc/farol; without
/// any, it watches what it finds on this machine: gateways, resolvers, listening services, itself.
#[derive(Debug, Parser)]
#[command(name = "farol", version, args_conflicts_with_subcommands = true, after_help = exporters())]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    flags: up::Flags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run; the same as no command.
    Up(up::Flags),
    /// Validate configuration files: what is in each, or what is wrong with it. Of what cannot be read (unknown keys, wrong
    /// types and units) the first is told; of what can be read and does not make sense, everything. Exits with 1 if any is bad.
    Check {
        /// Whose files these are, e.g. probe-exporter. Without it the file's name tells, else the keys in it.
        #[arg(long = "as", value_name = "EXPORTER")]
        exporter: Option<String>,
        /// The files.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Look at this machine and print what would be watched, as a configuration file. Reads /proc and /etc/resolv.conf,
    /// and asks what listens on loopback what it is; nothing is swept, nothing is written.
    Discover {
        /// Whose configuration.
        #[arg(value_name = "EXPORTER", default_value = "probe-exporter", value_parser = discovered())]
        exporter: String,
        #[command(flatten)]
        machine: up::Machine,
    },
    /// Ask whether farol on this machine answers, and exit with 0 or 1: a container's health check, without shell or curl.
    Health(health::Health),
}

fn exporters() -> String {
    let width = MEMBERS.iter().map(|member| member.about.name.len()).max().unwrap_or_default();
    let mut text = "Exporters, each also a command of its own (farol EXPORTER --help):\n".to_owned();
    for Member { about, .. } in MEMBERS {
        text.push_str(&format!(
            "  {:width$}  port {}, {}: {}\n",
            about.name, about.port, about.config_file, about.summary
        ));
    }
    text
}

/// All of farol; `arguments` begin with the program's name.
#[must_use]
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    if let Some(member) = arguments.first().and_then(|program| Member::called(Path::new(program))) {
        return (member.main)(arguments);
    }
    if let Some(member) = arguments.get(1).and_then(|name| Member::named(name.to_str()?)) {
        return (member.main)(arguments.into_iter().skip(1).collect());
    }
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no failures, and clap knows where each belongs.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match cli.command {
        None => up::main(&cli.flags),
        Some(Command::Up(flags)) => up::main(&flags),
        Some(Command::Check { exporter, files }) => check::main(exporter.as_deref(), &files),
        Some(Command::Discover { exporter, machine }) => look(&exporter, &machine.root),
        Some(Command::Health(health)) => health::main(&health),
    }
}

/// The exporters that discovery writes a configuration for.
fn discovered() -> clap::builder::PossibleValuesParser {
    let members = MEMBERS.iter().filter(|member| member.discovered.is_some());
    members.map(|member| member.about.name).collect::<Vec<_>>().into()
}

fn look(exporter: &str, root: &Path) -> ExitCode {
    let own = Own {
        page: Some(format!("http://127.0.0.1:{}/", status::ABOUT.port)),
        ports: MEMBERS.iter().map(|member| member.about.port).chain([status::ABOUT.port]).collect(),
        processes: up::own_processes(),
    };
    let looked = kit::run::block_on(async { discover::discover(&Sources::read(root), &own).await });
    match looked {
        Ok(Ok(plan)) => {
            let write = Member::named(exporter).and_then(|member| member.discovered);
            print(&write.map(|write| write(&plan, root)).unwrap_or_default());
            ExitCode::SUCCESS
        }
        Ok(Err(error)) => {
            complain(&format!("look at this machine: {error}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            complain(&format!("start the runtime: {error}"));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from([&["farol"], arguments].concat())
    }

    #[test]
    fn commands_and_their_flags() {
        assert!(parse(&[]).unwrap().command.is_none());
        let flags = parse(&["--listen", "probe-exporter=:1", "--listen=probe-exporter=:2"]).unwrap().flags;
        assert_eq!(flags.listen.len(), 2);
        assert!(matches!(parse(&["up", "--log.level=debug"]).unwrap().command, Some(Command::Up(_))));
        let Some(Command::Check { exporter, files }) =
            parse(&["check", "--as", "probe-exporter", "a", "b"]).unwrap().command
        else {
            panic!("check");
        };
        assert_eq!((exporter.as_deref(), files.len()), (Some("probe-exporter"), 2));
    }

    #[test]
    fn what_is_refused() {
        for arguments in
            [&["check"][..], &["--listen", "9115"], &["--listen", "nobody=:1"], &["upp"], &["discover", "x"]]
        {
            assert!(parse(arguments).is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn help_names_every_exporter() {
        let help = parse(&["--help"]).unwrap_err().to_string();
        for member in MEMBERS {
            assert!(help.contains(member.about.name), "{help}");
        }
    }
}
