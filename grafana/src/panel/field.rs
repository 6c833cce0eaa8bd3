//! What values are called and look like.

use serde_json::{Value, json};

use crate::color::{Color, Mapping, Steps, Tone, mappings, no_data};
use crate::link::DataLink;
use crate::text::{Language, Text};
use crate::unit::Unit;

/// What all of a panel's values look like.
#[derive(Clone, Debug)]
pub struct Field {
    pub(super) unit: Unit,
    pub(super) no_value: Text,
    steps: Option<Steps>,
    palette: bool,
    mappings: Vec<Mapping>,
    range: (Option<f64>, Option<f64>),
    links: Vec<DataLink>,
}

impl Default for Field {
    fn default() -> Self {
        Self {
            unit: Unit::Plain,
            no_value: no_data(),
            steps: None,
            palette: true,
            mappings: Vec::new(),
            range: (None, None),
            links: Vec::new(),
        }
    }
}

impl Field {
    /// Coloured by these thresholds.
    #[must_use]
    pub fn steps(mut self, steps: Steps) -> Self {
        self.steps = Some(steps);
        self.palette = false;
        self
    }

    /// With lines at these thresholds, while each series keeps a colour of its own.
    #[must_use]
    pub fn limits(mut self, steps: Steps) -> Self {
        self.steps = Some(steps);
        self
    }

    /// With names for values.
    #[must_use]
    pub fn mappings(mut self, mappings: &[Mapping]) -> Self {
        self.mappings.extend_from_slice(mappings);
        self
    }

    /// What is said when there is nothing.
    #[must_use]
    pub fn no_value(mut self, text: Text) -> Self {
        self.no_value = text;
        self
    }

    /// The least value that a scale shows.
    #[must_use]
    pub fn min(mut self, min: f64) -> Self {
        self.range.0 = Some(min);
        self
    }

    /// The greatest value that a scale shows.
    #[must_use]
    pub fn max(mut self, max: f64) -> Self {
        self.range.1 = Some(max);
        self
    }

    /// With a link from each value.
    #[must_use]
    pub fn link(mut self, link: DataLink) -> Self {
        self.links.push(link);
        self
    }

    pub(super) fn json(&self, language: Language, custom: Value, tone: Tone) -> Value {
        let steps = self.steps.clone().unwrap_or_else(|| Steps::always(Color::Blue));
        let mut field = json!({
            "unit": self.unit.grafana(),
            "decimals": self.unit.decimals(),
            "noValue": self.no_value.in_language(language),
            "mappings": mappings(&self.mappings, language, &self.no_value, tone),
            "thresholds": steps.json(tone),
            "color": {"mode": if self.palette { "palette-classic" } else { "thresholds" }},
            "custom": custom,
        });
        for (name, bound) in [("min", self.range.0), ("max", self.range.1)] {
            if let Some(bound) = bound {
                field[name] = json!(bound);
            }
        }
        if !self.links.is_empty() {
            field["links"] = self.links.iter().map(|link| link.json(language)).collect();
        }
        field
    }
}

/// What some of a panel's values look like.
#[derive(Clone, Debug)]
pub struct Override {
    matcher: Value,
    name: Option<Text>,
    properties: Vec<(&'static str, Value)>,
    mappings: Vec<Mapping>,
    links: Vec<DataLink>,
    steps: Option<Steps>,
    tone: Option<Tone>,
}

impl Override {
    fn new(matcher: Value) -> Self {
        Self {
            matcher,
            name: None,
            properties: Vec::new(),
            mappings: Vec::new(),
            links: Vec::new(),
            steps: None,
            tone: None,
        }
    }

    /// Of the query of this letter.
    #[must_use]
    pub fn query(letter: char) -> Self {
        Self::new(json!({"id": "byFrameRefID", "options": letter.to_string()}))
    }

    /// Of the column of this name.
    #[must_use]
    pub fn column(name: &str) -> Self {
        Self::new(json!({"id": "byName", "options": name}))
    }

    /// Of the series whose name matches.
    #[must_use]
    pub fn series(pattern: &str) -> Self {
        Self::new(json!({"id": "byRegexp", "options": pattern}))
    }

    /// In this unit.
    #[must_use]
    pub fn unit(self, unit: Unit) -> Self {
        self.set("unit", json!(unit.grafana())).set("decimals", json!(unit.decimals()))
    }

    /// Coloured by these thresholds.
    #[must_use]
    pub fn steps(mut self, steps: &Steps) -> Self {
        self.steps = Some(steps.clone());
        self
    }

    /// Its colours used so, whatever the panel's are used for.
    #[must_use]
    pub fn tone(mut self, tone: Tone) -> Self {
        self.tone = Some(tone);
        self
    }

    /// In one colour.
    #[must_use]
    pub fn color(self, color: Color) -> Self {
        self.set("color", json!({"mode": "fixed", "fixedColor": color.grafana()}))
    }

    /// Between these values.
    #[must_use]
    pub fn between(self, min: f64, max: f64) -> Self {
        self.set("min", json!(min)).set("max", json!(max))
    }

    /// Called so.
    #[must_use]
    pub fn called(mut self, name: Text) -> Self {
        self.name = Some(name);
        self
    }

    /// With names for values.
    #[must_use]
    pub fn mappings(mut self, mappings: &[Mapping]) -> Self {
        self.mappings.extend_from_slice(mappings);
        self
    }

    /// With a link from each value.
    #[must_use]
    pub fn link(mut self, link: DataLink) -> Self {
        self.links.push(link);
        self
    }

    /// With a property of Grafana's.
    #[must_use]
    pub fn set(mut self, id: &'static str, value: Value) -> Self {
        self.properties.push((id, value));
        self
    }

    pub(super) fn json(&self, language: Language, no_value: &Text, tone: Tone) -> Value {
        let tone = self.tone.unwrap_or(tone);
        let mut properties: Vec<Value> =
            self.properties.iter().map(|(id, value)| json!({"id": id, "value": value})).collect();
        if let Some(steps) = &self.steps {
            properties.push(json!({"id": "thresholds", "value": steps.json(tone)}));
            properties.push(json!({"id": "color", "value": {"mode": "thresholds"}}));
        }
        if let Some(name) = &self.name {
            properties.push(json!({"id": "displayName", "value": name.in_language(language)}));
        }
        if !self.mappings.is_empty() {
            properties
                .push(json!({"id": "mappings", "value": mappings(&self.mappings, language, no_value, tone)}));
        }
        if !self.links.is_empty() {
            let links: Vec<Value> = self.links.iter().map(|link| link.json(language)).collect();
            properties.push(json!({"id": "links", "value": links}));
        }
        json!({"matcher": self.matcher, "properties": properties})
    }
}
