//! The peer's names, and none of its defects.

use std::time::{Duration, Instant};

use kit::config::Document;
use kit::{Ask, Exporter as _, Trace, Verdict};

use super::SslExporter;
use crate::testing::{Lab, Made, make, there};

const YEARS: (i64, i64) = (-400, 4000);
const L7: [&str; 7] = ["serial_no", "issuer_cn", "cn", "dnsnames", "ips", "emails", "ou"];

fn build(yaml: &str) -> Result<SslExporter, String> {
    let document = Document::embedded("ssl_exporter.yml", yaml);
    let raw = document.parse().map_err(|error| error.to_string())?;
    SslExporter::build(raw, &document, None).map_err(|error| error.to_string())
}

async fn probe(yaml: &str, module: &str, target: &str) -> Verdict {
    let exporter = build(yaml).unwrap_or_else(|error| panic!("{error}"));
    let prober = exporter.prober().unwrap();
    let target = prober.target(module).unwrap_or(target);
    let trace = Trace::new();
    let deadline = Instant::now() + Duration::from_secs(5);
    let verdict = prober.probe(Ask { module, target, hostname: None, deadline, trace: &trace }).await;
    assert!(verdict.page.dropped().is_empty(), "{:?}", verdict.page.dropped());
    for desc in verdict.page.descs() {
        assert!(SslExporter::catalogue().contains(&desc), "{}", desc.name);
    }
    verdict
}

/// A family's samples: label values and value.
fn samples(verdict: &Verdict, name: &str) -> Vec<(Vec<(String, String)>, f64)> {
    let all = verdict.page.samples().filter(|sample| sample.desc.name == name);
    all.map(|sample| {
        let labels = sample.labels().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let kit::page::Value::Number(value) = sample.value else { panic!("{name}") };
        (labels, *value)
    })
    .collect()
}

fn label<'a>(labels: &'a [(String, String)], name: &str) -> &'a str {
    labels.iter().find(|(label, _)| label == name).map_or("", |(_, value)| value)
}

/// A server with a certificate for its address, behind an intermediate.
fn server(lab: &Lab, dates: (i64, i64), arguments: &str) -> (crate::testing::Server, Made) {
    let root = make("Lab Root", true, None, YEARS);
    let middle = make("Lab Intermediate", true, Some(&root), YEARS);
    let leaf = make("127.0.0.1", false, Some(&middle), dates);
    lab.write("ca.pem", &root.pem);
    lab.write("cert.pem", &leaf.pem);
    lab.write("key.pem", &leaf.key);
    lab.write("chain.pem", &middle.pem);
    (lab.serve(&format!("-cert_chain chain.pem {arguments}")), leaf)
}

fn yaml(lab: &Lab, more: &str) -> String {
    format!(
        "default_module: tcp\nmodules:\n  tcp: {{prober: tcp, tls_config: {{ca_file: '{ca}'}}}}\n  https: {{prober: https, tls_config: {{ca_file: '{ca}'}}}}\n{more}",
        ca = lab.path().join("ca.pem").display()
    )
}

#[tokio::test]
async fn the_peers_names_and_labels() {
    if !there("openssl", "the_peers_names_and_labels") {
        return;
    }
    let lab = Lab::new();
    let (server, _) = server(&lab, (-30, 60), "");
    for (module, target) in [
        ("tcp", server.addr.clone()),
        ("https", format!("https://{}/x", server.addr)),
        ("https", server.addr.clone()),
    ] {
        let verdict = probe(&yaml(&lab, ""), module, &target).await;
        assert_eq!(verdict.failure, None, "{module} {target}");
        assert_eq!(verdict.page.get("ssl_probe_success", &[]), Some(1.0));
        assert_eq!(verdict.page.get("ssl_prober", &[("prober", module)]), Some(1.0));
        assert_eq!(verdict.page.get("ssl_tls_version_info", &[("version", "TLS 1.3")]), Some(1.0));
        let sent = samples(&verdict, "ssl_cert_not_after");
        assert_eq!(sent.len(), 2);
        let names: Vec<&str> = sent[0].0.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, L7);
        let leaf = &sent[0].0;
        assert_eq!((label(leaf, "issuer_cn"), label(leaf, "cn")), ("Lab Intermediate", "127.0.0.1"));
        assert_eq!((label(leaf, "ips"), label(leaf, "dnsnames"), label(leaf, "ou")), (",127.0.0.1,", "", ""));
        assert!(label(leaf, "serial_no").bytes().all(|digit| digit.is_ascii_digit()));
        // The path goes up to the root, which was not sent.
        let verified = samples(&verdict, "ssl_verified_cert_not_after");
        let path: Vec<(&str, &str)> =
            verified.iter().map(|(labels, _)| (label(labels, "chain_no"), label(labels, "cn"))).collect();
        assert_eq!(path, [("0", "127.0.0.1"), ("0", "Lab Intermediate"), ("0", "Lab Root")]);
        assert_eq!(samples(&verdict, "ssl_verified_cert_not_before").len(), 3);
        // ssl_exporter shows 0, "good", where there is no response.
        assert_eq!(verdict.page.get("ssl_ocsp_response_stapled", &[]), Some(0.0));
        assert!(samples(&verdict, "ssl_ocsp_response_status").is_empty());
    }
}

/// A root that was sent is the one that is trusted, and not a path of its own.
#[tokio::test]
async fn a_root_that_is_sent_makes_no_second_path() {
    if !there("openssl", "a_root_that_is_sent_makes_no_second_path") {
        return;
    }
    let lab = Lab::new();
    let root = make("Lab Root", true, None, YEARS);
    let middle = make("Lab Intermediate", true, Some(&root), YEARS);
    let leaf = make("127.0.0.1", false, Some(&middle), (-30, 60));
    for (name, text) in [("ca.pem", &root.pem), ("cert.pem", &leaf.pem), ("key.pem", &leaf.key)] {
        lab.write(name, text);
    }
    lab.write("chain.pem", &(middle.pem.clone() + &root.pem));
    let server = lab.serve("-cert_chain chain.pem");
    let verdict = probe(&yaml(&lab, ""), "tcp", &server.addr).await;
    assert_eq!(verdict.failure, None);
    assert_eq!(samples(&verdict, "ssl_cert_not_after").len(), 3);
    let verified = samples(&verdict, "ssl_verified_cert_not_after");
    let path: Vec<(&str, &str)> =
        verified.iter().map(|(labels, _)| (label(labels, "chain_no"), label(labels, "cn"))).collect();
    assert_eq!(path, [("0", "127.0.0.1"), ("0", "Lab Intermediate"), ("0", "Lab Root")]);
}

/// ssl_exporter #37, #60: nothing is shown of a certificate that has expired.
#[tokio::test]
async fn certificates_stay_when_they_are_bad() {
    if !there("openssl", "certificates_stay_when_they_are_bad") {
        return;
    }
    for (dates, arguments, reason) in [
        ((-90, -1), "", "tls_cert_expired"),
        ((-30, 60), "-Verify 1 -verify_return_error", "tls_client_certificate_required"),
        ((-30, 60), "-tls1_1 -cipher ALL:@SECLEVEL=0", "tls_protocol_version"),
    ] {
        let lab = Lab::new();
        let (server, _) = server(&lab, dates, arguments);
        let verdict = probe(&yaml(&lab, ""), "tcp", &server.addr).await;
        assert_eq!(verdict.failure.as_ref().unwrap().reason, reason);
        assert_eq!(verdict.page.get("ssl_probe_success", &[]), Some(0.0));
        assert_eq!(samples(&verdict, "ssl_cert_not_after").len(), 2, "{reason}");
        assert_eq!(samples(&verdict, "ssl_tls_version_info").len(), 1, "{reason}");
    }
}

#[tokio::test]
async fn files_here_and_at_a_url() {
    if !there("nginx", "files_here_and_at_a_url") {
        return;
    }
    let lab = Lab::new();
    let (a, b) = (make("a.test", false, None, (-1, 30)), make("b.test", false, None, (-1, 30)));
    let first = lab.write("a.pem", &(a.pem.clone() + &b.pem));
    lab.write("b.pem", "no certificate");
    let (_nginx, port) =
        lab.nginx("server { listen 127.0.0.1:@PORT@; root .; location = /gone { return 410; } }").await;
    let yaml = format!(
        "modules: {{file: {{prober: file}}, own: {{prober: file, target: '{0}/a.pem'}}, http_file: {{prober: http_file}}}}",
        lab.path().display()
    );
    // One file that is no certificate hides no other, and is told.
    let verdict = probe(&yaml, "file", &format!("{}/*.pem", lab.path().display())).await;
    assert_eq!(verdict.failure.as_ref().unwrap().reason, "file_unreadable");
    let found = samples(&verdict, "ssl_file_cert_not_after");
    assert_eq!(found.len(), 2);
    assert_eq!(label(&found[0].0, "file"), first.display().to_string());
    assert_eq!(label(&found[0].0, "dnsnames"), ",a.test,");
    let verdict = probe(&yaml, "own", "/etc/passwd").await;
    assert_eq!(verdict.failure, None, "the module's own target wins");
    assert_eq!(samples(&verdict, "ssl_file_cert_not_before").len(), 2);
    let verdict = probe(&yaml, "http_file", &format!("http://127.0.0.1:{port}/a.pem")).await;
    assert_eq!(verdict.failure, None);
    assert_eq!(samples(&verdict, "ssl_cert_not_after").len(), 2);
    for (target, reason) in [
        (format!("http://127.0.0.1:{port}/gone"), "fetch_failed"),
        (format!("http://127.0.0.1:{port}/b.pem"), "no_certificate"),
        ("ftp://127.0.0.1/a".to_owned(), "target_invalid"),
        ("http://169.254.169.254/a".to_owned(), "target_refused"),
    ] {
        let verdict = probe(&yaml, "http_file", &target).await;
        assert_eq!(verdict.failure.as_ref().unwrap().reason, reason, "{target}");
        assert_eq!(verdict.page.get("ssl_probe_success", &[]), Some(0.0));
    }
}

#[tokio::test]
async fn the_peers_file_is_read_as_it_is() {
    let exporter = build(SslExporter::ABOUT.builtin_config).unwrap();
    let prober = exporter.prober().unwrap();
    assert_eq!(prober.default_module(), "tcp");
    assert_eq!(
        prober.patience(),
        Duration::from_secs(10),
        "without a module's timeout and without the scraper's"
    );
    assert_eq!(prober.modules().len(), 7);
    let notices: Vec<&str> = exporter.notices().iter().map(|notice| notice.name).collect();
    assert_eq!(notices, ["unsupported_prober", "unsupported_prober", "open_targets"]);
    let verdict = probe(SslExporter::ABOUT.builtin_config, "kubernetes", "*/*").await;
    assert_eq!(verdict.failure.unwrap().reason, "prober_unsupported");
    let all = "
default_module: https
modules:
  https: {prober: https, timeout: 3s, https: {proxy_url: 'socks5://localhost:8123'}}
  mail: {prober: tcp, tcp: {starttls: smtp}, tls_config: {insecure_skip_verify: true, renegotiation: once, server_name: a.test}}
  k8s: {prober: kubernetes, kubernetes: {kubeconfig: /etc/kubernetes/admin.conf}}
  file: {prober: file, target: '/etc/ssl/**/*.pem'}
allowed_targets: ['*.test']
";
    let exporter = build(all).unwrap();
    assert_eq!(exporter.prober().unwrap().timeout("https"), Some(Some(Duration::from_secs(3))));
    let notices: Vec<&str> = exporter.notices().iter().map(|notice| notice.name).collect();
    assert_eq!(notices, ["unsupported_prober", "renegotiation"]);
    for (yaml, want) in [
        ("modules: {a: {prober: tpc}}", "did you mean \"tcp\"?"),
        ("default_module: b\nmodules: {a: {prober: tcp}}", "default_module"),
        ("modules: {a: {prober: tcp, tls_config: {renegotiation: always}}}", "renegotiation"),
        ("modules: {a: {prober: tcp, tcp: {starttls: smpt}}}", "did you mean \"smtp\"?"),
        ("modules: {a: {prober: tcp, tls_config: {ca_file: /nowhere.pem}}}", "read /nowhere.pem"),
        ("modules: {a: {probre: tcp}}", "probre"),
    ] {
        let error = build(yaml).err().unwrap_or_else(|| panic!("{yaml} was taken"));
        assert!(error.contains(want) && error.contains("ssl_exporter.yml:"), "{yaml}: {error}");
    }
}
