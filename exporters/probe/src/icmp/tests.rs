use std::time::Duration;

use crate::testing::{build, module, phase, probe, probe_for, reason, value};

/// Whether this machine lets an ordinary process send echoes; tells loudly when it does not.
fn can_ping() -> bool {
    let pinger = wire::icmp::Pinger::new();
    match pinger.check([127, 0, 0, 1].into(), &wire::Egress::default()) {
        Ok(_) => true,
        Err(error) => {
            eprintln!("SKIPPED: {error}");
            false
        }
    }
}

/// fixtures/blackbox/icmp_v4.prom and icmp_v4_df.prom, recorded with blackbox_exporter 0.28.
#[tokio::test]
async fn the_recorded_pages_of_the_peer() {
    if !can_ping() {
        return;
    }
    for section in ["", "dont_fragment: true, payload_size: 1000, ttl: 20"] {
        let verdict = probe(&module("icmp", section), "127.0.0.1").await;
        assert_eq!(verdict.failure, None, "{section}");
        let page = &verdict.page;
        assert_eq!(value(page, "probe_icmp_reply_hop_limit"), Some(64.0));
        assert_eq!(value(page, "probe_ip_protocol"), Some(4.0));
        assert_eq!(value(page, "probe_ip_addr_hash"), Some(3_668_918_509.0));
        for name in ["resolve", "setup", "rtt"] {
            let took = phase(page, "probe_icmp_duration_seconds", name).unwrap();
            assert!((0.0..1.0).contains(&took), "{name}: {took}");
        }
        assert!(phase(page, "probe_icmp_duration_seconds", "rtt") > Some(0.0));
    }
}

#[tokio::test]
async fn what_is_no_host_is_told_before_anything_is_sent() {
    for target in ["", "http://127.0.0.1/", "127.0.0.1:80", "[::1]:80"] {
        let verdict = probe(&module("icmp", ""), target).await;
        assert_eq!(reason(&verdict), "target_invalid", "{target}");
        assert_eq!(value(&verdict.page, "probe_ip_protocol"), Some(0.0));
        assert_eq!(value(&verdict.page, "probe_icmp_reply_hop_limit"), None, "unknown is absent");
    }
}

#[tokio::test]
async fn an_address_of_the_other_family_needs_the_fallback() {
    let verdict =
        probe_for(&module("icmp", "ip_protocol_fallback: false"), "::1", None, Duration::from_secs(1)).await;
    assert_eq!(reason(&verdict), "dns_no_address");
}

#[test]
fn numbers_out_of_range_do_not_load() {
    for (section, want) in [
        ("ttl: 256", "256 is out of range"),
        ("ttl: -1", "give 0 to 255 hops"),
        ("payload_size: 65508", "give 0 to 65507 bytes"),
        ("payload_size: -1", "-1 is out of range"),
    ] {
        let error = build(&module("icmp", section)).err().unwrap();
        assert!(error.contains(want), "{section}: {error}");
    }
    assert!(build("modules:\n  m: {prober: icmp}\n").is_ok(), "a module without a section");
}
