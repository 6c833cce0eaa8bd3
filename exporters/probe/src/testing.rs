//! What the probers' tests share: an exporter from YAML, a probe of it, and servers on free loopback ports.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kit::config::Document;
use kit::{Ask, Exporter, Page, Prober, Trace, Verdict};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::ProbeExporter;
use crate::module::Tools;
use crate::reasons::is_known;

/// Builds an exporter; the errors' text if it cannot be built.
pub(crate) fn build(yaml: &str) -> Result<ProbeExporter, String> {
    let document = Document::embedded("test.yml", yaml);
    let raw = document.parse().map_err(|error| error.to_string())?;
    ProbeExporter::build(raw, &document, None).map_err(|error| error.to_string())
}

/// A module `m` with one section, written in YAML's flow style.
pub(crate) fn module(prober: &str, section: &str) -> String {
    format!("modules:\n  m: {{prober: {prober}, {prober}: {{preferred_ip_protocol: ip4, {section}}}}}\n")
}

/// Probes with the module `m`, for five seconds at most.
pub(crate) async fn probe(yaml: &str, target: &str) -> Verdict {
    probe_for(yaml, target, None, Duration::from_secs(5)).await
}

pub(crate) async fn probe_for(yaml: &str, target: &str, hostname: Option<&str>, time: Duration) -> Verdict {
    let exporter = build(yaml).unwrap_or_else(|error| panic!("{error}"));
    let trace = Trace::new();
    let began = Instant::now();
    let ask = Ask { module: "m", target, hostname, deadline: began + time, trace: &trace };
    let verdict = exporter.modules().probe(ask).await;
    assert!(began.elapsed() < time + Duration::from_secs(1), "overran its deadline");
    assert!(verdict.page.dropped().is_empty(), "{:?}", verdict.page.dropped());
    let catalogue = ProbeExporter::catalogue();
    for desc in verdict.page.descs() {
        assert!(catalogue.contains(&desc), "{} is not in the catalogue", desc.name);
    }
    if let Some(failure) = &verdict.failure {
        assert!(is_known(failure.reason), "{failure}");
    }
    verdict
}

/// What probes share, with nothing forbidden but what always is.
pub(crate) fn tools() -> Tools {
    Tools {
        resolver: Arc::new(wire::Resolver::hickory()),
        pinger: Arc::default(),
        allow: kit::allow::AllowList::default(),
    }
}

/// The reason of a verdict, or `ok`.
pub(crate) fn reason(verdict: &Verdict) -> &'static str {
    verdict.failure.as_ref().map_or("ok", |failure| failure.reason)
}

/// A sample without labels.
pub(crate) fn value(page: &Page, name: &str) -> Option<f64> {
    page.get(name, &[])
}

/// A phase of a duration.
pub(crate) fn phase(page: &Page, name: &str, phase: &str) -> Option<f64> {
    page.get(name, &[("phase", phase)])
}

/// Accepts on a free port and gives each connection to `handle`; returns `127.0.0.1:port`.
pub(crate) async fn serve<F, R>(handle: F) -> String
where
    F: Fn(TcpStream) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(handle(stream));
        }
    });
    addr.to_string()
}

/// A connection that is accepted and left alone.
pub(crate) async fn tarpit() -> String {
    serve(|stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await
}

/// What came, as text: heads and bodies, one after the other.
pub(crate) type Seen = Arc<Mutex<Vec<String>>>;

/// Answers each request by its path with raw bytes; a request that is asked for more than once is answered again.
pub(crate) async fn web(answer: impl Fn(&str) -> Vec<u8> + Clone + Send + 'static) -> (String, Seen) {
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let addr = serve(move |stream| {
        let (answer, log) = (answer.clone(), Arc::clone(&log));
        async move { exchange(stream, answer, log).await }
    })
    .await;
    (addr, seen)
}

/// The same over TLS, with a certificate for these names; also gives the certificate as PEM.
pub(crate) async fn secure_web(
    names: &[&str],
    h2: bool,
    answer: impl Fn(&str) -> Vec<u8> + Clone + Send + 'static,
) -> (String, Seen, String) {
    let (acceptor, pem) = acceptor(names, h2);
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let addr = serve(move |stream| {
        let (acceptor, answer, log) = (acceptor.clone(), answer.clone(), Arc::clone(&log));
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                let name = stream.get_ref().1.server_name().unwrap_or("-").to_owned();
                log.lock().unwrap().push(format!("sni {name}"));
                exchange(stream, answer, log).await;
            }
        }
    })
    .await;
    (addr, seen, pem)
}

/// A TLS server with a new self-signed certificate, and that certificate as PEM.
pub(crate) fn acceptor(names: &[&str], h2: bool) -> (TlsAcceptor, String) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    if h2 {
        config.alpn_protocols = vec![b"h2".to_vec()];
    }
    (TlsAcceptor::from(Arc::new(config)), made.cert.pem())
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    answer: impl Fn(&str) -> Vec<u8>,
    log: Seen,
) {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some(end) = text.find("\r\n\r\n") {
            let length = text
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
                })
                .unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                break;
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
    log.lock().unwrap().push(text);
    let _ = stream.write_all(&answer(&path)).await;
    let _ = stream.shutdown().await;
}

/// An answer with a length.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}
