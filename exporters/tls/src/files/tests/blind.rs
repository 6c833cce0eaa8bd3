//! What can no longer be seen is not forgotten: nothing resolves since the exporter is blind.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use kit::Page;

use super::super::scan::scan;
use super::{MONTHS, exporter, faults, of, source};
use crate::renewal::Policy;
use crate::testing::{Lab, make};

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

/// Puts a link that leads round in a circle in a place: whoever looks there gets an error, also as root.
fn close(place: &Path) -> PathBuf {
    let aside = place.with_extension("aside");
    std::fs::rename(place, &aside).unwrap();
    symlink(place.file_name().unwrap(), place).unwrap();
    aside
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
    // What is there and has no certificate in it was seen, too.
    lab.write("named.pem", &made.pem);
    assert!(end(&exporter.files().run_once().await.0, &lab, "named.pem").is_some());
    lab.write("named.pem", "");
    let (page, _) = exporter.files().run_once().await;
    assert_eq!((end(&page, &lab, "named.pem"), faults(&page, &lab, "named.pem").len()), (None, 1));
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
    for want in ["wrong_password", "bad_certificate"] {
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
