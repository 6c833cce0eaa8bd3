//! A metric with its matchers.

use kit::{Desc, Kind};

use super::Expr;
use crate::unit::Unit;

/// Labels that Prometheus adds to every series that it scrapes.
const SCRAPED: [&str; 2] = ["job", "instance"];

/// A metric, and which of its series are meant.
#[derive(Clone, Debug)]
pub struct Selector {
    name: String,
    unit: Unit,
    labels: Vec<&'static str>,
    open: bool,
    matchers: Vec<String>,
    problems: Vec<String>,
}

impl Selector {
    /// All series of a metric that is scraped.
    #[must_use]
    pub fn of(desc: &Desc) -> Self {
        let labels = desc.labels.iter().chain(&SCRAPED).copied().collect();
        Self::bare(desc, labels)
    }

    /// All series of a metric that a rule records or that Prometheus makes: it has the labels it is described with.
    #[must_use]
    pub fn recorded(desc: &Desc) -> Self {
        Self::bare(desc, desc.labels.to_vec())
    }

    fn bare(desc: &Desc, labels: Vec<&'static str>) -> Self {
        Self {
            name: desc.name.to_owned(),
            unit: Unit::of(desc),
            labels,
            open: desc.open,
            matchers: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// The buckets of a histogram.
    #[must_use]
    pub fn buckets(desc: &Desc) -> Self {
        let mut buckets = Self::of(desc);
        if desc.kind != Kind::Histogram {
            buckets.problems.push(format!("{} is no histogram: it has no buckets", desc.name));
        }
        buckets.name.push_str("_bucket");
        buckets.labels.push("le");
        buckets
    }

    /// The metric as the schedule shows it: with `target` and `module` before a probe's own labels.
    #[must_use]
    pub fn scheduled(mut self) -> Self {
        self.labels.extend(["target", "module"]);
        self
    }

    /// Whether its series have this label.
    #[must_use]
    pub fn has(&self, label: &str) -> bool {
        self.open || self.labels.contains(&label)
    }

    /// Only series whose `label` is `value`.
    #[must_use]
    pub fn equal(self, label: &str, value: &str) -> Self {
        self.matching(label, "=", value)
    }

    /// Only series whose `label` matches `pattern`, a regular expression over the whole value.
    #[must_use]
    pub fn like(self, label: &str, pattern: &str) -> Self {
        self.matching(label, "=~", pattern)
    }

    /// Only series whose `label` is something else than `value`.
    #[must_use]
    pub fn unlike(self, label: &str, value: &str) -> Self {
        self.matching(label, "!=", value)
    }

    fn matching(mut self, label: &str, operator: &str, value: &str) -> Self {
        if !self.has(label) {
            self.problems.push(format!(
                "{} has no label {label}; it has {}",
                self.name,
                self.labels.join(", ")
            ));
        }
        let value = value.replace('\\', "\\\\").replace('"', "\\\"");
        self.matchers.push(format!("{label}{operator}\"{value}\""));
        self
    }

    fn select(&self) -> String {
        match self.matchers.is_empty() {
            true => self.name.clone(),
            false => format!("{}{{{}}}", self.name, self.matchers.join(",")),
        }
    }

    fn expr(self, text: String, unit: Unit) -> Expr {
        Expr::new(text, unit, self.labels, self.open, self.problems)
    }

    /// The value at each step.
    #[must_use]
    pub fn now(self) -> Expr {
        let (text, unit) = (self.select(), self.unit);
        self.expr(text, unit)
    }

    /// The value at the end of what is shown, the same at each step: to choose series by.
    #[must_use]
    pub fn at_end(self) -> Expr {
        let (text, unit) = (format!("{} @ end()", self.select()), self.unit);
        self.expr(text, unit)
    }

    /// Per second, over the step.
    #[must_use]
    pub fn rate(self) -> Expr {
        let (text, unit) = (format!("rate({}[{}])", self.select(), super::STEP), self.unit.per_second());
        self.expr(text, unit)
    }

    /// How much a counter grew within `window`.
    #[must_use]
    pub fn increase(self, window: &str) -> Expr {
        let (text, unit) = (format!("increase({}[{window}])", self.select()), self.unit);
        self.expr(text, unit)
    }

    /// A function over the samples of `window`: `max_over_time`, `changes`, …
    #[must_use]
    pub fn over(self, function: &str, window: &str) -> Expr {
        let (text, unit) = (format!("{function}({}[{window}])", self.select()), self.unit);
        self.expr(text, unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIES: Desc = Desc::counter("tries_total", "Tries.").labels(&["reason"]);

    #[test]
    fn a_selector_is_promql() {
        let tries = || Selector::of(&TRIES).equal("reason", "a\"b").like("job", "$job");
        let selected = "tries_total{reason=\"a\\\"b\",job=~\"$job\"}";
        assert_eq!(tries().now().to_string(), selected);
        assert_eq!(tries().at_end().to_string(), format!("{selected} @ end()"));
        assert_eq!(tries().rate().to_string(), format!("rate({selected}[$__rate_interval])"));
        assert_eq!(Selector::of(&TRIES).now().to_string(), "tries_total");
    }

    #[test]
    fn a_label_that_is_not_there_is_told_of() {
        let expr = Selector::of(&TRIES).equal("target", "x").now();
        assert_eq!(expr.problems(), ["tries_total has no label target; it has reason, job, instance"]);
        assert!(Selector::of(&TRIES).scheduled().equal("target", "x").now().problems().is_empty());
        assert_eq!(
            Selector::buckets(&TRIES).now().problems(),
            ["tries_total is no histogram: it has no buckets"]
        );
    }
}
