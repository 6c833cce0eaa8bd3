//! Annotations: what happened, as lines over every time series.

use serde_json::{Value, json};

use crate::color::Color;
use crate::query::{DATASOURCE, Expr};
use crate::text::{Language, Text};

/// Moments at which a query has a value.
#[derive(Clone, Debug)]
pub struct Annotation {
    /// Its name, at the switch on the dashboard.
    pub name: Text,
    /// Where it has a value, there is a line.
    pub expr: Expr,
    /// The line's colour.
    pub color: Color,
    /// What the line is called; may name labels as `{{label}}`.
    pub title: Text,
    /// What is said below it.
    pub body: Text,
    /// Whether it is shown without being asked for.
    pub on: bool,
}

impl Annotation {
    /// The model.
    #[must_use]
    pub fn json(&self, language: Language) -> Value {
        json!({
            "name": self.name.in_language(language),
            "datasource": {"type": "prometheus", "uid": DATASOURCE},
            "enable": self.on, "hide": false, "iconColor": self.color.grafana(),
            "expr": self.expr.to_string(), "step": "60s", "useValueForTime": false,
            "titleFormat": self.title.in_language(language),
            "textFormat": self.body.in_language(language),
            "tagKeys": "severity",
        })
    }
}
