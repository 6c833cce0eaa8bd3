//! Redirects, TLS, HTTP/2, proxies.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

use crate::testing::{
    acceptor, answer, build, module, probe, probe_for, reason, secure_web, serve, value, web,
};

fn redirect(status: &str, to: &str, more: &str) -> Vec<u8> {
    answer(status, &format!("Location: {to}\r\n{more}"), b"moved")
}

fn pages(path: &str) -> Vec<u8> {
    match path {
        "/a" => redirect("302 Found", "/b", "Set-Cookie: s=1; Path=/\r\n"),
        "/b" => answer("200 OK", "", b"here"),
        "/loop" => redirect("302 Found", "/loop", ""),
        "/307" => redirect("307 Temporary Redirect", "/b", ""),
        "/file" => redirect("302 Found", "file:///etc/passwd", ""),
        "/meta" => redirect("302 Found", "http://169.254.169.254/latest", ""),
        _ => answer("404 Not Found", "", b""),
    }
}

#[tokio::test]
async fn redirects_are_followed_within_limits() {
    let (addr, seen) = web(pages).await;
    for (path, section, want, redirects, status) in [
        ("/a", "", "ok", 1.0, 200.0),
        ("/a", "follow_redirects: false, valid_status_codes: [302]", "ok", 1.0, 302.0),
        ("/a", "no_follow_redirects: true", "status", 1.0, 302.0),
        ("/loop", "", "redirects", 11.0, 302.0),
        ("/file", "", "redirects", 1.0, 0.0),
        ("/meta", "", "target_refused", 1.0, 0.0),
    ] {
        let verdict = probe(&module("http", section), &format!("http://{addr}{path}")).await;
        assert_eq!(reason(&verdict), want, "{path}: {:?}", verdict.failure);
        assert_eq!(value(&verdict.page, "probe_http_redirects"), Some(redirects), "{path}");
        assert_eq!(value(&verdict.page, "probe_http_status_code"), Some(status), "{path}");
        let body = if status == 200.0 { 4.0 } else { 0.0 };
        assert_eq!(value(&verdict.page, "probe_http_uncompressed_body_length"), Some(body), "{path}");
    }
    assert!(
        seen.lock()
            .unwrap()
            .iter()
            .any(|request| request.starts_with("GET /b") && request.contains("Cookie: s=1"))
    );
}

#[tokio::test]
async fn a_method_and_body_survive_307_only() {
    let (addr, seen) = web(pages).await;
    for (path, want) in [("/a", "GET /b"), ("/307", "POST /b")] {
        seen.lock().unwrap().clear();
        let yaml = module("http", "method: POST, body: '{}', headers: {Content-Type: application/json}");
        assert_eq!(reason(&probe(&yaml, &format!("http://{addr}{path}")).await), "ok");
        let requests = seen.lock().unwrap().clone();
        assert!(
            requests[0].starts_with(&format!("POST {path}")) && requests[0].ends_with("{}"),
            "{requests:?}"
        );
        assert!(requests[1].starts_with(want), "{requests:?}");
        assert_eq!(requests[1].ends_with("{}"), want.starts_with("POST"), "{requests:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_checked_against_the_allow_list_and_secrets_stay_home() {
    let (other, others) = web(pages).await;
    let to = format!("http://localhost:{}/b", other.rsplit_once(':').unwrap().1);
    let (addr, _) = web(move |_| redirect("302 Found", &to, "")).await;
    let section =
        "headers: {Authorization: Bearer secret, X-Api-Key: secret, Host: home.test, X-Plain: kept}";
    let yaml = module("http", section);
    let verdict = probe(&yaml, &format!("http://{addr}/")).await;
    assert_eq!(verdict.failure, None);
    let request = others.lock().unwrap()[0].to_ascii_lowercase();
    assert!(request.contains("x-plain: kept") && request.contains("host: localhost:"), "{request}");
    assert!(!request.contains("secret") && !request.contains("home.test"), "{request}");

    let closed = format!("{yaml}allowed_targets:\n- '127.0.0.1:{}'\n", addr.rsplit_once(':').unwrap().1);
    let verdict = probe(&closed, &format!("http://{addr}/")).await;
    let failure = verdict.failure.unwrap();
    assert_eq!(failure.reason, "target_refused");
    assert!(failure.refused.is_some());
}

#[tokio::test]
async fn a_host_of_its_own_is_sent_and_a_conflict_refused() {
    let (addr, seen) = web(pages).await;
    let target = format!("http://{addr}/b");
    let time = Duration::from_secs(5);
    for (section, hostname, want) in [
        ("", Some("name.test"), "host: name.test"),
        ("headers: {Host: own.test}", None, "host: own.test"),
        ("headers: {Host: own.test}", Some("own.test"), "host: own.test"),
    ] {
        seen.lock().unwrap().clear();
        assert_eq!(reason(&probe_for(&module("http", section), &target, hostname, time).await), "ok");
        let request = seen.lock().unwrap()[0].to_ascii_lowercase();
        assert!(request.contains(want) && request.contains("user-agent: farol-probe-exporter/"), "{request}");
    }
    let conflict =
        probe_for(&module("http", "headers: {Host: own.test}"), &target, Some("b.test"), time).await;
    assert_eq!(reason(&conflict), "target_invalid");
}

/// The certificate of a test server, in a file.
fn stored(pem: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, pem).unwrap();
    let text = path.display().to_string();
    (folder, text)
}

#[tokio::test]
async fn tls_is_verified_and_told() {
    let (addr, seen, pem) = secure_web(&["probe.test", "127.0.0.1"], false, pages).await;
    let (_folder, ca) = stored(&pem);
    let target = format!("https://{addr}/b");
    for (section, want, verified) in [
        (format!("tls_config: {{ca_file: {ca}}}"), "ok", 1.0),
        (format!("tls_config: {{ca_file: {ca}, server_name: probe.test}}"), "ok", 1.0),
        (format!("tls_config: {{ca_file: {ca}, server_name: other.test}}"), "tls_name_mismatch", 0.0),
        ("tls_config: {insecure_skip_verify: true}".to_owned(), "ok", 0.0),
        // Defect 11 of the peer: nothing is told of a certificate that is not trusted.
        (String::new(), "tls_cert_untrusted", 0.0),
        (format!("fail_if_ssl: true, tls_config: {{ca_file: {ca}}}"), "ssl_forbidden", 1.0),
    ] {
        let verdict = probe(&module("http", &section), &target).await;
        assert_eq!(reason(&verdict), want, "{section}: {:?}", verdict.failure);
        let page = &verdict.page;
        assert_eq!(value(page, "probe_ssl_verified"), Some(verified), "{section}");
        assert!(value(page, "probe_ssl_earliest_cert_expiry").is_some());
        assert!(page.samples().any(|sample| sample.desc.name == "probe_ssl_last_chain_info"), "{section}");
        let chain = value(page, "probe_ssl_last_chain_expiry_timestamp_seconds");
        if section.contains("insecure") {
            assert_eq!(chain, Some(-62_135_596_800.0));
        }
        let answered = !want.starts_with("tls_");
        assert_eq!(value(page, "probe_http_ssl"), Some(f64::from(u8::from(answered))));
    }
    assert!(seen.lock().unwrap().iter().any(|line| line == "sni probe.test"));
}

#[tokio::test]
async fn the_server_name_is_the_host_headers_and_not_kept_for_another_host() {
    let (addr, seen, pem) = secure_web(&["one.test", "localhost"], false, pages).await;
    let (_folder, ca) = stored(&pem);
    let port = addr.rsplit_once(':').unwrap().1.to_owned();
    let to = format!("https://localhost:{port}/b");
    let (plain, _) = web(move |_| redirect("302 Found", &to, "")).await;
    let yaml = module("http", &format!("headers: {{Host: one.test}}, tls_config: {{ca_file: {ca}}}"));
    assert_eq!(probe(&yaml, &format!("https://{addr}/b")).await.failure, None);
    assert_eq!(seen.lock().unwrap()[0], "sni one.test");
    seen.lock().unwrap().clear();
    let verdict = probe(&yaml, &format!("http://{plain}/")).await;
    assert_eq!(verdict.failure, None);
    assert_eq!(seen.lock().unwrap()[0], "sni localhost");
    assert_eq!(value(&verdict.page, "probe_http_ssl"), Some(1.0));
}

/// A server that speaks HTTP/2 alone.
async fn h2_server() -> String {
    let (acceptor, _) = acceptor(&["127.0.0.1"], true);
    serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| async move {
                let host = request.uri().authority().map_or_else(String::new, ToString::to_string);
                Ok::<_, std::convert::Infallible>(hyper::Response::new(Full::new(Bytes::from(host))))
            });
            let _ = http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        }
    })
    .await
}

#[tokio::test]
async fn http2_is_spoken_where_alpn_chooses_it() {
    let addr = h2_server().await;
    let section = "headers: {Host: two.test}, fail_if_body_not_matches_regexp: ['^two.test$'], tls_config: {insecure_skip_verify: true}";
    let verdict = probe(&module("http", section), &format!("https://{addr}/")).await;
    assert_eq!(verdict.failure, None);
    assert_eq!(value(&verdict.page, "probe_http_version"), Some(2.0));
    let without = format!("enable_http2: false, {section}");
    assert_eq!(reason(&probe(&module("http", &without), &format!("https://{addr}/")).await), "tls_alert");
}

/// A proxy: CONNECT opens a tunnel, anything else is answered by itself. Tells the request lines it got.
async fn proxy() -> (String, crate::testing::Seen) {
    let seen = crate::testing::Seen::default();
    let log = std::sync::Arc::clone(&seen);
    let addr = serve(move |mut stream| {
        let log = std::sync::Arc::clone(&log);
        async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
                    return;
                }
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            log.lock().unwrap().push(head.clone());
            if let Some(to) = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()) {
                let Ok(mut upstream) = TcpStream::connect(to).await else { return };
                let _ = stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await;
                let _ = copy_bidirectional(&mut stream, &mut upstream).await;
            } else {
                let _ = stream.write_all(&answer("200 OK", "", b"proxied")).await;
            }
        }
    })
    .await;
    (addr, seen)
}

#[tokio::test]
async fn a_proxy_takes_whole_urls_and_opens_tunnels() {
    let (proxy, seen) = proxy().await;
    let (secure, _, _) = secure_web(&["127.0.0.1"], false, pages).await;
    let (plain, _) = web(pages).await;
    let through = format!("proxy_url: 'http://me:word@{proxy}', tls_config: {{insecure_skip_verify: true}}");
    assert_eq!(probe(&module("http", &through), &format!("http://{plain}/x?y")).await.failure, None);
    assert_eq!(probe(&module("http", &through), &format!("https://{secure}/b")).await.failure, None);
    let requests = seen.lock().unwrap().clone();
    assert!(requests[0].starts_with(&format!("GET http://{plain}/x?y HTTP/1.1\r\n")), "{requests:?}");
    assert!(requests[1].starts_with(&format!("CONNECT {secure} HTTP/1.1\r\n")), "{requests:?}");
    assert!(
        requests.iter().all(|request| request.to_ascii_lowercase().contains("proxy-authorization: basic "))
    );
    let around = format!("{through}, no_proxy: '127.0.0.0/8'");
    assert_eq!(probe(&module("http", &around), &format!("http://{plain}/b")).await.failure, None);
    assert_eq!(seen.lock().unwrap().len(), 2);
    let named = format!("{through}, skip_resolve_phase_with_proxy: true");
    let verdict = probe(&module("http", &named), "http://no-such-host.invalid/").await;
    assert_eq!(verdict.failure, None);
    assert_eq!(value(&verdict.page, "probe_ip_protocol"), Some(0.0));
}

#[tokio::test]
async fn credentials_are_sent() {
    let (addr, seen) = web(pages).await;
    for (section, want) in [
        ("basic_auth: {username: probe, password: secret}", "Authorization: Basic cHJvYmU6c2VjcmV0"),
        ("authorization: {credentials: abc}", "Authorization: Bearer abc"),
        ("authorization: {type: Token, credentials: abc}", "Authorization: Token abc"),
        ("bearer_token: abc", "Authorization: Bearer abc"),
        ("http_headers: {X-A: {values: [one], secrets: [two]}}", "X-A: one\r\nX-A: two"),
    ] {
        seen.lock().unwrap().clear();
        assert_eq!(reason(&probe(&module("http", section), &format!("http://{addr}/b")).await), "ok");
        let request = seen.lock().unwrap()[0].clone();
        assert!(request.contains(want), "{section}: {request}");
    }
    assert!(build(&module("http", "bearer_token_file: /nowhere")).is_ok());
}
