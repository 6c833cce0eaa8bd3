//! The binary, as a user starts it: on free ports of loopback, on a machine made of files, stopped by signals.

#![allow(clippy::unwrap_used, reason = "clippy knows tests by their attribute, and not what tests share")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

struct Farol {
    child: Child,
    out: BufReader<ChildStdout>,
    /// What it printed up to the job for Prometheus.
    greeting: String,
    status: SocketAddr,
    probe: SocketAddr,
    tls: Option<SocketAddr>,
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_farol"));
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Farol {
    fn start(folder: &Path, flags: &[&str]) -> Self {
        let ports = [
            "--web.listen-address=127.0.0.1:0",
            "--listen=probe-exporter=127.0.0.1:0",
            "--listen=tls-exporter=127.0.0.1:0",
        ];
        let mut child = command(folder).stderr(Stdio::inherit()).args(ports).args(flags).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut greeting = String::new();
        while !greeting.contains("- targets: [") {
            assert!(out.read_line(&mut greeting).unwrap() > 0, "ended early: {greeting}");
        }
        let targets = greeting.rsplit("- targets: [").next().unwrap();
        let mut addresses = targets.split('"').filter_map(|text| text.parse().ok());
        let (status, probe) = (addresses.next().unwrap(), addresses.next().unwrap());
        let tls = addresses.next();
        Self { child, out, greeting, status, probe, tls }
    }

    fn signal(&self, name: &str) {
        let done =
            Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
    }

    fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Farol {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn request(address: SocketAddr, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Asks until `done` likes the page.
fn until(address: SocketAddr, path: &str, done: impl Fn(&str) -> bool) -> String {
    let end = Instant::now() + PATIENCE;
    loop {
        let page = request(address, "GET", path);
        if done(&page) {
            return page;
        }
        assert!(Instant::now() < end, "{page}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// Whether a page has a line that begins so and ends so.
fn has(page: &str, family: &str, label: &str, value: &str) -> bool {
    page.lines().any(|line| line.starts_with(family) && line.contains(label) && line.ends_with(value))
}

/// A server that greets as SSH does.
fn greeter() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"SSH-2.0-Test\r\n");
            // Until the client has gone.
            std::thread::spawn(move || std::io::copy(&mut stream, &mut std::io::sink()));
        }
    });
    port
}

/// A mail server that gives TLS when it is asked, up to where that begins.
fn mail() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap());
                let _ = stream.write_all(b"220 mail.test ESMTP\r\n");
                let mut line = String::new();
                while lines.read_line(&mut line).is_ok_and(|length| length > 0) {
                    let answer: &[u8] = match line.trim() {
                        "STARTTLS" => b"220 go ahead\r\n",
                        "QUIT" => b"221 bye\r\n",
                        _ => b"250-mail.test\r\n250 STARTTLS\r\n",
                    };
                    let _ = stream.write_all(answer);
                    line.clear();
                }
            });
        }
    });
    port
}

/// Writes what a machine with these listeners would have in /proc.
fn machine(root: &Path, ports: &[u16]) {
    let mut table = "  sl  local_address rem_address   st\n".to_owned();
    for (at, port) in ports.iter().enumerate() {
        let line = format!("   {at}: 00000000:{port:04X} 00000000:0000 0A 0:0 00:0 0 0 0 {at} 1\n");
        table.push_str(&line);
    }
    std::fs::create_dir_all(root.join("proc/net")).unwrap();
    std::fs::write(root.join("proc/net/tcp"), table).unwrap();
}

#[test]
fn without_a_configuration_it_watches_what_it_finds() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (greeter(), greeter());
    machine(folder.path(), &[first]);
    let root = format!("--path.rootfs={}", folder.path().display());
    let farol = Farol::start(folder.path(), &[&root]);

    assert!(farol.greeting.contains(&format!("  sshd-{first}  ssh_banner")), "{}", farol.greeting);
    assert!(farol.greeting.contains("it greeted with \"SSH-2.0-Test\""), "{}", farol.greeting);
    assert!(
        farol.greeting.contains(&format!("  http://{}/  status page", farol.status)),
        "{}",
        farol.greeting
    );

    let target = format!("target=\"sshd-{first}\"");
    let page = until(farol.probe, "/metrics", |page| has(page, "probe_success", &target, " 1"));
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    until(farol.probe, "/metrics", |page| has(page, "probe_success", "target=\"farol\"", " 1"));

    let page =
        until(farol.status, "/metrics", |page| has(page, "farol_exporter_targets", "state=\"ok\"", " 2"));
    for (family, label) in
        [("farol_exporter_up", "exporter=\"probe-exporter\""), ("farol_build_info", "name=\"farol\"")]
    {
        assert!(has(&page, family, label, " 1"), "{family}: {page}");
    }
    let page = request(farol.status, "GET", "/");
    for part in ["everything works (2 of 2)", &format!("sshd-{first}"), &format!("http://{}/", farol.probe)] {
        assert!(page.contains(part), "{part}: {page}");
    }
    // Its own health check, told by the environment as in a container.
    let health = |address: SocketAddr| {
        command(folder.path())
            .env("FAROL_WEB_LISTEN_ADDRESS", address.to_string())
            .env("FAROL_CONFIG_DIR", "/etc/farol")
            .arg("health")
            .output()
            .unwrap()
    };
    let (well, gone) = (health(farol.status), health(SocketAddr::from(([127, 0, 0, 1], 1))));
    assert_eq!(
        (well.status.code(), String::from_utf8_lossy(&well.stdout).into_owned()),
        (Some(0), format!("http://{}/-/healthy answers\n", farol.status))
    );
    let why = String::from_utf8_lossy(&gone.stderr).into_owned();
    assert!(gone.status.code() == Some(1) && why.contains("connection refused"), "{why}");

    // A certificate that has come since is found by a reload.
    std::fs::create_dir_all(folder.path().join("etc/nginx")).unwrap();
    let made = include_bytes!("../../../fuzz/corpus/file_pem/chain_and_key.pem");
    std::fs::write(folder.path().join("etc/nginx/site.pem"), made).unwrap();
    farol.signal("HUP");
    until(farol.tls.unwrap(), "/metrics", |page| has(page, "tls_file_key_matches", "source=\"found\"", " 1"));

    // What has come since is found by a reload, whichever way it is asked for.
    let target = format!("target=\"sshd-{second}\"");
    machine(folder.path(), &[first, second]);
    farol.signal("HUP");
    until(farol.probe, "/metrics", |page| has(page, "probe_success", &target, " 1"));
    machine(folder.path(), &[first]);
    assert!(request(farol.status, "POST", "/-/reload").starts_with("HTTP/1.1 200"));
    until(farol.probe, "/metrics", |page| !page.contains(&target));
    machine(folder.path(), &[first, second]);
    assert!(request(farol.probe, "POST", "/-/reload").starts_with("HTTP/1.1 200"));
    until(farol.probe, "/metrics", |page| has(page, "probe_success", &target, " 1"));

    assert!(farol.stop().success());
}

#[test]
fn with_a_configuration_it_watches_that() {
    let folder = tempfile::tempdir().unwrap();
    let port = greeter();
    let config = format!(
        "modules:\n  tcp_connect: {{prober: tcp, timeout: 5s}}\n\
         targets:\n  - {{name: ours, target: \"127.0.0.1:{port}\", module: tcp_connect}}\n\
         \x20 - {{name: gone, target: \"127.0.0.1:1\", module: tcp_connect}}\n"
    );
    std::fs::write(folder.path().join("probe.yml"), config).unwrap();
    let farol = Farol::start(folder.path(), &[]);
    assert!(farol.greeting.contains("probe-exporter watches 2 targets, by probe.yml."), "{}", farol.greeting);
    until(farol.probe, "/metrics", |page| {
        has(page, "probe_success", "target=\"ours\"", " 1")
            && has(page, "probe_success", "target=\"gone\"", " 0")
    });
    until(farol.status, "/", |page| page.contains("1 problem (1 of 2 works)"));
    let page = request(farol.status, "GET", "/");
    assert!(page.contains("<td>probe.yml</td>") && !page.contains("built-in"), "{page}");
    let configuration = request(farol.status, "GET", "/config");
    assert!(configuration.contains("# probe-exporter: probe.yml\nmodules:\n"), "{configuration}");
    // Whoever asks for a reload of all is told which file is no good, and why.
    assert!(request(farol.status, "POST", "/-/reload").starts_with("HTTP/1.1 200"));
    let file = folder.path().join("probe.yml");
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, good.replace("timeout", "timout")).unwrap();
    let answer = request(farol.status, "POST", "/-/reload");
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    assert!(answer.contains("probe.yml:2:") && answer.contains("timout"), "{answer}");
    let own = request(farol.status, "GET", "/metrics");
    assert!(has(&own, "farol_config_last_reload_successful", "", " 1"), "its own is good: {own}");
    std::fs::write(&file, good).unwrap();
    assert!(request(farol.status, "POST", "/-/reload").starts_with("HTTP/1.1 200"));
    assert!(farol.stop().success());
}

#[test]
fn what_cannot_start_ends_it_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let listen = format!("--listen=probe-exporter=127.0.0.1:{port}");
    let (port, empty) = (port.to_string(), format!("--config.dir={}", empty.display()));
    let root = format!("--path.rootfs={}", folder.path().display());
    for (flags, parts) in [
        (
            &[root.as_str(), &listen][..],
            &["probe-exporter: ", &port, "address is set by --listen probe-exporter=ADDRESS"][..],
        ),
        (&[&empty], &["no configuration there, looked for probe.yml"]),
        (&["--listen=9115"], &["is not EXPORTER=ADDRESS"]),
    ] {
        let page = "--web.listen-address=127.0.0.1:0";
        let ended = command(folder.path()).arg(page).args(flags).output().unwrap();
        let error = String::from_utf8_lossy(&ended.stderr);
        assert!(!ended.status.success(), "{flags:?}");
        assert!(parts.iter().all(|part| error.contains(part)), "{flags:?}: {error}");
    }
}

#[test]
fn files_are_checked_and_discovery_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    machine(folder.path(), &[greeter()]);
    let root = format!("--path.rootfs={}", folder.path().display());
    let found = command(folder.path()).args(["discover", &root]).output().unwrap();
    assert!(found.status.success());
    std::fs::write(folder.path().join("found.yml"), &found.stdout).unwrap();
    // Who gives TLS after a greeting, and certificates where they usually are, are tls-exporter's.
    let port = mail();
    machine(folder.path(), &[greeter(), port]);
    std::fs::create_dir_all(folder.path().join("etc/nginx")).unwrap();
    let made = include_bytes!("../../../fuzz/corpus/file_pem/chain_and_key.pem");
    std::fs::write(folder.path().join("etc/nginx/site.pem"), made).unwrap();
    let found = command(folder.path()).args(["discover", "tls-exporter", &root]).output().unwrap();
    let text = String::from_utf8_lossy(&found.stdout).into_owned();
    assert!(text.contains("    starttls: smtp\n") && text.contains("/etc/nginx/**/*."), "{text}");
    assert!(text.contains(&format!("target: \"127.0.0.1:{port}\", module: smtp_insecure}}")), "{text}");
    assert!(text.matches("- {name:").count() == 1, "{text}");
    std::fs::write(folder.path().join("tls.yml"), &text).unwrap();
    let good = command(folder.path()).args(["check", "tls.yml"]).output().unwrap();
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    std::fs::remove_file(folder.path().join("tls.yml")).unwrap();
    std::fs::write(folder.path().join("bad.yml"), "modules:\n  m: {prober: icmp, timout: 5s}\n").unwrap();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/probe.yml");
    let good = command(folder.path()).args(["check", "found.yml", example]).output().unwrap();
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    let bad = command(folder.path()).args(["check", "bad.yml", "found.yml"]).output().unwrap();
    assert_eq!(bad.status.code(), Some(1));
    let error = String::from_utf8_lossy(&bad.stderr);
    assert!(error.contains("bad.yml:2:") && error.contains("timout"), "{error}");
    assert!(String::from_utf8_lossy(&bad.stdout).contains("found.yml"));
}

#[test]
fn it_is_every_exporter_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("probe-exporter");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_farol"), &link).unwrap();
    let linked = Command::new(&link).arg("--version").output().unwrap();
    let named = command(folder.path()).args(["probe-exporter", "--version"]).output().unwrap();
    for output in [&linked, &named] {
        assert!(String::from_utf8_lossy(&output.stdout).starts_with("probe-exporter "), "{output:?}");
    }
    let own = command(folder.path()).arg("--version").output().unwrap();
    assert!(String::from_utf8_lossy(&own.stdout).starts_with("farol "), "{own:?}");
    let list = command(folder.path()).arg("--metrics.list").output().unwrap();
    assert!(String::from_utf8_lossy(&list.stdout).contains("\"farol_exporter_up\""));
}
