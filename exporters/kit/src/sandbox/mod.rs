//! What the process gives up before it reads anything from others: writing files, executing programs, and the system
//! calls that an exporter never makes and an intruder would like to. Best effort: what the kernel does not have is left
//! out, logged, and shown as `farol_sandbox_enabled{part}`.
//!
//! | file | part |
//! |---|---|
//! | `files` | landlock: no writing, making, removing and executing; reading stays, since configuration, secrets and certificates are read anew from any path |
//! | `calls` | seccomp: a short list of system calls that fail with EPERM |
//!
//! `no_new_privs` is the third part: a set-user-id program would not help whoever gets to execute one after all.

mod calls;
mod files;

use std::fmt::Display;
use std::path::PathBuf;

use clap::ValueEnum;

use crate::desc::Desc;
use crate::page::Page;

const ENABLED: Desc = Desc::gauge(
    "farol_sandbox_enabled",
    "Whether the process has given up what this part of the sandbox takes away; 0 also where the kernel does not have it.",
)
.labels(&["part"]);

/// Every metric of [`Sandbox::page`].
pub const DESCS: [&Desc; 1] = [&ENABLED];

/// The values of `--sandbox`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Give up what the kernel can take away.
    #[default]
    Auto,
    /// Give up nothing.
    Off,
}

/// What the process must go on doing.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Where it listens, as `--web.listen-address` has it. In the folder of a unix socket, sockets are made and files
    /// removed: one of its own is better than `/run`.
    pub listen: Vec<String>,
    /// Folders below which it makes and changes files.
    pub writes: Vec<PathBuf>,
    /// It looks at other processes (`/proc/PID/fd`). Landlock does not let a process look at those that are less
    /// restricted than itself, so that it is left out.
    pub processes: bool,
}

/// What the process has given up. The default: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sandbox {
    /// Writing and executing files.
    pub landlock: bool,
    /// System calls.
    pub seccomp: bool,
    /// Privileges through what is executed.
    pub no_new_privs: bool,
}

impl Sandbox {
    /// Gives up what `needs` does not name. For the whole process, if it is called before the process has other threads.
    #[must_use]
    pub fn enter(mode: Mode, needs: &Needs) -> Self {
        if mode == Mode::Off {
            return Self::default();
        }
        let sandbox = Self {
            no_new_privs: told(
                "no_new_privs",
                nix::sys::prctl::set_no_new_privs().map_err(|e| e.to_string()),
            ),
            landlock: !needs.processes && told("landlock", files::restrict(needs)),
            seccomp: told("seccomp", calls::restrict()),
        };
        let Self { landlock, seccomp, no_new_privs } = sandbox;
        tracing::debug!(landlock, seccomp, no_new_privs, "sandbox entered");
        sandbox
    }

    /// Adds `farol_sandbox_enabled`.
    pub fn page(&self, page: &mut Page) {
        let mut rows = page.family(&ENABLED);
        for (part, enabled) in
            [("landlock", self.landlock), ("seccomp", self.seccomp), ("no_new_privs", self.no_new_privs)]
        {
            rows.push(&[part], f64::from(u8::from(enabled)));
        }
    }
}

fn told<E: Display>(part: &str, result: Result<(), E>) -> bool {
    if let Err(error) = &result {
        tracing::info!(part, %error, "the sandbox lacks a part");
    }
    result.is_ok()
}
