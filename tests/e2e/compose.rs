//! What `docker compose up` would do, without an engine: the client reads the shipped file, and what it makes of it is
//! held against what was promised. `tests/docker.sh` runs it on an engine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "clippy knows tests by their attribute, and not what tests share"
)]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use farol_tests::process::find;
use farol_tests::{skipped, top};
use serde_json::Value;

/// A client of Compose 2: the machine's own, else Debian's newer one, unpacked.
fn client() -> Option<Vec<String>> {
    let plugin = |program: &str, first: &[&str]| {
        let version = Command::new(program).args(first).arg("version").output().ok()?;
        let text = String::from_utf8_lossy(&version.stdout).into_owned();
        let two = text.split_whitespace().any(|word| {
            word.trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok()) >= Some(2)
        });
        (version.status.success() && two).then(|| {
            std::iter::once(program).chain(first.iter().copied()).map(str::to_owned).collect::<Vec<_>>()
        })
    };
    plugin("docker", &["compose"]).or_else(|| plugin("docker-compose", &[])).or_else(|| {
        let unpacked = Command::new(top().join("tests/newer.sh")).arg("docker-compose").output().ok()?;
        let folder = String::from_utf8_lossy(&unpacked.stdout).trim().to_owned();
        plugin(&format!("{folder}/usr/libexec/docker/cli-plugins/docker-compose"), &[])
    })
}

/// A folder with the file and nothing beside it: no .env of whoever runs the test.
fn clone() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(top().join("docker-compose.yml"), folder.path().join("docker-compose.yml")).unwrap();
    folder
}

fn read(client: &[String], folder: &Path, settings: &[(&str, &str)]) -> Result<Value, String> {
    let done = Command::new(&client[0])
        .args(&client[1..])
        .args(["config", "--format", "json"])
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default())
        .env("HOME", folder)
        .envs(settings.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    if !done.status.success() {
        return Err(said);
    }
    // A variable without a default is a warning, and an empty string.
    assert_eq!(said, "", "the file is read without a warning");
    Ok(serde_json::from_slice(&done.stdout).unwrap())
}

fn services(file: &Value) -> BTreeMap<&str, &Value> {
    file["services"].as_object().unwrap().iter().map(|(name, service)| (name.as_str(), service)).collect()
}

fn list<'a>(service: &'a Value, key: &str) -> &'a [Value] {
    service[key].as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn the_file_keeps_its_promises() {
    let Some(client) = client() else {
        return skipped("compose", "no client of Compose 2 is installed or to be had from Debian");
    };
    let folder = clone();
    let file = read(&client, folder.path(), &[]).unwrap();
    let services = services(&file);
    for name in ["farol", "prometheus", "alertmanager", "grafana"] {
        assert!(services.contains_key(name), "{name}");
    }
    for (name, service) in &services {
        hardened(name, service);
        pinned(name, service);
        watched(name, service, &services);
        mounts_exist(name, service, folder.path());
        on_loopback(name, service);
    }
    let home =
        services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].as_str().unwrap();
    let home = home.strip_prefix("/var/lib/grafana/").unwrap();
    assert!(top().join("grafana").join(home).is_file(), "Grafana's first page {home} is not there");
    // Nobody publishes what another one does.
    let mut ports: Vec<&str> = services
        .values()
        .flat_map(|service| list(service, "ports"))
        .map(|port| port["published"].as_str().unwrap())
        .collect();
    let all = ports.len();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), all, "a port is published twice: {ports:?}");
}

/// The guide's `docker compose exec -w FOLDER SERVICE`, in both languages: the service has that folder; and the image says
/// which ports it has.
#[test]
fn the_guides_commands_fit_the_stack() {
    let Some(client) = client() else {
        return skipped("compose commands", "no client of Compose 2 is installed or to be had from Debian");
    };
    let folder = clone();
    let file = read(&client, folder.path(), &[]).unwrap();
    let services = services(&file);
    for guide in ["docs/stack.md", "docs/stack.pt-BR.md"] {
        let text = std::fs::read_to_string(top().join(guide)).unwrap();
        let commands: Vec<Vec<&str>> = ["docker compose exec -w ", "docker compose run --rm --no-deps -w "]
            .iter()
            .flat_map(|begin| text.split(begin).skip(1))
            .map(|rest| rest.split([' ', '`']).take(2).collect())
            .collect();
        assert!(commands.len() > 4, "{guide}: {commands:?}");
        for command in commands {
            let mounts = list(services[command[1]], "volumes");
            let there = |mount: &Value| Path::new(mount["target"].as_str().unwrap()).starts_with(command[0]);
            assert!(mounts.iter().any(there), "{guide}: {command:?} is not there");
        }
    }
    let image = std::fs::read_to_string(top().join("Dockerfile")).unwrap();
    let exposed = image.lines().find_map(|line| line.strip_prefix("EXPOSE ")).unwrap();
    let published: Vec<String> =
        list(services["farol"], "ports").iter().map(|port| port["target"].to_string()).collect();
    assert_eq!(exposed.split(' ').collect::<Vec<_>>(), published, "Dockerfile: EXPOSE");
}

fn hardened(name: &str, service: &Value) {
    assert_eq!(service["read_only"], Value::Bool(true), "{name}: read_only");
    assert_eq!(service["cap_drop"], serde_json::json!(["ALL"]), "{name}: cap_drop");
    assert_eq!(service["security_opt"], serde_json::json!(["no-new-privileges:true"]), "{name}");
    for key in ["cap_add", "privileged", "devices", "network_mode", "pid", "ipc"] {
        assert!(matches!(service[key], Value::Null | Value::Bool(false)), "{name}: {key}");
    }
    let user = service["user"].as_str().unwrap_or_default();
    let number: u32 = user.split(':').next().unwrap().parse().unwrap_or(0);
    assert!(number > 0, "{name}: user {user:?} is root, or a name that the image may not know");
    let limit: u64 = service["mem_limit"].as_str().unwrap_or("0").parse().unwrap();
    assert!(limit > 0, "{name}: mem_limit");
    assert!(service["pids_limit"].as_u64().unwrap_or(0) > 0, "{name}: pids_limit");
    let log = &service["logging"]["options"];
    assert!(log["max-size"].is_string() && log["max-file"].is_string(), "{name}: its log grows for ever");
    assert_eq!(service["restart"], "unless-stopped", "{name}: restart");
    for place in list(service, "tmpfs") {
        // A mode is forgotten at a restart (runc#3911 before 1.1.8), an owner is not; without a size it is half the memory.
        let place = place.as_str().unwrap();
        assert!(
            place.contains(&format!("uid={number},")) && place.contains("size="),
            "{name}: tmpfs {place}"
        );
    }
    for mount in list(service, "volumes") {
        let source = mount["source"].as_str().unwrap_or_default();
        assert!(!source.ends_with("docker.sock"), "{name}: whoever has {source} has the machine");
        if mount["type"] == "bind" {
            assert_eq!(mount["read_only"], Value::Bool(true), "{name}: {source} can be written");
        }
    }
}

/// A version, and not `latest` or a moving one such as `v3`.
fn pinned(name: &str, service: &Value) {
    let image = service["image"].as_str().unwrap();
    if service["build"].is_object() {
        return;
    }
    let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
    assert!(tag.matches('.').count() >= 2, "{name}: {image} is not pinned");
}

/// A health check that needs no shell, within time, and dependencies that wait for health.
fn watched(name: &str, service: &Value, services: &BTreeMap<&str, &Value>) {
    let test = list(&service["healthcheck"], "test");
    assert!(test.len() > 1 && test[0] == "CMD", "{name}: health check {test:?}");
    for key in ["interval", "timeout", "start_period"] {
        assert!(service["healthcheck"][key].is_string(), "{name}: {key}");
    }
    for (on, how) in service["depends_on"].as_object().into_iter().flatten() {
        assert_eq!(how["condition"], "service_healthy", "{name} on {on}");
        assert!(services.contains_key(on.as_str()), "{name} on {on}");
    }
}

/// What is mounted is in the repository; an engine would make a folder of root's for what is not.
fn mounts_exist(name: &str, service: &Value, folder: &Path) {
    for mount in list(service, "volumes").iter().filter(|mount| mount["type"] == "bind") {
        let source = PathBuf::from(mount["source"].as_str().unwrap());
        let folder = std::fs::canonicalize(folder).unwrap();
        let inside = source.strip_prefix(&folder).unwrap_or_else(|_| panic!("{name}: {source:?} is outside"));
        assert!(top().join(inside).exists(), "{name}: {inside:?} is not in the repository");
    }
}

fn on_loopback(name: &str, service: &Value) {
    for port in list(service, "ports") {
        assert_eq!(port["host_ip"], "127.0.0.1", "{name}: {port}");
    }
}

#[test]
fn settings_reach_where_they_belong() {
    let Some(client) = client() else {
        return skipped("compose settings", "no client of Compose 2 is installed or to be had from Debian");
    };
    let folder = clone();
    let example = std::fs::read_to_string(top().join(".env.example")).unwrap();
    // Every setting of the example, with its default, as somebody who removes the hashes has it: nothing changes.
    let defaults: Vec<(&str, &str)> = example
        .lines()
        .filter_map(|line| line.strip_prefix('#')?.split_once('='))
        .filter(|(name, _)| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'))
        .collect();
    assert!(defaults.len() > 10, "{defaults:?}");
    let plain = read(&client, folder.path(), &[]).unwrap();
    assert_eq!(read(&client, folder.path(), &defaults).unwrap(), plain, ".env.example and the file disagree");
    // And none is without effect, or missing from the example.
    let text = std::fs::read_to_string(top().join("docker-compose.yml")).unwrap();
    let mut used: Vec<&str> =
        text.split("${").skip(1).map(|rest| rest.split([':', '}']).next().unwrap()).collect();
    used.sort_unstable();
    used.dedup();
    let mut shown: Vec<&str> = defaults.iter().map(|(name, _)| *name).collect();
    shown.sort_unstable();
    assert_eq!(shown, used);
    let built = read(&client, folder.path(), &[("FAROL_REVISION", "1a2b3c4")]).unwrap();
    assert_eq!(services(&built)["farol"]["build"]["args"]["FAROL_REVISION"], "1a2b3c4", "farol_build_info");

    // Opening what people look at opens nothing that has no login.
    let open = read(&client, folder.path(), &[("BIND_ADDRESS", "0.0.0.0")]).unwrap();
    for (name, service) in services(&open) {
        for port in list(service, "ports") {
            let want =
                if matches!(port["target"].as_u64(), Some(3000 | 9700)) { "0.0.0.0" } else { "127.0.0.1" };
            assert_eq!(port["host_ip"], want, "{name}: {port}");
        }
    }
}

#[test]
fn no_password_is_shipped() {
    for file in ["docker-compose.yml", ".env.example", "config/prometheus.yml", "config/compose/probe.yml"] {
        let text = std::fs::read_to_string(top().join(file)).unwrap();
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let low = line.to_ascii_lowercase();
            let secret = ["password", "passwd", "token", "secret_key", "api_key"]
                .iter()
                .any(|word| low.split(word).nth(1).is_some_and(|rest| rest.starts_with([':', '='])));
            assert!(!secret, "{file}: {line}");
        }
    }
    // What lies under secrets/ stays there. (Code 128: this is no clone, as in a source package.)
    let private =
        ["secrets/grafana/admin_password", "secrets/alertmanager/ntfy_token", "secrets/farol/x", ".env"];
    let ignored = Command::new("git").arg("check-ignore").args(private).current_dir(top()).output();
    if let Ok(ignored) =
        ignored.as_ref().map(|done| (done.status.code(), String::from_utf8_lossy(&done.stdout)))
        && ignored.0 != Some(128)
    {
        assert_eq!(ignored.1.lines().collect::<Vec<_>>(), private, "git would take a secret");
    }
    let context = std::fs::read_to_string(top().join(".dockerignore")).unwrap();
    let first = context.lines().find(|line| !line.starts_with('#')).unwrap();
    assert!(first == "*" && !context.contains("!secrets"), "secrets reach the build");
}

/// The administrator's password, and what becomes of it: the script that starts Grafana, with something else in its place.
#[test]
fn grafana_gets_an_administrator_only_with_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let show = folder.path().join("show");
    std::fs::write(&show, "#!/bin/sh\nenv | grep ^GF_ | sort\necho \"arguments: $*\"\n").unwrap();
    std::fs::set_permissions(&show, std::fs::Permissions::from_mode(0o755)).unwrap();
    let secret = folder.path().join("admin_password");
    let start = || {
        let done = Command::new("sh")
            .arg(top().join("config/compose/grafana.sh"))
            .arg("--x")
            .env("FAROL_GRAFANA_SECRET", &secret)
            .env("FAROL_GRAFANA_START", &show)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
        (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap())
    };
    for content in [None, Some("")] {
        if let Some(content) = content {
            std::fs::write(&secret, content).unwrap();
        }
        let (out, errors) = start();
        assert!(out.contains("GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION=true\n"), "{out}");
        assert!(out.contains("GF_AUTH_DISABLE_LOGIN_FORM=true\n") && !out.contains("PASSWORD"), "{out}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(errors.contains("secrets/grafana/admin_password is missing or empty"), "{errors}");
    }
    std::fs::write(&secret, "correct horse $battery\n").unwrap();
    let (out, errors) = start();
    assert!(out.contains("GF_SECURITY_ADMIN_PASSWORD=correct horse $battery\n"), "{out}");
    assert!(out.contains("GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION=false\n"), "{out}");
    assert!(out.ends_with("arguments: --x\n"), "{out}");
    assert_eq!(errors, "");
}

/// Prometheus's file, by each promtool that is to be had: the release's own, and the oldest that people run.
#[test]
fn prometheus_takes_its_file() {
    let newer = Command::new(top().join("tests/newer.sh")).arg("promtool").output().ok();
    let newer = newer
        .filter(|done| done.status.success())
        .map(|done| PathBuf::from(String::from_utf8_lossy(&done.stdout).trim()).join("usr/bin/promtool"));
    let tools: Vec<PathBuf> = find("promtool").into_iter().chain(newer).collect();
    if tools.is_empty() {
        return skipped("config/prometheus.yml", "promtool is not installed");
    }
    for tool in tools {
        let done = Command::new(&tool)
            .args(["check", "config", "config/prometheus.yml"])
            .current_dir(top())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{tool:?}: {said}");
        assert!(said.contains("rule files found"), "{tool:?} found no rules: {said}");
    }
    // Every job is a container of the stack, or the example says otherwise.
    let text = std::fs::read_to_string(top().join("config/prometheus.yml")).unwrap();
    let compose = std::fs::read_to_string(top().join("docker-compose.yml")).unwrap();
    let targets = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split_once("targets: [\"")?.1.split('"').next());
    for target in targets {
        let (host, port) = target.split_once(':').unwrap();
        let service = if host == "localhost" { "prometheus" } else { host };
        assert!(compose.contains(&format!("\n  {service}:\n")), "{target}: no such service");
        assert!(compose.contains(&format!(":{port}\n")), "{target}: no such port");
    }
}

/// What the stack watches as shipped.
#[test]
fn farol_takes_its_file() {
    for (file, watched) in
        [("config/compose/probe.yml", "5 watched"), ("config/compose/tls.yml", "ok: 2 modules")]
    {
        let done = Command::new(farol_tests::exporter::binary("farol"))
            .args(["check", file])
            .current_dir(top())
            .output()
            .unwrap();
        let said =
            String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success() && said.contains(watched), "{file}: {said}");
        assert!(!said.contains("note:"), "{file}: {said}");
    }
}

/// The image's build sees no more than this file lets in: cargo refuses a workspace of which a member is missing.
#[test]
fn the_build_gets_every_member() {
    let let_in = std::fs::read_to_string(top().join(".dockerignore")).unwrap();
    let let_in: Vec<&str> = let_in.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let workspace = std::fs::read_to_string(top().join("Cargo.toml")).unwrap();
    let members = workspace.split_once("\nmembers = [").and_then(|(_, rest)| rest.split_once(']')).unwrap().0;
    let folders = members.split('"').skip(1).step_by(2).filter_map(|member| member.split('/').next());
    for needed in folders.chain(["Cargo.toml", "Cargo.lock", ".cargo"]) {
        assert!(let_in.contains(&needed), ".dockerignore keeps {needed} from the build");
    }
}
