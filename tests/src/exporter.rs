//! The shipped binaries, built once and started as a user would.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::process::{Process, free_port};

/// The path of a binary of this workspace, freshly built.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--workspace", "--bins"])
            .current_dir(crate::top())
            .status()
            .unwrap();
        assert!(built.success(), "cargo build --bins");
        // A test's own file lies in target/PROFILE/deps.
        std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_path_buf()
    });
    folder.join(name)
}

/// A running probe-exporter.
pub struct ProbeExporter {
    /// Where it listens on loopback.
    pub port: u16,
    /// The configuration file it reads.
    pub config: PathBuf,
    /// The running program.
    pub process: Process,
}

impl ProbeExporter {
    /// Starts it with this configuration and these further flags.
    #[must_use]
    pub fn start(folder: &Path, configuration: &str, flags: &[&str]) -> Self {
        let (port, config) = (free_port(), folder.join("probe.yml"));
        std::fs::write(&config, configuration).unwrap();
        let mut process = Process::start(
            "probe-exporter",
            folder,
            Command::new(binary("probe-exporter"))
                .arg(format!("--config.file={}", config.display()))
                .arg(format!("--web.listen-address=127.0.0.1:{port}"))
                .args(flags),
        );
        process.await_port(port);
        Self { port, config, process }
    }
}
