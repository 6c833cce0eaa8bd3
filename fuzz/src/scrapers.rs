//! What comes to the server: from Prometheus, from people, from whoever else reaches the port.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use kit::config::{ConfigError, Document};
use kit::run::{Running, Settings, Source};
use kit::{About, Ask, BoxFuture, Desc, Exporter, Page, Prober, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::{block_on, split};

/// A request's query.
pub(crate) fn query(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert!(kit::fuzzing::query(&text).len() <= text.len() * 3, "{text:?}");
}

/// `Accept`, a zero, `Accept-Encoding`.
pub(crate) fn accept(bytes: &[u8]) {
    let (accept, encoding) = split(bytes);
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let negotiated = kit::expose::negotiate(text(accept), text(encoding));
    assert!(negotiated.content_type().contains("; "));
}

/// `X-Prometheus-Scrape-Timeout-Seconds`.
pub(crate) fn timeout(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let offset = Duration::from_millis(500);
    for module in [None, Some(Duration::from_secs(5))] {
        let Ok(allowed) = kit::prober::probe_timeout(Some(&text), offset, module, Duration::from_secs(120))
        else {
            continue;
        };
        let seconds: f64 = text.trim().parse().unwrap();
        assert!(
            !allowed.is_zero() && allowed.as_secs_f64() <= seconds + 1e-9 + seconds * 1e-15,
            "{text:?}: {allowed:?}"
        );
        assert!(module.is_none_or(|module| allowed <= module));
    }
}

/// `Authorization`.
pub(crate) fn authorization(bytes: &[u8]) {
    if let Some((user, password)) = kit::fuzzing::authorization(bytes) {
        assert!(user.len() + password.len() < bytes.len());
    }
}

/// A whole connection to the server: any number of requests, in any state of disorder.
pub(crate) fn request(bytes: &[u8]) {
    thread_local! {
        static SERVER: RefCell<Option<Running>> = const { RefCell::new(None) };
    }
    block_on(async {
        let running = SERVER.with(|server| server.borrow_mut().take());
        let running = match running {
            Some(running) => running,
            None => kit::run::start::<Echo>(settings()).await.unwrap(),
        };
        let mut stream = TcpStream::connect(&running.addresses()[0]).await.unwrap();
        let mut answer = Vec::new();
        // The server may have seen enough before all is written.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "the server neither answers nor closes");
        if let Some(first) = answer.split(|byte| *byte == b'\r').next().filter(|first| !first.is_empty()) {
            let first = String::from_utf8_lossy(first);
            assert!(first.starts_with("HTTP/1.") && !first.contains(" 500"), "{first}");
        }
        SERVER.with(|server| *server.borrow_mut() = Some(running));
    });
}

fn settings() -> Settings {
    Settings {
        source: Source::Document(Document::embedded("built-in", Echo::ABOUT.builtin_config)),
        listen: vec!["127.0.0.1:0".to_owned()],
        ..Settings::default()
    }
}

/// An exporter whose prober does nothing: whatever the requests name, nobody is asked.
struct Echo;

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Raw {}

impl Exporter for Echo {
    const ABOUT: About = About {
        name: "echo-exporter",
        summary: "Answers by itself.",
        version: "0",
        port: 1,
        config_file: "echo.yml",
        builtin_config: "{}\n",
    };
    type Raw = Raw;

    fn catalogue() -> Vec<&'static Desc> {
        Vec::new()
    }

    fn build(_: Raw, _: &Document, _: Option<&Self>) -> Result<Self, ConfigError> {
        Ok(Self)
    }

    fn prober(&self) -> Option<Arc<dyn Prober>> {
        Some(Arc::new(Nothing))
    }
}

struct Nothing;

impl Prober for Nothing {
    fn modules(&self) -> Vec<String> {
        vec!["m".to_owned()]
    }

    fn default_module(&self) -> &str {
        "m"
    }

    fn timeout(&self, module: &str) -> Option<Option<Duration>> {
        (module == "m").then_some(None)
    }

    fn module_yaml(&self, _: &str) -> String {
        "{}\n".to_owned()
    }

    fn probe<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Verdict> {
        Box::pin(async move {
            ask.trace.step("asked for", ask.target.to_owned());
            Verdict { failure: None, page: Page::new() }
        })
    }
}
