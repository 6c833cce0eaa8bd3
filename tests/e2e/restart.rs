//! A restart while something cannot be seen, by the shipped programs in their sandbox: what was known before is known after it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use farol_tests::client::get;
use farol_tests::exporter::binary;
use farol_tests::exposition::Exposition;
use farol_tests::process::{Process, free_port, has, until};
use farol_tests::servers::promtool_check;
use farol_tests::{scripted, skipped};

const PATIENCE: Duration = Duration::from_secs(30);
const END: &str = "tls_file_certificate_not_after_timestamp_seconds";

/// Nginx Proxy Manager with one host, which may be away.
fn manager() -> (u16, Arc<AtomicBool>) {
    let away = Arc::new(AtomicBool::new(false));
    let gone = Arc::clone(&away);
    let port = scripted::serve(move |mut stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut first, mut length) = (String::new(), 0);
        let _ = reader.read_line(&mut first);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
        }
        let _ = reader.read_exact(&mut vec![0; length]);
        let (status, body) = match first.split_whitespace().nth(1).unwrap_or_default() {
            _ if gone.load(Ordering::Relaxed) => (502, "Bad Gateway"),
            "/api/tokens" => (200, r#"{"token":"T"}"#),
            path if path.starts_with("/api/nginx/proxy-hosts") => (
                200,
                r#"[{"id":1,"domain_names":["blog.test","www.blog.*"],"enabled":true,"certificate_id":2,"meta":{},
                    "certificate":{"id":2,"provider":"letsencrypt","nice_name":"blog","domain_names":["blog.test"],
                    "expires_on":"2026-12-13 13:27:33"}}]"#,
            ),
            _ => (200, "[]"),
        };
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
        let _ = stream.write_all((head + body).as_bytes());
    });
    (port, away)
}

/// A program that runs with this state directory, or none.
fn start(program: &str, arguments: &[String], folder: &Path, state: Option<&Path>, port: u16) -> Process {
    let mut command = Command::new(binary(program));
    command.args(arguments).env_remove("STATE_DIRECTORY");
    if let Some(state) = state {
        command.env("STATE_DIRECTORY", state);
    }
    let mut process = Process::start(program, folder, &mut command);
    process.await_port(port);
    process
}

fn await_page(process: &Process, port: u16, what: &str, good: impl Fn(&Exposition) -> bool) -> Exposition {
    let met: OnceLock<Exposition> = OnceLock::new();
    until(PATIENCE, || {
        let page = Exposition::parse(&get(port, "/metrics").text());
        good(&page) && met.set(page).is_ok()
    });
    met.into_inner().unwrap_or_else(|| panic!("{what}: {}", process.log()))
}

#[test]
fn what_was_known_is_known_after_a_restart() {
    if !has("openssl") {
        return skipped("what_was_known_is_known_after_a_restart", "openssl is not installed");
    }
    let lab = tempfile::tempdir().unwrap();
    let path = |name: &str| lab.path().join(name);
    for folder in ["state", "letsencrypt/live/npm-2"] {
        std::fs::create_dir_all(path(folder)).unwrap();
    }
    let made = Command::new("openssl")
        .current_dir(path("letsencrypt/live/npm-2"))
        .args([
            "req",
            "-x509",
            "-nodes",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-days",
            "3",
        ])
        .args(["-subj", "/CN=blog.test", "-addext", "subjectAltName=DNS:blog.test"])
        .args(["-keyout", "privkey.pem", "-out", "fullchain.pem"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let file = path("letsencrypt/live/npm-2/fullchain.pem");
    let end = [("source", "home"), ("path", file.to_str().unwrap()), ("position", "0"), ("role", "leaf")];
    let target = [("target", "blog.test"), ("module", "tls")];
    let (manager, away) = manager();
    std::fs::write(
        path("tls.yml"),
        format!(
            "npm: [{{name: home, url: 'http://127.0.0.1:{manager}', identity: a@example.org, secret: hunter2-secret, \
             address: '127.0.0.1:{}', letsencrypt: '{}', custom_ssl: /nowhere, interval: 300ms}}]\n",
            free_port(),
            path("letsencrypt").display()
        ),
    )
    .unwrap();
    let port = free_port();
    let arguments = [
        format!("--config.file={}", path("tls.yml").display()),
        format!("--web.listen-address=127.0.0.1:{port}"),
    ];
    let run = |state: bool| {
        let state = state.then(|| path("state"));
        start("tls-exporter", &arguments, lab.path(), state.as_deref(), port)
    };
    let known = |page: &Exposition| {
        page.value(END, &end).is_some() && page.value("tls_probe_success", &target) == Some(0.0)
    };
    let process = run(true);
    let page = await_page(&process, port, "the first start", |page| {
        known(page)
            && page.value("npm_kept_timestamp_seconds", &[("npm", "home")]).is_some()
            && page.value("tls_source_kept_timestamp_seconds", &[("source", "home")]).is_some()
    });
    let text = get(port, "/metrics").text();
    if let Some(told) = promtool_check(text.as_bytes()) {
        assert_eq!(told, "");
    }
    let before = page.value(END, &end);
    let sandboxed = page.value("farol_sandbox_enabled", &[("part", "landlock")]) == Some(1.0);
    if !sandboxed {
        skipped("what_was_known_is_known_after_a_restart", "this kernel does not have landlock");
    }
    drop(process);
    // The proxy manager is away, and its folder cannot be looked into.
    away.store(true, Ordering::Relaxed);
    std::fs::rename(path("letsencrypt/live"), path("aside")).unwrap();
    std::os::unix::fs::symlink("live", path("letsencrypt/live")).unwrap();
    let process = run(false);
    await_page(&process, port, "without a state directory", |page| {
        page.value("npm_up", &[("npm", "home")]) == Some(0.0)
            && !known(page)
            && page.value("farol_config_notice_info", &[("notice", "no_state_directory")]) == Some(1.0)
    });
    drop(process);
    let process = run(true);
    let page = await_page(&process, port, "with a state directory", |page| {
        page.value("npm_up", &[("npm", "home")]) == Some(0.0)
            && known(page)
            && page.value("tls_source_remembered_files", &[("source", "home")]) == Some(1.0)
    });
    assert_eq!(page.value(END, &end), before);
    assert!(page.value("npm_last_success_timestamp_seconds", &[("npm", "home")]).is_some());
    assert!(page.value("tls_file_last_seen_timestamp_seconds", &end[..2]).is_some());
    assert_eq!(page.value("farol_config_notice_info", &[("notice", "no_state_directory")]), None);
    let list = get(port, "/sd/home").text();
    assert!(list.contains("blog.test:443") && !list.contains("www.blog."), "{list}");
    // Both are back: nothing is told from memory any more.
    away.store(false, Ordering::Relaxed);
    std::fs::remove_file(path("letsencrypt/live")).unwrap();
    std::fs::rename(path("aside"), path("letsencrypt/live")).unwrap();
    await_page(&process, port, "both are back", |page| {
        page.value("npm_up", &[("npm", "home")]) == Some(1.0)
            && page.value("tls_source_remembered_files", &[("source", "home")]) == Some(0.0)
            && known(page)
    });
    drop(process);
    for document in std::fs::read_dir(path("state")).unwrap().flatten() {
        let text = std::fs::read_to_string(document.path()).unwrap();
        assert!(!text.contains("hunter2") && !text.contains("PRIVATE KEY"), "{}", document.path().display());
    }
}

/// The same list, by the one process that runs every exporter.
#[test]
fn farol_serves_what_its_tls_exporter_discovers() {
    let lab = tempfile::tempdir().unwrap();
    let (manager, _) = manager();
    let folder = lab.path().join("config");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(
        folder.join("tls.yml"),
        format!(
            "npm: [{{name: home, url: 'http://127.0.0.1:{manager}', identity: a, secret: s, address: '127.0.0.1:{}', \
             letsencrypt: /nowhere, custom_ssl: /nowhere, interval: 300ms}}]\n",
            free_port()
        ),
    )
    .unwrap();
    let (status, port) = (free_port(), free_port());
    let arguments = [
        "up".to_owned(),
        format!("--config.dir={}", folder.display()),
        format!("--web.listen-address=127.0.0.1:{status}"),
        format!("--listen=tls-exporter=127.0.0.1:{port}"),
    ];
    let process = start("farol", &arguments, lab.path(), None, port);
    let met = until(PATIENCE, || get(port, "/sd/home").status == 200);
    assert!(met, "{}", process.log());
    let list: serde_json::Value = serde_json::from_str(&get(port, "/sd/home").text()).unwrap();
    assert_eq!(list[0]["targets"], serde_json::json!(["blog.test:443"]));
    assert_eq!(list[0]["labels"]["__meta_npm_url"], "https://blog.test/");
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(get(port, "/sd/nobody").status, 404);
}

/// ssl_exporter's own patience, where neither the module nor the scraper says one; and the scraper's where it does.
#[test]
fn in_ssl_exporters_place_a_probe_has_ten_seconds() {
    let lab = tempfile::tempdir().unwrap();
    std::fs::write(
        lab.path().join("modules.yml"),
        "modules: {tcp: {prober: tcp}, short: {prober: tcp, timeout: 3s}}\n",
    )
    .unwrap();
    let port = free_port();
    let arguments = [
        "--compat=ssl_exporter".to_owned(),
        format!("--config.file={}", lab.path().join("modules.yml").display()),
        format!("--web.listen-address=127.0.0.1:{port}"),
    ];
    let _process = start("tls-exporter", &arguments, lab.path(), None, port);
    for (module, want) in [("tcp", 10.0), ("short", 3.0)] {
        let page = get(port, &format!("/probe?module={module}&target=127.0.0.1:{}", free_port())).text();
        assert_eq!(Exposition::parse(&page).get("probe_timeout_seconds"), Some(want), "{page}");
    }
}
