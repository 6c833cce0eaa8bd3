//! `/sd`: nodes and guests as targets, for Prometheus and for probe-exporter.

use std::collections::BTreeMap;
use std::time::Duration;

use farol_tests::client;
use farol_tests::exporter::ProbeExporter;
use farol_tests::exposition::Exposition;
use farol_tests::process::until;
use farol_tests::pve::{Mode, Pve, Shape};
use serde::Deserialize;

use super::{Lab, success};

#[derive(Debug, Deserialize)]
struct Group {
    targets: Vec<String>,
    labels: BTreeMap<String, String>,
}

impl Group {
    fn label(&self, name: &str) -> &str {
        self.labels.get(&format!("__meta_pve_{name}")).map_or("", String::as_str)
    }
}

/// What a path of `/sd` answers, by the target's id.
fn list(lab: &Lab, path: &str) -> BTreeMap<String, Group> {
    let answer = lab.get(path);
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "application/json"),
        "{}",
        answer.text()
    );
    let groups: Vec<Group> = serde_json::from_str(&answer.text()).unwrap();
    groups.into_iter().map(|group| (group.label("id").to_owned(), group)).collect()
}

#[test]
fn nodes_and_guests_with_their_addresses() {
    let lab = Lab::with(Pve::start(Shape::default(), 1), |pve| {
        pve.configuration("    collectors: {guest_addresses: 1s}\n    intervals: {slow: 1s}\n")
    });
    let known = |id: &str, source: &str| {
        let answer = lab.get("/sd/lab");
        answer.status == 200
            && list(&lab, "/sd/lab").get(id).is_some_and(|group| group.label("address_source") == source)
    };
    let all = ["qemu/101", "qemu/102", "lxc/100", "lxc/103"];
    assert!(until(Duration::from_secs(40), || {
        std::thread::sleep(Duration::from_millis(200));
        all.iter().all(|id| known(id, "guest")) && known("qemu/105", "config")
    }));
    let _ = lab.pve.counts();
    let groups = list(&lab, "/sd/lab");
    assert_eq!(groups.len(), 3 + 50);
    for (id, target, facts) in [
        (
            "node/pve1",
            "192.0.2.1",
            [("type", "node"), ("status", "online"), ("vmid", ""), ("address_source", "cluster")],
        ),
        (
            "qemu/101",
            "10.1.0.101",
            [("type", "qemu"), ("node", "pve2"), ("vmid", "101"), ("ipv6", "2001:db8::101")],
        ),
        (
            "lxc/100",
            "10.1.0.100",
            [("type", "lxc"), ("name", "guest-100"), ("ipv4", "10.1.0.100"), ("ipv6", "")],
        ),
        // Its configuration says that it has no agent.
        (
            "qemu/105",
            "10.0.0.105",
            [("ipv4", "10.0.0.105"), ("tags", ",prod,web,"), ("status", "running"), ("cluster", "lab")],
        ),
        // What does not run may not have its address any more, save for one that is written down.
        (
            "lxc/109",
            "10.0.0.109",
            [("status", "stopped"), ("address_source", "config"), ("ipv6", ""), ("pool", "")],
        ),
    ] {
        let group = &groups[id];
        assert_eq!(group.targets, [target], "{id}: {group:?}");
        for (label, want) in facts {
            assert_eq!(group.label(label), want, "{id}: {label}");
        }
    }
    for (query, count) in [
        ("type=node", 3),
        ("type=qemu&running=1", 30),
        ("type=lxc,qemu", 50),
        ("running=0", 5),
        ("node=pve1&type=node,lxc,qemu", 18),
        ("tag=web&tag=prod", 50),
        ("tag=nobody", 0),
        ("pool=nobody", 0),
        ("family=ipv6", 24),
    ] {
        assert_eq!(list(&lab, &format!("/sd/lab?{query}")).len(), count, "{query}");
    }
    let exporters = list(&lab, "/sd?type=qemu&family=ipv6&port=9100");
    assert_eq!(exporters["qemu/101"].targets, ["[2001:db8::101]:9100"]);
    // Whoever errs is told, and gets no list that is too long.
    for query in ["typ=qemu", "running=maybe", "family=4"] {
        assert_eq!(lab.get(&format!("/sd/lab?{query}")).status, 400, "{query}");
    }
    assert_eq!(lab.get("/sd/other").status, 404);
    assert_eq!(lab.pve.counts().of("/qemu/105/agent"), 0, "who has no agent is not asked");
}

/// What is known is given on while the cluster is away; what is not known yet is no empty list.
#[test]
fn not_knowing_is_not_none() {
    let lab = Lab::new(Shape::default());
    lab.scrape_until("the members", |page| success(page, "resources", "") == Some(true));
    lab.pve.state.deafen(0);
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(list(&lab, "/sd/lab").len(), 53);
    lab.pve.state.heal();
    lab.pve.state.set("pve3", Mode::Removed);
    assert!(until(Duration::from_secs(60), || {
        std::thread::sleep(Duration::from_millis(300));
        !list(&lab, "/sd/lab").contains_key("node/pve3")
    }));
    let deaf = Pve::start(Shape::default(), 1);
    deaf.state.deafen(0);
    let lab = Lab::with(deaf, |pve| pve.configuration(""));
    assert_eq!(lab.get("/sd/lab").status, 503);
}

/// probe-exporter takes the list as its `http_sd_configs`, the query with it, and probes what is in it.
#[test]
fn probe_exporter_probes_what_is_found() {
    let lab =
        Lab::with(Pve::start(Shape { loopback: true, ..Shape::default() }, 1), |pve| pve.configuration(""));
    lab.scrape_until("the members", |page| success(page, "status", "") == Some(true));
    let configuration = format!(
        "modules: {{port: {{prober: tcp, timeout: 2s}}}}\nhttp_sd_configs:\n  - {{url: 'http://127.0.0.1:{}/sd/lab?type=node&port={}', \
         name: nodes, module: port, only: {{__meta_pve_status: online}}, interval: 1s, refresh_interval: 1s}}\n",
        lab.port, lab.pve.ports[0]
    );
    let folder = tempfile::tempdir().unwrap();
    let probe = ProbeExporter::start(folder.path(), &configuration, &[]);
    let series =
        |node: u8| format!("probe_success{{module=\"port\",target=\"127.0.0.{node}:{}\"}}", lab.pve.ports[0]);
    let page = || Exposition::parse(&client::get(probe.port, "/metrics").text());
    let probed = until(Duration::from_secs(20), || {
        let page = page();
        // pve2 and pve3 have addresses at which nobody listens.
        page.get(&series(1)) == Some(1.0)
            && page.get(&series(2)) == Some(0.0)
            && page.get(&series(3)) == Some(0.0)
    });
    assert!(probed, "{}", client::get(probe.port, "/metrics").text());
    assert_eq!(page().get("probe_list_targets{list=\"nodes\"}"), Some(3.0));
}
