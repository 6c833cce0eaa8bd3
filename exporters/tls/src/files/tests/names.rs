//! Files and entries under every name, and of every kind that a home lab has.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use super::{MONTHS, exporter, of, source};
use crate::testing::{Lab, make, there};

#[tokio::test]
async fn names_that_are_no_text_do_not_collide() {
    let lab = Lab::new();
    let made = make("a.test", false, None, MONTHS);
    for name in [&b"\xff.pem"[..], b"\xfe.pem", br"\xff.pem"] {
        std::fs::write(lab.path().join(OsStr::from_bytes(name)), &made.pem).unwrap();
    }
    let (page, _) = exporter(&lab, "*.pem", "").files().run_once().await;
    assert!(page.dropped().is_empty(), "{:?}", page.dropped());
    assert_eq!(source(&page, "tls_source_files"), Some(3.0));
    for label in [r"\xff.pem", r"\xfe.pem", r"\\xff.pem"] {
        assert_eq!(of(&page, &lab, "tls_file_certificates", label), Some(1.0), "{label}");
    }
}

#[tokio::test]
async fn entries_of_one_name_do_not_collide() {
    let lab = Lab::new();
    let made = make("a.test", false, None, MONTHS);
    lab.write("a.pem", &made.pem);
    let user = |name: &str| format!("{{name: {name}, user: {{client-certificate: a.pem}}}}");
    let users = ["a.2", "x", "a", "a", "a", "''", "'.5'"].map(user).join(", ");
    lab.write("config", &format!("kind: Config\nusers: [{users}]\n"));
    let (page, _) = exporter(&lab, "config", "").files().run_once().await;
    assert!(page.dropped().is_empty(), "{:?}", page.dropped());
    let rows = page.samples().filter(|sample| sample.desc.name == "tls_file_certificates");
    let paths: HashSet<String> =
        rows.map(|row| row.labels().nth(1).map(|(_, value)| value.to_owned()).unwrap()).collect();
    assert_eq!(paths.len(), 7, "{paths:?}");
    // Nor with a file of the name that an entry is told by.
    lab.write("config#user/x", &made.pem);
    let (page, _) = exporter(&lab, "config config#user/x", "").files().run_once().await;
    assert!(page.dropped().is_empty(), "{:?}", page.dropped());
    for path in ["config#user/x", r"config\x23user/x"] {
        assert_eq!(of(&page, &lab, "tls_file_certificates", path), Some(1.0), "{path}");
    }
}

/// `openssl req -x509` without names: an authority by its own word, but its key beside it says whose it is.
#[tokio::test]
async fn the_oldest_kind_of_a_servers_own_certificate_is_due() {
    if !there("openssl", "the_oldest_kind_of_a_servers_own_certificate_is_due") {
        return;
    }
    let lab = Lab::new();
    lab.openssl("req -x509 -nodes -newkey rsa:2048 -days 45 -subj /CN=nas -keyout nas.key -out nas.pem");
    std::fs::copy(lab.path().join("nas.pem"), lab.path().join("alone.pem")).unwrap();
    let (page, _) = exporter(&lab, "*.pem", "").files().run_once().await;
    for (name, serves) in [("nas.pem", true), ("alone.pem", false)] {
        let path = lab.path().join(name).display().to_string();
        let labels = |more| [("source", "lab"), ("path", path.as_str()), more];
        let due = page
            .get("tls_file_certificate_renewal_due_timestamp_seconds", &labels(("policy", "fraction")))
            .is_some();
        let role = ["leaf", "root"].map(|role| {
            let at = [&labels(("position", "0"))[..], &[("role", role)]].concat();
            page.get("tls_file_certificate_not_after_timestamp_seconds", &at).is_some()
        });
        assert_eq!((due, role), (serves, [serves, !serves]), "{name}");
    }
}

#[tokio::test]
async fn a_serial_number_of_zero_is_one() {
    if !there("openssl", "a_serial_number_of_zero_is_one") {
        return;
    }
    let lab = Lab::new();
    lab.openssl("req -x509 -nodes -newkey rsa:2048 -set_serial 0 -subj /CN=a -keyout a.key -out a.pem");
    let shown = lab.openssl("x509 -in a.pem -noout -serial").to_lowercase();
    let (page, _) = exporter(&lab, "a.pem", "").files().run_once().await;
    let info = page.samples().find(|sample| sample.desc.name == "tls_file_certificate_info").unwrap();
    let serial = info.labels().find(|(name, _)| *name == "serial").unwrap().1.to_owned();
    assert_eq!(format!("serial={serial}"), shown.trim());
}

/// Neither size nor time of change tells, but that the file was touched.
#[tokio::test]
async fn a_file_that_is_rewritten_within_its_time_is_read_again() {
    let lab = Lab::new();
    let (old, new) = (make("a.test", false, None, (-80, 10)), make("b.test", false, None, (-80, 10)));
    let longest = old.pem.len().max(new.pem.len());
    let padded = |pem: &str| format!("{pem}{}", "\n".repeat(longest - pem.len()));
    let place = lab.write("a.pem", &padded(&old.pem));
    let modified = std::fs::metadata(&place).unwrap().modified().unwrap();
    let exporter = exporter(&lab, "a.pem", "");
    assert_eq!(exporter.files().run_once().await.1, 1);
    // The kernel's clock for this has ticks of some milliseconds.
    tokio::time::sleep(Duration::from_millis(50)).await;
    std::fs::write(&place, padded(&new.pem)).unwrap();
    std::fs::File::options().write(true).open(&place).unwrap().set_modified(modified).unwrap();
    assert_eq!(exporter.files().run_once().await.1, 1, "read again");
    assert_eq!(exporter.files().run_once().await.1, 0);
}

/// A pipe among the certificates: nobody will ever write to it.
#[tokio::test]
async fn a_pipe_blocks_nothing() {
    let lab = Lab::new();
    lab.write("b.pem", &make("b.test", false, None, MONTHS).pem);
    for name in ["a.pem", "b.key"] {
        nix::unistd::mkfifo(&lab.path().join(name), nix::sys::stat::Mode::S_IRWXU).unwrap();
    }
    // Also one that takes a file's place between the look and the opening.
    let place = lab.path().join("a.pem");
    let (opened, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || opened.send(super::super::read::open(&place).map(|(_, meta)| meta.is_file())));
    let opened = told.recv_timeout(Duration::from_secs(20)).expect("opening waits for a pipe's writer");
    assert!(!opened.unwrap());
    let exporter = exporter(&lab, "*.pem", "");
    let files = exporter.files().clone();
    let scanned =
        tokio::time::timeout(Duration::from_secs(20), async move { files.run_once().await.0 }).await;
    let page = scanned.expect("the scan waits for a pipe's writer");
    assert_eq!(super::faults(&page, &lab, "a.pem"), ["no_certificate"]);
    assert_eq!(of(&page, &lab, "tls_file_certificates", "b.pem"), Some(1.0));
    assert_eq!(super::faults(&page, &lab, "b.pem"), ["key_unreadable"]);
}
