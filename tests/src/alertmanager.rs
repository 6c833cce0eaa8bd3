//! A running Alertmanager with the shipped configuration, and a receiver of its webhooks.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{get, request};
use crate::process::{Process, free_port, until};
use crate::scripted::serve;

/// What came to a receiver of webhooks: the path, and the JSON.
pub type Delivery = (String, Value);

/// A receiver on a free port that takes every message.
#[must_use]
pub fn receiver() -> (u16, Receiver<Delivery>) {
    switched(Arc::new(Switch::default()))
}

/// Whether a receiver is out of order, and what that has done.
#[derive(Debug, Default)]
pub struct Switch {
    /// It answers 503 and takes nothing.
    pub off: AtomicBool,
    /// How many messages it has turned away.
    pub refused: AtomicUsize,
}

/// A receiver that can be switched off.
#[must_use]
pub fn switched(switch: Arc<Switch>) -> (u16, Receiver<Delivery>) {
    let (sender, received) = channel();
    let port = serve(move |stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut length = 0;
        loop {
            line.clear();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let mut stream = stream;
        if switch.off.load(Ordering::SeqCst) {
            switch.refused.fetch_add(1, Ordering::SeqCst);
            let _ = stream.write_all(
                b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            );
            return;
        }
        let _ = sender.send((path, serde_json::from_slice(&body).unwrap()));
        // Slack's word; anything else is a failure to Alertmanager since 0.33, and the message is sent again.
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    });
    (port, received)
}

/// A running Alertmanager with the shipped configuration, save that it waits for one second and not for ten.
pub struct Live {
    port: u16,
    _process: Process,
    _work: tempfile::TempDir,
}

impl Live {
    /// Starts it by `start.sh` of this folder, with these variables.
    #[must_use]
    pub fn start(folder: &Path, program: &Path, variables: &[(&str, String)]) -> Self {
        let work = tempfile::tempdir().unwrap();
        let source = std::fs::read_to_string(folder.join("alertmanager.yml")).unwrap();
        let source = source
            .replace("group_wait: 10s", "group_wait: 1s")
            .replace("group_wait: 1m", "group_wait: 1s")
            .replace("group_interval: 1m", "group_interval: 2s")
            .replace("group_interval: 5m", "group_interval: 2s");
        let quick = work.path().join("quick.yml");
        std::fs::write(&quick, source).unwrap();
        let port = free_port();
        let mut command = Command::new(folder.join("start.sh"));
        command
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--cluster.listen-address=")
            .arg(format!("--storage.path={}", work.path().join("data").display()))
            .env("ALERTMANAGER", program)
            .env("ALERTMANAGER_SOURCE", &quick)
            .env("ALERTMANAGER_RENDERED", work.path().join("out"))
            .env("SECRETS", work.path().join("none"))
            .env("GRAFANA_URL", "http://grafana.example.org:3000/")
            .env("TZ", "UTC");
        let mut process = Process::start(
            "alertmanager",
            work.path(),
            command.envs(variables.iter().map(|(name, value)| (name, value))),
        );
        process.await_port(port);
        let ready = until(Duration::from_secs(20), || get(port, "/-/ready").status == 200);
        assert!(ready, "alertmanager is not ready:\n{}", process.log());
        Self { port, _process: process, _work: work }
    }

    /// Where it answers.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Hands alerts over as Prometheus does.
    pub fn post(&self, alerts: &[Value]) {
        let body = json!(alerts).to_string();
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = "POST /api/v2/alerts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json";
        write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// The names of the alerts that another one keeps silent.
    #[must_use]
    pub fn inhibited(&self) -> BTreeSet<String> {
        let answer = request(self.port, "GET", "/api/v2/alerts?active=false&inhibited=true", &[]).unwrap();
        let alerts: Vec<BTreeMap<String, Value>> = serde_json::from_slice(&answer.body).unwrap();
        alerts.iter().map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned()).collect()
    }
}

/// The next message to a path, or a failure after 20 s.
#[must_use]
pub fn next(received: &Receiver<Delivery>, path: &str) -> Value {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let (to, body) = received.recv_timeout(left).unwrap_or_else(|_| panic!("nothing comes to {path}"));
        if to == path {
            return body;
        }
    }
}
