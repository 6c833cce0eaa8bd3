//! Every metric that there is, and its labels: what our exporters emit, what our rules record, and the few of others that we use.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use farol::members::MEMBERS;
use farol::status::Status;
use farol_grafana::query::foreign;
use kit::{Desc, Exporter, Kind};

use crate::sources::{Sources, sources};

/// What is known of a metric.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// Its labels; `None`: any.
    pub(crate) labels: Option<BTreeSet<String>>,
    /// Whether it only grows.
    pub(crate) counter: bool,
    /// Whether each series has a job and an instance: it was scraped.
    pub(crate) scraped: bool,
}

/// Metrics by name.
pub(crate) type Catalogue = BTreeMap<String, Known>;

/// Metrics of ours that are not merged yet. Each line goes with the merge that brings its metric.
const AHEAD: &[(&str, &[&str])] = &[];

/// Metrics of others: name and labels beside job and instance.
const FOREIGN: &[(&str, &[&str])] = &[
    ("up", &[]),
    ("scrape_duration_seconds", &[]),
    ("scrape_timeout_seconds", &[]),
    ("scrape_samples_scraped", &[]),
    ("scrape_samples_post_metric_relabeling", &[]),
    ("scrape_series_added", &[]),
    ("prometheus_config_last_reload_successful", &[]),
    ("prometheus_notifications_alertmanagers_discovered", &[]),
    ("prometheus_notifications_dropped_total", &[]),
    ("prometheus_notifications_errors_total", &["alertmanager"]),
    ("prometheus_notifications_sent_total", &["alertmanager"]),
    ("prometheus_rule_evaluation_failures_total", &["rule_group"]),
    ("prometheus_rule_group_iterations_missed_total", &["rule_group"]),
    ("prometheus_tsdb_head_series", &[]),
    ("alertmanager_config_last_reload_successful", &[]),
    ("alertmanager_notifications_failed_total", &["integration", "reason"]),
    ("alertmanager_notifications_total", &["integration"]),
];

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| build(sources()));

/// All of it.
pub(crate) fn catalogue() -> &'static Catalogue {
    &CATALOGUE
}

fn build(sources: &Sources) -> Catalogue {
    let mut all = Catalogue::new();
    for desc in MEMBERS.iter().flat_map(|member| (member.catalogue)()).chain(Status::catalogue()) {
        add(&mut all, desc);
    }
    for (name, labels) in FOREIGN.iter().chain(AHEAD) {
        let known = scraped(labels.iter().copied(), name.ends_with("_total"));
        all.insert((*name).to_owned(), known);
    }
    for name in ["ALERTS", "ALERTS_FOR_STATE"] {
        all.insert(name.to_owned(), Known::default());
    }
    // A recorded series' labels are those that the dashboards were told; without that they are not known.
    for record in sources.rules.iter().filter_map(|rule| rule.record.as_deref()) {
        let described = foreign::RECORDED.iter().find(|desc| desc.name == record);
        let labels = described.map(|desc| desc.labels.iter().map(|label| (*label).to_owned()).collect());
        all.insert(record.to_owned(), Known { labels, ..Known::default() });
    }
    all
}

fn scraped<'a>(labels: impl Iterator<Item = &'a str>, counter: bool) -> Known {
    let labels = labels.chain(["job", "instance"]).map(str::to_owned).collect();
    Known { labels: Some(labels), counter, scraped: true }
}

/// A metric, with the series that a histogram has. One name can be there twice: on /metrics with the target before its labels,
/// and on /probe without.
fn add(all: &mut Catalogue, desc: &Desc) {
    let (endings, counter): (&[&str], bool) = match desc.kind {
        Kind::Histogram => (&["", "_bucket", "_sum", "_count"], true),
        Kind::Counter => (&[""], true),
        Kind::Gauge | Kind::Info | Kind::Unknown => (&[""], false),
    };
    for ending in endings {
        let bucket = (*ending == "_bucket").then_some("le");
        let mut known = scraped(desc.labels.iter().copied().chain(bucket), counter);
        if let Some(before) = all.get(&format!("{}{ending}", desc.name)) {
            known.labels = known.labels.zip(before.labels.clone()).map(|(one, other)| &one | &other);
        }
        if desc.open {
            known.labels = None;
        }
        all.insert(format!("{}{ending}", desc.name), known);
    }
}

#[test]
fn what_exporters_emit_is_known() {
    let known = &catalogue()["probe_attempt_duration_seconds_bucket"];
    assert!(
        known.counter
            && known.labels.as_ref().is_some_and(|labels| labels.contains("le") && labels.contains("target"))
    );
    let phases = &catalogue()["probe_http_duration_seconds"];
    assert!(
        phases.labels.as_ref().is_some_and(|labels| labels.contains("phase") && labels.contains("module"))
    );
    assert!(catalogue()["probe_target_info"].labels.is_none(), "its labels are the configuration's");
    assert!(catalogue().contains_key("farol_exporter_up"));
}

/// A line that outlives its merge would hide a metric that is renamed.
#[test]
fn nothing_is_ahead_that_is_there() {
    let emitted: Vec<&str> =
        MEMBERS.iter().flat_map(|member| (member.catalogue)()).map(|desc| desc.name).collect();
    for (name, _) in AHEAD {
        assert!(!emitted.contains(name), "{name} is merged: take its line out of AHEAD");
    }
}

#[test]
fn recorded_series_that_dashboards_use_are_recorded() {
    for desc in foreign::RECORDED {
        let recorded = sources().rules.iter().any(|rule| rule.record.as_deref() == Some(desc.name));
        assert!(recorded, "no rule records {}", desc.name);
    }
}
