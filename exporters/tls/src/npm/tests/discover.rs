use kit::Exporter as _;

use super::{Asked, Script, json, reason, usual};
use crate::TlsExporter;
use crate::renewal::Policy;
use crate::stored::Partner;

/// Name, address, the name to ask for.
fn targets(exporter: &TlsExporter) -> Vec<(String, String, Option<String>)> {
    let row = |entry: &std::sync::Arc<crate::targets::Entry>| {
        let target = &entry.target;
        (target.name.clone(), target.target.clone(), target.hostname.clone())
    };
    exporter.schedule().entries().iter().map(row).collect()
}

#[tokio::test]
async fn hosts_become_targets_and_files_and_a_list() {
    let script = Script::new(usual);
    let exporter = script.exporter("address: '[2001:db8::80]:8443', letsencrypt: /, custom_ssl: /nowhere");
    assert!(targets(&exporter).is_empty());
    exporter.npm().run_once().await;
    let row = |name: &str, port: u16, hostname: &str| {
        (name.to_owned(), format!("[2001:db8::80]:{port}"), Some(hostname.to_owned()))
    };
    assert_eq!(
        targets(&exporter),
        [
            row("blog.test", 8443, "blog.test"),
            row("www.blog.test", 8443, "www.blog.test"),
            row("*.any.test", 8443, "farol-wildcard.any.test"),
            row("wiki.test:8883", 8883, "wiki.test"),
        ]
    );
    let entries = exporter.schedule().entries();
    let [blog, .., stream] = &*entries else { panic!() };
    assert_eq!((blog.target.renewal, stream.target.renewal), (Policy::Npm, Policy::Usual));
    assert_eq!(blog.target.stored, Partner::File("/live/npm-2/fullchain.pem".into()));
    assert_eq!(stream.target.stored, Partner::File("/nowhere/npm-1/fullchain.pem".into()));
    assert_eq!(blog.target.labels, [("npm".to_owned(), "home".to_owned())]);
    // Of the folder that is not there nothing is watched; of the other the file that is not there is told.
    let (page, _) = exporter.files().run_once().await;
    let faults: Vec<_> = page.samples().filter(|row| row.desc.name == "tls_file_error_info").collect();
    let labels: Vec<_> =
        faults.iter().flat_map(|row| row.labels().map(|(_, value)| value.to_owned())).collect();
    assert_eq!(labels, ["home", "/live/npm-2/fullchain.pem", "not_found"]);
    let groups = exporter.discovered()[0].groups.clone().unwrap();
    let list: Vec<_> = groups.iter().map(|group| group.targets[0].as_str()).collect();
    assert_eq!(list, ["blog.test:443", "www.blog.test:443", "plain.test:80", "[2001:db8::80]:8883"]);
    let label = |index: usize, name: &str| groups[index].labels.get(name).map(String::as_str);
    assert_eq!(label(0, "__meta_npm_url"), Some("https://blog.test/"));
    assert_eq!(label(0, "__meta_npm_certificate_provider"), Some("letsencrypt"));
    assert_eq!(label(2, "__meta_npm_url"), Some("http://plain.test/"));
    assert_eq!(label(2, "__meta_npm_online"), Some("false"));
    assert_eq!((label(3, "__meta_npm_port"), label(3, "npm")), (Some("8883"), Some("home")));
    assert_eq!(serde_json::to_value(&groups[..1]).unwrap()[0]["targets"][0], "blog.test:443");
}

#[tokio::test]
async fn what_comes_and_goes_keeps_what_is_known_of_the_others() {
    let script = Script::new(usual);
    let yaml = format!(
        "targets: [{{target: 'blog.test:443', name: blog.test, timeout: 1s}}]\ndns_servers: ['127.0.0.1:1']\nmodules: {{m: {{timeout: 1s}}}}\n\
         npm: [{{name: home, url: 'http://127.0.0.1:{}', identity: a, secret: x, address: '127.0.0.1:1', module: m}}]",
        script.port
    );
    let build = |previous: Option<&TlsExporter>| {
        let document = kit::config::Document::embedded("test.yml", &yaml);
        TlsExporter::build(document.parse().unwrap(), &document, previous).unwrap()
    };
    let exporter = build(None);
    exporter.npm().run_once().await;
    let names = |exporter: &TlsExporter| targets(exporter).into_iter().map(|row| row.0).collect::<Vec<_>>();
    let all = ["blog.test", "blog.test at home", "www.blog.test", "*.any.test", "wiki.test:8883"];
    assert_eq!(names(&exporter), all, "a name that is taken has the source's behind it");
    let page = exporter.schedule().run_once().await;
    let looks = |page: &kit::Page, target: &str| {
        let module = if target == "blog.test" { "tls" } else { "m" };
        page.get("tls_probe_attempts_total", &[("target", target), ("module", module)])
    };
    assert!(page.dropped().is_empty() && all.iter().all(|name| looks(&page, name) == Some(1.0)));
    assert_eq!(
        page.get(
            "tls_target_info",
            &[("target", "wiki.test:8883"), ("module", "m"), ("endpoint", "127.0.0.1:8883"), ("npm", "home")]
        ),
        Some(1.0)
    );
    // The streams go, and a host comes.
    script.now(|asked: &Asked| match asked.path.split('?').next().unwrap() {
        "/api/nginx/streams" => json(200, "[]"),
        "/api/nginx/dead-hosts" => json(
            200,
            r#"[{"id":9,"domain_names":["new.test"],"enabled":true,"certificate_id":7,"meta":{},"certificate":null}]"#,
        ),
        _ => usual(asked),
    });
    assert_eq!(reason(&exporter.npm().run_once().await), "ok");
    let page = exporter.schedule().run_once().await;
    assert_eq!((looks(&page, "wiki.test:8883"), looks(&page, "new.test")), (None, Some(1.0)));
    assert_eq!((looks(&page, "www.blog.test"), looks(&page, "blog.test")), (Some(2.0), Some(2.0)));
    // A reload knows it all, before anything is read again.
    let reloaded = build(Some(&exporter));
    assert_eq!(names(&reloaded), names(&exporter));
    assert!(reloaded.discovered()[0].groups.is_some());
    let page = reloaded.schedule().run_once().await;
    assert_eq!((looks(&page, "www.blog.test"), looks(&page, "blog.test at home")), (Some(3.0), Some(3.0)));
}
