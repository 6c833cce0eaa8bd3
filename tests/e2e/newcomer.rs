//! What a newcomer does first: `farol` without a configuration, `once`, `check`. farol's own default asks gateways and
//! name servers, so it runs in a network namespace of its own, where there are none but loopback.

use std::process::{Command, Output};
use std::time::Duration;

use farol_tests::exporter::binary;
use farol_tests::process::{Process, find, free_port, until};
use farol_tests::{scripted, skipped, top};

/// A network namespace that is gone with its owner.
struct Namespace(String);

impl Namespace {
    fn new() -> Option<Self> {
        let name = format!("farol-test-{}", std::process::id());
        let ip = find("ip")?;
        let made = Command::new(&ip).args(["netns", "add", &name]).output().ok()?;
        made.status.success().then(|| {
            let namespace = Self(name);
            namespace.run("ip", &["link", "set", "lo", "up"]);
            namespace
        })
    }

    fn command(&self, program: &std::path::Path) -> Command {
        let mut command = Command::new(find("ip").unwrap());
        command.args(["netns", "exec", &self.0]).arg(program);
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        self.command(&find(program).unwrap()).args(arguments).output().unwrap()
    }

    fn page(&self, url: &str) -> String {
        String::from_utf8_lossy(&self.run("curl", &["-s", "--max-time", "5", url]).stdout).into_owned()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

#[test]
fn farol_without_a_configuration_watches_what_it_finds() {
    let Some(namespace) = Namespace::new() else {
        return skipped("newcomer", "only root can make a network namespace (iproute2)");
    };
    let folder = tempfile::tempdir().unwrap();
    let web = folder.path().join("web.conf");
    std::fs::write(
        &web,
        format!(
            "daemon off; user root; pid {lab}/nginx.pid; events {{}} http {{ access_log off; \
             client_body_temp_path {lab}/t1; proxy_temp_path {lab}/t2; fastcgi_temp_path {lab}/t3; \
             uwsgi_temp_path {lab}/t4; scgi_temp_path {lab}/t5; \
             server {{ listen 127.0.0.1:8080; location / {{ return 200 hello; }} }} }}",
            lab = folder.path().display()
        ),
    )
    .unwrap();
    let Some(nginx) = find("nginx") else { return skipped("newcomer", "nginx is not installed") };
    let _nginx = Process::start(
        "nginx",
        folder.path(),
        namespace.command(&nginx).arg("-c").arg(&web).args(["-e", "stderr"]),
    );
    assert!(until(Duration::from_secs(10), || namespace.page("http://127.0.0.1:8080/") == "hello"));

    let mut farol = Process::start(
        "farol",
        folder.path(),
        namespace.command(&binary("farol")).current_dir(folder.path()),
    );
    let well = until(Duration::from_secs(30), || {
        let page = namespace.page("http://127.0.0.1:9115/metrics");
        let line = page.lines().find(|line| line.starts_with("probe_success{") && line.contains("8080"));
        line.is_some_and(|line| line.ends_with(" 1"))
    });
    assert!(well, "{}\n{}", farol.log(), namespace.page("http://127.0.0.1:9115/metrics"));
    assert!(farol.log().contains("http://127.0.0.1:9115/metrics"), "it says where to look:\n{}", farol.log());
    assert!(
        namespace
            .page("http://127.0.0.1:9700/metrics")
            .contains("farol_exporter_up{exporter=\"probe-exporter\"} 1")
    );
    farol.signal("TERM");
    let status = farol.wait(Duration::from_secs(10)).expect("farol ends on SIGTERM");
    assert!(status.success(), "{status}\n{}", farol.log());
}

#[test]
fn once_prints_a_table_and_tells_by_its_exit() {
    let open = scripted::greets(b"hello\n");
    let once = |targets: &[String]| {
        Command::new(binary("probe-exporter"))
            .args(["once", "--module", "tcp_connect"])
            .args(targets)
            .output()
            .unwrap()
    };
    let (well, gone) = (format!("127.0.0.1:{open}"), format!("127.0.0.1:{}", free_port()));
    let good = once(std::slice::from_ref(&well));
    assert!(good.status.success(), "{good:?}");
    let bad = once(&[well.clone(), gone.clone()]);
    let table = String::from_utf8_lossy(&bad.stdout);
    assert_eq!(bad.status.code(), Some(1), "{table}");
    for text in [well.as_str(), gone.as_str(), "OK", "FAIL", "refused"] {
        assert!(table.contains(text), "{text} is not in\n{table}");
    }
    let unknown =
        Command::new(binary("probe-exporter")).args(["once", "--module", "nope", &well]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
}

#[test]
fn the_shipped_example_is_good_and_a_bad_file_tells_where() {
    let farol = binary("farol");
    let good = Command::new(&farol).arg("check").arg(top().join("config/probe.yml")).output().unwrap();
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("probe.yml");
    let example = Command::new(binary("probe-exporter")).arg("--config.example").output().unwrap();
    std::fs::write(&file, example.stdout).unwrap();
    let good = Command::new(&farol).arg("check").arg(&file).output().unwrap();
    assert!(good.status.success(), "--config.example: {}", String::from_utf8_lossy(&good.stderr));
    std::fs::write(&file, "modules:\n  web:\n    prober: http\n    http:\n      vaild_status_codes: [200]\n")
        .unwrap();
    let bad = Command::new(&farol).arg("check").arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&bad.stdout) + String::from_utf8_lossy(&bad.stderr);
    assert_eq!(bad.status.code(), Some(1), "{said}");
    for text in ["probe.yml:5:7", "modules.web.http.vaild_status_codes", "valid_status_codes"] {
        assert!(said.contains(text), "{text} is not in\n{said}");
    }
}
