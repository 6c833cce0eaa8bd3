//! A real Prometheus scrapes what is shipped, in every format it can ask for, and has nothing to complain about.

use std::path::Path;
use std::time::Duration;

use farol_tests::client::{get, request};
use farol_tests::exporter::ProbeExporter;
use farol_tests::exposition::Exposition;
use farol_tests::process::{Process, until};
use farol_tests::servers::{Certificate, Dnsmasq, Nginx, Prometheus, promtool_check};
use farol_tests::{scripted, skipped};

/// Targets of every prober, well and broken, with labels that need escaping.
fn configuration(nginx: &Nginx, dnsmasq: &Dnsmasq, lab: &Path) -> String {
    let (http, https, dns, refused) =
        (nginx.http, nginx.https, dnsmasq.port, farol_tests::process::free_port());
    let (ssh, tarpit, ca) = (scripted::greets(b"SSH-2.0-Test\r\n"), scripted::tarpit(), lab.join("cert.pem"));
    format!(
        r#"
allowed_targets: [127.0.0.0/8]
modules:
  web: {{prober: http, timeout: 1s, http: {{preferred_ip_protocol: ip4, tls_config: {{ca_file: {ca}}}}}}}
  untrusted: {{prober: http, timeout: 1s, http: {{preferred_ip_protocol: ip4}}}}
  tcp: {{prober: tcp, timeout: 1s, tcp: {{preferred_ip_protocol: ip4}}}}
  ssh:
    prober: tcp
    timeout: 1s
    tcp: {{preferred_ip_protocol: ip4, query_response: [{{expect: "^SSH-2.0-(.*)$", labels: [{{name: software, value: "${{1}}"}}]}}]}}
  name: {{prober: dns, timeout: 1s, dns: {{preferred_ip_protocol: ip4, query_name: www.probe.test, query_type: A}}}}
targets:
  - {{name: plain, target: "http://127.0.0.1:{http}/ok", module: web, interval: 1s, labels: {{team: 'a "quoted" \ team'}}}}
  - {{name: secure, target: "https://127.0.0.1:{https}/ok", module: web, interval: 1s}}
  - {{name: untrusted, target: "https://127.0.0.1:{https}/ok", module: untrusted, interval: 1s}}
  - {{name: broken, target: "http://127.0.0.1:{http}/e503", module: web, interval: 1s}}
  - {{name: tarpit, target: "http://127.0.0.1:{tarpit}/", module: web, interval: 2s}}
  - {{name: open, target: "127.0.0.1:{http}", module: tcp, interval: 1s}}
  - {{name: refused, target: "127.0.0.1:{refused}", module: tcp, interval: 1s}}
  - {{name: ssh, target: "127.0.0.1:{ssh}", module: ssh, interval: 1s}}
  - {{name: name, target: "127.0.0.1:{dns}", module: name, interval: 1s}}
"#,
        ca = ca.display()
    )
}

const WELL: [&str; 5] = ["plain", "secure", "open", "ssh", "name"];
const BROKEN: [(&str, &str); 4] = [
    ("broken", "status"),
    ("untrusted", "tls_cert_untrusted"),
    ("tarpit", "response_timeout"),
    ("refused", "connect_refused"),
];

#[test]
fn prometheus_scrapes_everything_without_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let lab = folder.path();
    let certificate = Certificate::new(lab);
    let (Some(nginx), Some(dnsmasq)) = (Nginx::start(lab, &certificate), Dnsmasq::start(lab)) else {
        return skipped("scrape", "nginx or dnsmasq is not installed");
    };
    let exporter = ProbeExporter::start(lab, &configuration(&nginx, &dnsmasq, lab), &[]);
    let port = exporter.port;
    let blackbox_job = format!(
        r#"
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: probes
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
  - job_name: on-demand
    metrics_path: /probe
    params: {{module: [web]}}
    static_configs: [{{targets: ["http://127.0.0.1:{http}/ok"]}}]
    relabel_configs:
      - {{source_labels: [__address__], target_label: __param_target}}
      - {{source_labels: [__param_target], target_label: instance}}
      - {{target_label: __address__, replacement: "127.0.0.1:{port}"}}
"#,
        http = nginx.http
    );
    let Some(prometheus) = Prometheus::start(lab, &blackbox_job) else {
        return skipped("scrape", "prometheus is not installed");
    };
    let seen = until(Duration::from_secs(30), || {
        prometheus.query("up == 1").len() == 2 && prometheus.query("probe_attempts_total > 1").len() == 9
    });
    let log = prometheus.process.log();
    assert!(seen, "up: {:?}\n{}", prometheus.query("up"), exporter.process.log());
    for name in WELL {
        let query = format!("probe_success{{job='probes',target='{name}'}} == 1");
        assert_eq!(prometheus.query(&query).len(), 1, "{query}\n{}", get(port, "/metrics").text());
    }
    for (name, reason) in BROKEN {
        let query = format!("probe_failure_info{{job='probes',target='{name}',reason='{reason}'}}");
        let known = until(Duration::from_secs(10), || prometheus.query(&query).len() == 1);
        assert!(known, "{query}\n{}", get(port, "/metrics").text());
    }
    // The certificate of a server that is not trusted is told all the same: blackbox_exporter #1119.
    assert_eq!(prometheus.query("probe_ssl_earliest_cert_expiry{target='untrusted'} > time()").len(), 1);
    assert_eq!(prometheus.query("probe_success{job='on-demand'} == 1").len(), 1);
    let complaints: Vec<&str> = log
        .lines()
        .filter(|line| {
            ["level=warn", "level=error"].iter().any(|level| line.to_ascii_lowercase().contains(level))
                || line.contains("Error on ingesting")
        })
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    classic_page_is_clean(port);
    native_histograms_arrive(lab, port);
}

fn classic_page_is_clean(port: u16) {
    for path in ["/metrics", "/probe?module=web&target=127.0.0.1:1"] {
        let answer = get(port, path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(
            answer.header("content-type").starts_with("text/plain; version=0.0.4"),
            "{:?}",
            answer.headers
        );
        let _ = Exposition::parse(&answer.text());
        if let Some(said) = promtool_check(&answer.body) {
            assert_eq!(said, "", "promtool check metrics of {path}");
        }
    }
    // Every family that is shown stands in the catalogue.
    let listed = std::process::Command::new(farol_tests::exporter::binary("probe-exporter"))
        .arg("--metrics.list")
        .output()
        .unwrap();
    let catalogue: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let names: Vec<&str> =
        catalogue.as_array().unwrap().iter().map(|desc| desc["name"].as_str().unwrap()).collect();
    let page = Exposition::parse(&get(port, "/metrics").text());
    let unknown: Vec<&String> = page.types.keys().filter(|name| !names.contains(&name.as_str())).collect();
    assert!(unknown.is_empty(), "not in the catalogue: {unknown:?}");
    let gzip = request(port, "GET", "/metrics", &[("Accept-Encoding", "gzip")]).unwrap();
    assert_eq!(gzip.header("content-encoding"), "gzip");
    let _ = Exposition::parse(&gzip.text());
}

/// Prometheus takes the protobuf format when it may store native histograms.
fn native_histograms_arrive(lab: &Path, port: u16) {
    let own = lab.join("native");
    std::fs::create_dir_all(&own).unwrap();
    let web = farol_tests::process::free_port();
    let file = own.join("prometheus.yml");
    let job = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n  - job_name: probes\n    static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n"
    );
    std::fs::write(&file, job).unwrap();
    let Some(program) = farol_tests::process::find("prometheus") else { return };
    let mut process = Process::start(
        "prometheus",
        &own,
        std::process::Command::new(program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", own.join("tsdb").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{web}"))
            .arg("--enable-feature=native-histograms"),
    );
    process.await_port(web);
    let prometheus = Prometheus { port: web, process };
    let query = "histogram_count(probe_attempt_duration_seconds{target='plain'}) > 0";
    let seen = until(Duration::from_secs(30), || {
        get(web, "/-/ready").status == 200 && prometheus.query(query).len() == 1
    });
    assert!(seen, "no native histogram: {:?}\n{}", prometheus.query("up"), prometheus.process.log());
}
