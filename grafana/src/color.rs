//! Colours, thresholds and value mappings: what a value looks like, and what it is called.

use serde_json::{Value, json};

use crate::text::{Language, Text, text};

/// The five colours. Amber and red come from thresholds and states alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// Nothing is known.
    Grey,
    /// Well.
    Green,
    /// Look at it this week.
    Amber,
    /// Look at it now.
    Red,
    /// A fact that is neither good nor bad.
    Blue,
}

impl Color {
    /// Grafana's name of it, for lines and words on the panel's own ground; Grafana adapts named colours to its theme.
    #[must_use]
    pub const fn grafana(self) -> &'static str {
        match self {
            Color::Grey => GREY,
            Color::Green => "green",
            Color::Amber => "orange",
            Color::Red => "red",
            Color::Blue => "blue",
        }
    }

    /// The same as a ground below white words: darker, for at Grafana's own green and orange such words cannot be read well.
    #[must_use]
    pub const fn ground(self) -> &'static str {
        match self {
            Color::Grey => GREY,
            Color::Green => "#2f7d32",
            Color::Amber => "#b85c00",
            Color::Red => "#c4162a",
            Color::Blue => "#1f60c4",
        }
    }

    /// As words and lines, or as a ground.
    #[must_use]
    pub const fn on(self, tone: Tone) -> &'static str {
        match tone {
            Tone::Ink => self.grafana(),
            Tone::Ground => self.ground(),
        }
    }
}

/// What is not there: between black and white, and of no hue.
const GREY: &str = "#6b7280";

/// What a colour is used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Words and lines.
    #[default]
    Ink,
    /// What words stand on.
    Ground,
}

/// From which value on which colour. What lies below the first step, or is not there at all, is grey: never green.
#[derive(Clone, Debug, PartialEq)]
pub struct Steps(Vec<(f64, Color)>);

impl Steps {
    /// Steps in rising order.
    #[must_use]
    pub fn new(steps: &[(f64, Color)]) -> Self {
        Self(steps.to_vec())
    }

    /// One colour for every value.
    #[must_use]
    pub fn always(color: Color) -> Self {
        Self(vec![(LOWEST, color)])
    }

    /// None is good, and one or more has this colour.
    #[must_use]
    pub fn none_is_good(color: Color) -> Self {
        Self(vec![(0.0, Color::Green), (1.0, color)])
    }

    /// Good from nothing on, worse from these values on.
    #[must_use]
    pub fn rising(amber: Option<f64>, red: Option<f64>) -> Self {
        let mut steps = vec![(LOWEST, Color::Green)];
        steps.extend(amber.map(|value| (value, Color::Amber)));
        steps.extend(red.map(|value| (value, Color::Red)));
        Self(steps)
    }

    /// Red from the lowest value on, amber from `red` on, good from `amber` on: for what is worse the less there is.
    #[must_use]
    pub fn falling(amber: f64, red: f64) -> Self {
        Self(vec![(LOWEST, Color::Red), (red, Color::Amber), (amber, Color::Green)])
    }

    /// The model.
    #[must_use]
    pub fn json(&self, tone: Tone) -> Value {
        let base = json!({"value": null, "color": Color::Grey.on(tone)});
        let steps = self.0.iter().map(|(value, color)| json!({"value": value, "color": color.on(tone)}));
        json!({"mode": "absolute", "steps": std::iter::once(base).chain(steps).collect::<Vec<_>>()})
    }
}

/// Below every value that occurs; Grafana's own lowest step is for what is not there.
const LOWEST: f64 = -1e12;

/// A value, or a series's label, that has a name.
#[derive(Clone, Debug)]
pub struct Mapping {
    value: String,
    text: Text,
    color: Option<Color>,
}

impl Mapping {
    /// `value` is called `text` and has this colour.
    pub fn new(value: impl ToString, text: Text, color: Color) -> Self {
        Self { value: value.to_string(), text, color: Some(color) }
    }

    /// `value` is called `text`, and keeps the colour it has.
    pub fn word(value: impl ToString, text: Text) -> Self {
        Self { value: value.to_string(), text, color: None }
    }
}

/// What is said of a value that is not there.
#[must_use]
pub fn no_data() -> Text {
    text("no data", "sem dados")
}

/// The model of mappings, with the one for what is not there, which every field has.
#[must_use]
pub fn mappings(list: &[Mapping], language: Language, no_value: &Text, tone: Tone) -> Value {
    let mut all = Vec::new();
    if !list.is_empty() {
        let options: serde_json::Map<String, Value> = list
            .iter()
            .enumerate()
            .map(|(index, mapping)| {
                let mut result = json!({"index": index, "text": mapping.text.in_language(language)});
                if let Some(color) = mapping.color {
                    result["color"] = json!(color.on(tone));
                }
                (mapping.value.clone(), result)
            })
            .collect();
        all.push(json!({"type": "value", "options": options}));
    }
    all.push(json!({"type": "special", "options": {"match": "null+nan", "result": {
        "index": list.len(), "text": no_value.in_language(language), "color": Color::Grey.on(tone),
    }}}));
    Value::Array(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_grey() {
        for steps in [
            Steps::none_is_good(Color::Red),
            Steps::rising(Some(1.0), None),
            Steps::falling(0.3, 0.1),
            Steps::always(Color::Green),
        ] {
            let json = steps.json(Tone::Ink);
            assert_eq!(
                (&json["steps"][0]["value"], &json["steps"][0]["color"]),
                (&Value::Null, &json!(GREY))
            );
        }
        let json = mappings(&[], Language::Portuguese, &no_data(), Tone::Ink);
        assert_eq!(json[0]["options"]["result"]["text"], "sem dados");
    }

    #[test]
    fn falling_steps_are_red_below() {
        let steps = Steps::falling(0.33, 0.16).json(Tone::Ink);
        assert_eq!(steps["steps"][1]["color"], "red");
        assert_eq!(steps["steps"][2], json!({"value": 0.16, "color": "orange"}));
    }
}
