//! The server against raw sockets: what it answers, what it closes, and what it survives.

mod beside;
mod limits;
mod reload;
mod routes;
mod secure;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::config::{ConfigError, Document, Secret};
use crate::prober::{Ask, Failure, Prober, Refusal, Verdict};
use crate::run::{Running, Settings, Source, start};
use crate::{
    About, Beat, BoxFuture, CollectError, Collector, Desc, Discovered, Exporter, Group, Notice, Page,
    Sampler, Scope, Watched,
};

const VALUE: Desc = Desc::gauge("tiny_value", "A value of the test exporter.").labels(&["from"]);
const ROUNDS: Desc =
    Desc::counter("tiny_rounds_total", "Rounds of the test exporter's loop.").labels(&["loop"]);

/// Probes that have been dropped before their end.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// The configuration of the test exporter.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Raw {
    /// The value it shows.
    #[serde(default)]
    value: f64,
    /// Names of its loops.
    #[serde(default)]
    loops: Vec<String>,
    /// A secret.
    #[serde(default)]
    password: Secret,
    /// Whether a collector hangs.
    #[serde(default)]
    hangs: bool,
}

struct Tiny {
    raw: Raw,
    loops: Vec<Arc<Loop>>,
    modules: Arc<Modules>,
}

impl Exporter for Tiny {
    const ABOUT: About = About {
        name: "tiny-exporter",
        summary: "For the tests.",
        version: "0.0.1",
        port: 0,
        config_file: "there-is-no-such-file.yml",
        builtin_config: "value: 1\nloops: [a]\n",
    };
    type Raw = Raw;

    fn catalogue() -> Vec<&'static Desc> {
        vec![&VALUE, &ROUNDS]
    }

    fn build(raw: Raw, _: &Document, previous: Option<&Self>) -> Result<Self, ConfigError> {
        let loops = raw.loops.iter().map(|name| {
            let known = previous.and_then(|previous| previous.loops.iter().find(|known| &known.name == name));
            known.map_or_else(|| Arc::new(Loop { name: name.clone(), rounds: AtomicU64::new(0) }), Arc::clone)
        });
        Ok(Self { loops: loops.collect(), raw, modules: Arc::new(Modules) })
    }

    fn collectors(&self) -> Vec<Arc<dyn Collector>> {
        let mut all: Vec<Arc<dyn Collector>> = vec![Arc::new(Now(self.raw.value))];
        if self.raw.hangs {
            all.push(Arc::new(Hangs));
        }
        all
    }

    fn samplers(&self) -> Vec<Arc<dyn Sampler>> {
        self.loops.iter().map(|one| Arc::clone(one) as Arc<dyn Sampler>).collect()
    }

    fn prober(&self) -> Option<Arc<dyn Prober>> {
        Some(Arc::clone(&self.modules) as Arc<dyn Prober>)
    }

    fn watched(&self) -> Vec<Watched> {
        vec![Watched {
            name: "<one>".into(),
            kind: "thing".into(),
            ok: Some(false),
            detail: "it is down".into(),
            link: Some("/probe?target=x".into()),
        }]
    }

    fn discovered(&self) -> Vec<Discovered> {
        let group =
            Group { targets: vec!["a.test:443".into()], labels: [("__meta_x".into(), "1".into())].into() };
        let known = Discovered { name: "known".into(), groups: Some([group].into()) };
        match self.raw.hangs {
            true => vec![known, Discovered { name: "later".into(), groups: None }],
            false => vec![known],
        }
    }

    fn discovered_by(&self, query: &str) -> Result<Vec<Discovered>, String> {
        match query {
            "" | "type=a" => Ok(self.discovered()),
            other => Err(format!("unknown parameter {other}")),
        }
    }

    fn notices(&self) -> Vec<Notice> {
        vec![Notice { name: "open_door", text: "Everybody may probe; close it.".into() }]
    }
}

struct Now(f64);

impl Collector for Now {
    fn name(&self) -> &str {
        "now"
    }
    fn collect(&self, _: Scope) -> BoxFuture<'_, Result<Page, CollectError>> {
        Box::pin(async {
            let mut page = Page::new();
            page.family(&VALUE).push(&["now"], self.0).push(&["now"], self.0);
            Ok(page)
        })
    }
}

struct Hangs;

impl Collector for Hangs {
    fn name(&self) -> &str {
        "hangs"
    }
    fn collect(&self, _: Scope) -> BoxFuture<'_, Result<Page, CollectError>> {
        Box::pin(std::future::pending())
    }
}

struct Loop {
    name: String,
    rounds: AtomicU64,
}

impl Sampler for Loop {
    fn name(&self) -> &str {
        &self.name
    }
    fn run(self: Arc<Self>, beat: Beat) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            // Once per start: whoever sees 2 knows that it was started twice.
            self.rounds.fetch_add(1, Ordering::Relaxed);
            beat.success();
            beat.stopped().await;
        })
    }
    fn generation(&self) -> u64 {
        self.rounds.load(Ordering::Relaxed)
    }
    fn page(&self) -> Page {
        let mut page = Page::new();
        page.family(&ROUNDS).push(&[&self.name], self.rounds.load(Ordering::Relaxed) as f64);
        page
    }
}

struct Modules;

struct Noticed;

impl Drop for Noticed {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

impl Prober for Modules {
    fn modules(&self) -> Vec<String> {
        ["good", "bad", "closed", "hangs", "stuck", "panics"].map(String::from).into()
    }
    fn default_module(&self) -> &str {
        "good"
    }
    fn timeout(&self, module: &str) -> Option<Option<Duration>> {
        match module {
            "stuck" => Some(Some(Duration::from_millis(50))),
            _ => self.modules().iter().any(|known| known == module).then_some(None),
        }
    }
    fn objection(&self, module: &str, hostname: &str) -> Option<String> {
        (hostname == "other.test").then(|| format!("{module} has a host of its own"))
    }
    fn module_yaml(&self, module: &str) -> String {
        format!("prober: {module}\n")
    }
    fn path(&self) -> &str {
        "/peer"
    }
    fn probe_with<'a>(&'a self, ask: Ask<'a>, query: &'a str) -> BoxFuture<'a, Verdict> {
        Box::pin(async move {
            let mut verdict = self.probe(ask).await;
            if query.contains("more=1") {
                verdict.page.family(&VALUE).push(&["more"], 1.0);
            }
            verdict
        })
    }
    fn probe<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Verdict> {
        Box::pin(async move {
            ask.trace.step("asked for", ask.target.to_owned());
            let mut page = Page::new();
            page.family(&VALUE).push(&[ask.target], 1.0);
            let refused = Refusal { rule: Cow::Borrowed("link_local"), detail: "no metadata for you".into() };
            let failure =
                |reason, refused| Failure { phase: "connect", reason, detail: "in words".into(), refused };
            let failure = match ask.module {
                "bad" => Some(failure("connect_refused", None)),
                "closed" => Some(failure("target_refused", Some(refused))),
                "panics" => panic!("on purpose"),
                "hangs" | "stuck" => {
                    let noticed = Noticed;
                    std::future::pending::<()>().await;
                    drop(noticed);
                    None
                }
                _ => None,
            };
            Verdict { failure, page }
        })
    }
}

/// Settings for a test: a port of the system's choice, the built-in configuration.
fn settings() -> Settings {
    let source = Source::Document(Document::embedded("built-in", Tiny::ABOUT.builtin_config));
    Settings {
        source,
        listen: vec!["127.0.0.1:0".into()],
        drain: Duration::from_secs(2),
        ..Settings::default()
    }
}

async fn serve(settings: Settings) -> Running {
    start::<Tiny>(settings).await.unwrap()
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// An answer, whole.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn has(&self, part: &str) -> bool {
        self.body.contains(part)
    }
}

async fn connect(running: &Running) -> TcpStream {
    TcpStream::connect(running.addresses()[0].as_str()).await.unwrap()
}

/// Sends a request and reads its answer; leaves the connection open.
async fn ask<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, request: &str) -> Option<Answer> {
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut answer = Answer { status: head[9..12].parse().unwrap(), head, body: String::new() };
    if !request.starts_with("HEAD") {
        let length = answer.header("content-length").unwrap().parse().unwrap();
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        answer.body = String::from_utf8_lossy(&body).into_owned();
    }
    Some(answer)
}

/// `METHOD /path`, with further header lines, on a connection of its own.
async fn request(running: &Running, line: &str, headers: &str) -> Answer {
    let mut stream = connect(running).await;
    ask(&mut stream, &format!("{line} HTTP/1.1\r\nhost: x\r\n{headers}\r\n")).await.unwrap()
}

async fn get(running: &Running, path: &str) -> Answer {
    request(running, &format!("GET {path}"), "").await
}

/// The value of a sample in classic text.
fn sample(page: &str, series: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

/// Waits until something holds; not for ever.
async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let begin = Instant::now();
    while !holds().await {
        assert!(begin.elapsed() < Duration::from_secs(10), "{what}: not within 10 s");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
