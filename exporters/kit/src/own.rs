//! What every exporter says about itself: its build, and its process as Prometheus's own clients describe theirs.

use std::sync::{Mutex, PoisonError};

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::desc::Desc;
use crate::exporter::About;
use crate::page::Page;
use crate::sandbox::{self, Sandbox};

/// The build.
pub const BUILD: Desc = Desc::info(
    "farol_build_info",
    "The program and its version; `revision` is the commit it was built from.",
)
.labels(&["name", "version", "revision"]);
/// CPU time.
pub const CPU: Desc =
    Desc::counter("process_cpu_seconds_total", "User and system CPU time spent, in seconds.");
/// Resident memory.
pub const RESIDENT: Desc = Desc::gauge("process_resident_memory_bytes", "Resident memory, in bytes.");
/// Virtual memory.
pub const VIRTUAL: Desc = Desc::gauge("process_virtual_memory_bytes", "Virtual memory, in bytes.");
/// Open files.
pub const OPEN_FILES: Desc = Desc::gauge("process_open_fds", "Open file descriptors.");
/// How many files may be open.
pub const MOST_FILES: Desc = Desc::gauge("process_max_fds", "How many file descriptors may be open at once.");
/// When the process started.
pub const START: Desc =
    Desc::gauge("process_start_time_seconds", "When the process started, in seconds since 1970.");

/// Every metric of [`Own::page`], but for the sandbox's.
pub const DESCS: [&Desc; 7] = [&BUILD, &CPU, &RESIDENT, &VIRTUAL, &OPEN_FILES, &MOST_FILES, &START];

/// The commit that a release build was made from, if whoever built it said so.
const REVISION: Option<&str> = option_env!("FAROL_REVISION");

/// Reads this process's figures; one per exporter, kept, since the reader holds on to what does not change.
#[derive(Debug)]
pub struct Own {
    about: About,
    sandbox: Sandbox,
    pid: Option<Pid>,
    system: Option<Mutex<System>>,
}

impl Own {
    /// For the exporter that `about` describes, in a process that has entered this sandbox.
    #[must_use]
    pub fn new(about: &About, sandbox: Sandbox) -> Self {
        let (pid, system) = (sysinfo::get_current_pid().ok(), System::new().ok());
        Self { about: *about, sandbox, pid, system: system.map(Mutex::new) }
    }

    /// `farol_build_info`, `farol_sandbox_enabled` and `process_*`, as they are now. Takes about 0.06 ms, most of it for reading `/proc/self`.
    /// What the system does not tell is left out.
    #[must_use]
    pub fn page(&self) -> Page {
        let mut page = Page::with_capacity(DESCS.len() + sandbox::DESCS.len(), 20);
        let revision = REVISION.unwrap_or_default();
        page.family(&BUILD).push(&[self.about.name, self.about.version, revision], 1.0);
        self.sandbox.page(&mut page);
        if let (Some(pid), Some(system)) = (self.pid, &self.system) {
            process(pid, &mut system.lock().unwrap_or_else(PoisonError::into_inner), &mut page);
        }
        page
    }
}

fn process(pid: Pid, system: &mut System, page: &mut Page) {
    // Only this process, and of it only what is shown: no task list, command line or environment.
    let what = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, what);
    let Some(process) = system.process(pid) else { return };
    page.set(&CPU, process.accumulated_cpu_time() as f64 / 1e3);
    page.set(&RESIDENT, process.memory() as f64);
    page.set(&VIRTUAL, process.virtual_memory() as f64);
    if let Some(open) = process.open_files() {
        page.set(&OPEN_FILES, open as f64);
    }
    if let Some(most) = process.open_files_limit() {
        page.set(&MOST_FILES, most as f64);
    }
    page.set(&START, process.start_time() as f64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Instant, SystemTime, UNIX_EPOCH};

    const ABOUT: About = About {
        name: "some-exporter",
        summary: "For the test.",
        version: "1.2.3",
        port: 9,
        config_file: "some.yml",
        builtin_config: "",
    };

    #[test]
    fn the_process_is_this_one() {
        let own = Own::new(&ABOUT, Sandbox::default());
        let page = own.page();
        assert!(page.dropped().is_empty());
        let value = |name: &str| page.get(name, &[]).unwrap_or_else(|| panic!("{name} is missing"));
        assert!(value("process_resident_memory_bytes") > 1e5);
        assert!(value("process_virtual_memory_bytes") >= value("process_resident_memory_bytes"));
        assert!(value("process_open_fds") >= 3.0 && value("process_max_fds") >= value("process_open_fds"));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        let age = now - value("process_start_time_seconds");
        assert!((-2.0..86_400.0).contains(&age), "{age}");
        assert!(value("process_cpu_seconds_total") >= 0.0);
        let build = page.samples().find(|sample| sample.desc.name == "farol_build_info").unwrap();
        assert!(build.labels().any(|label| label == ("version", "1.2.3")));
    }

    #[test]
    fn cpu_time_goes_on_counting() {
        let own = Own::new(&ABOUT, Sandbox::default());
        let read = || own.page().get("process_cpu_seconds_total", &[]).unwrap();
        let (first, begin) = (read(), Instant::now());
        while read() <= first {
            assert!(begin.elapsed().as_secs() < 20, "CPU time stands still at {first}");
        }
    }

    #[test]
    fn only_what_is_in_the_catalogue_is_on_the_page() {
        for desc in Own::new(&ABOUT, Sandbox::default()).page().descs() {
            assert!(DESCS.contains(&desc) || sandbox::DESCS.contains(&desc), "{}", desc.name);
        }
    }
}
