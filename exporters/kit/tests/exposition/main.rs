//! Every kind of metric, with texts that have broken other exporters, through every format and back.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "the readers of the tests, too, end the test at what they do not know"
)]

mod openmetrics;
mod protobuf;

use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use kit::expose::{Body, Encoded, Format, Negotiated, body, encode, negotiate};
use kit::page::Dropped;
use kit::{Desc, Histogram, Page};
use proptest::prelude::*;

const UP: Desc = Desc::gauge("lab_up", "Whether it is up.").labels(&["target"]);
const SENT: Desc =
    Desc::counter("lab_sent_bytes_total", "Bytes \"sent\" over C:\\link,\nby direction.").labels(&["link"]);
const BUILD: Desc = Desc::info("lab_build_info", "The build.").labels(&["version"]).open();
const PASSED: Desc = Desc::unknown("lab_passed", "Passed on from elsewhere.");
const ODD: Desc = Desc::gauge("lab_odd_seconds", "Odd values, in seconds.").labels(&["text"]);
const ROUND: Desc = Desc::histogram("lab_round_trip_seconds", "Round trips, in seconds.").labels(&["target"]);
const EMPTY: Desc = Desc::gauge("lab_empty", "Opened, never filled.");

const OPENMETRICS: &str = "application/openmetrics-text;version=1.0.0";
const PROTOBUF: &str =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

const ODD_TEXTS: [&str; 7] =
    ["", "a\nb", "say \"hi\"", "C:\\temp\\", "\u{e7}\u{e3}o \u{1f5fc}", "}, {a=\"b\"} 1 # x", "\\n\"\n\\"];

fn page() -> Page {
    let mut page = Page::new();
    page.family(&UP).push(&["a"], 1.0).push(&["b"], 0.0);
    page.family(&SENT).push(&["fibre"], 12_345_678_901.0).push(&["radio"], 0.0);
    page.family(&BUILD).push(&["1.2.3"], 1.0).push_open(&["1.2.4"], &[("team", "we\"b"), ("tier", "")], 1.0);
    page.set(&PASSED, -3.25);
    page.family(&EMPTY);
    for (text, value) in
        ODD_TEXTS.into_iter().zip([f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e-9, 1.5e300, 0.0, 1.764e9])
    {
        page.family(&ODD).push(&[text], value);
    }
    let histogram = Histogram::new(&[0.005, 0.5, 1.0, 2_000_000.0]);
    for value in [0.0, 0.004, 0.3, 0.3, 0.31, 1.0, 7.0, 3e6] {
        histogram.observe(value);
    }
    page.family(&ROUND).push_histogram(&["a\"b"], histogram.snapshot());
    page.family(&ROUND)
        .push_histogram(&["unused"], Histogram::new(&[0.005, 0.5, 1.0, 2_000_000.0]).snapshot());
    // A family that is opened again later must not interleave.
    page.family(&UP).push(&["c"], 1.0);
    assert!(page.dropped().is_empty(), "{:?}", page.dropped());
    page
}

fn text(page: &Page, format: Format) -> String {
    let mut out = Vec::new();
    encode(page, format, &mut out);
    out.extend_from_slice(format.trailer());
    String::from_utf8(out).unwrap()
}

/// Runs a tool on `input`; `None`, said loudly, where the machine does not have it.
fn tool(program: &str, arguments: &[&str], input: &[u8]) -> Option<Output> {
    let spawned = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            eprintln!("SKIPPED: {program}: {error}");
            return None;
        }
    };
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    Some(output)
}

#[test]
fn the_classic_page() {
    insta::assert_snapshot!(text(&page(), Format::Classic));
}

#[test]
fn the_openmetrics_page() {
    insta::assert_snapshot!(text(&page(), Format::OpenMetrics));
}

#[test]
fn promtool_accepts_the_classic_page() {
    let Some(output) = tool("promtool", &["check", "metrics"], text(&page(), Format::Classic).as_bytes())
    else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "promtool: {said}");
}

#[test]
fn a_strict_openmetrics_reader_accepts_the_page() {
    let families = openmetrics::read(&text(&page(), Format::OpenMetrics)).unwrap();
    let names: Vec<_> = families.iter().map(|family| family.name.as_str()).collect();
    assert_eq!(
        names,
        ["lab_up", "lab_sent_bytes", "lab_build", "lab_passed", "lab_odd_seconds", "lab_round_trip_seconds"]
    );
    assert_eq!(families[1].help, SENT.help);
    assert_eq!(families[1].unit.as_deref(), Some("bytes"));
    let texts: Vec<_> = families[4].samples.iter().map(|sample| sample.labels[0].1.as_str()).collect();
    assert_eq!(texts, ODD_TEXTS);
}

#[test]
fn the_strict_reader_is_strict() {
    for (page, expected) in [
        ("# TYPE a gauge\na 1\n", "no # EOF"),
        ("# TYPE a gauge\na 1\n# EOF\n# EOF\n", "after # EOF"),
        ("# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\na 2\n# EOF\n", "does not belong"),
        ("# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na 2\n# EOF\n", "stands twice"),
        ("# TYPE a counter\na 1\n# EOF\n", "does not belong"),
        ("# TYPE a_total counter\na_total 1\n# EOF\n", "does not belong"),
        ("# TYPE a counter\na_total NaN\n# EOF\n", "counter"),
        ("# TYPE a info\na_info 2\n# EOF\n", "info"),
        ("# TYPE a gauge\n# UNIT a bytes\na 1\n# EOF\n", "unit"),
        ("# TYPE a gauge\na inf\n# EOF\n", "number"),
        ("# TYPE a gauge\na{x=\"1\"} 1\na{x=\"1\"} 2\n# EOF\n", "series"),
        ("# TYPE a histogram\na_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 1\n# EOF\n", "canonical"),
        ("# TYPE a histogram\na_bucket{le=\"1.0\"} 1\na_count 1\n# EOF\n", "+Inf"),
    ] {
        let error = openmetrics::read(page).unwrap_err();
        assert!(error.contains(expected), "{page}: {error}");
    }
}

#[test]
fn protobuf_carries_everything() {
    let mut out = Vec::new();
    encode(&page(), Format::Protobuf, &mut out);
    let families = protobuf::read(&out);
    let heads: Vec<_> =
        families.iter().map(|family| (family.name.as_str(), family.kind, family.unit.as_str())).collect();
    assert_eq!(
        heads,
        [
            ("lab_up", 1, ""),
            ("lab_sent_bytes_total", 0, "bytes"),
            ("lab_build_info", 1, ""),
            ("lab_passed", 3, ""),
            ("lab_odd_seconds", 1, "seconds"),
            ("lab_round_trip_seconds", 4, "seconds"),
        ]
    );
    assert_eq!(
        families[0].metrics.iter().map(|metric| metric.number.unwrap()).collect::<Vec<_>>(),
        [1.0, 0.0, 1.0]
    );
    assert_eq!(families[1].help, SENT.help);
    assert_eq!(families[1].metrics[0].number, Some(12_345_678_901.0));
    assert_eq!(
        families[2].metrics[1].labels,
        [("version", "1.2.4"), ("team", "we\"b"), ("tier", "")].map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    let histogram = families[5].metrics[0].histogram.as_ref().unwrap();
    assert_eq!((histogram.count, histogram.sum), (8, 3_000_008.914));
    assert_eq!(histogram.buckets, [(0.005, 2), (0.5, 5), (1.0, 6), (2e6, 7)]);
    assert_eq!((histogram.schema, histogram.zero_count), (5, 1));
    assert_eq!(histogram.zero_threshold, (-128f64).exp2());
    let native: u64 = histogram.native().iter().map(|(_, count)| count).sum();
    assert_eq!(native + histogram.zero_count, histogram.count);
    // 1.0 is the upper bound of bucket 0; 0.3 lies under 2^(-55/32).
    assert!(histogram.native().contains(&(0, 1)) && histogram.native().contains(&(-55, 2)));
    assert!(histogram.created > 1e9);
    let unused = families[5].metrics[1].histogram.as_ref().unwrap();
    assert_eq!((unused.count, unused.native().len()), (0, 0));
    assert!(
        unused.zero_threshold > 0.0,
        "this is how a reader knows an empty native histogram from a classic one"
    );
}

#[test]
fn long_messages_have_their_true_length() {
    const LONG: Desc = Desc::gauge("lab_long", "Long labels.").labels(&["text"]);
    for length in [0, 1, 100, 127, 128, 129, 16_383, 16_384, 3_000_000] {
        let mut page = Page::new();
        let text = "x".repeat(length);
        page.family(&LONG).push(&[&text], 1.0).push(&["other"], 2.0);
        let mut out = Vec::new();
        encode(&page, Format::Protobuf, &mut out);
        let families = protobuf::read(&out);
        assert_eq!(families[0].metrics[0].labels[0].1, text);
        assert_eq!(families[0].metrics[1].number, Some(2.0));
    }
}

fn gunzip(body: &Body) -> Vec<u8> {
    assert!(body.gzip);
    let mut out = Vec::new();
    let mut decoder = flate2::bufread::GzDecoder::new(&body.bytes[..]);
    decoder.read_to_end(&mut out).unwrap();
    assert!(decoder.into_inner().is_empty(), "there is one member and nothing after it");
    out
}

fn filled(name: usize, samples: usize) -> Arc<Encoded> {
    const FAMILIES: [Desc; 3] = [
        Desc::gauge("lab_first", "First.").labels(&["index"]),
        Desc::counter("lab_second_total", "Second.").labels(&["index"]),
        Desc::gauge("lab_third_ratio", "Third.").labels(&["index"]),
    ];
    let mut page = Page::new();
    for index in 0..samples {
        page.family(&FAMILIES[name]).push(&[&index.to_string()], index as f64 / 7.0);
    }
    Arc::new(Encoded::new(page))
}

async fn ask(parts: &[Arc<Encoded>], accept: &str, accept_encoding: &str) -> (Body, Negotiated) {
    let negotiated = negotiate(Some(accept), Some(accept_encoding));
    (body(parts, &negotiated).await, negotiated)
}

#[tokio::test]
async fn an_unchanged_page_is_compressed_once() {
    let (unchanged, empty) = (filled(0, 400), Arc::new(Encoded::new(Page::new())));
    for accept in ["", OPENMETRICS, PROTOBUF] {
        for _ in 0..3 {
            let changed = filled(1, 10);
            let parts = [changed.clone(), empty.clone(), unchanged.clone()];
            let (compressed, negotiated) = ask(&parts, accept, "gzip").await;
            let (plain, _) = ask(&parts, accept, "").await;
            assert!(!plain.gzip);
            assert_eq!(gunzip(&compressed), plain.bytes);
            assert_eq!(changed.compressions(), 1);
            if negotiated.format == Format::OpenMetrics {
                let text = std::str::from_utf8(&plain.bytes).unwrap();
                openmetrics::read(text).unwrap();
            }
            if let Some(output) = tool("gzip", &["-dc"], &compressed.bytes) {
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                assert_eq!(output.stdout, plain.bytes);
            }
        }
    }
    assert_eq!(unchanged.compressions(), 3, "once for each format");
}

#[tokio::test]
async fn a_small_body_is_not_compressed() {
    let (body, _) = ask(&[filled(0, 3)], OPENMETRICS, "gzip").await;
    assert!(!body.gzip && body.bytes.ends_with(b"# EOF\n"));
    let (body, _) = ask(&[], "", "gzip").await;
    assert!(!body.gzip && body.bytes.is_empty());
}

#[tokio::test]
async fn parts_that_share_a_family_are_one_page() {
    let (one, other, again) = (filled(0, 300), filled(2, 300), filled(0, 301));
    let parts = [one, other.clone(), again];
    let (body, _) = ask(&parts, OPENMETRICS, "").await;
    let families = openmetrics::read(std::str::from_utf8(&body.bytes).unwrap()).unwrap();
    let sizes: Vec<_> = families.iter().map(|family| (family.name.as_str(), family.samples.len())).collect();
    assert_eq!(sizes, [("lab_first", 301), ("lab_third_ratio", 300)]);
    assert_eq!(body.dropped, vec![("lab_first", Dropped::Duplicate); 300]);
    for _ in 0..2 {
        let (compressed, _) = ask(&parts, OPENMETRICS, "gzip").await;
        assert_eq!(gunzip(&compressed), body.bytes);
    }
    assert_eq!(other.compressions(), 1, "the part that shares nothing is still cached");
}

#[tokio::test]
async fn a_large_page_does_not_hold_up_the_runtime() {
    let large = filled(0, 30_000);
    // On this one-threaded runtime the yielding task runs only if the encoding does not.
    let answer = tokio::spawn({
        let large = large.clone();
        async move { ask(&[large], "", "gzip").await.0 }
    });
    let mut turns = 0u64;
    while !answer.is_finished() {
        tokio::task::yield_now().await;
        turns += 1;
    }
    assert!(turns > 2, "{turns}");
    let mut expected = Vec::new();
    encode(large.page(), Format::Classic, &mut expected);
    assert_eq!(gunzip(&answer.await.unwrap()), expected);
}

proptest! {
    #[test]
    fn any_label_text_survives(texts in proptest::collection::hash_set("\\PC*|[\\\\\"\n\r\t{}=,# a]{0,12}", 1..8)) {
        const ANY: Desc = Desc::gauge("lab_any", "Any text.").labels(&["one", "two"]).open();
        let mut page = Page::new();
        for text in &texts {
            page.family(&ANY).push_open(&["fixed", text], &[("open", text)], 1.0);
        }
        let labels = |text: &String| {
            [("one", "fixed"), ("two", text), ("open", text)].map(|(name, text)| (name.to_owned(), text.to_owned()))
        };
        let expected: Vec<_> = texts.iter().map(|text| labels(text).to_vec()).collect();
        let families = openmetrics::read(&text(&page, Format::OpenMetrics)).unwrap();
        let read: Vec<_> = families[0].samples.iter().map(|sample| sample.labels.clone()).collect();
        prop_assert_eq!(&read, &expected);
        let mut out = Vec::new();
        encode(&page, Format::Protobuf, &mut out);
        let read: Vec<_> = protobuf::read(&out).remove(0).metrics.into_iter().map(|metric| metric.labels).collect();
        prop_assert_eq!(&read, &expected);
    }
}
