//! `farol up`: runs the exporters, each on its port, and the status page beside them.
//!
//! | file | what |
//! |---|---|
//! | `flags` | the command line of `up` |
//! | `folder` | which exporters have a configuration, and where |
//! | `fleet` | the exporters that run: start, reload, stop |
//! | `greeting` | what is printed once everything runs |

mod flags;
mod fleet;
mod folder;
mod greeting;

use std::path::PathBuf;
use std::process::ExitCode;

use kit::Desc;
use kit::run::{Settings, Signal, Signals, StartError, systemd};
use kit::sandbox::{Needs, Sandbox};

use crate::members::{MEMBERS, Member};
use crate::status::{self, Status};
use crate::{complain, print};

use fleet::Fleet;

pub use flags::{Flags, Listen, Machine, scheme};

/// Why nothing runs.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// The folder of configurations.
    #[error("{0}")]
    Folder(String),
    /// An exporter that does not start.
    #[error("{name}: {source}{}", way_out(.name, .source))]
    Start {
        /// Which.
        name: &'static str,
        /// Why.
        source: StartError,
    },
    /// This machine could not be looked at.
    #[error("look at this machine: {0}")]
    Discover(#[from] wire::tls::TlsConfigError),
    /// Signals could not be received.
    #[error("receive signals: {0}")]
    Signals(std::io::Error),
    /// No runtime.
    #[error("start the runtime: {0}")]
    Runtime(std::io::Error),
}

fn way_out(name: &str, error: &StartError) -> String {
    match error {
        StartError::Listen(_) if name == status::ABOUT.name => {
            "\nfarol: the status page's address is set by --web.listen-address=ADDRESS".to_owned()
        }
        StartError::Listen(_) => format!("\nfarol: its address is set by --listen {name}=ADDRESS"),
        _ => String::new(),
    }
}

/// Runs until SIGINT or SIGTERM.
#[must_use]
pub fn main(flags: &Flags) -> ExitCode {
    if flags.metrics_list {
        print(&kit::desc::catalogue_json(&catalogue()));
        return ExitCode::SUCCESS;
    }
    kit::log::init(flags.log_level, flags.log_format);
    kit::run::raise_open_files();
    match run(flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Flags) -> Result<(), UpError> {
    let configured = folder::configured(flags.config_dir.as_deref()).map_err(UpError::Folder)?;
    let listen = flags.listen_addresses.iter().chain(flags.listen.iter().map(|listen| &listen.address));
    let needs = Needs {
        listen: listen.cloned().collect(),
        writes: MEMBERS.iter().flat_map(|member| (member.writes)()).collect(),
        // Discovery, at the start and at each reload, asks which process has which socket.
        processes: configured.is_empty(),
    };
    // Before the runtime: its threads are in the sandbox from their beginning.
    let settings = flags.settings(Sandbox::enter(flags.sandbox, &needs));
    kit::run::block_on(life(flags, &settings, configured)).map_err(UpError::Runtime)?
}

/// Every metric of every exporter and of the status page, each once.
#[must_use]
pub fn catalogue() -> Vec<&'static Desc> {
    let mut all = kit::run::catalogue::<Status>();
    for member in MEMBERS {
        for desc in (member.catalogue)() {
            if !all.iter().any(|known| known.name == desc.name) {
                all.push(desc);
            }
        }
    }
    all
}

/// The names of farol's own processes, which discovery does not take for services.
#[must_use]
pub fn own_processes() -> Vec<&'static str> {
    MEMBERS.iter().map(|member| member.about.name).chain([status::ABOUT.name]).collect()
}

async fn life(
    flags: &Flags,
    settings: &Settings,
    configured: Vec<(&'static Member, PathBuf)>,
) -> Result<(), UpError> {
    // Before anything else: a signal that comes early must not kill the process.
    let mut signals = Signals::new().map_err(UpError::Signals)?;
    let fleet = tokio::select! {
        started = Fleet::start(flags, settings, configured) => started?,
        // Whoever stops it while it still looks around does not wait.
        () = stopped(&mut signals, || ()) => return Ok(()),
    };
    print(&greeting::text(&fleet));
    systemd::ready(&fleet.summary());
    let watchdog = systemd::watchdog();
    loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Signal::Stop => break,
                Signal::Reload => fleet.ask_reload(),
            },
            () = fleet.reload_asked() => {
                systemd::reloading();
                let refused = tokio::select! {
                    refused = fleet.reload() => refused,
                    () = stopped(&mut signals, || fleet.ask_reload()) => break,
                };
                let summary = fleet.summary();
                systemd::ready(&if refused.is_empty() {
                    summary
                } else {
                    format!("{summary}; refused a new configuration: {}", refused.join(", "))
                });
            }
        }
    }
    systemd::stopping();
    drop(watchdog);
    fleet.stop().await;
    Ok(())
}

/// Waits for the end; whoever asks for a reload meanwhile is remembered by `reload`.
async fn stopped(signals: &mut Signals, reload: impl Fn()) {
    while signals.next().await != Signal::Stop {
        reload();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_has_every_name_once() {
        let mut names: Vec<&str> = catalogue().iter().map(|desc| desc.name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        for name in ["farol_exporter_up", "probe_success", "farol_build_info"] {
            assert!(names.contains(&name), "{name}");
        }
    }

    #[test]
    fn a_busy_port_names_farols_way_out() {
        for (name, want) in
            [("probe-exporter", "--listen probe-exporter=ADDRESS"), ("farol", "--web.listen-address=ADDRESS")]
        {
            let error = UpError::Start { name, source: StartError::Listen("listen on :1: in use".into()) }
                .to_string();
            assert!(
                error.starts_with(&format!("{name}: listen on :1: in use\n")) && error.ends_with(want),
                "{error}"
            );
        }
    }
}
