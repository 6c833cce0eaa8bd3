//! What a healthy cluster looks like, and what it is asked.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use farol_tests::exporter::binary;
use farol_tests::process::until;
use farol_tests::pve::Shape;
use farol_tests::servers::promtool_check;
use farol_tests::{client, skipped};

use super::{Lab, shown, success, up, value};

/// The node that every background collector has been to.
const NODE_COLLECTORS: &[&str] = &[
    "node",
    "guests",
    "replication",
    "pressure",
    "certificates",
    "subscription",
    "services",
    "disks",
    "zfs",
    "lvmthin",
    "guest_config",
    "packages",
    "snapshots",
];
const CLUSTER_COLLECTORS: &[&str] = &[
    "resources",
    "status",
    "ha",
    "tasks",
    "version",
    "permissions",
    "fingerprints",
    "backup_jobs",
    "backups",
    "qdevice",
];

fn whole(shape: Shape) -> (Lab, farol_tests::exposition::Exposition) {
    let nodes: Vec<String> = (1..=shape.nodes).map(|index| format!("pve{index}")).collect();
    let lab = Lab::with(farol_tests::pve::Pve::start(shape, 1), |pve| {
        pve.configuration("    collectors: {snapshots: true}\n    devices: true\n")
    });
    let page = lab.scrape_until("a whole page", |page| {
        CLUSTER_COLLECTORS.iter().all(|collector| success(page, collector, "") == Some(true))
            && NODE_COLLECTORS
                .iter()
                .all(|collector| nodes.iter().all(|node| success(page, collector, node) == Some(true)))
    });
    (lab, page)
}

#[test]
fn all_versions_give_a_whole_page() {
    let listed = Command::new(binary("proxmox-exporter")).arg("--metrics.list").output().unwrap();
    let catalogue: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let known: BTreeSet<&str> =
        catalogue.as_array().unwrap().iter().map(|desc| desc["name"].as_str().unwrap()).collect();
    for version in [7, 8, 9] {
        let (lab, page) = whole(Shape { version, ..Shape::default() });
        for (id, want) in [
            ("node/pve1", 1.0),
            ("cluster/lab", 1.0),
            ("lxc/100", 1.0),
            ("qemu/101", 1.0),
            ("lxc/109", 0.0),
            ("storage/pve3/backup", 1.0),
        ] {
            assert_eq!(up(&page, id), Some(want), "{version}: {id}");
        }
        for (name, id, want) in [
            ("pve_network_receive_bytes_total", "qemu/101", Some(123_456_890.0)),
            ("pve_disk_usage_bytes", "qemu/101", None),
            ("pve_disk_usage_bytes", "lxc/100", Some(5_368_709_120.0)),
            ("pve_memory_host_usage_bytes", "qemu/101", (version == 9).then_some(4_294_967_296.0)),
            ("pve_replication_duration_seconds", "100-0", Some(2.5)),
            ("pve_not_backed_up_total", "cluster/lab", Some(1.0)),
            ("pve_subscription_next_due_timestamp_seconds", "node/pve2", Some(1_801_353_600.0)),
            ("pve_guest_snapshots", "qemu/101", Some(1.0)),
        ] {
            assert_eq!(value(&page, name, id), want, "{version}: {name} {id}");
        }
        for (series, want) in [
            ("pve_cluster_quorate{cluster=\"lab\"}", Some(1.0)),
            ("pve_view_complete{cluster=\"lab\"}", Some(1.0)),
            ("pve_node_load1{cluster=\"lab\",node=\"pve2\"}", Some(0.52)),
            (
                "pve_backup_last_timestamp_seconds{cluster=\"lab\",id=\"qemu/101\",storage=\"backup\"}",
                Some(1_793_491_301.0),
            ),
            ("pve_backups{cluster=\"lab\",id=\"lxc/100\",storage=\"pve1/local\"}", Some(1.0)),
            ("pve_service_up{cluster=\"lab\",node=\"pve1\",service=\"corosync\"}", Some(0.0)),
            ("pve_node_disk_healthy{cluster=\"lab\",device=\"/dev/sdb\",node=\"pve1\"}", Some(0.0)),
            (
                "pve_zfs_device_errors{cluster=\"lab\",device=\"sda3\",kind=\"cksum\",node=\"pve1\",pool=\"rpool\"}",
                Some(1.0),
            ),
            ("pve_onboot_status{cluster=\"lab\",id=\"qemu/101\",node=\"pve2\",type=\"qemu\"}", Some(0.0)),
            (
                "pve_node_disk_temperature_celsius{cluster=\"lab\",device=\"/dev/sda\",node=\"pve1\"}",
                Some(34.0),
            ),
            (
                "pve_node_disk_reallocated_sectors{cluster=\"lab\",device=\"/dev/sdb\",node=\"pve2\"}",
                Some(3.0),
            ),
            (
                "pve_zfs_pool_last_scan_errors{cluster=\"lab\",kind=\"scrub\",node=\"pve1\",pool=\"rpool\"}",
                Some(2.0),
            ),
            (
                "pve_node_pressure_ratio{cluster=\"lab\",kind=\"some\",node=\"pve3\",resource=\"io\"}",
                (version == 9).then_some(0.125),
            ),
            (
                "pve_sdn_zone_up{cluster=\"lab\",node=\"pve1\",zone=\"localnetwork\"}",
                (version == 9).then_some(1.0),
            ),
            ("pve_ha_state{cluster=\"lab\",id=\"lxc/100\",state=\"started\"}", Some(1.0)),
            ("pve_tasks_running{cluster=\"lab\",node=\"pve1\",type=\"qmigrate\"}", Some(1.0)),
            (
                "pve_guest_pressure_ratio{cluster=\"lab\",id=\"lxc/100\",kind=\"some\",resource=\"io\"}",
                (version == 9).then_some(0.125),
            ),
        ] {
            assert_eq!(page.get(series), want, "{version}: {series}");
        }
        for family in page.types.keys() {
            let told = known.contains(family.as_str()) || known.contains(format!("{family}_info").as_str());
            assert!(told, "{family} is not in the catalogue");
        }
        assert_eq!(
            shown(&page, "farol_page_dropped_total").matches(" 0\n").count(),
            5,
            "{}",
            shown(&page, "farol_page")
        );
        let text = lab.get("/metrics").body;
        match promtool_check(&text) {
            Some(said) => assert_eq!(said, ""),
            None => skipped("proxmox: the page is clean", "promtool is not installed"),
        }
    }
}

/// Two Prometheus servers cost one call, and a scrape 4.
#[test]
fn a_scrape_asks_four_things_and_two_at_once_as_much() {
    let lab = Lab::new(Shape { latency: Duration::from_millis(50), ..Shape::default() });
    lab.scrape_until("the background", |page| success(page, "backups", "").is_some());
    std::thread::sleep(Duration::from_secs(6));
    let fast = ["/cluster/resources", "/cluster/status", "/cluster/ha/", "/cluster/tasks"];
    let _ = lab.pve.counts();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| lab.scrape());
        }
    });
    lab.scrape();
    let counts = lab.pve.counts();
    for path in fast {
        assert_eq!(counts.of(path), 1, "{path}: {counts:?}");
    }
}

/// A node is asked 4 calls a minute, and none of the calls that cost one a guest unless they are wanted.
#[test]
fn the_background_is_frugal() {
    let lab = Lab::new(Shape::default());
    lab.scrape_until("the background", |page| success(page, "guest_config", "pve3").is_some());
    let counts = lab.pve.counts();
    for path in ["/nodes/pve1/status", "/nodes/pve1/qemu", "/nodes/pve1/lxc", "/nodes/pve1/replication"] {
        let exactly = format!("/api2/json{path}");
        assert_eq!(counts.requests.get(&exactly), Some(&1), "{path}: {counts:?}");
    }
    assert_eq!(counts.of("/snapshot"), 0);
    assert_eq!(counts.of("/storage/backup/content"), 1, "a shared storage is asked once");
    assert!(counts.connections < counts.total() / 4, "connections are kept: {counts:?}");
}

/// The cluster's own pages: the landing page and the configuration without its secret.
#[test]
fn people_see_it_too() {
    let lab = Lab::new(Shape::default());
    lab.scrape_until("the members", |page| up(page, "node/pve1").is_some());
    let landing = lab.get("/").text();
    assert!(landing.contains("3 of 3 nodes online, 50 guests"), "{landing}");
    let config = lab.get("/config").text();
    assert!(config.contains("token: <secret>") && !config.contains(farol_tests::pve::SECRET), "{config}");
    assert!(!lab.process.log().contains(farol_tests::pve::SECRET));
}

/// A reload that changes nothing lets the cluster go on; one that is wrong changes nothing.
#[test]
fn a_reload_keeps_what_is_known() {
    let lab = Lab::new(Shape::default());
    let known = |page: &farol_tests::exposition::Exposition| {
        page.get("pve_node_load1{cluster=\"lab\",node=\"pve1\"}").is_some()
    };
    lab.scrape_until("the background", known);
    let reload = || client::request(lab.port, "POST", "/-/reload", &[]).unwrap().status;
    assert_eq!(reload(), 200);
    assert!(known(&lab.scrape()));
    std::fs::write(&lab.config, "clusters: [{name: lab}]").unwrap();
    assert_eq!(reload(), 500);
    assert!(known(&lab.scrape()));
    assert!(until(Duration::from_secs(1), || lab.scrape().get("farol_config_last_reload_successful")
        == Some(0.0)));
}

/// Two clusters have the same numbers, and often the same node names: the cluster's name keeps them apart.
#[test]
fn two_clusters_on_one_page() {
    let far = farol_tests::pve::Pve::start(Shape { nodes: 1, guests: 5, version: 8, ..Shape::default() }, 1);
    let second = far.configuration("").replace("clusters:\n", "").replace("name: lab", "name: far");
    let lab =
        Lab::with(farol_tests::pve::Pve::start(Shape::default(), 1), |pve| pve.configuration("") + &second);
    let page = lab.scrape_until("both", |page| {
        success(page, "guest_config", "pve3") == Some(true)
            && page
                .get("pve_onboot_status{cluster=\"far\",id=\"lxc/100\",node=\"pve1\",type=\"lxc\"}")
                .is_some()
    });
    for cluster in ["lab", "far"] {
        assert_eq!(
            page.get(&format!("pve_up{{cluster=\"{cluster}\",id=\"qemu/101\"}}")),
            Some(1.0),
            "{cluster}"
        );
    }
    // A node that stands alone has no quorum, and guests without a job are told by its own name.
    assert_eq!(page.get("pve_cluster_quorate{cluster=\"far\"}"), None);
    assert_eq!(page.get("pve_not_backed_up_total{cluster=\"far\",id=\"node/pve1\"}"), Some(1.0));
    assert!(shown(&page, "farol_page_dropped_total").lines().all(|line| line.ends_with(" 0")));
    // With two clusters a request must say which.
    assert_eq!(lab.get("/pve").status, 400);
    assert_eq!(lab.get("/pve?target=far").status, 200);
}

/// 32 nodes and 10,000 guests: everything is there, packed when it is asked for.
#[test]
fn a_large_cluster() {
    let shape = Shape { nodes: 32, guests: 10_000, ..Shape::default() };
    let lab = Lab::with(farol_tests::pve::Pve::start(shape, 1), |pve| {
        pve.configuration("    collectors: {guest_config: false}\n    timeout: 1m\n")
    });
    let page = lab.scrape_until("the guests", |page| {
        page.named("pve_guest_info").count() == 10_000
            && page.named("pve_backup_last_timestamp_seconds").count() > 10_000
    });
    assert_eq!(page.named("pve_up").count(), 10_000 + 32 + 32 * 3 + 1);
    assert_eq!(page.named("pve_guest_pressure_ratio").count(), 3 * 9_000);
    let packed = client::request(lab.port, "GET", "/metrics", &[("Accept-Encoding", "gzip")]).unwrap();
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert_eq!(
        farol_tests::exposition::Exposition::parse(&packed.text()).named("pve_guest_info").count(),
        10_000
    );
}
