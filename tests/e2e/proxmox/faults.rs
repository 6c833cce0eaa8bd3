//! What goes wrong costs the collector concerned, names itself, and heals by itself.

use std::time::{Duration, Instant};

use farol_tests::pve::{Fault, Mode, Pve, Shape};

use super::{Lab, reason, shown, success, up};

const FAST: &[(&str, &str)] = &[
    ("resources", "/cluster/resources"),
    ("status", "/cluster/status"),
    ("ha", "/cluster/ha/"),
    ("tasks", "/cluster/tasks"),
];

/// Every fault of a path: the reason of the collector that asks for it, and no other's. A failure is not kept, so that one
/// after the other shows at once.
#[test]
fn each_fault_costs_its_own_collector() {
    let lab = Lab::new(Shape::default());
    lab.scrape_until("the background", |page| success(page, "backups", "").is_some());
    for (collector, path) in FAST {
        for (fault, want) in [
            (Fault::Status(403, "Permission check failed (/, Sys.Audit)"), "forbidden"),
            (Fault::Status(500, "got timeout"), "server_error"),
            (Fault::Status(501, "not implemented"), "not_found"),
            (Fault::Status(595, "No route to host"), "node_unreachable"),
            (Fault::Status(599, "Too many redirections"), "node_unreachable"),
            (Fault::Truncated, "connection_closed"),
            (Fault::HalfJson, "bad_answer"),
            (Fault::NoObjects, "bad_answer"),
            (Fault::Garbage, "protocol_error"),
            (Fault::Huge, "too_large"),
        ] {
            lab.pve.state.heal();
            lab.pve.state.fault(path, fault.clone());
            let page = lab.scrape_until("the fault", |page| reason(page, collector, "") == want);
            for (other, _) in FAST.iter().filter(|(other, _)| other != collector) {
                assert_eq!(success(&page, other, ""), Some(true), "{fault:?} of {collector} cost {other}");
            }
        }
        lab.pve.state.heal();
        lab.scrape_until("the healing", |page| success(page, collector, "") == Some(true));
    }
}

/// What is there of a strange answer is shown, and nothing is shown that would spoil the page.
#[test]
fn strange_values_cost_themselves() {
    let lab = Lab::new(Shape::default());
    for fault in [Fault::WrongTypes, Fault::MissingKeys, Fault::NotANumber] {
        lab.pve.state.heal();
        for (_, path) in FAST {
            lab.pve.state.fault(path, fault.clone());
        }
        std::thread::sleep(Duration::from_secs(5));
        let page = lab.scrape();
        for (collector, _) in FAST {
            // What has neither types nor nodes cannot be a cluster's.
            let is_bad = fault != Fault::NotANumber && matches!(*collector, "resources" | "status");
            assert_eq!(reason(&page, collector, "") == "bad_answer", is_bad, "{fault:?} {collector}");
            assert_eq!(success(&page, collector, ""), Some(!is_bad), "{fault:?} {collector}");
        }
        let dropped = shown(&page, "farol_page_dropped_total");
        assert!(
            dropped.lines().all(|line| line.ends_with(" 0")),
            "{fault:?}: {dropped}{}",
            lab.process.log()
        );
    }
}

/// `nan` costs its value only.
#[test]
fn what_is_no_number_is_absent() {
    let lab = Lab::new(Shape::default());
    lab.pve.state.fault("/cluster/resources", Fault::NotANumber);
    let page = lab.scrape_until("the fault", |page| shown(page, "pve_cpu_usage_ratio").is_empty());
    assert_eq!(up(&page, "qemu/101"), Some(1.0));
    assert!(!shown(&page, "pve_memory_usage_bytes").is_empty());
}

/// The commonest request of the peer's users: one sick node must not empty the page.
#[test]
fn one_of_three_nodes_hangs() {
    let pve = Pve::start(Shape { patience: Duration::from_secs(5), ..Shape::default() }, 1);
    pve.state.set("pve2", Mode::Hanging);
    let lab = Lab::with(pve, |pve| pve.configuration(""));
    let began = Instant::now();
    let page = lab.scrape();
    assert!(began.elapsed() < Duration::from_secs(5), "the scrape does not wait for the node");
    assert_eq!(up(&page, "qemu/102"), Some(1.0));
    let page = lab.scrape_until("the node's failures", |page| {
        ["node", "guests", "replication"]
            .iter()
            .all(|collector| reason(page, collector, "pve2") == "node_unreachable")
            && success(page, "replication", "pve3").is_some()
    });
    for node in ["pve1", "pve3"] {
        for collector in ["node", "guests", "replication"] {
            assert_eq!(success(&page, collector, node), Some(true), "{collector} {node}");
        }
    }
    lab.pve.state.heal();
}

#[test]
fn a_node_that_is_offline_is_not_asked_and_comes_back() {
    let lab = Lab::new(Shape::default());
    lab.scrape_until("the node", |page| success(page, "guest_config", "pve2") == Some(true));
    lab.pve.state.set("pve2", Mode::Offline);
    let page = lab.scrape_until("the node's end", |page| reason(page, "node", "pve2") == "node_offline");
    assert_eq!(up(&page, "node/pve2"), Some(0.0));
    assert_eq!(up(&page, "qemu/104"), None, "a guest of it is neither up nor down");
    assert_eq!(page.get("pve_node_load1{cluster=\"lab\",node=\"pve2\"}"), None, "what it had is not kept");
    assert_eq!(page.get("pve_cluster_nodes_online{cluster=\"lab\"}"), Some(2.0));
    let _ = lab.pve.counts();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(lab.pve.counts().of("/nodes/pve2/"), 0);
    lab.pve.state.heal();
    lab.scrape_until("the node", |page| success(page, "node", "pve2") == Some(true));
    lab.pve.state.set("pve3", Mode::Removed);
    lab.scrape_until("the removal", |page| success(page, "node", "pve3").is_none());
}

#[test]
fn a_silent_node_is_neither_up_nor_down() {
    let lab = Lab::new(Shape::default());
    lab.pve.state.set("pve2", Mode::Silent);
    let page = lab.scrape_until("the silence", |page| up(page, "node/pve2").is_none());
    assert_eq!(up(&page, "node/pve1"), Some(1.0));
}

/// Only what speaks of the endpoint leads to another: dead, deaf. And the other's certificate was learnt from the cluster.
#[test]
fn a_deaf_endpoint_is_left_for_the_next() {
    let lab = Lab::with(Pve::start(Shape::default(), 2), |pve| pve.configuration(""));
    lab.scrape_until("the fingerprints", |page| success(page, "fingerprints", "") == Some(true));
    lab.pve.state.fault("/cluster/status", Fault::Status(500, "no"));
    std::thread::sleep(Duration::from_secs(5));
    lab.scrape();
    let second = format!("pve_endpoint_up{{cluster=\"lab\",endpoint=\"127.0.0.1:{}\"}}", lab.pve.ports[1]);
    assert_eq!(lab.scrape().get(&second), None, "an answer leads to no other endpoint");
    lab.pve.state.heal();
    lab.pve.state.deafen(0);
    std::thread::sleep(Duration::from_secs(5));
    let began = Instant::now();
    let page = lab.scrape();
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    assert_eq!(up(&page, "qemu/101"), Some(1.0), "{}", shown(&page, "pve_collector"));
    assert_eq!(page.get(&second), Some(1.0));
    std::thread::sleep(Duration::from_secs(5));
    let began = Instant::now();
    assert_eq!(up(&lab.scrape(), "qemu/101"), Some(1.0));
    assert!(began.elapsed() < Duration::from_secs(4), "it stays with what works: {:?}", began.elapsed());
    let first = format!("pve_endpoint_up{{cluster=\"lab\",endpoint=\"127.0.0.1:{}\"}}", lab.pve.ports[0]);
    lab.pve.state.heal();
    lab.scrape_until("the first endpoint", |page| page.get(&first) == Some(1.0));
}

/// What the background asks for, and a path of it that goes wrong on one node (or for the cluster).
const BACKGROUND: &[(&str, &str, &str)] = &[
    ("version", "", "=/version"),
    ("permissions", "", "/access/permissions"),
    ("backup_jobs", "", "/cluster/backup-info"),
    ("backups", "", "/storage/backup/content"),
    ("qdevice", "", "/cluster/config/qdevice"),
    ("node", "pve1", "/nodes/pve1/status"),
    ("guests", "pve1", "/nodes/pve1/qemu?full=1"),
    ("replication", "pve1", "/nodes/pve1/replication"),
    ("pressure", "pve1", "/nodes/pve1/rrddata"),
    ("certificates", "pve1", "/nodes/pve1/certificates"),
    ("subscription", "pve1", "/nodes/pve1/subscription"),
    ("services", "pve1", "/nodes/pve1/services"),
    ("packages", "pve1", "/nodes/pve1/apt/versions"),
    ("disks", "pve1", "/nodes/pve1/disks/smart"),
    ("zfs", "pve1", "/nodes/pve1/disks/zfs/rpool"),
    ("lvmthin", "pve1", "/nodes/pve1/disks/lvmthin"),
    ("guest_config", "pve1", "/lxc/100/config"),
    ("snapshots", "pve1", "/lxc/100/snapshot"),
    ("guest_addresses", "pve1", "/qemu/102/agent/network"),
];

/// The same for what runs in the background: one collector of one node, and nothing else.
#[test]
fn each_fault_in_the_background_costs_its_own_collector() {
    let lab = Lab::with(Pve::start(Shape { nodes: 2, guests: 6, ..Shape::default() }, 1), |pve| {
        pve.configuration(
            "    devices: true\n    intervals: {node: 1s, slow: 1s}\n    collectors: {snapshots: true, guest_addresses: true}\n",
        )
    });
    let all_is_well = |page: &farol_tests::exposition::Exposition| {
        BACKGROUND.iter().all(|(collector, node, _)| {
            success(page, collector, node) == Some(true)
                && (node.is_empty() || success(page, collector, "pve2") == Some(true))
        })
    };
    lab.scrape_until("the background", all_is_well);
    let faults = [
        (Fault::Status(403, "Permission check failed (/, Sys.Audit)"), "forbidden"),
        (Fault::HalfJson, "bad_answer"),
        (Fault::Status(595, "No route to host"), "node_unreachable"),
        (Fault::Truncated, "connection_closed"),
        (Fault::Huge, "too_large"),
    ];
    for (nth, (collector, node, path)) in BACKGROUND.iter().enumerate() {
        let (fault, want) = &faults[nth % faults.len()];
        lab.pve.state.fault(path, fault.clone());
        let page = lab.scrape_until(path, |page| reason(page, collector, node) == *want);
        let spoilt = shown(&page, "pve_collector_success");
        let bad: Vec<&str> = spoilt.lines().filter(|line| line.ends_with(" 0")).collect();
        assert!(
            bad.len() == 1 && bad[0].contains(&format!("\"{collector}\"")),
            "{fault:?} of {path} cost {bad:?}"
        );
        lab.pve.state.heal();
        lab.scrape_until("the healing", |page| success(page, collector, node) == Some(true));
    }
}

/// A call that is never answered costs its collector the time that calls have, and the others nothing.
#[test]
fn a_call_that_hangs_costs_its_own_collector() {
    for (collector, path) in FAST {
        let lab = Lab::with(Pve::start(Shape::default(), 1), |pve| pve.configuration("    timeout: 2s\n"));
        lab.pve.state.fault(path, Fault::Hang);
        // An answer from before the fault is good for 5 s.
        std::thread::sleep(Duration::from_secs(5));
        let began = Instant::now();
        let page = lab.scrape();
        assert!(began.elapsed() < Duration::from_secs(4), "{collector}: {:?}", began.elapsed());
        assert_eq!(reason(&page, collector, ""), "timeout", "{}", shown(&page, "pve_collector"));
        for (other, _) in FAST.iter().filter(|(other, _)| other != collector) {
            assert_eq!(success(&page, other, ""), Some(true), "{collector} cost {other}");
        }
        lab.pve.state.heal();
        lab.scrape_until("the healing", |page| success(page, collector, "") == Some(true));
    }
}

/// A node that is taken out of the cluster while its calls are under way: its series go, the others' stay.
#[test]
fn a_node_is_removed_while_it_is_asked() {
    let lab =
        Lab::with(Pve::start(Shape { latency: Duration::from_millis(100), ..Shape::default() }, 1), |pve| {
            pve.configuration("    intervals: {node: 1s, slow: 5s}\n")
        });
    lab.scrape_until("the node", |page| success(page, "node", "pve2") == Some(true));
    lab.pve.state.set("pve2", Mode::Removed);
    for _ in 0..5 {
        let page = lab.scrape();
        assert_eq!(success(&page, "resources", ""), Some(true));
        std::thread::sleep(Duration::from_millis(500));
    }
    let page = lab.scrape_until("the end of its series", |page| {
        !page.series.keys().any(|series| series.contains("node=\"pve2\"") && !series.starts_with("pve_task"))
    });
    for node in ["pve1", "pve3"] {
        assert_eq!(up(&page, &format!("node/{node}")), Some(1.0));
        assert_eq!(success(&page, "node", node), Some(true), "{node}");
    }
}

/// An empty list is no cluster without nodes: what was known of the members stays.
#[test]
fn an_empty_answer_is_a_bad_one() {
    let lab = Lab::new(Shape::default());
    lab.scrape_until("the members", |page| success(page, "node", "pve3") == Some(true));
    let members = || lab.get("/sd/lab").text().matches("__meta_pve_id").count();
    assert_eq!(members(), 3 + 50);
    for path in ["/cluster/resources", "/cluster/status"] {
        lab.pve.state.fault(path, Fault::Empty);
    }
    let page = lab.scrape_until("the fault", |page| reason(page, "resources", "") == "bad_answer");
    assert_eq!(reason(&page, "status", ""), "bad_answer");
    assert_eq!(success(&page, "tasks", ""), Some(true));
    let age =
        "pve_collector_last_success_timestamp_seconds{cluster=\"lab\",collector=\"resources\",node=\"\"}";
    assert!(page.get(age).is_some_and(|time| time > 0.0));
    assert_eq!(members(), 3 + 50);
    assert!(lab.process.log().contains("every cluster has one"), "{}", lab.process.log());
    assert_eq!(success(&lab.scrape(), "node", "pve3"), Some(true), "the nodes are still asked");
    lab.pve.state.heal();
    lab.scrape_until("the healing", |page| success(page, "resources", "") == Some(true));
}

/// Behind an address that was given to another cluster: nothing of the one before is left, and nothing is added up.
#[test]
fn another_cluster_behind_the_same_endpoint() {
    let mut lab = Lab::with(Pve::start(Shape::default(), 1), |pve| {
        pve.configuration("    intervals: {slow: 1s}\n")
            .replace(&format!("fingerprint: \"{}\"", pve.fingerprints[0]), "insecure_skip_verify: true")
    });
    let finished = |page: &farol_tests::exposition::Exposition| shown(page, "pve_tasks_finished_total");
    let page = lab.scrape_until("the background", |page| {
        success(page, "backups", "") == Some(true) && success(page, "disks", "pve3") == Some(true)
    });
    assert!(!finished(&page).is_empty() && finished(&page).lines().all(|line| line.ends_with(" 0")));
    let port = lab.pve.ports[0];
    drop(std::mem::replace(&mut lab.pve, Pve::start(Shape::default(), 0)));
    let mut listener = None;
    farol_tests::process::until(Duration::from_secs(10), || {
        listener = std::net::TcpListener::bind(("127.0.0.1", port)).ok();
        listener.is_some()
    });
    let shape = Shape { cluster: "other", nodes: 2, guests: 4, ..Shape::default() };
    lab.pve = Pve::on(shape, vec![listener.unwrap()]);
    let page = lab.scrape_until("the other cluster", |page| {
        page.get("pve_up{cluster=\"lab\",id=\"cluster/other\"}") == Some(1.0)
    });
    assert!(lab.process.log().contains("another cluster answers"), "{}", lab.process.log());
    let rest = || page.series.keys().filter(|series| series.contains("pve3") || series.contains("qemu/104"));
    assert_eq!(rest().count(), 0, "{:?}", rest().collect::<Vec<_>>());
    assert!(
        !finished(&page).is_empty() && finished(&page).lines().all(|line| line.ends_with(" 0")),
        "{}",
        finished(&page)
    );
    lab.scrape_until("its background", |page| success(page, "disks", "pve2") == Some(true));
    assert_eq!(lab.get("/sd/lab").text().matches("__meta_pve_id").count(), 2 + 4);
}

/// Everything asked once, in words.
#[test]
fn once_says_what_is_wrong() {
    let lab = Lab::new(Shape { guests: 4, ..Shape::default() });
    let once = |more: &[&str]| {
        let config = format!("--config.file={}", lab.config.display());
        let mut command = std::process::Command::new(farol_tests::exporter::binary("proxmox-exporter"));
        let output = command.arg("once").arg(config).args(more).output().unwrap();
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), text)
    };
    assert_eq!(once(&[]), (Some(0), "lab: well: 3 of 3 nodes online, 4 guests\n".to_owned()));
    lab.pve.state.set("pve2", Mode::Silent);
    lab.pve.state.fault(
        "/nodes/pve1/services",
        Fault::Status(403, "Permission check failed (/nodes/pve1, Sys.Audit)"),
    );
    let (code, text) = once(&["lab"]);
    assert_eq!(code, Some(1), "{text}");
    for part in [
        "lab: not well: 2 of 3 nodes online",
        "  node pve2 is a member that tells nothing",
        "  services of pve1: forbidden",
        "grant Sys.Audit on /nodes/pve1",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (code, text) = once(&["--json"]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (code, &json[0]["ok"], json[0]["metrics"].as_array().is_some_and(|all| !all.is_empty())),
        (Some(1), &serde_json::json!(false), true)
    );
    let (code, text) = once(&["lba"]);
    assert!(code == Some(2) && text.contains("did you mean \"lab\"?"), "{text}");
    lab.pve.state.heal();
    lab.pve.state.deafen(0);
    let (code, text) = once(&["--timeout=1s"]);
    assert!(code == Some(1) && text.lines().count() <= 2, "one cause, told once: {text}");
}

/// Who stopped a guest that was off before the exporter was started: its node's task log knows.
#[test]
fn a_guest_that_was_off_before() {
    let lab = Lab::new(Shape::default());
    let stopped = |page: &farol_tests::exposition::Exposition, id| {
        super::value(page, "pve_guest_stopped_timestamp_seconds", id)
    };
    // What the fake's guests have in their logs: 109 fell, 119 was stopped, 129 has nothing.
    let page = lab.scrape_until("the logs", |page| {
        success(page, "guest_tasks", "pve3") == Some(true)
            && stopped(page, "qemu/119").is_some()
            && stopped(page, "qemu/129").is_some()
    });
    assert_eq!(stopped(&page, "lxc/109"), None, "it fell");
    assert_eq!(stopped(&page, "qemu/101"), None, "it runs");
    let _ = lab.pve.counts();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(lab.pve.counts().of("/tasks?vmid=119"), 0, "asked once");
}
