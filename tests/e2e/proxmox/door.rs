//! `/pve`: the peer's page for configured targets, and for no other.

use farol_tests::exposition::Exposition;
use farol_tests::pve::{Pve, SECRET, Shape, USER};

use super::{Lab, success};

fn page(lab: &Lab, query: &str) -> Exposition {
    let answer = lab.get(&format!("/pve?{query}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    Exposition::parse(&answer.text())
}

/// The labels are the peer's: without the cluster's name.
#[test]
fn a_configured_cluster_as_the_peer_shows_it() {
    let lab = Lab::new(Shape::default());
    lab.scrape_until("the background", |page| success(page, "guest_config", "pve3").is_some());
    let endpoint = format!("target=127.0.0.1:{}", lab.pve.ports[0]);
    for query in ["target=lab&module=default&cluster=1&node=1", "", &endpoint] {
        let page = page(&lab, query);
        for (series, want) in [
            ("pve_up{id=\"qemu/101\"}", 1.0),
            (
                "pve_guest_info{id=\"qemu/101\",name=\"guest-101\",node=\"pve2\",tags=\"prod;web\",template=\"0\",type=\"qemu\"}",
                1.0,
            ),
            ("pve_node_info{id=\"node/pve1\",level=\"c\",name=\"pve1\",nodeid=\"1\"}", 1.0),
            ("pve_cluster_info{id=\"cluster/lab\",nodes=\"3\",quorate=\"1\",version=\"4\"}", 1.0),
            ("pve_version_info{release=\"9.2\",repoid=\"0a1b2c3d\",version=\"9.2.4\"}", 1.0),
            (
                "pve_replication_info{guest=\"lxc/100\",id=\"100-0\",source=\"node/pve1\",target=\"node/pve2\",type=\"local\"}",
                1.0,
            ),
            ("pve_onboot_status{id=\"qemu/101\",node=\"pve2\",type=\"qemu\"}", 0.0),
            ("pve_subscription_info{id=\"node/pve1\",level=\"c\"}", 1.0),
            ("probe_success", 1.0),
        ] {
            assert_eq!(page.get(series), Some(want), "{query:?}: {series}");
        }
        assert!(!page.series.keys().any(|series| series.contains("cluster=\"")), "{query}");
    }
    let cluster = page(&lab, "target=lab&node=0");
    assert_eq!(cluster.get("pve_up{id=\"qemu/101\"}"), Some(1.0));
    assert_eq!(cluster.named("pve_replication_info").count(), 0);
    let nodes = page(&lab, "target=lab&cluster=0");
    assert_eq!(nodes.named("pve_up").count(), 0);
    assert_eq!(nodes.named("pve_replication_info").count(), 1);
}

/// The peer sends its token to whatever host a request names.
#[test]
fn no_other_target_gets_a_credential() {
    let stranger = Pve::start(Shape::default(), 1);
    let lab = Lab::new(Shape::default());
    for target in
        [format!("127.0.0.1:{}", stranger.ports[0]), "169.254.169.254".into(), "evil.example.org".into()]
    {
        let answer = lab.get(&format!("/pve?target={target}"));
        assert_eq!(answer.status, 403, "{target}: {}", answer.text());
        assert!(answer.text().contains("clusters"), "{}", answer.text());
    }
    let counts = stranger.counts();
    assert_eq!((counts.connections, counts.total()), (0, 0));
    assert_eq!(lab.get("/pve?target=lab&module=other").status, 400);
}

/// A pve.yml as it is: this machine, and what allowed_targets names.
#[test]
fn a_pve_yml_as_it_is() {
    let modules = |pve: &Pve| {
        format!(
            "default:\n  user: farol@pve\n  token_name: farol\n  token_value: {SECRET}\n  verify_ssl: false\n  port: {0}\n\
             whole:\n  user: farol@pve!farol\n  token_value: {SECRET}\n  verify_ssl: ca.pem\n  port: {0}\n\
             login:\n  user: {USER}\n  password: {SECRET}\n  verify_ssl: false\n  timeout: 7.5\n  port: {0}\n",
            pve.ports[0]
        )
    };
    let lab = Lab::with(Pve::start(Shape::default(), 1), modules);
    let address = format!("127.0.0.1:{}", lab.pve.ports[0]);
    for query in
        ["".to_owned(), format!("target={address}&module=whole"), format!("target={address}&module=login")]
    {
        let page = page(&lab, &query);
        for series in [
            "pve_up{id=\"qemu/101\"}",
            "pve_version_info{release=\"9.2\",repoid=\"0a1b2c3d\",version=\"9.2.4\"}",
            "pve_onboot_status{id=\"lxc/100\",node=\"pve1\",type=\"lxc\"}",
            "pve_ha_state{id=\"lxc/100\",state=\"started\"}",
            "pve_subscription_status{id=\"node/pve1\",status=\"active\"}",
        ] {
            assert_eq!(page.get(series), Some(1.0), "{query:?}: {series}");
        }
        assert_eq!(
            page.get("pve_lock_state{id=\"lxc/100\",state=\"backup\"}"),
            Some(0.0),
            "one_hot, as the peer"
        );
    }
    let refused = lab.get("/pve?target=192.0.2.10&module=default");
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("allowed_targets"), "{}", refused.text());
    assert_eq!(lab.scrape().get("farol_config_notice_info{notice=\"no_clusters\"}"), Some(1.0));
}

/// Whoever listens on another port of an allowed host is another: the token is not for them.
#[test]
fn a_token_is_for_one_port() {
    let other = Pve::start(Shape::default(), 1);
    for (rule, whose) in [("", "no allowed_targets"), ("allowed_targets: [127.0.0.1]\n", "matches no rule")] {
        let lab = Lab::with(Pve::start(Shape::default(), 1), |pve| {
            format!(
                "default: {{user: farol@pve, token_name: farol, token_value: {SECRET}, verify_ssl: false, port: {}}}\n{rule}",
                pve.ports[0]
            )
        });
        let answer = lab.get(&format!("/pve?target=127.0.0.1:{}", other.ports[0]));
        assert_eq!(answer.status, 403, "{}", answer.text());
        assert!(answer.text().contains(whose), "{}", answer.text());
        assert_eq!(lab.get("/pve?target=127.0.0.1").status, 200, "{rule}");
    }
    let counts = other.counts();
    assert_eq!((counts.connections, counts.total()), (0, 0));
}

/// A name is whoever owns it: its address has the last word.
#[test]
fn a_name_is_judged_by_its_address() {
    let lab = Lab::with(Pve::start(Shape::default(), 1), |pve| {
        format!(
            "default: {{user: farol@pve, token_name: farol, token_value: {SECRET}, verify_ssl: false, port: {}}}\n\
             allowed_targets: [192.0.2.0/24]\n",
            pve.ports[0]
        )
    });
    let answer = lab.get("/pve?target=localhost");
    assert_eq!(answer.status, 403, "{}", answer.text());
    let counts = lab.pve.counts();
    assert_eq!((counts.connections, counts.total()), (0, 0));
}
