//! A page that stands for the exporters in the same process.

use super::*;
use crate::Beside;

struct Board;

#[derive(Deserialize, Serialize, JsonSchema)]
struct Nothing {}

impl Exporter for Board {
    const ABOUT: About = About { name: "board", builtin_config: "{}", ..Tiny::ABOUT };
    type Raw = Nothing;

    fn catalogue() -> Vec<&'static Desc> {
        Vec::new()
    }

    fn build(_: Nothing, _: &Document, _: Option<&Self>) -> Result<Self, ConfigError> {
        Ok(Self)
    }

    fn beside(&self, host: &str) -> Vec<Beside> {
        let page = format!("http://{host}:9115/");
        let watched = Watched {
            name: "web".into(),
            kind: "tcp".into(),
            ok: Some(false),
            detail: "down".into(),
            link: Some(format!("{page}probe?target=a")),
        };
        let good = Beside {
            name: "one-exporter",
            page,
            source: "one.yml".into(),
            yaml: "a: 1\n".into(),
            is_good: true,
            detail: "1 problem (0 of 1 works)".into(),
            watched: vec![watched],
        };
        let page = "unix:/run/<two>".to_owned();
        let bad = Beside { name: "two-exporter", page, is_good: false, watched: Vec::new(), ..good.clone() };
        vec![good, bad]
    }
}

#[tokio::test]
async fn a_page_of_others() {
    let source = Source::Document(Document::embedded("built-in", "{}"));
    let running = start::<Board>(Settings { source, ..settings() }).await.unwrap();
    // `host: x` is what the request says.
    let page = get(&running, "/").await;
    for part in [
        "<td class=\"state up\">runs</td><td class=\"name\">one-exporter</td>",
        "<td><a href=\"http://x:9115/\">http://x:9115/</a></td><td>one.yml</td>",
        "<td class=\"state down\">configuration refused</td>",
        "<td>unix:/run/&lt;two&gt;</td>",
        "<td class=\"name\"><a href=\"http://x:9115/probe?target=a\">web</a></td>",
        // One thing is watched, by two exporters.
        "<dt>Exporters</dt><dd class=\"\">2</dd>",
        "<dt>Watched</dt><dd class=\"\">1</dd>",
        "it has board's own numbers",
    ] {
        assert!(page.has(part), "{part}: {}", page.body);
    }
    assert!(!page.has("built-in"), "{}", page.body);
    let configuration = get(&running, "/config").await.body;
    assert_eq!(configuration, "---\n# one-exporter: one.yml\na: 1\n---\n# two-exporter: one.yml\na: 1\n");
    // What it does not have is not counted.
    let metrics = get(&running, "/metrics").await.body;
    assert!(!metrics.contains("path=\"/probe\"") && !metrics.contains("path=\"/logs\""), "{metrics}");
    running.stop().await;
}
