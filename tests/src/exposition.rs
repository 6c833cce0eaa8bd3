//! A page in the classic format, parsed strictly: what Prometheus would refuse, or take with a warning, is a panic.

use std::collections::{BTreeMap, BTreeSet};

/// A parsed page.
#[derive(Debug, Default)]
pub struct Exposition {
    /// The TYPE of each family.
    pub types: BTreeMap<String, String>,
    /// The value of each series, keyed as `name{a="b",c="d"}` with sorted labels.
    pub series: BTreeMap<String, f64>,
}

impl Exposition {
    /// Parses a page.
    ///
    /// # Panics
    /// On doubled series or families, families that interleave, samples without TYPE and HELP, and malformed lines.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut page = Self::default();
        let (mut helped, mut ended, mut open) = (BTreeSet::new(), BTreeSet::new(), String::new());
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let name = rest.split(' ').next().unwrap().to_owned();
                assert!(helped.insert(name.clone()), "HELP stands twice: {line}");
                ended.insert(std::mem::replace(&mut open, name.clone()));
                assert!(!ended.contains(&name), "the family comes again: {line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap_or_else(|| panic!("a TYPE line: {line}"));
                assert_eq!(name, open, "TYPE does not follow its HELP: {line}");
                page.types.insert(name.to_owned(), kind.to_owned());
            } else if !line.starts_with('#') && !line.is_empty() {
                let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
                let (name, labels) = split(series);
                let family = ["_bucket", "_sum", "_count"]
                    .iter()
                    .find_map(|suffix| {
                        name.strip_suffix(suffix)
                            .filter(|name| page.types.get(*name).is_some_and(|kind| kind == "histogram"))
                    })
                    .unwrap_or(name);
                assert_eq!(family, open, "a sample outside its family: {line}");
                let value = value.parse().unwrap_or_else(|_| panic!("not a number: {line}"));
                let series = format!("{name}{labels}");
                assert!(page.series.insert(series, value).is_none(), "the series stands twice: {line}");
            }
        }
        page
    }

    /// The value of a series, `name` or `name{a="b"}` with sorted labels.
    #[must_use]
    pub fn get(&self, series: &str) -> Option<f64> {
        self.series.get(series).copied()
    }

    /// The value of a series by its name and labels, in any order.
    #[must_use]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut pairs: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        pairs.sort_unstable();
        self.get(&format!("{name}{{{}}}", pairs.join(",")))
    }

    /// All series of a metric.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.series
            .iter()
            .filter(move |(series, _)| series.split('{').next() == Some(name))
            .map(|(series, value)| (series.as_str(), *value))
    }
}

/// A series' name, and its labels sorted.
fn split(series: &str) -> (&str, String) {
    let Some((name, labels)) = series.split_once('{') else { return (series, String::new()) };
    let mut rest = labels.strip_suffix('}').unwrap_or_else(|| panic!("no closing brace: {series}"));
    let mut parts = BTreeSet::new();
    while !rest.is_empty() {
        let start = rest.find("=\"").unwrap_or_else(|| panic!("no label value: {series}")) + 2;
        let mut escaped = false;
        let length = rest[start..]
            .find(|letter| {
                let end = letter == '"' && !escaped;
                escaped = letter == '\\' && !escaped;
                end
            })
            .unwrap_or_else(|| panic!("an open label value: {series}"));
        let end = start + length + 1;
        assert!(parts.insert(rest[..end].to_owned()), "a label stands twice: {series}");
        rest = rest[end..].strip_prefix(',').unwrap_or(&rest[end..]);
    }
    (name, format!("{{{}}}", parts.into_iter().collect::<Vec<_>>().join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_keyed_by_sorted_labels() {
        let page = Exposition::parse("# HELP a A.\n# TYPE a gauge\na{b=\"1\",a=\"x,\\\"y\"} 2\n");
        assert_eq!(page.get("a{a=\"x,\\\"y\",b=\"1\"}"), Some(2.0));
    }

    #[test]
    #[should_panic(expected = "stands twice")]
    fn a_doubled_series_is_found() {
        let _ = Exposition::parse("# HELP a A.\n# TYPE a gauge\na 1\na 2\n");
    }
}
