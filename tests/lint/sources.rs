//! The committed files, read once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use farol_grafana::files;
use farol_grafana::rules::{Rule, Rules};
use serde_json::Value;

/// Everything that is looked at.
pub(crate) struct Sources {
    /// Dashboards by their path below `grafana/dashboards`.
    pub(crate) dashboards: BTreeMap<String, Value>,
    /// Every rule.
    pub(crate) rules: Rules,
    /// The names of the files in `alerts/runbooks`.
    pub(crate) runbooks: Vec<String>,
    /// The files in `alerts/tests`.
    pub(crate) tests: BTreeMap<String, String>,
}

static SOURCES: LazyLock<Sources> = LazyLock::new(|| {
    let alerts = files::top().join("alerts");
    let dashboards = files::committed().unwrap_or_else(|error| panic!("{error}"));
    let parsed = dashboards.into_iter().map(|(name, text)| {
        let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, value)
    });
    Sources {
        dashboards: parsed.collect(),
        rules: Rules::read(&alerts.join("rules")).unwrap_or_else(|error| panic!("{error}")),
        runbooks: texts(&alerts.join("runbooks"), ".md").into_keys().collect(),
        tests: texts(&alerts.join("tests"), ".yml"),
    }
});

/// The committed files.
pub(crate) fn sources() -> &'static Sources {
    &SOURCES
}

fn texts(folder: &Path, ending: &str) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(ending))
        .map(|name| {
            let text =
                std::fs::read_to_string(folder.join(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, text)
        })
        .collect()
}

/// The panels of a dashboard, headings left out.
pub(crate) fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    let all = dashboard["panels"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter(|panel| panel["type"] != "row")
}

/// A list in JSON, empty if there is none.
pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A text in JSON, empty if there is none.
pub(crate) fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// One rule out of YAML, for bad examples.
pub(crate) fn rule(yaml: &str) -> Rule {
    let indented = yaml.trim().replace('\n', "\n    ");
    let text = format!("groups:\n- name: g\n  rules:\n  - {indented}\n");
    let rules = Rules::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    rules.iter().next().unwrap_or_else(|| panic!("no rule in {text}")).clone()
}
