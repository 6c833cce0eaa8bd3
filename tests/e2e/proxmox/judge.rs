//! fakepve, a fake of the API by other people, as an independent judge of authentication and permissions: its tickets, tokens,
//! rights and words of refusal are written after Proxmox VE's sources by somebody who does not know ours. What it tells of
//! loads and sizes is made up, which makes it a hostile peer as well.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use farol_tests::exporter::binary;
use farol_tests::exposition::Exposition;
use farol_tests::process::{Process, free_port, until};
use farol_tests::servers::{Certificate, promtool_check};
use farol_tests::{client, skipped};

use super::{reason, shown, success, up};

const VERSION: &str = "fakepve==0.5.0";
const SECRET: &str = "c0ffee00-0000-4000-8000-c0ffee00c0de";

/// Serves with what stands in the fourth argument done to it.
const DRIVER: &str = "
import asyncio, sys
from fakepve import FakePve
async def main():
    port, cert, key, setup = sys.argv[1:]
    pve = FakePve(user='farol@pve', password='pass', host='127.0.0.1', port=int(port))
    pve.add_vm(100, 'web', status='running', config={'net0': 'virtio=BC:24:11:00:00:01,bridge=vmbr0'})
    pve.add_vm(101, 'db', node='pve2')
    pve.add_ct(102, 'dns', status='running')
    pve.apitokens['farol@pve!farol'] = 'SECRET'
    exec(setup)
    await pve.start(cert, key)
    await asyncio.Event().wait()
asyncio.run(main())
";

/// A Python that has it; made once, kept with the build. `None` when it cannot be had: no Python, or no way to the registry.
fn python() -> Option<&'static Path> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    let make = || {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(VERSION.replace("==", "-"));
        let python = folder.join("bin/python");
        let run = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
        let has = || run(Command::new(&python).args(["-c", "import fakepve"]));
        let made = has()
            || (run(Command::new("python3").args(["-m", "venv"]).arg(&folder))
                && run(Command::new(&python).args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--timeout=20",
                    VERSION,
                ]))
                && has());
        made.then_some(python)
    };
    PYTHON.get_or_init(make).as_deref()
}

/// A running judge and the exporter that watches it.
struct Court {
    port: u16,
    process: Process,
    _judge: Process,
    _folder: tempfile::TempDir,
}

impl Court {
    /// `access`: the cluster's credentials; `setup`: what is done to `pve`.
    fn new(test: &str, access: &str, setup: &str) -> Option<Self> {
        let Some(python) = python() else {
            skipped(
                &format!("proxmox: fakepve judges {test}"),
                "fakepve cannot be installed (pip, in a venv)",
            );
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let certificate = Certificate::new(folder.path());
        let (judge_port, port) = (free_port(), free_port());
        let mut judge = Process::start(
            "fakepve",
            folder.path(),
            Command::new(python)
                .args(["-c", &DRIVER.replace("SECRET", SECRET), &judge_port.to_string()])
                .args([&certificate.certificate, &certificate.key])
                .arg(setup),
        );
        judge.await_port(judge_port);
        let config = folder.path().join("proxmox.yml");
        let lines = format!(
            "clusters:\n  - name: lab\n    endpoints: ['127.0.0.1:{judge_port}']\n    {access}\n    tls: {{ca_file: cert.pem}}\n    \
             collectors: {{ceph: true, snapshots: true, guest_addresses: true, guest_filesystems: true}}\n    devices: true\n"
        );
        std::fs::write(&config, lines).unwrap();
        let mut command = Command::new(binary("proxmox-exporter"));
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let mut process = Process::start("proxmox-exporter", folder.path(), &mut command);
        process.await_port(port);
        Some(Self { port, process, _judge: judge, _folder: folder })
    }

    fn scrape(&self) -> Exposition {
        let headers = [("X-Prometheus-Scrape-Timeout-Seconds", "10")];
        Exposition::parse(&client::request(self.port, "GET", "/metrics", &headers).unwrap().text())
    }

    fn scrape_until(&self, what: &str, wanted: impl Fn(&Exposition) -> bool) -> Exposition {
        let mut page = self.scrape();
        let came = until(Duration::from_secs(40), || {
            wanted(&page) || {
                std::thread::sleep(Duration::from_millis(300));
                page = self.scrape();
                false
            }
        });
        assert!(came, "{what} did not come:\n{}\n{}", shown(&page, "pve_"), self.process.log());
        page
    }
}

fn token() -> String {
    format!("token_id: farol@pve!farol\n    token: {SECRET}")
}

const AUDITOR: &str = "for who in ('farol@pve', 'farol@pve!farol'): pve.grant(who, '/', 'Datastore.Audit', 'Pool.Audit', \
     'SDN.Audit', 'Sys.Audit', 'VM.Audit', 'VM.GuestAgent.Audit')";

fn complete(page: &Exposition) -> Option<f64> {
    page.get("pve_view_complete{cluster=\"lab\"}")
}

/// The role that `--setup` gives is enough, and what is strange in the answers spoils nothing.
#[test]
fn an_auditor_sees_everything() {
    let Some(court) = Court::new("an auditor's token", &token(), AUDITOR) else { return };
    let page = court.scrape_until("the whole view", |page| {
        complete(page).is_some()
            && success(page, "guest_addresses", "pve2").is_some()
            && success(page, "backups", "").is_some()
    });
    assert_eq!(complete(&page), Some(1.0), "{}", shown(&page, "pve_permission"));
    assert_eq!(shown(&page, "pve_permission_missing"), "");
    for collector in ["resources", "status", "tasks", "ha"] {
        assert_eq!(success(&page, collector, ""), Some(true), "{}", shown(&page, "pve_collector"));
    }
    assert_eq!(
        [up(&page, "qemu/100"), up(&page, "qemu/101"), up(&page, "lxc/102")],
        [Some(1.0), Some(0.0), Some(1.0)]
    );
    assert!(
        !shown(&page, "pve_collector_failure_info").contains("forbidden"),
        "{}",
        shown(&page, "pve_collector_failure")
    );
    // It tells of one replication job with the same name on both nodes; nothing else of it is left out.
    let dropped = shown(&page, "farol_page_dropped_total");
    let but_twins = dropped.lines().filter(|line| !line.contains("duplicate"));
    assert!(
        but_twins.clone().count() == 4 && but_twins.clone().all(|line| line.ends_with(" 0")),
        "{dropped}{}",
        court.process.log()
    );
    if let Some(said) = promtool_check(&client::get(court.port, "/metrics").body) {
        assert_eq!(said, "");
    }
}

/// A token without rights gets answers that are empty, and some that are refusals: both are told.
#[test]
fn a_token_without_rights_is_told() {
    let Some(court) =
        Court::new("a token without rights", &token(), "pve.grant('nobody@pve', '/', 'Sys.Audit')")
    else {
        return;
    };
    let page = court.scrape_until("the permissions", |page| complete(page).is_some());
    assert_eq!(complete(&page), Some(0.0));
    assert_eq!(up(&page, "qemu/100"), None, "what may not be seen is left out");
    let missing = "pve_permission_missing{cluster=\"lab\",collector=\"resources\",path=\"/vms\",privilege=\"VM.Audit\"}";
    assert_eq!(page.get(missing), Some(1.0), "{}", shown(&page, "pve_permission"));
    assert_eq!(reason(&page, "ha", ""), "forbidden", "{}", shown(&page, "pve_collector"));
    let log = court.process.log();
    assert!(log.contains("pveum acl modify") && log.contains("Sys.Audit"), "{log}");
}

/// Rights on one guest alone: it is seen, the others are not, and that the view is not whole is said.
#[test]
fn a_narrow_view_is_told() {
    let Some(court) =
        Court::new("a narrow view", &token(), "pve.grant('farol@pve!farol', '/vms/100', 'VM.Audit')")
    else {
        return;
    };
    let page = court.scrape_until("the permissions", |page| complete(page).is_some());
    assert_eq!((complete(&page), up(&page, "qemu/100"), up(&page, "qemu/101")), (Some(0.0), Some(1.0), None));
}

#[test]
fn secrets_tickets_and_second_factors() {
    let wrong = "token_id: farol@pve!farol\n    token: 00000000-0000-4000-8000-000000000000";
    let password = "username: farol@pve\n    password: pass";
    for (test, access, setup, want) in [
        ("a wrong token", wrong, "", "unauthorized"),
        ("a wrong password", "username: farol@pve\n    password: wrong", "", "unauthorized"),
        ("a second factor", password, "pve.tfa = True", "second_factor"),
    ] {
        let Some(court) = Court::new(test, access, setup) else { return };
        let page = court.scrape_until(test, |page| !reason(page, "resources", "").is_empty());
        assert_eq!(reason(&page, "resources", ""), want, "{test}");
        assert!(!court.process.log().contains("=wrong"), "{test}");
    }
    // A ticket that ends long before its time is replaced within the call that was refused.
    let Some(court) = Court::new("tickets that end early", password, "pve.ticket_ttl = 1") else { return };
    for _ in 0..3 {
        let page = court.scrape();
        assert_eq!(success(&page, "resources", ""), Some(true), "{}", shown(&page, "pve_collector"));
        std::thread::sleep(Duration::from_secs(6));
    }
}
