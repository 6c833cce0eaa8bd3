//! What keeps which alerts silent, live: of certificates, of Proxmox VE and of the services on it.

use std::collections::BTreeSet;

use farol_tests::alertmanager::{Live, next, receiver};
use farol_tests::process::find;
use farol_tests::skipped;

use crate::folder;
use crate::live::sent;

#[test]
fn what_explains_a_certificate_keeps_it_silent_and_nothing_else() {
    let Some(program) = find("prometheus-alertmanager").or_else(|| find("alertmanager")) else {
        skipped("what_explains_a_certificate_keeps_it_silent_and_nothing_else", "there is no Alertmanager");
        return;
    };
    let (port, received) = receiver();
    let live = Live::start(&folder(), &program, &[("WEBHOOK_URL", format!("http://127.0.0.1:{port}/hook"))]);
    let tls = |name, severity, labels: &[(&str, &str)]| {
        let all = [&[("job", "tls-exporter"), ("instance", "farol:9219")], labels].concat();
        sent(name, severity, &all, false)
    };
    live.post(&[
        sent("ServiceDown", "critical", &[("target", "wordpress")], false),
        tls("CertificateExpires", "critical", &[("source", "s"), ("path", "/a.pem")]),
        tls("CertificateKeyMismatch", "critical", &[("source", "s"), ("path", "/a.pem")]),
        tls("CertificateServedStale", "warning", &[("target", "mail"), ("path", "/m.pem")]),
        tls("CertificateFilesMissing", "warning", &[("source", "gone")]),
        tls("NpmDown", "warning", &[("npm", "one")]),
        tls("CertificateNotSeen", "warning", &[("target", "shop"), ("module", "tls")]),
        tls("RevocationListExpires", "critical", &[("source", "s"), ("path", "/crl.pem")]),
    ]);
    let first = next(&received, "/hook");
    assert_eq!(first["status"], "firing");
    live.post(&[
        // By the service, the same file's end, the source and the proxy manager.
        tls("CertificateUntrusted", "critical", &[("target", "wordpress")]),
        tls("CertificateRenewalOverdue", "warning", &[("source", "s"), ("path", "/a.pem")]),
        tls("CertificateRenewalOverdue", "warning", &[("target", "mail")]),
        tls("CertificateFileUnreadable", "warning", &[("source", "gone")]),
        tls("NpmHostOffline", "critical", &[("npm", "one")]),
        tls("NpmEmpty", "warning", &[("npm", "one")]),
        tls("CertificateAddressFails", "warning", &[("target", "shop"), ("module", "tls")]),
        tls("CertificateStapleBad", "warning", &[("target", "wordpress")]),
        tls("RevocationListExpires", "warning", &[("source", "s"), ("path", "/crl.pem")]),
        // By none of them: another target, another file, another proxy manager.
        tls("CertificateNameMismatch", "critical", &[("target", "blog")]),
        tls("CertificateKeyMismatch", "warning", &[("source", "s"), ("path", "/b.pem")]),
        tls("NpmExpiryDrift", "warning", &[("npm", "two")]),
    ]);
    let silent = [
        "CertificateAddressFails",
        "CertificateFileUnreadable",
        "CertificateRenewalOverdue",
        "CertificateStapleBad",
        "CertificateUntrusted",
        "NpmEmpty",
        "NpmHostOffline",
        "RevocationListExpires",
    ];
    let told = loop {
        let message = next(&received, "/hook");
        if message["groupLabels"]["alertname"] == "CertificateNameMismatch" {
            break message;
        }
    };
    assert_eq!(told["alerts"][0]["labels"]["target"], "blog");
    assert_eq!(live.inhibited(), BTreeSet::from(silent.map(str::to_owned)));
}

/// By what fires at once and is told to nobody, before the first message about a service.
#[test]
fn a_node_explains_its_guests_and_they_their_services() {
    let test = "a_node_explains_its_guests_and_they_their_services";
    let Some(program) = find("prometheus-alertmanager").or_else(|| find("alertmanager")) else {
        return skipped(test, "there is no Alertmanager");
    };
    let (port, received) = receiver();
    let live = Live::start(&folder(), &program, &[("WEBHOOK_URL", format!("http://127.0.0.1:{port}/hook"))]);
    let pve = |name, severity, cluster, labels: &[(&str, &str)]| {
        let own = [("job", "proxmox-exporter"), ("instance", "farol:9221"), ("cluster", cluster)];
        sent(name, severity, &[&own, labels].concat(), false)
    };
    live.post(&[
        pve("NodeDown", "info", "home", &[("node", "pve2")]),
        pve("GuestDown", "info", "home", &[("node", "pve1"), ("id", "qemu/104"), ("name", "wordpress")]),
        pve("ProxmoxUnreachable", "critical", "lab", &[]),
        pve("StorageFilling", "warning", "home", &[("storage", "nas")]),
        pve("NodeStateUnknown", "warning", "home", &[("node", "pve3")]),
        pve("BackupFailed", "warning", "home", &[("node", "pve1"), ("id", "qemu/107")]),
    ]);
    let first = next(&received, "/hook");
    assert_eq!(first["status"], "firing");
    live.post(&[
        // The service in the guest, that on the node, what Proxmox VE says of both, and what follows from a cluster out of sight.
        sent("ServiceDown", "critical", &[("target", "wordpress"), ("id", "qemu/104")], false),
        sent("ServiceFlapping", "warning", &[("target", "pve2-web"), ("node", "pve2")], false),
        pve("DiskFailing", "critical", "home", &[("node", "pve2"), ("device", "/dev/sda")]),
        pve("BackupTooOld", "critical", "home", &[("node", "pve1"), ("id", "qemu/104")]),
        pve("ReplicationFailing", "warning", "home", &[("node", "pve1"), ("id", "qemu/110")]),
        pve("ProxmoxDataStale", "warning", "lab", &[("collector", "disks"), ("node", "pve9")]),
        pve("StorageFullSoon", "warning", "home", &[("storage", "nas")]),
        pve("StorageDown", "warning", "home", &[("storage", "isos"), ("node", "pve3")]),
        pve("BackupTooOld", "warning", "home", &[("node", "pve1"), ("id", "qemu/107")]),
        pve("ReplicationLate", "warning", "lab", &[("node", "pve1"), ("id", "qemu/104")]),
        // Another guest, the same names in another cluster, another storage.
        sent("ServiceWrongAnswer", "critical", &[("target", "blog"), ("id", "qemu/105")], false),
        pve("PoolDegraded", "critical", "lab", &[("node", "pve2"), ("pool", "rpool")]),
        pve("BackupMissing", "warning", "office", &[("node", "pve1"), ("id", "qemu/104")]),
        pve("StorageDown", "warning", "home", &[("storage", "local"), ("node", "pve1")]),
    ]);
    let mut expected: BTreeSet<&str> =
        ["ServiceWrongAnswer", "PoolDegraded", "BackupMissing", "StorageDown"].into();
    while !expected.is_empty() {
        let message = next(&received, "/hook");
        expected.remove(message["groupLabels"]["alertname"].as_str().unwrap());
    }
    let silent = [
        // By the storage that is away; it keeps the late one silent all the same.
        "BackupFailed",
        "BackupTooOld",
        "DiskFailing",
        "ProxmoxDataStale",
        "ReplicationFailing",
        "ReplicationLate",
        "ServiceDown",
        "ServiceFlapping",
        "StorageDown",
        "StorageFullSoon",
    ];
    assert_eq!(live.inhibited(), BTreeSet::from(silent.map(str::to_owned)));
}
