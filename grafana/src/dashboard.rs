//! A dashboard: its panels in bands, its variables, links and annotations; and its JSON, the classic model that file
//! provisioning takes in Grafana 10 to 13.

use serde_json::{Value, json};

use crate::annotation::Annotation;
use crate::grid::{self, Place};
use crate::link;
use crate::panel::Panel;
use crate::text::{Language, Text};
use crate::variable::Variable;

/// The version of the classic model: read by every Grafana since 10.2, and migrated on load by later ones.
const SCHEMA: u16 = 39;

/// Panels side by side.
pub struct Band {
    title: Option<Text>,
    height: u16,
    panels: Vec<(u16, Panel)>,
}

impl Band {
    /// A band of this height, in rows.
    #[must_use]
    pub fn new(height: u16) -> Self {
        Self { title: None, height, panels: Vec::new() }
    }

    /// With a heading, below which it and the bands after it can be folded away.
    #[must_use]
    pub fn titled(mut self, title: Text) -> Self {
        self.title = Some(title);
        self
    }

    /// With a panel to the right of those before, whose width is by weight.
    #[must_use]
    pub fn panel(mut self, weight: u16, panel: Panel) -> Self {
        self.panels.push((weight, panel));
        self
    }
}

/// A dashboard.
pub struct Dashboard {
    /// Its uid, which is its file's name, too; the language's suffix is added.
    pub uid: &'static str,
    /// Its title.
    pub title: Text,
    /// Which question it answers.
    pub description: Text,
    /// What can be chosen at its top, in order.
    pub variables: Vec<Variable>,
    /// Lines over its time series.
    pub annotations: Vec<Annotation>,
    /// Its panels, from top to bottom.
    pub bands: Vec<Band>,
    /// What it shows at first: `now-24h`.
    pub from: &'static str,
}

impl Dashboard {
    /// What is wrong with its queries.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let panels = self.bands.iter().flat_map(|band| &band.panels).flat_map(|(_, panel)| panel.problems());
        let variables = self.variables.iter().flat_map(Variable::problems);
        let annotations = self.annotations.iter().flat_map(|annotation| annotation.expr.problems().to_vec());
        panels.chain(variables).chain(annotations).map(|problem| format!("{}: {problem}", self.uid)).collect()
    }

    /// The uid in `language`.
    #[must_use]
    pub fn uid(&self, language: Language) -> String {
        format!("{}{}", self.uid, language.suffix())
    }

    /// Where the file lies, below the folder of dashboards.
    #[must_use]
    pub fn file(&self, language: Language) -> String {
        format!("{}/{}.json", language.folder(), self.uid(language))
    }

    /// The model in `language`.
    #[must_use]
    pub fn json(&self, language: Language) -> Value {
        json!({
            "id": null,
            "uid": self.uid(language),
            "title": self.title.in_language(language),
            "description": self.description.in_language(language),
            "tags": ["farol", language.tag()],
            "schemaVersion": SCHEMA,
            "version": 1,
            "editable": false,
            "graphTooltip": 1,
            "fiscalYearStartMonth": 0,
            "liveNow": false,
            "timezone": "browser",
            "weekStart": "",
            "refresh": "30s",
            "time": {"from": self.from, "to": "now"},
            "timepicker": {"refresh_intervals": ["10s", "30s", "1m", "5m", "15m", "1h"]},
            "templating": {"list": self.variables.iter().map(|variable| variable.json(language)).collect::<Vec<_>>()},
            "annotations": {"list": self.annotations.iter().map(|one| one.json(language)).collect::<Vec<_>>()},
            "links": link::menu(self.uid, language),
            "panels": self.panels(language),
        })
    }

    fn panels(&self, language: Language) -> Vec<Value> {
        let (mut y, mut panels) = (0, Vec::new());
        for band in &self.bands {
            if let Some(title) = &band.title {
                panels.push(heading(panels.len() + 1, y, title.in_language(language)));
                y += 1;
            }
            let weights: Vec<u16> = band.panels.iter().map(|(weight, _)| *weight).collect();
            for ((_, panel), place) in band.panels.iter().zip(grid::band(y, band.height, &weights)) {
                panels.push(panel.json(panels.len() + 1, place, language));
            }
            y += band.height;
        }
        panels
    }
}

fn heading(id: usize, y: u16, title: &str) -> Value {
    let place = Place { x: 0, y, w: grid::COLUMNS, h: 1 };
    json!({
        "id": id, "type": "row", "title": title, "collapsed": false, "panels": [],
        "gridPos": {"x": place.x, "y": place.y, "w": place.w, "h": place.h},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Words;
    use crate::text::{same, text};

    fn panel() -> Panel {
        Panel::new(Words(same("x")), same("X"), same("Y."))
    }

    #[test]
    fn bands_lie_below_one_another() {
        let dashboard = Dashboard {
            uid: "farol-x",
            title: text("X", "Xis"),
            description: same("X."),
            variables: Vec::new(),
            annotations: Vec::new(),
            bands: vec![
                Band::new(4).panel(1, panel()).panel(1, panel()),
                Band::new(7).titled(same("More")).panel(1, panel()),
            ],
            from: "now-6h",
        };
        let json = dashboard.json(Language::Portuguese);
        let places: Vec<[u64; 4]> = json["panels"]
            .as_array()
            .unwrap()
            .iter()
            .map(|panel| ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap()))
            .collect();
        assert_eq!(places, [[0, 0, 12, 4], [12, 0, 12, 4], [0, 4, 24, 1], [0, 5, 24, 7]]);
        assert_eq!((&json["uid"], &json["title"]), (&json!("farol-x-pt"), &json!("Xis")));
        assert_eq!(dashboard.file(Language::Portuguese), "farol (pt-BR)/farol-x-pt.json");
    }
}
