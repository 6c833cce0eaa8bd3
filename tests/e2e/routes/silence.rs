//! What keeps which alerts of certificates silent, live.

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
