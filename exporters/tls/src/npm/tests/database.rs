use std::path::Path;

use rusqlite::Connection;

use super::{get, reason};
use crate::TlsExporter;
use crate::testing::Lab;

/// As much of a schema as is read, and a column that is not.
const SCHEMA: &str = "
CREATE TABLE proxy_host (id INTEGER PRIMARY KEY, is_deleted INTEGER DEFAULT 0, domain_names JSON, certificate_id INTEGER DEFAULT 0, meta JSON, forward_host TEXT);
CREATE TABLE redirection_host (id INTEGER PRIMARY KEY, is_deleted INTEGER DEFAULT 0, domain_names JSON, certificate_id INTEGER DEFAULT 0, meta JSON, enabled INTEGER DEFAULT 1);
CREATE TABLE dead_host (id INTEGER PRIMARY KEY, is_deleted INTEGER DEFAULT 0, domain_names JSON, certificate_id INTEGER DEFAULT 0, meta JSON, enabled INTEGER DEFAULT 1);
CREATE TABLE stream (id INTEGER PRIMARY KEY, is_deleted INTEGER DEFAULT 0, incoming_port INTEGER, tcp_forwarding INTEGER DEFAULT 0, certificate_id INTEGER DEFAULT 0, meta JSON, enabled INTEGER DEFAULT 1);
CREATE TABLE certificate (id INTEGER PRIMARY KEY, is_deleted INTEGER DEFAULT 0, provider TEXT, nice_name TEXT DEFAULT '', domain_names JSON, expires_on DATETIME, meta JSON);
INSERT INTO proxy_host VALUES (1, 0, '[\"blog.test\",\"www.blog.test\"]', 2, '{\"nginx_online\":true}', 'x');
-- Rows of before have no such column in them: its default counts.
ALTER TABLE proxy_host ADD COLUMN enabled INTEGER NOT NULL DEFAULT 1;
INSERT INTO proxy_host VALUES (2, 1, '[\"deleted.test\"]', 2, '{}', 'x', 1), (3, 0, '[\"off.test\"]', 2, NULL, 'x', 0), (4, 0, '[\"bad.test\"]', 0, '{\"nginx_online\":false}', 'x', 1);
INSERT INTO stream VALUES (1, 0, 8883, 1, 1, '{}', 1), (2, 0, 53, 0, 1, '{}', 1);
INSERT INTO certificate VALUES (1, 0, 'other', 'Wiki', '[\"wiki.test\"]', '2026-12-13 13:27:33', '{\"certificate_key\":\"PRIVATE\"}'),
  (2, 0, 'letsencrypt', '', '[\"blog.test\",\"www.blog.test\"]', 1797168453000, '{}'), (3, 0, 'letsencrypt', 'spare.test', '[\"spare.test\"]', 'soon', '{}'),
  (4, 1, 'other', 'gone', '[\"gone.test\"]', '2026-12-13 13:27:33', '{}');";

pub(super) fn made(lab: &Lab) -> (std::path::PathBuf, Connection) {
    let path = lab.path().join("data/database.sqlite");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(SCHEMA).unwrap();
    (path, connection)
}

pub(super) fn exporter(path: &Path) -> TlsExporter {
    let yaml = format!("npm: [{{name: home, database: '{}'}}]", path.display());
    crate::testing::build(&yaml).unwrap_or_else(|error| panic!("{error}"))
}

fn soon() -> std::time::Instant {
    std::time::Instant::now() + std::time::Duration::from_secs(20)
}

fn files(path: &Path) -> Vec<String> {
    let names = std::fs::read_dir(path.parent().unwrap()).unwrap().flatten();
    let mut names: Vec<_> = names.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_is_there_and_not_deleted_is_told() {
    let lab = Lab::new();
    let (path, connection) = made(&lab);
    let exporter = exporter(&path);
    let page = exporter.npm().run_once().await;
    assert_eq!(reason(&page), "ok");
    for (kind, state, want) in [
        ("proxy", "enabled", 1.0),
        ("proxy", "disabled", 1.0),
        ("proxy", "offline", 1.0),
        ("stream", "enabled", 2.0),
    ] {
        assert_eq!(
            get(&page, "npm_hosts", &[("type", kind), ("state", state)]),
            Some(want),
            "{kind} {state}"
        );
    }
    let hosts = |id, name| get(&page, "npm_certificate_hosts", &[("id", id), ("name", name)]);
    assert_eq!((hosts("1", "Wiki"), hosts("2", "blog.test")), (Some(2.0), Some(2.0)));
    assert_eq!(hosts("3", "spare.test"), Some(0.0), "nothing uses it");
    assert_eq!(hosts("4", "gone"), None, "its row is marked as deleted");
    let ends = |id, name, provider| {
        let labels = [("id", id), ("name", name), ("provider", provider)];
        get(&page, "npm_certificate_expires_on_timestamp_seconds", &labels)
    };
    assert_eq!(ends("1", "Wiki", "other"), Some(1_797_168_453.0));
    assert_eq!(ends("2", "blog.test", "letsencrypt"), Some(1_797_168_453.0));
    assert_eq!(ends("3", "spare.test", "letsencrypt"), None, "no time is no zero");
    let names: Vec<_> = exporter.schedule().entries().iter().map(|entry| entry.target.name.clone()).collect();
    assert_eq!(names, ["blog.test", "www.blog.test", "wiki.test:8883"], "not what passes UDP on");
    assert_eq!(files(&path), ["database.sqlite"], "nothing was made");
    // A writer is not disturbed, and what it has not committed is not seen.
    connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert_eq!(reason(&exporter.npm().run_once().await), "ok");
    connection.execute_batch("UPDATE proxy_host SET enabled = 0; COMMIT").unwrap();
    let page = exporter.npm().run_once().await;
    assert_eq!(get(&page, "npm_hosts", &[("type", "proxy"), ("state", "disabled")]), Some(3.0));
    assert_eq!(exporter.schedule().entries().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_read_has_its_reason_and_what_was_known_stays() {
    let lab = Lab::new();
    let (path, connection) = made(&lab);
    let exporter = exporter(&path);
    assert_eq!(reason(&exporter.npm().run_once().await), "ok");
    let enabled = |page: &kit::Page| get(page, "npm_hosts", &[("type", "proxy"), ("state", "enabled")]);
    // Half-written: what was to be written back lies beside it.
    let journal = lab.path().join("data/database.sqlite-journal");
    std::fs::write(&journal, [0xd9, 0xd5, 0x05, 0xf9]).unwrap();
    let page = exporter.npm().run_once().await;
    assert_eq!((reason(&page).as_str(), enabled(&page)), ("database_busy", Some(1.0)));
    std::fs::remove_file(&journal).unwrap();
    // Another version's.
    connection.execute_batch("ALTER TABLE stream RENAME COLUMN incoming_port TO port").unwrap();
    let page = exporter.npm().run_once().await;
    assert_eq!((reason(&page).as_str(), enabled(&page)), ("schema", Some(1.0)));
    connection
        .execute_batch("ALTER TABLE stream RENAME COLUMN port TO incoming_port; DROP TABLE dead_host")
        .unwrap();
    assert_eq!(reason(&exporter.npm().run_once().await), "schema");
    connection.execute_batch("CREATE TABLE dead_host AS SELECT * FROM redirection_host").unwrap();
    connection.execute_batch("UPDATE proxy_host SET domain_names = '[]'").unwrap();
    assert_eq!(reason(&exporter.npm().run_once().await), "ok");
    // With a write-ahead log that holds something; once that is empty, the file alone is everything.
    connection.execute_batch("PRAGMA journal_mode=WAL; UPDATE proxy_host SET enabled = 1").unwrap();
    assert_eq!(reason(&exporter.npm().run_once().await), "write_ahead_log");
    drop(connection);
    assert_eq!(reason(&exporter.npm().run_once().await), "ok");
    assert_eq!(files(&path), ["database.sqlite"], "nothing was made");
    let bytes = std::fs::read(&path).unwrap();
    for (content, want) in [
        (bytes[..bytes.len() / 2].to_vec(), "database_damaged"),
        (b"<html>".repeat(50), "database_damaged"),
        (Vec::new(), "database_damaged"),
        ([&bytes[..100], &[0xff; 8000]].concat(), "database_damaged"),
    ] {
        std::fs::write(&path, &content).unwrap();
        let page = exporter.npm().run_once().await;
        assert_eq!(reason(&page), want, "{} bytes", content.len());
        assert!(enabled(&page).is_some());
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(reason(&exporter.npm().run_once().await), "not_found");
    std::fs::create_dir(&path).unwrap();
    assert_eq!(reason(&exporter.npm().run_once().await), "database_damaged");
}

/// A writer without a pause: whatever is read is a state that was committed.
#[tokio::test]
async fn a_reading_is_whole_or_none_while_somebody_writes() {
    let lab = Lab::new();
    let (path, connection) = made(&lab);
    connection.execute_batch("DELETE FROM proxy_host; PRAGMA synchronous=OFF").unwrap();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let ended = std::sync::Arc::clone(&stop);
    let writer = std::thread::spawn(move || {
        // 40 hosts or none, in one transaction that moves pages.
        while !ended.load(std::sync::atomic::Ordering::Relaxed) {
            let rows =
                (0..40).map(|id| format!("({id}, 0, '[\"{}.test\"]', 2, '{{}}', 'x', 1)", "x".repeat(60)));
            let rows = rows.collect::<Vec<_>>().join(",");
            connection
                .execute_batch(&format!("BEGIN; INSERT INTO proxy_host VALUES {rows}; COMMIT"))
                .unwrap();
            connection.execute_batch("DELETE FROM proxy_host").unwrap();
        }
    });
    let (mut good, mut busy) = (0, 0);
    for _ in 0..60 {
        match super::super::sqlite::read(&path, soon()) {
            Ok(inventory) => {
                let hosts = inventory.hosts.iter().filter(|host| host.port.is_none()).count();
                assert!(hosts == 0 || hosts == 40, "{hosts} hosts");
                good += 1;
            }
            Err(fault) => {
                assert_eq!(fault.reason.word(), "database_busy", "{fault}");
                busy += 1;
            }
        }
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().unwrap();
    assert_eq!(good + busy, 60);
    assert!(super::super::sqlite::read(&path, soon()).is_ok());
}
