//! What configurations become, and what is told of those that are wrong.

use super::*;

fn made(yaml: &str, previous: Option<&ProxmoxExporter>) -> Result<ProxmoxExporter, String> {
    let document = Document::embedded("test.yml", yaml);
    let raw = document.parse().map_err(|error| error.to_string())?;
    ProxmoxExporter::build(raw, &document, previous).map_err(|error| error.to_string())
}

const GOOD: &str = "clusters: [{name: a, endpoints: [pve1, 'https://[2001:db8::1]:443'], token_id: 'u@pve!t', token: '01234567-89ab-cdef-0123-456789abcdef'}]";

#[test]
fn the_built_in_configuration_and_the_example_are_good() {
    for (name, text, clusters) in [
        ("built in", ProxmoxExporter::ABOUT.builtin_config, 0),
        ("config/proxmox.yml", include_str!("../../../../config/proxmox.yml"), 2),
        ("good", GOOD, 1),
        (
            "peer",
            "default: {user: u@pve, password: p}\nother: {user: 'u@pve!t', token_value: 01234567-89ab-cdef-0123-456789abcdef, timeout: 2.5}",
            0,
        ),
    ] {
        let exporter = made(text, None).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(exporter.clusters().count(), clusters, "{name}");
        assert_eq!((exporter.samplers().len(), exporter.collectors().len()), (clusters, clusters), "{name}");
    }
}

#[test]
fn without_a_file_it_says_what_it_needs() {
    let notices = Exporter::notices(&made(ProxmoxExporter::ABOUT.builtin_config, None).unwrap());
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].text.contains("proxmox.yml") && notices[0].text.contains("--setup"), "{notices:?}");
    assert!(Exporter::notices(&made("clusters: []", None).unwrap()).is_empty(), "somebody wrote that");
}

#[test]
fn what_is_wrong_is_told_where_it_is() {
    let cluster = |more: &str| format!("clusters: [{{name: a, endpoints: [pve1], {more}}}]");
    let token = |more: &str| {
        cluster(&format!("token_id: 'u@pve!t', token: '01234567-89ab-cdef-0123-456789abcdef', {more}"))
    };
    for (yaml, want) in [
        (cluster(""), "neither a token nor a user"),
        (cluster("token_id: 'u@pve!t'"), "the token has no secret"),
        (cluster("token_id: 'u@pve', token: s"), "not the name of a token"),
        (cluster("token_id: 'u!t', token: s"), "not the name of a token"),
        (cluster("username: 'u@pve!t', password: s"), "give it as token_id"),
        (cluster("username: u, password: s"), "no realm"),
        (cluster("username: u@pve"), "the user has no password"),
        (cluster("token_id: 'u@pve!t', token: {env: FAROL_NO_SUCH_SECRET}"), "FAROL_NO_SUCH_SECRET"),
        (cluster("token_id: 'u@pve!t', token: hidden-5d1f"), "no UUID"),
        (
            cluster("token_id: 'u@pve!t', token: 'u@pve!x=01234567-89ab-cdef-0123-456789abcdef'"),
            "that of the token u@pve!x, not of u@pve!t",
        ),
        ("default: {user: 'u@pve!t', token_value: hidden-5d1f}".into(), "no UUID"),
        (token("username: u@pve"), "there is a token_id, too"),
        (token("verify_ssl: false"), "write `tls: {fingerprint: …}`"),
        (cluster("token_id: 'u@pve', token: s"), "token_id: 'u@pve', token: <secret>"),
        (token("token_file: x"), "stands in token, too"),
        (token("timeout: 0s"), "no time at all"),
        (token("intervals: {node: 1ms}"), "too short"),
        (token("intervals: {nodes: 1m}"), "nodes"),
        (token("collectors: {snapshot: true}"), "did you mean \"snapshots\"?"),
        (token("collectors: {disks: often}"), "disks"),
        (token("collectors: {disks: 10}"), "how often it asks"),
        (token("collectors: {disks: 0s}"), "no time at all"),
        (token("collectors: {tasks: 30s}"), "has no interval"),
        (token("tls: {fingerprint: 'AB:CD'}"), "not a SHA-256"),
        (token("tls: {ca_file: /nowhere.pem}"), "read /nowhere.pem"),
        (token("tls: {ca_file: Cargo.toml}"), "no certificate in it"),
        (token("one_hots: true"), "one_hot"),
        ("clusters: [{name: a, token_id: 'u@pve!t', token: s, endpoints: []}]".into(), "there is none"),
        (
            "clusters: [{name: a, token_id: 'u@pve!t', token: s, endpoints: ['http://a']}]".into(),
            "https alone",
        ),
        ("clusters: [{name: '', token_id: 'u@pve!t', token: s, endpoints: [a]}]".into(), "the name is empty"),
        (
            "clusters: [{name: \"a\\nb\", token_id: 'u@pve!t', token: s, endpoints: [a]}]".into(),
            "that no one sees",
        ),
        (
            format!(
                "{}{}",
                &GOOD[..GOOD.len() - 1],
                ", {name: a, endpoints: [b], token_id: 'u@pve!t', token: 's'}]"
            ),
            "name of clusters[0], too",
        ),
        ("cluster: []".into(), "did you mean `clusters`?"),
        ("default: {user: u@pve}".into(), "neither a password nor a token"),
        ("default: {user: u, password: p}".into(), "no realm"),
        ("default: {user: u@pve, token_name: t}".into(), "no token_value"),
        ("default: {user: 'u@pve!a', token_name: b, token_value: c}".into(), "names another token"),
        ("default: {user: u@pve, token_value: c}".into(), "without token_name"),
        ("default: {user: u@pve, password: p, timeout: 0}".into(), "no number of seconds"),
        ("default: {user: u@pve, password: p, verify: false}".into(), "verify_ssl"),
        ("default: {user: u@pve, password: p, verify_ssl: /nowhere.pem}".into(), "read /nowhere.pem"),
        ("dns_servers: [here]".into(), "dns_servers[0]"),
    ] {
        let error = made(&yaml, None).err().unwrap_or_else(|| panic!("{yaml} was taken"));
        assert!(error.contains(want) && error.contains("test.yml:"), "{yaml}: {error}");
        assert!(!error.contains("5d1f"), "{yaml}: {error}");
    }
}

#[test]
fn a_secret_that_stands_in_a_name_is_not_shown() {
    for yaml in [
        "clusters: [{name: a, endpoints: [pve1], token_id: 'u@pve!t=5d1f-hidden', token: s}]",
        "default: {user: 'u@pve!t=5d1f-hidden', token_value: x}",
        "default: {user: u@pve, token_name: 't=5d1f-hidden', token_value: x}",
        "default: {user: 'u@pve!t', token_name: 'other=5d1f-hidden', token_value: x}",
    ] {
        let told = made(yaml, None).unwrap_err();
        let want = if yaml.contains("other") { "another token" } else { "stands behind its name" };
        assert!(told.contains(want) && !told.contains("5d1f"), "{yaml}: {told}");
    }
}

#[test]
fn a_cluster_that_has_not_changed_goes_on() {
    let first = made(GOOD, None).unwrap();
    let same = made(&format!("{GOOD}\nallowed_targets: [a]"), Some(&first)).unwrap();
    assert!(Arc::ptr_eq(&first.rounds[0], &same.rounds[0]));
    let other = made(&GOOD.replace("456789abcdef", "456789abcde0"), Some(&first)).unwrap();
    assert!(!Arc::ptr_eq(&first.rounds[0], &other.rounds[0]));
}

#[test]
fn no_two_families_have_one_name() {
    let mut names: Vec<&str> = ProxmoxExporter::catalogue().iter().map(|desc| desc.family()).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn the_peers_environment_is_a_module() {
    use crate::config::ModuleSection;
    let get = |name: &str| match name {
        "PVE_USER" => Some("u@pve".to_owned()),
        "PVE_TOKEN_NAME" => Some("t".to_owned()),
        "PVE_TOKEN_VALUE" => Some("01234567-89ab-cdef-0123-456789abcdef".to_owned()),
        "PVE_VERIFY_SSL" => Some("False".to_owned()),
        _ => None,
    };
    let (name, section) = ModuleSection::of_environment(get).unwrap();
    let document = Document::embedded("environment", "");
    let module = section.module(&name, &document, &mut Vec::new()).unwrap();
    assert_eq!((name.as_str(), module.verify), ("default", false));
    assert!(ModuleSection::of_environment(|_| None).is_none());
}

#[test]
fn the_example_is_good_and_a_secret_that_is_not_there_yet_is_told() {
    let example = kit::config::example::<File>();
    let exporter = made(&example, None).unwrap_or_else(|error| panic!("{error}\n{example}"));
    assert_eq!(exporter.clusters().count(), 1, "{example}");
    let notices = Exporter::notices(&exporter);
    let told = notices.iter().find(|notice| notice.name == "secret_unreadable");
    assert!(told.is_some_and(|notice| notice.text.contains("/run/secrets/pve_token")), "{notices:?}");
}

#[test]
fn each_collector_may_have_its_own_interval() {
    let yaml =
        GOOD.replace("}]", ", intervals: {slow: 20m}, collectors: {disks: 6h, snapshots: 45m, zfs: false}}]");
    let exporter = made(&yaml, None).unwrap();
    let plan = &exporter.clusters().next().unwrap().settings().plan;
    let minutes = |name: &str| {
        plan.iter().find(|planned| planned.collector.name == name).map(|planned| planned.every.as_secs() / 60)
    };
    assert_eq!(
        [minutes("disks"), minutes("snapshots"), minutes("zfs"), minutes("services"), minutes("node")],
        [Some(360), Some(45), None, Some(20), Some(1)]
    );
}

#[test]
fn a_file_that_is_no_tokens_is_told_and_keeps_nothing_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let yaml = format!(
        "clusters: [{{name: a, endpoints: [b], token_id: 'u@pve!t', token_file: '{}'}}]",
        file.display()
    );
    for (text, want) in [
        ("hidden-5d1f\n", "no UUID"),
        ("u@pve!x=01234567-89ab-cdef-0123-456789abcdef", "token u@pve!x"),
        ("01234567-89ab-cdef-0123-456789abcdef\n", ""),
    ] {
        std::fs::write(&file, text).unwrap();
        let notices = Exporter::notices(&made(&yaml, None).unwrap());
        let told: String =
            notices.iter().map(|notice| format!("{}: {}\n", notice.name, notice.text)).collect();
        assert_eq!(told.contains("secret_unusable"), !want.is_empty(), "{told}");
        assert!(told.contains(want) && !told.contains("5d1f"), "{told}");
    }
}

/// What had failed must not be well since somebody changed a setting.
#[test]
fn a_reload_forgets_no_failed_disk() {
    let row = |json: &str| serde_json::from_str::<Vec<crate::collect::disks::Row>>(json).unwrap();
    let before = made(GOOD, None).unwrap();
    before
        .clusters()
        .next()
        .unwrap()
        .lost()
        .disks
        .take("n", &row(r#"[{"devpath":"/dev/sda","health":"FAILED"}]"#));
    let after = made(&GOOD.replace("pve1, ", "pve1, pve2, "), Some(&before)).unwrap();
    assert_eq!(after.clusters().next().unwrap().lost().disks.take("n", &[]).missing.len(), 1);
    let other = made(&GOOD.replace("name: a", "name: b"), Some(&before)).unwrap();
    assert_eq!(other.clusters().next().unwrap().lost().disks.take("n", &[]).missing.len(), 0);
}
