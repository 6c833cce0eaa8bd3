//! What encoding and compressing a page costs, in time and in allocations.
//!
//! `cargo bench -p farol-benches --bench encode`

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kit::expose::{Encoded, Format, body, encode, negotiate};
use kit::{Desc, Histogram, Page};

/// Counts allocations, and growth, in the whole program.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system's allocator as it came; only a number is counted up beside it.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is the system's.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is the system's.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is the system's.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const GAUGE: Desc = Desc::gauge("lab_object_memory_usage_bytes", "Memory in use, in bytes.")
    .labels(&["id", "node", "name", "pool", "kind"]);

const GAUGES: usize = 100_000;

/// One family of gauges with five labels; a third of the values are not whole.
fn gauges(count: usize) -> Page {
    let mut page = Page::with_capacity(count, 48);
    let mut rows = page.family(&GAUGE);
    for index in 0..count {
        let (id, name) = (format!("qemu/{}", 100 + index), format!("service-{index:06}"));
        let node = format!("node-{:02}", index % 12);
        let value = index as f64 * if index % 3 == 0 { 1024.7 } else { 4096.0 };
        rows.push(&[&id, &node, &name, "production", "qemu"], value);
    }
    page
}

/// 5,000 series as an exporter has them: gauges, counters, infos, and histograms of fifteen series each.
fn mixed() -> Page {
    const UP: Desc = Desc::gauge("lab_up", "Whether it is up.").labels(&["target"]);
    const PHASE: Desc =
        Desc::gauge("lab_phase_duration_seconds", "How long each phase took.").labels(&["target", "phase"]);
    const TRIES: Desc = Desc::counter("lab_tries_total", "Tries.").labels(&["target", "module"]);
    const ABOUT: Desc =
        Desc::info("lab_certificate_info", "The certificate.").labels(&["target", "issuer", "subject"]);
    const TIME: Desc = Desc::histogram("lab_duration_seconds", "Durations, in seconds.").labels(&["target"]);
    const BOUNDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
    let mut page = Page::new();
    let targets: Vec<String> =
        (0..200).map(|index| format!("https://service-{index}.example.org/health")).collect();
    for (index, target) in targets.iter().enumerate() {
        page.family(&UP).push(&[target], 1.0);
        page.family(&TRIES).push(&[target, "http_2xx"], 1000.0 + index as f64);
        page.family(&ABOUT).push(&[target, "CN=Example CA,O=Example", "CN=service.example.org"], 1.0);
        for (nth, phase) in
            ["resolve", "connect", "tls", "processing", "transfer", "request", "parse"].iter().enumerate()
        {
            page.family(&PHASE).push(&[target, phase], 0.001_234_567 * (nth + index) as f64);
        }
        let histogram = Histogram::new(BOUNDS);
        for nth in 0..50 {
            histogram.observe(0.002 * f64::from(nth) + index as f64 * 1e-4);
        }
        page.family(&TIME).push_histogram(&[target], histogram.snapshot());
    }
    page
}

fn series(page: &Page) -> u64 {
    let mut out = Vec::new();
    encode(page, Format::Classic, &mut out);
    out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty() && line[0] != b'#').count() as u64
}

/// The median of fifteen runs into one buffer, and the allocations of one: what the house's limits are stated in.
fn measure(name: &str, page: &Page, format: Format) {
    let samples = series(page);
    let mut out = Vec::new();
    encode(page, format, &mut out);
    let mut times: Vec<Duration> = (0..15)
        .map(|_| {
            out.clear();
            let begin = Instant::now();
            encode(black_box(page), format, &mut out);
            black_box(&out);
            begin.elapsed()
        })
        .collect();
    times.sort();
    out.clear();
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    encode(page, format, &mut out);
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    eprintln!(
        "{name} {format:?}: {:.0} ns a sample, {} bytes, {allocations} allocations a page of {samples} samples",
        times[7].as_nanos() as f64 / samples as f64,
        out.len(),
    );
    assert!(allocations < 40, "the encoder allocates for each sample");
}

fn encoding(criterion: &mut Criterion) {
    for (name, page) in [("5,000 series", mixed()), ("100,000 gauges", gauges(GAUGES))] {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(20).throughput(Throughput::Elements(series(&page)));
        for format in Format::ALL {
            measure(name, &page, format);
            let mut out = Vec::new();
            group.bench_function(format!("{format:?}"), |bencher| {
                bencher.iter(|| {
                    out.clear();
                    encode(black_box(&page), format, &mut out);
                    out.len()
                });
            });
        }
    }
}

fn building(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("page");
    group.sample_size(20).throughput(Throughput::Elements(5_000));
    group.bench_function("build 5,000 gauges", |bencher| bencher.iter(|| gauges(black_box(5_000))));
    let histogram = Histogram::new(&[0.001, 0.01, 0.1, 1.0]);
    let mut value = 0.0;
    group.throughput(Throughput::Elements(1));
    group.bench_function("observe", |bencher| {
        bencher.iter(|| {
            value = (value + 0.000_37) % 2.0;
            histogram.observe(black_box(value));
        });
    });
}

fn own(criterion: &mut Criterion) {
    let about = kit::exporter::About {
        name: "lab-exporter",
        summary: "For the bench.",
        version: "0.0.0",
        port: 9,
        config_file: "lab.yml",
        builtin_config: "",
    };
    let own = kit::own::Own::new(&about, kit::sandbox::Sandbox::default());
    criterion.bench_function("page/own process", |bencher| bencher.iter(|| own.page()));
}

fn answering(criterion: &mut Criterion) {
    // start-up of the bench itself: without a runtime there is nothing to measure
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let wanted = negotiate(Some("application/openmetrics-text;version=1.0.0"), Some("gzip"));
    let mut group = criterion.benchmark_group("answer with gzip");
    group.sample_size(20);
    for (name, page) in [("30 samples", gauges(30)), ("5,000 series", mixed())] {
        group.throughput(Throughput::Elements(series(&page)));
        let ready = Arc::new(Encoded::new(page.clone()));
        group.bench_function(format!("{name}, unchanged"), |bencher| {
            bencher.iter(|| runtime.block_on(body(std::slice::from_ref(&ready), &wanted)).bytes.len());
        });
        assert_eq!(ready.compressions(), 1);
        group.bench_function(format!("{name}, changed"), |bencher| {
            bencher.iter_batched(
                || Arc::new(Encoded::new(page.clone())),
                |page| runtime.block_on(body(&[page], &wanted)).bytes.len(),
                criterion::BatchSize::SmallInput,
            );
        });
    }
}

criterion_group!(benches, encoding, building, own, answering);
criterion_main!(benches);
