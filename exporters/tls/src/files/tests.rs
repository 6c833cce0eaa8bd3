//! Files of every kind in a folder: one bad file costs itself only.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::Instant;

use kit::Page;

use crate::testing::{Lab, build, make};

const MONTHS: (i64, i64) = (-30, 60);

/// An exporter that watches `paths` of a folder as the source `lab`.
fn exporter(lab: &Lab, paths: &str, more: &str) -> crate::TlsExporter {
    let paths: Vec<String> =
        paths.split(' ').map(|path| format!("'{}/{path}'", lab.path().display())).collect();
    let yaml = format!("files: [{{name: lab, paths: [{}] {more}}}]", paths.join(", "));
    build(&yaml).unwrap_or_else(|error| panic!("{error}"))
}

fn of(page: &Page, lab: &Lab, name: &str, path: &str) -> Option<f64> {
    let path = lab.path().join(path);
    page.get(name, &[("source", "lab"), ("path", path.to_str().unwrap())])
}

/// The faults of a file.
fn faults(page: &Page, lab: &Lab, path: &str) -> Vec<String> {
    let path = lab.path().join(path).display().to_string();
    let rows = page.samples().filter(|sample| sample.desc.name == "tls_file_error_info");
    let rows = rows.map(|sample| sample.labels().map(|(_, value)| value.to_owned()).collect::<Vec<_>>());
    rows.filter(|labels| labels[1] == path).map(|labels| labels[2].clone()).collect()
}

fn source(page: &Page, name: &str) -> Option<f64> {
    page.get(name, &[("source", "lab")])
}

#[tokio::test]
async fn one_bad_file_costs_itself_only() {
    let lab = Lab::new();
    let root = make("Root", true, None, MONTHS);
    let leaf = make("a.test", false, Some(&root), MONTHS);
    let other = make("b.test", false, Some(&root), MONTHS);
    lab.write("live/a/fullchain.pem", &(leaf.pem.clone() + &root.pem));
    lab.write("live/a/privkey.pem", &leaf.key);
    lab.write("live/b/fullchain.pem", &other.pem);
    lab.write("live/b/privkey.pem", &leaf.key);
    lab.write("live/c/fullchain.pem", "not a certificate");
    lab.write("live/d/fullchain.pem", &(root.pem.clone() + &leaf.pem));
    lab.write("live/e/fullchain.pem", &format!("-----BEGIN CERTIFICATE-----\nAA\n{}", leaf.pem));
    std::fs::create_dir(lab.path().join("live/f")).unwrap();
    symlink("../../nowhere.pem", lab.path().join("live/f/fullchain.pem")).unwrap();
    lab.write("live/g/fullchain.pem", &(leaf.pem.clone() + &leaf.key));
    lab.write("live/h/fullchain.pem", &leaf.pem);
    lab.write(
        "live/h/privkey.pem",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    lab.write("live/i/fullchain.pem", &"x".repeat(5 << 20));
    let (page, read) = exporter(&lab, "live/*/fullchain.pem", "").files().run_once().await;
    assert!(page.dropped().is_empty(), "{:?}", page.dropped());
    assert_eq!((source(&page, "tls_source_files"), read), (Some(9.0), 9));
    for (name, wanted, key, certificates) in [
        ("a", &[][..], Some(1.0), Some(2.0)),
        ("b", &[], Some(0.0), Some(1.0)),
        ("c", &["no_certificate"], None, None),
        ("d", &[], None, Some(2.0)),
        ("e", &["bad_pem"], None, Some(1.0)),
        ("f", &["not_found"], None, None),
        ("g", &[], Some(1.0), Some(1.0)),
        ("h", &["key_encrypted"], None, Some(1.0)),
        ("i", &["too_large"], None, None),
    ] {
        let path = format!("live/{name}/fullchain.pem");
        assert_eq!(faults(&page, &lab, &path), wanted, "{name}");
        assert_eq!(of(&page, &lab, "tls_file_key_matches", &path), key, "{name}");
        assert_eq!(of(&page, &lab, "tls_file_certificates", &path), certificates, "{name}");
    }
    assert_eq!(source(&page, "tls_source_faulty_files"), Some(5.0));
    let path = lab.path().join("live/a/fullchain.pem").display().to_string();
    for (position, role) in [("0", "leaf"), ("1", "root")] {
        let labels = [("source", "lab"), ("path", path.as_str()), ("position", position), ("role", role)];
        assert!(page.get("tls_file_certificate_not_after_timestamp_seconds", &labels).is_some(), "{role}");
    }
    let catalogue = <crate::TlsExporter as kit::Exporter>::catalogue();
    assert!(page.descs().all(|desc| catalogue.contains(&desc)));
}

/// What `openssl req -x509` makes is an authority by its own word, and a server's certificate all the same.
#[tokio::test]
async fn the_home_labs_own_certificate_is_a_servers() {
    if !crate::testing::there("openssl", "the_home_labs_own_certificate_is_a_servers") {
        return;
    }
    let lab = Lab::new();
    lab.openssl("req -x509 -nodes -newkey rsa:2048 -days 45 -subj /CN=a.test -addext subjectAltName=DNS:a.test -keyout a.key -out a.pem");
    let (page, _) = exporter(&lab, "*.pem", "").files().run_once().await;
    assert_eq!(of(&page, &lab, "tls_file_key_matches", "a.pem"), Some(1.0));
    let path = lab.path().join("a.pem").display().to_string();
    let at = |name: &str, more: &[(&str, &str)]| {
        page.get(name, &[&[("source", "lab"), ("path", path.as_str())], more].concat()).unwrap()
    };
    let end = at("tls_file_certificate_not_after_timestamp_seconds", &[("position", "0"), ("role", "leaf")]);
    let due = at("tls_file_certificate_renewal_due_timestamp_seconds", &[("policy", "fraction")]);
    assert!((end - due - 15.0 * 86_400.0).abs() < 1.0);
}

#[tokio::test]
async fn what_has_not_changed_is_not_read_again_and_a_renewal_is() {
    let lab = Lab::new();
    let (old, new) = (make("a.test", false, None, (-80, 10)), make("a.test", false, None, (-1, 89)));
    for (number, made) in [(1, &old), (2, &new)] {
        lab.write(&format!("archive/a/fullchain{number}.pem"), &made.pem);
        lab.write(&format!("archive/a/privkey{number}.pem"), &made.key);
    }
    lab.write("live/README", "");
    // As certbot does it: links, and the renewal turns them.
    let turn = |number: u32| {
        std::fs::create_dir_all(lab.path().join("live/a")).unwrap();
        for name in ["fullchain", "privkey"] {
            let link = lab.path().join(format!("live/a/{name}.pem"));
            let _ = std::fs::remove_file(&link);
            symlink(format!("../../archive/a/{name}{number}.pem"), link).unwrap();
        }
    };
    turn(1);
    let exporter = exporter(&lab, "live/*/fullchain.pem", ", renewal: {before: 30d}");
    let due = |page: &Page| {
        let path = lab.path().join("live/a/fullchain.pem").display().to_string();
        let labels = [("source", "lab"), ("path", path.as_str()), ("policy", "before")];
        page.get("tls_file_certificate_renewal_due_timestamp_seconds", &labels).unwrap()
    };
    let (page, read) = exporter.files().run_once().await;
    let before = due(&page);
    assert_eq!((read, of(&page, &lab, "tls_file_key_matches", "live/a/fullchain.pem")), (1, Some(1.0)));
    assert_eq!(exporter.files().run_once().await.1, 0, "nothing changed");
    turn(2);
    let (page, read) = exporter.files().run_once().await;
    assert_eq!((read, of(&page, &lab, "tls_file_key_matches", "live/a/fullchain.pem")), (1, Some(1.0)));
    assert!((due(&page) - before - 79.0 * 86_400.0).abs() < 120.0);
    // A key that is changed alone is a change, too: the next start of the server will fail.
    std::fs::remove_file(lab.path().join("live/a/privkey.pem")).unwrap();
    lab.write("live/a/privkey.pem", &old.key);
    let (page, read) = exporter.files().run_once().await;
    assert_eq!((read, of(&page, &lab, "tls_file_key_matches", "live/a/fullchain.pem")), (1, Some(0.0)));
}

#[tokio::test]
async fn patterns_and_what_is_left_out() {
    let lab = Lab::new();
    let made = make("a.test", false, None, MONTHS);
    for path in ["a.pem", "x/a.pem", "x/y/a.pem", "x/y/a.crt", "x/old/a.pem"] {
        lab.write(path, &made.pem);
    }
    lab.write("x/y/a.key", &made.key);
    // `**` must not follow a link round in a circle.
    symlink(".", lab.path().join("x/circle")).unwrap();
    for (paths, exclude, want) in [
        ("*.pem", "", 1.0),
        ("*/*.pem", "", 1.0),
        ("**/*.pem", "", 4.0),
        ("**/*.pem", "x/old/*", 3.0),
        ("**/*.{pem,crt}", "", 5.0),
        ("**/*", "", 5.0),
        ("x/y/a.crt a.pem", "", 2.0),
        ("missing.pem", "", 1.0),
        ("none/*.pem", "", 0.0),
    ] {
        let exclude = match exclude {
            "" => String::new(),
            text => format!(", exclude: ['{}/{text}']", lab.path().display()),
        };
        let (page, _) = exporter(&lab, paths, &exclude).files().run_once().await;
        assert_eq!(source(&page, "tls_source_files"), Some(want), "{paths} {exclude}");
    }
}

/// A closed folder or file says so; without a right to test it as root there is nothing to see.
#[tokio::test]
async fn what_is_closed_is_told() {
    let lab = Lab::new();
    let place = lab.write("closed/a.pem", "");
    std::fs::set_permissions(place.parent().unwrap(), std::fs::Permissions::from_mode(0o0)).unwrap();
    let open = std::fs::read_dir(place.parent().unwrap()).is_ok();
    let (page, _) = exporter(&lab, "closed/*.pem", "").files().run_once().await;
    let found = faults(&page, &lab, "closed");
    std::fs::set_permissions(place.parent().unwrap(), std::fs::Permissions::from_mode(0o755)).unwrap();
    if open {
        eprintln!("SKIPPED: what_is_closed_is_told needs another user than root");
    } else {
        assert_eq!(found, ["permission_denied"]);
    }
}

#[tokio::test]
async fn thousands_of_files_cost_little_and_nothing_when_they_stay() {
    let lab = Lab::new();
    let made = make("a.test", false, None, MONTHS);
    for number in 0..2000 {
        lab.write(&format!("{}/{number}.pem", number % 50), &made.pem);
    }
    let exporter = exporter(&lab, "*/*.pem", "");
    let began = Instant::now();
    let (page, read) = exporter.files().run_once().await;
    eprintln!("2,000 files read and shown in {:?}", began.elapsed());
    assert_eq!((read, source(&page, "tls_source_files")), (2000, Some(2000.0)));
    assert_eq!(exporter.files().run_once().await.1, 0);
}

#[test]
fn what_is_wrong_with_the_section() {
    for (entry, want) in [
        ("{name: a}", "there is none"),
        ("{name: a, paths: [etc/x]}", "not an absolute path"),
        ("{name: a, paths: ['/etc/[']}", "paths[0]"),
        ("{name: a, paths: [/x]}, {name: a, paths: [/y]}", "name of files[0], too"),
        ("{name: a, paths: [/x], interval: 0s}", "no time at all"),
        ("{name: a, paths: [/x], renewal: {fraction: 1}}", "not a share"),
        ("{name: a, paths: [/x], renewal: {fraction: 0.5, before: 3d}}", "exclude one another"),
        ("{name: a, paths: [/x], nonsense: 1}", "nonsense"),
    ] {
        let error = build(&format!("files: [{entry}]")).err().unwrap_or_else(|| panic!("{entry} was taken"));
        assert!(error.contains(want) && error.contains("test.yml:1"), "{entry}: {error}");
    }
}
