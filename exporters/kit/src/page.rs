//! A page: families of samples, built once per collection and then encoded in any format. The guard lives here: what
//! would make Prometheus refuse the whole page is dropped, counted and told, and the rest is kept.

mod share;

use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::Range;

use crate::desc::{Desc, Kind, is_label_name};
use crate::histogram::HistogramSnapshot;
pub use share::Labels;

/// Why the guard dropped a sample or a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// The family already has a row with these labels.
    Duplicate,
    /// The row brought another number of label values than the [`Desc`] has names.
    Arity,
    /// A label name of an open family is illegal, doubled or reserved.
    LabelName,
    /// A counter that is NaN, infinite or negative, or an info that is not 1.
    Value,
    /// Another description has this family's name already, or one that differs from it only in a `_total` or `_info`.
    Family,
}

impl Dropped {
    /// All reasons, for zero-initialised counters.
    pub const ALL: [Dropped; 5] =
        [Dropped::Duplicate, Dropped::Arity, Dropped::LabelName, Dropped::Value, Dropped::Family];

    /// The label value of `farol_page_dropped_total{reason}`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Dropped::Duplicate => "duplicate",
            Dropped::Arity => "arity",
            Dropped::LabelName => "label_name",
            Dropped::Value => "value",
            Dropped::Family => "family",
        }
    }
}

/// A sample's value.
#[derive(Clone, Debug)]
pub enum Value {
    /// A counter, gauge, info or unknown.
    Number(f64),
    /// A histogram.
    Histogram(Box<HistogramSnapshot>),
}

/// Families of samples. Label texts lie in one string, so that a sample costs no allocation of its own; and a sample with
/// the label values of the one before it, as most of a target's have, or with [`Labels`], shares them.
#[derive(Clone, Debug, Default)]
pub struct Page {
    families: Vec<Desc>,
    rows: Vec<Row>,
    text: String,
    /// Ends in `text` of label values (of open rows: of names and values in turn).
    ends: Vec<u32>,
    seen: HashSet<u64, NoHash>,
    hasher: RandomState,
    dropped: Vec<(&'static str, Dropped)>,
}

#[derive(Clone, Debug)]
struct Row {
    value: Value,
    /// Where the row's spans begin in `ends`, and how many there are.
    first: u32,
    spans: u16,
    family: u16,
}

impl Page {
    /// An empty page.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty page with room for `samples` of about `bytes` of label text of their own each.
    #[must_use]
    pub fn with_capacity(samples: usize, bytes: usize) -> Self {
        Self {
            rows: Vec::with_capacity(samples),
            text: String::with_capacity(samples * bytes),
            ends: Vec::with_capacity(samples * 2),
            seen: HashSet::with_capacity_and_hasher(samples, NoHash),
            ..Self::default()
        }
    }

    /// Opens the family of `desc`, or opens it again.
    pub fn family(&mut self, desc: &Desc) -> Rows<'_> {
        // From the end: rows come family by family, so the one wanted is nearly always the last.
        let known = self.families.iter().rposition(|family| family.name == desc.name);
        let index = match known {
            Some(index) if self.families[index] == *desc => Some(index),
            Some(_) => {
                self.drop_row(desc.name, Dropped::Family);
                None
            }
            // OpenMetrics knows a family without its suffix: `x` and `x_total` would be one family there.
            None if self.families.iter().any(|family| family.family() == desc.family()) => {
                self.drop_row(desc.name, Dropped::Family);
                None
            }
            None => {
                self.families.push(*desc);
                Some(self.families.len() - 1)
            }
        };
        Rows { family: index.and_then(|index| u16::try_from(index).ok()), desc: *desc, page: self }
    }

    /// One sample of a family without labels: the short way of [`Page::family`] and [`Rows::push`].
    pub fn set(&mut self, desc: &Desc, value: f64) {
        self.family(desc).push(&[], value);
    }

    /// Takes over every family and sample of `other`; doubled samples are dropped. What `other` dropped is told here too.
    pub fn absorb(&mut self, other: &Page) {
        if self.is_blank() && other.grows() {
            // Nothing in it can be there already.
            self.clone_from(other);
            return;
        }
        self.dropped.extend_from_slice(&other.dropped);
        self.absorb_samples(other);
    }

    /// Gives back what only a page that still grows needs, for one that is kept. A sample that comes afterwards is not told from
    /// one that is there.
    pub fn finish(&mut self) {
        self.seen = HashSet::default();
        self.rows.shrink_to_fit();
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    /// Samples in the page.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether the page has no sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What the guard dropped: metric name and reason, in order.
    #[must_use]
    pub fn dropped(&self) -> &[(&'static str, Dropped)] {
        &self.dropped
    }

    /// The families, in order of their first opening.
    pub fn descs(&self) -> impl Iterator<Item = &Desc> {
        self.families.iter()
    }

    /// The samples, family by family.
    pub fn samples(&self) -> impl Iterator<Item = Sample<'_>> {
        let sorted = self.rows.is_sorted_by_key(|row| row.family);
        let order = (!sorted).then(|| {
            let mut order: Vec<u32> = (0u32..).take(self.rows.len()).collect();
            order.sort_by_key(|index| self.rows[*index as usize].family);
            order
        });
        (0..self.rows.len()).map(move |index| {
            let index = order.as_ref().map_or(index, |order| order[index] as usize);
            let row = &self.rows[index];
            Sample { page: self, desc: &self.families[usize::from(row.family)], row, value: &row.value }
        })
    }

    /// The value of the sample with this name and these label values, for tests and for pages made of others.
    #[must_use]
    pub fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.samples().find_map(|sample| match sample.value {
            Value::Number(value)
                if sample.desc.name == name && sample.labels().eq(labels.iter().copied()) =>
            {
                Some(*value)
            }
            _ => None,
        })
    }

    fn drop_row(&mut self, name: &'static str, why: Dropped) {
        self.dropped.push((name, why));
    }
}

/// The open family of a page.
pub struct Rows<'a> {
    page: &'a mut Page,
    desc: Desc,
    family: Option<u16>,
}

impl Rows<'_> {
    /// Adds a sample with the values of the [`Desc`]'s labels, in its order.
    pub fn push(&mut self, labels: &[&str], value: f64) -> &mut Self {
        self.push_value(labels, &[], Value::Number(value))
    }

    /// Adds a sample with further labels of its own: `(name, value)`.
    pub fn push_open(&mut self, labels: &[&str], open: &[(&str, &str)], value: f64) -> &mut Self {
        self.push_value(labels, open, Value::Number(value))
    }

    /// Adds a histogram.
    pub fn push_histogram(&mut self, labels: &[&str], histogram: HistogramSnapshot) -> &mut Self {
        self.push_value(labels, &[], Value::Histogram(Box::new(histogram)))
    }

    fn push_value(&mut self, labels: &[&str], open: &[(&str, &str)], value: Value) -> &mut Self {
        let Some(family) = self.family else { return self };
        if let Some(why) = self.refuse(labels.len(), open, &value) {
            self.page.drop_row(self.desc.name, why);
            return self;
        }
        let page = &mut *self.page;
        let names_and_values = open.iter().flat_map(|(name, value)| [*name, *value]);
        let parts = labels.iter().copied().chain(names_and_values);
        let hash = page.hash(parts.clone());
        if !page.note(family, hash) {
            page.drop_row(self.desc.name, Dropped::Duplicate);
            return self;
        }
        let (first, spans) = match page.rows.last() {
            Some(last) if page.spans(last).eq(parts.clone()) => (last.first, last.spans),
            _ => page.write(parts),
        };
        page.rows.push(Row { value, first, spans, family });
        self
    }

    fn refuse(&self, labels: usize, open: &[(&str, &str)], value: &Value) -> Option<Dropped> {
        if labels != self.desc.labels.len() || (!open.is_empty() && !self.desc.open) {
            return Some(Dropped::Arity);
        }
        let illegal = open.iter().enumerate().any(|(index, (name, _))| {
            !is_label_name(name)
                || *name == "le"
                || self.desc.labels.contains(name)
                || open[..index].iter().any(|(other, _)| other == name)
        });
        if illegal {
            return Some(Dropped::LabelName);
        }
        match value {
            Value::Number(number) if self.desc.kind == Kind::Counter => {
                (!number.is_finite() || *number < 0.0).then_some(Dropped::Value)
            }
            Value::Number(number) if self.desc.kind == Kind::Info => {
                (*number != 1.0).then_some(Dropped::Value)
            }
            Value::Number(_) => (self.desc.kind == Kind::Histogram).then_some(Dropped::Value),
            Value::Histogram(_) => (self.desc.kind != Kind::Histogram).then_some(Dropped::Value),
        }
    }
}

/// A sample of a page.
#[derive(Clone, Copy)]
pub struct Sample<'a> {
    page: &'a Page,
    row: &'a Row,
    /// The family it belongs to.
    pub desc: &'a Desc,
    /// Its value.
    pub value: &'a Value,
}

impl<'a> Sample<'a> {
    /// Its labels, names and values.
    #[inline]
    pub fn labels(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let (mut spans, names) = (self.page.spans(self.row), self.desc.labels);
        (0..).map_while(move |index| {
            let span = spans.next()?;
            match names.get(index) {
                Some(name) => Some((*name, span)),
                None => Some((span, spans.next()?)),
            }
        })
    }

    /// All of its label values (and the names of labels of its own) in one, as they lie in the page.
    pub(crate) fn text(&self) -> &'a str {
        &self.page.text[self.page.extent(self.row)]
    }
}

impl Page {
    /// Where the span with this index begins in `text`.
    #[inline]
    fn begin(&self, span: usize) -> usize {
        span.checked_sub(1).map_or(0, |before| self.ends[before] as usize)
    }

    /// A row's label values (of labels of its own: names and values in turn).
    #[inline]
    fn spans<'a>(&'a self, row: &Row) -> impl Iterator<Item = &'a str> + use<'a> {
        let (first, spans) = (row.first as usize, usize::from(row.spans));
        // Each span begins where the last one ended, so that only the first beginning is looked up.
        let mut begin = self.begin(first);
        self.ends[first..first + spans].iter().map(move |end| {
            let span = &self.text[begin..*end as usize];
            begin = *end as usize;
            span
        })
    }

    /// Where all of a row's spans lie in `text`.
    #[inline]
    fn extent(&self, row: &Row) -> Range<usize> {
        let (first, spans) = (row.first as usize, usize::from(row.spans));
        let begin = self.begin(first);
        begin..spans.checked_sub(1).map_or(begin, |last| self.ends[first + last] as usize)
    }

    /// Appends spans: the first of them in `ends`, and how many there are.
    fn write<'a>(&mut self, parts: impl Iterator<Item = &'a str>) -> (u32, u16) {
        let first = self.ends.len();
        for part in parts {
            self.text.push_str(part);
            self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        }
        let spans = u16::try_from(self.ends.len() - first).unwrap_or(u16::MAX);
        (u32::try_from(first).unwrap_or(u32::MAX), spans)
    }

    /// About how many bytes the page takes in a text format: rather more than less, and at most a quarter too much for
    /// pages whose values are long.
    pub(crate) fn size_hint(&self) -> usize {
        let comments: usize =
            self.families.iter().map(|desc| 2 * desc.name.len() + desc.help.len() + 48).sum();
        let per_family: Vec<usize> = self
            .families
            .iter()
            .map(|desc| desc.name.len() + desc.labels.iter().map(|name| name.len() + 4).sum::<usize>() + 14)
            .collect();
        let rows: usize = self
            .rows
            .iter()
            .map(|row| {
                let lines = match &row.value {
                    Value::Number(_) => 1,
                    Value::Histogram(histogram) => histogram.bounds.len() + 3,
                };
                (per_family[usize::from(row.family)] + self.extent(row).len()) * lines
            })
            .sum();
        comments + rows
    }
}

/// The keys are hashes already.
#[derive(Clone, Copy, Debug, Default)]
struct NoHash;

impl BuildHasher for NoHash {
    type Hasher = Same;
    fn build_hasher(&self) -> Same {
        Same(0)
    }
}

#[derive(Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UP: Desc = Desc::gauge("up", "Whether it is up.").labels(&["target"]);
    const TRIES: Desc = Desc::counter("tries_total", "Tries.");
    const INFO: Desc = Desc::info("target_info", "The target.").labels(&["target"]).open();

    fn reasons(page: &Page) -> Vec<Dropped> {
        page.dropped().iter().map(|(_, why)| *why).collect()
    }

    #[test]
    fn a_doubled_sample_is_dropped_and_the_rest_is_kept() {
        let mut page = Page::new();
        page.family(&UP).push(&["a"], 1.0).push(&["a"], 0.0).push(&["b"], 1.0);
        assert_eq!(page.len(), 2);
        assert_eq!(reasons(&page), [Dropped::Duplicate]);
        assert_eq!(page.get("up", &[("target", "a")]), Some(1.0));
    }

    #[test]
    fn rows_that_share_their_label_values_keep_their_own() {
        const LOOKS: Desc = Desc::counter("looks_total", "Looks.").labels(&["target"]);
        let mut page = Page::new();
        for target in ["a", "a b", ""] {
            page.family(&UP).push(&[target], 1.0);
            page.family(&LOOKS).push(&[target], 2.0).push(&[target], 3.0);
            page.family(&INFO).push_open(&[target], &[("team", "x")], 1.0);
            page.set(&TRIES, 4.0);
        }
        assert_eq!(reasons(&page).len(), 3 + 2, "the doubled ones and no other");
        assert_eq!(page.len(), 3 * 3 + 1);
        for target in ["a", "a b", ""] {
            assert_eq!(page.get("up", &[("target", target)]), Some(1.0));
            assert_eq!(page.get("looks_total", &[("target", target)]), Some(2.0));
            assert_eq!(page.get("target_info", &[("target", target), ("team", "x")]), Some(1.0));
        }
        assert_eq!(page.get("tries_total", &[]), Some(4.0));
        assert_eq!(page.text, "aateamxa ba bteamxteamx", "of up and looks once, of the info once more");
    }

    #[test]
    fn label_values_do_not_run_into_one_another() {
        const TWO: Desc = Desc::gauge("two", "Two labels.").labels(&["x", "y"]);
        let mut page = Page::new();
        page.family(&TWO).push(&["ab", "c"], 1.0).push(&["a", "bc"], 2.0);
        assert!(page.dropped().is_empty());
    }

    #[test]
    fn the_wrong_number_of_labels_is_dropped() {
        let mut page = Page::new();
        page.family(&UP).push(&[], 1.0).push(&["a", "b"], 1.0).push_open(&["a"], &[("b", "c")], 1.0);
        assert_eq!(reasons(&page), [Dropped::Arity; 3]);
    }

    #[test]
    fn a_counter_takes_no_nonsense_and_a_gauge_takes_all() {
        let mut page = Page::new();
        for value in [f64::NAN, f64::INFINITY, -1.0] {
            page.set(&TRIES, value);
        }
        page.family(&UP).push(&["a"], f64::NAN).push(&["b"], f64::NEG_INFINITY);
        assert_eq!(reasons(&page), [Dropped::Value; 3]);
        assert_eq!(page.len(), 2);
    }

    #[test]
    fn open_labels_are_checked() {
        let mut page = Page::new();
        let mut rows = page.family(&INFO);
        rows.push_open(&["a"], &[("team", "web"), ("tier", "1")], 1.0);
        for bad in ["target", "a-b", "__x", "le"] {
            rows.push_open(&["b"], &[(bad, "v")], 1.0);
        }
        rows.push_open(&["c"], &[("x", "1"), ("x", "2")], 1.0);
        assert_eq!(reasons(&page), [Dropped::LabelName; 5]);
        let labels: Vec<_> = page.samples().next().unwrap().labels().collect();
        assert_eq!(labels, [("target", "a"), ("team", "web"), ("tier", "1")]);
    }

    #[test]
    fn families_that_interleave_come_out_together() {
        let mut page = Page::new();
        page.family(&UP).push(&["a"], 1.0);
        page.set(&TRIES, 3.0);
        page.family(&UP).push(&["b"], 1.0);
        let names: Vec<_> = page.samples().map(|sample| sample.desc.name).collect();
        assert_eq!(names, ["up", "up", "tries_total"]);
    }

    #[test]
    fn one_name_with_two_descriptions_keeps_the_first() {
        const OTHER: Desc = Desc::gauge("up", "Another text.");
        let mut page = Page::new();
        page.family(&UP).push(&["a"], 1.0);
        page.set(&OTHER, 1.0);
        assert_eq!(reasons(&page), [Dropped::Family]);
        assert_eq!(page.len(), 1);
    }

    #[test]
    fn names_that_differ_only_in_their_suffix_are_one_family() {
        const PLAIN: Desc = Desc::gauge("tries", "Not a counter.");
        let mut page = Page::new();
        page.set(&TRIES, 1.0);
        page.set(&PLAIN, 1.0);
        assert_eq!(reasons(&page), [Dropped::Family]);
    }

    #[test]
    fn an_info_is_one() {
        let mut page = Page::new();
        page.family(&INFO).push(&["a"], 0.0).push(&["b"], 1.0);
        assert_eq!(reasons(&page), [Dropped::Value]);
    }

    #[test]
    fn absorb_merges_families_and_keeps_open_labels() {
        let (mut one, mut two) = (Page::new(), Page::new());
        one.family(&UP).push(&["a"], 1.0);
        two.family(&INFO).push_open(&["a"], &[("team", "web")], 1.0);
        two.family(&UP).push(&["a"], 0.0).push(&["b"], 1.0);
        one.absorb(&two);
        assert_eq!(one.len(), 3);
        assert_eq!(one.get("target_info", &[("target", "a"), ("team", "web")]), Some(1.0));
        assert_eq!(reasons(&one), [Dropped::Duplicate]);
    }
}
