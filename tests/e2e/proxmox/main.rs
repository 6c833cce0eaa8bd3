//! proxmox-exporter against a cluster that speaks as pveproxy does.

#![allow(clippy::disallowed_methods, reason = "there is no runtime here")]

mod access;
mod certificates;
mod discovery;
mod door;
mod faults;
mod judge;
mod page;
mod recorded;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use farol_tests::client::{self, Answer};
use farol_tests::exporter::binary;
use farol_tests::exposition::Exposition;
use farol_tests::process::{Process, free_port, until};
use farol_tests::pve::{Pve, Shape};

/// A running exporter and the cluster that it watches.
struct Lab {
    pve: Pve,
    port: u16,
    process: Process,
    config: PathBuf,
    _folder: tempfile::TempDir,
}

impl Lab {
    /// One endpoint, watched by its fingerprint.
    fn new(shape: Shape) -> Self {
        Self::with(Pve::start(shape, 1), |pve| pve.configuration(""))
    }

    fn with(pve: Pve, configuration: impl FnOnce(&Pve) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, config) = (free_port(), folder.path().join("proxmox.yml"));
        std::fs::write(&config, configuration(&pve)).unwrap();
        std::fs::write(folder.path().join("ca.pem"), &pve.authority).unwrap();
        let mut command = Command::new(binary("proxmox-exporter"));
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=debug");
        let mut process = Process::start("proxmox-exporter", folder.path(), &mut command);
        process.await_port(port);
        Self { pve, port, process, config, _folder: folder }
    }

    /// `/metrics`, with 10 s to come.
    fn scrape(&self) -> Exposition {
        let headers = [("X-Prometheus-Scrape-Timeout-Seconds", "10")];
        let answer = client::request(self.port, "GET", "/metrics", &headers).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        Exposition::parse(&answer.text())
    }

    fn get(&self, path: &str) -> Answer {
        client::get(self.port, path)
    }

    /// Scrapes until a page is as wanted; the last one.
    fn scrape_until(&self, what: &str, wanted: impl Fn(&Exposition) -> bool) -> Exposition {
        let mut page = self.scrape();
        let came = until(Duration::from_secs(40), || {
            let good = wanted(&page);
            if !good {
                std::thread::sleep(Duration::from_millis(300));
                page = self.scrape();
            }
            good
        });
        assert!(came, "{what} did not come:\n{}\n{}", shown(&page, "pve_collector"), self.process.log());
        page
    }
}

/// The series of a page whose names begin so.
fn shown(page: &Exposition, begin: &str) -> String {
    let lines = page.series.iter().filter(|(series, _)| series.starts_with(begin));
    lines.map(|(series, value)| format!("{series} {value}\n")).collect()
}

/// Whether a collector's last run was good; `None`: it has not run.
fn success(page: &Exposition, collector: &str, node: &str) -> Option<bool> {
    let series =
        format!("pve_collector_success{{cluster=\"lab\",collector=\"{collector}\",node=\"{node}\"}}");
    page.get(&series).map(|value| value == 1.0)
}

/// Why a collector's last run was not good; empty when it was.
fn reason(page: &Exposition, collector: &str, node: &str) -> String {
    let begin = format!(
        "pve_collector_failure_info{{cluster=\"lab\",collector=\"{collector}\",node=\"{node}\",reason=\""
    );
    let found = page.series.keys().find_map(|series| series.strip_prefix(&begin)?.strip_suffix("\"}"));
    found.unwrap_or_default().to_owned()
}

fn value(page: &Exposition, name: &str, id: &str) -> Option<f64> {
    page.get(&format!("{name}{{cluster=\"lab\",id=\"{id}\"}}"))
}

fn up(page: &Exposition, id: &str) -> Option<f64> {
    value(page, "pve_up", id)
}
