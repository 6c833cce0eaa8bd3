//! What is kept for after a restart, and how often.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kit::Store;
use kit::config::Document;

use super::super::scan::scan;
use super::{MONTHS, faults, of};
use crate::TlsExporter;
use crate::renewal::Policy;
use crate::testing::{Lab, make};

/// An exporter of a folder's `*.pem` as a process has it that begins now, or as a reload makes it.
fn begin(lab: &Lab, state: &Path, previous: Option<&TlsExporter>) -> TlsExporter {
    let yaml = format!("files: [{{name: lab, paths: ['{}/*.pem']}}]", lab.path().display());
    let document = Document::embedded("test.yml", &yaml);
    let store = Store::new(state.to_owned());
    TlsExporter::build_with(document.parse().unwrap(), &document, Some(store), previous).unwrap()
}

#[test]
fn a_file_that_is_read_again_and_says_the_same_is_no_news() {
    let lab = Lab::new();
    let (made, other) = (make("a.test", false, None, MONTHS), make("b.test", false, None, MONTHS));
    let place = lab.write("a.pem", &made.pem);
    lab.write("a.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let files = [(place, Policy::Usual)];
    let source = super::super::Source::of("lab", files, Duration::from_secs(30), Policy::Usual);
    let first = scan(&source, None);
    let second = scan(&source, Some(&first));
    assert_eq!(second.read, 1, "its key cannot be read, and may be at any time");
    assert!(second.knows_the_same(&first));
    lab.write("a.pem", &other.pem);
    let third = scan(&source, Some(&second));
    assert!(!third.knows_the_same(&second));
    std::fs::remove_file(lab.path().join("a.pem")).unwrap();
    assert!(!scan(&source, Some(&third)).knows_the_same(&third));
}

#[tokio::test]
async fn what_changes_soon_again_is_kept_later_and_at_the_end() {
    let (lab, state) = (Lab::new(), tempfile::tempdir().unwrap());
    let made = make("a.test", false, None, MONTHS);
    lab.write("a.pem", &made.pem);
    let document = state.path().join("tls-files-lab.json");
    let inode = || std::fs::metadata(&document).unwrap().ino();
    let says = |name: &str| std::fs::read_to_string(&document).unwrap().contains(name);
    let exporter = begin(&lab, state.path(), None);
    exporter.files().run_once().await;
    let first = inode();
    assert!(says("a.pem") && !says("b.pem"));
    lab.write("b.pem", &made.pem);
    let (page, _) = exporter.files().run_once().await;
    assert!(of(&page, &lab, "tls_file_certificates", "b.pem").is_some());
    assert!(page.get("tls_source_kept_timestamp_seconds", &[("source", "lab")]).is_some());
    // Nor does a reload make it sooner.
    let exporter = begin(&lab, state.path(), Some(&exporter));
    exporter.files().run_once().await;
    assert_eq!((inode(), says("b.pem")), (first, false), "only minutes after the last time");
    let sampler = kit::sampler::Supervised::start(Arc::clone(&exporter.files().samplers()[0]));
    sampler.stop(Duration::from_secs(20)).await;
    assert!(inode() != first && says("b.pem"), "and when the process ends");
    // What is known already is not written again at the end.
    let last = inode();
    let sampler = kit::sampler::Supervised::start(Arc::clone(&exporter.files().samplers()[0]));
    sampler.stop(Duration::from_secs(20)).await;
    assert_eq!(inode(), last);
}

/// The first scan after a start sees nothing, and what it would have been told of cannot be read.
#[tokio::test]
async fn a_document_that_cannot_be_read_is_not_lost() {
    let (lab, state) = (Lab::new(), tempfile::tempdir().unwrap());
    let document = state.path().join("tls-files-lab.json");
    for text in [r#"{"version":2,"at":1,"files":{}}"#, r#"{"version":1,"at"#] {
        std::fs::write(&document, text).unwrap();
        begin(&lab, state.path(), None).files().run_once().await;
        assert_eq!(std::fs::read_to_string(state.path().join("tls-files-lab.json.bad")).unwrap(), text);
        assert!(std::fs::read_to_string(&document).unwrap().contains("\"files\":[]"));
    }
}

/// A process that ends while a file is half-written, and one that begins then.
#[tokio::test]
async fn what_a_half_written_file_lacks_is_known_after_a_restart() {
    let (lab, state) = (Lab::new(), tempfile::tempdir().unwrap());
    let (leaf, ca) = (make("a.test", false, None, MONTHS), make("ca", true, None, MONTHS));
    lab.write("a.pem", &(leaf.pem.clone() + &ca.pem));
    begin(&lab, state.path(), None).files().run_once().await;
    lab.write("a.pem", &(leaf.pem.clone() + &ca.pem[..ca.pem.len() / 2]));
    for _ in 0..2 {
        let (page, _) = begin(&lab, state.path(), None).files().run_once().await;
        assert_eq!(of(&page, &lab, "tls_file_certificates", "a.pem"), Some(2.0));
        assert_eq!(faults(&page, &lab, "a.pem"), ["bad_pem"]);
    }
}
