//! The dashboard's variables, which every selector on it carries.

use kit::Desc;

use super::Selector;

/// Which of a dashboard's variables its queries obey. Every dashboard has `job` and `instance`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Further labels with a variable of the same name.
    pub labels: &'static [&'static str],
}

impl Scope {
    /// A metric that is scraped.
    #[must_use]
    pub fn metric(&self, desc: &Desc) -> Selector {
        self.narrow(Selector::of(desc))
    }

    /// A probe's metric as the schedule shows it.
    #[must_use]
    pub fn scheduled(&self, desc: &Desc) -> Selector {
        let narrow = self.narrow(Selector::of(desc).scheduled());
        // A probe on demand has no target; its place is in the dashboards of whoever asks for it.
        if self.labels.contains(&"target") { narrow } else { narrow.unlike("target", "") }
    }

    /// The buckets of a histogram.
    #[must_use]
    pub fn buckets(&self, desc: &Desc) -> Selector {
        self.narrow(Selector::buckets(desc))
    }

    /// A series that a rule records: it has only the labels that it is recorded with.
    #[must_use]
    pub fn recorded(&self, desc: &Desc) -> Selector {
        self.narrow(Selector::recorded(desc))
    }

    fn narrow(&self, selector: Selector) -> Selector {
        ["job", "instance"].iter().chain(self.labels).fold(selector, |selector, label| {
            match selector.has(label) {
                true => selector.like(label, &format!("${label}")),
                false => selector,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::foreign;

    #[test]
    fn a_selector_carries_the_variables_of_labels_that_it_has() {
        const UP: Desc = Desc::gauge("x_up", "Up.").labels(&["target"]);
        let (wide, narrow) = (Scope { labels: &[] }, Scope { labels: &["target"] });
        assert_eq!(wide.metric(&UP).now().to_string(), r#"x_up{job=~"$job",instance=~"$instance"}"#);
        assert_eq!(
            narrow.metric(&UP).now().to_string(),
            r#"x_up{job=~"$job",instance=~"$instance",target=~"$target"}"#
        );
        assert_eq!(
            narrow.recorded(&foreign::UPTIME_24H).now().to_string(),
            r#"probe:uptime_ratio:24h{job=~"$job",target=~"$target"}"#
        );
    }
}
