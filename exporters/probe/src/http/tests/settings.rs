//! What is refused at load, and what is only told.

use kit::{Exporter, Prober};

use crate::testing::{build, module, probe, reason};

#[test]
fn nonsense_is_refused_with_its_key() {
    for (section, want) in [
        ("fail_if_body_matches_regexp: ['(']", "regular expression"),
        ("fail_if_body_json_matches_cel: 'body.('", "http.fail_if_body_json_matches_cel"),
        ("fail_if_body_json_matches_cel: \"bdy.status == 'ok'\"", "does not look at `body`"),
        ("body: a, body_file: b", "http.body_file"),
        ("body_file: /nowhere/body", "/nowhere/body"),
        ("compression: gzip, headers: {accept-encoding: br}", "http.compression"),
        ("compression: br, headers: {Accept-ENCODING: '*;q=0.0'}", "http.compression"),
        ("compression: lzma", "lzma"),
        ("fail_if_header_matches: [{header: X}]", "http.fail_if_header_matches[0]"),
        ("enable_http3: true", "http.enable_http3"),
        ("enable_http3: true, enable_http2: true", "http.enable_http3"),
        ("method: 'GET /'", "http.method"),
        ("headers: {'a b': c}", "http.headers.a b"),
        ("bearer_token: a, bearer_token_file: b", "exclude one another"),
        ("basic_auth: {username: a, password: b, password_file: c}", "password_file"),
        ("proxy_url: 'socks5://p:1'", "proxy_url"),
        ("tls_config: {server_name: 'a b'}", "tls_config.server_name"),
        ("valid_status_codes: [abc]", "valid_status_codes"),
        ("nonsense: 1", "nonsense"),
    ] {
        let error = build(&module("http", section)).err().unwrap_or_else(|| panic!("{section} was taken"));
        assert!(error.contains(want) && error.contains("test.yml:2"), "{section}: {error}");
    }
}

/// What the peer reads and a later version does is loaded, told, and fails with a reason.
#[tokio::test]
async fn what_is_not_there_yet_is_told_and_never_ignored() {
    for (yaml, notice) in [
        (
            module("http", "oauth2: {client_id: a, client_secret: hush, token_url: 'http://x/'}"),
            "unsupported_key",
        ),
        (module("http", "enable_http3: true, enable_http2: false"), "unsupported_key"),
        (
            "modules: {m: {prober: grpc, timeout: 2s, grpc: {tls: true, service: x}}}".to_owned(),
            "unsupported_prober",
        ),
        ("modules: {m: {prober: unix}}".to_owned(), "unsupported_prober"),
        (
            "modules: {m: {prober: websocket, websocket: {headers: {A: {secrets: [hush]}}}}}".to_owned(),
            "unsupported_prober",
        ),
    ] {
        let exporter = build(&yaml).unwrap_or_else(|error| panic!("{error}"));
        assert!(exporter.notices().iter().any(|told| told.name == notice), "{yaml}");
        assert!(!exporter.modules().module_yaml("m").contains("hush"), "{yaml}");
        assert_eq!(reason(&probe(&yaml, "127.0.0.1:1").await), "unsupported", "{yaml}");
    }
}

/// blackbox_exporter prints `headers` in clear.
#[test]
fn peer_defect_14_secrets_do_not_show() {
    let yaml = module(
        "http",
        "headers: {Authorization: Bearer hush, Accept: text/html}, basic_auth: {username: me, password: hush}, proxy_url: 'http://a:hush@p:1'",
    );
    let yaml = yaml
        .replace("basic_auth: {username: me, password: hush}, ", "http_headers: {X-A: {secrets: [hush]}}, ");
    let text = build(&yaml).unwrap_or_else(|error| panic!("{error}")).modules().module_yaml("m");
    assert!(!text.contains("hush"), "{text}");
    assert!(text.contains("text/html") && text.contains("<secret>"), "{text}");
}
