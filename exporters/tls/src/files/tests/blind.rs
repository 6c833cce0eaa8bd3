//! What can no longer be seen is not forgotten: nothing resolves since the exporter is blind.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use kit::Page;

use super::super::scan::scan;
use super::{MONTHS, exporter, faults, of, source};
use crate::renewal::Policy;
use crate::testing::{Lab, close, make};

const END: &str = "tls_file_certificate_not_after_timestamp_seconds";

/// The end of a file's first certificate, and whether it is told from memory.
fn end(page: &Page, lab: &Lab, path: &str) -> Option<(f64, bool)> {
    let place = lab.path().join(path);
    let labels = [("source", "lab"), ("path", place.to_str().unwrap()), ("position", "0"), ("role", "leaf")];
    let end = page.get(END, &labels)?;
    let seen = of(page, lab, "tls_file_last_seen_timestamp_seconds", path);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    assert!(seen.is_none_or(|seen| seen <= now && now - seen < 60.0), "{seen:?}");
    Some((end, seen.is_some()))
}

fn open(place: &Path, aside: &Path) {
    std::fs::remove_file(place).unwrap();
    std::fs::rename(aside, place).unwrap();
}

#[tokio::test]
async fn a_closed_folder_hides_nothing_that_was_known() {
    let lab = Lab::new();
    let made = make("a.test", false, None, MONTHS);
    for name in ["live/a/fullchain.pem", "live/b/fullchain.pem"] {
        lab.write(name, &made.pem);
    }
    for closed in ["live", "live/a", "live/a/fullchain.pem"] {
        let exporter = exporter(&lab, "live/*/fullchain.pem", "");
        let (page, _) = exporter.files().run_once().await;
        let known = end(&page, &lab, "live/a/fullchain.pem");
        assert!(known.is_some_and(|(_, memory)| !memory));
        let kept = known.map(|(end, _)| (end, true));
        let place = lab.path().join(closed);
        let aside = close(&place);
        for _ in 0..3 {
            let (page, _) = exporter.files().run_once().await;
            assert!(page.dropped().is_empty(), "{:?}", page.dropped());
            assert_eq!(end(&page, &lab, "live/a/fullchain.pem"), kept, "{closed}");
            assert_eq!(faults(&page, &lab, "live/a/fullchain.pem"), ["read_failed"], "{closed}");
            assert_eq!(faults(&page, &lab, closed), ["read_failed"], "{closed}");
            let both = if closed == "live" { 2.0 } else { 1.0 };
            assert_eq!(source(&page, "tls_source_remembered_files"), Some(both), "{closed}");
            let other = end(&page, &lab, "live/b/fullchain.pem").map(|(_, memory)| memory);
            assert_eq!(other, Some(closed == "live"), "{closed}: the other file is what it is");
            let due = lab.path().join("live/a/fullchain.pem");
            let labels = [("source", "lab"), ("path", due.to_str().unwrap()), ("policy", "fraction")];
            assert!(page.get("tls_file_certificate_renewal_due_timestamp_seconds", &labels).is_some());
        }
        open(&place, &aside);
        let (page, _) = exporter.files().run_once().await;
        assert_eq!(end(&page, &lab, "live/a/fullchain.pem"), known, "{closed}: seen again");
        assert_eq!(source(&page, "tls_source_remembered_files"), Some(0.0));
        assert_eq!(source(&page, "tls_source_faulty_files"), Some(0.0));
    }
}

#[tokio::test]
async fn what_takes_a_certificates_place_does_not_end_it() {
    let lab = Lab::new();
    let (made, renewed) = (make("a.test", false, None, MONTHS), make("a.test", false, None, MONTHS));
    lab.write("b.pem", &made.pem);
    let place = lab.path().join("a.pem");
    let put: [(&str, &dyn Fn()); 5] = [
        ("only_key", &|| drop(lab.write("a.pem", &made.key))),
        ("no_certificate", &|| drop(lab.write("a.pem", ""))),
        // A full disk, or a program that writes slowly.
        ("bad_pem", &|| drop(lab.write("a.pem", &made.pem[..made.pem.len() / 2]))),
        ("broken_link", &|| {
            std::fs::remove_file(&place)
                .and_then(|()| std::os::unix::fs::symlink("nothing", &place))
                .unwrap();
        }),
        ("no_certificate", &|| {
            std::fs::remove_file(&place).and_then(|()| std::fs::create_dir(&place)).unwrap()
        }),
    ];
    for (fault, put) in put {
        lab.write("a.pem", &made.pem);
        let exporter = exporter(&lab, "*.pem", "");
        let (page, _) = exporter.files().run_once().await;
        let kept = end(&page, &lab, "a.pem").map(|(end, _)| (end, true));
        put();
        // One that was never anything else is no file of certificates.
        lab.write("c.pem", &made.key);
        for _ in 0..2 {
            let (page, _) = exporter.files().run_once().await;
            assert_eq!(end(&page, &lab, "a.pem"), kept, "{fault}");
            assert_eq!(faults(&page, &lab, "a.pem"), [fault]);
            assert_eq!(source(&page, "tls_source_files"), Some(2.0), "{fault}");
            assert_eq!(source(&page, "tls_source_faulty_files"), Some(1.0), "{fault}");
        }
        if place.is_dir() {
            std::fs::remove_dir(&place).unwrap();
        } else {
            std::fs::remove_file(&place).unwrap();
        }
        lab.write("a.pem", &renewed.pem);
        let (page, _) = exporter.files().run_once().await;
        assert!(end(&page, &lab, "a.pem").is_some_and(|(_, memory)| !memory), "{fault}");
        assert!(faults(&page, &lab, "a.pem").is_empty(), "{fault}");
    }
}

#[tokio::test]
async fn a_folder_that_is_exchanged_for_a_link_ends_nothing() {
    let lab = Lab::new();
    let made = make("a.test", false, None, MONTHS);
    let (place, moved) = (lab.path().join("live/a"), lab.path().join("moved"));
    for pattern in ["live/*/a.pem", "live/**/*.pem"] {
        lab.write("live/a/a.pem", &made.pem);
        let exporter = exporter(&lab, pattern, "");
        let (page, _) = exporter.files().run_once().await;
        let (end_at, _) = end(&page, &lab, "live/a/a.pem").unwrap();
        std::fs::rename(&place, &moved).unwrap();
        // `**` goes through no links, but the file is where it was.
        std::os::unix::fs::symlink(&moved, &place).unwrap();
        let (page, _) = exporter.files().run_once().await;
        assert_eq!(end(&page, &lab, "live/a/a.pem"), Some((end_at, false)), "{pattern}");
        std::fs::remove_dir_all(&moved).unwrap();
        let (page, _) = exporter.files().run_once().await;
        assert_eq!(end(&page, &lab, "live/a/a.pem"), Some((end_at, true)), "{pattern}");
        assert_eq!(faults(&page, &lab, "live/a/a.pem"), ["broken_link"], "{pattern}");
        std::fs::remove_file(&place).unwrap();
        let (page, _) = exporter.files().run_once().await;
        assert_eq!(end(&page, &lab, "live/a/a.pem"), None, "{pattern}");
    }
}

#[tokio::test]
async fn what_is_left_out_from_now_on_goes() {
    let lab = Lab::new();
    lab.write("live/a/a.pem", &make("a.test", false, None, MONTHS).pem);
    let mut before = None;
    for (exclude, files) in [("none", 1.0), ("live/a", 0.0)] {
        let place = lab.path().display();
        let yaml = format!(
            "files: [{{name: lab, paths: ['{place}/live/**/*.pem'], exclude: ['{place}/{exclude}']}}]"
        );
        let document = kit::config::Document::embedded("test.yml", &yaml);
        let raw = document.parse().unwrap();
        let exporter = <crate::TlsExporter as kit::Exporter>::build(raw, &document, before.as_ref()).unwrap();
        let (page, _) = exporter.files().run_once().await;
        assert_eq!(source(&page, "tls_source_files"), Some(files), "{exclude}");
        before = Some(exporter);
    }
}

/// Whoever names a file says that a certificate is in it.
#[tokio::test]
async fn a_key_alone_is_told_of_a_file_that_is_named() {
    let lab = Lab::new();
    lab.write("a.key", &make("a.test", false, None, MONTHS).key);
    for (paths, more, told) in
        [("a.key", "", &["only_key"][..]), ("*.key", "", &[]), ("a.key", ", only_certificates: true", &[])]
    {
        let exporter = exporter(&lab, paths, more);
        let (page, _) = exporter.files().run_once().await;
        assert_eq!(faults(&page, &lab, "a.key"), told, "{paths}{more}");
        let said = exporter.files().watched().remove(0).detail;
        assert_eq!(said.contains("a.key: only_key"), !told.is_empty(), "{said}");
    }
}

/// It is no file: a source that shows nothing else has none, and says which folder it is.
#[tokio::test]
async fn a_closed_folder_of_which_nothing_was_known_is_no_file() {
    let lab = Lab::new();
    let made = make("a.test", false, None, MONTHS);
    for name in ["live/a/fullchain.pem", "live/b/fullchain.pem"] {
        lab.write(name, &made.pem);
    }
    for (closed, files) in [("live", 0.0), ("live/a", 1.0)] {
        let place = lab.path().join(closed);
        let aside = close(&place);
        let (page, _) = exporter(&lab, "live/{a,b}/*.pem", "").files().run_once().await;
        assert_eq!(source(&page, "tls_source_files"), Some(files), "{closed}");
        assert_eq!(source(&page, "tls_source_faulty_files"), Some(1.0), "{closed}");
        assert_eq!(source(&page, "tls_source_only_certificates"), Some(0.0), "{closed}");
        assert_eq!(faults(&page, &lab, closed), ["read_failed"], "{closed}");
        open(&place, &aside);
    }
    let (page, _) = exporter(&lab, "none/*.pem", ", only_certificates: true").files().run_once().await;
    let found = (source(&page, "tls_source_files"), source(&page, "tls_source_only_certificates"));
    assert_eq!(found, (Some(0.0), Some(1.0)));
}

#[tokio::test]
async fn what_is_seen_to_be_gone_goes() {
    let lab = Lab::new();
    let made = make("a.test", false, None, MONTHS);
    for name in ["live/a/fullchain.pem", "live/b/fullchain.pem", "named.pem"] {
        lab.write(name, &made.pem);
    }
    let exporter = exporter(&lab, "live/*/fullchain.pem named.pem", "");
    exporter.files().run_once().await;
    // While its folder is closed it is not seen that it is gone, and when that is open it is.
    let (live, inner) = (lab.path().join("live"), lab.path().join("live/a"));
    std::fs::remove_file(inner.join("fullchain.pem")).unwrap();
    let aside = close(&live);
    let (page, _) = exporter.files().run_once().await;
    assert!(end(&page, &lab, "live/a/fullchain.pem").is_some());
    open(&live, &aside);
    std::fs::remove_dir_all(lab.path().join("live/b")).unwrap();
    std::fs::remove_file(lab.path().join("named.pem")).unwrap();
    let (page, _) = exporter.files().run_once().await;
    for path in ["live/a/fullchain.pem", "live/b/fullchain.pem", "named.pem"] {
        assert_eq!(end(&page, &lab, path), None, "{path}");
    }
    assert_eq!(faults(&page, &lab, "named.pem"), ["not_found"]);
}

#[test]
fn what_lay_on_a_file_system_that_is_not_mounted_stays() {
    let lab = Lab::new();
    let made = make("a.test", false, None, MONTHS);
    let place = lab.write("mnt/live/a.pem", &made.pem);
    let pattern =
        super::super::find::Pattern::new(&format!("{}/mnt/live/*.pem", lab.path().display())).unwrap();
    for named in [true, false] {
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(&place, &made.pem).unwrap();
        let files = [(place.clone(), Policy::Usual)];
        let mut from =
            super::super::Source::of("lab", files, std::time::Duration::from_secs(30), Policy::Usual);
        if !named {
            from.paths = vec![pattern.clone()];
        }
        let mut before = scan(&from, None);
        // As if another file system had been there: its number was another one.
        let mount = |root: PathBuf| serde_json::json!({"root": root, "device": 0});
        let mount = serde_json::from_value(mount(lab.path().join("mnt").canonicalize().unwrap())).unwrap();
        before.files.get_mut(&place).unwrap().mounts = vec![std::sync::Arc::new(mount)];
        std::fs::remove_dir_all(lab.path().join("mnt/live")).unwrap();
        let mut now = scan(&from, Some(&before));
        for _ in 0..2 {
            let read = &now.files[&place].read;
            assert_eq!((read.certificates.len(), read.remembered), (1, Some(before.at)), "{named}");
            assert_eq!(read.faults, [super::super::faults::Fault::NotMounted]);
            now = scan(&from, Some(&now));
        }
        // Something else is there now, so that it can be seen that the file is not.
        lab.write("mnt/other", "");
        let now = scan(&from, Some(&now));
        let left = now.files.get(&place).map(|file| file.read.certificates.len());
        assert_eq!(left, named.then_some(0));
        std::fs::remove_file(lab.path().join("mnt/other")).unwrap();
    }
}

#[tokio::test]
async fn a_keystore_that_no_longer_opens_is_known_still() {
    let lab = Lab::new();
    std::fs::write(lab.path().join("java.p12"), include_bytes!("../formats/fixtures/keytool.p12")).unwrap();
    let opened = exporter(&lab, "java.p12", ", passwords: [secret]");
    let (page, _) = opened.files().run_once().await;
    let known = of(&page, &lab, "tls_file_certificates", "java.p12");
    assert_eq!((known, of(&page, &lab, "tls_file_key_matches", "java.p12")), (Some(2.0), Some(1.0)));
    // A reload, with another password than the store has.
    let yaml =
        format!("files: [{{name: lab, paths: ['{}/java.p12'], passwords: [other]}}]", lab.path().display());
    let document = kit::config::Document::embedded("test.yml", &yaml);
    let build = |previous| {
        let raw = document.parse().unwrap();
        <crate::TlsExporter as kit::Exporter>::build(raw, &document, Some(previous)).unwrap()
    };
    let exporter = build(&opened);
    for want in ["wrong_password", "bad_keystore"] {
        let (page, _) = exporter.files().run_once().await;
        assert_eq!(faults(&page, &lab, "java.p12").first().map(String::as_str), Some(want));
        assert_eq!(of(&page, &lab, "tls_file_certificates", "java.p12"), known, "{want}");
        assert_eq!(of(&page, &lab, "tls_file_key_matches", "java.p12"), Some(1.0), "{want}");
        assert!(of(&page, &lab, "tls_file_last_seen_timestamp_seconds", "java.p12").is_some(), "{want}");
        // Cut short for the second round.
        let bytes: &[u8] = include_bytes!("../formats/fixtures/keytool.p12");
        std::fs::write(lab.path().join("java.p12"), &bytes[..200]).unwrap();
    }
}

#[tokio::test]
async fn an_entry_whose_file_is_closed_and_a_key_that_is_are_known_still() {
    let lab = Lab::new();
    let (ca, admin) = (make("kube-ca", true, None, MONTHS), make("admin", false, None, MONTHS));
    lab.write("pki/ca.crt", &ca.pem);
    lab.write("pki/admin.pem", &(admin.pem.clone() + &admin.key));
    lab.write("a.pem", &admin.pem);
    lab.write("a.key", &ca.key);
    lab.write(
        "config",
        "kind: Config\nclusters: [{name: home, cluster: {certificate-authority: pki/ca.crt}}]\n\
         users: [{name: me, user: {client-certificate: pki/admin.pem}}]\n",
    );
    let exporter = exporter(&lab, "config a.pem", "");
    exporter.files().run_once().await;
    let (user, key) = (lab.path().join("pki/admin.pem"), lab.path().join("a.key"));
    let aside = close(&user);
    lab.write("a.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let (page, _) = exporter.files().run_once().await;
    assert_eq!(faults(&page, &lab, "config"), ["read_failed"]);
    for (path, memory) in [("config#user/me", true), ("config#cluster/home", false)] {
        assert_eq!(of(&page, &lab, "tls_file_certificates", path), Some(1.0), "{path}");
        let seen = of(&page, &lab, "tls_file_last_seen_timestamp_seconds", path);
        assert_eq!(seen.is_some(), memory, "{path}");
    }
    assert_eq!(source(&page, "tls_source_remembered_files"), Some(1.0));
    assert_eq!(of(&page, &lab, "tls_file_key_matches", "a.pem"), Some(0.0), "it was another one's");
    assert_eq!(faults(&page, &lab, "a.pem"), ["key_unreadable"]);
    open(&user, &aside);
    std::fs::write(&key, &admin.key).unwrap();
    let (page, _) = exporter.files().run_once().await;
    assert_eq!(of(&page, &lab, "tls_file_key_matches", "a.pem"), Some(1.0));
    assert_eq!(source(&page, "tls_source_remembered_files"), Some(0.0));
}

/// As a renewal is written, and as a hand slips.
#[tokio::test]
async fn a_damaged_part_ends_nothing_that_was_known() {
    let made = |name: &str, from: i64| make(name, false, None, (from, from + 90));
    let (old, new, other) = (made("a.test", -60), made("a.test", -1), made("b.test", -60));
    let ca = make("ca", true, None, MONTHS);
    let half = |made: &crate::testing::Made| made.pem[..made.pem.len() / 2].to_owned() + "\n";
    let ends = |page: &Page, lab: &Lab| {
        let path = lab.path().join("a.pem").display().to_string();
        let rows = page.samples().filter(|row| row.desc.name == END);
        let rows = rows.filter(|row| row.labels().nth(1).is_some_and(|(_, value)| value == path));
        rows.map(|row| match row.value {
            kit::page::Value::Number(value) => *value as i64,
            _ => 0,
        })
        .collect::<Vec<_>>()
    };
    let end = |made: &crate::testing::Made| made.certificate().not_after;
    for (what, damaged, want) in [
        ("the issuer's is cut", old.pem.clone() + &half(&ca), vec![end(&old), end(&ca)]),
        ("renewed, and the issuer's is cut", new.pem.clone() + &half(&ca), vec![end(&new), end(&ca)]),
        ("the server's is damaged", half(&old) + &ca.pem, vec![end(&old), end(&ca)]),
        (
            "the server's is another's, and the issuer's is cut",
            other.pem.clone() + &half(&ca),
            vec![end(&old), end(&ca), end(&other)],
        ),
        ("all is cut", half(&old), vec![end(&old), end(&ca)]),
    ] {
        let lab = Lab::new();
        lab.write("a.pem", &(old.pem.clone() + &ca.pem));
        lab.write("a.key", &old.key);
        let exporter = exporter(&lab, "a.pem", "");
        let (page, _) = exporter.files().run_once().await;
        assert_eq!(ends(&page, &lab), [end(&old), end(&ca)], "{what}");
        // Again with other bytes behind, which is no other thing.
        for again in ["", "\n", "\n\n"] {
            lab.write("a.pem", &(damaged.clone() + again));
            let (page, read) = exporter.files().run_once().await;
            assert_eq!((ends(&page, &lab), read), (want.clone(), 1), "{what}");
            assert_eq!(faults(&page, &lab, "a.pem"), ["bad_pem"], "{what}");
            let seen = of(&page, &lab, "tls_file_last_seen_timestamp_seconds", "a.pem");
            assert!(seen.is_some(), "{what}");
            let matches = of(&page, &lab, "tls_file_key_matches", "a.pem");
            let own = if damaged.starts_with(&new.pem) { 0.0 } else { 1.0 };
            assert_eq!(matches, Some(own), "{what}");
        }
        lab.write("a.pem", &new.pem);
        let (page, _) = exporter.files().run_once().await;
        assert_eq!((ends(&page, &lab), faults(&page, &lab, "a.pem")), (vec![end(&new)], vec![]), "{what}");
    }
    // One that nobody can ever read: what goes from beside it is gone.
    let lab = Lab::new();
    let bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let exporter = exporter(&lab, "a.pem", "");
    for (content, want) in [
        (format!("{}{bad}{}", old.pem, ca.pem), vec![end(&old), end(&ca)]),
        (format!("{}{bad}", old.pem), vec![end(&old)]),
        (format!("{}{bad}{bad}", other.pem), vec![end(&old), end(&other)]),
        (format!("{}{bad}", other.pem), vec![end(&other)]),
    ] {
        lab.write("a.pem", &content);
        let (page, _) = exporter.files().run_once().await;
        assert_eq!(ends(&page, &lab), want, "{content}");
        assert_eq!(faults(&page, &lab, "a.pem"), ["bad_certificate"]);
    }
}

#[tokio::test]
async fn a_list_that_cannot_be_read_leaves_the_one_that_was_known() {
    let lab = Lab::new();
    let (one, two) = (make("One", true, None, MONTHS), make("Two", true, None, MONTHS));
    let (first, second) = (one.revocation_list(&[]), two.revocation_list(&[&one]));
    lab.write("all.crl", &(first.clone() + &second));
    let exporter = exporter(&lab, "all.crl", "");
    let revoked = |page: &Page, issuer: &str| {
        let path = lab.path().join("all.crl").display().to_string();
        page.get(
            "tls_crl_revoked_certificates",
            &[("source", "lab"), ("path", &path), ("issuer", &format!("CN={issuer},O={issuer}"))],
        )
    };
    exporter.files().run_once().await;
    let bad = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
    for (content, fault) in [(first.clone() + bad, Some("bad_crl")), (first.clone(), None)] {
        lab.write("all.crl", &content);
        let (page, _) = exporter.files().run_once().await;
        let other = fault.map(|_| 1.0);
        assert_eq!((revoked(&page, "One"), revoked(&page, "Two")), (Some(0.0), other), "{fault:?}");
        assert_eq!(faults(&page, &lab, "all.crl"), Vec::from_iter(fault));
    }
    // A large one is told, also among other things.
    lab.write("all.crl", &format!("-----BEGIN X509 CRL-----\n{}", "AAAA\n".repeat(1 << 20)));
    let (page, _) = super::exporter(&lab, "*", ", only_certificates: true").files().run_once().await;
    assert_eq!(faults(&page, &lab, "all.crl"), ["too_large"]);
}

/// A key that cannot be reached is not one that is not there; and not to see it is no fault of the certificate's.
#[tokio::test]
async fn a_key_behind_a_closed_door_is_one_that_cannot_be_read() {
    let lab = Lab::new();
    let made = make("a.test", false, None, MONTHS);
    let long = "x".repeat(250);
    for name in ["a", "b", &long] {
        lab.write(&format!("{name}.pem"), &made.pem);
    }
    symlink("a.key", lab.path().join("a.key")).unwrap();
    let exporter = exporter(&lab, "*.pem", "");
    for _ in 0..2 {
        let (page, _) = exporter.files().run_once().await;
        assert_eq!(faults(&page, &lab, "a.pem"), ["key_unreadable"]);
        for name in ["b", &long] {
            assert_eq!(faults(&page, &lab, &format!("{name}.pem")), Vec::<String>::new());
        }
        assert_eq!(source(&page, "tls_source_faulty_files"), Some(0.0));
        let line = &exporter.files().watched()[0];
        assert_eq!((line.ok, line.detail.as_str()), (Some(true), "3 files"));
    }
}

/// Where certificates are looked for among other things, many a folder is closed; one that is named is another matter.
#[tokio::test]
async fn a_closed_folder_that_is_named_is_told_in_every_source() {
    let lab = Lab::new();
    let made = make("a.test", false, None, MONTHS);
    for name in ["etc/live/a.pem", "etc/ssl/private/a.pem"] {
        lab.write(name, &made.pem);
    }
    for closed in ["etc/live", "etc/ssl/private"] {
        let read = super::super::read::Read {
            faults: vec![super::super::faults::Fault::PermissionDenied],
            ..Default::default()
        };
        let place = lab.path().join(closed);
        let source =
            |more| exporter(&lab, "etc/live/*.pem etc/ssl/**/*.pem", more).files().sources().remove(0);
        let (all, only) = (source(""), source(", only_certificates: true"));
        assert!(!read.counts(&place, &only), "{closed}");
        let error = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let named = closed == "etc/live";
        for (source, told) in [(&only, named), (&all, true)] {
            let entry = super::super::scan::Entry::closed(&place, &error, source);
            assert_eq!(entry.counts(&place, source), told, "{closed}");
        }
    }
}
