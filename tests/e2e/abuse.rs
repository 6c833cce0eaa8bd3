//! Whoever misuses the exporter's port harms nobody but himself: `/metrics` answers within a second, and the silent ones
//! are closed.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use farol_tests::client::{get, request};
use farol_tests::exporter::ProbeExporter;
use farol_tests::process::until;
use farol_tests::servers::Certificate;

const PLAIN: &str = "modules: {tcp: {prober: tcp, timeout: 1s}}\n";

fn connect(port: u16, first: &[u8]) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(first).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    Some(stream)
}

fn answers_within_a_second(port: u16, while_what: &str) {
    let began = Instant::now();
    assert_eq!(get(port, "/metrics").status, 200, "while {while_what}");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?} while {while_what}", began.elapsed());
}

/// Whether the server ends this connection by itself.
fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn slow_and_silent_clients_are_closed_and_cost_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let exporter = ProbeExporter::start(folder.path(), PLAIN, &[]);
    let port = exporter.port;
    let firsts: [&[u8]; 4] =
        [b"", b"GET /metr", b"PRI * HT", b"GET /metrics HTTP/1.1\r\nHost: a\r\nX-Slow: "];
    let mut streams: Vec<TcpStream> = (0..200).filter_map(|nth| connect(port, firsts[nth % 4])).collect();
    assert_eq!(streams.len(), 200);
    answers_within_a_second(port, "200 slow clients hold connections");
    for (nth, stream) in streams.iter_mut().take(8).enumerate() {
        assert!(
            is_closed(stream),
            "a client that said {:?} is still connected",
            String::from_utf8_lossy(firsts[nth % 4])
        );
    }
}

#[test]
fn one_byte_at_a_time_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let exporter = ProbeExporter::start(folder.path(), PLAIN, &[]);
    let mut stream = connect(exporter.port, b"GET /metrics HTTP/1.1\r\nHost: a\r\n").unwrap();
    // `until` looks every 20 ms, so this is a drip of 50 bytes a second.
    let closed = until(Duration::from_secs(15), || stream.write_all(b"X").is_err());
    assert!(closed, "a client that drips bytes is still connected after 15 s");
}

#[test]
fn header_bombs_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let exporter = ProbeExporter::start(folder.path(), PLAIN, &[]);
    let huge = "x".repeat(64 * 1024);
    let answer = request(exporter.port, "GET", "/metrics", &[("X-Huge", &huge)]);
    assert!(answer.as_ref().map_or(true, |answer| answer.status == 431), "{answer:?}");
    let names: Vec<String> = (0..200).map(|nth| format!("X-{nth}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let answer = request(exporter.port, "GET", "/metrics", &many).unwrap();
    assert_eq!(answer.status, 431);
    answers_within_a_second(exporter.port, "header bombs came");
}

#[test]
fn ten_thousand_idle_connections_do_not_shut_the_door() {
    let folder = tempfile::tempdir().unwrap();
    let exporter = ProbeExporter::start(folder.path(), PLAIN, &[]);
    // As many as this process may open, with some left for itself; the exporter has a limit of its own.
    let limit = open_files_limit().saturating_sub(200).min(10_000);
    let mut streams = Vec::new();
    for nth in 0..limit {
        match TcpStream::connect_timeout(&([127, 0, 0, 1], exporter.port).into(), Duration::from_secs(1)) {
            Ok(stream) => streams.push(stream),
            Err(error) => panic!("connection {nth}: {error}"),
        }
        if nth % 1_000 == 999 {
            answers_within_a_second(exporter.port, &format!("{nth} idle connections are open"));
        }
    }
    answers_within_a_second(exporter.port, &format!("{} idle connections are open", streams.len()));
    if limit < 10_000 {
        farol_tests::skipped(
            "abuse",
            &format!("only {limit} of 10,000 idle connections: the limit of open files"),
        );
    }
}

fn open_files_limit() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default();
    line.split_whitespace().nth(3).and_then(|soft| soft.parse().ok()).unwrap_or(1_024)
}

#[test]
fn a_thousand_parallel_scrapes_are_answered_or_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let exporter = ProbeExporter::start(folder.path(), PLAIN, &[]);
    let port = exporter.port;
    let clients: Vec<_> = (0..1_000)
        .map(|_| {
            std::thread::spawn(move || request(port, "GET", "/metrics", &[]).map(|answer| answer.status))
        })
        .collect();
    let statuses: Vec<u16> = clients.into_iter().filter_map(|client| client.join().unwrap().ok()).collect();
    let good = statuses.iter().filter(|status| **status == 200).count();
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    assert!(good >= 40, "only {good} of 1,000 were answered");
    answers_within_a_second(port, "1,000 parallel scrapes came");
}

#[test]
fn silent_tls_clients_are_closed() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::new(folder.path());
    let web = folder.path().join("web.yml");
    let (cert, key) = (certificate.certificate.display(), certificate.key.display());
    std::fs::write(&web, format!("tls_server_config: {{cert_file: {cert}, key_file: {key}}}\n")).unwrap();
    let exporter =
        ProbeExporter::start(folder.path(), PLAIN, &[&format!("--web.config.file={}", web.display())]);
    let mut streams: Vec<TcpStream> = (0..100)
        .filter_map(|nth| connect(exporter.port, if nth % 2 == 0 { b"" } else { b"\x16\x03\x01\x02" }))
        .collect();
    let began = Instant::now();
    let curl = std::process::Command::new("curl")
        .args(["-sk", "--max-time", "5", "-o", "/dev/null", "-w", "%{http_code}"])
        .arg(format!("https://127.0.0.1:{}/metrics", exporter.port))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&curl.stdout), "200");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    for stream in streams.iter_mut().take(4) {
        assert!(is_closed(stream), "a silent TLS client is still connected");
    }
}
