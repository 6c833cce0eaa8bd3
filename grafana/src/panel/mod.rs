//! Panels: what they have in common, and one file for each kind.
//!
//! | file | kind |
//! |---|---|
//! | `stat`, `gauge`, `bar_gauge` | the value now |
//! | `time_series`, `heatmap` | values over time |
//! | `state_timeline`, `status_history` | states over time |
//! | `table` | a row for each thing |
//! | `text` | words |
//! | `field` | unit, decimals, colours and names of values |

mod bar_gauge;
mod field;
mod gauge;
mod heatmap;
mod parts;
mod stat;
mod state_timeline;
mod status_history;
mod table;
mod text;
mod time_series;

use serde_json::{Value, json};

pub use bar_gauge::BarGauge;
pub use field::{Field, Override};
pub use gauge::Gauge;
pub use heatmap::Heatmap;
pub use parts::{Legend, reduce};
pub use stat::Stat;
pub use state_timeline::StateTimeline;
pub use status_history::StatusHistory;
pub use table::{Cell, Column, Table};
pub use text::Words;
pub use time_series::{Draw, TimeSeries};

use crate::color::Tone;
use crate::grid::Place;
use crate::link::DataLink;
use crate::query::{DATASOURCE, Target};
use crate::text::{Language, Text};

/// A kind of panel.
pub trait Kind {
    /// Grafana's name of it.
    fn name(&self) -> &'static str;

    /// Its options.
    fn options(&self, language: Language) -> Value;

    /// Its own part of each field's configuration.
    fn custom(&self) -> Value {
        json!({})
    }

    /// What its colours are used for.
    fn tone(&self) -> Tone {
        Tone::Ink
    }

    /// What its fields are called and look like, beyond the panel's own field.
    fn overrides(&self, _language: Language) -> Vec<Override> {
        Vec::new()
    }

    /// What happens to the answers before they are drawn.
    fn transformations(&self, _language: Language) -> Vec<Value> {
        Vec::new()
    }
}

/// A panel.
pub struct Panel {
    kind: Box<dyn Kind>,
    title: Text,
    description: Text,
    targets: Vec<Target>,
    field: Field,
    overrides: Vec<Override>,
    links: Vec<DataLink>,
    points: Option<u16>,
    step: Option<&'static str>,
}

impl Panel {
    /// A panel of this kind. The title is a noun; the description says what to do when the panel shows something bad.
    #[must_use]
    pub fn new(kind: impl Kind + 'static, title: Text, description: Text) -> Self {
        Self {
            kind: Box::new(kind),
            title,
            description,
            targets: Vec::new(),
            field: Field::default(),
            overrides: Vec::new(),
            links: Vec::new(),
            points: None,
            step: None,
        }
    }

    /// With a query more. The first one's unit is the panel's; another one's is its own.
    #[must_use]
    pub fn ask(mut self, target: Target) -> Self {
        match self.targets.first() {
            None => self.field.unit = target.unit(),
            Some(first) if first.unit() != target.unit() => {
                let letter = letter(self.targets.len());
                self.overrides.push(Override::query(letter).unit(target.unit()));
            }
            Some(_) => {}
        }
        self.targets.push(target);
        self
    }

    /// With what its values look like; the unit comes from the query.
    #[must_use]
    pub fn field(mut self, change: impl FnOnce(Field) -> Field) -> Self {
        self.field = change(self.field);
        self
    }

    /// With another look of some of its values.
    #[must_use]
    pub fn look(mut self, other: Override) -> Self {
        self.overrides.push(other);
        self
    }

    /// With a link at its title.
    #[must_use]
    pub fn link(mut self, link: DataLink) -> Self {
        self.links.push(link);
        self
    }

    /// With at most so many points over the time that is shown: fewer than pixels, where each point is a state.
    #[must_use]
    pub fn points(mut self, points: u16) -> Self {
        self.points = Some(points);
        self
    }

    /// With steps of this duration at least.
    #[must_use]
    pub fn step(mut self, shortest: &'static str) -> Self {
        self.step = Some(shortest);
        self
    }

    /// What is wrong with it.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let title = self.title.in_language(Language::English);
        self.targets
            .iter()
            .flat_map(|target| target.problems().iter().map(move |problem| format!("{title}: {problem}")))
            .collect()
    }

    /// The model.
    #[must_use]
    pub fn json(&self, id: usize, place: Place, language: Language) -> Value {
        let (targets, tone) = (self.targets.iter().enumerate(), self.kind.tone());
        let overrides: Vec<Value> = self
            .overrides
            .iter()
            .chain(&self.kind.overrides(language))
            .map(|other| other.json(language, &self.field.no_value, tone))
            .collect();
        let mut panel = json!({
            "id": id,
            "type": self.kind.name(),
            "title": self.title.in_language(language),
            "description": self.description.in_language(language),
            "transparent": false,
            "gridPos": {"x": place.x, "y": place.y, "w": place.w, "h": place.h},
            "options": self.kind.options(language),
        });
        if self.targets.is_empty() {
            return panel;
        }
        panel["datasource"] = json!({"type": "prometheus", "uid": DATASOURCE});
        panel["targets"] = targets.map(|(at, target)| target.json(letter(at), language)).collect();
        panel["fieldConfig"] = json!({
            "defaults": self.field.json(language, self.kind.custom(), tone),
            "overrides": overrides,
        });
        if !self.links.is_empty() {
            panel["links"] = self.links.iter().map(|link| link.json(language)).collect();
        }
        let transformations = self.kind.transformations(language);
        if !transformations.is_empty() {
            panel["transformations"] = Value::Array(transformations);
        }
        if let Some(points) = self.points {
            panel["maxDataPoints"] = json!(points);
        }
        if let Some(step) = self.step {
            panel["interval"] = json!(step);
        }
        panel
    }
}

/// The name of a panel's query: A, B, C, …
#[must_use]
pub fn letter(at: usize) -> char {
    u8::try_from(at).ok().and_then(|at| b'A'.checked_add(at)).map_or('?', char::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Selector;
    use crate::text::same;
    use kit::Desc;

    #[test]
    fn units_come_from_the_queries() {
        const SIZE: Desc = Desc::gauge("x_bytes", "X.");
        const TOOK: Desc = Desc::gauge("x_seconds", "X.");
        let query = |desc| Target::range(Selector::of(desc).now(), same("{{job}}"));
        let panel = Panel::new(TimeSeries::new(), same("X"), same("Y.")).ask(query(&SIZE)).ask(query(&TOOK));
        let json = panel.json(1, Place { x: 0, y: 0, w: 24, h: 8 }, Language::English);
        assert_eq!(json["fieldConfig"]["defaults"]["unit"], "bytes");
        let other = &json["fieldConfig"]["overrides"][0];
        assert_eq!(other["matcher"], json!({"id": "byFrameRefID", "options": "B"}));
        assert_eq!(other["properties"][0], json!({"id": "unit", "value": "s"}));
        assert_eq!(json["targets"][1]["refId"], "B");
    }
}
