//! Certificates that change, and clocks that disagree.

use std::time::Duration;

use farol_tests::client;
use farol_tests::pve::{Pve, SECRET, Shape, TOKEN, Valid};

use super::{Lab, reason, shown, success, up};

/// A node whose certificate was renewed, with no other to ask about it: nothing is sent to it, its fingerprint is told, and a
/// reload with that fingerprint heals.
#[test]
fn a_changed_certificate_of_a_single_endpoint() {
    let mut lab = Lab::new(Shape::default());
    assert_eq!(success(&lab.scrape(), "resources", ""), Some(true));
    lab.scrape_until("the fingerprints", |page| success(page, "fingerprints", "") == Some(true));
    let renewed = lab.pve.renew(0, Valid::Now);
    // Connections that stand go on for as long as pveproxy keeps them: five seconds, or a hundred requests of whoever does not wait.
    std::thread::sleep(Duration::from_secs(6));
    let page = lab.scrape_until("the refusal", |page| reason(page, "resources", "") == "tls_fingerprint");
    assert!(!shown(&page, "pve_endpoint_up").is_empty());
    std::thread::sleep(Duration::from_secs(5));
    let _ = lab.pve.counts();
    lab.scrape();
    assert_eq!(lab.pve.counts().total(), 0, "no token goes to a stranger");
    assert!(lab.process.log().contains(&renewed), "{}", lab.process.log());
    std::fs::write(&lab.config, lab.pve.configuration("")).unwrap();
    assert_eq!(client::request(lab.port, "POST", "/-/reload", &[]).unwrap().status, 200);
    lab.scrape_until("the healing", |page| success(page, "resources", "") == Some(true));
}

/// With a second endpoint a renewal is learnt from it, over a connection that is trusted: nobody has to do anything.
#[test]
fn a_changed_certificate_is_learnt_from_the_neighbour() {
    let mut lab = Lab::with(Pve::start(Shape::default(), 2), |pve| pve.configuration(""));
    lab.scrape_until("the fingerprints", |page| success(page, "fingerprints", "") == Some(true));
    lab.pve.renew(0, Valid::Now);
    std::thread::sleep(Duration::from_secs(6));
    let page = lab.scrape_until("the second endpoint", |page| {
        page.get(&format!("pve_endpoint_up{{cluster=\"lab\",endpoint=\"127.0.0.1:{}\"}}", lab.pve.ports[1]))
            == Some(1.0)
    });
    assert_eq!(up(&page, "qemu/101"), Some(1.0), "the page stays whole: {}", shown(&page, "pve_collector"));
    let first = format!("pve_endpoint_up{{cluster=\"lab\",endpoint=\"127.0.0.1:{}\"}}", lab.pve.ports[0]);
    lab.scrape_until("the first endpoint", |page| page.get(&first) == Some(1.0));
}

/// A certificate that is not good yet, as for whoever's clock stands behind: told as such, nothing sent, healed by itself.
#[test]
fn a_certificate_from_the_future() {
    let mut pve = Pve::start(Shape::default(), 1);
    pve.renew(0, Valid::Later);
    let mut lab = Lab::with(pve, |pve| {
        format!(
            "clusters: [{{name: lab, endpoints: ['{}'], token_id: {TOKEN}, token: {SECRET}, tls: {{ca_file: ca.pem}}}}]\n",
            pve.endpoints()[0]
        )
    });
    let page = lab.scrape();
    assert_eq!(reason(&page, "resources", ""), "tls_untrusted", "{}", shown(&page, "pve_collector"));
    assert_eq!(lab.pve.counts().total(), 0);
    lab.pve.renew(0, Valid::Now);
    lab.scrape_until("the healing", |page| success(page, "resources", "") == Some(true));
}

/// A cluster whose clock is a day ahead, or behind: nothing fails of it; what is told of times is the cluster's own, what is told
/// of the collectors is ours.
#[test]
fn a_clock_that_is_a_day_off() {
    for ahead in [86_400, -86_400] {
        let lab = Lab::new(Shape { ahead, ..Shape::default() });
        let page = lab.scrape_until("the background", |page| success(page, "zfs", "pve3") == Some(true));
        for collector in ["resources", "status", "ha", "tasks"] {
            assert_eq!(success(&page, collector, ""), Some(true), "{ahead}: {collector}");
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        let ours =
            "pve_collector_last_success_timestamp_seconds{cluster=\"lab\",collector=\"resources\",node=\"\"}";
        assert!(page.get(ours).is_some_and(|time| (now - time).abs() < 30.0), "{ahead}");
        // The scrub's moment needs the node's time zone alone, not that its clock is right.
        let scrub = "pve_zfs_pool_last_scan_timestamp_seconds{cluster=\"lab\",kind=\"scrub\",node=\"pve1\",pool=\"rpool\"}";
        assert_eq!(page.get(scrub), Some(1_793_491_200.0 - 3600.0), "{ahead}");
    }
}
