//! What systemd asks of a service: sockets handed over, and the notifications of `sd_notify(3)`, as the shipped binaries
//! do it. The service manager is played by this test: it binds the sockets, and reads what arrives.

use std::io::Write as _;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use farol_tests::client::get;
use farol_tests::exporter::binary;
use farol_tests::process::{Process, find, free_port, until};
use farol_tests::skipped;

const PATIENCE: Duration = Duration::from_secs(20);

/// Puts its standard input (and output) where systemd puts sockets, from descriptor 3 on, and becomes the service: the
/// process number, which `LISTEN_PID` must name, stays the shell's.
const HAND_OVER: &str = r#"
export LISTEN_PID=$$
case $LISTEN_FDS in
  1) exec "$0" "$@" 3<&0 0</dev/null ;;
  2) exec "$0" "$@" 3<&0 4<&1 0</dev/null 1>&2 ;;
esac"#;

/// A configuration without a target: nothing is probed.
fn configuration(folder: &Path) -> PathBuf {
    let file = folder.join("probe.yml");
    std::fs::write(&file, "modules: {tcp: {prober: tcp}}\n").unwrap();
    file
}

fn handed_over(folder: &Path, sockets: Vec<OwnedFd>, pid: Option<&str>) -> Process {
    let log = std::fs::File::create(folder.join("handed-over.log")).unwrap();
    let script = pid.map_or(HAND_OVER.to_owned(), |pid| HAND_OVER.replace("$$", pid));
    let mut command = Command::new("sh");
    command
        .args(["-c", &script])
        .arg(binary("probe-exporter"))
        .args(["--web.systemd-socket", "--config.file"])
        .arg(configuration(folder))
        .env("LISTEN_FDS", sockets.len().to_string());
    let mut sockets = sockets.into_iter();
    command.stdin(sockets.next().unwrap());
    let second = sockets.next().map_or_else(|| log.try_clone().unwrap().into(), std::process::Stdio::from);
    Process::spawn("handed-over", folder, command.stdout(second).stderr(log))
}

#[test]
fn sockets_are_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tcp.local_addr().unwrap().port();
    let path = folder.path().join("exporter.sock");
    let unix = UnixListener::bind(&path).unwrap();
    // Before there is a process: the socket queues what comes, which is what socket activation is for.
    let early = std::thread::spawn(move || get(port, "/-/healthy"));
    let mut process = handed_over(folder.path(), vec![tcp.into(), unix.into()], None);
    assert_eq!(early.join().unwrap().status, 200, "{}", process.log());
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /-/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let answer = std::io::read_to_string(stream).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for part in [format!("127.0.0.1:{port}"), format!("unix:{}", path.display())] {
        assert!(process.log().contains(&part), "{part}: {}", process.log());
    }
    process.signal("TERM");
    assert!(process.wait(PATIENCE).is_some_and(|status| status.success()), "{}", process.log());
    assert!(path.exists(), "the socket's file is systemd's, and the next start needs it");
}

#[test]
fn what_cannot_be_taken_over_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (one, _other) = UnixStream::pair().unwrap();
    let datagram = UnixDatagram::bind(folder.path().join("datagram")).unwrap();
    let cases: [(OwnedFd, Option<&str>, &str); 4] = [
        (listener.try_clone().unwrap().into(), Some("1"), "systemd handed over no sockets"),
        (one.into(), None, "Accept=no"),
        (datagram.into(), None, "neither a TCP nor a unix stream socket"),
        (std::fs::File::open("/dev/null").unwrap().into(), None, "neither a TCP nor a unix stream socket"),
    ];
    for (socket, pid, want) in cases {
        let mut process = handed_over(folder.path(), vec![socket], pid);
        let ended = process.wait(PATIENCE).unwrap_or_else(|| panic!("it runs: {want}"));
        assert_eq!(ended.code(), Some(1), "{want}");
        assert!(process.log().contains(want), "{want}: {}", process.log());
    }
}

#[test]
fn systemds_own_activator_starts_it_on_the_first_request() {
    let Some(activator) = find("systemd-socket-activate") else {
        return skipped("systemd", "systemd-socket-activate is not installed");
    };
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let process = Process::start(
        "activator",
        folder.path(),
        Command::new(activator)
            .arg(format!("--listen=127.0.0.1:{port}"))
            .arg(binary("probe-exporter"))
            .args(["--web.systemd-socket", "--config.file"])
            .arg(configuration(folder.path())),
    );
    assert!(until(PATIENCE, || process.log().contains("Listening on")), "{}", process.log());
    assert!(!process.log().contains("exporter=probe-exporter"), "it starts before anybody asks");
    assert_eq!(get(port, "/metrics").status, 200, "{}", process.log());
}

/// The service manager's end of `NOTIFY_SOCKET`.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Manager {
    fn new(folder: &Path) -> Self {
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, path }
    }

    /// The next notification that has this line, or one that begins so.
    fn next_with(&self, line: &str) -> String {
        let mut buffer = [0; 4096];
        let end = Instant::now() + PATIENCE;
        let mut seen = String::new();
        while Instant::now() < end {
            let Ok(length) = self.socket.recv(&mut buffer) else { break };
            let text = String::from_utf8(buffer[..length].to_vec()).unwrap();
            if text.lines().any(|have| have.starts_with(line)) {
                return text;
            }
            seen.push_str(&text);
        }
        panic!("no {line}, but:\n{seen}")
    }

    /// Starts a binary that tells this manager.
    fn start(&self, name: &str, folder: &Path, flags: &[&str]) -> Process {
        let mut command = Command::new(binary(name));
        let command = command.current_dir(folder).args(flags).env("NOTIFY_SOCKET", &self.path);
        Process::start(name, folder, command.env("WATCHDOG_USEC", "1000000"))
    }
}

/// The value of a line `KEY=value`.
fn value(notification: &str, key: &str) -> String {
    let line = notification.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    line.unwrap_or_else(|| panic!("no {key}: {notification}")).to_owned()
}

/// Microseconds of the clock that both ends read: seconds since the machine started, which is what `CLOCK_MONOTONIC`
/// counts as long as it is not suspended.
fn monotonic_usec() -> u128 {
    let text = std::fs::read_to_string("/proc/uptime").unwrap();
    let seconds: f64 = text.split(' ').next().unwrap().parse().unwrap();
    (seconds * 1e6) as u128
}

#[test]
fn ready_watchdog_reload_and_stop_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = configuration(folder.path());
    let manager = Manager::new(folder.path());
    for (name, flags, status) in [
        ("probe-exporter", &["--web.listen-address=127.0.0.1:0"][..], "listening on 127.0.0.1:"),
        (
            "farol",
            &["--web.listen-address=127.0.0.1:0", "--listen=probe-exporter=127.0.0.1:0"],
            "watching 0 targets",
        ),
    ] {
        let mut process = manager.start(name, folder.path(), flags);
        let ready = manager.next_with("READY=1");
        assert!(value(&ready, "STATUS").starts_with(status), "{ready}");

        // Half the time that the manager allows passes between two signs of life, and never all of it.
        manager.next_with("WATCHDOG=1");
        for _ in 0..3 {
            let begin = Instant::now();
            manager.next_with("WATCHDOG=1");
            let waited = begin.elapsed();
            assert!(waited < Duration::from_secs(1), "{name}: {waited:?}");
        }

        for (configuration, told) in
            [("modules: {tcp: {prober: tcp}}\n", ""), ("modules: {tcp: {porber: tcp}}\n", "refused")]
        {
            std::fs::write(&file, configuration).unwrap();
            let before = monotonic_usec();
            process.signal("HUP");
            let reloading = manager.next_with("RELOADING=1");
            let since: u128 = value(&reloading, "MONOTONIC_USEC").parse().unwrap();
            // systemd ignores a reload that began before it asked. /proc/uptime is cut to hundredths.
            assert!(since >= before && since < before + 20_000_000, "{before}: {reloading}");
            let ready = manager.next_with("READY=1");
            let status = value(&ready, "STATUS");
            assert_eq!(status.contains("refused"), !told.is_empty(), "{ready}");
            if name == "farol" && !told.is_empty() {
                assert!(status.ends_with("refused a new configuration: probe-exporter"), "{ready}");
            }
        }
        std::fs::write(&file, "modules: {tcp: {prober: tcp}}\n").unwrap();

        process.signal("TERM");
        manager.next_with("STOPPING=1");
        assert!(process.wait(PATIENCE).is_some_and(|status| status.success()), "{}", process.log());
    }
}

#[test]
fn a_service_manager_that_is_gone_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let file = configuration(folder.path());
    let port = free_port();
    let mut process = Process::start(
        "probe-exporter",
        folder.path(),
        Command::new(binary("probe-exporter"))
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .env("NOTIFY_SOCKET", folder.path().join("nobody"))
            .env("WATCHDOG_USEC", "0"),
    );
    process.await_port(port);
    assert_eq!(get(port, "/metrics").status, 200);
    process.signal("TERM");
    assert!(process.wait(PATIENCE).is_some_and(|status| status.success()), "{}", process.log());
    // One complaint for each thing told (ready, stopping), and no loop of signs of life that nobody asked for.
    assert_eq!(process.log().matches("tell the service manager").count(), 2, "{}", process.log());
}

#[test]
fn the_shipped_units_are_valid() {
    let units = farol_tests::top().join("docs/systemd");
    let Some(analyze) = find("systemd-analyze") else {
        return skipped("systemd", "systemd-analyze is not installed");
    };
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&units).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if !name.ends_with(".service") && !name.ends_with(".socket") {
            continue;
        }
        // Where the binaries are here; a unit whose program is missing is not valid.
        let bin = binary("farol");
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let text = text.replace("/usr/local/bin/", &format!("{}/", bin.parent().unwrap().display()));
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        files.push(file);
    }
    assert!(files.len() >= 2, "{files:?}");
    let verified = Command::new(&analyze)
        .arg("verify")
        .args(["--man=no", "--recursive-errors=no"])
        .args(&files)
        .output();
    let verified = verified.unwrap();
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(verified.status.success() && said.is_empty(), "{}: {said}", verified.status);
}

/// A systemd of its own in namespaces, with the shipped units and nothing else.
struct Systemd {
    process: Process,
    /// systemd's process number as this side sees it.
    pid: String,
}

/// Becomes systemd: on a /run of its own, which has the binaries, the configuration and the units. (A unit sees neither
/// /tmp nor /home.)
const BECOME: &str = r#"
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd
cp -r "$1" /run/lab
chmod -R go+rX /run/lab
export container=lab SYSTEMD_UNIT_PATH=/run/lab/units SYSTEMD_LOG_TARGET=console
exec "$2" --system --unit=basic.target"#;

impl Systemd {
    fn start(folder: &Path) -> Result<Self, String> {
        let program = Path::new("/lib/systemd/systemd");
        if !program.exists() || find("unshare").is_none() || find("nsenter").is_none() {
            return Err("systemd, unshare or nsenter is not installed".into());
        }
        let lab = folder.join("lab");
        let mut command = Command::new("unshare");
        command
            .args([
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--uts",
                "--ipc",
                "--cgroup",
                "--mount-proc",
            ])
            .args(["sh", "-c", BECOME, "sh"])
            .args([&lab, program]);
        let process = Process::start("systemd", folder, &mut command);
        let children = format!("/proc/{0}/task/{0}/children", process.id());
        let child = || std::fs::read_to_string(&children).ok()?.split(' ').next().map(str::to_owned);
        let up = until(PATIENCE, || {
            child()
                .is_some_and(|pid| Systemd::control(&pid, &["is-active", "basic.target"]).trim() == "active")
        });
        match child().filter(|_| up) {
            Some(pid) => Ok(Self { process, pid }),
            None => Err(format!("no systemd of its own can be started here (not root?): {}", process.log())),
        }
    }

    fn control(pid: &str, arguments: &[&str]) -> String {
        let output = Command::new("nsenter")
            .args(["-t", pid, "-m", "-p", "-u", "-i", "-C", "--", "systemctl", "--no-pager"])
            .args(arguments)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }

    /// What systemctl says.
    fn ctl(&self, arguments: &[&str]) -> String {
        Self::control(&self.pid, arguments)
    }
}

#[test]
fn a_real_systemd_runs_the_shipped_units() {
    let folder = tempfile::tempdir().unwrap();
    let lab = folder.path().join("lab");
    let units = lab.join("units");
    std::fs::create_dir_all(&units).unwrap();
    for name in ["farol", "probe-exporter"] {
        std::fs::copy(binary(name), lab.join(name)).unwrap();
    }
    let config =
        "modules: {tcp: {prober: tcp}}\ntargets: [{name: closed, target: \"127.0.0.1:1\", module: tcp}]\n";
    std::fs::write(lab.join("probe.yml"), config).unwrap();
    let (status, probe, handed) = (free_port(), free_port(), free_port());
    for name in ["farol.service", "probe-exporter.service", "probe-exporter.socket"] {
        let text = std::fs::read_to_string(farol_tests::top().join("docs/systemd").join(name)).unwrap();
        let flags = format!(
            "--config.dir=/run/lab --web.listen-address=127.0.0.1:{status} --listen=probe-exporter=127.0.0.1:{probe}"
        );
        let text = text
            .replace("/usr/local/bin/", "/run/lab/")
            .replace("--config.dir=/etc/farol", &flags)
            .replace("/etc/farol/", "/run/lab/")
            .replace("ListenStream=9115", &format!("ListenStream=127.0.0.1:{handed}"))
            // A target that waits for a network needs more of a machine than there is.
            .replace("network-online.target", "basic.target");
        std::fs::write(units.join(name), text).unwrap();
    }
    for target in ["basic", "sysinit", "sockets", "shutdown", "multi-user"] {
        std::fs::write(units.join(format!("{target}.target")), "[Unit]\nDefaultDependencies=no\n").unwrap();
    }
    let systemd = match Systemd::start(folder.path()) {
        Ok(systemd) => systemd,
        Err(why) => return skipped("systemd", &why),
    };

    // Type=notify: this returns once the service has said that it is ready.
    let said = systemd.ctl(&["start", "farol.service"]);
    let show = |unit: &str| systemd.ctl(&["status", "-n0", unit]);
    assert_eq!(said, "", "{}\n{}", show("farol"), systemd.process.log());
    assert!(show("farol").contains("Status: \"watching 1 target\""), "{}", show("farol"));
    let page = get(status, "/metrics").text();
    for part in ["landlock", "seccomp", "no_new_privs"] {
        let line = format!("farol_sandbox_enabled{{part=\"{part}\"}} 1");
        assert!(page.contains(&line), "{line}: {page}");
    }
    let probed = until(PATIENCE, || get(probe, "/metrics").text().contains("reason=\"connect_refused\""));
    assert!(probed, "{}", get(probe, "/metrics").text());
    for metric in ["process_start_time_seconds ", "process_max_fds ", "process_resident_memory_bytes "] {
        assert!(page.contains(metric), "{metric}is hidden from it: {page}");
    }
    assert_eq!(systemd.ctl(&["reload", "farol.service"]), "", "{}", show("farol"));

    assert_eq!(systemd.ctl(&["start", "probe-exporter.socket"]), "", "{}", show("probe-exporter.socket"));
    assert_eq!(systemd.ctl(&["is-active", "probe-exporter.service"]).trim(), "inactive");
    assert_eq!(get(handed, "/metrics").status, 200, "{}", show("probe-exporter.service"));
    let listening = format!("Status: \"listening on 127.0.0.1:{handed}\"");
    assert!(show("probe-exporter.service").contains(&listening), "{}", show("probe-exporter.service"));

    for unit in ["farol.service", "probe-exporter.service"] {
        systemd.ctl(&["stop", unit]);
        assert_eq!(systemd.ctl(&["show", "-p", "Result", unit]).trim(), "Result=success", "{unit}");
    }
}
