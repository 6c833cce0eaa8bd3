//! A restart while something cannot be seen.

use std::path::Path;
use std::time::Duration;

use kit::Page;

use super::{Asked, Script, get, json, reason, usual};
use crate::TlsExporter;
use crate::testing::{Lab, begin, close, make};

fn names(exporter: &TlsExporter) -> Vec<String> {
    exporter.schedule().entries().iter().map(|entry| entry.target.name.clone()).collect()
}

fn end(page: &Page, path: &Path) -> Option<f64> {
    let labels = [("source", "home"), ("path", path.to_str().unwrap()), ("position", "0"), ("role", "leaf")];
    page.get("tls_file_certificate_not_after_timestamp_seconds", &labels)
}

/// Waits until the inventory has been kept.
async fn kept(exporter: &TlsExporter) -> Page {
    for _ in 0..500 {
        let page = exporter.npm().samplers()[0].page();
        if get(&page, "npm_kept_timestamp_seconds", &[]).is_some() {
            return page;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not kept in 10 s");
}

#[tokio::test]
async fn what_was_known_is_known_after_a_restart() {
    let (lab, state) = (Lab::new(), tempfile::tempdir().unwrap());
    let made = make("blog.test", false, None, (-30, 60));
    let file = lab.write("letsencrypt/live/npm-2/fullchain.pem", &made.pem);
    let script = Script::new(usual);
    let yaml = format!(
        "npm: [{{name: home, url: 'http://127.0.0.1:{}', identity: a, secret: hunter2-secret, letsencrypt: '{}/letsencrypt'}}]",
        script.port,
        lab.path().display()
    );
    let before = begin(&yaml, Some(state.path()));
    assert_eq!(reason(&before.npm().run_once().await), "ok");
    before.files().run_once().await;
    kept(&before).await;
    let (page, _) = before.files().run_once().await;
    let known = end(&page, &file);
    assert!(
        known.is_some() && page.get("tls_source_kept_timestamp_seconds", &[("source", "home")]).is_some()
    );
    let (targets, groups) = (names(&before), before.npm().discovered()[0].groups.clone());
    drop(before);
    for document in std::fs::read_dir(state.path()).unwrap().flatten() {
        let text = std::fs::read_to_string(document.path()).unwrap();
        assert!(!text.contains("hunter2") && !text.contains("TOKEN") && !text.contains("PRIVATE"), "{text}");
    }
    // The proxy manager is away, and its folder closed.
    script.now(|_: &Asked| json(502, "<html>Bad Gateway"));
    let folder = lab.path().join("letsencrypt/live");
    close(&folder);
    // Without the folder everything would be forgotten; with it nothing is, also before the first reading.
    let forgetful = begin(&yaml, None);
    forgetful.npm().run_once().await;
    assert!(names(&forgetful).is_empty());
    assert!(kit::Exporter::notices(&forgetful).iter().any(|notice| notice.name == "no_state_directory"));
    let after = begin(&yaml, Some(state.path()));
    assert!(kit::Exporter::notices(&after).iter().all(|notice| notice.name != "no_state_directory"));
    assert_eq!(
        (names(&after), after.npm().discovered()[0].groups.clone()),
        (targets.clone(), groups.clone())
    );
    let page = after.npm().samplers()[0].page();
    assert_eq!(get(&page, "npm_up", &[]), None, "it was not read yet");
    for _ in 0..2 {
        let page = after.npm().run_once().await;
        assert_eq!(reason(&page), "server_error");
        assert_eq!(get(&page, "npm_hosts", &[("type", "proxy"), ("state", "enabled")]), Some(1.0));
        assert!(get(&page, "npm_last_success_timestamp_seconds", &[]).is_some());
        let (page, _) = after.files().run_once().await;
        assert_eq!(end(&page, &file), known);
        let labels = [("source", "home"), ("path", file.to_str().unwrap())];
        assert!(page.get("tls_file_last_seen_timestamp_seconds", &labels).is_some());
        assert_eq!(
            (names(&after), after.npm().discovered()[0].groups.clone()),
            (targets.clone(), groups.clone())
        );
    }
    // Both are back, and the file is not.
    script.now(usual);
    std::fs::remove_file(&folder).unwrap();
    std::fs::create_dir(&folder).unwrap();
    assert_eq!(reason(&after.npm().run_once().await), "ok");
    let (page, _) = after.files().run_once().await;
    assert_eq!(end(&page, &file), None);
}

#[tokio::test]
async fn what_is_kept_is_of_one_place_and_may_be_damaged() {
    let state = tempfile::tempdir().unwrap();
    let script = Script::new(usual);
    let yaml = |identity: &str| {
        format!(
            "npm: [{{name: home, url: 'http://127.0.0.1:{}', identity: {identity}, secret: s}}]",
            script.port
        )
    };
    let before = begin(&yaml("a"), Some(state.path()));
    before.npm().run_once().await;
    kept(&before).await;
    assert_eq!(names(&begin(&yaml("a"), Some(state.path()))).len(), 4);
    assert!(names(&begin(&yaml("b"), Some(state.path()))).is_empty(), "another one's");
    let documents = std::fs::read_dir(state.path()).unwrap().flatten().map(|entry| entry.path());
    for document in documents {
        std::fs::write(document, "{").unwrap();
    }
    let exporter = begin(&yaml("a"), Some(state.path()));
    assert!(names(&exporter).is_empty());
    assert_eq!(reason(&exporter.npm().run_once().await), "ok");
    kept(&exporter).await;
    assert_eq!(std::fs::read_to_string(state.path().join("tls-npm-home.json.bad")).unwrap(), "{");
    // Where nothing can be written all goes on, and says that it is not kept.
    let exporter = begin(&yaml("a"), Some(Path::new("/proc/nowhere")));
    for _ in 0..2 {
        let page = exporter.npm().run_once().await;
        assert_eq!((reason(&page).as_str(), get(&page, "npm_kept_timestamp_seconds", &[])), ("ok", None));
    }
    exporter.files().run_once().await;
}

/// The folder of the certificates goes, with all that is mounted there: its files are not forgotten for that.
#[tokio::test]
async fn a_folder_that_is_away_keeps_its_files_and_one_that_is_emptied_does_not() {
    let lab = Lab::new();
    let made = make("blog.test", false, None, (-30, 60));
    let file = lab.write("letsencrypt/live/npm-2/fullchain.pem", &made.pem);
    let script = Script::new(usual);
    let more = format!("letsencrypt: '{}/letsencrypt'", lab.path().display());
    let exporter = script.exporter(&more);
    exporter.npm().run_once().await;
    let (page, _) = exporter.files().run_once().await;
    let known = end(&page, &file);
    assert!(known.is_some());
    // The folder is named, and nobody can look behind the name.
    let folder = lab.path().join("letsencrypt");
    close(&folder);
    for _ in 0..2 {
        exporter.npm().run_once().await;
        assert_eq!(end(&exporter.files().run_once().await.0, &file), known);
    }
    // It is seen that there is no such folder: Nginx Proxy Manager runs elsewhere now.
    std::fs::remove_file(&folder).unwrap();
    for told in [1, 0] {
        exporter.npm().run_once().await;
        let (page, _) = exporter.files().run_once().await;
        let faults = page.samples().filter(|row| row.desc.name == "tls_file_error_info").count();
        assert_eq!((end(&page, &file), faults), (None, told));
    }
}
