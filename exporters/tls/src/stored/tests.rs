use std::path::{Path, PathBuf};

use super::Partner;
use super::pair::Index;
use crate::files::Stored;
use crate::testing::{Lab, Made, begin, build, close, make, there};

/// Which file a target of a name belongs to that serves this; the files are called by their order.
fn partner(name: &str, served: &Made, stored: &[&Made]) -> Option<usize> {
    let all = stored.iter().enumerate();
    let all = all.map(|(index, made)| Stored::made(&format!("/{index}"), made.certificate())).collect();
    let index = Index::new(all);
    let served = served.certificate();
    let found = index.partner(name, std::iter::once(&served))?;
    found.path.to_str()?.trim_start_matches('/').parse().ok()
}

#[test]
fn a_file_is_found_by_name_and_nothing_is_alarmed_falsely() {
    let (ours, other) = (make("Ours", true, None, (-900, 900)), make("Other", true, None, (-900, 900)));
    let made = |name: &str, parent: &Made, from: i64| make(name, false, Some(parent), (from, from + 90));
    let (old, new) = (made("a.test", &ours, -60), made("a.test", &ours, -1));
    let (wild, elsewhere) = (made("*.a.test", &ours, -30), made("a.test", &other, -60));
    assert_eq!(partner("a.test", &new, &[&old, &new]), Some(1), "what is newest, when it is served");
    assert_eq!(
        partner("A.TEST.", &old, &[&old, &new]),
        Some(1),
        "and when an older one is: that is the alarm"
    );
    assert_eq!(partner("a.test", &old, &[&old]), Some(0));
    assert_eq!(partner("b.test", &old, &[&old, &new]), None, "no file is for this name");
    assert_eq!(partner("a.test", &elsewhere, &[&old, &new]), None, "a CDN's own, by another authority");
    assert_eq!(partner("a.test", &new, &[&old]), None, "what is served is newer: it does not come from here");
    assert_eq!(partner("www.a.test", &wild, &[&wild]), Some(0), "a wildcard stands for one label");
    assert_eq!(partner("x.www.a.test", &wild, &[&wild]), None);
    assert_eq!(partner("a.test", &old, &[&wild]), None, "and not for none");
    assert_eq!(
        partner("www.a.test", &made("www.a.test", &ours, -60), &[&wild]),
        None,
        "other names, another key"
    );
}

/// A certificate, and the one that comes after it.
fn renewal() -> (Made, Made) {
    let root = make("Root", true, None, (-900, 900));
    (make("a.test", false, Some(&root), (-60, 30)), make("a.test", false, Some(&root), (-1, 89)))
}

#[tokio::test]
async fn what_is_served_is_compared_with_the_file_that_is_named() {
    if !there("openssl", "what_is_served_is_compared_with_the_file_that_is_named") {
        return;
    }
    let lab = Lab::new();
    let (old, new) = renewal();
    lab.write("cert.pem", &old.pem);
    lab.write("key.pem", &old.key);
    let stored = lab.write("stored.pem", &old.pem);
    let server = lab.serve("");
    let path = stored.display();
    let yaml = format!(
        "files: [{{name: lab, paths: ['{}/st*.pem']}}]\ntargets: [{{name: named, target: '{addr}', stored: '{path}'}}, \
         {{name: found, target: '{addr}', hostname: a.test}}, {{name: never, target: '{addr}', hostname: a.test, stored: none}}, \
         {{name: alone, target: '{addr}', stored: '{}/cert.pem'}}]",
        lab.path().display(),
        lab.path().display(),
        addr = server.addr
    );
    let exporter = build(&yaml).unwrap_or_else(|error| panic!("{error}"));
    let compare = exporter.compare().unwrap();
    let now = std::time::SystemTime::now();
    let get = |page: &kit::Page, name: &str, target: &str, source: &str, path: &str| {
        page.get(name, &[("target", target), ("module", "tls"), ("source", source), ("path", path)])
    };
    let matches = |page: &kit::Page, target: &str| {
        get(page, "tls_served_matches_stored", target, "lab", stored.to_str().unwrap())
    };
    let since = |page: &kit::Page, target: &str| {
        get(page, "tls_served_stale_since_timestamp_seconds", target, "lab", stored.to_str().unwrap())
    };
    assert!(compare.page(now).is_empty(), "nothing is known yet");
    exporter.files().run_once().await;
    exporter.schedule().run_once().await;
    let page = compare.page(now);
    assert!(page.dropped().is_empty(), "{:?}", page.dropped());
    assert_eq!(
        (matches(&page, "named"), matches(&page, "found"), matches(&page, "never")),
        (Some(1.0), Some(1.0), None)
    );
    assert_eq!((since(&page, "named"), since(&page, "found")), (None, None));
    let own = lab.path().join("cert.pem");
    assert_eq!(get(&page, "tls_served_matches_stored", "alone", "targets", own.to_str().unwrap()), Some(1.0));
    // Renewed on the disk, and the server is not told.
    lab.write("stored.pem", &new.pem);
    exporter.files().run_once().await;
    let page = compare.page(now);
    assert_eq!(
        (matches(&page, "named"), matches(&page, "found"), matches(&page, "never")),
        (Some(0.0), Some(0.0), None)
    );
    let written = std::fs::metadata(&stored)
        .unwrap()
        .modified()
        .unwrap()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let told = since(&page, "named").unwrap();
    let later = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    assert!(
        told >= written.min(later).as_secs_f64() - 0.001 && told <= later.as_secs_f64() + 0.001,
        "{told}"
    );
    // The server is gone: what it last served is still known, and so is that it was not this.
    drop(server);
    exporter.schedule().run_once().await;
    assert_eq!(matches(&compare.page(now), "named"), Some(0.0));
}

#[test]
fn what_the_configuration_names() {
    let exporter =
        build("targets: [{target: a, stored: none}, {target: b}, {target: c, stored: c.pem}]").unwrap();
    let all: Vec<_> = exporter.schedule().entries().iter().map(|entry| entry.target.stored.clone()).collect();
    let [Partner::None, Partner::ByName, Partner::File(path)] = all.as_slice() else { panic!("{all:?}") };
    assert!(path.ends_with(PathBuf::from("c.pem")));
}

/// A server of one certificate, and the file that it is to serve.
struct Bench {
    lab: Lab,
    server: crate::testing::Server,
    exporter: crate::TlsExporter,
    stored: PathBuf,
}

impl Bench {
    async fn new(served: &Made, stored: &Made) -> Self {
        let lab = Lab::new();
        lab.write("cert.pem", &served.pem);
        lab.write("key.pem", &served.key);
        let path = lab.write("stored/a.pem", &stored.pem);
        let server = lab.serve("");
        let exporter = begin(&yaml(&lab, &server.addr), None);
        exporter.files().run_once().await;
        exporter.schedule().run_once().await;
        Self { lab, server, exporter, stored: path }
    }

    /// Ends the exporter and begins another.
    fn restart(&mut self, store: Option<&Path>) {
        self.exporter = begin(&yaml(&self.lab, &self.server.addr), store);
    }

    /// Nobody can look into the file's folder any more.
    fn close(&self) {
        close(&self.lab.path().join("stored"));
    }

    /// Exchanges the server's certificate, at the same port.
    fn serve_from_now(&mut self, made: &Made) {
        self.lab.write("cert.pem", &made.pem);
        self.lab.write("key.pem", &made.key);
        let addr = self.server.addr.clone();
        self.server.end();
        self.server = self.lab.serve_at(&addr, "");
    }

    fn told(&self, name: &str) -> Option<f64> {
        let labels =
            [("target", "a"), ("module", "tls"), ("source", "lab"), ("path", self.stored.to_str().unwrap())];
        self.exporter.compare().unwrap().page(std::time::SystemTime::now()).get(name, &labels)
    }

    /// Whether it is served; `None` if that is not told.
    fn matches(&self) -> Option<f64> {
        self.told("tls_served_matches_stored")
    }
}

/// A configuration of what serves there and the file in this lab.
fn yaml(lab: &Lab, addr: &str) -> String {
    format!(
        "files: [{{name: lab, paths: ['{0}/stored/*.pem']}}]\n\
         targets: [{{name: a, target: '{addr}', stored: '{0}/stored/a.pem'}}]",
        lab.path().display()
    )
}

#[tokio::test]
async fn what_was_served_before_the_file_changed_says_nothing() {
    if !there("openssl", "what_was_served_before_the_file_changed_says_nothing") {
        return;
    }
    let (old, new) = renewal();
    let bench = Bench::new(&old, &old).await;
    assert_eq!(bench.matches(), Some(1.0));
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    bench.lab.write("stored/a.pem", &new.pem);
    bench.exporter.files().run_once().await;
    assert_eq!(bench.matches(), None, "the server may have been told since");
    bench.exporter.schedule().run_once().await;
    assert_eq!(bench.matches(), Some(0.0));
}

#[tokio::test]
async fn a_file_that_cannot_be_seen_keeps_an_alarm_and_raises_none() {
    if !there("openssl", "a_file_that_cannot_be_seen_keeps_an_alarm_and_raises_none") {
        return;
    }
    let (old, new) = renewal();
    for (served, stored, matches) in [(&old, &new, 0.0), (&new, &old, 0.0), (&old, &old, 1.0)] {
        let bench = Bench::new(served, stored).await;
        assert_eq!(bench.matches(), Some(matches));
        bench.close();
        bench.exporter.files().run_once().await;
        assert_eq!(bench.matches(), Some(matches), "what was known stays");
    }
    // Renewed while the file could not be seen, and the server was told.
    let mut bench = Bench::new(&old, &old).await;
    bench.close();
    bench.exporter.files().run_once().await;
    assert_eq!(bench.matches(), Some(1.0));
    bench.serve_from_now(&new);
    bench.exporter.schedule().run_once().await;
    for _ in 0..2 {
        assert_eq!(bench.matches(), None, "whether it is the new one in the file is not known");
    }
}

/// After a restart, too: nothing was seen to be the same, nor to be another.
#[tokio::test]
async fn a_younger_one_than_a_file_of_before_a_restart_raises_no_alarm() {
    if !there("openssl", "a_younger_one_than_a_file_of_before_a_restart_raises_no_alarm") {
        return;
    }
    let (old, new) = renewal();
    for (served, stored, want) in [(&new, &old, None), (&old, &new, Some(0.0))] {
        let state = tempfile::tempdir().unwrap();
        let mut bench = Bench::new(stored, stored).await;
        bench.restart(Some(state.path()));
        bench.exporter.files().run_once().await;
        bench.close();
        bench.serve_from_now(served);
        bench.restart(Some(state.path()));
        bench.exporter.files().run_once().await;
        bench.exporter.schedule().run_once().await;
        for _ in 0..2 {
            assert_eq!(bench.matches(), want);
        }
    }
}

/// A clock that was wrong when the file was written, or an archive that was unpacked.
#[tokio::test]
async fn a_time_of_change_that_has_not_come_hides_nothing() {
    if !there("openssl", "a_time_of_change_that_has_not_come_hides_nothing") {
        return;
    }
    let (old, new) = renewal();
    let mut bench = Bench::new(&old, &old).await;
    assert_eq!(bench.matches(), Some(1.0));
    // The kernel's clock for files has ticks of some milliseconds.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    bench.lab.write("stored/a.pem", &new.pem);
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(86_400);
    std::fs::File::options().write(true).open(&bench.stored).unwrap().set_modified(later).unwrap();
    bench.exporter.files().run_once().await;
    assert_eq!(bench.matches(), None, "the server may have been told since");
    bench.exporter.schedule().run_once().await;
    assert_eq!(bench.matches(), Some(0.0));
    let since = |bench: &Bench| bench.told("tls_served_stale_since_timestamp_seconds").unwrap().to_bits();
    let first = since(&bench);
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    assert_eq!(since(&bench), first, "its age grows");
    bench.restart(None);
    bench.exporter.files().run_once().await;
    bench.exporter.schedule().run_once().await;
    assert_eq!((bench.matches(), since(&bench)), (Some(0.0), first), "after a restart, too");
}
