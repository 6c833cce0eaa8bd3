//! An expression as a panel asks it.

use serde_json::{Value, json};

use super::Expr;
use crate::text::{Language, Text, same};
use crate::unit::Unit;

/// The datasource that the variable of that name holds.
pub const DATASOURCE: &str = "${datasource}";

/// What Grafana makes of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A series for each combination of labels.
    Series,
    /// A row for each combination of labels.
    Table,
    /// A row for each bucket.
    Heatmap,
}

/// A query of a panel.
#[derive(Clone, Debug)]
pub struct Target {
    expr: Expr,
    legend: Text,
    format: Format,
    instant: bool,
}

impl Target {
    /// The values at each step, called by `legend`, which may name labels as `{{label}}`.
    #[must_use]
    pub fn range(expr: Expr, legend: Text) -> Self {
        Self { expr, legend, format: Format::Series, instant: false }
    }

    /// The values at the end.
    #[must_use]
    pub fn instant(expr: Expr, legend: Text) -> Self {
        Self { expr, legend, format: Format::Series, instant: true }
    }

    /// The values at the end, as rows.
    #[must_use]
    pub fn rows(expr: Expr) -> Self {
        Self { expr, legend: same(""), format: Format::Table, instant: true }
    }

    /// A histogram's buckets.
    #[must_use]
    pub fn buckets(expr: Expr) -> Self {
        Self { expr, legend: same("{{le}}"), format: Format::Heatmap, instant: false }
    }

    /// The unit of its values.
    #[must_use]
    pub fn unit(&self) -> Unit {
        self.expr.unit()
    }

    /// What is wrong with its expression.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        self.expr.problems()
    }

    /// The model; `letter` is the query's name in the panel.
    #[must_use]
    pub fn json(&self, letter: char, language: Language) -> Value {
        let expr = match self.unit().factor() {
            1 => self.expr.to_string(),
            factor => format!("({}) * {factor}", self.expr),
        };
        json!({
            "refId": letter.to_string(),
            "datasource": {"type": "prometheus", "uid": DATASOURCE},
            "editorMode": "code",
            "expr": expr,
            "format": match self.format {
                Format::Series => "time_series",
                Format::Table => "table",
                Format::Heatmap => "heatmap",
            },
            "instant": self.instant,
            "range": !self.instant,
            "legendFormat": self.legend.in_language(language),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Selector;
    use kit::Desc;

    #[test]
    fn moments_are_milliseconds_in_grafana() {
        const AT: Desc = Desc::gauge("x_timestamp_seconds", "At.");
        let json = Target::rows(Selector::of(&AT).now()).json('B', Language::English);
        assert_eq!(json["expr"], "(x_timestamp_seconds) * 1000");
        assert_eq!((&json["refId"], &json["instant"]), (&json!("B"), &json!(true)));
    }
}
