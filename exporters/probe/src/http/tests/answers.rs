//! One exchange: what is read of an answer, and what makes it a success.

use std::io::Write;
use std::time::Duration;

use flate2::write::GzEncoder;

use crate::testing::{answer, module, phase, probe, probe_for, reason, serve, tarpit, value, web};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const PHASES: &str = "probe_http_duration_seconds";
const JSON: &[u8] = br#"{"status":"ok","db":{"up":true},"list":[1,2]}"#;

fn pages(path: &str) -> Vec<u8> {
    let gzip = || {
        let mut to = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        to.write_all(&[b'x'; 1024]).unwrap();
        to.finish().unwrap()
    };
    match path {
        "/" => answer("200 OK", "Last-Modified: Tue, 24 Nov 2026 00:00:00 GMT\r\n", &[b'x'; 1024]),
        "/health" => answer("200 OK", "Content-Type: application/json\r\nX-Twice: a\r\nX-Twice: b\r\n", JSON),
        "/gzip" => answer("200 OK", "Content-Encoding: gzip\r\n", &gzip()),
        "/chunked" => {
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n".to_vec()
        }
        "/old" => b"HTTP/1.0 200 OK\r\n\r\nold".to_vec(),
        "/503" => answer("503 Down", "", b"down\n"),
        "/bare" => answer("302 Found", "", b""),
        "/cut" => b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc".to_vec(),
        "/junk" => b"SSH-2.0-x\r\n\r\n".to_vec(),
        _ => answer("404 Not Found", "", b"nope"),
    }
}

#[tokio::test]
async fn answers_are_judged() {
    let (addr, _) = web(pages).await;
    for (path, section, want) in [
        ("/", "", "ok"),
        ("/503", "", "status"),
        ("/503", "valid_status_codes: [503]", "ok"),
        ("/", "valid_status_codes: [204]", "status"),
        ("/bare", "", "status"),
        ("/", "valid_http_versions: ['HTTP/1.1']", "ok"),
        ("/", "valid_http_versions: ['HTTP/2.0']", "http_version"),
        ("/", "valid_http_versions: ['HTTP/9']", "http_version"),
        ("/", "fail_if_not_ssl: true", "ssl_required"),
        ("/", "fail_if_ssl: true", "ok"),
        ("/health", r#"fail_if_body_not_matches_regexp: ['"status":"ok"']"#, "ok"),
        ("/health", "fail_if_body_not_matches_regexp: ['status', 'nothing']", "body_regex"),
        ("/health", "fail_if_body_matches_regexp: ['nothing', 'db']", "body_regex"),
        ("/health", "fail_if_header_matches: [{header: content-type, regexp: json}]", "header"),
        ("/health", "fail_if_header_matches: [{header: x-none, regexp: a}]", "header"),
        ("/health", "fail_if_header_matches: [{header: x-none, regexp: a, allow_missing: true}]", "ok"),
        ("/health", "fail_if_header_not_matches: [{header: X-Twice, regexp: '^b$'}]", "ok"),
        ("/health", "fail_if_header_not_matches: [{header: X-Twice, regexp: '^c$'}]", "header"),
        ("/health", "fail_if_header_not_matches: [{header: X-None, regexp: c}]", "header"),
        ("/health", r#"fail_if_body_json_not_matches_cel: "body.status == 'ok' && body.db.up""#, "ok"),
        (
            "/health",
            r#"fail_if_body_json_not_matches_cel: "body.list.all(n, n > 0) && size(body.list) == 2""#,
            "ok",
        ),
        ("/health", r#"fail_if_body_json_not_matches_cel: "body.status == 'bad'""#, "body_cel"),
        ("/health", r#"fail_if_body_json_matches_cel: "body.db.up""#, "body_cel"),
        ("/health", r#"fail_if_body_json_matches_cel: "body.no.such""#, "body_cel"),
        ("/health", r#"fail_if_body_json_matches_cel: "body.status""#, "body_cel"),
        ("/", r#"fail_if_body_json_matches_cel: "body.x""#, "body_not_json"),
        ("/gzip", "compression: gzip, fail_if_body_not_matches_regexp: ['^x{1000}']", "ok"),
        ("/", "compression: gzip", "body_decoding"),
        ("/", "body_size_limit: 1024B", "ok"),
        ("/", "body_size_limit: 1023B", "body_too_large"),
        ("/gzip", "compression: gzip, body_size_limit: 100B", "body_too_large"),
        ("/cut", "", "connection_closed"),
        ("/junk", "", "protocol_error"),
    ] {
        let verdict = probe(&module("http", section), &format!("http://{addr}{path}")).await;
        let failure = verdict.failure.as_ref();
        assert_eq!(reason(&verdict), want, "{path} {section}: {failure:?}");
        let page = &verdict.page;
        let regex = matches!(want, "header" | "body_regex");
        assert_eq!(value(page, "probe_failed_due_to_regex"), Some(f64::from(u8::from(regex))), "{section}");
        let cel = section.contains("_cel").then(|| f64::from(u8::from(want.starts_with("body_"))));
        assert_eq!(value(page, "probe_failed_due_to_cel"), cel, "{section}");
    }
}

#[tokio::test]
async fn an_answer_is_told_as_the_peer_tells_it() {
    let (addr, _) = web(pages).await;
    for (path, section, length, body, version) in [
        ("/", "", 1024.0, 1024.0, 1.1),
        ("/chunked", "", -1.0, 5.0, 1.1),
        ("/old", "", -1.0, 3.0, 1.0),
        ("/gzip", "compression: gzip", 29.0, 1024.0, 1.1),
        ("/", "body_size_limit: 100B", 1024.0, 100.0, 1.1),
    ] {
        let verdict = probe(&module("http", section), &format!("{addr}{path}")).await;
        let page = &verdict.page;
        if path != "/gzip" {
            assert_eq!(value(page, "probe_http_content_length"), Some(length), "{path}");
        }
        assert_eq!(value(page, "probe_http_uncompressed_body_length"), Some(body), "{path}");
        assert_eq!(value(page, "probe_http_version"), Some(version), "{path}");
        assert_eq!(value(page, "probe_http_ssl"), Some(0.0));
        let modified = (path == "/").then_some(1_795_478_400.0);
        assert_eq!(value(page, "probe_http_last_modified_timestamp_seconds"), modified, "{path}");
    }
}

/// blackbox_exporter shows 0 for the phase that hung.
#[tokio::test]
async fn peer_defect_12_the_phase_that_hung_shows_its_time() {
    let silent = tarpit().await;
    let half = serve(|mut stream| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc").await;
        let _ = stream.read(&mut [0; 1]).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
    })
    .await;
    for (target, hung, want) in [
        (format!("http://{silent}/"), "processing", "response_timeout"),
        (format!("https://{silent}/"), "tls", "tls_timeout"),
        (format!("http://{half}/"), "transfer", "response_timeout"),
    ] {
        let verdict = probe_for(&module("http", ""), &target, None, Duration::from_millis(300)).await;
        assert_eq!(reason(&verdict), want, "{target}");
        assert!(phase(&verdict.page, PHASES, hung).is_some_and(|took| took >= 0.29), "{target}");
        let body = if hung == "transfer" { 3.0 } else { 0.0 };
        assert_eq!(value(&verdict.page, "probe_http_uncompressed_body_length"), Some(body), "{target}");
    }
}

/// blackbox_exporter reads a body of any size into memory.
#[tokio::test]
async fn peer_defect_20_an_endless_body_stops_at_ten_mebibytes() {
    let addr = serve(|mut stream| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'x'; 65536]).await.is_ok() {}
    })
    .await;
    let verdict = probe(&module("http", ""), &format!("http://{addr}/")).await;
    assert_eq!(reason(&verdict), "body_too_large");
    assert_eq!(value(&verdict.page, "probe_http_uncompressed_body_length"), Some(f64::from(10 << 20)));
}

#[tokio::test]
async fn targets_that_cannot_be_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    for (target, want, phases) in [
        (format!("http://{closed}/"), "connect_refused", 5),
        ("ftp://127.0.0.1/".to_owned(), "target_invalid", 0),
        ("http://169.254.169.254/latest/meta-data".to_owned(), "target_refused", 1),
        ("http://[::ffff:169.254.169.254]/".to_owned(), "target_refused", 1),
    ] {
        let verdict = probe(&module("http", ""), &target).await;
        assert_eq!(reason(&verdict), want, "{target}");
        assert_eq!(value(&verdict.page, "probe_http_status_code"), Some(0.0), "{target}");
        let found = verdict.page.samples().filter(|sample| sample.desc.name == PHASES).count();
        assert_eq!(found, phases, "{target}");
    }
}

/// A pattern that takes a microsecond and more a byte: it must neither outlive the probe's time nor stop what runs beside it.
#[tokio::test]
async fn an_evil_pattern_costs_its_own_probe_only() {
    let mut state = 1u32;
    let mut letter = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        if state & 1 == 0 { b'a' } else { b'b' }
    };
    let body: Vec<u8> = (0..1_000_000).map(|_| letter()).collect();
    let (addr, _) = web(move |_| answer("200 OK", "", &body)).await;
    let module = module("http", "fail_if_body_matches_regexp: ['a[ab]{200}c']");
    let url = format!("http://{addr}/");
    let began = std::time::Instant::now();
    let verdict = probe_for(&module, &url, None, Duration::from_millis(300)).await;
    assert_eq!(reason(&verdict), "response_timeout", "{:?}", verdict.failure);
    assert!(began.elapsed() < Duration::from_secs(2), "took {:?}", began.elapsed());
}
