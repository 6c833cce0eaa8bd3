//! Files of every kind in a folder: one bad file costs itself only.

mod blind;
mod kept;
mod names;

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::Arc;
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
        ("f", &["broken_link"], None, None),
        ("g", &[], Some(1.0), Some(1.0)),
        ("h", &["key_encrypted"], None, Some(1.0)),
        ("i", &["too_large"], None, None),
    ] {
        let path = format!("live/{name}/fullchain.pem");
        assert_eq!(faults(&page, &lab, &path), wanted, "{name}");
        assert_eq!(of(&page, &lab, "tls_file_key_matches", &path), key, "{name}");
        assert_eq!(of(&page, &lab, "tls_file_certificates", &path), certificates, "{name}");
    }
    assert_eq!(source(&page, "tls_source_faulty_files"), Some(4.0), "an encrypted key is no fault");
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

/// A server may use any certificate of a file, wherever it stands.
#[tokio::test]
async fn a_servers_certificate_behind_an_authoritys_is_due_and_of_two_the_first_that_ends() {
    let lab = Lab::new();
    let authority = make("ca", true, None, (-1, 3000));
    let (early, late) = (make("a.test", false, None, (-80, 10)), make("b.test", false, None, (-1, 89)));
    lab.write("behind.pem", &format!("{}{}", authority.pem, late.pem));
    lab.write("two.pem", &format!("{}{}", late.pem, early.pem));
    let (page, _) = exporter(&lab, "*.pem", "").files().run_once().await;
    let get = |name: &str, file: &str, more: &[(&str, &str)]| {
        let path = lab.path().join(file).display().to_string();
        page.get(name, &[&[("source", "lab"), ("path", path.as_str())], more].concat())
    };
    let due = |file: &str| {
        get("tls_file_certificate_renewal_due_timestamp_seconds", file, &[("policy", "fraction")]).unwrap()
    };
    for (file, position) in [("behind.pem", "1"), ("two.pem", "1")] {
        let place = [("position", position), ("role", "leaf")];
        let end = get("tls_file_certificate_not_after_timestamp_seconds", file, &place).unwrap();
        assert!((end - due(file) - 30.0 * 86_400.0).abs() < 2.0, "{file}");
    }
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

/// Looks every hour: what shows before is what the kernel has told.
#[tokio::test]
async fn a_renewal_shows_at_once() {
    let lab = Lab::new();
    let (old, new) = (make("a.test", false, None, (-80, 10)), make("a.test", false, None, (-1, 89)));
    lab.write("archive/a/fullchain1.pem", &old.pem);
    std::fs::create_dir_all(lab.path().join("live/a")).unwrap();
    symlink("../../archive/a/fullchain1.pem", lab.path().join("live/a/fullchain.pem")).unwrap();
    let exporter = exporter(&lab, "live/*/fullchain.pem", ", interval: 1h");
    let sampler = exporter.files().samplers().remove(0);
    let supervised = kit::sampler::Supervised::start(Arc::clone(&sampler));
    let end = |page: &Page, path: &str| {
        let path = lab.path().join(path).display().to_string();
        let labels = [("source", "lab"), ("path", path.as_str()), ("position", "0"), ("role", "leaf")];
        page.get("tls_file_certificate_not_after_timestamp_seconds", &labels)
    };
    let until = async |told: &dyn Fn(&Page) -> bool| {
        for _ in 0..1000 {
            let page = sampler.page();
            if told(&page) {
                return page;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("not told in 20 s");
    };
    let page = until(&|page| end(page, "live/a/fullchain.pem").is_some()).await;
    let first = end(&page, "live/a/fullchain.pem");
    assert_eq!(source(&page, "tls_source_watched_folders"), Some(3.0), "live, live/a, archive/a");
    // As certbot renews: a new file, and the link turned.
    lab.write("archive/a/fullchain2.pem", &new.pem);
    std::fs::remove_file(lab.path().join("live/a/fullchain.pem")).unwrap();
    symlink("../../archive/a/fullchain2.pem", lab.path().join("live/a/fullchain.pem")).unwrap();
    until(&|page| end(page, "live/a/fullchain.pem").is_some_and(|end| Some(end) != first)).await;
    // In place, behind a link that stays.
    lab.write("archive/a/fullchain2.pem", &old.pem);
    until(&|page| end(page, "live/a/fullchain.pem") == first).await;
    // A folder that was not there, and one that goes.
    lab.write("live/b/fullchain.pem", &new.pem);
    until(&|page| end(page, "live/b/fullchain.pem").is_some()).await;
    std::fs::remove_dir_all(lab.path().join("live/b")).unwrap();
    until(&|page| end(page, "live/b/fullchain.pem").is_none()).await;
    supervised.stop(std::time::Duration::from_secs(1)).await;
}

#[tokio::test]
async fn certbots_configuration_says_when_it_is_due() {
    let lab = Lab::new();
    let made = make("a.test", false, None, (-1, 89));
    for name in ["a", "b", "c", "d"] {
        lab.write(&format!("live/{name}/fullchain.pem"), &made.pem);
    }
    lab.write("renewal/a.conf", "version = 5.8.0\n[renewalparams]\nauthenticator = webroot\n");
    lab.write("renewal/b.conf", "renew_before_expiry = 20 days\n[renewalparams]\n");
    lab.write("renewal/c.conf", "[renewalparams]\nautorenew = False\n");
    let day = 86_400.0;
    let due = |page: &Page, name: &str, policy: &str| {
        let path = lab.path().join(format!("live/{name}/fullchain.pem")).display().to_string();
        let labels = [("source", "lab"), ("path", path.as_str())];
        let place = [&labels[..], &[("position", "0"), ("role", "leaf")]].concat();
        let end = page.get("tls_file_certificate_not_after_timestamp_seconds", &place).unwrap();
        let due = page.get(
            "tls_file_certificate_renewal_due_timestamp_seconds",
            &[&labels[..], &[("policy", policy)]].concat(),
        );
        due.map(|due| ((end - due) / day).round())
    };
    let own = exporter(&lab, "live/*/fullchain.pem", "");
    let (page, _) = own.files().run_once().await;
    for (name, policy, left) in
        [("a", "certbot", 30.0), ("b", "certbot", 20.0), ("c", "manual", 14.0), ("d", "fraction", 30.0)]
    {
        assert_eq!(due(&page, name, policy), Some(left), "{name}");
    }
    // A change there is one of the certificate's.
    lab.write("renewal/d.conf", "renew_before_expiry = 10 days\n");
    let (page, read) = own.files().run_once().await;
    assert_eq!((due(&page, "d", "certbot"), read), (Some(10.0), 1));
    // What the operator says outweighs it.
    let (page, _) =
        exporter(&lab, "live/*/fullchain.pem", ", renewal: {before: 25d}").files().run_once().await;
    assert_eq!(due(&page, "b", "before"), Some(25.0));
}

#[tokio::test]
async fn keystores_and_lists_are_shown() {
    let lab = Lab::new();
    std::fs::write(lab.path().join("java.jks"), include_bytes!("formats/fixtures/keytool.jks")).unwrap();
    std::fs::write(lab.path().join("java.p12"), include_bytes!("formats/fixtures/keytool.p12")).unwrap();
    let (ca, admin) = (make("kube-ca", true, None, MONTHS), make("admin", false, None, MONTHS));
    lab.write("pki/ca.crt", &ca.pem);
    lab.write("pki/admin.pem", &(admin.pem.clone() + &admin.key));
    lab.write(
        "config",
        "kind: Config\nclusters: [{name: home, cluster: {certificate-authority: pki/ca.crt}}]\n\
         users: [{name: me, user: {client-certificate: pki/admin.pem}}]\n",
    );
    lab.write("secret", "secret\n");
    let passwords = format!(", passwords: [wrong, {{file: '{}/secret'}}]", lab.path().display());
    let exporter = exporter(&lab, "java.* config", &passwords);
    let (page, _) = exporter.files().run_once().await;
    assert!(page.dropped().is_empty(), "{:?}", page.dropped());
    assert_eq!(
        (source(&page, "tls_source_files"), source(&page, "tls_source_faulty_files")),
        (Some(3.0), Some(0.0))
    );
    for (path, certificates, key) in [
        ("java.jks", Some(2.0), None),
        ("java.p12", Some(2.0), Some(1.0)),
        ("config", None, None),
        ("config#cluster/home", Some(1.0), None),
        ("config#user/me", Some(1.0), Some(1.0)),
    ] {
        assert_eq!(of(&page, &lab, "tls_file_certificates", path), certificates, "{path}");
        assert_eq!(of(&page, &lab, "tls_file_key_matches", path), key, "{path}");
        assert_eq!(of(&page, &lab, "tls_file_chain_in_order", path), None, "{path}");
    }
    assert_eq!(exporter.files().run_once().await.1, 0, "nothing changed");
    // What a kubeconfig names is part of it.
    lab.write("pki/admin.pem", &(admin.pem.clone() + &ca.key));
    let (page, read) = exporter.files().run_once().await;
    assert_eq!((of(&page, &lab, "tls_file_key_matches", "config#user/me"), read), (Some(0.0), 1));
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
    // One file alone is named.
    for (paths, want) in [("x/*.pem", "1 file: x/a.pem"), ("x/*.pem a.pem", "2 files")] {
        let exporter = exporter(&lab, paths, "");
        exporter.files().run_once().await;
        let said = exporter.files().watched().remove(0).detail;
        assert_eq!(said.replace(&format!("{}/", lab.path().display()), ""), want);
    }
    // What is no certificate is a fault, or nothing at all.
    lab.write("notes.txt", "hello");
    lab.write("cut.pem", "-----BEGIN CERTIFICATE-----\nAA");
    for (more, want) in [("", (7.0, 2.0)), (", only_certificates: true", (6.0, 1.0))] {
        let (page, _) = exporter(&lab, "**/*", more).files().run_once().await;
        let found = (source(&page, "tls_source_files"), source(&page, "tls_source_faulty_files"));
        assert_eq!(found, (Some(want.0), Some(want.1)), "{more}");
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
        ("{name: a, paths: [/x], passwords: [{file: /nowhere}]}", "/nowhere"),
        (
            "{name: a, paths: [/x], passwords: [aa,bb,cc,dd,ee,ff,gg,hh,ii,jj,kk,ll,mm,nn,oo,pp,qq]}",
            "at most 16",
        ),
    ] {
        let error = build(&format!("files: [{entry}]")).err().unwrap_or_else(|| panic!("{entry} was taken"));
        assert!(error.contains(want) && error.contains("test.yml:1"), "{entry}: {error}");
    }
}
