//! What queries may name, and how they must be built: in rules, in the texts of alerts, and in panels.

use std::sync::LazyLock;

use farol_grafana::rules::Rule;
use regex::Regex;
use serde_json::Value;

use crate::catalogue::{Catalogue, catalogue};
use crate::promql::{Query, query};
use crate::sources::{list, panels, sources, word};
use crate::{clean, refused};

/// Functions that a counter may stand in: they know that it starts again at zero.
const GROWTH: [&str; 8] =
    ["rate", "irate", "increase", "resets", "absent", "absent_over_time", "count", "last_over_time"];

/// Rules in which a counter stands bare, and why that is right.
const BARE: &[(&str, &str)] = &[
    ("probe:unwell:intervals", "a target that was never well has failed since the start of its counters"),
    ("probe:duration_seconds:mean1h", "now less an hour ago; a start in between leaves no value"),
];

/// Labels that no metric of the catalogue has, but every series can: Prometheus's external labels, and the configuration's.
const ANY: [&str; 3] = ["site", "team", "severity"];

/// Names and labels that there are, and counters that grow.
fn names(query: &Query, catalogue: &Catalogue, bare: bool) -> Vec<String> {
    let mut found = Vec::new();
    for used in &query.uses {
        let Some(known) = catalogue.get(&used.metric) else {
            found.push(format!("{} is no metric of the catalogue", used.metric));
            continue;
        };
        for (label, ..) in used.matchers.iter().filter(|(label, ..)| label != "__name__") {
            if known
                .labels
                .as_ref()
                .is_some_and(|labels| !labels.contains(label) && !ANY.contains(&label.as_str()))
            {
                found.push(format!("{} has no label {label}", used.metric));
            }
        }
        let grows = used.functions.iter().any(|function| GROWTH.contains(&function.as_str()));
        if known.counter && !grows && !bare {
            found.push(format!("{} is a counter: take its rate or increase", used.metric));
        }
    }
    let all =
        query.uses.iter().map(|used| catalogue.get(&used.metric).and_then(|known| known.labels.as_ref()));
    let closed: Option<Vec<_>> = all.collect();
    for label in &query.labels {
        let there =
            query.made.contains(label) || ["alertname", "alertstate", "severity"].contains(&label.as_str());
        let somewhere = closed.as_ref().is_none_or(|all| all.iter().any(|labels| labels.contains(label)));
        if !there && !somewhere {
            found.push(format!("no metric of the query has the label {label}"));
        }
    }
    found.extend(
        query.unguarded.iter().map(|by| format!("division by {by}, which may be 0: write ({by} > 0)")),
    );
    found
}

fn of_rule(rule: &Rule, catalogue: &Catalogue) -> Vec<String> {
    let name = rule.alert.as_ref().or(rule.record.as_ref()).cloned().unwrap_or_default();
    let bare = BARE.iter().any(|(known, _)| *known == name);
    let mut found = match query(&rule.expr) {
        Ok(query) => {
            let mut found = names(&query, catalogue, bare);
            if query.calls.iter().any(|call| call == "topk" || call == "bottomk") && rule.alert.is_some() {
                found.push(
                    "topk in an alert: which series it chooses changes, and the alert with it".to_owned(),
                );
            }
            if query.calls.iter().any(|call| call == "absent") && rule.hold.is_none() {
                found.push("absent() without `for`: a single lost scrape would fire".to_owned());
            }
            found
        }
        Err(error) => vec![error],
    };
    for text in rule.annotations.values() {
        for inner in inner_queries(text) {
            match query(&inner) {
                Ok(query) => found.extend(names(&query, catalogue, true)),
                Err(error) => found.push(error),
            }
        }
    }
    found.into_iter().map(|problem| format!("{name}: {problem}")).collect()
}

static INNER: LazyLock<Regex> = LazyLock::new(|| pattern(r#"query (?:\(printf )?"((?:[^"\\]|\\.)*)""#));
static FIXED: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(?:rate|irate|increase)\([^()]*\[[0-9]"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap_or_else(|error| panic!("{error}"))
}

/// The queries in an annotation's template, with something in place of what is formatted in.
fn inner_queries(template: &str) -> Vec<String> {
    let texts =
        INNER.captures_iter(template).map(|found| found[1].replace("\\\"", "\"").replace("\\\\", "\\"));
    let formats =
        [("[%s]", "[5m]"), ("rate%s", "rate5m"), ("%s", "{job=\"x\"}"), ("%f", "1"), ("%q", "\"x\"")];
    texts.map(|text| formats.iter().fold(text, |text, (format, value)| text.replace(format, value))).collect()
}

/// A panel's queries: what holds for rules, and the dashboard's variables in each selector.
fn of_panel(panel: &Value, catalogue: &Catalogue) -> Vec<String> {
    let mut found = Vec::new();
    for target in list(panel, "targets") {
        let text = word(target, "expr");
        match query(text) {
            Ok(query) => {
                found.extend(names(&query, catalogue, false));
                found.extend(scoped(&query, catalogue));
            }
            Err(error) => found.push(error),
        }
        if FIXED.is_match(text) {
            found.push(format!(
                "a rate over a fixed window, where $__rate_interval or $__range belongs: {text}"
            ));
        }
    }
    found.into_iter().map(|problem| format!("{}: {problem}", word(panel, "title"))).collect()
}

/// The variables job and instance in each selector of a metric that has them.
fn scoped(query: &Query, catalogue: &Catalogue) -> Vec<String> {
    let mut found = Vec::new();
    for used in query.uses.iter().filter(|used| !used.metric.starts_with("ALERTS")) {
        let Some(known) = catalogue.get(&used.metric) else { continue };
        for label in ["job", "instance"] {
            let has = known.scraped || known.labels.as_ref().is_some_and(|labels| labels.contains(label));
            let wanted = (label.to_owned(), "=~".to_owned(), format!("${label}"));
            if has && !used.matchers.contains(&wanted) {
                found.push(format!("{} is not narrowed by {label}=~\"${label}\"", used.metric));
            }
        }
    }
    found
}

#[test]
fn rules_name_what_there_is() {
    clean(sources().rules.iter().flat_map(|rule| of_rule(rule, catalogue())).collect());
}

#[test]
fn panels_name_what_there_is() {
    let all = sources().dashboards.iter().flat_map(|(name, dashboard)| {
        panels(dashboard)
            .flat_map(|panel| of_panel(panel, catalogue()))
            .chain(others(dashboard))
            .map(move |problem| format!("{name}: {problem}"))
    });
    clean(all.collect());
}

/// The queries of annotations and variables.
fn others(dashboard: &Value) -> Vec<String> {
    let annotations = list(&dashboard["annotations"], "list").iter().map(|one| word(one, "expr").to_owned());
    let variables = list(&dashboard["templating"], "list").iter().filter_map(|variable| {
        let inner = word(variable, "definition").strip_prefix("label_values(")?;
        Some(inner.rsplit_once(',')?.0.to_owned())
    });
    let checked = annotations.chain(variables).map(|text| match query(&text) {
        // A variable asks for labels, not for values.
        Ok(query) => names(&query, catalogue(), true),
        Err(error) => vec![error],
    });
    checked.flatten().collect()
}

#[cfg(test)]
mod bad_examples {
    use super::*;
    use crate::sources::rule;
    use serde_json::json;

    fn alert(expr: &str) -> Vec<String> {
        of_rule(&rule(&format!("alert: A\nexpr: {expr:?}")), catalogue())
    }

    #[test]
    fn in_rules() {
        for (expr, want) in [
            ("probe_sucess == 0", "probe_sucess is no metric"),
            ("probe_success{tarjet=\"x\"} == 0", "has no label tarjet"),
            ("sum by (tarjet) (probe_success) == 0", "has the label tarjet"),
            ("probe_failures_total > 5", "is a counter"),
            ("rate(probe_failures_total[5m]) / rate(probe_attempts_total[5m]) > 1", "which may be 0"),
            ("topk(3, probe_duration_seconds) > 1", "topk in an alert"),
            ("absent(up) > 0", "without `for`"),
            ("probe_success ==", "does not parse"),
        ] {
            refused(&alert(expr), want);
        }
        assert_eq!(alert("probe_success == 0"), [] as [String; 0]);
    }

    #[test]
    fn in_the_texts_of_alerts() {
        let yaml = "alert: A\nexpr: probe_success == 0\nannotations:\n  summary: '{{ with query (printf \"probe_sucess%s\" $of) }}x{{ end }}'";
        refused(&of_rule(&rule(yaml), catalogue()), "probe_sucess is no metric");
    }

    #[test]
    fn in_panels() {
        let panel = |expr: &str| of_panel(&json!({"title": "P", "targets": [{"expr": expr}]}), catalogue());
        let scope = r#"job=~"$job",instance=~"$instance""#;
        for (expr, want) in [
            (format!("probe_sucess{{{scope}}}"), "no metric"),
            ("probe_success{job=~\"$job\"}".to_owned(), "not narrowed by instance"),
            (format!("rate(probe_failures_total{{{scope}}}[5m])"), "fixed window"),
            (format!("probe_failures_total{{{scope}}}"), "is a counter"),
            ("probe:uptime_ratio:24h".to_owned(), "not narrowed by job"),
        ] {
            refused(&panel(&expr), want);
        }
        assert_eq!(
            panel(&format!("rate(probe_failures_total{{{scope}}}[$__rate_interval])")),
            [] as [String; 0]
        );
    }
}
