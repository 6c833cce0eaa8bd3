//! What the two text formats share: the walk over a page, its lines, numbers and escaping.
//!
//! A sample costs no allocation. What repeats within a family (name, label names, quotes) is laid out once when the
//! family begins, and what repeats within histograms (the texts of their bounds) once for each set of bounds.

use std::io::Write;

use crate::desc::Desc;
use crate::histogram::HistogramSnapshot;
use crate::page::{Page, Sample, Value};

/// What each of the two has of its own.
pub(super) trait Dialect {
    /// The comment lines above a family.
    fn header(desc: &Desc, out: &mut Vec<u8>);

    /// A bucket's upper bound as the value of its `le` label.
    fn bound(bound: f64, out: &mut Vec<u8>);
}

/// Appends `page` to `out` in the text format `D`; `drain` sees `out` after each sample.
pub(super) fn encode<D: Dialect, F: FnMut(&mut Vec<u8>)>(page: &Page, out: &mut Vec<u8>, mut drain: F) {
    let mut lines = Lines::default();
    let mut current: Option<&Desc> = None;
    for sample in page.samples() {
        if !current.is_some_and(|desc| std::ptr::eq(desc, sample.desc)) {
            D::header(sample.desc, out);
            lines.begin(sample.desc);
            current = Some(sample.desc);
        }
        match sample.value {
            Value::Number(value) => lines.number(&sample, *value, out),
            Value::Histogram(histogram) => lines.histogram::<D>(&sample, histogram, out),
        }
        drain(out);
    }
}

/// Scratch space for the lines of a family.
#[derive(Default)]
struct Lines {
    /// Before each label value what stands there, `name{a="` or `",b="`; then what stands before the number.
    pieces: Pieces,
    /// A histogram's labels, `a="x",b="y",`.
    labels: Vec<u8>,
    bounds: &'static [f64],
    bound_texts: Pieces,
}

impl Lines {
    fn begin(&mut self, desc: &Desc) {
        self.pieces.clear();
        for (index, name) in desc.labels.iter().enumerate() {
            self.pieces.push(|out| {
                if index == 0 {
                    out.extend_from_slice(desc.name.as_bytes());
                    out.push(b'{');
                } else {
                    out.extend_from_slice(b"\",");
                }
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b"=\"");
            });
        }
    }

    fn number(&self, sample: &Sample<'_>, value: f64, out: &mut Vec<u8>) {
        let clean = needs_no_escape(sample.text());
        let mut any = false;
        for (index, (name, text)) in sample.labels().enumerate() {
            match self.pieces.get(index) {
                Some(piece) => out.extend_from_slice(piece),
                None => {
                    // A label of the row's own.
                    if any {
                        out.extend_from_slice(b"\",");
                    } else {
                        out.extend_from_slice(sample.desc.name.as_bytes());
                        out.push(b'{');
                    }
                    out.extend_from_slice(name.as_bytes());
                    out.extend_from_slice(b"=\"");
                }
            }
            if clean {
                out.extend_from_slice(text.as_bytes());
            } else {
                escape_label(text, out);
            }
            any = true;
        }
        if any {
            out.extend_from_slice(b"\"} ");
        } else {
            out.extend_from_slice(sample.desc.name.as_bytes());
            out.push(b' ');
        }
        number(value, out);
        out.push(b'\n');
    }

    fn histogram<D: Dialect>(
        &mut self,
        sample: &Sample<'_>,
        histogram: &HistogramSnapshot,
        out: &mut Vec<u8>,
    ) {
        self.labels.clear();
        for (name, text) in sample.labels() {
            self.labels.extend_from_slice(name.as_bytes());
            self.labels.extend_from_slice(b"=\"");
            escape_label(text, &mut self.labels);
            self.labels.extend_from_slice(b"\",");
        }
        if !std::ptr::eq(self.bounds, histogram.bounds) {
            self.bounds = histogram.bounds;
            self.bound_texts.clear();
            for bound in histogram.bounds {
                self.bound_texts.push(|out| D::bound(*bound, out));
            }
        }
        let name = sample.desc.name.as_bytes();
        for (index, count) in histogram.buckets.iter().enumerate() {
            self.bucket(name, self.bound_texts.get(index).unwrap_or_default(), *count, out);
        }
        self.bucket(name, b"+Inf", histogram.count, out);
        self.of_histogram(name, b"_sum", out);
        number(histogram.sum, out);
        out.push(b'\n');
        self.of_histogram(name, b"_count", out);
        integer(histogram.count, out);
        out.push(b'\n');
    }

    fn bucket(&self, name: &[u8], bound: &[u8], count: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(name);
        out.extend_from_slice(b"_bucket{");
        out.extend_from_slice(&self.labels);
        out.extend_from_slice(b"le=\"");
        out.extend_from_slice(bound);
        out.extend_from_slice(b"\"} ");
        integer(count, out);
        out.push(b'\n');
    }

    fn of_histogram(&self, name: &[u8], suffix: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(name);
        out.extend_from_slice(suffix);
        if let Some((_comma, labels)) = self.labels.split_last() {
            out.push(b'{');
            out.extend_from_slice(labels);
            out.push(b'}');
        }
        out.push(b' ');
    }
}

/// Texts one after another in one allocation.
#[derive(Default)]
pub(super) struct Pieces {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Pieces {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    pub(super) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.text);
        self.ends.push(self.text.len());
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let begin = if index == 0 { 0 } else { self.ends[index - 1] };
        Some(&self.text[begin..end])
    }
}

/// A sample's value, in a form that both formats and every version of Prometheus read.
#[inline]
pub(super) fn number(value: f64, out: &mut Vec<u8>) {
    // The cast saturates, so what is too large for an i64 fails the comparison or the limit.
    let whole = value as i64;
    if whole as f64 == value && whole.unsigned_abs() < 1 << 53 {
        out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
    } else if value.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    }
}

pub(super) fn integer(value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// A finite bound as Go's `%g` writes it, so that `le` has the text that Prometheus's own clients give it: shortest
/// digits, an exponent from a million up and below a ten-thousandth.
pub(super) fn go_float(value: f64, out: &mut Vec<u8>) {
    let begin = out.len();
    // Writing to a Vec does not fail.
    let _ = write!(out, "{value:e}");
    let text = &out[begin..];
    let Some(e) = text.iter().position(|byte| *byte == b'e') else { return };
    let exponent =
        std::str::from_utf8(&text[e + 1..]).ok().and_then(|text| text.parse().ok()).unwrap_or(0i32);
    if (-4..6).contains(&exponent) {
        out.truncate(begin);
        let _ = write!(out, "{value}");
    } else {
        out.truncate(begin + e);
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(out, "e{sign}{:02}", exponent.unsigned_abs());
    }
}

#[inline]
fn needs_no_escape(text: &str) -> bool {
    memchr::memchr3(b'\\', b'"', b'\n', text.as_bytes()).is_none()
}

/// A label's value between its quotes: backslash, quote and newline escaped, the rest of UTF-8 as it is.
pub(super) fn escape_label(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some(at) = memchr::memchr3(b'\\', b'"', b'\n', rest) {
        rest = escape_at(rest, at, out);
    }
    out.extend_from_slice(rest);
}

/// HELP: backslash and newline escaped.
pub(super) fn escape_help(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some(at) = memchr::memchr2(b'\\', b'\n', rest) {
        rest = escape_at(rest, at, out);
    }
    out.extend_from_slice(rest);
}

fn escape_at<'a>(rest: &'a [u8], at: usize, out: &mut Vec<u8>) -> &'a [u8] {
    out.extend_from_slice(&rest[..at]);
    out.push(b'\\');
    out.push(if rest[at] == b'\n' { b'n' } else { rest[at] });
    &rest[at + 1..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-17.0, "-17"),
            (0.5, "0.5"),
            (1.764_012_345_678e9, "1764012345.678"),
            (9_007_199_254_740_991.0, "9007199254740991"),
            (1e300, "1e300"),
            (1e-9, "1e-9"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(text(|out| number(value, out)), expected);
        }
    }

    #[test]
    fn bounds_look_as_go_writes_them() {
        for (value, expected) in [
            (1.0, "1"),
            (0.005, "0.005"),
            (0.0001, "0.0001"),
            (0.000_05, "5e-05"),
            (2.5, "2.5"),
            (100_000.0, "100000"),
            (1e6, "1e+06"),
            (1.5e6, "1.5e+06"),
            (1e100, "1e+100"),
            (0.0, "0"),
            (-3.0, "-3"),
        ] {
            assert_eq!(text(|out| go_float(value, out)), expected);
        }
    }

    #[test]
    fn escapes() {
        assert_eq!(text(|out| escape_label("a\"b\\c\nd\u{e9}", out)), "a\\\"b\\\\c\\nd\u{e9}");
        assert_eq!(text(|out| escape_help("a\"b\\c\nd", out)), "a\"b\\\\c\\nd");
    }

    proptest! {
        #[test]
        fn a_number_reads_back(value in proptest::num::f64::ANY) {
            let text = text(|out| number(value, out));
            let read: f64 = text.parse().unwrap();
            prop_assert!(read == value || (read.is_nan() && value.is_nan()));
        }

        #[test]
        fn a_bound_reads_back(value in proptest::num::f64::NORMAL) {
            prop_assert_eq!(text(|out| go_float(value, out)).parse::<f64>().unwrap(), value);
        }
    }
}
