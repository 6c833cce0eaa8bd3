use super::*;
use crate::testing::{Lab, build, close, make, there};

fn once(what: &[&str]) -> Once {
    Once { what: what.iter().map(Into::into).collect(), ..Once::default() }
}

async fn looked(once: &Once, yaml: &str) -> (Vec<Outcome>, Vec<Report>) {
    let exporter = build(yaml).unwrap();
    let outcomes = run(plan(once, &exporter).unwrap(), &exporter).await;
    let reports = outcomes.iter().map(Outcome::report).collect();
    (outcomes, reports)
}

#[test]
fn what_is_planned() {
    let exporter = build("targets: [{target: 'a.test:1', name: site}]").unwrap();
    for (what, module, want) in [
        (&["site", "b.test", "/x.pem"][..], None, Ok("site=a.test:1 b.test=b.test /x.pem")),
        (
            &["/x", "/no/x.pem", "/dev/null", "no.host:1"],
            None,
            Ok("/x /no/x.pem /dev/null no.host:1=no.host:1"),
        ),
        (&[], None, Ok("site=a.test:1")),
        (&["b.test"], Some("tsl"), Err("unknown module \"tsl\": did you mean \"tls\"?")),
        (&["http://a"], None, Err("\"http://a\": ")),
    ] {
        let once = Once { module: module.map(str::to_owned), ..once(what) };
        let plan = plan(&once, &exporter).map(|plan| {
            let shown = plan.iter().map(|item| match item {
                Item::Target(target) => format!("{}={}", target.name, target.target),
                Item::File(path) => path.display().to_string(),
                Item::Source(source) => source.name.clone(),
            });
            shown.collect::<Vec<_>>().join(" ")
        });
        match (plan, want) {
            (Ok(plan), Ok(want)) => assert_eq!(plan, want),
            (Err(error), Err(want)) => assert!(error.starts_with(want), "{error}"),
            (plan, _) => panic!("{what:?}: {plan:?}"),
        }
    }
    assert!(plan(&once(&[]), &build("{}").unwrap()).unwrap_err().starts_with("nothing to look at"));
}

#[tokio::test]
async fn files_good_and_bad() {
    let lab = Lab::new();
    let (good, old) = (make("a.test", false, None, (-1, 89)), make("b.test", false, None, (-90, -1)));
    let other = make("c.test", false, None, (-1, 89));
    let paths = [
        lab.write("good.pem", &(good.pem.clone() + &good.key)),
        lab.write("old.pem", &old.pem),
        lab.write("other.pem", &(good.pem.clone() + &other.key)),
        lab.write("none.pem", "hello"),
        lab.write("locked.pem", &good.pem),
    ];
    lab.write(
        "locked.key",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let what: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    let (outcomes, reports) = looked(&once(&what), "{}").await;
    assert_eq!(reports.iter().map(|report| report.ok).collect::<Vec<_>>(), [true, false, false, false, true]);
    let text = report::text(&reports, false);
    for part in [
        "good.pem (file): OK",
        "+ key          the key is the certificate's",
        "  names        a.test",
        " days (fraction)",
        "+ due          is to be renewed",
        "! valid        from",
        "! key          the key is another certificate's",
        "! reason       no_certificate: Nothing of a known format",
        "  reason       key_encrypted: ",
        "5 looked at: 2 ok, 3 failed",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert!(!text.contains('\x1b') && report::text(&reports, true).contains("\x1b[31mFAIL"));
    let list: serde_json::Value = serde_json::from_str(&json(&outcomes, &reports)).unwrap();
    let metrics = list[0]["metrics"].as_array().unwrap();
    assert!(metrics.iter().any(|metric| metric["name"] == "tls_file_key_matches" && metric["value"] == 1.0));
    assert_eq!(list[3]["facts"][0]["fact"], "reason");
    // Without arguments, what is configured.
    let yaml = format!("files: [{{name: lab, paths: ['{}/*.pem']}}]", lab.path().display());
    assert_eq!(looked(&once(&[]), &yaml).await.1.len(), 5);
}

#[tokio::test]
async fn what_is_configured_is_told_as_it_is_scraped() {
    let lab = Lab::new();
    let made = make("a.test", false, None, (-1, 89));
    lab.write("live/a.pem", &made.pem);
    lab.write("live/b.pem", &made.key);
    let place = lab.path().display();
    let only_keys = format!("{{name: keys, paths: ['{place}/*/b.pem']}}");
    for (source, ok, want) in [
        (format!("{{name: live, paths: ['{place}/live/*.pem']}}"), true, &["live/a.pem (file): OK"][..]),
        (format!("{{name: own, paths: ['{place}/live/b.pem']}}"), false, &["! reason       only_key: "]),
        (
            only_keys.clone(),
            false,
            &["keys (files): FAIL", "! files        no certificate is in the files that match its patterns"],
        ),
        (
            format!("{{name: none, paths: ['{place}/none/*.pem']}}"),
            false,
            &["none (files): FAIL", "! files        no file matches its patterns"],
        ),
        (
            only_keys.replace('}', ", only_certificates: true}"),
            true,
            &["keys (files): OK", "  files        no certificate is in"],
        ),
    ] {
        let (_, reports) = looked(&once(&[]), &format!("files: [{source}]")).await;
        let text = report::text(&reports, false);
        assert_eq!((reports.len(), reports[0].ok), (1, ok), "{text}");
        assert!(want.iter().all(|part| text.contains(part)), "{want:?} is not in\n{text}");
    }
    // A folder that nobody can look into, and what could be seen beside it.
    close(&lab.path().join("live"));
    lab.write("more/a.pem", &made.pem);
    let yaml = format!("files: [{{name: all, paths: ['{place}/{{live,more}}/*.pem']}}]");
    let text = report::text(&looked(&once(&[]), &yaml).await.1, false);
    assert!(text.contains("more/a.pem (file): OK") && text.contains("all (files): FAIL"), "{text}");
}

#[tokio::test]
async fn a_target_fact_by_fact() {
    if !there("openssl", "a_target_fact_by_fact") {
        return;
    }
    let lab = Lab::new();
    let made = make("a.test", false, None, (-1, 89));
    lab.write("cert.pem", &made.pem);
    lab.write("key.pem", &made.key);
    let server = lab.serve("");
    let pinned =
        format!("modules: {{tls: {{tls_config: {{ca_file: '{}/cert.pem'}}}}}}", lab.path().display());
    for (yaml, name, ok, parts) in [
        (pinned.as_str(), "a.test", true, ["+ trust        pinned", "+ name ", "  handshake    TLS 1.3"]),
        (
            "{}",
            "b.test",
            false,
            ["! trust        self_signed", "! name ", "! reason       tls_cert_untrusted"],
        ),
    ] {
        let once = Once { hostname: Some(name.to_owned()), ..once(&[&server.addr, "127.0.0.1:1"]) };
        let (outcomes, reports) = looked(&once, yaml).await;
        assert_eq!((reports[0].ok, reports[1].ok), (ok, false));
        let text = report::text(&reports, false);
        for part in parts.into_iter().chain(["! reason       connect_refused: "]) {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        let list: serde_json::Value = serde_json::from_str(&json(&outcomes, &reports)).unwrap();
        assert_eq!(list[0]["ok"], ok);
    }
}
