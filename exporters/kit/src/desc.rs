//! A metric's description, and the catalogue that all of an exporter's descriptions form.

/// What kind of metric a family is, in the words of OpenMetrics 1.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, or starts again at zero; its name ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Observations in buckets, classic and native.
    Histogram,
    /// Identity in labels, value 1; its name ends in `_info`.
    Info,
    /// Of no known kind (`untyped` in the classic format).
    Unknown,
}

impl Kind {
    /// The word of `--metrics.list` and of the OpenMetrics TYPE line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Info => "info",
            Kind::Unknown => "unknown",
        }
    }
}

/// One metric: name, HELP, kind, unit and label names. Meant for `const`: a name that Prometheus would refuse, or that
/// breaks the naming rules, then does not compile.
///
/// ```
/// use kit::Desc;
/// const UP: Desc = Desc::gauge("pve_up", "Whether the object runs.").labels(&["id"]);
/// assert_eq!(UP.unit(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Desc {
    /// The name as a query spells it: a counter's with `_total`, an info's with `_info`.
    pub name: &'static str,
    /// One or more sentences; may hold any character.
    pub help: &'static str,
    /// The kind of the family.
    pub kind: Kind,
    /// Label names, in the order in which [`crate::page::Rows::push`] takes their values.
    pub labels: &'static [&'static str],
    /// Whether rows bring label names of their own (from a user's configuration) beside `labels`.
    pub open: bool,
    /// The label whose values form a closed set, if one's do.
    pub closed: Option<Closed>,
}

/// A label whose values form a closed set, each with what it means: reasons, states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The label's name.
    pub label: &'static str,
    /// Every value with its meaning, in an order that helps who reads them.
    pub values: &'static [(&'static str, &'static str)],
}

/// Suffixes that OpenMetrics counts as units when they end a family's name.
const UNITS: [&str; 9] =
    ["seconds", "bytes", "ratio", "celsius", "volts", "amperes", "joules", "meters", "hertz"];

impl Desc {
    /// A gauge.
    #[must_use]
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, Kind::Gauge)
    }

    /// A counter; the name must end in `_total`.
    #[must_use]
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        assert!(ends_with(name, "_total"), "a counter's name ends in _total");
        Self::new(name, help, Kind::Counter)
    }

    /// A histogram with classic buckets in the text formats and native ones beside them in protobuf.
    #[must_use]
    pub const fn histogram(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, Kind::Histogram)
    }

    /// Identity in labels with the value 1; the name must end in `_info`.
    #[must_use]
    pub const fn info(name: &'static str, help: &'static str) -> Self {
        assert!(ends_with(name, "_info"), "an info metric's name ends in _info");
        Self::new(name, help, Kind::Info)
    }

    /// A value whose kind is not known (a foreign counter or gauge passed on).
    #[must_use]
    pub const fn unknown(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, Kind::Unknown)
    }

    const fn new(name: &'static str, help: &'static str, kind: Kind) -> Self {
        assert!(is_metric_name(name), "a metric name is [a-zA-Z_:][a-zA-Z0-9_:]*");
        assert!(!help.is_empty(), "a metric needs HELP");
        Self { name, help, kind, labels: &[], open: false, closed: None }
    }

    /// The same with these label names.
    #[must_use]
    pub const fn labels(mut self, labels: &'static [&'static str]) -> Self {
        let mut i = 0;
        while i < labels.len() {
            assert!(is_label_name(labels[i]), "a label name is [a-zA-Z_][a-zA-Z0-9_]*, without a leading __");
            let mut j = 0;
            while j < i {
                assert!(!equal(labels[i], labels[j]), "a label name stands twice");
                j += 1;
            }
            i += 1;
        }
        self.labels = labels;
        self
    }

    /// The same, with rows that bring further label names of their own ([`crate::page::Rows::push_open`]).
    #[must_use]
    pub const fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// The same with the values that a label can have; nothing else may be its value. The catalogue tells them.
    #[must_use]
    pub const fn closed(
        mut self,
        label: &'static str,
        values: &'static [(&'static str, &'static str)],
    ) -> Self {
        let mut i = 0;
        while i < self.labels.len() && !equal(self.labels[i], label) {
            i += 1;
        }
        assert!(i < self.labels.len(), "the label with a closed set of values is one of the metric's labels");
        self.closed = Some(Closed { label, values });
        self
    }

    /// The family's name as OpenMetrics spells it: without a counter's `_total` or an info's `_info`.
    #[must_use]
    pub fn family(&self) -> &'static str {
        let suffix = match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            // Asked for every family of every page: not even a suffix of nothing is looked for.
            Kind::Gauge | Kind::Histogram | Kind::Unknown => return self.name,
        };
        self.name.strip_suffix(suffix).unwrap_or(self.name)
    }

    /// The base unit that the family's name ends in, if any.
    #[must_use]
    pub fn unit(&self) -> Option<&'static str> {
        if self.kind == Kind::Info {
            return None;
        }
        let last = self.family().rsplit_once('_')?.1;
        UNITS.into_iter().find(|unit| *unit == last)
    }
}

/// The catalogue as JSON, sorted by name: what `--metrics.list` prints, and what the dashboards' and alerts' lints read.
#[must_use]
pub fn catalogue_json(descs: &[&Desc]) -> String {
    let mut sorted = descs.to_vec();
    sorted.sort_by_key(|desc| desc.name);
    let list: Vec<serde_json::Value> = sorted
        .iter()
        .map(|desc| {
            serde_json::json!({
                "name": desc.name,
                "kind": desc.kind.word(),
                "unit": desc.unit(),
                "labels": desc.labels,
                "open_labels": desc.open,
                "values": desc.closed.map(|closed| closed_json(&closed)),
                "help": desc.help,
            })
        })
        .collect();
    format!("{:#}\n", serde_json::Value::Array(list))
}

fn closed_json(closed: &Closed) -> serde_json::Value {
    let values: Vec<serde_json::Value> = closed
        .values
        .iter()
        .map(|(value, meaning)| serde_json::json!({"value": value, "meaning": meaning}))
        .collect();
    serde_json::json!({"label": closed.label, "values": values})
}

/// Whether `name` may name a metric.
#[must_use]
pub const fn is_metric_name(name: &str) -> bool {
    is_name(name, true)
}

/// Whether `name` may name a label; names with a leading `__` belong to Prometheus.
#[must_use]
pub const fn is_label_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    is_name(name, false) && !(bytes.len() > 1 && bytes[0] == b'_' && bytes[1] == b'_')
}

const fn is_name(name: &str, colon: bool) -> bool {
    let bytes = name.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        let legal = match bytes[i] {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => true,
            b'0'..=b'9' => i > 0,
            b':' => colon,
            _ => false,
        };
        if !legal {
            return false;
        }
        i += 1;
    }
    !bytes.is_empty()
}

const fn ends_with(text: &str, suffix: &str) -> bool {
    let (text, suffix) = (text.as_bytes(), suffix.as_bytes());
    if text.len() <= suffix.len() {
        return false;
    }
    let mut i = 0;
    while i < suffix.len() {
        if text[text.len() - suffix.len() + i] != suffix[i] {
            return false;
        }
        i += 1;
    }
    true
}

const fn equal(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn family_and_unit_follow_from_the_name() {
        const SENT: Desc = Desc::counter("link_sent_bytes_total", "Bytes sent.");
        const TLS: Desc = Desc::info("probe_tls_version_info", "The version.").labels(&["version"]);
        const AGE: Desc = Desc::gauge("seconds", "No suffix, only a word.");
        assert_eq!((SENT.family(), SENT.unit()), ("link_sent_bytes", Some("bytes")));
        assert_eq!((TLS.family(), TLS.unit()), ("probe_tls_version", None));
        assert_eq!(AGE.unit(), None);
    }

    #[test]
    fn names_are_those_of_the_classic_format() {
        for name in ["a", "_a", "a:b", "a_1"] {
            assert!(is_metric_name(name), "{name}");
        }
        for name in ["", "1a", "a-b", "á", "a b"] {
            assert!(!is_metric_name(name), "{name}");
        }
        assert!(!is_label_name("a:b") && !is_label_name("__name__") && is_label_name("_a"));
    }

    #[test]
    fn the_catalogue_is_sorted_json() {
        const B: Desc = Desc::gauge("b_seconds", "B.").labels(&["x"]);
        const A: Desc =
            Desc::counter("a_total", "A.").labels(&["reason"]).closed("reason", &[("late", "It was late.")]);
        let list: serde_json::Value = serde_json::from_str(&catalogue_json(&[&B, &A])).unwrap();
        assert_eq!(list[0]["name"], "a_total");
        assert_eq!(list[1]["unit"], "seconds");
        assert_eq!(list[1]["labels"][0], "x");
        assert_eq!(list[0]["values"]["label"], "reason");
        assert_eq!(list[0]["values"]["values"][0]["meaning"], "It was late.");
        assert!(list[1]["values"].is_null());
    }
}
