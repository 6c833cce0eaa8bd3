//! What each endpoint answers.

use super::*;

#[tokio::test]
async fn metrics_show_collectors_samplers_and_the_exporter_itself() {
    let running = serve(settings()).await;
    until("the loop has begun", async || {
        get(&running, "/metrics").await.has("tiny_rounds_total{loop=\"a\"} 1")
    })
    .await;
    let answer = get(&running, "/metrics").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("vary"), Some("Accept, Accept-Encoding"));
    assert!(answer.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"), "{answer:?}");
    for (series, value) in [
        ("tiny_value{from=\"now\"}", 1.0),
        ("farol_collector_success{collector=\"now\"}", 1.0),
        ("farol_sampler_restarts_total{sampler=\"a\"}", 0.0),
        ("farol_config_last_reload_successful", 1.0),
        ("farol_config_notice_info{notice=\"open_door\"}", 1.0),
        ("farol_http_requests_in_flight", 1.0),
        ("farol_http_connections", 1.0),
        ("farol_http_requests_total{path=\"/probe\",code=\"200\"}", 0.0),
        ("farol_http_refused_total{reason=\"max_requests\"}", 0.0),
        ("farol_probe_unknown_module_total", 0.0),
    ] {
        assert_eq!(sample(&answer.body, series), Some(value), "{series}:\n{}", answer.body);
    }
    // The collector pushed a row twice; the guard dropped it, and says so.
    assert!(sample(&answer.body, "farol_page_dropped_total{reason=\"duplicate\"}").unwrap() >= 1.0);
    assert!(answer.has("farol_build_info{") && answer.has("process_resident_memory_bytes "));
    assert!(!answer.has("farol_web_config_last_reload_successful"));
    running.stop().await;
}

/// The path and the parameters of the peer whose place an exporter takes.
#[tokio::test]
async fn a_prober_may_have_its_peers_path() {
    let running = serve(settings()).await;
    for (path, status, more) in [
        ("/peer?target=x&more=1", 200, true),
        ("/probe?target=x", 200, false),
        ("/peers?target=x", 404, false),
    ] {
        let answer = get(&running, path).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert_eq!(answer.has("value{from=\"more\"} 1"), more, "{path}: {answer:?}");
    }
    running.stop().await;
}

#[tokio::test]
async fn what_is_discovered_is_served_and_what_is_not_known_is_not_nothing() {
    let running = serve(settings()).await;
    let list = r#"[{"targets":["a.test:443"],"labels":{"__meta_x":"1"}}]"#;
    for path in ["/sd", "/sd/known"] {
        let answer = get(&running, path).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, list), "{path}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    // The exporter of this test takes no targets but those of `type=a`.
    for (path, status) in [("/sd?type=a", 200), ("/sd/known?type=a", 200), ("/sd?typ=a", 400)] {
        assert_eq!(get(&running, path).await.status, status, "{path}");
    }
    for path in ["/sd/", "/sd/other", "/sd/known/more"] {
        let answer = get(&running, path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.has("/sd/known"), "{answer:?}");
    }
    running.stop().await;
    let source = Source::Document(Document::embedded("t", "hangs: true"));
    let running = serve(Settings { source, ..settings() }).await;
    for (path, status) in [("/sd", 503), ("/sd/later", 503), ("/sd/known", 200)] {
        assert_eq!(get(&running, path).await.status, status, "{path}");
    }
    running.stop().await;
}

#[tokio::test]
async fn formats_are_negotiated() {
    let running = serve(settings()).await;
    let accept = "accept: application/openmetrics-text;version=1.0.0\r\n";
    let answer = request(&running, "GET /metrics", accept).await;
    assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text"), "{answer:?}");
    assert!(answer.body.ends_with("# EOF\n"));
    let answer = request(&running, "GET /metrics", "accept-encoding: gzip\r\n").await;
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    running.stop().await;
}

#[tokio::test]
async fn a_hanging_collector_ends_at_the_scrapers_deadline() {
    let source = Source::Document(Document::embedded("t", "value: 2\nhangs: true"));
    let running = serve(Settings { source, timeout_offset: Duration::from_millis(300), ..settings() }).await;
    let begin = Instant::now();
    let answer = request(&running, "GET /metrics", "x-prometheus-scrape-timeout-seconds: 0.4\r\n").await;
    assert!(begin.elapsed() < Duration::from_millis(390), "{:?}", begin.elapsed());
    assert_eq!(sample(&answer.body, "farol_collector_success{collector=\"hangs\"}"), Some(0.0));
    assert_eq!(sample(&answer.body, "tiny_value{from=\"now\"}"), Some(2.0));
    for nonsense in ["NaN", "-1", "soon", "\u{e9}"] {
        let header = format!("x-prometheus-scrape-timeout-seconds: {nonsense}\r\n");
        for path in ["/metrics", "/probe?target=x"] {
            assert_eq!(
                request(&running, &format!("GET {path}"), &header).await.status,
                400,
                "{nonsense} {path}"
            );
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn a_probe_shows_its_own_metrics_only() {
    let running = serve(settings()).await;
    let answer = get(&running, "/probe?target=a%2Bb&module=good").await;
    assert_eq!(answer.status, 200);
    assert_eq!(sample(&answer.body, "tiny_value{from=\"a+b\"}"), Some(1.0), "{}", answer.body);
    assert_eq!(sample(&answer.body, "probe_success"), Some(1.0));
    assert_eq!(sample(&answer.body, "probe_timeout_seconds"), Some(120.0));
    assert!(
        answer.has("probe_duration_seconds ") && !answer.has("probe_failure_info") && !answer.has("farol_")
    );

    let answer =
        request(&running, "GET /probe?target=x&module=bad", "x-prometheus-scrape-timeout-seconds: 5\r\n")
            .await;
    assert_eq!(answer.status, 200, "a failed probe is an answer");
    assert_eq!(sample(&answer.body, "probe_success"), Some(0.0));
    assert_eq!(sample(&answer.body, "probe_timeout_seconds"), Some(4.5));
    assert_eq!(
        sample(&answer.body, "probe_failure_info{phase=\"connect\",reason=\"connect_refused\"}"),
        Some(1.0)
    );
    running.stop().await;
}

#[tokio::test]
async fn bad_requests_for_probes() {
    let running = serve(settings()).await;
    for (path, status, body) in [
        ("/probe", 400, "Target parameter is missing\n"),
        (
            "/probe?target=x&module=none",
            400,
            "Unknown module \"none\"\nthere are: good, bad, closed, hangs, stuck, panics\n",
        ),
        ("/probe?target=x&module=good&hostname=other.test", 400, "good has a host of its own\n"),
        (
            "/probe?target=x&module=closed",
            403,
            "Target refused by rule \"link_local\": no metadata for you\n",
        ),
    ] {
        let answer = get(&running, path).await;
        assert_eq!((answer.status, answer.body.as_str()), (status, body), "{path}");
    }
    let metrics = get(&running, "/metrics").await.body;
    assert_eq!(sample(&metrics, "farol_probe_unknown_module_total"), Some(1.0));
    assert_eq!(sample(&metrics, "farol_http_refused_total{reason=\"target\"}"), Some(1.0));
    running.stop().await;
}

#[tokio::test]
async fn a_prober_that_hangs_or_panics_is_answered_for() {
    let running = serve(settings()).await;
    for module in ["stuck", "panics"] {
        let answer = get(&running, &format!("/probe?target=x&module={module}")).await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            sample(&answer.body, "probe_failure_info{phase=\"setup\",reason=\"internal\"}"),
            Some(1.0),
            "{module}: {}",
            answer.body
        );
    }
    running.stop().await;
}

#[tokio::test]
async fn a_probe_is_dropped_when_its_client_goes_away() {
    let running = serve(settings()).await;
    let before = DROPPED.load(Ordering::Relaxed);
    let mut stream = connect(&running).await;
    stream.write_all(b"GET /probe?target=x&module=hangs HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    until("it is in flight", async || {
        sample(&get(&running, "/metrics").await.body, "farol_http_requests_in_flight") == Some(2.0)
    })
    .await;
    drop(stream);
    until("it is dropped", async || DROPPED.load(Ordering::Relaxed) > before).await;
    running.stop().await;
}

#[tokio::test]
async fn the_debug_page_and_the_logs_tell_the_same() {
    let running = serve(settings()).await;
    let debug = get(&running, "/probe?target=http://u:hunter2@x/&module=bad&debug=true").await;
    assert_eq!(debug.header("content-type"), Some("text/plain; charset=utf-8"));
    for part in [
        "asked for",
        "verdict:  failure: connect_refused (connect): in words",
        "probe_success 0",
        "prober: bad",
    ] {
        assert!(debug.has(part), "{part}: {}", debug.body);
    }
    let log = get(&running, "/logs?id=1").await;
    assert_eq!((log.status, log.body), (200, debug.body));
    for (query, status) in [
        ("", 400),
        ("id=1&target=x", 400),
        ("id=one", 400),
        ("id=1&module=bad", 400),
        ("id=2", 404),
        ("target=y", 404),
        ("target=http://u:hunter2@x/", 200),
        ("target=http://u:hunter2@x/&module=good", 404),
    ] {
        assert_eq!(get(&running, &format!("/logs?{query}")).await.status, status, "{query}");
    }
    running.stop().await;
}

#[tokio::test]
async fn the_small_endpoints() {
    let source = Source::Document(Document::embedded("t", "value: 3\npassword: hunter2"));
    let running = serve(Settings { source, ..settings() }).await;
    for (path, status, body) in [("/-/healthy", 200, "Healthy\n"), ("/-/ready", 200, "Ready\n")] {
        let answer = get(&running, path).await;
        assert_eq!((answer.status, answer.body.as_str()), (status, body));
    }
    let config = get(&running, "/config").await.body;
    assert!(
        config.contains("value: 3") && config.contains("<secret>") && !config.contains("hunter2"),
        "{config}"
    );
    for path in ["/no/such/path", "/metrics/", "//", "/-/quit"] {
        assert_eq!(get(&running, path).await.status, 404, "{path}");
    }
    for (line, allowed) in [
        ("GET /-/reload", "POST, PUT"),
        ("DELETE /-/reload", "POST, PUT"),
        ("POST /metrics", "GET, HEAD"),
        ("PUT /", "GET, HEAD"),
    ] {
        let answer = request(&running, line, "").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{line}");
    }
    running.stop().await;
}

#[tokio::test]
async fn head_has_the_headers_of_get() {
    let running = serve(settings()).await;
    for path in ["/", "/config", "/-/ready", "/nothing", "/probe?target=x&module=closed"] {
        let (get, head) = (get(&running, path).await, request(&running, &format!("HEAD {path}"), "").await);
        for name in ["content-type", "content-length"] {
            assert_eq!((head.status, head.header(name)), (get.status, get.header(name)), "{path} {name}");
        }
    }
    // Nothing follows the head: the next answer on the connection is whole.
    let mut stream = connect(&running).await;
    ask(&mut stream, "HEAD /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(ask(&mut stream, "GET /-/ready HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap().body, "Ready\n");
    running.stop().await;
}

#[tokio::test]
async fn the_landing_page_shows_state_and_escapes() {
    let running = serve(settings()).await;
    get(&running, "/probe?module=bad&target=%3Cscript%3E").await;
    let page = get(&running, "/").await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").unwrap().contains("style-src 'sha256-"));
    for part in [
        "tiny-exporter",
        "&lt;one&gt;",
        "it is down",
        "./probe?target=x",
        "Everybody may probe",
        "&lt;script&gt;",
        "connect_refused",
        "./logs?id=1",
    ] {
        assert!(page.has(part), "{part}: {}", page.body);
    }
    assert!(!page.has("<script"));
    running.stop().await;
}

#[tokio::test]
async fn a_route_prefix_is_in_front_of_everything() {
    let running = serve(Settings { route_prefix: "/tiny".into(), ..settings() }).await;
    assert_eq!(get(&running, "/tiny/-/ready").await.status, 200);
    assert_eq!(get(&running, "/tiny/").await.status, 200);
    assert_eq!(get(&running, "/-/ready").await.status, 404);
    let answer = get(&running, "/tiny").await;
    assert_eq!((answer.status, answer.header("location")), (301, Some("/tiny/")));
    running.stop().await;
}
