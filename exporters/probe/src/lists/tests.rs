use std::sync::{Arc, Mutex};

use kit::config::Document;
use kit::{Exporter as _, Page};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::ProbeExporter;

/// Serves a list, which may become another one; the first word is the status.
async fn serve(list: Arc<Mutex<String>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let answer = list.lock().unwrap().clone();
            let (status, body) = answer.split_once(' ').unwrap();
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = stream.write_all((head + body).as_bytes()).await;
        }
    });
    port
}

fn build(yaml: &str, previous: Option<&ProbeExporter>) -> ProbeExporter {
    let document = Document::embedded("test.yml", yaml);
    ProbeExporter::build(document.parse().unwrap(), &document, previous)
        .unwrap_or_else(|error| panic!("{error}"))
}

fn names(exporter: &ProbeExporter) -> Vec<String> {
    let all = exporter.watched().into_iter().filter(|line| line.kind != "list");
    all.map(|line| line.name).collect()
}

fn reason(page: &Page) -> String {
    let row = page.samples().find(|sample| sample.desc.name == "probe_list_error_info");
    let word = row.and_then(|row| row.labels().nth(1).map(|(_, value)| value.to_owned()));
    assert_eq!(page.get("probe_list_up", &[("list", "home")]), Some(if word.is_some() { 0.0 } else { 1.0 }));
    word.unwrap_or_else(|| "ok".to_owned())
}

#[tokio::test]
async fn targets_come_and_go_with_their_list_and_stay_while_it_is_down() {
    let good = r#"200 [
        {"targets": ["a.test:443"], "labels": {"__meta_npm_url": "http://127.0.0.1:1/", "__meta_npm_type": "proxy", "npm": "home", "target": "x"}},
        {"targets": ["b.test:443", "c.test:443"], "labels": {"__meta_npm_url": "http://127.0.0.2:1/", "__meta_npm_type": "proxy"}},
        {"targets": ["d.test:443"], "labels": {"__meta_npm_url": "http://127.0.0.3:1/", "__meta_npm_type": "dead"}},
        {"targets": ["e.test:443"], "labels": {"__meta_npm_type": "proxy"}},
        {"targets": ["f.test:443"], "labels": {"__meta_npm_url": "http://169.254.169.254/", "__meta_npm_type": "proxy"}}]"#;
    let list = Arc::new(Mutex::new("503 not yet".to_owned()));
    let port = serve(Arc::clone(&list)).await;
    let yaml = format!(
        "modules: {{web: {{prober: http, timeout: 1s}}}}\ntargets: [{{target: 'http://127.0.0.2:1/', module: web}}]\n\
         http_sd_configs: [{{name: home, url: 'http://127.0.0.1:{port}/sd/home', module: web, target_label: __meta_npm_url, \
         only: {{__meta_npm_type: proxy}}}}]"
    );
    let exporter = build(&yaml, None);
    let page = exporter.lists().run_once().await;
    assert_eq!(
        (reason(&page).as_str(), page.get("probe_list_targets", &[("list", "home")])),
        ("status", None)
    );
    assert_eq!(names(&exporter), ["http://127.0.0.2:1/"]);
    *list.lock().unwrap() = good.to_owned();
    let page = exporter.lists().run_once().await;
    assert_eq!(
        (reason(&page).as_str(), page.get("probe_list_targets", &[("list", "home")])),
        ("ok", Some(3.0))
    );
    let all = [
        "http://127.0.0.2:1/",
        "http://127.0.0.1:1/",
        "http://127.0.0.2:1/ at home",
        "http://169.254.169.254/",
    ];
    assert_eq!(names(&exporter), all);
    let sampler = exporter.schedule().samplers().remove(0);
    let rounds = exporter.schedule().rounds();
    for index in 0..rounds.plans(std::time::Instant::now()).len() {
        rounds.start(index).unwrap().await;
    }
    let page = sampler.page();
    assert!(page.dropped().is_empty(), "{:?}", page.dropped());
    let info = [
        ("target", "http://127.0.0.1:1/"),
        ("module", "web"),
        ("address", "http://127.0.0.1:1/"),
        ("npm", "home"),
    ];
    let infos: Vec<_> = page.samples().filter(|sample| sample.desc.name == "probe_target_info").collect();
    assert!(
        infos.iter().any(|row| row.labels().map(|(_, value)| value).eq(info.map(|(_, value)| value))),
        "{:?}",
        infos.iter().map(|row| row.labels().collect::<Vec<_>>()).collect::<Vec<_>>()
    );
    // What a list names is checked as what a URL names: a cloud's secrets are not fetched for anybody.
    let failure = |target: &str| {
        let rows = page.samples().filter(|sample| sample.desc.name == "probe_failure_info");
        let mut rows = rows.map(|row| row.labels().map(|(_, value)| value.to_owned()).collect::<Vec<_>>());
        rows.find(|labels| labels[0] == target).map(|labels| labels[3].clone())
    };
    assert_eq!(failure("http://169.254.169.254/").as_deref(), Some("target_refused"));
    assert_eq!(failure("http://127.0.0.1:1/").as_deref(), Some("connect_refused"));
    for (answer, want) in [
        ("500 []", "status"),
        ("200 <html>", "format"),
        ("200 {}", "format"),
        (r#"200 [{"labels": {}}]"#, "format"),
    ] {
        *list.lock().unwrap() = answer.to_owned();
        assert_eq!(reason(&exporter.lists().run_once().await), want, "{answer}");
        assert_eq!(names(&exporter), all, "what was known stays");
    }
    let reloaded = build(&yaml, Some(&exporter));
    assert_eq!(names(&reloaded), all, "also through a reload");
    *list.lock().unwrap() = "200 []".to_owned();
    assert_eq!(reason(&reloaded.lists().run_once().await), "ok");
    assert_eq!(names(&reloaded), ["http://127.0.0.2:1/"], "an empty list is one");
}
