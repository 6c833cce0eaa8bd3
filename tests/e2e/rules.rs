//! The alert rules by Prometheus's own judge: promtool checks their form and runs their tests, and every text that these show
//! reads as a message must. Debian's promtool, and a newer one that `PROMTOOL_NEW` names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use farol_tests::panels::{RARE, View, queries};
use farol_tests::process::find;
use farol_tests::{skipped, top};
use serde::Deserialize;

/// The longest title that a telephone shows whole, with its sign and a blank before it.
const TITLE: usize = 70;

/// The promtools that there are.
fn promtools(test: &str) -> Vec<PathBuf> {
    let newer = std::env::var_os("PROMTOOL_NEW").map(PathBuf::from);
    let all: Vec<PathBuf> = find("promtool").into_iter().chain(newer).collect();
    if all.is_empty() {
        skipped(test, "there is no promtool");
    }
    all
}

/// The files of a folder of `alerts/`, by name.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let folder = top().join("alerts").join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no .{ending}", folder.display());
    files
}

/// Runs promtool in UTC, which the times in the texts are given in.
fn run(promtool: &PathBuf, arguments: &[&str], files: &[PathBuf]) {
    let done = Command::new(promtool).args(arguments).args(files).env("TZ", "UTC").output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{} {}:\n{said}", promtool.display(), arguments.join(" "));
}

#[test]
fn promtool_finds_no_fault_in_the_rules() {
    for promtool in promtools("promtool_finds_no_fault_in_the_rules") {
        run(&promtool, &["check", "rules", "--lint=all", "--lint-fatal"], &files("rules", "yml"));
    }
}

#[test]
fn every_test_of_the_rules_passes() {
    for promtool in promtools("every_test_of_the_rules_passes") {
        // A file at a time takes one processor for minutes.
        let files = files("tests", "yml");
        let (next, places) =
            (AtomicUsize::new(0), std::thread::available_parallelism().map_or(2, usize::from));
        std::thread::scope(|scope| {
            for _ in 0..places {
                scope.spawn(|| {
                    while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                        run(&promtool, &["test", "rules"], std::slice::from_ref(file));
                    }
                });
            }
        });
    }
}

/// What happens for each of the [`RARE`] queries, one scrape a minute, and what an hour of it shows at its end. Its title, after its
/// dashboard where several have one of that title.
const HAPPENS: &[(&str, &str, &[&str], &str)] = &[
    (
        "Failed and skipped probes",
        "B",
        &[r#"probe_rounds_skipped_total{job="farol",instance="a",target="web",module="m"}: 1000+2x60"#],
        r#"{job="farol"}: 8"#,
    ),
    (
        "Time in failure by reason",
        "A",
        &[
            r#"probe_failure_info{job="farol",instance="a",target="web",module="m",phase="connect",reason="connect_timeout"}: _x10 1x4 stale"#,
        ],
        r#"{reason="connect_timeout",cause="no answer",cause_pt="sem resposta"}: 300"#,
    ),
    (
        "annotation Alerts",
        "A",
        &[
            r#"ALERTS{alertname="CertificateExpires",alertstate="firing",severity="critical",target="web"}: 1x60"#,
        ],
        r#"ALERTS{alertname="CertificateExpires",alertstate="firing",severity="critical",target="web"}: 1"#,
    ),
    (
        "Failed looks",
        "A",
        &[
            r#"tls_probe_failure_info{job="farol",instance="a",target="web",module="tls",phase="tls",reason="tls_cert_expired"}: 1x60"#,
            r#"tls_probe_last_success_timestamp_seconds{job="farol",instance="a",target="web",module="tls"}: 1200x60"#,
        ],
        r#"{job="farol",target="web",reason="tls_cert_expired",cause="certificate expired",cause_pt="certificado vencido"}: 1200000"#,
    ),
    (
        "Faulty files",
        "A",
        &[
            r#"tls_file_error_info{job="farol",instance="a",source="s",path="/a.pem",reason="not_found"}: 1x60"#,
        ],
        r#"{source="s",path="/a.pem",reason="not_found",cause="it is not there",cause_pt="não está lá"}: 1"#,
    ),
    (
        "Hosts by state",
        "A",
        &[r#"npm_hosts{job="farol",instance="a",npm="home",type="proxy",state="enabled"}: 3x60"#],
        r#"{npm="home",state="enabled"}: 3"#,
    ),
    (
        "Refused hosts",
        "A",
        &[r#"npm_host_online{job="farol",instance="a",npm="home",type="proxy",id="1",host="web"}: 0x60"#],
        r#"{npm="home",type="proxy",host="web"}: 0"#,
    ),
    (
        "What Nginx Proxy Manager remembers",
        "A",
        &[
            r#"npm_certificate_expires_on_timestamp_seconds{job="farol",instance="a",npm="home",id="4",name="web",provider="other"}: 7200x60"#,
        ],
        r#"{npm="home",id="4",name="web"}: 7200000"#,
    ),
    (
        "What Nginx Proxy Manager remembers",
        "B",
        &[
            r#"npm_certificate_expiry_drift_seconds{job="farol",instance="a",npm="home",id="4",name="web"}: -86400x60"#,
        ],
        r#"{npm="home",id="4",name="web"}: 1"#,
    ),
    (
        "What Nginx Proxy Manager remembers",
        "C",
        &[r#"npm_certificate_hosts{job="farol",instance="a",npm="home",id="4",name="web"}: 2x60"#],
        r#"{npm="home",id="4",name="web"}: 2"#,
    ),
    (
        "annotation Restarts",
        "A",
        &[r#"process_start_time_seconds{job="farol",instance="a"}: 100x57 200x10"#],
        r#"{job="farol",instance="a",name="farol"}: 1"#,
    ),
    (
        "Refusals",
        "A",
        &[r#"farol_http_refused_total{job="farol",instance="a",reason="busy"}: 1000+1x60"#],
        r#"{reason="busy"}: 4"#,
    ),
    (
        "Refusals",
        "B",
        &[r#"farol_probe_unknown_module_total{job="farol",instance="a"}: 1000+3x60"#],
        "{}: 12",
    ),
    (
        "farol-proxmox: annotation Alerts",
        "A",
        &[r#"ALERTS{alertname="NodeDown",alertstate="firing",severity="critical",node="pve1"}: 1x60"#],
        r#"ALERTS{alertname="NodeDown",alertstate="firing",severity="critical",node="pve1"}: 1"#,
    ),
    (
        "farol-node: annotation Alerts",
        "A",
        &[],
        r#"ALERTS{alertname="NodeDown",alertstate="firing",severity="critical",node="pve1"}: 1"#,
    ),
    (
        "farol-guest: annotation Alerts",
        "A",
        &[],
        r#"ALERTS{alertname="NodeDown",alertstate="firing",severity="critical",node="pve1"}: 1"#,
    ),
    (
        "Storages",
        "B",
        &[
            r#"pve:storage_full_in:seconds{job="farol",instance="a",cluster="home",storage="local",node="pve1"}: 172800x60"#,
        ],
        r#"{cluster="home",storage="local",node="pve1"}: 2"#,
    ),
    ("Room on storages", "B", &[], r#"{}: 2"#),
    (
        "In no job",
        "A",
        &[
            r#"pve:guest:thing{job="farol",instance="a",cluster="home",id="qemu/104",node="pve1",name="wordpress"}: 1x60"#,
            r#"pve:guest:uncovered{job="farol",instance="a",cluster="home",id="qemu/104"}: 1x60"#,
        ],
        r#"{cluster="home",id="qemu/104",node="pve1",name="wordpress"}: 1"#,
    ),
    (
        "Failed tasks",
        "A",
        &[
            r#"pve_tasks_finished_total{job="farol",instance="a",cluster="home",node="pve1",type="vzdump",result="error"}: 1000+2x60"#,
        ],
        r#"{node="pve1",type="vzdump"}: 120"#,
    ),
    (
        "Collectors that fail",
        "A",
        &[
            r#"pve_collector_failure_info{job="farol",instance="a",cluster="home",collector="disks",node="pve1",reason="timeout"}: 1x60"#,
        ],
        r#"{cluster="home",collector="disks",node="pve1",reason="timeout"}: 1"#,
    ),
    (
        "Missing privileges",
        "A",
        &[
            r#"pve_permission_missing{job="farol",instance="a",cluster="home",privilege="Sys.Audit",path="/",collector="node"}: 1x60"#,
        ],
        r#"{cluster="home",privilege="Sys.Audit",path="/",collector="node"}: 1"#,
    ),
    (
        "Services that are down",
        "A",
        &[r#"pve_service_up{job="farol",instance="a",cluster="home",node="pve1",service="pvestatd"}: 0x60"#],
        r#"{node="pve1",service="pvestatd"}: 0"#,
    ),
    (
        "Network zones in trouble",
        "A",
        &[r#"pve_sdn_zone_up{job="farol",instance="a",cluster="home",node="pve1",zone="office"}: 0x60"#],
        r#"{node="pve1",zone="office"}: 0"#,
    ),
    (
        "Memory",
        "C",
        &[
            r#"pve_guest_balloon_bytes{job="farol",instance="a",cluster="home",id="qemu/104"}: 4096x60"#,
            r#"pve_memory_usage_bytes{job="farol",instance="a",cluster="home",id="qemu/104"}: 2048x60"#,
        ],
        r#"{cluster="home",id="qemu/104",node="pve1",name="wordpress"}: 4096"#,
    ),
    (
        "File systems in virtual machines",
        "A",
        &[
            r#"pve_guest_filesystem_usage_bytes{job="farol",instance="a",cluster="home",id="qemu/104",mountpoint="/",fstype="ext4"}: 50x60"#,
            r#"pve_guest_filesystem_size_bytes{job="farol",instance="a",cluster="home",id="qemu/104",mountpoint="/",fstype="ext4"}: 100x60"#,
        ],
        r#"{cluster="home",id="qemu/104",name="wordpress",mountpoint="/"}: 0.5"#,
    ),
];

#[test]
fn what_is_empty_in_health_shows_what_happens() {
    let view = View { range: 3600.0, scrape: 60.0 };
    let all = queries();
    let mut series =
        vec![r#"farol_build_info{job="farol",instance="a",name="farol",version="1",revision=""}: 1x60"#];
    let mut asked = Vec::new();
    for rare in RARE {
        let (.., happens, shows) = HAPPENS
            .iter()
            .filter(|(_, letter, ..)| *letter == rare.2)
            .find(|(title, ..)| *title == format!("{}: {}", rare.0, rare.1))
            .or_else(|| HAPPENS.iter().find(|(title, letter, ..)| (*title, *letter) == (rare.1, rare.2)))
            .unwrap_or_else(|| panic!("nothing happens for {rare:?}"));
        series.extend_from_slice(happens);
        let shown: Vec<_> = all.iter().filter(|query| query.is(rare)).collect();
        assert_eq!(shown.len(), 2, "{rare:?} in two languages");
        asked.extend(shown.into_iter().map(|query| (query.filled(view), shows)));
    }
    let value = |text: &str| {
        let (labels, value) = text.rsplit_once(": ").unwrap();
        (labels.to_owned(), value.to_owned())
    };
    let input = series.iter().map(|text| {
        let (series, values) = value(text);
        serde_json::json!({"series": series, "values": values})
    });
    let tests = asked.iter().map(|(text, shows)| {
        let (labels, number) = value(shows);
        let number: f64 = number.parse().unwrap();
        let samples = [serde_json::json!({"labels": labels, "value": number})];
        serde_json::json!({"expr": text, "eval_time": "1h", "exp_samples": samples})
    });
    let file = serde_json::json!({
        "rule_files": [top().join("alerts/rules/reasons.yml")],
        "evaluation_interval": "1m",
        "tests": [{
            "interval": "1m",
            "input_series": input.collect::<Vec<_>>(),
            "promql_expr_test": tests.collect::<Vec<_>>(),
        }],
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rare.yml");
    std::fs::write(&path, file.to_string()).unwrap();
    for promtool in promtools("what_is_empty_in_health_shows_what_happens") {
        run(&promtool, &["test", "rules"], std::slice::from_ref(&path));
    }
}

#[test]
fn every_reason_of_a_failure_has_its_words() {
    let mut rules = BTreeMap::new();
    for group in read::<Rules>(&top().join("alerts/rules/reasons.yml")).groups {
        rules.extend(group.rules.into_iter().map(|rule| (rule.labels["reason"].clone(), rule.labels)));
    }
    let words: BTreeSet<&str> = rules.keys().map(String::as_str).collect();
    let tables: [&[(&str, &str)]; 3] = [
        probe_exporter::reasons::REASONS,
        tls_exporter::reasons::REASONS,
        tls_exporter::files::faults::FAULTS,
    ];
    let reasons: BTreeSet<&str> =
        tables.iter().flat_map(|table| table.iter().map(|(reason, _)| *reason)).collect();
    // A reason that the exporter has not learned yet may have its words already.
    let missing: Vec<&&str> = reasons.difference(&words).collect();
    assert!(missing.is_empty() && reasons.len() > 30, "no words for {missing:?}");
    for (reason, labels) in &rules {
        for key in ["kind", "cause", "cause_pt", "step", "step_pt"] {
            assert!(labels.get(key).is_some_and(|text| !text.is_empty()), "{reason} has no {key}");
        }
        let kinds = ["down", "answer", "port", "dns", "setup", "file", "key"];
        assert!(kinds.contains(&labels["kind"].as_str()), "{reason} is of kind {}", labels["kind"]);
        // A name of fourteen letters still fits: "🔴 " NAME " fora do ar desde 14:02: " CAUSE.
        let (cause, cause_pt) = (labels["cause"].chars().count(), labels["cause_pt"].chars().count());
        assert!(
            cause <= 30 && cause_pt <= 28,
            "{reason}: {cause} and {cause_pt} letters are too long for a title"
        );
        let timeout = reason.ends_with("_timeout");
        let seconds = labels["cause"].ends_with(" in") && labels["cause_pt"].ends_with(" em");
        assert_eq!(
            timeout, seconds,
            "{reason}: the seconds of a timeout, and only those, are put behind the cause"
        );
        assert!(
            labels["step"].ends_with('.') && labels["step_pt"].ends_with('.'),
            "{reason}: a step is a sentence"
        );
    }
}

#[test]
fn every_text_that_the_tests_show_reads_as_a_message() {
    let (mut shown, mut found) = (0, BTreeSet::new());
    for file in files("tests", "yml") {
        for moment in read::<Tests>(&file).tests.into_iter().flat_map(|test| test.alert_rule_test) {
            for alert in moment.exp_alerts {
                let problems = problems(&alert.exp_annotations).into_iter();
                found.extend(problems.map(|problem| format!("{}: {problem}", moment.alertname)));
                shown += 1;
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    assert!(shown > 50, "only {shown} texts");
}

/// What is wrong with an alert's rendered texts.
fn problems(texts: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    for key in ["summary", "description", "recovery", "summary_pt", "description_pt", "recovery_pt"] {
        let Some(text) = texts.get(key).filter(|text| !text.is_empty()) else {
            found.push(format!("no {key}"));
            continue;
        };
        // {at} and {for} become 14:31 and at most "23 h 59 min".
        let length = text.replace("{at}", "14:31").replace("{for}", "29 min").chars().count() + 2;
        if !key.starts_with("description") && length > TITLE {
            found.push(format!("{key} has {length} letters: {text}"));
        }
        for (bad, why) in [
            ("{{", "a template that was not filled in"),
            ("  ", "two blanks"),
            ("<error", "a template that fails"),
            ("<no value>", "a label that is not there"),
            ("map[", "a dump of labels"),
            ("NaN", "no number"),
            ("Inf", "no number"),
            ("!", "an exclamation mark"),
            (" ,", "a blank before a comma"),
            (" .", "a blank before a full stop"),
        ] {
            if text.contains(bad) {
                found.push(format!("{key} has {why}: {text}"));
            }
        }
        if text.trim() != text {
            found.push(format!("{key} begins or ends with a blank: {text:?}"));
        }
        if key.starts_with("description") && !text.ends_with('.') {
            found.push(format!("{key} is no sentence: {text}"));
        }
        if let Some(word) = text.split(|letter: char| !letter.is_alphanumeric()).find(|word| is_camel(word)) {
            found.push(format!("{key} has a name that is not spoken, {word}: {text}"));
        }
        if key.ends_with("_pt") && decimal_point(text) {
            found.push(format!("{key} has a decimal point: {text}"));
        }
    }
    found
}

/// Whether a word is written as the names of alerts are; the names of programs are not.
fn is_camel(word: &str) -> bool {
    let humps = word
        .as_bytes()
        .windows(2)
        .filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    humps.count() > 0
}

/// Whether a number with a decimal point stands in the text, which an address is not.
fn decimal_point(text: &str) -> bool {
    text.split_whitespace().any(|word| {
        let number = word.trim_end_matches([',', '.', ';', ':', ')', '%', 'x']);
        number.split('.').count() == 2 && number.parse::<f64>().is_ok()
    })
}

#[test]
fn bad_texts_are_found() {
    let good = [
        ("summary", "wordpress down since 14:02: HTTP 502"),
        ("description", "The proxy answers, the application does not."),
        ("recovery", "wordpress back at {at}, was down {for}"),
        ("summary_pt", "wordpress fora do ar desde 14:02: HTTP 502"),
        ("description_pt", "O proxy responde, a aplicação não: 203.0.113.9:80, 1,5 s."),
        ("recovery_pt", "wordpress voltou às {at}, ficou {for} fora do ar"),
    ];
    let texts = |key: &str, text: &str| {
        let mut texts: BTreeMap<String, String> =
            good.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
        texts.insert(key.to_owned(), text.to_owned());
        problems(&texts)
    };
    assert_eq!(texts("summary", good[0].1), [] as [String; 0]);
    for (key, text, want) in [
        ("summary", "", "no summary"),
        ("summary", "ServiceDown: wordpress", "not spoken, ServiceDown"),
        ("summary", "a title that goes on and on and on and on and on and on and on and on", "letters"),
        ("description", "It is down", "no sentence"),
        ("description", "It is map[a:b].", "a dump of labels"),
        ("summary_pt", "blog lento: 2.1 s", "a decimal point"),
        ("summary_pt", "blog com 8.5%, normal 1%", "a decimal point"),
        ("recovery", " back", "begins or ends with a blank"),
    ] {
        let found = texts(key, text).join("\n");
        assert!(found.contains(want), "{text:?}: {found:?}");
    }
}

#[derive(Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Tests {
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    #[serde(default)]
    alert_rule_test: Vec<Moment>,
}

#[derive(Deserialize)]
struct Moment {
    alertname: String,
    exp_alerts: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    exp_annotations: BTreeMap<String, String>,
}

fn read<T: serde::de::DeserializeOwned>(path: &PathBuf) -> T {
    let text = std::fs::read_to_string(path).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
