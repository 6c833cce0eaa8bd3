//! Clients that are slow, many, or hostile: the exporter goes on answering, and closes the silent ones.

use super::*;
use crate::serve::Limits;

fn short() -> Limits {
    let brief = Duration::from_millis(300);
    Limits { head: brief, handshake: brief, write: brief, ..Limits::default() }
}

/// How long until the other side closes; fails after 5 s.
async fn closed_after(stream: &mut TcpStream) -> Duration {
    let begin = Instant::now();
    let mut rest = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
    assert!(end.is_ok(), "still open after 5 s");
    begin.elapsed()
}

async fn answers_quickly(running: &Running) {
    let begin = Instant::now();
    assert_eq!(get(running, "/metrics").await.status, 200);
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
}

/// hyperium/hyper#3756: a silent client, or one with part of HTTP/2's preface, stayed for ever.
#[tokio::test]
async fn slow_heads_are_closed() {
    let running = serve(Settings { limits: short(), ..settings() }).await;
    for start in ["", "PRI * HT", "GET /metrics HTT", "GET / HTTP/1.1\r\nhost: x\r\nx: "] {
        let mut stream = connect(&running).await;
        stream.write_all(start.as_bytes()).await.unwrap();
        let after = closed_after(&mut stream).await;
        assert!(
            (Duration::from_millis(200)..Duration::from_secs(2)).contains(&after),
            "{start:?}: {after:?}"
        );
    }
    // One byte at a time does not help.
    let (mut reader, mut writer) = connect(&running).await.into_split();
    let drip = tokio::spawn(async move {
        for byte in b"GET /metrics HTTP/1.1\r\nx-long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" {
            if writer.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let begin = Instant::now();
    let _ = tokio::time::timeout(Duration::from_secs(5), reader.read(&mut [0; 16])).await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    drip.abort();
    let slow =
        sample(&get(&running, "/metrics").await.body, "farol_http_refused_total{reason=\"slow_client\"}");
    assert_eq!(slow, Some(5.0));
    running.stop().await;
}

#[tokio::test]
async fn an_idle_connection_outlives_the_heads_limit_but_not_its_own() {
    let limits = Limits { head: Duration::from_millis(100), idle: Duration::from_millis(600), ..short() };
    let running = serve(Settings { limits, ..settings() }).await;
    let mut stream = connect(&running).await;
    let ready = "GET /-/ready HTTP/1.1\r\nhost: x\r\n\r\n";
    for _ in 0..2 {
        assert_eq!(ask(&mut stream, ready).await.unwrap().status, 200);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert_eq!(ask(&mut stream, ready).await.unwrap().status, 200);
    let after = closed_after(&mut stream).await;
    assert!(after > Duration::from_millis(400), "{after:?}");
    running.stop().await;
}

#[tokio::test]
async fn header_bombs_are_refused() {
    let running = serve(settings()).await;
    let many: String = (0..200).map(|n| format!("x-{n}: y\r\n")).collect();
    let long = format!("x: {}\r\n", "y".repeat(64 * 1024));
    for bomb in [many, long] {
        let mut stream = connect(&running).await;
        let _ = stream.write_all(format!("GET / HTTP/1.1\r\nhost: x\r\n{bomb}\r\n").as_bytes()).await;
        let mut answer = Vec::new();
        // The rest of the bomb may meet a closed socket: the answer is then lost on the way.
        let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await.unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    answers_quickly(&running).await;
    running.stop().await;
}

/// A client that asks for much and reads nothing.
#[tokio::test]
async fn answers_that_nobody_reads_are_given_up() {
    let running = serve(Settings { limits: short(), ..settings() }).await;
    let mut stream = connect(&running).await;
    let request = "GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(64);
    let flood = async { while stream.write_all(request.as_bytes()).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(20), flood).await.expect("the connection is closed");
    answers_quickly(&running).await;
    running.stop().await;
}

#[tokio::test]
async fn ten_thousand_idle_connections_do_not_keep_anybody_out() {
    let running = serve(settings()).await;
    // Each takes two descriptors for a moment, and one for as long as it is held.
    let (most, _) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).unwrap();
    let count = usize::try_from(most.saturating_sub(1500)).unwrap().min(10_000);
    if count < 10_000 {
        eprintln!("only {count} of 10,000 connections: the limit of open files is {most}");
    }
    let mut scraper = connect(&running).await;
    let mut idle = Vec::with_capacity(count);
    for n in 0..count {
        idle.push(connect(&running).await);
        if n % 2000 == 0 {
            answers_quickly(&running).await;
        }
    }
    for _ in 0..3 {
        answers_quickly(&running).await;
    }
    let metrics = get(&running, "/metrics").await.body;
    assert!(sample(&metrics, "farol_http_connections").unwrap() <= 512.0);
    assert!(
        sample(&metrics, "farol_http_refused_total{reason=\"max_connections\"}").unwrap()
            >= count as f64 - 600.0
    );
    // The first of all was idle for longest.
    assert_eq!(scraper.read(&mut [0]).await.unwrap_or(0), 0);
    running.stop().await;
}

#[tokio::test]
async fn a_thousand_scrapes_at_once_are_all_answered() {
    let running = Arc::new(serve(settings()).await);
    let begin = Instant::now();
    let scrapes: Vec<_> = (0..1000)
        .map(|_| {
            let running = Arc::clone(&running);
            tokio::spawn(
                async move { request(&running, "GET /metrics", "connection: close\r\n").await.status },
            )
        })
        .collect();
    for scrape in scrapes {
        assert_eq!(scrape.await.unwrap(), 200);
    }
    eprintln!("1,000 scrapes in {:?}", begin.elapsed());
    answers_quickly(&running).await;
    Arc::into_inner(running).unwrap().stop().await;
}

#[tokio::test]
async fn too_many_requests_at_once_are_told_to_come_later() {
    let source = Source::Document(Document::embedded("t", "hangs: true"));
    let running = serve(Settings { source, max_requests: 2, ..settings() }).await;
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(&running).await;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        busy.push(stream);
    }
    until("both are in flight", async || get(&running, "/config").await.status == 503).await;
    let answer = get(&running, "/metrics").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    for path in ["/-/healthy", "/-/ready", "/probe?target=x"] {
        assert_eq!(get(&running, path).await.status, 200, "{path}");
    }
    drop(busy);
    until("they are gone", async || get(&running, "/config").await.status == 200).await;
    running.stop().await;
}
