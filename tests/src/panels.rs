//! The queries of the committed dashboards as Grafana asks them: variables filled in, and a step from the panel's width.

use std::collections::BTreeMap;

use farol_grafana::files;
use serde_json::Value;

/// A time picker of Grafana and the datasource it asks.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// What is shown, up to now, in seconds.
    pub range: f64,
    /// The scrape interval that the datasource names (`timeInterval`), in seconds.
    pub scrape: f64,
}

/// A query of a panel, a variable or an annotation.
#[derive(Clone, Debug)]
pub struct Query {
    /// The dashboard's file, below `grafana/dashboards`.
    pub dashboard: String,
    /// The panel's English title, `variable NAME` or `annotation NAME`.
    pub title: String,
    /// Its letter in the panel.
    pub letter: String,
    /// PromQL with Grafana's variables.
    pub text: String,
    /// Over time, and not at its end.
    pub over_time: bool,
    /// At how many points at most, by the panel's width.
    pub points: f64,
    /// The shortest step that the panel asks for, in seconds, where scrapes are 30 s apart.
    pub least: f64,
}

/// Queries that have no data as long as all is well, nor while a service is down: dashboard, panel, letter.
pub const RARE: &[(&str, &str, &str)] = &[
    ("farol-services", "Failed and skipped probes", "B"), // rounds that took too long
    ("farol-services", "Time in failure by reason", "A"), // failures at a full minute
    ("farol-certificates", "annotation Alerts", "A"),     // certificates that are told of
    ("farol-certificates", "Failed looks", "A"),          // looks that fail
    ("farol-certificates", "Faulty files", "A"),          // files with something wrong
    ("farol-certificates", "Hosts by state", "A"),        // an Nginx Proxy Manager, in the next four, too
    ("farol-certificates", "Refused hosts", "A"),
    ("farol-certificates", "What Nginx Proxy Manager remembers", "A"),
    ("farol-certificates", "What Nginx Proxy Manager remembers", "B"),
    ("farol-certificates", "What Nginx Proxy Manager remembers", "C"),
    ("farol-overview", "Storages", "B"), // storages that grow, over a day
    ("farol-proxmox", "annotation Alerts", "A"), // alerts of Proxmox VE, on the next two, too
    ("farol-proxmox", "Room on storages", "B"),
    ("farol-proxmox", "Storages", "B"),
    ("farol-proxmox", "In no job", "A"),    // guests that nobody saves
    ("farol-proxmox", "Failed tasks", "A"), // tasks that fail
    ("farol-proxmox", "Collectors that fail", "A"), // what cannot be asked
    ("farol-proxmox", "Missing privileges", "A"), // a token without rights
    ("farol-node", "annotation Alerts", "A"),
    ("farol-node", "Storages", "B"),
    ("farol-node", "Services that are down", "A"), // services that fail
    ("farol-node", "Network zones in trouble", "A"), // zones that are not applied
    ("farol-guest", "annotation Alerts", "A"),
    ("farol-guest", "Memory", "C"),                           // a balloon driver
    ("farol-guest", "File systems in virtual machines", "A"), // a guest agent
    ("farol-exporters", "annotation Restarts", "A"),          // exporters that were started anew
    ("farol-exporters", "Refusals", "A"),                     // requests beyond a limit
    ("farol-exporters", "Refusals", "B"),                     // requests for a module that is not there
];

/// A window of 1920 pixels, less what stands beside the 24 columns.
const WIDTH: f64 = 1880.0;

impl View {
    /// From one point to the next, in seconds: the range over the points, rounded to one of Grafana's steps, and no finer
    /// than the data or the panel's own least (quicker scrapes, a smaller least).
    #[must_use]
    pub fn step(self, points: f64, least: f64) -> f64 {
        // Grafana's own table (gtime.RoundInterval): below the first number, the second is taken.
        const STEPS: [(f64, f64); 21] = [
            (0.015, 0.01),
            (0.035, 0.02),
            (0.075, 0.05),
            (0.15, 0.1),
            (0.35, 0.2),
            (0.75, 0.5),
            (1.5, 1.0),
            (3.5, 2.0),
            (7.5, 5.0),
            (12.5, 10.0),
            (17.5, 15.0),
            (25.0, 20.0),
            (45.0, 30.0),
            (90.0, 60.0),
            (210.0, 120.0),
            (450.0, 300.0),
            (750.0, 600.0),
            (1050.0, 900.0),
            (1500.0, 1200.0),
            (2700.0, 1800.0),
            (5400.0, 3600.0),
        ];
        let exact = self.range / points;
        let rounded = STEPS.iter().find(|(below, _)| exact < *below).map_or(7200.0, |(_, step)| *step);
        rounded.max(self.scrape).max(least * self.scrape / 30.0)
    }
}

impl Query {
    /// Whether it is this one (dashboard, panel, letter), in either language.
    #[must_use]
    pub fn is(&self, (dashboard, panel, letter): &(&str, &str, &str)) -> bool {
        let own = self.dashboard.trim_end_matches("-pt");
        own == *dashboard && self.title == *panel && self.letter == *letter
    }

    /// With "All" of every variable, as the dashboards begin.
    #[must_use]
    pub fn filled(&self, view: View) -> String {
        let step = view.step(self.points, self.least);
        let seconds = |seconds: f64| format!("{}ms", (seconds * 1000.0).round());
        // The longer names first: one begins with another.
        let filled = self
            .text
            .replace("$__rate_interval", &seconds((step + view.scrape).max(4.0 * view.scrape)))
            .replace("$__interval", &seconds(step))
            .replace("$__range", &seconds(view.range));
        ["$job", "$instance", "$target", "$name", "$cluster", "$node", "$id"]
            .iter()
            .fold(filled, |text, variable| text.replace(variable, ".+"))
    }

    /// `DASHBOARD, TITLE, LETTER`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}, {}, {}", self.dashboard, self.title, self.letter)
    }
}

/// Every query of every committed dashboard, in both languages.
///
/// # Panics
/// When a dashboard cannot be read, or asks for data in a way that is not known here.
#[must_use]
pub fn queries() -> Vec<Query> {
    let all: BTreeMap<String, Value> = files::committed()
        .unwrap_or_else(|error| panic!("{error}"))
        .into_iter()
        .map(|(name, text)| (name, serde_json::from_str(&text).unwrap()))
        .collect();
    let (mut titles, mut annotations) = (BTreeMap::new(), BTreeMap::new());
    for dashboard in all.values().filter(|dashboard| !text(dashboard, "uid").ends_with("-pt")) {
        let uid = || text(dashboard, "uid").to_owned();
        for panel in list(dashboard, "panels") {
            titles.insert((uid(), panel["id"].as_u64()), text(panel, "title"));
        }
        annotations.insert(uid(), list(&dashboard["annotations"], "list"));
    }
    let mut found = Vec::new();
    for (name, dashboard) in &all {
        let english = text(dashboard, "uid").trim_end_matches("-pt").to_owned();
        let file = name.rsplit('/').next().unwrap().trim_end_matches(".json");
        let make =
            |title: String, letter: &str, text: &str, over_time: bool, (points, least): (f64, f64)| Query {
                dashboard: file.to_owned(),
                title,
                letter: letter.to_owned(),
                text: text.to_owned(),
                over_time,
                points,
                least,
            };
        for panel in list(dashboard, "panels") {
            let width = panel["gridPos"]["w"].as_f64().unwrap() / 24.0 * WIDTH;
            let points = panel["maxDataPoints"].as_f64().unwrap_or(width);
            let least = panel["interval"].as_str().map_or(0.0, minutes);
            for target in list(panel, "targets") {
                let instant = target["instant"] == true;
                assert!(instant != (target["range"] == true), "{name}: {target} is neither or both");
                let title = titles[&(english.clone(), panel["id"].as_u64())].to_owned();
                found.push(make(
                    title,
                    text(target, "refId"),
                    text(target, "expr"),
                    !instant,
                    (points, least),
                ));
            }
        }
        for (annotation, twin) in list(&dashboard["annotations"], "list").iter().zip(annotations[&english]) {
            let title = format!("annotation {}", text(twin, "name"));
            found.push(make(title, "A", text(annotation, "expr"), true, (WIDTH, 0.0)));
        }
        for variable in list(&dashboard["templating"], "list").iter().filter(|one| one["type"] == "query") {
            let asked = text(&variable["query"], "query");
            let inner = asked.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
            let (series, label) = inner
                .and_then(|inner| inner.rsplit_once(','))
                .unwrap_or_else(|| panic!("{name}: {asked} is not label_values(SERIES, LABEL)"));
            let values = format!("count by ({}) ({series})", label.trim());
            found.push(make(
                format!("variable {}", text(variable, "name")),
                "A",
                &values,
                false,
                (WIDTH, 0.0),
            ));
        }
    }
    found
}

/// Seconds of a duration like `2m`.
fn minutes(text: &str) -> f64 {
    let number = text.strip_suffix('m').and_then(|number| number.parse::<f64>().ok());
    60.0 * number.unwrap_or_else(|| panic!("interval: {text}"))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_grafanas() {
        let day = View { range: 86_400.0, scrape: 30.0 };
        assert_eq!([480.0, 940.0, 24.0].map(|points| day.step(points, 0.0)), [120.0, 120.0, 3600.0]);
        assert_eq!(View { range: 300.0, scrape: 2.0 }.step(940.0, 120.0), 8.0);
    }

    #[test]
    fn variables_are_filled_in() {
        let all = queries();
        assert!(all.len() > 100, "only {}", all.len());
        let view = View { range: 86_400.0, scrape: 30.0 };
        for query in all {
            let filled = query.filled(view);
            // $1 belongs to label_replace.
            let left = filled.replace("$1", "");
            assert!(!left.contains('$') && !left.is_empty(), "{filled}");
        }
    }
}
