//! Against dnsmasq, where it is installed, for the recorded pages of the peer; against servers of a few lines for everything
//! that an honest server does not do.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;

use crate::testing::{acceptor, build, module, phase, probe, probe_for, reason, serve, value};

const WWW: &str = "query_name: www.probe.test, query_type: A";

/// A server that answers each datagram with what `answer` makes of it, one datagram after the other.
async fn udp(answer: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut buffer = [0; 512];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
            for datagram in answer(&buffer[..length]) {
                let _ = socket.send_to(&datagram, peer).await;
            }
        }
    });
    addr
}

/// The answer to a query: a response code, and addresses under the name that was asked for.
fn reply(query: &[u8], rcode: u8, addresses: &[[u8; 4]]) -> Vec<u8> {
    let mut bytes = query.to_vec();
    bytes[2] |= 0x80;
    bytes[3] = rcode;
    bytes[7] = u8::try_from(addresses.len()).unwrap();
    for address in addresses {
        bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        bytes.extend(address);
    }
    bytes
}

#[tokio::test]
async fn an_answer_is_counted_and_timed() {
    let addr = udp(|query| vec![reply(query, 0, &[[127, 0, 0, 9], [127, 0, 0, 10]])]).await;
    let verdict = probe(&module("dns", WWW), &addr).await;
    assert_eq!(verdict.failure, None);
    for (name, want) in [
        ("probe_dns_answer_rrs", 2.0),
        ("probe_dns_authority_rrs", 0.0),
        ("probe_dns_query_succeeded", 1.0),
        ("probe_dns_rcode", 0.0),
        ("probe_dns_truncated", 0.0),
        ("probe_ip_protocol", 4.0),
        ("probe_ip_addr_hash", 3_668_918_509.0),
    ] {
        assert_eq!(value(&verdict.page, name), Some(want), "{name}");
    }
    for name in ["resolve", "connect", "request"] {
        assert!(
            phase(&verdict.page, "probe_dns_duration_seconds", name).is_some_and(|took| took >= 0.0),
            "{name}"
        );
    }
    assert_eq!(value(&verdict.page, "probe_dns_serial"), None, "only SOA has one");
}

#[tokio::test]
async fn forged_and_late_answers_are_passed_over() {
    let addr = udp(|query| {
        let mut late = reply(query, 0, &[[6, 6, 6, 6]]);
        late[0] ^= 0xff;
        let mut forged = reply(query, 0, &[[6, 6, 6, 6]]);
        forged[13] ^= 1;
        vec![late, forged, b"noise".to_vec(), query.to_vec(), reply(query, 0, &[[127, 0, 0, 9]])]
    })
    .await;
    let checks = format!("{WWW}, validate_answer_rrs: {{fail_if_not_matches_regexp: ['127\\.0\\.0\\.9$']}}");
    assert_eq!(probe(&module("dns", &checks), &addr).await.failure, None);
}

#[tokio::test]
async fn what_can_be_wrong_has_a_reason() {
    let truncated = udp(|query| {
        let mut bytes = reply(query, 0, &[]);
        bytes[2] |= 2;
        bytes[7] = 3;
        vec![bytes]
    })
    .await;
    let verdict = probe(&module("dns", WWW), &truncated).await;
    assert_eq!((reason(&verdict), value(&verdict.page, "probe_dns_truncated")), ("ok", Some(1.0)));
    assert_eq!(
        value(&verdict.page, "probe_dns_answer_rrs"),
        Some(0.0),
        "what is there counts, not what was promised"
    );

    type Row = (fn(&[u8]) -> Vec<u8>, &'static str, f64);
    let rows: [Row; 4] = [
        (|query| reply(query, 5, &[]), "rcode", 1.0),
        (
            |query| {
                let mut bytes = reply(query, 0, &[]);
                bytes[7] = 1;
                bytes
            },
            "dns_bad_response",
            0.0,
        ),
        (
            |query| {
                let mut bytes = reply(query, 0, &[[1, 2, 3, 4]]);
                let length = bytes.len() - 5;
                bytes[length] = 3;
                bytes.truncate(length + 4);
                bytes
            },
            "dns_bad_response",
            0.0,
        ),
        (|query| reply(query, 0, &[[127, 0, 0, 9]]), "dns_answer", 1.0),
    ];
    let checks = format!("{WWW}, validate_answer_rrs: {{fail_if_matches_regexp: ['127\\.0\\.0\\.9']}}");
    for (answer, want, succeeded) in rows {
        let addr = udp(move |query| vec![answer(query)]).await;
        let verdict = probe(&module("dns", &checks), &addr).await;
        assert_eq!(reason(&verdict), want);
        assert_eq!(value(&verdict.page, "probe_dns_query_succeeded"), Some(succeeded), "{want}");
    }
}

/// A name that must have one address: each way to lose it has a reason of its own, and the detail says what there is.
#[tokio::test]
async fn a_record_that_has_drifted() {
    type Answer = fn(&[u8]) -> Vec<u8>;
    let rows: [(Answer, &str, &str); 6] = [
        (|query| reply(query, 0, &[[192, 0, 2, 10]]), "ok", ""),
        (|query| reply(query, 0, &[[192, 0, 2, 100]]), "dns_answer", "192.0.2.100"),
        (|query| reply(query, 0, &[[192, 0, 2, 10], [6, 6, 6, 6]]), "dns_answer", "6.6.6.6"),
        (|query| reply(query, 0, &[]), "dns_answer", "the answer section is empty"),
        (|query| reply(query, 3, &[]), "rcode", "the server answered NXDOMAIN, not NOERROR"),
        // A wrong code goes before what its answer holds.
        (|query| reply(query, 2, &[[6, 6, 6, 6]]), "rcode", "the server answered SERVFAIL, not NOERROR"),
    ];
    let checks =
        format!("{WWW}, validate_answer_rrs: {{fail_if_not_matches_regexp: ['\\tA\\t192\\.0\\.2\\.10$']}}");
    for (answer, want, detail) in rows {
        let addr = udp(move |query| vec![answer(query)]).await;
        let verdict = probe(&module("dns", &checks), &addr).await;
        assert_eq!(reason(&verdict), want);
        let failure = verdict.failure.map_or_else(String::new, |failure| failure.detail);
        assert!(failure.contains(detail), "{failure}");
    }
}

#[tokio::test]
async fn a_silent_server_shows_in_the_phase_that_hung() {
    let addr = udp(|_| Vec::new()).await;
    let verdict = probe_for(&module("dns", WWW), &addr, None, Duration::from_millis(300)).await;
    assert_eq!(reason(&verdict), "request_timeout");
    assert!(phase(&verdict.page, "probe_dns_duration_seconds", "request").is_some_and(|took| took > 0.25));
    assert_eq!(value(&verdict.page, "probe_dns_query_succeeded"), Some(0.0));
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let addr = {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.local_addr().unwrap().to_string()
    };
    let verdict = probe(&module("dns", WWW), &addr).await;
    assert_eq!(reason(&verdict), "connect_refused");
    assert_eq!(verdict.failure.unwrap().detail, format!("ask {addr}: connection refused"));
    for name in ["probe_dns_answer_rrs", "probe_dns_query_succeeded"] {
        assert_eq!(value(&verdict.page, name), Some(0.0), "{name}");
    }
}

#[tokio::test]
async fn tcp_takes_an_answer_in_pieces_and_tells_a_closed_connection() {
    let addr = serve(|mut stream| async move {
        let length = stream.read_u16().await.unwrap();
        let mut query = vec![0; usize::from(length)];
        stream.read_exact(&mut query).await.unwrap();
        let answer = reply(&query, 0, &[[127, 0, 0, 9]]);
        let framed = [&u16::try_from(answer.len()).unwrap().to_be_bytes()[..], &answer].concat();
        for piece in framed.chunks(7) {
            stream.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
    })
    .await;
    let yaml = module("dns", &format!("{WWW}, transport_protocol: tcp"));
    assert_eq!(probe(&yaml, &addr).await.failure, None);
    let addr = serve(|mut stream| async move {
        let _ = stream.read_u16().await;
        let _ = stream.write_all(&[0]).await;
    })
    .await;
    assert_eq!(reason(&probe(&yaml, &addr).await), "connection_closed");
}

#[tokio::test]
async fn over_tls_with_the_certificates_facts() {
    let (acceptor, pem) = acceptor(&["dns.test"], false);
    let addr = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let length = stream.read_u16().await.unwrap();
            let mut query = vec![0; usize::from(length)];
            stream.read_exact(&mut query).await.unwrap();
            let answer = reply(&query, 0, &[[127, 0, 0, 9]]);
            stream.write_u16(u16::try_from(answer.len()).unwrap()).await.unwrap();
            stream.write_all(&answer).await.unwrap();
            stream.flush().await.unwrap();
        }
    })
    .await;
    let ca = serde_json::Value::from(pem);
    let section = |extra: &str| {
        module("dns", &format!("{WWW}, transport_protocol: tcp, dns_over_tls: true, tls_config: {{{extra}}}"))
    };
    let verdict = probe(&section(&format!("ca: {ca}, server_name: dns.test")), &addr).await;
    assert_eq!(verdict.failure, None);
    assert_eq!(value(&verdict.page, "probe_ssl_verified"), Some(1.0));
    assert!(
        value(&verdict.page, "probe_ssl_earliest_cert_expiry").is_some(),
        "the peer has none for DNS over TLS"
    );
    assert!(phase(&verdict.page, "probe_dns_duration_seconds", "tls").is_some_and(|took| took > 0.0));
    let verdict = probe(&section("server_name: dns.test"), &addr).await;
    assert_eq!(reason(&verdict), "tls_cert_untrusted");
    assert!(value(&verdict.page, "probe_ssl_earliest_cert_expiry").is_some(), "also when it is not trusted");
}

/// blackbox_exporter 0.28 has `fail_if_all_match_regexp` the wrong way round.
#[tokio::test]
async fn defect_6_all_match_fails() {
    let addr = udp(|query| vec![reply(query, 0, &[[127, 0, 0, 9]])]).await;
    let checks = format!("{WWW}, validate_answer_rrs: {{fail_if_all_match_regexp: ['127\\.0\\.0\\.9']}}");
    assert_eq!(reason(&probe(&module("dns", &checks), &addr).await), "dns_answer");
    let checks = format!("{WWW}, validate_answer_rrs: {{fail_if_all_match_regexp: ['127\\.0\\.0\\.8']}}");
    assert_eq!(reason(&probe(&module("dns", &checks), &addr).await), "ok");
}

/// blackbox_exporter 0.28 loads bad patterns and response codes, and then fails every probe.
#[test]
fn defect_7_what_is_wrong_does_not_load() {
    for (section, want) in [
        (format!("{WWW}, validate_answer_rrs: {{fail_if_matches_regexp: ['(']}}"), "unclosed group"),
        (format!("{WWW}, valid_rcodes: [NXDOMIAN]"), "did you mean NXDOMAIN?"),
        ("query_name: a, query_type: X".to_owned(), "query type \"X\" is not known"),
        ("query_name: a, query_class: X".to_owned(), "query class \"X\" is not known"),
        ("query_name: a..b".to_owned(), "a label is empty"),
        ("query_type: A".to_owned(), "query_name is missing"),
        (format!("{WWW}, dns_over_tls: true"), "add transport_protocol: tcp"),
        (format!("{WWW}, source_ip_address: nonsense"), "is not an IP address"),
    ] {
        let error = build(&module("dns", &section)).err().unwrap();
        assert!(error.contains(want), "{section}: {error}");
    }
}

#[tokio::test]
async fn the_query_asks_what_the_section_says() {
    let addr = udp(|query| {
        // ANY of class CHAOS, without recursion.
        let good = query[2] & 1 == 0 && query.ends_with(&[0, 255, 0, 3]);
        vec![reply(query, if good { 0 } else { 1 }, &[])]
    })
    .await;
    let section = "query_name: version.bind, query_class: CH, recursion_desired: false";
    assert_eq!(reason(&probe(&module("dns", section), &addr).await), "ok");
}

/// dnsmasq with the zones of the recorded pages; ends with the test.
struct Dnsmasq(Child, String);

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Dnsmasq {
    /// `None`, loudly, where it is not installed.
    async fn start(arguments: &[&str]) -> Option<Self> {
        let places = ["/usr/sbin/dnsmasq", "/usr/bin/dnsmasq"];
        let Some(program) = places.into_iter().find(|path| std::path::Path::new(path).exists()) else {
            eprintln!("SKIPPED: dnsmasq is not installed");
            return None;
        };
        // It must be told its port, and somebody may take a free one before it does.
        for _ in 0..5 {
            let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let child = Command::new(program)
                .args([
                    "--keep-in-foreground",
                    "--conf-file=/dev/null",
                    "--no-resolv",
                    "--no-hosts",
                    "--pid-file=",
                ])
                .args(["--listen-address=127.0.0.1", "--bind-interfaces", "--user="])
                .arg(format!("--port={port}"))
                .args(arguments)
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut server = Self(child, format!("127.0.0.1:{port}"));
            let deadline = Instant::now() + Duration::from_secs(5);
            while server.0.try_wait().unwrap().is_none() && Instant::now() < deadline {
                if tokio::net::TcpStream::connect(&server.1).await.is_ok() {
                    return Some(server);
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        panic!("dnsmasq does not start with {arguments:?}");
    }
}

/// fixtures/blackbox/dns_*.prom, recorded with blackbox_exporter 0.28.
#[tokio::test]
async fn the_recorded_pages_of_the_peer() {
    let Some(plain) = Dnsmasq::start(&[
        "--address=/www.probe.test/127.0.0.9",
        "--local=/probe.test/",
        "--txt-record=txt.probe.test,v=probe one,two",
    ])
    .await
    else {
        return;
    };
    let Some(zone) = Dnsmasq::start(&[
        "--auth-server=ns.zone.test,lo",
        "--auth-zone=zone.test",
        "--auth-soa=2026112301,hostmaster.zone.test",
        "--host-record=www.zone.test,127.0.0.9",
    ])
    .await
    else {
        return;
    };
    // The section, the server, and success, answers, authorities, serial as recorded.
    for (section, addr, want) in [
        (WWW, &plain.1, ("ok", 1.0, 0.0, None)),
        (
            "query_name: www.probe.test, query_type: A, transport_protocol: tcp",
            &plain.1,
            ("ok", 1.0, 0.0, None),
        ),
        ("query_name: zone.test, query_type: SOA", &zone.1, ("ok", 1.0, 1.0, Some(2_026_112_301.0))),
        (
            "query_name: txt.probe.test, query_type: TXT, \
             validate_answer_rrs: {fail_if_none_matches_regexp: ['^txt\\.probe\\.test\\.\\t0\\tIN\\tTXT\\t\"v=probe one\" \"two\"$']}",
            &plain.1,
            ("ok", 1.0, 0.0, None),
        ),
        ("query_name: nx.other.test, query_type: A", &plain.1, ("rcode", 0.0, 0.0, None)),
        (
            "query_name: nx.other.test, query_type: A, valid_rcodes: [REFUSED]",
            &plain.1,
            ("ok", 0.0, 0.0, None),
        ),
        (
            "query_name: www.probe.test, query_type: A, \
             validate_answer_rrs: {fail_if_matches_regexp: ['127\\.0\\.0\\.9']}",
            &plain.1,
            ("dns_answer", 1.0, 0.0, None),
        ),
    ] {
        let verdict = probe(&module("dns", section), addr).await;
        let page = &verdict.page;
        let got = (
            reason(&verdict),
            value(page, "probe_dns_answer_rrs").unwrap(),
            value(page, "probe_dns_authority_rrs").unwrap(),
            value(page, "probe_dns_serial"),
        );
        assert_eq!(got, want, "{section}: {:?}", verdict.failure);
        assert_eq!(value(page, "probe_dns_query_succeeded"), Some(1.0), "{section}");
    }
}
