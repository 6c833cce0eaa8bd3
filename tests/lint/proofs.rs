//! The tests of the alerts: each fires in one, goes away again in one, and is silent where all is well. promtool runs them; here it is
//! seen to that none is forgotten.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::sources::sources;
use crate::{clean, refused};

/// Alerts that always fire: they cannot be silent.
const ALWAYS: [&str; 1] = ["Watchdog"];

#[derive(Deserialize)]
struct File {
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    #[serde(default)]
    alert_rule_test: Vec<Moment>,
}

#[derive(Deserialize)]
struct Moment {
    eval_time: String,
    alertname: String,
    #[serde(default)]
    exp_alerts: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    #[serde(default)]
    exp_labels: BTreeMap<String, String>,
}

/// Seconds of a Prometheus duration, `1h30m`.
fn seconds(text: &str) -> Option<u64> {
    let (mut sum, mut digits) = (0, String::new());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        let milli = letter == 'm' && letters.next_if_eq(&'s').is_some();
        let unit = match letter {
            _ if milli => 0,
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        sum += digits.parse::<u64>().ok()? * unit;
        digits.clear();
    }
    (digits.is_empty() || digits == "0").then_some(sum)
}

/// What the tests show of each alert.
#[derive(Default)]
struct Shown {
    fires: BTreeSet<(String, String)>,
    resolves: BTreeSet<(String, String)>,
    silent: BTreeSet<String>,
}

impl Shown {
    fn read(&mut self, name: &str, text: &str) -> Vec<String> {
        let file: File = match serde_saphyr::from_str(text) {
            Ok(file) => file,
            Err(error) => return vec![format!("{name} is no file of tests: {error}")],
        };
        let mut found = Vec::new();
        for test in file.tests {
            let mut moments: BTreeMap<&str, Vec<(u64, &Moment)>> = BTreeMap::new();
            for moment in &test.alert_rule_test {
                match seconds(&moment.eval_time) {
                    Some(at) => moments.entry(&moment.alertname).or_default().push((at, moment)),
                    None => found.push(format!("{name}: {:?} is no time", moment.eval_time)),
                }
            }
            for (alert, mut moments) in moments {
                moments.sort_by_key(|(at, _)| *at);
                self.take(alert, &moments);
            }
        }
        found
    }

    fn take(&mut self, alert: &str, moments: &[(u64, &Moment)]) {
        let severities = |moment: &Moment| -> BTreeSet<String> {
            let of = |one: &Expected| one.exp_labels.get("severity").cloned().unwrap_or_default();
            moment.exp_alerts.iter().map(of).collect()
        };
        let mut burning: BTreeSet<String> = BTreeSet::new();
        for (_, moment) in moments {
            let now = severities(moment);
            for gone in burning.difference(&now) {
                self.resolves.insert((alert.to_owned(), gone.clone()));
            }
            for severity in &now {
                self.fires.insert((alert.to_owned(), severity.clone()));
            }
            burning = now;
        }
        if moments.iter().all(|(_, moment)| moment.exp_alerts.is_empty()) {
            self.silent.insert(alert.to_owned());
        }
    }
}

/// `alerts` are names and severities, `tests` the files.
fn check(alerts: &BTreeSet<(String, String)>, tests: &BTreeMap<String, String>) -> Vec<String> {
    let mut shown = Shown::default();
    let mut found: Vec<String> = tests.iter().flat_map(|(name, text)| shown.read(name, text)).collect();
    for alert in alerts {
        let (name, severity) = alert;
        let said = format!("{name} ({severity})");
        if !shown.fires.contains(alert) {
            found.push(format!("{said}: no test in which it fires"));
        }
        if ALWAYS.contains(&name.as_str()) {
            continue;
        }
        if !shown.resolves.contains(alert) {
            found.push(format!("{said}: no test in which it fires and goes away"));
        }
        if !shown.silent.contains(name) {
            found.push(format!("{said}: no test in which it stays silent throughout"));
        }
    }
    found
}

#[test]
fn each_alert_is_proved() {
    let alerts =
        sources().rules.alerts().map(|(name, rule)| (name.to_owned(), rule.severity().to_owned())).collect();
    clean(check(&alerts, &sources().tests));
}

#[test]
fn times() {
    for (text, want) in [
        ("90s", Some(90)),
        ("1h30m", Some(5400)),
        ("0", Some(0)),
        ("500ms", Some(0)),
        ("2x", None),
        ("5", None),
    ] {
        assert_eq!(seconds(text), want, "{text}");
    }
}

#[test]
fn bad_examples() {
    let alerts = BTreeSet::from([("A".to_owned(), "warning".to_owned())]);
    let firing = "{eval_time: 5m, alertname: A, exp_alerts: [{exp_labels: {severity: warning}}]}";
    let quiet = |at: &str| format!("{{eval_time: {at}, alertname: A, exp_alerts: []}}");
    let found = |tests: &[&[String]]| {
        let blocks = tests.iter().map(|moments| format!("- alert_rule_test: [{}]\n", moments.join(", ")));
        let text = format!("tests:\n{}", blocks.collect::<String>());
        check(&alerts, &BTreeMap::from([("t.yml".to_owned(), text)]))
    };
    refused(&found(&[&[quiet("1m")]]), "no test in which it fires");
    refused(&found(&[&[firing.to_owned()], &[quiet("1m")]]), "fires and goes away");
    refused(&found(&[&[quiet("1m"), firing.to_owned()], &[quiet("1m")]]), "fires and goes away");
    refused(&found(&[&[firing.to_owned(), quiet("9m")]]), "stays silent throughout");
    assert_eq!(found(&[&[firing.to_owned(), quiet("9m")], &[quiet("1h")]]), [] as [String; 0]);
    refused(
        &check(&alerts, &BTreeMap::from([("t.yml".to_owned(), "tests: 5".to_owned())])),
        "no file of tests",
    );
}
