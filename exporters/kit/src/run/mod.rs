//! The life of the process: from the command line to the last answer.
//!
//! | module | what it holds |
//! |---|---|
//! | `settings` | [`Settings`]: what an exporter needs to know beside its configuration; where that comes from |
//! | `engine` | the exporter in force, its samplers, and how a reload replaces it |
//! | `running` | [`start`], [`Running`]: an exporter that serves, also beside others in one process |
//! | `print` | what `--config.check`, `--config.example` and `--metrics.list` print |
//! | `signals`, [`systemd`] | SIGHUP, SIGINT and SIGTERM; the service manager |

use std::future::Future;
use std::process::ExitCode;

use clap::{Args, Command, FromArgMatches};

use crate::config::Problem;
use crate::exporter::Exporter;
use crate::flags::Common;
use crate::sandbox::{Needs, Sandbox};

pub(crate) mod engine;
mod print;
mod running;
mod settings;
mod signals;
pub mod systemd;

pub use print::{catalogue, check};
pub use running::{Running, StartError, start, start_with};
pub use settings::{OnReload, Settings, Source};
pub use signals::{Signal, Signals};

/// A whole `main`: parses the common flags and does what they say. Serves until SIGINT or SIGTERM.
#[must_use]
pub fn main<E: Exporter>() -> ExitCode {
    let about = E::ABOUT;
    let command = Command::new(about.name).about(about.summary).version(about.version);
    let matches = Common::augment_args(command).get_matches();
    match Common::from_arg_matches(&matches) {
        Ok(flags) => main_with::<E>(flags),
        Err(error) => error.exit(),
    }
}

/// The same for a binary that has parsed its command line itself.
#[must_use]
pub fn main_with<E: Exporter>(flags: Common) -> ExitCode {
    if flags.metrics_list {
        return print::out(&crate::desc::catalogue_json(&catalogue::<E>()));
    }
    if flags.config_example {
        return print::out(&crate::config::example::<E::Raw>());
    }
    let mut settings = match Settings::new(&flags) {
        Ok(settings) => settings,
        Err(error) => return print::failed(&error),
    };
    if flags.config_check {
        return match check::<E>(&settings) {
            Ok(text) => print::out(&text),
            Err(error) => print::failed(&error),
        };
    }
    crate::log::init(flags.log_level, flags.log_format);
    raise_open_files();
    // Before the runtime: its threads are in it from their beginning.
    let needs = Needs { listen: settings.listen.clone(), writes: E::writes(), processes: false };
    settings.sandbox = Sandbox::enter(flags.sandbox, &needs);
    let by_address = !settings.systemd_socket;
    match block_on(life::<E>(settings)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error @ StartError::Listen(_))) if by_address => {
            print::failed(&format!("{error}\n{}: its address is set by --web.listen-address", E::ABOUT.name))
        }
        Ok(Err(error)) => print::failed(&error),
        Err(error) => print::failed(&format!("start the runtime: {error}")),
    }
}

/// Runs a future on one thread, with timers, sockets and signals: all that an exporter needs, and the least memory.
///
/// # Errors
/// When the system gives no event queue.
pub fn block_on<F: Future>(future: F) -> std::io::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let output = runtime.block_on(future);
    // A blocking task (a password check, a large page) shall not hold up the end.
    runtime.shutdown_background();
    Ok(output)
}

async fn life<E: Exporter>(settings: Settings) -> Result<(), StartError> {
    // Before anything is announced: a signal that comes early must not kill the process.
    let mut signals = Signals::new().map_err(StartError::Signals)?;
    let running = start::<E>(settings).await?;
    let listening = format!("listening on {}", running.addresses().join(", "));
    systemd::ready(&listening);
    let watchdog = systemd::watchdog();
    while signals.next().await == Signal::Reload {
        systemd::reloading();
        // Logged and counted by the reload itself; the service goes on either way.
        match running.reload() {
            Ok(()) => systemd::ready(&format!("{listening}; configuration read anew")),
            Err(error) => systemd::ready(&format!(
                "{listening}; the new configuration was refused, the one before stays in force: {}",
                error.problems.first().map(Problem::one_line).unwrap_or_default()
            )),
        }
    }
    systemd::stopping();
    drop(watchdog);
    running.stop().await;
    Ok(())
}

/// How many files may be open at once.
pub(crate) fn open_files() -> usize {
    use nix::sys::resource::{Resource, getrlimit};
    getrlimit(Resource::RLIMIT_NOFILE)
        .map_or(usize::MAX, |(soft, _)| usize::try_from(soft).unwrap_or(usize::MAX))
}

/// As many open files as the system allows without asking.
pub fn raise_open_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft < hard { setrlimit(Resource::RLIMIT_NOFILE, hard, hard) } else { Ok(()) }
    });
    if let Err(error) = raised {
        tracing::debug!(%error, "raise the limit of open files");
    }
}
