//! What a probed machine answers: the one side that may be hostile.

use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use kit::config::Document;
use kit::{Ask, Exporter as _, Prober as _, Trace};
use probe_exporter::{ProbeExporter, fuzzing};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use wire::http::{Connection, Protocol};
use wire::starttls;
use wire::tls::{Alpn, Certificate, Client, Settings, Version, cleartext};

use crate::canned::Canned;
use crate::{block_on, split};

/// More than an answer can make out of what it sends, unless something is wrong.
const LIMIT: u64 = 1 << 20;

/// A DNS server's answer to the resolver.
pub(crate) fn resolver_answer(bytes: &[u8]) {
    let _ = wire::fuzzing::answer(bytes);
}

/// Nginx Proxy Manager's hosts. No row is lost: each is a host, or told as odd, or is a deleted certificate's.
pub(crate) fn npm_hosts(bytes: &[u8]) {
    let [hosts, certificates, odd] = tls_exporter::fuzzing::npm_hosts(bytes);
    assert!(hosts + certificates + odd <= bytes.len());
}

/// What an authority answers to when a certificate should be renewed, and when it wants to be asked again.
pub(crate) fn ari(bytes: &[u8]) {
    let (body, retry_after) = split(bytes);
    let (window, seconds) = tls_exporter::fuzzing::ari(body, retry_after);
    assert!(window.is_none_or(|window| window.start < window.end), "{window:?}");
    assert!((60..=86_400).contains(&seconds), "to be asked again in {seconds} s");
}

/// A datagram on an ICMP socket.
pub(crate) fn icmp(bytes: &[u8]) {
    let _ = wire::fuzzing::icmp(bytes);
}

/// A certificate.
pub(crate) fn certificate(bytes: &[u8]) {
    if let Ok(certificate) = Certificate::parse(bytes) {
        assert_eq!(certificate.fingerprint_hex().len(), 64);
        assert!(certificate.subject.len() + certificate.issuer.len() <= bytes.len() * 16, "{certificate:?}");
    }
}

/// A TLS server; its first flight is all that it has to say.
pub(crate) fn tls_server(bytes: &[u8]) {
    thread_local! {
        static CLIENT: Rc<Client> = Rc::new(Client::new(&Settings::default()).unwrap());
    }
    let client = CLIENT.with(Rc::clone);
    let deadline = Instant::now() + Duration::from_secs(5);
    block_on(async {
        let _ = client.handshake_by(Canned::new(bytes), "probe.test", &Alpn::None, deadline).await;
    });
    assert!(Instant::now() < deadline, "a handshake with a stream that ends does not end");
}

/// A server before TLS; the first byte says which protocol is spoken.
pub(crate) fn starttls(bytes: &[u8]) {
    let Some((which, answer)) = bytes.split_first() else { return };
    let protocol = starttls::Protocol::ALL[usize::from(*which) % starttls::Protocol::ALL.len()];
    block_on(async {
        match starttls::upgrade(&mut Canned::new(answer), protocol, "probe.test").await {
            // A stream that has its whole answer ready has nothing behind the go-ahead and is at its end.
            Ok(greeting) => panic!("{protocol} takes the end of the stream for silence: {greeting:?}"),
            Err(error) => {
                // What came is shown, but cut.
                assert!(error.detail.len() < 2000, "{error}");
                assert!(!error.to_string().contains(char::is_control), "{error}");
            }
        }
    });
}

/// A TLS server whose first flight is read without answering it.
pub(crate) fn tls_cleartext(bytes: &[u8]) {
    block_on(async {
        if let Ok(seen) = cleartext::read(&mut Canned::new(bytes), "probe.test").await {
            let read: usize = seen.certificates.iter().flatten().map(|der| der.len()).sum();
            assert!(read <= bytes.len(), "{read} bytes of {}", bytes.len());
            let _ = seen.chain();
        }
        for version in [Version::Tls10, Version::Tls13] {
            let _ = cleartext::accepts(&mut Canned::new(bytes), "probe.test", version).await;
        }
    });
}

/// A certificate with its length in two bytes before it, then a stapled OCSP response.
pub(crate) fn ocsp(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return };
    let (certificate, response) = rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()));
    let _ = wire::fuzzing::ocsp(response, certificate);
}

/// A proxy of SOCKS 5.
pub(crate) fn socks(bytes: &[u8]) {
    block_on(async {
        if let Err(error) = wire::fuzzing::socks(Canned::new(bytes)).await {
            assert!(error.len() < 300, "{error}");
        }
    });
}

/// An answer over HTTP/1.1.
pub(crate) fn http1(bytes: &[u8]) {
    exchange(bytes, Protocol::Http1);
}

/// An answer over HTTP/2.
pub(crate) fn http2(bytes: &[u8]) {
    exchange(bytes, Protocol::Http2);
}

fn exchange(bytes: &[u8], protocol: Protocol) {
    block_on(async {
        let request = Request::builder().uri("http://probe.test/").body(Bytes::new()).unwrap();
        let Ok(mut connection) = Connection::open(Canned::new(bytes), protocol).await else { return };
        if connection.send(request).await.is_err() {
            return;
        }
        while let Ok(Some(chunk)) = connection.chunk().await {
            assert!(!chunk.is_empty());
        }
        assert!(connection.received() <= bytes.len() as u64);
        connection.close().await;
    });
}

/// A body: the first byte says how it is compressed, the second how large the pieces are that it comes in.
pub(crate) fn http_body(bytes: &[u8]) {
    let [compression, step, body @ ..] = bytes else { return };
    let out = fuzzing::http_body(compression % 4, usize::from(*step), body, LIMIT);
    assert!(out as u64 <= LIMIT);
}

/// `Location`, a zero, `Set-Cookie`.
pub(crate) fn http_redirect(bytes: &[u8]) {
    let (location, cookie) = split(bytes);
    if let Some((to, cookies)) = fuzzing::http_redirect(location, cookie) {
        assert!(to.starts_with("http"), "{to}");
        assert!(cookies.len() <= cookie.len() + 1, "{cookies}");
    }
}

/// A target, which comes from a URL.
pub(crate) fn http_target(bytes: &[u8]) {
    if let Some(url) = fuzzing::http_target(&String::from_utf8_lossy(bytes)) {
        // What was read is read again as the same.
        assert_eq!(fuzzing::http_target(&url).as_deref(), Some(url.as_str()));
    }
}

/// A DNS server's answer to the dns prober.
pub(crate) fn dns_answer(bytes: &[u8]) {
    let text = fuzzing::dns_answer(bytes);
    // A record of 12 bytes may point at a name of 255, of which each byte may be written as four.
    assert!(text.len() <= (bytes.len() + 1) * 400, "{} bytes of {}", text.len(), bytes.len());
}

/// A record's type in two bytes, then its data.
pub(crate) fn dns_rdata(bytes: &[u8]) {
    let [high, low, data @ ..] = bytes else { return };
    // Types that have a form of their own are all below 512.
    let _ = fuzzing::dns_rdata(u16::from_be_bytes([high & 1, *low]), data);
}

const MODULES: &str = r#"
modules:
  http:
    prober: http
    http:
      follow_redirects: false
      body_size_limit: 1MB
      fail_if_body_matches_regexp: ["(a+)+$"]
      fail_if_header_matches: [{header: X-Fuzz, regexp: "x", allow_missing: true}]
      fail_if_body_json_matches_cel: "body.a == 1"
  tcp:
    prober: tcp
    tcp:
      query_response:
        - {expect: "^220 (.*)$", send: "EHLO ${1}", labels: [{name: banner, value: "${1}"}]}
        - {expect: "^250"}
        - {send: "x"}
"#;

/// A whole probe of an HTTP server, judged and written as a page.
pub(crate) fn http_probe(bytes: &[u8]) {
    probe(bytes, "http");
}

/// A whole dialogue.
pub(crate) fn tcp_dialogue(bytes: &[u8]) {
    probe(bytes, "tcp");
}

fn probe(bytes: &[u8], module: &'static str) {
    thread_local! {
        static EXPORTER: ProbeExporter = {
            let document = Document::embedded("fuzz.yml", MODULES);
            ProbeExporter::build(document.parse().unwrap(), &document, None).unwrap()
        };
    }
    let answer = bytes.to_vec();
    block_on(async move {
        let modules = EXPORTER.with(|exporter| exporter.modules().clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = listener.local_addr().unwrap().to_string();
        let server = async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.write_all(&answer).await;
            let _ = stream.shutdown().await;
            // What the probe sends is read, so that closing does not reset what it has not read yet.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        };
        let trace = Trace::new();
        let deadline = Instant::now() + Duration::from_secs(5);
        let ask = Ask { module, target: &target, hostname: None, deadline, trace: &trace };
        let (verdict, ()) = futures_util::future::join(modules.probe(ask), server).await;
        assert!(verdict.page.dropped().is_empty(), "{:?}", verdict.page.dropped());
        assert!(Instant::now() < deadline, "a probe of a server that closes takes until its deadline");
    });
}

/// An answer of Proxmox VE's API: the first byte says to what, the rest is its body.
pub(crate) fn pve_answer(bytes: &[u8]) {
    let Some((kind, body)) = bytes.split_first() else { return };
    let _ = proxmox_exporter::fuzzing::answer(*kind, body);
    let _ = proxmox_exporter::fuzzing::permissions(body);
    let _ = proxmox_exporter::fuzzing::unpacked(body);
}
