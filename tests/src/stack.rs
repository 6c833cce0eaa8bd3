//! The stack as the compose file starts it: farol, Prometheus and Alertmanager with the shipped configuration, on loopback. In
//! copies of the files only the addresses are others, and everything that waits is [`FASTER`] times as quick.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use regex::{Captures, Regex};

use crate::client::get;
use crate::exporter::binary;
use crate::process::{Process, find, free_port, until};
use crate::scripted::serve;
use crate::servers::Prometheus;
use crate::top;

/// How much quicker than shipped: a scrape every 2 s instead of every 30 s.
pub const FASTER: u32 = 15;

/// Scrapes, evaluations, `for`, `keep_firing_for` and Alertmanager's waiting; not the windows within expressions, nor what is told
/// once a day.
const WAITS: &str = "scrape_interval|scrape_timeout|evaluation_interval|interval|for|keep_firing_for|group_wait|group_interval|repeat_interval";

/// No group of rules waits longer, in milliseconds.
const LONGEST: u32 = 20_000;

/// The text with every wait [`FASTER`] times shorter.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn hurried(text: &str) -> String {
    let waits = Regex::new(&format!("(?m)^(\\s*(?:{WAITS}): )(\\d+)(s|m|h)$")).unwrap();
    assert!(waits.is_match(text), "nothing waits here:\n{text}");
    let shorter = |found: &Captures<'_>| {
        let unit = match &found[3] {
            "s" => 1,
            "m" => 60,
            _ => 3600,
        };
        let wait = 1000 * unit * found[2].parse::<u32>().unwrap() / FASTER;
        // Each group of rules has its turn within the test.
        let milliseconds = if found[1].trim_start() == "interval: " { wait.min(LONGEST) } else { wait };
        format!("{}{milliseconds}ms", &found[1])
    };
    waits.replace_all(text, shorter).into_owned()
}

/// The running stack.
pub struct Stack {
    /// farol with its exporters, as one container has them.
    pub farol: Process,
    /// Prometheus.
    pub prometheus: Prometheus,
    /// Alertmanager, unless it was stopped.
    pub alertmanager: Option<Process>,
    /// Where Alertmanager listens.
    pub alertmanager_port: u16,
    hook: u16,
    folder: PathBuf,
}

impl Stack {
    /// Starts everything in `folder`, with these files for farol (probe.yml, tls.yml, proxmox.yml), or `None` when something is not
    /// installed. Messages go to the port `hook`: as Alertmanager's JSON to `/hook`, in words to `/slack`, and the heartbeat to
    /// `/beat`.
    #[must_use]
    pub fn start(folder: &Path, [probe, tls, proxmox]: [&str; 3], hook: u16) -> Option<Self> {
        let program = find("prometheus")?;
        find("prometheus-alertmanager")?;
        let [status, exporter, certificates, cluster, port, alertmanager_port] =
            [(); 6].map(|()| free_port());

        std::fs::create_dir_all(folder.join("farol")).unwrap();
        std::fs::write(folder.join("farol/probe.yml"), probe).unwrap();
        std::fs::write(folder.join("farol/tls.yml"), tls).unwrap();
        std::fs::write(folder.join("farol/proxmox.yml"), proxmox).unwrap();
        let mut farol = Process::start(
            "farol",
            folder,
            Command::new(binary("farol"))
                .arg("up")
                .arg(format!("--config.dir={}", folder.join("farol").display()))
                .arg(format!("--web.listen-address=127.0.0.1:{status}"))
                .arg(format!("--listen=probe-exporter=127.0.0.1:{exporter}"))
                .arg(format!("--listen=tls-exporter=127.0.0.1:{certificates}"))
                .arg(format!("--listen=proxmox-exporter=127.0.0.1:{cluster}")),
        );
        farol.await_port(status);
        farol.await_port(exporter);
        farol.await_port(certificates);
        farol.await_port(cluster);

        let alertmanager = Some(alertmanager(folder, alertmanager_port, hook));
        let addresses = [
            ("farol:9700", status),
            ("farol:9115", exporter),
            ("farol:9219", certificates),
            ("farol:9221", cluster),
            ("localhost:9090", port),
            ("alertmanager:9093", alertmanager_port),
            ("grafana:3000", grafana()),
        ];
        configure(folder, &addresses);
        let mut process = Process::start(
            "prometheus",
            folder,
            Command::new(program)
                .arg(format!("--config.file={}", folder.join("config/prometheus.yml").display()))
                .arg(format!("--storage.tsdb.path={}", folder.join("tsdb").display()))
                .arg(format!("--web.listen-address=127.0.0.1:{port}"))
                // A minute as shipped: so long an alert waits that Alertmanager was not there for.
                .arg(format!("--rules.alert.resend-delay={}s", 60 / FASTER))
                .arg("--enable-feature=expand-external-labels")
                .env("SITE", "home")
                .env("TZ", "UTC"),
        );
        process.await_port(port);
        let ready = until(Duration::from_secs(30), || get(port, "/-/ready").status == 200);
        assert!(ready, "prometheus is not ready:\n{}", process.log());
        let prometheus = Prometheus { port, process };
        Some(Self { farol, prometheus, alertmanager, alertmanager_port, hook, folder: folder.to_owned() })
    }

    /// Ends Alertmanager as a container's stop does.
    pub fn stop_alertmanager(&mut self) {
        self.alertmanager = None;
    }

    /// Starts it again where it was, with what it kept.
    pub fn start_alertmanager(&mut self) {
        self.alertmanager = Some(alertmanager(&self.folder, self.alertmanager_port, self.hook));
    }
}

/// The rules and Prometheus's file, in folders that lie as the repository's do.
fn configure(folder: &Path, addresses: &[(&str, u16)]) {
    std::fs::create_dir_all(folder.join("config")).unwrap();
    std::fs::create_dir_all(folder.join("alerts/rules")).unwrap();
    for rules in std::fs::read_dir(top().join("alerts/rules")).unwrap() {
        let path = rules.unwrap().path();
        let text = hurried(&std::fs::read_to_string(&path).unwrap());
        std::fs::write(folder.join("alerts/rules").join(path.file_name().unwrap()), text).unwrap();
    }
    let shipped = std::fs::read_to_string(top().join("config/prometheus.yml")).unwrap();
    let mut text = hurried(&shipped);
    for (name, port) in addresses {
        let quoted = format!("targets: [\"{name}\"]");
        assert!(text.contains(&quoted), "config/prometheus.yml has no {quoted}");
        text = text.replace(&quoted, &format!("targets: [\"127.0.0.1:{port}\"]"));
    }
    std::fs::write(folder.join("config/prometheus.yml"), text).unwrap();
}

/// Debian's Alertmanager by the shipped start.sh.
fn alertmanager(folder: &Path, port: u16, hook: u16) -> Process {
    let shipped = top().join("alerts/alertmanager");
    let quick = folder.join("alertmanager.yml");
    let text = std::fs::read_to_string(shipped.join("alertmanager.yml")).unwrap();
    std::fs::write(&quick, hurried(&text)).unwrap();
    let slack = folder.join("slack_webhook_url");
    std::fs::write(&slack, format!("http://127.0.0.1:{hook}/slack\n")).unwrap();
    let mut process = Process::start(
        "alertmanager",
        folder,
        Command::new(shipped.join("start.sh"))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--cluster.listen-address=")
            .arg(format!("--storage.path={}", folder.join("alertmanager").display()))
            .env("ALERTMANAGER", find("prometheus-alertmanager").unwrap())
            .env("ALERTMANAGER_SOURCE", quick)
            .env("ALERTMANAGER_RENDERED", folder.join("rendered"))
            .env("SECRETS", folder.join("none"))
            .env("SLACK_WEBHOOK_URL_FILE", slack)
            .env("WEBHOOK_URL", format!("http://127.0.0.1:{hook}/hook"))
            .env("HEARTBEAT_URL", format!("http://127.0.0.1:{hook}/beat"))
            .env("TZ", "UTC"),
    );
    process.await_port(port);
    let ready = until(Duration::from_secs(20), || get(port, "/-/ready").status == 200);
    assert!(ready, "alertmanager is not ready:\n{}", process.log());
    process
}

/// In Grafana's place, which Debian does not have, something that can be scraped.
fn grafana() -> u16 {
    serve(|mut stream| {
        use std::io::{BufRead as _, Write as _};
        let lines = std::io::BufReader::new(stream.try_clone().unwrap()).lines();
        lines.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
        let page =
            "# HELP grafana_build_info A stand-in.\n# TYPE grafana_build_info gauge\ngrafana_build_info 1\n";
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close\r\n";
        let _ = write!(stream, "{head}Content-Length: {}\r\n\r\n{page}", page.len());
    })
}

#[cfg(test)]
mod tests {
    use super::hurried;

    #[test]
    fn only_waits_are_shortened() {
        let text = "  interval: 15s\n  interval: 30m\n  for: 2m\n  expr: rate(a[5m]) # for: 1h\n  resolve_timeout: 5m\n";
        let want = "  interval: 1000ms\n  interval: 20000ms\n  for: 8000ms\n  expr: rate(a[5m]) # for: 1h\n  resolve_timeout: 5m\n";
        assert_eq!(hurried(text), want);
    }
}
