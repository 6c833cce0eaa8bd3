//! OpenMetrics 1.0 text. The comment lines name the family, without a counter's `_total` or an info's `_info`; the sample
//! lines are the classic ones.
//!
//! No `_created` series: Prometheus would store each as a series of its own. Protobuf carries the creation time.

use super::text::{self, Dialect, escape_label, go_float};
use crate::desc::Desc;
use crate::page::Page;

struct OpenMetrics;

impl Dialect for OpenMetrics {
    fn header(desc: &Desc, out: &mut Vec<u8>) {
        let family = desc.family().as_bytes();
        out.extend_from_slice(b"# HELP ");
        out.extend_from_slice(family);
        out.push(b' ');
        // Quotes in HELP are escaped here, as in label values, unlike in the classic format.
        escape_label(desc.help, out);
        out.extend_from_slice(b"\n# TYPE ");
        out.extend_from_slice(family);
        out.push(b' ');
        out.extend_from_slice(desc.kind.word().as_bytes());
        if let Some(unit) = desc.unit() {
            out.extend_from_slice(b"\n# UNIT ");
            out.extend_from_slice(family);
            out.push(b' ');
            out.extend_from_slice(unit.as_bytes());
        }
        out.push(b'\n');
    }

    /// Canonical numbers: as Go's `%g`, with `.0` where that shows neither point nor exponent.
    fn bound(bound: f64, out: &mut Vec<u8>) {
        let begin = out.len();
        go_float(bound, out);
        if memchr::memchr2(b'.', b'e', &out[begin..]).is_none() {
            out.extend_from_slice(b".0");
        }
    }
}

pub(super) fn encode(page: &Page, out: &mut Vec<u8>, drain: impl FnMut(&mut Vec<u8>)) {
    text::encode::<OpenMetrics, _>(page, out, drain);
}
