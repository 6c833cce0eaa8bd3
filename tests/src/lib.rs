//! The laboratory of the end-to-end tests: real servers from Debian packages and the shipped binaries, each on a free
//! loopback port and ended with the test that started it.
//!
//! | module | what it holds |
//! |---|---|
//! | [`process`] | a child process that ends with its owner, free ports, waiting |
//! | [`servers`] | nginx, dnsmasq, Prometheus, and a certificate for them |
//! | [`starttls`] | the servers that begin in clear text: mail, directories, databases, chat, news |
//! | [`scripted`] | servers that no package brings: a tarpit, a two-segment reply, a greeting without newline |
//! | [`alertmanager`] | Alertmanager as it is shipped, and a receiver of its webhooks |
//! | [`stack`] | all of it together as the compose file starts it: farol, Prometheus, Alertmanager, only quicker |
//! | [`panels`] | the dashboards' queries as Grafana asks them |
//! | [`exporter`] | the shipped binaries |
//! | [`pve`] | a Proxmox VE cluster that is none, with pveproxy's ways |
//! | [`client`] | one HTTP request |
//! | [`exposition`] | a classic page, parsed strictly |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a laboratory may fall")]
#![allow(clippy::disallowed_methods, reason = "its threads may sleep: there is no runtime")]

pub mod alertmanager;
pub mod client;
pub mod exporter;
pub mod exposition;
pub mod panels;
pub mod process;
pub mod pve;
pub mod scripted;
pub mod servers;
pub mod stack;
pub mod starttls;

use std::io::Write as _;
use std::path::PathBuf;

/// Says loudly that a test could not run here; `tests/run` counts these lines.
pub fn skipped(test: &str, why: &str) {
    println!("SKIPPED {test}: {why}");
    if let Some(file) = std::env::var_os("FAROL_SKIPPED_FILE") {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(file).unwrap();
        writeln!(file, "SKIPPED {test}: {why}").unwrap();
    }
}

/// The repository's top folder.
#[must_use]
pub fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Recorded data of other projects, which lies beside the repository and not in it.
#[must_use]
pub fn recorded(path: &str) -> Option<PathBuf> {
    let path = top().parent()?.join("shared/fixtures").join(path);
    path.exists().then_some(path)
}
