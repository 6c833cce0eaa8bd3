//! How a dashboard must be made: the seventeen rules of Grafana's dashboard-linter, and our own.

use serde_json::{Value, json};

use crate::sources::{list, panels, sources, word};
use crate::{clean, refused};

/// The kinds of panels that we use; older ones are deprecated, others read worse.
const KINDS: [&str; 9] = [
    "stat",
    "timeseries",
    "table",
    "bargauge",
    "gauge",
    "heatmap",
    "state-timeline",
    "status-history",
    "text",
];

fn check(file: &str, dashboard: &Value) -> Vec<String> {
    let mut found = model(file, dashboard);
    found.extend(variables(dashboard));
    found.extend(panels(dashboard).flat_map(panel));
    let mut ids: Vec<&Value> = list(dashboard, "panels").iter().map(|panel| &panel["id"]).collect();
    let all = ids.len();
    ids.sort_by_key(|id| id.as_u64());
    ids.dedup();
    if ids.len() != all {
        found.push("two panels have one id".to_owned());
    }
    found.into_iter().map(|problem| format!("{file}: {problem}")).collect()
}

/// The dashboard's own fields.
fn model(file: &str, dashboard: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut want = |good: bool, text: &str| {
        if !good {
            found.push(text.to_owned());
        }
    };
    let uid = word(dashboard, "uid");
    want(file.ends_with(&format!("/{uid}.json")) && uid.len() <= 40, "the uid is not the file's name");
    want(dashboard["id"].is_null(), "id is not null");
    want(dashboard["editable"] == false, "editable is not false");
    want(dashboard["schemaVersion"] == 39, "schemaVersion is not 39");
    want(dashboard["graphTooltip"] == 1, "the crosshair is not shared (graphTooltip 1)");
    want(dashboard["refresh"] == "30s", "refresh is not 30s");
    want(!word(dashboard, "title").is_empty(), "no title");
    want(!word(dashboard, "description").is_empty(), "no description");
    want(list(dashboard, "tags").contains(&json!("farol")), "no tag farol");
    let text = dashboard.to_string();
    want(
        dashboard.get("__inputs").is_none() && !text.contains("${DS_"),
        "it must be imported by hand (__inputs, ${DS_…})",
    );
    let menu = |link: &&Value| {
        link["type"] == "dashboards"
            && link["asDropdown"] == true
            && link["keepTime"] == true
            && link["includeVars"] == true
    };
    want(
        list(dashboard, "links").iter().any(|link| menu(&link)),
        "no list of the other dashboards that keeps time and variables",
    );
    let firing = |one: &Value| word(one, "expr").contains("ALERTS{alertstate=\"firing\"");
    want(list(&dashboard["annotations"], "list").iter().any(firing), "no annotations of firing alerts");
    let sources = list(&dashboard["annotations"], "list").iter().map(|one| &one["datasource"]["uid"]);
    want(sources.into_iter().all(|uid| uid == "${datasource}"), "an annotation does not use ${datasource}");
    found
}

/// Variables: template-datasource, -job, -instance, -label-promql and -on-time-change-reload of the linter.
fn variables(dashboard: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let all = list(&dashboard["templating"], "list");
    let named = |name: &str| all.iter().find(|variable| word(variable, "name") == name);
    match named("datasource") {
        Some(variable) if variable["type"] == "datasource" && variable["query"] == "prometheus" => {}
        _ => found.push("no variable datasource of Prometheus".to_owned()),
    }
    for (name, labels) in [("job", ["Job", "Job"]), ("instance", ["Instance", "Instância"])] {
        match named(name) {
            None => found.push(format!("no variable {name}")),
            Some(variable) if !labels.contains(&word(variable, "label")) => {
                found.push(format!("the variable {name} has another label than {}", labels[0]));
            }
            Some(_) => {}
        }
    }
    for variable in all.iter().filter(|variable| variable["type"] == "query") {
        let name = word(variable, "name");
        for (key, want) in [
            ("multi", json!(true)),
            ("includeAll", json!(true)),
            ("allValue", json!(".+")),
            ("refresh", json!(2)),
            ("datasource", json!({"type": "prometheus", "uid": "${datasource}"})),
        ] {
            if variable[key] != want {
                found.push(format!("variable {name}: {key} is not {want}"));
            }
        }
        if !word(variable, "definition").starts_with("label_values(") {
            found.push(format!("variable {name} asks for no label's values"));
        }
    }
    found
}

fn panel(panel: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut want = |good: bool, text: &str| {
        if !good {
            found.push(format!("{}: {text}", word(panel, "title")));
        }
    };
    want(!word(panel, "title").is_empty(), "no title");
    want(word(panel, "description").len() > 20, "no description that says what to do");
    want(KINDS.contains(&word(panel, "type")), "another kind of panel than we use");
    if panel["type"] != "text" {
        want(!list(panel, "targets").is_empty(), "it asks nothing");
        want(panel["datasource"]["uid"] == "${datasource}", "it does not use ${datasource}");
        let asks =
            |target: &Value| target["datasource"] == json!({"type": "prometheus", "uid": "${datasource}"});
        want(list(panel, "targets").iter().all(asks), "a query does not use ${datasource}");
        let field = &panel["fieldConfig"]["defaults"];
        want(!word(field, "unit").is_empty(), "no unit");
        want(field["decimals"].is_u64(), "no fixed decimals");
        want(!word(field, "noValue").is_empty(), "it does not say what is said without data");
        want(grey(field), "what is not there is not grey");
        let overrides =
            list(&panel["fieldConfig"], "overrides").iter().flat_map(|one| list(one, "properties"));
        let steps = overrides.filter(|one| one["id"] == "thresholds").map(|one| &one["value"]);
        want(steps.into_iter().all(base_is_grey), "what is not there is not grey in an override");
        let letters: Vec<&str> = list(panel, "targets").iter().map(|target| word(target, "refId")).collect();
        let mut single = letters.clone();
        single.dedup();
        want(single.len() == letters.len(), "two queries have one name");
    }
    found
}

/// No data is grey: by a mapping for null, and by the lowest threshold.
fn grey(field: &Value) -> bool {
    let null = list(field, "mappings").iter().any(|mapping| mapping["options"]["match"] == "null+nan");
    null && base_is_grey(&field["thresholds"])
}

fn base_is_grey(thresholds: &Value) -> bool {
    let base = &list(thresholds, "steps").first().cloned().unwrap_or_default();
    base["value"].is_null() && base["color"] == "#6b7280"
}

#[test]
fn dashboards_are_made_well() {
    clean(sources().dashboards.iter().flat_map(|(file, dashboard)| check(file, dashboard)).collect());
}

#[test]
fn every_dashboard_has_another_uid() {
    let mut uids: Vec<&str> = sources().dashboards.values().map(|dashboard| word(dashboard, "uid")).collect();
    let all = uids.len();
    uids.sort_unstable();
    uids.dedup();
    assert_eq!((uids.len(), all > 0), (all, true));
}

#[cfg(test)]
mod bad_examples {
    use super::*;

    /// A good dashboard of ours, with one thing changed.
    fn spoilt(change: impl Fn(&mut Value)) -> Vec<String> {
        let (file, good) = sources().dashboards.iter().next().unwrap();
        let mut bad = good.clone();
        change(&mut bad);
        assert_ne!(&bad, good, "the example changes nothing");
        check(file, &bad)
    }

    #[test]
    fn of_the_model() {
        for (key, value, want) in [
            ("uid", json!("other"), "the uid is not the file's name"),
            ("id", json!(7), "id is not null"),
            ("editable", json!(true), "editable"),
            ("schemaVersion", json!(41), "schemaVersion"),
            ("graphTooltip", json!(0), "crosshair"),
            ("refresh", json!(""), "refresh"),
            ("title", json!(""), "no title"),
            ("description", json!(""), "no description"),
            ("tags", json!([]), "no tag"),
            ("__inputs", json!([]), "imported by hand"),
            ("links", json!([]), "no list of the other dashboards"),
            ("annotations", json!({"list": []}), "no annotations"),
        ] {
            refused(&spoilt(|dashboard| dashboard[key] = value.clone()), want);
        }
    }

    #[test]
    fn of_variables() {
        for (at, key, value, want) in [
            (0, "type", json!("query"), "no variable datasource"),
            (1, "name", json!("jobs"), "no variable job"),
            (2, "label", json!("instance"), "another label"),
            (1, "multi", json!(false), "multi"),
            (1, "allValue", json!(".*"), "allValue"),
            (2, "refresh", json!(1), "refresh"),
            (2, "datasource", json!({"uid": "abc"}), "datasource"),
            (1, "definition", json!("up"), "no label's values"),
        ] {
            refused(&spoilt(|dashboard| dashboard["templating"]["list"][at][key] = value.clone()), want);
        }
    }

    #[test]
    fn of_panels() {
        for (path, value, want) in [
            ("/title", json!(""), "no title"),
            ("/description", json!("Memory."), "no description"),
            ("/type", json!("graph"), "another kind"),
            ("/targets", json!([]), "asks nothing"),
            ("/datasource/uid", json!("abc"), "does not use ${datasource}"),
            ("/targets/0/datasource/uid", json!("abc"), "a query does not use"),
            ("/fieldConfig/defaults/unit", json!(""), "no unit"),
            ("/fieldConfig/defaults/decimals", json!(null), "decimals"),
            ("/fieldConfig/defaults/noValue", json!(""), "without data"),
            ("/fieldConfig/defaults/mappings", json!([]), "not grey"),
            ("/fieldConfig/defaults/thresholds/steps/0/color", json!("green"), "not grey"),
            ("/id", json!(2), "two panels have one id"),
        ] {
            refused(
                &spoilt(|dashboard| *dashboard["panels"][0].pointer_mut(path).unwrap() = value.clone()),
                want,
            );
        }
    }
}
