//! How an alert must be made: what it says, where it leads, and that it is patient.

use std::collections::BTreeSet;

use farol_grafana::rules::{Rule, Rules};
use regex::Regex;
use serde_json::Value;

use crate::sources::{list, rule, sources, word};
use crate::{clean, refused};

const SEVERITIES: [&str; 3] = ["critical", "warning", "info"];
const ANNOTATIONS: [&str; 6] =
    ["summary", "description", "summary_pt", "description_pt", "runbook_url", "dashboard_url"];
/// The label by which a dashboard is about the same thing as the alert.
const THINGS: [&str; 5] = ["target", "link", "node", "id", "repository"];

fn check(rule: &Rule, dashboards: &[&Value]) -> Vec<String> {
    let Some(name) = &rule.alert else { return recorded(rule) };
    let mut found = Vec::new();
    let mut want = |good: bool, text: String| {
        if !good {
            found.push(format!("{name}: {text}"));
        }
    };
    want(SEVERITIES.contains(&rule.severity()), "severity is none of critical, warning, info".to_owned());
    for key in ANNOTATIONS {
        let said = rule.annotations.get(key).is_some_and(|text| !text.trim().is_empty());
        want(said, format!("no annotation {key}"));
    }
    for (label, value) in &rule.labels {
        let moving = value.contains("$value") || value.contains("query ");
        want(!moving, format!("label {label} holds a value: each change of it is another alert"));
    }
    for (key, text) in &rule.annotations {
        want(text.matches("{{").count() == text.matches("}}").count(), format!("{key} has an open {{{{"));
    }
    let patient = rule.hold.is_some() || rule.keep_firing_for.is_some() || rule.severity() == "info";
    want(patient, "neither `for` nor `keep_firing_for`: it would come and go with each sample".to_owned());
    if let Err(error) = Rules::single(rule.clone()).threshold(name, rule.severity()) {
        want(false, format!("the expression does not end in a comparison with a number ({error})"));
    }
    let link = rule.annotations.get("dashboard_url").map_or("", String::as_str);
    found.extend(leads(link, rule, dashboards).into_iter().map(|problem| format!("{name}: {problem}")));
    found
}

fn recorded(rule: &Rule) -> Vec<String> {
    let name = rule.record.clone().unwrap_or_default();
    let good = Regex::new("^[a-z_]+:[a-z_]+:[a-z0-9_]+$").is_ok_and(|form| form.is_match(&name));
    if good {
        Vec::new()
    } else {
        vec![format!("{name}: a recorded series is called level:metric:operation")]
    }
}

/// That the link leads to a dashboard of ours, and to the thing that the alert is about.
fn leads(link: &str, rule: &Rule, dashboards: &[&Value]) -> Vec<String> {
    let mut found = Vec::new();
    let path = link.strip_prefix("/d/").unwrap_or_default();
    let (uid, variables) = path.split_once('?').unwrap_or((path, ""));
    let Some(dashboard) =
        dashboards.iter().find(|dashboard| word(dashboard, "uid") == uid.trim_end_matches('/'))
    else {
        return vec![format!("dashboard_url {link:?} leads to no dashboard")];
    };
    let known: BTreeSet<&str> =
        list(&dashboard["templating"], "list").iter().map(|variable| word(variable, "name")).collect();
    let mut set = BTreeSet::new();
    for part in variables.split('&').filter(|part| !part.is_empty()) {
        let Some((name, value)) = part.strip_prefix("var-").and_then(|part| part.split_once('=')) else {
            found.push(format!("dashboard_url: {part:?} sets no variable"));
            continue;
        };
        if !known.contains(name) {
            found.push(format!("dashboard_url sets {name}, which {uid} does not have"));
        }
        if !value.contains(&format!("$labels.{name}")) {
            found.push(format!("dashboard_url sets {name} to something else than the alert's label"));
        }
        set.insert(name);
    }
    let summary = rule.annotations.get("summary").map_or("", String::as_str);
    for label in THINGS.iter().filter(|label| summary.contains(&format!("$labels.{label}"))) {
        if known.contains(label) && !set.contains(label) {
            found.push(format!("dashboard_url does not lead to the {label} that the alert is about"));
        }
    }
    found
}

#[test]
fn alerts_are_made_well() {
    let dashboards: Vec<&Value> = sources().dashboards.values().collect();
    clean(sources().rules.iter().flat_map(|rule| check(rule, &dashboards)).collect());
}

#[test]
fn an_alert_that_always_fires_shows_that_rules_are_evaluated() {
    let (_, watchdog) =
        sources().rules.alerts().find(|(name, _)| *name == "Watchdog").expect("no alert Watchdog");
    assert_eq!(watchdog.severity(), "info");
}

/// A recorded series that nobody reads is evaluated for nothing.
#[test]
fn what_is_recorded_is_read() {
    let mut texts: Vec<String> = sources().dashboards.values().map(ToString::to_string).collect();
    for rule in sources().rules.iter() {
        texts.push(rule.expr.clone());
        texts.extend(rule.annotations.values().cloned());
    }
    let unread = sources()
        .rules
        .iter()
        .filter_map(|rule| rule.record.as_ref())
        .filter(|name| !texts.iter().any(|text| text.contains(*name)));
    clean(unread.map(|name| format!("{name} is recorded and never read")).collect());
}

#[test]
fn no_alert_is_there_twice() {
    let mut seen = BTreeSet::new();
    let twice =
        sources().rules.alerts().filter(|(_, rule)| !seen.insert((rule.severity(), rule.expr.as_str())));
    clean(twice.map(|(name, _)| format!("{name} is there twice, word by word")).collect());
}

#[test]
fn bad_examples() {
    let good = "alert: A\nexpr: up == 0\nfor: 2m\nlabels: {severity: warning}\nannotations:\n  summary: '{{ $labels.target }} down'\n  description: d\n  summary_pt: s\n  description_pt: d\n  runbook_url: alerts/runbooks/A.md\n  dashboard_url: '/d/x?var-target={{ $labels.target | urlquery }}'";
    let dashboard = serde_json::json!({"uid": "x", "templating": {"list": [{"name": "target"}]}});
    let found = |yaml: &str| check(&rule(yaml), &[&dashboard]);
    assert_eq!(found(good), [] as [String; 0]);
    for (from, to, want) in [
        ("warning", "page", "severity is none"),
        ("  summary_pt: s\n", "", "no annotation summary_pt"),
        ("{severity: warning}", "{severity: warning, x: '{{ $value }}'}", "label x holds a value"),
        ("for: 2m\n", "", "neither `for` nor"),
        ("up == 0", "up", "comparison with a number"),
        ("/d/x", "/d/y", "leads to no dashboard"),
        ("var-target", "var-tarjet", "which x does not have"),
        ("?var-target={{ $labels.target | urlquery }}", "", "the target that the alert is about"),
        ("{{ $labels.target | urlquery }}", "abc", "something else than the alert's label"),
        (" down'", " down {{ '", "has an open"),
    ] {
        assert!(good.contains(from), "{from}");
        refused(&found(&good.replacen(from, to, 1)), want);
    }
    refused(&check(&rule("record: probe_bad\nexpr: up"), &[]), "level:metric:operation");
}
