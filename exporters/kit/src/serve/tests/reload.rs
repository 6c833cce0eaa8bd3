//! Reload, start and stop.

use super::*;
use crate::flags::Common;
use crate::run::{OnReload, StartError, check};

fn from_file(path: &Path) -> Settings {
    Settings { source: Source::File(path.to_path_buf()), ..settings() }
}

#[tokio::test]
async fn a_reload_is_all_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "tiny.yml", "value: 1\nloops: [a, b]\n");
    let running = serve(from_file(&file)).await;
    until("both have begun", async || get(&running, "/metrics").await.has("tiny_rounds_total{loop=\"b\"} 1"))
        .await;

    write(folder.path(), "tiny.yml", "value: 2\nlopos: []\n");
    let answer = request(&running, "POST /-/reload", "").await;
    assert_eq!(answer.status, 500);
    assert!(answer.has("tiny.yml:2:1") && answer.has("lopos"), "{}", answer.body);
    let metrics = get(&running, "/metrics").await.body;
    assert_eq!(sample(&metrics, "tiny_value{from=\"now\"}"), Some(1.0));
    assert_eq!(sample(&metrics, "farol_config_last_reload_successful"), Some(0.0));
    assert!(get(&running, "/").await.has("configuration file is refused"));

    write(folder.path(), "tiny.yml", "value: 2\nloops: [a, c]\n");
    assert_eq!(request(&running, "PUT /-/reload", "").await.status, 200);
    until("the new one has begun", async || {
        get(&running, "/metrics").await.has("tiny_rounds_total{loop=\"c\"} 1")
    })
    .await;
    let metrics = get(&running, "/metrics").await.body;
    assert_eq!(sample(&metrics, "tiny_value{from=\"now\"}"), Some(2.0));
    assert_eq!(sample(&metrics, "farol_config_last_reload_successful"), Some(1.0));
    // The one that was there before went on: it was not started again. The one that is gone is not shown.
    assert_eq!(sample(&metrics, "tiny_rounds_total{loop=\"a\"}"), Some(1.0));
    assert!(!metrics.contains("loop=\"b\""));
    assert_eq!(running.source(), file.display().to_string());
    running.stop().await;
}

/// Who runs the exporter does their part of what was asked over HTTP, and not of what they asked themselves; and says what is
/// wrong with it.
#[tokio::test]
async fn who_runs_it_does_their_part_of_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "tiny.yml", "value: 1");
    let (told, counted) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let count = Arc::clone(&counted);
    let on_reload = OnReload::new(move || match count.fetch_add(1, Ordering::Relaxed) {
        0 => Ok(()),
        _ => Err(Document::embedded("other.yml", "x").problem_at("x", "it is no good", "").into()),
    });
    let running = serve(Settings { on_reload: Some(on_reload), ..from_file(&file) }).await;
    let asked =
        || counted.load(Ordering::Relaxed) - told.swap(counted.load(Ordering::Relaxed), Ordering::Relaxed);
    running.reload().unwrap();
    assert_eq!(asked(), 0, "an endless round");
    assert_eq!(request(&running, "POST /-/reload", "").await.status, 200);
    assert_eq!(asked(), 1);
    let answer = request(&running, "POST /-/reload", "").await;
    assert!(answer.status == 500 && answer.has("other.yml") && answer.has("it is no good"), "{answer:?}");
    asked();
    write(folder.path(), "tiny.yml", "valeu: 1");
    assert_eq!(request(&running, "POST /-/reload", "").await.status, 500);
    assert_eq!(asked(), 0, "a reload that was refused");
    running.stop().await;
}

#[tokio::test]
async fn a_changed_file_is_read_by_itself_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "tiny.yml", "value: 1");
    let running = serve(Settings { auto_reload: Duration::from_millis(20), ..from_file(&file) }).await;
    for value in [2, 3] {
        write(folder.path(), "tiny.yml", &format!("value: {value}"));
        let want = format!("tiny_value{{from=\"now\"}} {value}");
        until("the new value is shown", async || get(&running, "/metrics").await.has(&want)).await;
    }
    running.stop().await;
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "tiny.yml", "valeu: 1");
    let error = start::<Tiny>(from_file(&file)).await.unwrap_err();
    assert!(matches!(error, StartError::Config(_)) && error.to_string().contains("value"), "{error}");
    let running = serve(settings()).await;
    let taken = Settings { listen: running.addresses().to_vec(), ..settings() };
    let error = start::<Tiny>(taken).await.unwrap_err();
    assert!(matches!(error, StartError::Listen(_)) && error.to_string().contains("in use"), "{error}");
    let web = write(folder.path(), "web.yml", "tls: 1");
    let error = start::<Tiny>(Settings { web_config: Some(web), ..settings() }).await.unwrap_err();
    assert!(matches!(error, StartError::Web(_)), "{error}");
    running.stop().await;
}

#[tokio::test]
async fn requests_in_flight_are_answered_at_the_end() {
    let source = Source::Document(Document::embedded("t", "hangs: true"));
    let running = serve(Settings { source, ..settings() }).await;
    let address = running.addresses()[0].clone();
    let mut idle = connect(&running).await;
    ask(&mut idle, "GET /-/ready HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut busy = connect(&running).await;
    busy.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nx-prometheus-scrape-timeout-seconds: 0.9\r\n\r\n")
        .await
        .unwrap();
    until("it is in flight", async || {
        ask(&mut connect(&running).await, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.is_some()
    })
    .await;
    let begin = Instant::now();
    let (_, answer) = tokio::join!(running.stop(), ask(&mut busy, ""));
    assert_eq!(answer.unwrap().status, 200);
    assert!(begin.elapsed() < Duration::from_millis(1500), "{:?}", begin.elapsed());
    assert_eq!(idle.read(&mut [0]).await.unwrap_or(0), 0, "the idle connection is closed");
    assert!(TcpStream::connect(address).await.is_err());
}

/// A scraper may wait for longer than a service manager does.
#[tokio::test]
async fn what_hangs_does_not_hold_up_the_end() {
    let source = Source::Document(Document::embedded("t", "hangs: true"));
    for path in ["/metrics", "/probe?module=hangs&target=x"] {
        let running = serve(Settings { source: source.clone(), ..settings() }).await;
        let mut busy = connect(&running).await;
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: x\r\nx-prometheus-scrape-timeout-seconds: 60\r\n\r\n");
        busy.write_all(request.as_bytes()).await.unwrap();
        until("it is in flight", async || {
            ask(&mut connect(&running).await, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.is_some()
        })
        .await;
        // With 2 s of patience it would be dropped without an answer.
        let (_, answer) = tokio::join!(running.stop(), ask(&mut busy, ""));
        assert_eq!(answer.unwrap().status, 503, "{path}");
    }
}

#[tokio::test]
async fn it_listens_on_a_unix_socket_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.sock");
    let listen = vec![format!("unix:{}", path.display()), "127.0.0.1:0".into()];
    let running = serve(Settings { listen, ..settings() }).await;
    let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    let answer = ask(&mut stream, "GET /-/healthy HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(answer.body, "Healthy\n");
    running.stop().await;
    assert!(!path.exists());
}

#[test]
fn check_says_what_is_there_or_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let good = write(folder.path(), "good.yml", "value: 1");
    let text = check::<Tiny>(&from_file(&good)).unwrap();
    assert!(text.contains("good.yml: ok: 6 modules (good, "), "{text}");
    assert!(text.contains("note: open_door: Everybody may probe"), "{text}");
    let bad = write(folder.path(), "bad.yml", "value: x");
    let web = write(folder.path(), "web.yml", "rate_limit: {burst: many}");
    let error = check::<Tiny>(&Settings { web_config: Some(web), ..from_file(&bad) }).unwrap_err();
    assert!(error.contains("bad.yml:1") && error.contains("web.yml:1"), "{error}");
}

#[test]
fn the_catalogue_has_every_name_once() {
    let mut names: Vec<&str> = crate::run::catalogue::<Tiny>().iter().map(|desc| desc.name).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
    for name in ["tiny_value", "probe_success", "farol_http_requests_total", "process_open_fds"] {
        assert!(names.contains(&name), "{name}");
    }
}

#[test]
fn the_external_url_gives_the_prefix() {
    use clap::{Args, Command, FromArgMatches};
    for (arguments, want) in [
        (&[][..], Some("")),
        (&["--web.external-url=https://x.example/a/b/"], Some("/a/b")),
        (&["--web.external-url=https://x.example/a", "--web.route-prefix=/"], Some("")),
        (&["--web.route-prefix=c"], Some("/c")),
        (&["--web.external-url=nonsense"], None),
    ] {
        let matches =
            Common::augment_args(Command::new("x").no_binary_name(true)).get_matches_from(arguments);
        let settings = Settings::new(&Common::from_arg_matches(&matches).unwrap());
        assert_eq!(settings.ok().map(|settings| settings.route_prefix).as_deref(), want, "{arguments:?}");
    }
}
