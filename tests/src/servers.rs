//! Real servers from Debian packages, each on free loopback ports.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{Process, find, free_port, until};

/// A self-signed certificate as `openssl req -x509` makes it: the commonest of home laboratories, and its own authority.
pub struct Certificate {
    /// The certificate's file.
    pub certificate: PathBuf,
    /// The key's file.
    pub key: PathBuf,
}

impl Certificate {
    /// For `probe.test`, `alt.probe.test` and 127.0.0.1.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        let names = "subjectAltName=DNS:probe.test,DNS:alt.probe.test,IP:127.0.0.1";
        let made = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "90",
                "-subj",
                "/CN=probe.test/O=Probe Lab",
            ])
            .args(["-addext", names, "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .unwrap();
        assert!(made.status.success(), "openssl req: {}", String::from_utf8_lossy(&made.stderr));
        Self { certificate, key }
    }
}

/// nginx with the pages that the probes are tested with.
pub struct Nginx {
    /// The plain port.
    pub http: u16,
    /// The TLS port, with HTTP/2.
    pub https: u16,
    /// The running server.
    pub process: Process,
}

impl Nginx {
    /// Starts it in `folder`, or `None` when it is not installed.
    #[must_use]
    pub fn start(folder: &Path, certificate: &Certificate) -> Option<Self> {
        let program = find("nginx")?;
        let (http, https, lab) = (free_port(), free_port(), folder.display());
        std::fs::create_dir_all(folder.join("www")).unwrap();
        std::fs::write(folder.join("www/index.html"), "x".repeat(1024)).unwrap();
        // nginx hashes nothing by itself; {PLAIN} is one of the schemes it reads.
        std::fs::write(folder.join("htpasswd"), "probe:{PLAIN}secret\n").unwrap();
        let user = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
        let (cert, key) = (certificate.certificate.display(), certificate.key.display());
        let configuration = format!(
            r#"user {user}; worker_processes 1; daemon off; pid {lab}/nginx.pid; error_log {lab}/nginx.err warn;
events {{ worker_connections 4096; }}
http {{
 access_log off; keepalive_timeout 0; types {{ text/html html; }} gzip on; gzip_min_length 10;
 client_body_temp_path {lab}/t1; proxy_temp_path {lab}/t2; fastcgi_temp_path {lab}/t3;
 uwsgi_temp_path {lab}/t4; scgi_temp_path {lab}/t5;
 server {{
  listen 127.0.0.1:{http}; listen 127.0.0.1:{https} ssl http2; server_name probe.test; root {lab}/www;
  ssl_certificate {cert}; ssl_certificate_key {key}; ssl_session_tickets off; ssl_protocols TLSv1.2;
  location = /redirect {{ return 302 /index.html; }}
  location = /redirect-tls {{ return 301 https://127.0.0.1:{https}/index.html; }}
  location = /loop {{ return 302 /loop; }}
  location = /health {{ default_type application/json; return 200 '{{"status":"ok","version":"1.2.3","db":{{"up":true}}}}'; }}
  location /authd/ {{ auth_basic "lab"; auth_basic_user_file {lab}/htpasswd; alias {lab}/www/; }}
  location = /e503 {{ return 503 "down\n"; }}
  location = /ok {{ default_type text/plain; return 200 "ok\n"; }}
 }}
}}
"#
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, configuration).unwrap();
        let mut process = Process::start(
            "nginx",
            folder,
            Command::new(program).arg("-c").arg(&file).arg("-e").arg("stderr"),
        );
        process.await_port(http);
        process.await_port(https);
        Some(Self { http, https, process })
    }
}

/// dnsmasq: a forwarder that knows a few names, and an authoritative server of `zone.test`.
pub struct Dnsmasq {
    /// The forwarder.
    pub port: u16,
    /// The authoritative server.
    pub authoritative: u16,
    _processes: [Process; 2],
}

impl Dnsmasq {
    /// Starts both, or `None` when it is not installed.
    #[must_use]
    pub fn start(folder: &Path) -> Option<Self> {
        let program = find("dnsmasq")?;
        let start = |name: &str, port: u16, lines: &str| {
            let file = folder.join(format!("{name}.conf"));
            let common = "listen-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\n";
            let pid = folder.join(format!("{name}.pid"));
            std::fs::write(&file, format!("port={port}\n{common}pid-file={}\n{lines}", pid.display()))
                .unwrap();
            let mut process = Process::start(
                name,
                folder,
                Command::new(&program).arg("--keep-in-foreground").arg("-C").arg(&file),
            );
            process.await_port(port);
            process
        };
        let (port, authoritative) = (free_port(), free_port());
        let forwarder = start(
            "dnsmasq",
            port,
            "address=/www.probe.test/127.0.0.9\ntxt-record=txt.probe.test,\"v=probe\"\n",
        );
        let zone = start(
            "dnsmasq-zone",
            authoritative,
            "auth-server=ns.probe.test,lo\nauth-zone=zone.test,127.0.0.0/8\nhost-record=a.zone.test,127.0.0.10\n\
             auth-soa=2026112301,hostmaster.zone.test,1200,120,1209600\n",
        );
        Some(Self { port, authoritative, _processes: [forwarder, zone] })
    }
}

/// A Prometheus that scrapes what it is told.
pub struct Prometheus {
    /// Its port.
    pub port: u16,
    /// The running server.
    pub process: Process,
}

impl Prometheus {
    /// Starts it with this configuration, or `None` when it is not installed.
    #[must_use]
    pub fn start(folder: &Path, configuration: &str) -> Option<Self> {
        let program = find("prometheus")?;
        let (port, file) = (free_port(), folder.join("prometheus.yml"));
        std::fs::write(&file, configuration).unwrap();
        let mut process = Process::start(
            "prometheus",
            folder,
            Command::new(program)
                .arg(format!("--config.file={}", file.display()))
                .arg(format!("--storage.tsdb.path={}", folder.join("tsdb").display()))
                .arg(format!("--web.listen-address=127.0.0.1:{port}"))
                .arg("--log.level=debug"),
        );
        process.await_port(port);
        let ready = until(Duration::from_secs(30), || crate::client::get(port, "/-/ready").status == 200);
        assert!(ready, "prometheus is not ready:\n{}", process.log());
        Some(Self { port, process })
    }

    /// The instant value of a query: each result's labels and number.
    #[must_use]
    pub fn query(&self, query: &str) -> Vec<(serde_json::Value, f64)> {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = crate::client::get(self.port, &format!("/api/v1/query?query={encoded}"));
        let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(json["status"], "success", "{query}: {json}");
        let results = json["data"]["result"].as_array().unwrap();
        let number = |row: &serde_json::Value| row["value"][1].as_str().unwrap().parse().unwrap();
        results.iter().map(|row| (row["metric"].clone(), number(row))).collect()
    }
}

/// What `promtool check metrics` says of a page; empty is clean. `None` when it is not installed.
#[must_use]
pub fn promtool_check(page: &[u8]) -> Option<String> {
    use std::io::Write as _;
    let mut child = Command::new(find("promtool")?)
        .args(["check", "metrics"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(page).unwrap();
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
    Some(if done.status.success() { String::new() } else { format!("{}: {said}", done.status) })
}
