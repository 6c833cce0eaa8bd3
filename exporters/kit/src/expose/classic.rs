//! The classic text format, 0.0.4. It has no info and no unknown: an info is a gauge here, an unknown is `untyped`.

use super::text::{self, Dialect, escape_help, go_float};
use crate::desc::{Desc, Kind};
use crate::page::Page;

struct Classic;

impl Dialect for Classic {
    fn header(desc: &Desc, out: &mut Vec<u8>) {
        out.extend_from_slice(b"# HELP ");
        out.extend_from_slice(desc.name.as_bytes());
        out.push(b' ');
        escape_help(desc.help, out);
        out.extend_from_slice(b"\n# TYPE ");
        out.extend_from_slice(desc.name.as_bytes());
        out.extend_from_slice(match desc.kind {
            Kind::Counter => b" counter\n",
            Kind::Gauge | Kind::Info => b" gauge\n",
            Kind::Histogram => b" histogram\n",
            Kind::Unknown => b" untyped\n",
        });
    }

    fn bound(bound: f64, out: &mut Vec<u8>) {
        go_float(bound, out);
    }
}

pub(super) fn encode(page: &Page, out: &mut Vec<u8>, drain: impl FnMut(&mut Vec<u8>)) {
    text::encode::<Classic, _>(page, out, drain);
}
