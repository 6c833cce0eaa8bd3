//! Who the exporter is, whom it trusts, and what it may see.

use std::time::Duration;

use farol_tests::client;
use farol_tests::exposition::Exposition;
use farol_tests::pve::{Pve, Rights, SECRET, Shape, TOKEN, USER};

use super::{Lab, reason, shown, success, up};

fn lines(pve: &Pve, access: &str, tls: &str) -> String {
    format!(
        "clusters:\n  - name: lab\n    endpoints: [{}]\n    {access}\n    tls: {tls}\n",
        pve.endpoints().join(", ")
    )
}

fn quick() -> Shape {
    Shape { penance: Duration::from_millis(100), ..Shape::default() }
}

/// pve7 to 9: a ticket lives for 2 h; one that is refused is replaced within the same scrape.
#[test]
fn a_password_buys_tickets() {
    let access = format!("username: {USER}\n    password: {SECRET}");
    let lab = Lab::with(Pve::start(quick(), 1), |pve| lines(pve, &access, "{ca_file: ca.pem}"));
    let page = lab.scrape();
    assert_eq!(up(&page, "qemu/101"), Some(1.0), "{}", shown(&page, "pve_collector"));
    assert_eq!(lab.pve.counts().of("/access/ticket"), 1, "the calls of a scrape share a ticket");
    lab.pve.state.expire_tickets();
    std::thread::sleep(Duration::from_secs(5));
    let page = lab.scrape();
    assert_eq!(success(&page, "resources", ""), Some(true), "{}", shown(&page, "pve_collector"));
    let tickets = lab.pve.counts().of("/access/ticket");
    assert!((1..=2).contains(&tickets), "{tickets}");
}

const MISTAKEN: &str = "00000000-0000-4000-8000-0000000000ff";
const ANOTHER: &str = "10000000-0000-4000-8000-000000000001";
const THIRD: &str = "20000000-0000-4000-8000-000000000002";

/// A wrong secret must not be tried at each call: directories lock users.
#[test]
fn a_wrong_secret_is_told_and_not_repeated() {
    for access in [
        format!("token_id: {TOKEN}\n    token: {MISTAKEN}"),
        format!("username: {USER}\n    password: {MISTAKEN}"),
    ] {
        let lab = Lab::with(Pve::start(quick(), 1), |pve| lines(pve, &access, "{ca_file: ca.pem}"));
        for _ in 0..5 {
            let page = lab.scrape();
            assert_eq!(reason(&page, "resources", ""), "unauthorized", "{}", shown(&page, "pve_collector"));
        }
        let total = lab.pve.counts().total();
        assert!(total <= 8, "{access}: {total}");
        assert!(!lab.process.log().contains(MISTAKEN), "{}", lab.process.log());
    }
}

/// A token that is exchanged in its file is taken without a restart.
#[test]
fn a_token_in_a_file_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    let access = format!("token_id: {TOKEN}\n    token_file: {}", file.display());
    let lab = Lab::with(Pve::start(quick(), 1), |pve| lines(pve, &access, "{ca_file: ca.pem}"));
    assert_eq!(success(&lab.scrape(), "resources", ""), Some(true));
    lab.pve.state.set_secret(ANOTHER);
    std::fs::write(&file, ANOTHER).unwrap();
    std::thread::sleep(Duration::from_secs(5));
    let page = lab.scrape();
    assert_eq!(success(&page, "resources", ""), Some(true), "{}", shown(&page, "pve_collector"));
    // One that is exchanged on the cluster first is refused, and taken once the file has it.
    lab.pve.state.set_secret(THIRD);
    lab.scrape_until("the refusal", |page| reason(page, "resources", "") == "unauthorized");
    let landing = lab.get("/").text();
    let way_out = format!("the secret may be wrong: see token_file {} of {TOKEN}", file.display());
    assert!(landing.contains(&way_out), "{landing}");
    // As pveum prints it.
    std::fs::write(&file, format!("{{\"full-tokenid\":\"{TOKEN}\",\"value\":\"{THIRD}\"}}\n")).unwrap();
    lab.scrape_until("the third secret", |page| success(page, "resources", "") == Some(true));
    // And one whose file is away is still known.
    std::fs::remove_file(&file).unwrap();
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(success(&lab.scrape(), "resources", ""), Some(true));
    for secret in [SECRET, ANOTHER, THIRD] {
        assert!(!lab.process.log().contains(secret), "{}", lab.process.log());
    }
}

/// A secret that is mounted later than the exporter starts: its cluster waits for it, and no other does.
#[test]
fn a_secret_that_comes_late() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let access = format!("token_id: {TOKEN}\n    token_file: {}", file.display());
    let lab = Lab::with(Pve::start(quick(), 1), |pve| {
        let second = pve.configuration("").replace("clusters:\n", "").replace("name: lab", "name: other");
        lines(pve, &access, "{ca_file: ca.pem}") + &second
    });
    let page = lab.scrape();
    assert_eq!(reason(&page, "resources", ""), "credential", "{}", shown(&page, "pve_collector"));
    assert_eq!(page.get("farol_config_notice_info{notice=\"secret_unreadable\"}"), Some(1.0));
    assert_eq!(page.get("pve_up{cluster=\"other\",id=\"qemu/101\"}"), Some(1.0));
    std::fs::write(&file, SECRET).unwrap();
    lab.scrape_until("the secret", |page| success(page, "resources", "") == Some(true));
}

/// Nothing is sent to who shows another certificate than the pinned one, or one that nobody signed.
#[test]
fn no_token_goes_to_a_stranger() {
    let access = format!("token_id: {TOKEN}\n    token: {SECRET}");
    let pin = format!("{{fingerprint: \"{}\"}}", "AB:".repeat(31) + "AB");
    for (tls, want, way_out) in [
        (pin.as_str(), "tls_fingerprint", "put its fingerprint into the configuration"),
        ("{}", "tls_untrusted", "/etc/pve/pve-root-ca.pem into the tls section of cluster lab"),
    ] {
        let lab = Lab::with(Pve::start(quick(), 1), |pve| lines(pve, &access, tls));
        let page = lab.scrape();
        assert_eq!(reason(&page, "resources", ""), want, "{}", shown(&page, "pve_collector"));
        assert_eq!(lab.pve.counts().total(), 0);
        let landing = lab.get("/").text();
        assert!(landing.contains(way_out), "{landing}");
    }
}

/// A token without rights sees an empty cluster in the best of health.
#[test]
fn an_empty_view_is_told() {
    let lab = Lab::new(Shape { rights: Rights::Names, ..quick() });
    let page =
        lab.scrape_until("the permissions", |page| page.get("pve_view_complete{cluster=\"lab\"}").is_some());
    assert_eq!(page.get("pve_view_complete{cluster=\"lab\"}"), Some(0.0));
    let missing = "pve_permission_missing{cluster=\"lab\",collector=\"resources\",path=\"/vms\",privilege=\"VM.Audit\"}";
    assert_eq!(page.get(missing), Some(1.0), "{}", shown(&page, "pve_permission"));
    assert_eq!(reason(&page, "status", ""), "forbidden");
    // logfmt escapes quotes.
    let log = lab.process.log().replace("\\'", "'");
    assert!(log.contains("pveum acl modify / --tokens 'farol@pve!farol' --roles PVEAuditor"), "{log}");
    assert!(log.contains("grant Sys.Audit on /"), "{log}");
    let landing = lab.get("/").text();
    assert!(landing.contains("not everything may be seen, for want of Sys.Audit on /"), "{landing}");
}

/// Rights that are lost while it runs, all or all but the nodes' names: it is told at once and not taken for a cluster that was
/// emptied; and they are seen when they come back.
#[test]
fn rights_that_are_lost_are_told() {
    for (rights, lost) in
        [(Rights::Nothing, "no nodes may be seen"), (Rights::Names, "no guests may be seen")]
    {
        let lab = Lab::new(quick());
        let complete = |page: &Exposition| page.get("pve_view_complete{cluster=\"lab\"}");
        lab.scrape_until("the permissions", |page| complete(page) == Some(1.0));
        assert_eq!(lab.get("/sd/lab").status, 200);
        let known = lab.get("/sd/lab").text();
        lab.pve.state.set_rights(rights);
        lab.scrape_until("the loss", |page| complete(page) == Some(0.0));
        let landing = lab.get("/").text();
        assert!(landing.contains(lost) && landing.contains("pveum acl modify"), "{landing}");
        assert_eq!(
            (lab.get("/sd/lab").status, lab.get("/sd/lab").text()),
            (200, known),
            "what was known is given on"
        );
        assert!(lab.process.log().contains("permissions are missing"), "{}", lab.process.log());
        lab.pve.state.set_rights(Rights::All);
        lab.scrape_until("the rights", |page| complete(page) == Some(1.0));
        assert!(lab.get("/").text().contains("3 of 3 nodes online"));
    }
}

/// A token that sees nothing from the start knows of no members: that is no empty list of targets.
#[test]
fn seeing_nothing_is_no_empty_cluster() {
    let lab = Lab::new(Shape { rights: Rights::Nothing, ..quick() });
    lab.scrape_until("the permissions", |page| page.get("pve_view_complete{cluster=\"lab\"}") == Some(0.0));
    assert!(lab.get("/").text().contains("no nodes may be seen"));
    assert_eq!(lab.get("/sd/lab").status, 503);
    assert_eq!(reason(&lab.scrape(), "backups", ""), "timeout", "whom to ask is not known");
    // What waited for the members is asked as soon as they are known.
    lab.pve.state.set_rights(Rights::All);
    lab.scrape_until("the backups", |page| success(page, "backups", "") == Some(true));
}

/// A cluster that is not there: the exporter goes on, and says so.
#[test]
fn a_dead_cluster() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let lab = Lab::with(Pve::start(quick(), 1), |_| {
        format!(
            "clusters:\n  - {{name: lab, endpoints: ['{closed}'], token_id: '{TOKEN}', token: {SECRET}, tls: {{insecure_skip_verify: true}}}}\n"
        )
    });
    let page = lab.scrape();
    assert_eq!(reason(&page, "resources", ""), "connect");
    assert_eq!(page.get(&format!("pve_endpoint_up{{cluster=\"lab\",endpoint=\"{closed}\"}}")), Some(0.0));
    assert_eq!(page.get("farol_config_notice_info{notice=\"insecure_cluster\"}"), Some(1.0));
    assert_eq!(client::get(lab.port, "/-/healthy").status, 200);
}
