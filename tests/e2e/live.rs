//! The whole stack live: the shipped configuration, rules and routes on the machine's Prometheus and Alertmanager (Debian's;
//! `tests/published.sh` brings others), farol watching real servers. Everything is scraped, every rule evaluates, every dashboard has data, and an outage is one message and its end
//! another, even when the ways in between are broken.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "clippy knows tests by their attribute, and not what tests share"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use farol_tests::alertmanager::{Delivery, Switch, switched};
use farol_tests::client::get;
use farol_tests::panels::{Query, RARE, View, queries};
use farol_tests::process::{Process, until};
use farol_tests::pve::{Pve, Shape};
use farol_tests::servers::{Certificate, Nginx, Prometheus};
use farol_tests::skipped;
use farol_tests::stack::{FASTER, Stack};
use regex::Regex;
use serde_json::Value;

/// What has no data as long as all is well: dashboard, panel, letter, when it has some, and what it shows. Beside it there is
/// [`RARE`], which the tests of the rules show with data.
const EMPTY_WHEN_HEALTHY: &[(&str, &str, &str, Shown, &str)] = &[
    ("farol-overview", "What is wrong", "A", Shown::WhileDown, "alerts that fire"),
    (
        "farol-overview",
        "States of services",
        "A",
        Shown::WhileDown,
        "services that are down; B has the others",
    ),
    ("farol-overview", "annotation Alerts", "A", Shown::WhileDown, "alerts that fire"),
    ("farol-services", "annotation Alerts", "A", Shown::WhileDown, "alerts that fire"),
    ("farol-services", "Failed and skipped probes", "A", Shown::Afterwards, "failures in what is shown"),
    ("farol-exporters", "annotation Alerts", "A", Shown::WhileDown, "alerts that fire"),
];

/// When a query that is empty in health has data.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shown {
    /// While a service is down.
    WhileDown,
    /// After an outage, in what is shown.
    Afterwards,
    /// By something that this test does not do ([`RARE`]).
    Elsewhere,
}

const PATIENCE: Duration = Duration::from_secs(90);

#[test]
fn an_outage_is_one_message_and_its_end_another() {
    let begun = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::new(folder.path());
    let (shop, web) = (folder.path().join("shop"), folder.path().join("web"));
    for folder in [&shop, &web] {
        std::fs::create_dir(folder).unwrap();
    }
    let (Some(shop), Some(first)) = (Nginx::start(&shop, &certificate), Nginx::start(&web, &certificate))
    else {
        return skipped("live", "nginx is not installed");
    };
    let mut web =
        Web { configuration: web.join("nginx.conf"), http: first.http, process: Some(first.process) };
    let switch = Arc::new(Switch::default());
    let (hook, received) = switched(Arc::clone(&switch));
    let probe = configuration(&shop, &web, &certificate);
    let tls = certificates(&shop, &certificate);
    let pve = Pve::start(Shape { version: 9, guests: 9, well: true, ..Shape::default() }, 1);
    let proxmox = pve.configuration("    collectors: {snapshots: true}\n");
    let Some(mut stack) = Stack::start(folder.path(), [&probe, &tls, &proxmox], hook) else {
        return skipped("live", "Prometheus and Alertmanager are not installed");
    };
    let mut inbox = Inbox { received, messages: Vec::new(), beats: 0 };
    let told = |what: &str| println!("{:5.1} s: {what}", begun.elapsed().as_secs_f64());

    everything_is_scraped(&stack.prometheus);
    every_rule_evaluates(&stack.prometheus);
    told("all targets are up, all rules evaluate");
    has_data(&stack.prometheus, None);
    told("every query of every dashboard has data, or is empty in health");

    // An outage, and its end.
    let fell = minute();
    web.stop();
    let down = inbox.next("firing");
    assert_eq!(down.targets(), ["web"]);
    let (title, text) = down.words();
    let told_at = Regex::new(r"^🔴 web down since (\d\d:\d\d): connection refused$").unwrap();
    let since = &told_at.captures(title).unwrap_or_else(|| panic!("title {title:?}"))[1];
    assert!(since == fell || since == minute(), "it fell at {fell}, the message says {since}");
    let cause = Regex::new(
        r"^Cause: connection refused\. Last good answer: \d+ [A-Z][a-z]{2} \d\d:\d\d:\d\d\. Nothing listens on the port\. Check that the service runs, then its port\.\nRunbook: alerts/runbooks/ServiceDown\.md\n$",
    );
    assert!(cause.unwrap().is_match(text), "text {text:?}");
    told("the outage is told");
    has_data(&stack.prometheus, Some(Shown::WhileDown));
    web.start();
    let back = inbox.next("resolved");
    told("its end is told");
    assert_eq!(back.targets(), ["web"]);
    let lasted = back.lasted();
    let words = Regex::new(r"^✅ web back at (\d\d:\d\d), was down (< 1 min|1 min)$").unwrap();
    let title = back.words().0;
    let found = words.captures(title).unwrap_or_else(|| panic!("title {title:?}"));
    assert_eq!(&found[2], if lasted < 30.0 { "< 1 min" } else { "1 min" }, "it was down for {lasted} s");
    assert_eq!(&found[1], &back.alert()["endsAt"].as_str().unwrap()[11..16]);
    has_data(&stack.prometheus, Some(Shown::Afterwards));

    // Another, with Alertmanager gone when it begins, and then nobody there to take the message.
    stack.stop_alertmanager();
    switch.off.store(true, Ordering::SeqCst);
    web.stop();
    let firing = r#"ALERTS{alertname="ServiceDown",alertstate="firing"}"#;
    let unsent = "sum(prometheus_notifications_errors_total) > 0";
    for query in [firing, unsent] {
        assert!(until(PATIENCE, || !stack.prometheus.query(query).is_empty()), "{query} does not come");
    }
    stack.start_alertmanager();
    assert!(until(PATIENCE, || switch.refused.load(Ordering::SeqCst) > 1), "Alertmanager tries no receiver");
    switch.off.store(false, Ordering::SeqCst);
    assert_eq!(inbox.next("firing").targets(), ["web"]);
    told("an outage without Alertmanager and receiver is told when they are back");
    // And its end while Alertmanager is gone once more.
    stack.stop_alertmanager();
    web.start();
    assert!(until(PATIENCE, || stack.prometheus.query(firing).is_empty()), "the alert goes on");
    stack.start_alertmanager();
    assert_eq!(inbox.next("resolved").targets(), ["web"]);
    told("its end is told by an Alertmanager that was started anew");

    // Two of Alertmanager's intervals later there is nothing more.
    inbox.gather(Duration::from_secs(u64::from(2 * 60 / FASTER)));
    let all: Vec<String> = inbox.messages.iter().map(Message::summary).collect();
    assert_eq!(all, ["firing web", "resolved web", "firing web", "resolved web"].map(str::to_owned));
    assert!(inbox.beats > 1, "the heartbeat came {} times", inbox.beats);
    every_rule_evaluates(&stack.prometheus);
    let log = stack.prometheus.process.log();
    // Prometheus 3 writes levels large, and warns of the flag that Prometheus 2 needs; the address of runbooks is left empty.
    let bad = |line: &&str| {
        let quiet = ["component=notifier", "--enable-feature", "name=RUNBOOKS_URL"]
            .iter()
            .any(|known| line.contains(known));
        let level = line.to_lowercase();
        (level.contains("level=warn") || level.contains("level=error")) && !quiet
    };
    let found: Vec<&str> = log.lines().filter(bad).collect();
    assert!(found.is_empty(), "Prometheus complains: {found:#?}");
    let log = stack.farol.log();
    assert!(!log.contains("level=error") && !log.contains("panicked"), "farol complains:\n{log}");
    told("nothing else was told, and nobody complained");
}

/// What is watched, fifteen times as often as by default. The windows of the objectives are not shortened, and a minute of
/// history makes any outage a large share of an hour; so web may fail often, and its alert is that it is down.
fn configuration(shop: &Nginx, web: &Web, certificate: &Certificate) -> String {
    format!(
        r#"modules:
  page: {{prober: http, timeout: 1s, http: {{preferred_ip_protocol: ip4}}}}
  secure: {{prober: http, timeout: 1s, http: {{preferred_ip_protocol: ip4, tls_config: {{ca_file: "{ca}"}}}}}}
  port: {{prober: tcp, timeout: 1s, tcp: {{preferred_ip_protocol: ip4}}}}
targets:
  - {{name: shop, target: "https://127.0.0.1:{https}/", module: secure, interval: 1s, objective: 99.9%, labels: {{id: qemu/101}}}}
  - {{name: shop-port, target: "127.0.0.1:{http}", module: port, interval: 1s}}
  - {{name: web, target: "http://127.0.0.1:{web}/", module: page, interval: 1s, objective: 90%}}
allowed_targets: ["127.0.0.1"]
"#,
        ca = certificate.certificate.display(),
        https = shop.https,
        http = shop.http,
        web = web.http,
    )
}

/// The shop's certificate: looked at, not checked by another target, and in its file.
fn certificates(shop: &Nginx, certificate: &Certificate) -> String {
    format!(
        r#"modules:
  ours: {{timeout: 1s, tls_config: {{ca_file: "{file}"}}}}
  unchecked: {{timeout: 1s, tls_config: {{insecure_skip_verify: true}}}}
targets:
  - {{name: shop, target: "127.0.0.1:{https}", module: ours, interval: 1s}}
  - {{name: shop-unchecked, target: "127.0.0.1:{https}", hostname: other.example.org, module: unchecked, interval: 1s}}
files:
  - {{name: shop, paths: ["{file}"], interval: 1s}}
allowed_targets: ["127.0.0.1"]
"#,
        file = certificate.certificate.display(),
        https = shop.https,
    )
}

/// The nginx that is stopped and started again.
struct Web {
    configuration: std::path::PathBuf,
    http: u16,
    process: Option<Process>,
}

impl Web {
    fn stop(&mut self) {
        self.process = None;
    }

    fn start(&mut self) {
        let folder: &Path = self.configuration.parent().unwrap();
        let mut process = Process::start(
            "nginx",
            folder,
            std::process::Command::new(farol_tests::process::find("nginx").unwrap())
                .arg("-c")
                .arg(&self.configuration)
                .args(["-e", "stderr"]),
        );
        process.await_port(self.http);
        self.process = Some(process);
    }
}

fn everything_is_scraped(prometheus: &Prometheus) {
    let mut said = String::new();
    let all = until(PATIENCE, || {
        let answer: Value = serde_json::from_slice(&get(prometheus.port, "/api/v1/targets").body).unwrap();
        let targets = answer["data"]["activeTargets"].as_array().unwrap();
        said = format!("{targets:#?}");
        targets.len() == 7
            && targets.iter().all(|target| target["health"] == "up" && target["lastError"] == "")
    });
    assert!(all, "not every target is up: {said}");
    assert_eq!(prometheus.query("count(up == 1)").first().map(|row| row.1), Some(7.0));
}

fn every_rule_evaluates(prometheus: &Prometheus) {
    let mut bad = Vec::new();
    let all = until(PATIENCE, || {
        let answer: Value = serde_json::from_slice(&get(prometheus.port, "/api/v1/rules").body).unwrap();
        let groups = answer["data"]["groups"].as_array().unwrap();
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
        bad = rules.filter(|rule| rule["health"] != "ok").cloned().collect();
        groups.len() > 5 && bad.is_empty()
    });
    assert!(all, "rules do not evaluate: {bad:#?}");
    let failed = prometheus.query("sum(prometheus_rule_evaluation_failures_total)");
    assert_eq!(failed.first().map(|row| row.1), Some(0.0));
}

/// Asks everything that the dashboards ask. `None`: all is well, and what is listed as empty then is. Else what is listed for
/// that time has data.
fn has_data(prometheus: &Prometheus, when: Option<Shown>) {
    let all = queries();
    let listed = |query: &Query| {
        let rare = || RARE.iter().any(|rare| query.is(rare)).then_some(Shown::Elsewhere);
        EMPTY_WHEN_HEALTHY
            .iter()
            .find(|(dashboard, panel, letter, ..)| query.is(&(dashboard, panel, letter)))
            .map(|(.., shown, _)| *shown)
            .or_else(rare)
    };
    let mut missing = Vec::new();
    until(PATIENCE, || {
        let wrong = |query: &&Query| match (when, listed(query)) {
            (None, None) => data(prometheus, query) == 0,
            (None, Some(_)) => data(prometheus, query) > 0,
            (Some(when), Some(shown)) => when == shown && data(prometheus, query) == 0,
            (Some(_), None) => false,
        };
        missing = all.iter().filter(wrong).map(Query::name).collect();
        missing.is_empty()
    });
    let firing = prometheus.query(r#"ALERTS{alertstate="firing"}"#);
    assert!(missing.is_empty(), "no data, or unforeseen ones ({when:?}): {missing:#?}; firing: {firing:#?}");
    for (dashboard, panel, letter, ..) in EMPTY_WHEN_HEALTHY {
        let known = all.iter().any(|query| query.is(&(dashboard, panel, letter)));
        assert!(known, "{dashboard} has no {panel}, {letter}");
    }
}

/// How many numbers come.
fn data(prometheus: &Prometheus, query: &Query) -> usize {
    let view = View { range: 300.0, scrape: f64::from(30 / FASTER) };
    let encoded: String = query.filled(view).bytes().map(|byte| format!("%{byte:02X}")).collect();
    let path = if query.over_time {
        // Grafana begins and ends at whole steps.
        let step = view.step(query.points, query.least);
        let whole = |time: f64| (time / step).floor() * step;
        let (start, end) = (whole(now() - view.range), whole(now()));
        format!("query_range?start={start}&end={end}&step={step}&query={encoded}")
    } else {
        format!("query?query={encoded}")
    };
    let answer: Value =
        serde_json::from_slice(&get(prometheus.port, &format!("/api/v1/{path}")).body).unwrap();
    assert_eq!(answer["status"], "success", "{}: {answer}", query.name());
    // A query that Prometheus finds odd, newer ones say so.
    assert!(answer["warnings"].is_null(), "{}: {answer}", query.name());
    let rows = answer["data"]["result"].as_array().unwrap().iter();
    let points = rows.flat_map(|row| match row["values"].as_array() {
        Some(points) => points.clone(),
        None => vec![row["value"].clone()],
    });
    points.filter(|point| point[1].as_str().is_some_and(|number| number != "NaN")).count()
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// The time of day in UTC, as messages have it.
fn minute() -> String {
    let minutes = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 60 % 1440;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// One notification: as Alertmanager's JSON, and in the words that people get.
struct Message {
    json: Value,
    words: Value,
}

impl Message {
    fn alert(&self) -> &Value {
        &self.json["alerts"][0]
    }

    fn targets(&self) -> Vec<&str> {
        self.json["alerts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["labels"]["target"].as_str().unwrap())
            .collect()
    }

    fn words(&self) -> (&str, &str) {
        let attachment = &self.words["attachments"][0];
        (attachment["title"].as_str().unwrap(), attachment["text"].as_str().unwrap())
    }

    /// Seconds from its beginning to its end, by the clock times of one day.
    fn lasted(&self) -> f64 {
        let seconds = |key: &str| {
            let time = &self.alert()[key].as_str().unwrap()[11..];
            let parts: Vec<f64> =
                time.trim_end_matches('Z').split(':').map(|part| part.parse().unwrap()).collect();
            parts[0] * 3600.0 + parts[1] * 60.0 + parts[2]
        };
        (seconds("endsAt") - seconds("startsAt")).rem_euclid(86_400.0)
    }

    fn summary(&self) -> String {
        let name = self.alert()["labels"]["alertname"].as_str().unwrap();
        let what = self.json["status"].as_str().unwrap();
        if name == "ServiceDown" {
            format!("{what} {}", self.targets().join(" "))
        } else {
            format!("{what} {name}")
        }
    }
}

/// What has come, in its order.
struct Inbox {
    received: Receiver<Delivery>,
    messages: Vec<Message>,
    beats: usize,
}

impl Inbox {
    /// The next message to people, which must be of that status.
    fn next(&mut self, status: &str) -> &Message {
        let before = self.messages.len();
        let end = Instant::now() + PATIENCE;
        while !self.messages.get(before).is_some_and(Message::whole) {
            self.take(end);
        }
        let message = &self.messages[before];
        assert_eq!(message.json["status"], status, "{}", message.json);
        message
    }

    /// Takes what comes until then.
    fn gather(&mut self, patience: Duration) {
        let end = Instant::now() + patience;
        while Instant::now() < end {
            if let Ok(delivery) = self.received.recv_timeout(end.saturating_duration_since(Instant::now())) {
                self.put(delivery);
            }
        }
    }

    fn take(&mut self, end: Instant) {
        let left = end.saturating_duration_since(Instant::now());
        let delivery = self.received.recv_timeout(left).expect("no message comes");
        self.put(delivery);
    }

    /// The two channels bring the same message, each in its own time.
    fn put(&mut self, (path, body): Delivery) {
        match path.as_str() {
            "/beat" => self.beats += 1,
            "/hook" | "/slack" => {
                let open = |message: &Message| {
                    if path == "/hook" { message.json.is_null() } else { message.words.is_null() }
                };
                let index = self.messages.iter().position(open).unwrap_or_else(|| {
                    self.messages.push(Message { json: Value::Null, words: Value::Null });
                    self.messages.len() - 1
                });
                let message = &mut self.messages[index];
                *(if path == "/hook" { &mut message.json } else { &mut message.words }) = body;
            }
            other => panic!("a message to {other}: {body}"),
        }
    }
}

impl Message {
    fn whole(&self) -> bool {
        !self.json.is_null() && !self.words.is_null()
    }
}
