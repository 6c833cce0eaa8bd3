use std::time::Duration;

use kit::Exporter as _;

use super::{Asked, BOMB, HANG, Script, get, json, reason, usual};

#[tokio::test]
async fn hosts_and_certificates_are_told() {
    let script = Script::new(usual);
    let exporter = script.exporter("letsencrypt: /nowhere, custom_ssl: /nowhere");
    let page = exporter.npm().run_once().await;
    assert_eq!(reason(&page), "ok");
    for (kind, state, want) in [
        ("proxy", "enabled", 1.0),
        ("proxy", "disabled", 1.0),
        ("proxy", "offline", 1.0),
        ("redirection", "enabled", 1.0),
        ("dead", "enabled", 0.0),
        ("stream", "enabled", 1.0),
    ] {
        assert_eq!(
            get(&page, "npm_hosts", &[("type", kind), ("state", state)]),
            Some(want),
            "{kind} {state}"
        );
    }
    let online =
        |kind, id, host| get(&page, "npm_host_online", &[("type", kind), ("id", id), ("host", host)]);
    assert_eq!(online("proxy", "1", "blog.test"), Some(1.0));
    assert_eq!(online("proxy", "3", "plain.test"), Some(0.0));
    assert_eq!(online("proxy", "4", "off.test"), None, "switched off is neither");
    assert_eq!(online("stream", "1", ":8883"), None, "not said");
    let name = ("name", "blog.test, www.blog.test");
    let ends = "npm_certificate_expires_on_timestamp_seconds";
    assert_eq!(get(&page, ends, &[("id", "2"), name, ("provider", "letsencrypt")]), Some(1_797_168_453.0));
    assert_eq!(
        get(&page, ends, &[("id", "1"), ("name", "Wiki"), ("provider", "other")]),
        Some(1_797_168_453.0)
    );
    assert_eq!(get(&page, "npm_certificate_hosts", &[("id", "2"), name]), Some(2.0));
    assert_eq!(get(&page, "npm_certificate_expiry_drift_seconds", &[("id", "2"), name]), None);
    assert!(get(&page, "npm_last_success_timestamp_seconds", &[]).is_some());
    assert!(
        exporter
            .watched()
            .iter()
            .any(|line| line.detail == "5 hosts, 2 certificates; no /nowhere; no /nowhere")
    );
    // A user that sees nothing is answered with nothing.
    script.now(|asked: &Asked| match asked.path.starts_with("/api/nginx/") {
        true => json(200, "[]"),
        false => usual(asked),
    });
    assert_eq!(reason(&exporter.npm().run_once().await), "ok");
    let line = exporter.npm().watched().remove(0);
    assert!(
        line.ok == Some(false) && line.detail.contains("0 hosts, 0 certificates; its user may see none"),
        "{line:?}"
    );
}

#[tokio::test]
async fn it_logs_in_once_and_again_when_the_token_is_refused() {
    let script = Script::new(usual);
    let exporter = script.exporter("");
    for _ in 0..3 {
        assert_eq!(reason(&exporter.npm().run_once().await), "ok");
    }
    assert_eq!((script.count("POST", "/api/tokens"), script.count("GET", "/api/nginx/streams")), (1, 3));
    let login = script.log.lock().unwrap()[0].body.clone();
    assert_eq!(login, r#"{"identity":"farol@example.org","secret":"hunter2-secret"}"#);
    // Restarted with new keys: whatever it answers to an old token, one login mends it.
    for status in [401, 403, 404, 500] {
        let token = format!("TOKEN-{status}");
        let before = script.count("POST", "/api/tokens");
        let wanted = format!("Bearer {token}");
        script.now(move |asked: &Asked| {
            if asked.method == "POST" {
                return json(200, &format!(r#"{{"token":"{token}"}}"#));
            }
            if asked.authorization.as_deref() != Some(&wanted) {
                return json(status, r#"{"error":{"message":"Internal Error"}}"#);
            }
            usual(&Asked { authorization: Some("Bearer TOKEN-ONE".to_owned()), ..asked.clone() })
        });
        assert_eq!(reason(&exporter.npm().run_once().await), "ok", "{status}");
        assert_eq!(reason(&exporter.npm().run_once().await), "ok", "{status}");
        assert_eq!(script.count("POST", "/api/tokens"), before + 1, "{status}");
    }
    assert_eq!(script.count("GET", "/api/nginx/certificates"), 0, "there private keys are");
    assert_eq!(script.count("GET", "/api/version"), 0, "it would ask GitHub");
}

#[tokio::test]
async fn what_fails_has_its_reason_and_costs_nothing_that_was_known() {
    let script = Script::new(usual);
    let exporter = script.exporter("timeout: 2s");
    assert!(exporter.discovered()[0].groups.is_none(), "not known is not nothing");
    assert_eq!(reason(&exporter.npm().run_once().await), "ok");
    let groups = exporter.discovered()[0].groups.clone();
    let targets = exporter.schedule().entries().len();
    assert!(groups.as_ref().is_some_and(|groups| groups.len() == 4) && targets == 4);
    type Row = (&'static str, fn(&Asked) -> Vec<u8>);
    let rows: [Row; 17] = [
        ("login_refused", |asked| match asked.method.as_str() {
            "POST" => json(400, r#"{"error":{"code":400,"message":"Invalid email or password"}}"#),
            _ => json(500, r#"{"error":{"code":500,"message":"Internal Error"}}"#),
        }),
        ("two_factor", |asked| match asked.method.as_str() {
            "POST" => json(200, r#"{"requires_2fa":true,"challenge_token":"X"}"#),
            _ => json(404, "{}"),
        }),
        ("forbidden", |asked| match asked.path.starts_with("/api/nginx/streams") {
            true => json(403, r#"{"error":{"code":403,"message":"Permission Denied"}}"#),
            false => usual(asked),
        }),
        ("server_error", |asked| if asked.method == "POST" { usual(asked) } else { json(500, "{}") }),
        (
            "schema",
            |asked| if asked.method == "POST" { usual(asked) } else { json(200, r#"[{"id":"one"}]"#) },
        ),
        ("schema", |asked| if asked.method == "POST" { usual(asked) } else { json(200, r#"{"rows":[]}"#) }),
        ("schema", |_| json(400, "<html>The plain HTTP request was sent to HTTPS port")),
        ("schema", |_| json(200, "<html>")),
        ("schema", |_| json(200, "{}")),
        ("schema", |_| json(302, "")),
        ("server_error", |_| json(502, "<html>Bad Gateway")),
        ("too_large", |asked| if asked.method == "POST" { usual(asked) } else { BOMB.to_vec() }),
        ("too_large", |_| b"HTTP/1.1 200 X\r\nContent-Length: 99999999999\r\n\r\n[".to_vec()),
        ("http", |_| b"HTTP/1.1 200 X\r\nContent-Length: 50\r\n\r\n[".to_vec()),
        ("http", |_| b"SSH-2.0-OpenSSH\r\n".to_vec()),
        ("http", |_| Vec::new()),
        ("timeout", |_| HANG.to_vec()),
    ];
    for (want, answer) in rows {
        script.now(answer);
        // Without a token: each begins with the login.
        let fresh = script.exporter("timeout: 2s");
        assert_eq!(reason(&fresh.npm().run_once().await), want);
        let page = exporter.npm().run_once().await;
        assert_eq!(reason(&page), want);
        assert_eq!(get(&page, "npm_hosts", &[("type", "proxy"), ("state", "enabled")]), Some(1.0), "{want}");
        assert_eq!(
            (exporter.discovered()[0].groups.clone(), exporter.schedule().entries().len()),
            (groups.clone(), 4)
        );
    }
    script.now(usual);
    assert_eq!(reason(&exporter.npm().run_once().await), "ok");
}

#[tokio::test]
async fn a_hang_ends_by_the_timeout_and_the_others_have_their_reasons() {
    let script = Script::new(|_: &Asked| HANG.to_vec());
    let began = std::time::Instant::now();
    assert_eq!(reason(&script.exporter("timeout: 300ms").npm().run_once().await), "timeout");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let build = |url: &str, secret: &str| {
        let yaml = format!("npm: [{{name: home, url: '{url}', identity: a, secret: {secret}, timeout: 2s}}]");
        crate::testing::build(&yaml).unwrap()
    };
    for (url, secret, want) in [
        (format!("http://127.0.0.1:{closed}"), "x", "connect"),
        (format!("http://127.0.0.1:{}", script.port), "{file: /nowhere}", "secret_unreadable"),
        (format!("http://127.0.0.1:{}", script.port), "{env: FAROL_NO_SUCH_VARIABLE}", "secret_unreadable"),
        ("http://nobody.invalid".to_owned(), "x", "dns"),
    ] {
        // Names are asked at an address where nobody answers: this machine's own servers may know anything.
        let exporter = if want == "dns" {
            let yaml = format!(
                "dns_servers: ['127.0.0.1:{closed}']\nnpm: [{{name: home, url: '{url}', identity: a, secret: x, timeout: 4s}}]"
            );
            crate::testing::build(&yaml).unwrap()
        } else {
            build(&url, secret)
        };
        let got = reason(&exporter.npm().run_once().await);
        assert!(got == want || (want == "dns" && got == "timeout"), "{url}: {got}");
    }
    script.now(|_: &Asked| b"\x15\x03\x01\x00\x02\x02\x28".to_vec());
    let exporter = build(&format!("https://127.0.0.1:{}", script.port), "x");
    assert_eq!(reason(&exporter.npm().run_once().await), "tls");
}

#[tokio::test]
async fn the_secret_and_the_token_are_never_shown() {
    let script = Script::new(usual);
    let exporter = script.exporter("");
    let page = exporter.npm().run_once().await;
    let mut shown = format!("{exporter:?}");
    shown.extend(page.samples().map(|sample| sample.labels().map(|(_, value)| value).collect::<String>()));
    shown.extend(exporter.watched().into_iter().map(|line| line.detail));
    shown.push_str(&format!("{:?}", exporter.discovered()));
    for secret in ["hunter2-secret", "TOKEN-ONE", "PRIVATE"] {
        assert!(!shown.contains(secret), "{secret} is shown");
    }
    let yaml = "npm: [{name: home, url: 'http://127.0.0.1:1', identity: a, secret: hunter2-secret}]";
    let raw: crate::config::File = kit::config::Document::embedded("test.yml", yaml).parse().unwrap();
    let config = serde_saphyr::to_string(&raw).unwrap();
    assert!(!config.contains("hunter2-secret") && config.contains("<secret>"), "{config}");
}

#[tokio::test]
async fn over_tls_the_certificate_must_be_trusted() {
    if !crate::testing::there("nginx", "over_tls_the_certificate_must_be_trusted") {
        return;
    }
    let lab = crate::testing::Lab::new();
    let made = crate::testing::make("localhost", false, None, (-1, 30));
    let certificate = lab.write("cert.pem", &made.pem);
    let key = lab.write("key.pem", &made.key);
    let (_server, port) = lab
        .nginx(&format!(
            r#"server {{ listen 127.0.0.1:@PORT@ ssl; ssl_certificate {}; ssl_certificate_key {};
               location = /npm/api/tokens {{ return 200 '{{"token":"x"}}'; }} location /npm/api/nginx/ {{ return 200 '[]'; }} }}"#,
            certificate.display(),
            key.display()
        ))
        .await;
    for (tls, want) in [
        ("{}".to_owned(), "tls"),
        (format!("{{ca_file: '{}'}}", certificate.display()), "ok"),
        ("{insecure_skip_verify: true}".to_owned(), "ok"),
    ] {
        let yaml = format!(
            "npm: [{{name: home, url: 'https://localhost:{port}/npm/', identity: a, secret: s, tls_config: {tls}}}]"
        );
        let exporter = crate::testing::build(&yaml).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(reason(&exporter.npm().run_once().await), want, "{tls}");
    }
}
