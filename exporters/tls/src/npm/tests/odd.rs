//! Odd rows, odd names and odd files: each costs itself alone, and nothing that was known.

use std::time::Duration;

use kit::Page;

use super::database::{exporter, made};
use super::{Asked, Script, get, json, reason, usual};
use crate::TlsExporter;
use crate::testing::Lab;

fn odd(page: &Page) -> [f64; 5] {
    ["proxy", "redirection", "dead", "stream", "certificate"]
        .map(|kind| get(page, "npm_odd_rows", &[("type", kind)]).unwrap())
}

fn names(exporter: &TlsExporter) -> Vec<String> {
    exporter.schedule().entries().iter().map(|entry| entry.target.name.clone()).collect()
}

#[tokio::test]
async fn an_odd_row_of_the_api_costs_itself_and_nothing_that_was_known() {
    let script = Script::new(usual);
    let exporter = script.exporter("");
    let page = exporter.npm().run_once().await;
    assert_eq!((reason(&page).as_str(), odd(&page)), ("ok", [0.0; 5]));
    let known = names(&exporter);
    let ends = |page: &Page| {
        let labels = [("id", "2"), ("name", "blog.test, www.blog.test"), ("provider", "letsencrypt")];
        get(page, "npm_certificate_expires_on_timestamp_seconds", &labels)
    };
    assert_eq!((known.len(), ends(&page)), (4, Some(1_797_168_453.0)));
    let good = r#"{"id":9,"domain_names":["new.test"],"certificate_id":2,"enabled":true,"meta":null,"certificate":null}"#;
    // What stands in the place of the first proxy host, and what is odd then. The two others are there in each case.
    for (row, want) in [
        (
            r#"{"id":1,"domain_names":null,"enabled":true,"certificate_id":2}"#.to_owned(),
            [1.0, 0.0, 0.0, 0.0, 0.0],
        ),
        (r#"{"id":1,"domain_names":"blog.test","enabled":true}"#.to_owned(), [1.0, 0.0, 0.0, 0.0, 0.0]),
        ("null".to_owned(), [1.0, 0.0, 0.0, 0.0, 0.0]),
        (
            r#"{"id":1,"domain_names":["blog.test","www.blog.test"],"certificate_id":2,"enabled":1,
                "certificate":{"id":2,"provider":"letsencrypt","nice_name":"blog.test, www.blog.test",
                "domain_names":["blog.test"],"expires_on":"soon"}}"#
                .to_owned(),
            [0.0, 0.0, 0.0, 0.0, 1.0],
        ),
        (
            r#"{"id":1,"domain_names":["blog.test","www.blog.test"],"certificate_id":2,"enabled":1,
                "certificate":{"id":2,"provider":7}}"#
                .to_owned(),
            [0.0, 0.0, 0.0, 0.0, 1.0],
        ),
    ] {
        let list = format!("[{row},{good}]");
        script.now(move |asked: &Asked| match asked.path.starts_with("/api/nginx/proxy-hosts") {
            true => json(200, &list),
            false => usual(asked),
        });
        let page = exporter.npm().run_once().await;
        assert_eq!((reason(&page).as_str(), odd(&page)), ("ok", want), "{row}");
        let now = names(&exporter);
        assert!(known.iter().all(|name| now.contains(name)), "{row}: {now:?}");
        assert!(now.contains(&"new.test".to_owned()), "{row}: {now:?}");
        assert_eq!(ends(&page), Some(1_797_168_453.0), "{row}");
        let line = &exporter.npm().watched()[0];
        assert!(line.ok == Some(false) && line.detail.contains("1 row that cannot be read"), "{line:?}");
    }
    script.now(usual);
    let page = exporter.npm().run_once().await;
    assert_eq!((odd(&page), names(&exporter)), ([0.0; 5], known), "what is not there any more goes");
}

#[tokio::test]
async fn an_odd_row_of_the_database_costs_itself_and_nothing_that_was_known() {
    let lab = Lab::new();
    let (path, connection) = made(&lab);
    let exporter = exporter(&path);
    let page = exporter.npm().run_once().await;
    assert_eq!(odd(&page), [0.0, 0.0, 0.0, 0.0, 1.0], "spare.test has no end");
    let known = names(&exporter);
    for change in [
        "domain_names = 'x'",
        "domain_names = NULL",
        "domain_names = '[null]'",
        "domain_names = x'ff'",
        "certificate_id = 'two'",
        "certificate_id = -5",
        "certificate_id = 1.5",
        "is_deleted = NULL",
        "is_deleted = 'no'",
        "is_deleted = 2",
        "meta = 'no json'",
        "meta = 7",
        "meta = '{\"nginx_online\":\"yes\"}'",
        "enabled = 'yes'",
    ] {
        connection.execute_batch(&format!("UPDATE proxy_host SET {change} WHERE id = 1")).unwrap();
        let page = exporter.npm().run_once().await;
        assert_eq!((reason(&page).as_str(), odd(&page)), ("ok", [1.0, 0.0, 0.0, 0.0, 1.0]), "{change}");
        assert_eq!(names(&exporter), known, "{change}");
        let restore = "UPDATE proxy_host SET domain_names = '[\"blog.test\",\"www.blog.test\"]', certificate_id = 2, enabled = 1, is_deleted = 0, \
                       meta = '{}' WHERE id = 1";
        connection.execute_batch(restore).unwrap();
    }
    // What is noted of the host cannot be read: that nginx refused it is not over for that.
    let offline =
        |page: &Page| get(page, "npm_hosts", &[("type", "proxy"), ("state", "offline")]).unwrap_or_default();
    let noted =
        |meta: &str| connection.execute("UPDATE proxy_host SET meta = ? WHERE id = 4", [meta]).unwrap();
    for (meta, want) in [(r#"{"nginx_online":false}"#, 1.0), ("no json", 1.0), ("{}", 0.0)] {
        noted(meta);
        assert_eq!(offline(&exporter.npm().run_once().await), want, "{meta}");
    }
    connection.execute_batch("UPDATE certificate SET is_deleted = NULL WHERE id = 2").unwrap();
    assert_eq!(odd(&exporter.npm().run_once().await), [0.0, 0.0, 0.0, 0.0, 2.0]);
    assert_eq!(names(&exporter), known);
    connection.execute_batch("UPDATE certificate SET is_deleted = 0 WHERE id = 2").unwrap();
    connection.execute_batch("UPDATE certificate SET expires_on = 'later' WHERE id = 1").unwrap();
    let page = exporter.npm().run_once().await;
    assert_eq!(odd(&page), [0.0, 0.0, 0.0, 0.0, 2.0]);
    let labels = [("id", "1"), ("name", "Wiki"), ("provider", "other")];
    let end = get(&page, "npm_certificate_expires_on_timestamp_seconds", &labels);
    assert_eq!(end, Some(1_797_168_453.0), "the end that was known");
    // All of them: then the form is another one.
    connection.execute_batch("UPDATE proxy_host SET enabled = 'x'; UPDATE stream SET enabled = 'x'; UPDATE certificate SET provider = NULL").unwrap();
    assert_eq!(reason(&exporter.npm().run_once().await), "schema");
    assert_eq!(names(&exporter), known);
}

#[tokio::test]
async fn names_are_asked_for_as_clients_do_and_patterns_are_not() {
    let names = r#"["münchen.test","www.example.*","~^www\\d+\\.test$","_","BIG.test",".dot.test","a b.test","*.x.*"]"#;
    let row = format!(
        r#"[{{"id":1,"domain_names":{names},"certificate_id":2,"enabled":true}},
            {{"id":2,"domain_names":["mail.*"],"certificate_id":2,"enabled":true}},
            {{"id":3,"domain_names":["*.ção.test"],"certificate_id":2,"enabled":true}},
            {{"id":4,"domain_names":["off.*"],"certificate_id":2,"enabled":false}}]"#
    );
    let script = Script::new(move |asked: &Asked| match asked.path.split('?').next() {
        Some("/api/nginx/proxy-hosts") => json(200, &row),
        Some("/api/nginx/redirection-hosts" | "/api/nginx/streams") => json(200, "[]"),
        _ => usual(asked),
    });
    let exporter = script.exporter("");
    let page = exporter.npm().run_once().await;
    assert_eq!(reason(&page), "ok");
    let entries = exporter.schedule().entries();
    let asked: Vec<_> = entries
        .iter()
        .map(|entry| (entry.target.name.as_str(), entry.target.hostname.as_deref().unwrap()))
        .collect();
    let want = [
        ("münchen.test", "xn--mnchen-3ya.test"),
        ("BIG.test", "BIG.test"),
        (".dot.test", "dot.test"),
        ("*.ção.test", "farol-wildcard.xn--o-xfal.test"),
    ];
    assert_eq!(asked, want);
    let left_out: Vec<_> = page
        .samples()
        .filter(|row| row.desc.name == "npm_host_name_left_out_info")
        .map(|row| row.labels().skip(2).map(|(_, value)| value.to_owned()).collect::<Vec<_>>())
        .collect();
    let want = [
        ["1", "www.example.*", "pattern"],
        ["1", r"~^www\d+\.test$", "pattern"],
        ["1", "_", "no_name"],
        ["1", "a b.test", "no_name"],
        ["1", "*.x.*", "pattern"],
        ["2", "mail.*", "pattern"],
    ];
    assert_eq!(left_out, want);
    let detail = &exporter.npm().watched()[0].detail;
    assert!(detail.contains("not looked at: www.example.* and 5 more"), "{detail}");
    let groups = exporter.npm().discovered()[0].groups.clone().unwrap();
    assert_eq!(groups[0].targets, ["xn--mnchen-3ya.test:443"]);
    assert_eq!(groups[0].labels["__meta_npm_url"], "https://xn--mnchen-3ya.test/");
    assert_eq!(groups[0].labels["__meta_npm_host"], "münchen.test");
    assert_eq!(groups.len(), 3, "{groups:?}");
}

/// journal_mode=PERSIST: the journal stays, and zeros in the place of its beginning say that it holds nothing.
#[tokio::test]
async fn a_journal_that_stays_is_not_one_that_is_hot() {
    let lab = Lab::new();
    let (path, connection) = made(&lab);
    connection.execute_batch("PRAGMA journal_mode=PERSIST; UPDATE proxy_host SET enabled = 0").unwrap();
    let journal = path.with_file_name("database.sqlite-journal");
    assert!(std::fs::metadata(&journal).unwrap().len() > 0);
    let exporter = exporter(&path);
    let page = exporter.npm().run_once().await;
    assert_eq!(reason(&page), "ok");
    assert_eq!(get(&page, "npm_hosts", &[("type", "proxy"), ("state", "disabled")]), Some(3.0));
    // In the middle of a transaction that has changed pages of the file.
    connection
        .execute_batch(
            "PRAGMA cache_size=1; PRAGMA cache_spill=1; BEGIN; UPDATE proxy_host SET enabled = 1;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
             INSERT INTO dead_host (domain_names, meta) SELECT '[]', hex(randomblob(500)) FROM n",
        )
        .unwrap();
    assert_eq!(reason(&exporter.npm().run_once().await), "database_busy");
    connection.execute_batch("ROLLBACK").unwrap();
    let page = exporter.npm().run_once().await;
    assert_eq!(reason(&page), "ok");
    assert_eq!(get(&page, "npm_hosts", &[("type", "proxy"), ("state", "disabled")]), Some(3.0));
}

/// A database may be made so that a query has no end, or no end of rows.
#[tokio::test]
async fn a_query_without_an_end_ends_and_gives_its_thread_back() {
    let lab = Lab::new();
    let (path, connection) = made(&lab);
    let yaml = format!("npm: [{{name: home, database: '{}', timeout: 400ms}}]", path.display());
    let exporter = crate::testing::build(&yaml).unwrap();
    assert_eq!(reason(&exporter.npm().run_once().await), "ok");
    let known = names(&exporter);
    connection.execute_batch("ALTER TABLE dead_host RENAME TO kept").unwrap();
    for (rows, want) in [("SELECT i FROM n WHERE i < 0", "timeout"), ("SELECT i FROM n", "too_large")] {
        let view = format!(
            "CREATE VIEW dead_host AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
             SELECT i AS id, 0 AS is_deleted, '[]' AS domain_names, 0 AS certificate_id, '{{}}' AS meta, 1 AS enabled FROM ({rows})"
        );
        connection.execute_batch(&view).unwrap();
        let got = reason(&exporter.npm().run_once().await);
        // A slow machine has not so many rows in that time.
        assert!(got == want || got == "timeout", "{got}");
        assert_eq!(names(&exporter), known);
        let disk = &exporter.npm().state().disk;
        let mut free = disk.claim().is_some();
        for _ in 0..500 {
            if free {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            free = disk.claim().is_some();
        }
        assert!(free, "the thread goes on for ever");
        connection.execute_batch("DROP VIEW dead_host").unwrap();
    }
    connection.execute_batch("ALTER TABLE kept RENAME TO dead_host").unwrap();
    assert_eq!(reason(&exporter.npm().run_once().await), "ok");
}

/// One thread hangs on a dead disk, and not one more with each reading.
#[tokio::test]
async fn a_disk_that_does_not_answer_holds_one_thread() {
    let lab = Lab::new();
    let (path, _connection) = made(&lab);
    let exporter = exporter(&path);
    assert_eq!(reason(&exporter.npm().run_once().await), "ok");
    let hanging = exporter.npm().state().disk.claim().unwrap();
    for _ in 0..3 {
        let page = exporter.npm().run_once().await;
        assert_eq!(reason(&page), "timeout");
        assert!(exporter.npm().watched()[0].detail.starts_with("the disk has not answered"));
    }
    drop(hanging);
    assert_eq!(reason(&exporter.npm().run_once().await), "ok");
}
