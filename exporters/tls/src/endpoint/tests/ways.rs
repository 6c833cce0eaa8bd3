//! Versions that are accepted, and ways through proxies.

use std::process::{Command, Stdio};

use super::{MONTHS, NAME, TIME, family};
use crate::testing::{Lab, Server, build, free_port, look, reason, samples, there, value};

/// A server's folder, and a module that trusts it.
fn lab() -> (Lab, String) {
    let (lab, family) = (Lab::new(), family(MONTHS));
    let ca = lab.write("ca.pem", &family.root.pem);
    lab.write("cert.pem", &family.leaf.pem);
    lab.write("key.pem", &family.leaf.key);
    lab.write("chain.pem", &family.middle.pem);
    (lab, format!("tls_config: {{ca_file: '{}'}}", ca.display()))
}

#[tokio::test]
async fn versions_that_a_server_accepts() {
    if !there("openssl", "versions_that_a_server_accepts") {
        return;
    }
    let (lab, trust) = lab();
    let weak = "-cert_chain chain.pem -cipher ALL:@SECLEVEL=0";
    for (options, want, reads) in [
        (weak.to_owned(), [1.0, 1.0, 1.0, 1.0], "ok"),
        ("-cert_chain chain.pem".to_owned(), [0.0, 0.0, 1.0, 1.0], "ok"),
        ("-cert_chain chain.pem -tls1_3".to_owned(), [0.0, 0.0, 0.0, 1.0], "ok"),
        (format!("{weak} -no_tls1_3 -no_tls1"), [0.0, 1.0, 1.0, 0.0], "ok"),
        (format!("{weak} -tls1_1"), [0.0, 1.0, 0.0, 0.0], "tls_protocol_version"),
    ] {
        let server = lab.serve(&options);
        let module = format!("{{accepted_versions: true, {trust}}}");
        let verdict = look(&module, &server.addr, Some(NAME), TIME).await;
        assert_eq!(reason(&verdict), reads, "{options}: {:?}", verdict.failure);
        let words = ["TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"];
        let want: Vec<_> =
            words.iter().zip(want).map(|(word, value)| (vec![(*word).to_owned()], value)).collect();
        assert_eq!(samples(&verdict, "tls_protocol_accepted"), want, "{options}");
        // On /probe only where the module says so.
        let verdict = look(&format!("{{{trust}}}"), &server.addr, Some(NAME), TIME).await;
        assert!(samples(&verdict, "tls_protocol_accepted").is_empty());
    }
}

/// On the schedule once an hour: the second look asks nothing more, and the answers stay.
#[tokio::test]
async fn versions_are_asked_for_by_the_hour() {
    if !there("openssl", "versions_are_asked_for_by_the_hour") {
        return;
    }
    let (lab, trust) = lab();
    let server = lab.serve("-cert_chain chain.pem");
    let yaml = |more: &str| {
        format!(
            "modules: {{m: {{{trust}{more}}}}}\ntargets: [{{name: site, target: '{}', module: m, hostname: {NAME}}}]",
            server.addr
        )
    };
    let labels = [("target", "site"), ("module", "m"), ("version", "TLS 1.2")];
    let asked = "tls_protocol_accepted_last_asked_timestamp_seconds";
    let exporter = build(&yaml("")).unwrap();
    let first = exporter.schedule().run_once().await;
    assert_eq!(first.get("tls_protocol_accepted", &labels), Some(1.0));
    let at = first.get(asked, &labels[..2]).unwrap();
    let second = exporter.schedule().run_once().await;
    assert_eq!(second.get("tls_protocol_accepted", &labels), Some(1.0));
    assert_eq!(second.get(asked, &labels[..2]), Some(at), "it was asked again");
    assert_eq!(second.get("tls_probe_attempts_total", &labels[..2]), Some(2.0));
    let never = build(&yaml(", accepted_versions: false")).unwrap().schedule().run_once().await;
    assert_eq!(never.get("tls_protocol_accepted", &labels), None);
}

/// Starts a proxy, and waits until it listens.
async fn proxy(program: &str, arguments: &[&str], port: u16) -> Server {
    let mut command = Command::new(program);
    let child =
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Server::listening(child.unwrap(), port).await
}

#[tokio::test]
async fn through_a_proxy_of_socks() {
    let test = "through_a_proxy_of_socks";
    if !there("openssl", test) || !there("microsocks", test) {
        return;
    }
    let (lab, trust) = lab();
    let server = lab.serve("-cert_chain chain.pem");
    let port = free_port();
    let text = port.to_string();
    let _proxy = proxy("microsocks", &["-i", "127.0.0.1", "-p", &text, "-u", "me", "-P", "p@ss"], port).await;
    let module = |user: &str| {
        format!("{{accepted_versions: true, proxy_url: 'socks5://{user}127.0.0.1:{port}', {trust}}}")
    };
    let verdict = look(&module("me:p%40ss@"), &server.addr, Some(NAME), TIME).await;
    assert_eq!(reason(&verdict), "ok", "{:?}", verdict.failure);
    assert_eq!(value(&verdict, "tls_chain_valid"), Some(1.0));
    assert_eq!(samples(&verdict, "tls_protocol_accepted").len(), 4, "versions are asked for through it, too");
    for (user, want) in [("me:wrong@", "refuses the user"), ("", "wants a user and a password")] {
        let verdict = look(&module(user), &server.addr, Some(NAME), TIME).await;
        assert_eq!(reason(&verdict), "proxy_error");
        let detail = &verdict.failure.as_ref().unwrap().detail;
        assert!(detail.contains(want), "{detail}");
    }
    let closed = format!("127.0.0.1:{}", free_port());
    let verdict = look(&module("me:p%40ss@"), &closed, None, TIME).await;
    assert_eq!(reason(&verdict), "proxy_error", "{:?}", verdict.failure);
    assert!(verdict.failure.as_ref().unwrap().detail.contains("connection refused"));
}

#[tokio::test]
async fn through_a_proxy_of_http() {
    let test = "through_a_proxy_of_http";
    if !there("openssl", test) || !there("tinyproxy", test) {
        return;
    }
    let (lab, trust) = lab();
    let server = lab.serve("-cert_chain chain.pem");
    let port = free_port();
    let conf = format!(
        "Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\nTimeout 30\nMaxClients 20\nLogLevel Critical\nBasicAuth me word\n"
    );
    let conf = lab.write("tinyproxy.conf", &conf).display().to_string();
    let _proxy = proxy("tinyproxy", &["-d", "-c", &conf], port).await;
    let module = |user: &str| format!("{{proxy_url: 'http://{user}127.0.0.1:{port}', {trust}}}");
    let verdict = look(&module("me:word@"), &server.addr, Some(NAME), TIME).await;
    assert_eq!(reason(&verdict), "ok", "{:?}", verdict.failure);
    for (user, target, want) in [
        ("", server.addr.as_str(), "status 407"),
        ("me:word@", &format!("127.0.0.1:{}", free_port()), "status 50"),
    ] {
        let verdict = look(&module(user), target, Some(NAME), TIME).await;
        assert_eq!(reason(&verdict), "proxy_error");
        let detail = &verdict.failure.as_ref().unwrap().detail;
        assert!(detail.contains(want), "{detail}");
    }
    // No proxy where one should be.
    let nobody = format!("{{proxy_url: 'http://127.0.0.1:{}'}}", free_port());
    let verdict = look(&nobody, &server.addr, Some(NAME), TIME).await;
    assert_eq!(reason(&verdict), "proxy_error");
    assert!(verdict.failure.as_ref().unwrap().detail.starts_with("proxy: connect to"));
}

#[test]
fn a_proxy_that_cannot_be_is_told_without_its_password() {
    let error = build("modules: {m: {proxy_url: 'ftp://me:hunter2@p:1'}}").err().unwrap();
    assert!(error.contains("modules.m.proxy_url") && error.contains("test.yml:1"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}
