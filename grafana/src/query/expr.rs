//! An expression with its unit.

use std::fmt;

use crate::unit::Unit;

/// A PromQL expression, the unit of its value, and the labels that its series have.
#[derive(Clone, Debug)]
pub struct Expr {
    text: String,
    unit: Unit,
    /// `None`: not known, after an operation that this builder does not follow.
    labels: Option<Vec<&'static str>>,
    problems: Vec<String>,
}

impl Expr {
    pub(super) fn new(
        text: String,
        unit: Unit,
        labels: Vec<&'static str>,
        open: bool,
        problems: Vec<String>,
    ) -> Self {
        Self { text, unit, labels: (!open).then_some(labels), problems }
    }

    /// PromQL put together by hand out of `parts`, whose problems it takes over.
    #[must_use]
    pub fn compose(text: impl Into<String>, unit: Unit, parts: &[&Expr]) -> Self {
        let problems = parts.iter().flat_map(|part| part.problems.iter().cloned()).collect();
        Self { text: text.into(), unit, labels: None, problems }
    }

    /// Its value's unit.
    #[must_use]
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// What is wrong with it.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// The same value, called another unit: where arithmetic changed it, or more digits matter.
    #[must_use]
    pub fn of_unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// An aggregation to the given labels; to a single series without any.
    #[must_use]
    pub fn by(mut self, operation: &str, labels: &[&'static str]) -> Self {
        for label in labels {
            if self.labels.as_ref().is_some_and(|known| !known.contains(label)) {
                let known = self.labels.as_ref().map(|known| known.join(", ")).unwrap_or_default();
                self.problems.push(format!("{} has no label {label}; it has {known}", self.text));
            }
        }
        self.text = match labels {
            [] => format!("{operation}({})", self.text),
            labels => format!("{operation} by ({}) ({})", labels.join(", "), self.text),
        };
        self.labels = Some(labels.to_vec());
        if operation == "count" {
            self.unit = Unit::Count;
        }
        self
    }

    /// The sum by labels.
    #[must_use]
    pub fn sum_by(self, labels: &[&'static str]) -> Self {
        self.by("sum", labels)
    }

    /// The greatest by labels.
    #[must_use]
    pub fn max_by(self, labels: &[&'static str]) -> Self {
        self.by("max", labels)
    }

    /// The least by labels.
    #[must_use]
    pub fn min_by(self, labels: &[&'static str]) -> Self {
        self.by("min", labels)
    }

    /// The mean by labels.
    #[must_use]
    pub fn avg_by(self, labels: &[&'static str]) -> Self {
        self.by("avg", labels)
    }

    /// How many.
    #[must_use]
    pub fn count(self) -> Self {
        self.by("count", &[])
    }

    /// A quantile of a histogram's buckets, which must have been summed by `le` and what else tells series apart.
    #[must_use]
    pub fn quantile(mut self, quantile: f64) -> Self {
        self.text = format!("histogram_quantile({quantile}, {})", self.text);
        if let Some(labels) = &mut self.labels {
            if !labels.contains(&"le") {
                self.problems.push(format!("{} has no label le: a quantile needs buckets", self.text));
            }
            labels.retain(|label| *label != "le");
        }
        self
    }

    /// How long ago a moment is, in seconds.
    #[must_use]
    pub fn age(mut self) -> Self {
        if self.unit != Unit::Timestamp {
            self.problems.push(format!("{} is no moment: it has no age", self.text));
        }
        self.text = format!("time() - {}", self.text);
        self.unit = Unit::Seconds;
        self
    }

    /// Only values for which `condition` (`== 0`, `> 3`) holds.
    #[must_use]
    pub fn only(mut self, condition: &str) -> Self {
        self.text = format!("{} {condition}", self.text);
        self
    }

    /// How many hold, zero as long as there is any series at all: `(count(this condition) or 0 * count(this))`.
    #[must_use]
    pub fn count_of(self, condition: &str) -> Self {
        let text = format!("count({0} {condition}) or 0 * count({0})", self.text);
        Self { text, unit: Unit::Count, labels: Some(Vec::new()), problems: self.problems }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Selector;
    use kit::Desc;

    const UP: Desc = Desc::gauge("x_up", "Up.").labels(&["link"]);
    const AT: Desc = Desc::gauge("x_last_timestamp_seconds", "At.");
    const TOOK: Desc = Desc::histogram("x_duration_seconds", "Took.");

    #[test]
    fn aggregations_know_the_labels() {
        let sum = Selector::of(&UP).now().sum_by(&["link"]);
        assert_eq!((sum.to_string().as_str(), sum.problems().len()), ("sum by (link) (x_up)", 0));
        let wrong = sum.max_by(&["job"]);
        assert_eq!(wrong.problems(), ["sum by (link) (x_up) has no label job; it has link"]);
    }

    #[test]
    fn moments_have_an_age_and_nothing_else_has() {
        let age = Selector::of(&AT).now().age();
        assert_eq!(
            (age.to_string().as_str(), age.unit()),
            ("time() - x_last_timestamp_seconds", Unit::Seconds)
        );
        assert_eq!(Selector::of(&UP).now().age().problems().len(), 1);
    }

    #[test]
    fn quantiles_need_buckets() {
        let good = Selector::buckets(&TOOK).rate().sum_by(&["le", "job"]).quantile(0.95);
        assert!(good.problems().is_empty(), "{:?}", good.problems());
        assert_eq!(Selector::of(&TOOK).rate().sum_by(&["job"]).quantile(0.5).problems().len(), 1);
    }

    #[test]
    fn a_count_is_zero_only_while_there_is_something_to_count() {
        let down = Selector::of(&UP).now().count_of("== 0");
        assert_eq!(down.to_string(), "count(x_up == 0) or 0 * count(x_up)");
    }
}
