//! Nginx Proxy Manager: recorded answers, its database, and a renewal that a real nginx is not told of.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use farol_tests::client::get;
use farol_tests::exporter::binary;
use farol_tests::exposition::Exposition;
use farol_tests::process::{Process, free_port, until};
use farol_tests::servers::{Certificate, Nginx, Prometheus, promtool_check};
use farol_tests::{recorded, scripted, skipped};

const SECRET: &str = "hunter2-secret";

/// Answers by method and path with status and body; may be another one later.
type Answers = Arc<Mutex<Box<dyn Fn(&str, &str) -> (u16, String) + Send>>>;

fn manager(answer: impl Fn(&str, &str) -> (u16, String) + Send + 'static) -> (u16, Answers) {
    let answers: Answers = Arc::new(Mutex::new(Box::new(answer)));
    let serving = Arc::clone(&answers);
    let port = scripted::serve(move |mut stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut first, mut length) = (String::new(), 0);
        let _ = reader.read_line(&mut first);
        loop {
            let mut line = String::new();
            let read = reader.read_line(&mut line).unwrap_or(0);
            if read == 0 || line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
        }
        let _ = reader.read_exact(&mut vec![0; length]);
        let mut words = first.split_whitespace();
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (status, body) = (serving.lock().unwrap())(method, path);
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all((head + &body).as_bytes());
    });
    (port, answers)
}

struct TlsExporter {
    port: u16,
    process: Process,
}

impl TlsExporter {
    fn start(folder: &Path, configuration: &str) -> Self {
        let (port, config) = (free_port(), folder.join("tls.yml"));
        std::fs::write(&config, configuration).unwrap();
        let mut process = Process::start(
            "tls-exporter",
            folder,
            Command::new(binary("tls-exporter"))
                .arg(format!("--config.file={}", config.display()))
                .arg(format!("--web.listen-address=127.0.0.1:{port}")),
        );
        process.await_port(port);
        Self { port, process }
    }

    fn page(&self) -> Exposition {
        Exposition::parse(&get(self.port, "/metrics").text())
    }

    /// Waits until a series has this value; `None`: until it is gone.
    fn await_value(&self, name: &str, labels: &[(&str, &str)], want: Option<f64>) {
        let mut last = None;
        let met = until(Duration::from_secs(30), || {
            last = self.page().value(name, labels);
            last == want
        });
        assert!(met, "{name}{labels:?} is {last:?}, not {want:?}:\n{}", self.process.log());
    }
}

/// The recorded answers of a real one, in each of its states.
#[test]
fn recorded_answers() {
    let Some(folder) = recorded("npm") else {
        return skipped("npm", "no recorded answers beside the repository");
    };
    let file = move |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let token =
        file("tokens.http").split("\n\n").last().unwrap().split("\r\n\r\n").last().unwrap().to_owned();
    let list = {
        let file = file.clone();
        move |path: &str, proxy_hosts: &str| match path.split('?').next().unwrap() {
            "/api/nginx/proxy-hosts" => (200, file(proxy_hosts)),
            "/api/nginx/redirection-hosts" => (200, file("redirection-hosts.json")),
            "/api/nginx/dead-hosts" => (200, file("dead-hosts.json")),
            "/api/nginx/streams" => (200, file("streams.json")),
            other => panic!("{other} is asked for"),
        }
    };
    let good = {
        let (list, token) = (list.clone(), token.clone());
        move |method: &str, path: &str| match (method, path) {
            ("POST", "/api/tokens") => (200, token.clone()),
            (_, path) => list(path, "proxy-hosts.json"),
        }
    };
    let (port, answers) = manager(good.clone());
    let lab = tempfile::tempdir().unwrap();
    std::fs::write(lab.path().join("npm.secret"), SECRET).unwrap();
    let exporter = TlsExporter::start(
        lab.path(),
        &format!(
            "npm: [{{name: home, url: 'http://127.0.0.1:{port}', identity: farol@example.org, secret: {{file: npm.secret}}, \
             address: '127.0.0.1:{}', letsencrypt: /nowhere, custom_ssl: /nowhere, interval: 300ms}}]",
            free_port()
        ),
    );
    let reason = |word| [("npm", "home"), ("reason", word)];
    let proxies = |state| [("npm", "home"), ("type", "proxy"), ("state", state)];
    exporter.await_value("npm_up", &[("npm", "home")], Some(1.0));
    exporter.await_value("npm_hosts", &proxies("enabled"), Some(3.0));
    for target in ["blog.example.com", "www.blog.example.com", "wiki.example.lan", "wiki.example.lan:8883"] {
        exporter.await_value("tls_probe_success", &[("target", target), ("module", "tls")], Some(0.0));
    }
    let list_of_targets: serde_json::Value =
        serde_json::from_slice(&get(exporter.port, "/sd/home").body).unwrap();
    assert_eq!(list_of_targets.as_array().unwrap().len(), 5, "{list_of_targets}");
    let known = get(exporter.port, "/sd").body;
    // nginx refuses every host.
    let offline = {
        let (list, token) = (list.clone(), token.clone());
        move |method: &str, path: &str| match (method, path) {
            ("POST", _) => (200, token.clone()),
            (_, path) => list(path, "proxy-hosts-nginx-offline.json"),
        }
    };
    *answers.lock().unwrap() = Box::new(offline);
    exporter.await_value("npm_hosts", &proxies("offline"), Some(3.0));
    *answers.lock().unwrap() = Box::new(good.clone());
    exporter.await_value("npm_hosts", &proxies("offline"), Some(0.0));
    // Started anew with other keys and passwords: the token is refused, and then the login.
    for (login, status, want) in
        [("tokens-wrong.json", 400, "login_refused"), ("tokens-2fa-challenge.json", 200, "two_factor")]
    {
        for (refusal, refused) in [("certificates-badtoken.json", 500), ("certificates-noauth.json", 404)] {
            let file = file.clone();
            *answers.lock().unwrap() = Box::new(move |method, _| match method {
                "POST" => (status, file(login)),
                _ => (refused, file(refusal)),
            });
            exporter.await_value("npm_error_info", &reason(want), Some(1.0));
            exporter.await_value("npm_hosts", &proxies("enabled"), Some(3.0));
            assert_eq!(get(exporter.port, "/sd").body, known, "what was known is told on");
        }
    }
    *answers.lock().unwrap() = Box::new(good);
    exporter.await_value("npm_up", &[("npm", "home")], Some(1.0));
    let page = get(exporter.port, "/metrics");
    assert_eq!(promtool_check(&page.body).unwrap_or_default(), "");
    let shown = [
        page.text(),
        get(exporter.port, "/config").text(),
        get(exporter.port, "/").text(),
        exporter.process.log(),
    ];
    assert!(
        shown.iter().all(|text| !text.contains(SECRET) && !text.contains("JWT-REMOVED")),
        "a secret is shown"
    );
}

/// The database as a real one makes it.
#[test]
fn recorded_database() {
    let Some(schema) = recorded("npm/schema-sqlite.sql") else {
        return skipped("npm database", "no recorded schema beside the repository");
    };
    let lab = tempfile::tempdir().unwrap();
    let place = lab.path().join("database.sqlite");
    let database = rusqlite::Connection::open(&place).unwrap();
    let schema = std::fs::read_to_string(schema).unwrap();
    let tables: String = schema.lines().filter(|line| !line.contains("sqlite_sequence")).collect();
    database.execute_batch(&tables).unwrap();
    database
        .execute_batch(
            r#"INSERT INTO proxy_host (created_on, modified_on, owner_user_id, domain_names, forward_host, forward_port, certificate_id, meta)
               VALUES ('x', 'x', 1, '["blog.test"]', 'h', 1, 2, '{"nginx_online":true,"nginx_err":null}');
               INSERT INTO stream (created_on, modified_on, owner_user_id, incoming_port, forwarding_host, forwarding_port, tcp_forwarding, meta, certificate_id)
               VALUES ('x', 'x', 1, 8883, 'h', 1, 1, '{}', 2);
               INSERT INTO certificate (id, created_on, modified_on, owner_user_id, provider, domain_names, expires_on, meta)
               VALUES (2, 'x', 'x', 1, 'letsencrypt', '["blog.test"]', '2027-02-21 13:28:36', '{}');"#,
        )
        .unwrap();
    let exporter = TlsExporter::start(
        lab.path(),
        &format!(
            "npm: [{{name: home, database: '{}', address: '127.0.0.1:{}', interval: 300ms}}]",
            place.display(),
            free_port()
        ),
    );
    exporter.await_value("npm_up", &[("npm", "home")], Some(1.0));
    for target in ["blog.test", "blog.test:8883"] {
        exporter.await_value("tls_probe_success", &[("target", target), ("module", "tls")], Some(0.0));
    }
    database.execute_batch("UPDATE stream SET is_deleted = 1").unwrap();
    exporter.await_value("tls_probe_success", &[("target", "blog.test:8883"), ("module", "tls")], None);
    let labels = [("npm", "home"), ("id", "2"), ("name", "blog.test")];
    assert_eq!(exporter.page().value("npm_certificate_hosts", &labels), Some(1.0));
}

/// A real Prometheus reads the list, with the relabelling of the page about it.
#[test]
fn prometheus_reads_the_list() {
    let host = |id: u32, name: &str| {
        format!(
            r#"{{"id":{id},"domain_names":["{name}"],"enabled":true,"certificate_id":2,"meta":{{}},"certificate":null}}"#
        )
    };
    let hosts = format!("[{},{}]", host(1, "one.test"), host(2, "two.test"));
    let (port, _) = manager(move |method, path| match (method, path.starts_with("/api/nginx/proxy-hosts")) {
        ("POST", _) => (200, r#"{"token":"x"}"#.to_owned()),
        (_, true) => (200, hosts.clone()),
        _ => (200, "[]".to_owned()),
    });
    let lab = tempfile::tempdir().unwrap();
    let nobody = free_port();
    let exporter = TlsExporter::start(
        lab.path(),
        &format!(
            "npm: [{{name: home, url: 'http://127.0.0.1:{port}', identity: a, secret: {SECRET}, address: '127.0.0.1:{nobody}', \
             letsencrypt: /nowhere, custom_ssl: /nowhere, interval: 1s}}]"
        ),
    );
    let configuration = format!(
        "scrape_configs:
  - job_name: proxy-hosts
    metrics_path: /probe
    params: {{module: [http_2xx]}}
    http_sd_configs: [{{url: 'http://127.0.0.1:{}/sd/home', refresh_interval: 1s}}]
    relabel_configs:
      - {{source_labels: [__meta_npm_type], regex: proxy, action: keep}}
      - {{source_labels: [__meta_npm_url], target_label: __param_target}}
      - {{source_labels: [__meta_npm_host], target_label: target}}
      - {{target_label: __address__, replacement: '127.0.0.1:{nobody}'}}
",
        exporter.port
    );
    let Some(prometheus) = Prometheus::start(lab.path(), &configuration) else {
        return skipped("npm http_sd", "prometheus is not installed");
    };
    let mut urls = Vec::new();
    let read = until(Duration::from_secs(30), || {
        let answer = get(prometheus.port, "/api/v1/targets?state=active");
        let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        let active = json["data"]["activeTargets"].as_array().cloned().unwrap_or_default();
        urls = active
            .iter()
            .map(|target| {
                format!("{} {} {}", target["scrapeUrl"], target["labels"]["target"], target["labels"]["npm"])
            })
            .collect();
        urls.len() == 2
    });
    assert!(read, "{urls:?}\n{}", prometheus.process.log());
    for name in ["one.test", "two.test"] {
        let target = format!("target=https%3A%2F%2F{name}%2F");
        let labels = format!("\"{name}\" \"home\"");
        assert!(urls.iter().any(|url| url.contains(&target) && url.ends_with(&labels)), "{urls:?}");
    }
}

/// A certificate as certbot keeps them: numbered in archive, and live pointing at the newest.
struct Lineage {
    folder: PathBuf,
    number: u32,
}

impl Lineage {
    fn renew(&mut self) {
        self.number += 1;
        let (number, made) = (self.number, self.folder.join(format!("made{}", self.number)));
        let [archive, live] = ["archive/npm-2", "live/npm-2"].map(|folder| self.folder.join(folder));
        for folder in [&made, &archive, &live] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let certificate = Certificate::new(&made);
        for (name, from) in [("fullchain", certificate.certificate), ("privkey", certificate.key)] {
            std::fs::rename(from, archive.join(format!("{name}{number}.pem"))).unwrap();
            let link = live.join(format!("{name}.pem"));
            let _ = std::fs::remove_file(&link);
            symlink(format!("../../archive/npm-2/{name}{number}.pem"), link).unwrap();
        }
    }

    fn certificate(&self) -> Certificate {
        let live = self.folder.join("live/npm-2");
        Certificate { certificate: live.join("fullchain.pem"), key: live.join("privkey.pem") }
    }
}

/// Nginx Proxy Manager renews and does not reload: the outage that nobody else sees coming.
#[test]
fn a_renewal_that_nginx_is_not_told_of() {
    let lab = tempfile::tempdir().unwrap();
    let mut lineage = Lineage { folder: lab.path().join("letsencrypt"), number: 0 };
    lineage.renew();
    let Some(nginx) = Nginx::start(lab.path(), &lineage.certificate()) else {
        return skipped("npm renewal", "nginx is not installed");
    };
    let host = |id: u32, name: &str| {
        format!(
            r#"{{"id":{id},"domain_names":["{name}"],"enabled":true,"certificate_id":2,"meta":{{"nginx_online":true}},
               "certificate":{{"id":2,"provider":"letsencrypt","nice_name":"probe.test","domain_names":["probe.test"],"expires_on":"2027-02-21 13:27:33"}}}}"#
        )
    };
    let answer = |hosts: String| {
        move |method: &str, path: &str| match (method, path.starts_with("/api/nginx/proxy-hosts")) {
            ("POST", _) => (200, r#"{"token":"x"}"#.to_owned()),
            (_, true) => (200, format!("[{hosts}]")),
            _ => (200, "[]".to_owned()),
        }
    };
    let (port, answers) = manager(answer(format!("{},{}", host(1, "probe.test"), host(2, "alt.probe.test"))));
    let stored = lineage.certificate().certificate;
    let stored = stored.to_str().unwrap();
    // The same also without Nginx Proxy Manager: by the file's name and key.
    let exporter = TlsExporter::start(
        lab.path(),
        &format!(
            "targets: [{{name: plain, target: '127.0.0.1:{https}', hostname: probe.test, interval: 500ms}}]\n\
             npm: [{{name: home, url: 'http://127.0.0.1:{port}', identity: a, secret: {SECRET}, address: '127.0.0.1:{https}', \
             letsencrypt: '{}', custom_ssl: /nowhere, interval: 500ms}}]",
            lineage.folder.display(),
            https = nginx.https
        ),
    );
    let of = |target| [("target", target), ("module", "tls"), ("source", "home"), ("path", stored)];
    let all = ["plain", "probe.test", "alt.probe.test"];
    for target in all {
        exporter.await_value("tls_served_matches_stored", &of(target), Some(1.0));
    }
    let labels = [("npm", "home"), ("id", "2"), ("name", "probe.test")];
    let drift = "npm_certificate_expiry_drift_seconds";
    // What is read in the minute of the renewal may be of before it, and is not told.
    let file = std::fs::File::options().append(true).open(stored).unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(120)).unwrap();
    assert!(
        until(std::time::Duration::from_secs(20), || {
            exporter.page().value(drift, &labels).is_some_and(|drift| drift != 0.0)
        }),
        "another end than the file's is not told"
    );
    assert_eq!(exporter.page().value("npm_interval_seconds", &[("npm", "home")]), Some(0.5));
    let due = [("source", "home"), ("path", stored), ("policy", "npm")];
    assert!(exporter.page().value("tls_file_certificate_renewal_due_timestamp_seconds", &due).is_some());
    lineage.renew();
    for target in all {
        exporter.await_value("tls_served_matches_stored", &of(target), Some(0.0));
        assert!(exporter.page().value("tls_served_stale_since_timestamp_seconds", &of(target)).is_some());
    }
    assert_eq!(promtool_check(&get(exporter.port, "/metrics").body).unwrap_or_default(), "");
    nginx.process.signal("HUP");
    for target in all {
        exporter.await_value("tls_served_matches_stored", &of(target), Some(1.0));
        exporter.await_value("tls_served_stale_since_timestamp_seconds", &of(target), None);
    }
    // A host is deleted, and with it all that is told of it.
    *answers.lock().unwrap() = Box::new(answer(host(1, "probe.test")));
    exporter.await_value("tls_served_matches_stored", &of("alt.probe.test"), None);
    exporter.await_value(
        "tls_probe_attempts_total",
        &[("target", "alt.probe.test"), ("module", "tls")],
        None,
    );
    assert!(exporter.page().value("tls_served_matches_stored", &of("probe.test")).is_some());
}
