//! The recorded pages of blackbox_exporter 0.28, reproduced: every name, type, label and value, after masking what
//! varies. The recordings lie beside the repository; without them the test says so.

use std::collections::BTreeMap;

use farol_tests::client::get;
use farol_tests::exporter::ProbeExporter;
use farol_tests::exposition::Exposition;
use farol_tests::process::free_port;
use farol_tests::servers::{Certificate, Dnsmasq, Nginx, promtool_check};
use farol_tests::{recorded, scripted, skipped};

/// Cases of the probers that are still to come.
const LATER: [&str; 2] = ["grpc", "unix"];

#[test]
fn the_recorded_pages_of_the_peer_are_reproduced() {
    let test = "parity";
    let Some(fixtures) = recorded("blackbox") else {
        return skipped(test, "the recorded pages of blackbox_exporter are not beside the repository");
    };
    let folder = tempfile::tempdir().unwrap();
    let lab = folder.path();
    let certificate = Certificate::new(lab);
    let (Some(nginx), Some(dnsmasq)) = (Nginx::start(lab, &certificate), Dnsmasq::start(lab)) else {
        return skipped(test, "nginx or dnsmasq is not installed");
    };
    let ports = BTreeMap::from([
        ("19180", nginx.http),
        ("19143", nginx.https),
        ("19153", dnsmasq.port),
        ("19154", dnsmasq.authoritative),
        ("19199", free_port()),
        ("19201", scripted::redis()),
        ("19202", scripted::greets(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")),
        ("19203", scripted::tarpit()),
        ("19205", scripted::smtp_with_starttls(&certificate)),
        ("19207", scripted::redis_over_tls(&certificate)),
    ]);
    let modules = std::fs::read_to_string(fixtures.join("blackbox-parity.yml")).unwrap();
    let modules: String = modules
        .replace("@LAB@", &lab.display().to_string())
        .lines()
        // A module with regexps that no probe could ever run: the peer takes it, we refuse it at load (its own test).
        .filter(|line| !line.contains("bug_dns_bad_regex"))
        .fold(String::new(), |text, line| text + line + "\n");
    let exporter = ProbeExporter::start(lab, &modules, &[]);

    let index = std::fs::read_to_string(fixtures.join("INDEX.txt")).unwrap();
    let mut wrong = Vec::new();
    let mut compared = 0;
    for line in index.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (case, module, recorded_target) = (words[0], words[1], words[2]);
        if LATER.iter().any(|prefix| case.starts_with(prefix)) {
            continue;
        }
        let target = ports.iter().fold(recorded_target.to_owned(), |target, (old, new)| {
            target.replace(&format!(":{old}"), &format!(":{new}"))
        });
        let hostname = if case == "http_hostname_param" { "&hostname=probe.test" } else { "" };
        let answer = get(exporter.port, &format!("/probe?module={module}&target={target}{hostname}"));
        let status = words[3].trim_start_matches("http=");
        if answer.status.to_string() != status {
            wrong.push(format!("{case}: HTTP {} instead of {status}: {}", answer.status, answer.text()));
            continue;
        }
        let want = std::fs::read_to_string(fixtures.join(format!("{case}.prom"))).unwrap();
        if status != "200" {
            // Ours may go on with the way out, on lines of its own.
            if !answer.text().starts_with(&format!("{}\n", want.trim())) {
                wrong.push(format!("{case}: says {:?} instead of {want:?}", answer.text()));
            }
            continue;
        }
        wrong.extend(compare(case, &want, &answer.text()));
        if let Some(said) = promtool_check(&answer.body).filter(|said| !said.is_empty()) {
            wrong.push(format!("{case}: promtool: {said}"));
        }
        compared += 1;
    }
    assert!(
        wrong.is_empty(),
        "{} differences:\n{}\n{}",
        wrong.len(),
        wrong.join("\n"),
        exporter.process.log()
    );
    assert!(compared > 40, "only {compared} pages compared");
    drop((nginx, dnsmasq));
}

/// What the recorded page has and ours has not, or has otherwise.
fn compare(case: &str, want: &str, got: &str) -> Vec<String> {
    let (want, got) = (Exposition::parse(want), Exposition::parse(got));
    let mut wrong = Vec::new();
    for (name, kind) in &want.types {
        if got.types.get(name) != Some(kind) {
            wrong.push(format!("{case}: {name} is {:?} instead of {kind}", got.types.get(name)));
        }
    }
    let masked: BTreeMap<String, f64> =
        got.series.iter().map(|(series, value)| (mask(series), *value)).collect();
    for (series, value) in &want.series {
        match masked.get(&mask(series)) {
            None => wrong.push(format!("{case}: {series} is missing; ours: {:?}", near(&got, series))),
            Some(ours) if varies(series) || ours.to_bits() == value.to_bits() => (),
            Some(ours) => wrong.push(format!("{case}: {series} is {ours} instead of {value}")),
        }
    }
    // Every series of a family that both have must be in the recorded page, too.
    for series in got.series.keys() {
        let name = series.split('{').next().unwrap();
        if want.types.contains_key(name) && !want.series.keys().any(|other| mask(other) == mask(series)) {
            wrong.push(format!("{case}: {series} is not in the recorded page"));
        }
    }
    wrong
}

fn near<'a>(page: &'a Exposition, series: &str) -> Vec<&'a str> {
    let name = series.split('{').next().unwrap();
    page.series.keys().filter(|key| key.split('{').next() == Some(name)).map(String::as_str).collect()
}

/// Labels that differ with each certificate, and with the client's own order of cipher suites.
fn mask(series: &str) -> String {
    let mut text = series.to_owned();
    for label in ["fingerprint_sha256", "serialnumber", "cipher"] {
        if let Some(start) = text.find(&format!("{label}=\"")) {
            let value = start + label.len() + 2;
            let end = value + text[value..].find('"').unwrap();
            text.replace_range(value..end, "*");
        }
    }
    text
}

/// Times vary. The peer's own texts say which values are times.
fn varies(series: &str) -> bool {
    let name = series.split('{').next().unwrap();
    name.ends_with("_seconds") || name.ends_with("_expiry")
}

#[test]
fn masks_hide_only_what_varies() {
    assert_eq!(mask("a{cipher=\"X\",b=\"c\"}"), "a{cipher=\"*\",b=\"c\"}");
    assert!(varies("probe_duration_seconds") && !varies("probe_http_status_code"));
}
