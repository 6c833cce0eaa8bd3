//! `io.prometheus.client.MetricFamily` messages, each with its length before it. The numbers are the field numbers of
//! client_model's metrics.proto; Prometheus reads the same file.
//!
//! A message's length stands before it and is known after it. One byte is kept free for it, since nearly every message
//! is shorter than 128 bytes, and a longer one is moved up a little.

use super::text::Pieces;
use crate::desc::{Desc, Kind};
use crate::histogram::{HistogramSnapshot, NativeSnapshot};
use crate::page::{Page, Sample, Value};

/// Wire types.
const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const BYTES: u8 = 2;

/// `drain` sees `out` after each family: what stands before it is its length.
pub(super) fn encode(page: &Page, out: &mut Vec<u8>, mut drain: impl FnMut(&mut Vec<u8>)) {
    let mut names = Pieces::default();
    let mut current: Option<(&Desc, usize)> = None;
    for sample in page.samples() {
        if !current.is_some_and(|(desc, _)| std::ptr::eq(desc, sample.desc)) {
            if let Some((_, mark)) = current {
                end(out, mark);
                drain(out);
            }
            current = Some((sample.desc, begin(out)));
            header(sample.desc, out);
            names.clear();
            for name in sample.desc.labels {
                names.push(|out| name_of_pair(name, out));
            }
        }
        metric(&sample, &names, out);
    }
    if let Some((_, mark)) = current {
        end(out, mark);
    }
}

fn header(desc: &Desc, out: &mut Vec<u8>) {
    string(1, desc.name, out);
    string(2, desc.help, out);
    let kind = match desc.kind {
        Kind::Counter => 0,
        Kind::Gauge | Kind::Info => 1,
        Kind::Unknown => 3,
        Kind::Histogram => 4,
    };
    unsigned(3, kind, out);
    if let Some(unit) = desc.unit() {
        string(5, unit, out);
    }
}

/// A LabelPair's name field and the tag of its value: what repeats in each sample of a family.
fn name_of_pair(name: &str, out: &mut Vec<u8>) {
    string(1, name, out);
    out.push(tag(2, BYTES));
}

fn metric(sample: &Sample<'_>, names: &Pieces, out: &mut Vec<u8>) {
    out.push(tag(4, BYTES));
    let mark = begin(out);
    for (index, (name, value)) in sample.labels().enumerate() {
        out.push(tag(1, BYTES));
        match names.get(index) {
            Some(piece) => {
                varint((piece.len() + width(value.len() as u64) + value.len()) as u64, out);
                out.extend_from_slice(piece);
                varint(value.len() as u64, out);
                out.extend_from_slice(value.as_bytes());
            }
            None => {
                let pair = begin(out);
                string(1, name, out);
                string(2, value, out);
                end(out, pair);
            }
        }
    }
    match sample.value {
        Value::Number(value) => {
            let field = match sample.desc.kind {
                Kind::Gauge | Kind::Info => 2,
                Kind::Counter => 3,
                Kind::Unknown | Kind::Histogram => 5,
            };
            // A message of one double: nine bytes.
            out.extend_from_slice(&[tag(field, BYTES), 9]);
            double(1, *value, out);
        }
        Value::Histogram(snapshot) => {
            out.push(tag(7, BYTES));
            let mark = begin(out);
            histogram(snapshot, out);
            end(out, mark);
        }
    }
    end(out, mark);
}

fn histogram(snapshot: &HistogramSnapshot, out: &mut Vec<u8>) {
    unsigned(1, snapshot.count, out);
    double(2, snapshot.sum, out);
    for (bound, count) in snapshot.bounds.iter().zip(&snapshot.buckets) {
        // The bucket up to +Inf is left out: it is the count.
        out.push(tag(3, BYTES));
        let mark = begin(out);
        unsigned(1, *count, out);
        double(2, *bound, out);
        end(out, mark);
    }
    if let Some(native) = &snapshot.native {
        buckets(native, out);
    }
    if snapshot.created > 0.0 {
        out.push(tag(15, BYTES));
        let mark = begin(out);
        let seconds = snapshot.created.trunc();
        unsigned(1, seconds as u64, out);
        unsigned(2, ((snapshot.created - seconds) * 1e9) as u64, out);
        end(out, mark);
    }
}

fn buckets(native: &NativeSnapshot, out: &mut Vec<u8>) {
    unsigned(5, zigzag(i64::from(native.schema)), out);
    double(6, native.zero_threshold, out);
    unsigned(7, native.zero_count, out);
    for span in &native.spans {
        out.push(tag(12, BYTES));
        let mark = begin(out);
        unsigned(1, zigzag(i64::from(span.offset)), out);
        unsigned(2, u64::from(span.length), out);
        end(out, mark);
    }
    if !native.deltas.is_empty() {
        out.push(tag(13, BYTES));
        let mark = begin(out);
        for delta in &native.deltas {
            varint(zigzag(*delta), out);
        }
        end(out, mark);
    }
}

/// All our field numbers are below 16, so that a tag is one byte.
const fn tag(field: u8, wire: u8) -> u8 {
    field << 3 | wire
}

fn unsigned(field: u8, value: u64, out: &mut Vec<u8>) {
    out.push(tag(field, VARINT));
    varint(value, out);
}

fn double(field: u8, value: f64, out: &mut Vec<u8>) {
    out.push(tag(field, FIXED64));
    out.extend_from_slice(&value.to_le_bytes());
}

fn string(field: u8, text: &str, out: &mut Vec<u8>) {
    out.push(tag(field, BYTES));
    varint(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

#[inline]
fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// How many bytes [`varint`] writes.
#[inline]
fn width(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Keeps a byte free for a message's length; [`end`] wants what this returns.
fn begin(out: &mut Vec<u8>) -> usize {
    out.push(0);
    out.len()
}

/// Writes the length of the message that began at `mark`.
fn end(out: &mut Vec<u8>, mark: usize) {
    let length = out.len() - mark;
    let more = width(length as u64) - 1;
    if more > 0 {
        out.resize(out.len() + more, 0);
        out.copy_within(mark..mark + length, mark + more);
    }
    let mut rest = length;
    for byte in &mut out[mark - 1..mark + more] {
        *byte = (rest as u8 & 0x7f) | 0x80;
        rest >>= 7;
    }
    out[mark + more - 1] &= 0x7f;
}
