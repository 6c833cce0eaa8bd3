//! The tcp prober against servers of its own, and the peer's defects that are not to be had.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use crate::testing::{acceptor, build, module, phase, probe, probe_for, reason, serve, tarpit, value};

const PHASES: &str = "probe_tcp_duration_seconds";

/// Greets, then answers each line with the line that `reply` makes of it, as long as there is one.
async fn speaker(greeting: &'static [u8], reply: fn(&str) -> Option<&'static str>) -> String {
    serve(move |stream| async move {
        let mut stream = BufReader::new(stream);
        let _ = stream.get_mut().write_all(greeting).await;
        let mut line = String::new();
        while stream.read_line(&mut line).await.unwrap_or(0) > 0 {
            let Some(answer) = reply(line.trim()) else { break };
            if stream.get_mut().write_all(answer.as_bytes()).await.is_err() {
                break;
            }
            line.clear();
        }
    })
    .await
}

fn silent(_: &str) -> Option<&'static str> {
    Some("")
}

#[tokio::test]
async fn an_open_port_tells_what_the_peer_tells() {
    let addr = tarpit().await;
    let verdict = probe(&module("tcp", ""), &addr).await;
    assert_eq!(reason(&verdict), "ok");
    for (name, want) in [
        ("probe_ip_protocol", 4.0),
        ("probe_ip_addr_hash", 3_668_918_509.0),
        ("probe_failed_due_to_regex", 0.0),
        ("probe_failed_due_to_bytes", 0.0),
    ] {
        assert_eq!(value(&verdict.page, name), Some(want), "{name}");
    }
    assert!(phase(&verdict.page, PHASES, "connect").is_some_and(|took| took > 0.0));
}

#[tokio::test]
async fn a_closed_port_and_bad_targets_have_reasons() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap().to_string();
    drop(listener);
    for (target, want, metrics) in [
        (closed.as_str(), "connect_refused", true),
        ("127.0.0.1", "target_invalid", false),
        ("::1:80", "target_invalid", false),
        ("127.0.0.1:http", "target_invalid", false),
        ("169.254.169.254:80", "target_refused", true),
    ] {
        let verdict = probe(&module("tcp", ""), target).await;
        assert_eq!(reason(&verdict), want, "{target}");
        assert_eq!(value(&verdict.page, "probe_ip_protocol").is_some(), metrics, "{target}");
        assert_eq!(value(&verdict.page, "probe_failed_due_to_regex"), None, "{target}");
    }
}

/// A listener that lets nobody in: its queue is full, and so the kernel drops every further request to connect, as a
/// firewall does that drops packets.
fn full() -> (std::net::TcpListener, Vec<socket2::Socket>, String) {
    use socket2::{Domain, Socket, Type};
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    listener.listen(0).unwrap();
    let addr = listener.local_addr().unwrap();
    let fill = || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        let _ = socket.connect(&addr);
        socket
    };
    let waiting = (0..4).map(|_| fill()).collect();
    (listener.into(), waiting, addr.as_socket().unwrap().to_string())
}

/// How a port that must be closed is, as the metric tells.
fn closed(verdict: &kit::Verdict) -> Option<String> {
    let sample = verdict.page.samples().find(|sample| sample.desc.name == "probe_tcp_closed_info")?;
    sample.labels().next().map(|(_, answer)| answer.to_owned())
}

/// blackbox_exporter has no way to ask for it (prometheus/blackbox_exporter#417, #774).
#[tokio::test]
async fn a_port_that_must_be_closed() {
    let yaml = module("tcp", "expect_closed: true");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let verdict = probe(&yaml, &addr).await;
    assert_eq!((reason(&verdict), closed(&verdict)), ("port_open", None));
    let failure = verdict.failure.unwrap();
    assert_eq!(failure.phase, "connect");
    assert_eq!(failure.detail, format!("connect to {addr}: the port is open, and must be closed"));
    drop(listener);
    let verdict = probe(&yaml, &addr).await;
    assert_eq!((reason(&verdict), closed(&verdict).as_deref()), ("ok", Some("refused")));
    assert!(phase(&verdict.page, PHASES, "connect").is_some());
    assert_eq!(value(&verdict.page, "probe_failed_due_to_regex"), None, "there was no dialogue");
    // Where a module does not say so, nothing changes.
    let verdict = probe(&module("tcp", "expect_closed: false"), &addr).await;
    assert_eq!((reason(&verdict), closed(&verdict)), ("connect_refused", None));
}

#[tokio::test]
async fn a_port_that_must_be_closed_and_does_not_answer() {
    let (_listener, _waiting, addr) = full();
    let time = Duration::from_millis(300);
    let verdict = probe_for(&module("tcp", ""), &addr, None, time).await;
    assert_eq!(reason(&verdict), "connect_timeout", "the laboratory is right");
    let verdict = probe_for(&module("tcp", "expect_closed: true"), &addr, None, time).await;
    assert_eq!((verdict.failure.as_ref(), closed(&verdict).as_deref()), (None, Some("none")));
    assert!(phase(&verdict.page, PHASES, "connect").is_some_and(|took| took >= 0.29));
}

/// Nothing is known of a port that could not be tried.
#[tokio::test]
async fn what_is_no_closed_port_is_a_failure_all_the_same() {
    for (section, target, want) in [
        ("expect_closed: true, source_ip_address: 192.0.2.9", "127.0.0.1:1", "connect_error"),
        ("expect_closed: true", "127.0.0.1", "target_invalid"),
        ("expect_closed: true", "169.254.169.254:80", "target_refused"),
        ("expect_closed: true, ip_protocol_fallback: false", "[::1]:1", "dns_no_address"),
    ] {
        let verdict = probe(&module("tcp", section), target).await;
        assert_eq!((reason(&verdict), closed(&verdict)), (want, None), "{section} {target}");
    }
}

#[tokio::test]
async fn a_dialogue_expects_sends_and_labels() {
    let addr = speaker(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", silent).await;
    let section = r#"query_response: [{expect: "^SSH-2.0-([^ -]+)(?: (.*))?$", labels: [{name: ssh_version, value: "${1}"}, {name: ssh_comments, value: "${2}"}]}]"#;
    let verdict = probe(&module("tcp", section), &addr).await;
    assert_eq!(reason(&verdict), "ok");
    let labels = [("ssh_version", "OpenSSH_9.2p1"), ("ssh_comments", "Debian-2")];
    assert_eq!(verdict.page.get("probe_expect_info", &labels), Some(1.0));

    let addr = speaker(b"", |line| (line == "PING").then_some("-ERR\r\n+PONG x\r\n")).await;
    let section = r#"query_response: [{send: "PING\r"}, {expect: '^\+(PONG) x$', send: "${1}"}]"#;
    assert_eq!(reason(&probe(&module("tcp", section), &addr).await), "ok");
}

#[tokio::test]
async fn what_never_matches_is_told_apart_from_silence() {
    let talks = speaker(b"SSH-2.0-x\r\n", |_| None).await;
    let closes = serve(|mut stream| async move {
        let _ = stream.write_all(b"220 hello\r\n").await;
    })
    .await;
    for (addr, want, flag) in [(talks, "response_timeout", 0.0), (closes, "expect_regex", 1.0)] {
        let verdict = probe_for(
            &module("tcp", "query_response: [{expect: '^FTP'}]"),
            &addr,
            None,
            Duration::from_millis(300),
        )
        .await;
        assert_eq!(reason(&verdict), want);
        assert_eq!(value(&verdict.page, "probe_failed_due_to_regex"), Some(flag));
    }
}

/// blackbox_exporter shows no time for the phase that hung.
#[tokio::test]
async fn peer_defect_12_the_phase_that_hung_shows_its_time() {
    let addr = tarpit().await;
    let yaml = module("tcp", "query_response: [{expect: x}]");
    let verdict = probe_for(&yaml, &addr, None, Duration::from_millis(300)).await;
    assert!(phase(&verdict.page, PHASES, "dialogue").is_some_and(|took| took >= 0.29));
    let yaml = module("tcp", "tls: true, tls_config: {insecure_skip_verify: true}");
    let verdict = probe_for(&yaml, &addr, None, Duration::from_millis(300)).await;
    assert_eq!(reason(&verdict), "tls_timeout");
    assert!(phase(&verdict.page, PHASES, "tls").is_some_and(|took| took >= 0.29));
}

/// blackbox_exporter panics: "duplicate metrics collector registration attempted".
#[tokio::test]
async fn peer_defect_2_two_entries_with_labels() {
    let addr = speaker(b"", |_| Some("+PONG\r\n")).await;
    let step = |name: &str| {
        format!(r#"{{send: "PING\r"}}, {{expect: '^\+(PONG)', labels: [{{name: {name}, value: "${{1}}"}}]}}"#)
    };
    for (second, rows) in [("a", 1), ("b", 2)] {
        let section = format!("query_response: [{}, {}]", step("a"), step(second));
        let verdict = probe(&module("tcp", &section), &addr).await;
        assert_eq!(reason(&verdict), "ok");
        let found = verdict.page.samples().filter(|sample| sample.desc.name == "probe_expect_info").count();
        assert_eq!(found, rows);
    }
}

/// blackbox_exporter waits for a newline that never comes (prometheus/blackbox_exporter#771).
#[tokio::test]
async fn peer_defect_8_a_greeting_without_newline() {
    let addr = speaker(b"J\x00\x00\x00\x0a5.5.5-10.11.6-MariaDB\x00\xff\xfe", silent).await;
    assert_eq!(reason(&probe(&module("tcp", "query_response: [{expect: 'MariaDB'}]"), &addr).await), "ok");
    let addr = speaker(b"login: ", silent).await;
    assert_eq!(reason(&probe(&module("tcp", "query_response: [{expect: '^login: $'}]"), &addr).await), "ok");
}

/// blackbox_exporter compares what one read gave, and loses what came together with an expected line.
#[tokio::test]
async fn peer_defect_9_expected_bytes_in_two_segments() {
    let addr = serve(|mut stream| async move {
        let _ = stream.set_nodelay(true);
        let _ = stream.write_all(b"hello\r\nabc").await;
        // The second half goes once the prober has had the first for a while: it has no other way to tell.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let _ = stream.write_all(b"def").await;
        let _ = stream.read(&mut [0; 8]).await;
    })
    .await;
    let section = "query_response: [{expect: '^hello$'}, {expect_bytes: abcdef}]";
    assert_eq!(reason(&probe(&module("tcp", section), &addr).await), "ok");
}

#[tokio::test]
async fn other_bytes_fail() {
    let addr = speaker(b"SSH-2.0-x\r\n", |_| None).await;
    let verdict = probe(&module("tcp", "query_response: [{expect_bytes: 'FTP'}]"), &addr).await;
    assert_eq!(reason(&verdict), "expect_bytes");
    assert_eq!(value(&verdict.page, "probe_failed_due_to_bytes"), Some(1.0));
}

#[tokio::test]
async fn binary_text_is_sent_as_bytes() {
    let addr = serve(|mut stream| async move {
        let mut request = [0; 8];
        if stream.read_exact(&mut request).await.is_ok() && request == [0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f] {
            let _ = stream.write_all(b"S").await;
        }
    })
    .await;
    let section = "query_response: [{send: !!binary AAAACATSFi8=}, {expect_bytes: S}]";
    assert_eq!(reason(&probe(&module("tcp", section), &addr).await), "ok");
}

/// A server that asks for STARTTLS, and the certificate as PEM in a file.
async fn mail(names: &[&str]) -> (String, tempfile::TempDir) {
    let (acceptor, pem) = acceptor(names, false);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), pem).unwrap();
    let addr = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = BufReader::new(stream);
            let _ = stream.get_mut().write_all(b"220 mail.test ESMTP lab\r\n").await;
            let mut line = String::new();
            while stream.read_line(&mut line).await.unwrap_or(0) > 0 {
                let answer: &[u8] = match line.trim() {
                    "EHLO prober" => b"250-mail.test\r\n250-STARTTLS\r\n250 AUTH\r\n",
                    "STARTTLS" => b"220 go\r\n",
                    _ => return,
                };
                let _ = stream.get_mut().write_all(answer).await;
                if line.trim() == "STARTTLS" {
                    let Ok(mut secured) = acceptor.accept(stream.into_inner()).await else { return };
                    let _ = secured.read(&mut [0; 64]).await;
                    let _ = secured.write_all(b"250 secure\r\n").await;
                    return;
                }
                line.clear();
            }
        }
    })
    .await;
    (addr, folder)
}

const STARTTLS: &str = r#"query_response: [{expect: "^220 ([^ ]+) ESMTP (.+)$"}, {send: "EHLO prober\r"}, {expect: "^250-STARTTLS"}, {send: "STARTTLS\r"}, {expect: "^220"}, {starttls: true}, {send: "EHLO again\r"}, {expect: "^250 secure"}]"#;

#[tokio::test]
async fn starttls_goes_on_inside() {
    let (addr, folder) = mail(&["probe.test"]).await;
    let ca = folder.path().join("ca.pem");
    let tls = format!("tls_config: {{ca_file: {}, server_name: probe.test}}, {STARTTLS}", ca.display());
    let verdict = probe(&module("tcp", &tls), &addr).await;
    assert_eq!(verdict.failure, None);
    assert_eq!(value(&verdict.page, "probe_ssl_verified"), Some(1.0));
    assert!(value(&verdict.page, "probe_ssl_earliest_cert_expiry").is_some());
    assert!(
        value(&verdict.page, "probe_ssl_last_chain_expiry_timestamp_seconds")
            .is_some_and(|expiry| expiry > 0.0)
    );
    assert_eq!(verdict.page.get("probe_tls_version_info", &[("version", "TLS 1.3")]), Some(1.0));
}

/// blackbox_exporter drops every certificate metric with the verification (prometheus/blackbox_exporter#1119).
#[tokio::test]
async fn peer_defect_11_certificate_metrics_survive_a_bad_certificate() {
    let (addr, folder) = mail(&["other.test"]).await;
    let ca = folder.path().join("ca.pem");
    for (tls, want) in [
        (String::new(), "tls_cert_untrusted"),
        (format!("tls_config: {{ca_file: {}, server_name: probe.test}},", ca.display()), "tls_name_mismatch"),
    ] {
        let verdict = probe(&module("tcp", &format!("{tls} {STARTTLS}")), &addr).await;
        assert_eq!(reason(&verdict), want);
        assert_eq!(value(&verdict.page, "probe_ssl_verified"), Some(0.0));
        assert!(value(&verdict.page, "probe_ssl_earliest_cert_expiry").is_some());
    }
}

#[test]
fn nonsense_is_refused_with_its_key() {
    for (section, want) in [
        ("query_response: [{expect: '('}]", "regular expression"),
        ("query_response: [{expect: a, expect_bytes: b}]", "query_response[0].expect_bytes"),
        ("query_response: [{expect: a, labels: [{name: 'a-b', value: x}]}]", "labels[0].name"),
        ("tls: true, query_response: [{starttls: true}]", "query_response[0].starttls"),
        ("source_ip_address: here", "tcp.source_ip_address"),
        ("tls: true, tls_config: {ca_file: /nowhere/ca.pem}", "tcp.tls_config.ca_file"),
        ("tls: true, tls_config: {cert_file: /dev/null}", "tcp.tls_config"),
        ("tls: true, tls_config: {max_version: TLS10}", "max_version"),
        ("expect_closed: true, tls: true", "tcp.expect_closed: expect_closed and tls exclude"),
        ("expect_closed: true, tls_config: {}", "expect_closed and tls_config exclude"),
        ("expect_closed: true, query_response: [{expect: a}]", "remove query_response, or expect_closed"),
        ("nonsense: 1", "nonsense"),
    ] {
        let error = build(&module("tcp", section)).err().unwrap_or_else(|| panic!("{section} was taken"));
        assert!(error.contains(want) && error.contains("test.yml:2"), "{section}: {error}");
    }
}
