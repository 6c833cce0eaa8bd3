//! A directory on loopback, served by nginx over https.

use std::sync::Arc;

use super::Asker;
use crate::testing::{Lab, build, make, there};

const YEARS: (i64, i64) = (-400, 4000);
const WINDOW: &str =
    r#"{"suggestedWindow": {"start": "2030-01-02T04:00:00Z", "end": "2030-01-03T04:00:00Z"}}"#;
const LABELS: [(&str, &str); 2] = [("target", "site"), ("module", "m")];

/// nginx with a certificate, as both the target and the authority's directory.
async fn stage(answer: &str, lab: &Lab) -> (crate::testing::Server, String) {
    let root = make("Lab Root", true, None, YEARS);
    let leaf = make("localhost", false, Some(&root), (-30, 2000));
    let ca = lab.write("ca.pem", &root.pem);
    lab.write("cert.pem", &leaf.pem);
    lab.write("key.pem", &leaf.key);
    let (nginx, port) = lab
        .nginx(&format!(
            r#"log_format asked '$request_uri'; types {{ }} default_type application/json;
            server {{ listen 127.0.0.1:@PORT@ ssl; access_log asked.log asked; ssl_certificate cert.pem; ssl_certificate_key key.pem;
              location = /directory {{ return 200 '{{"renewalInfo": "https://localhost:@PORT@/info"}}'; }}
              location /info/ {{ {answer} }}
            }}"#
        ))
        .await;
    let yaml = format!(
        "modules: {{m: {{tls_config: {{ca_file: '{ca}'}}}}}}
targets: [{{name: site, target: 'localhost:{port}', module: m}}]
ari: {{ca_file: '{ca}', directories: [{{organization: Lab Root, url: 'https://localhost:{port}/directory'}}]}}",
        ca = ca.display()
    );
    (nginx, yaml)
}

fn asked(lab: &Lab) -> Vec<String> {
    let text = std::fs::read_to_string(lab.path().join("asked.log")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_authoritys_window_goes_before_every_policy() {
    if !there("nginx", "the_authoritys_window_goes_before_every_policy") {
        return;
    }
    let lab = Lab::new();
    let answer = format!("add_header Retry-After 7200; return 200 '{WINDOW}';");
    let (nginx, yaml) = stage(&answer, &lab).await;
    let exporter = build(&yaml).unwrap();
    let ari = exporter.modules().ari.clone().unwrap();
    let asker = Asker::new(Arc::clone(&ari), exporter.schedule().clone());
    // Nothing was seen yet, so nothing is asked.
    asker.round().await;
    let page = exporter.schedule().run_once().await;
    let due = "tls_certificate_renewal_due_timestamp_seconds";
    assert!(page.get(due, &[LABELS[0], LABELS[1], ("policy", "manual")]).is_some());
    assert_eq!(page.get("tls_ari_last_fetch_success", &LABELS), None);
    assert!(asked(&lab).is_empty());
    let before = kit::Sampler::generation(&*kit::Exporter::samplers(&exporter)[0]);
    asker.round().await;
    assert_ne!(kit::Sampler::generation(&*kit::Exporter::samplers(&exporter)[0]), before);
    let page = kit::Sampler::page(&*kit::Exporter::samplers(&exporter)[0]);
    let end = 1_893_643_200.0;
    assert_eq!(page.get(due, &[LABELS[0], LABELS[1], ("policy", "ari")]), Some(end));
    assert_eq!(page.get(due, &[LABELS[0], LABELS[1], ("policy", "manual")]), None);
    assert_eq!(page.get("tls_ari_window_start_timestamp_seconds", &LABELS), Some(end - 86_400.0));
    assert_eq!(page.get("tls_ari_window_end_timestamp_seconds", &LABELS), Some(end));
    assert_eq!(page.get("tls_ari_last_fetch_success", &LABELS), Some(1.0));
    assert!(page.get("tls_ari_last_answer_timestamp_seconds", &LABELS).is_some());
    // Asked by its identifier, and not again before the two hours are over.
    asker.round().await;
    // nginx writes a line when the answer is gone.
    for _ in 0..100 {
        if asked(&lab).len() >= 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let all = asked(&lab);
    let der = exporter.schedule().presented()[0].der.clone();
    let id = wire::tls::renewal_id(&der).unwrap();
    assert_eq!(all, ["/directory".to_owned(), format!("/info/{id}")]);
    let wait = ari.known.lock().values().next().unwrap().next.duration_since(std::time::Instant::now());
    assert!((7190..=7930).contains(&wait.as_secs()), "{wait:?}");
    // A reload asks nobody anew; without the section nothing is told.
    let document = kit::config::Document::embedded("test.yml", &yaml);
    let reloaded =
        <crate::TlsExporter as kit::Exporter>::build(document.parse().unwrap(), &document, Some(&exporter))
            .unwrap();
    let page = kit::Sampler::page(&*kit::Exporter::samplers(&reloaded)[0]);
    assert_eq!(page.get("tls_ari_window_end_timestamp_seconds", &LABELS), Some(end));
    // What is presented no more is forgotten.
    drop(nginx);
    let empty = build("{}").unwrap();
    Asker::new(Arc::clone(&ari), empty.schedule().clone()).round().await;
    assert!(ari.known.lock().is_empty());
}

#[tokio::test]
async fn each_way_to_have_no_answer_has_its_reason() {
    if !there("nginx", "each_way_to_have_no_answer_has_its_reason") {
        return;
    }
    for (answer, change, want) in [
        ("return 404;", "", "status"),
        ("return 503;", "", "status"),
        ("return 200 'no json';", "", "invalid"),
        (
            "return 200 '{\"suggestedWindow\": {\"start\": \"2030-01-03T04:00:00Z\", \"end\": \"2030-01-02T04:00:00Z\"}}';",
            "",
            "invalid",
        ),
        ("return 444;", "", "http"),
        ("", "/nowhere", "status"),
        ("", "ca_file", "tls"),
    ] {
        let lab = Lab::new();
        let (_nginx, mut yaml) = stage(answer, &lab).await;
        match change {
            "ca_file" => {
                let stranger = lab.write("stranger.pem", &make("Stranger", true, None, YEARS).pem);
                let from = yaml.rfind("ca_file: '").unwrap() + 10;
                let until = from + yaml[from..].find('\'').unwrap();
                yaml.replace_range(from..until, &stranger.display().to_string());
            }
            other => yaml = yaml.replace("/directory", &format!("/directory{other}")),
        }
        let exporter = build(&yaml).unwrap();
        exporter.schedule().run_once().await;
        let ari = exporter.modules().ari.clone().unwrap();
        Asker::new(Arc::clone(&ari), exporter.schedule().clone()).round().await;
        let page = kit::Sampler::page(&*kit::Exporter::samplers(&exporter)[0]);
        let failure = [LABELS[0], LABELS[1], ("reason", want)];
        assert_eq!(page.get("tls_ari_failure_info", &failure), Some(1.0), "{answer}{change}");
        assert_eq!(page.get("tls_ari_last_fetch_success", &LABELS), Some(0.0));
        assert_eq!(page.get("tls_ari_window_end_timestamp_seconds", &LABELS), None);
        let wait = ari.known.lock().values().next().unwrap().next.duration_since(std::time::Instant::now());
        assert!(wait.as_secs() > 6 * 3600 - 10, "{wait:?}");
    }
}
