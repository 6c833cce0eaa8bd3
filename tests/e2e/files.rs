//! Certificates in files, watched by the shipped tls-exporter in its sandbox: what a renewal does shows at once.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use farol_tests::client::get;
use farol_tests::exporter::binary;
use farol_tests::process::{Process, free_port, has, until};
use farol_tests::skipped;

/// Makes a certificate that lives for so many days.
fn certificate(folder: &Path, name: &str, days: u32) {
    let made = Command::new("openssl")
        .current_dir(folder)
        .args(["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
        .args(["-subj", "/CN=a.test", "-addext", "subjectAltName=DNS:a.test", "-keyout", "/dev/null"])
        .args(["-days", &days.to_string(), "-out", name])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// The interval is an hour: what shows before is what the kernel has told, through landlock and seccomp.
#[test]
fn a_renewal_shows_at_once_in_the_sandbox() {
    if !has("openssl") {
        return skipped("a_renewal_shows_at_once_in_the_sandbox", "openssl is not installed");
    }
    let lab = tempfile::tempdir().unwrap();
    let path = |name: &str| lab.path().join(name);
    for folder in ["archive/a", "live/a"] {
        std::fs::create_dir_all(path(folder)).unwrap();
    }
    certificate(lab.path(), "archive/a/fullchain1.pem", 10);
    certificate(lab.path(), "archive/a/fullchain2.pem", 90);
    let turn = |number: u32| {
        let _ = std::fs::remove_file(path("live/a/fullchain.pem"));
        let target = format!("../../archive/a/fullchain{number}.pem");
        std::os::unix::fs::symlink(target, path("live/a/fullchain.pem")).unwrap();
    };
    turn(1);
    let text = format!(
        "files: [{{name: lab, paths: ['{}/live/*/fullchain.pem'], interval: 1h}}]\n",
        lab.path().display()
    );
    std::fs::write(path("tls.yml"), text).unwrap();
    let port = free_port();
    let mut exporter = Process::start(
        "tls-exporter",
        lab.path(),
        Command::new(binary("tls-exporter"))
            .arg(format!("--config.file={}", path("tls.yml").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}")),
    );
    exporter.await_port(port);
    let end = || {
        let page = get(port, "/metrics").text();
        let name = "tls_file_certificate_not_after_timestamp_seconds{";
        let line = page.lines().find(|line| line.starts_with(name))?;
        line.rsplit(' ').next()?.parse::<f64>().ok()
    };
    assert!(until(Duration::from_secs(20), || end().is_some()), "{}", exporter.log());
    let first = end().unwrap();
    turn(2);
    let day = 86_400.0;
    let renewed =
        until(Duration::from_secs(20), || end().is_some_and(|end| (end - first - 80.0 * day).abs() < day));
    assert!(renewed, "{}", exporter.log());
    let page = get(port, "/metrics").text();
    let enabled = |part: &str| page.contains(&format!("farol_sandbox_enabled{{part=\"{part}\"}} 1"));
    assert!(enabled("seccomp") && enabled("no_new_privs"), "{page}");
    if !enabled("landlock") {
        skipped("a_renewal_shows_at_once_in_the_sandbox", "this kernel does not have landlock");
    }
}
