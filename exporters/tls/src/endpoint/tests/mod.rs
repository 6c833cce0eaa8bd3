//! The matrix of bad certificates and odd servers, with `openssl s_server` and nginx on loopback: each gives its reason,
//! and whatever facts were seen.

mod matrix;
mod ocsp;
mod ways;

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::testing::{Lab, Made, build, look, make, reason, sample, there, value};

const TIME: Duration = Duration::from_secs(5);
const YEARS: (i64, i64) = (-400, 4000);
const MONTHS: (i64, i64) = (-30, 60);
const NAME: &str = "site.test";

/// A root, an intermediate, and a server's certificate of these dates.
struct Family {
    root: Made,
    middle: Made,
    leaf: Made,
}

fn family(dates: (i64, i64)) -> Family {
    let root = make("Lab Root", true, None, YEARS);
    let middle = make("Lab Intermediate", true, Some(&root), YEARS);
    let leaf = make(NAME, false, Some(&middle), dates);
    Family { root, middle, leaf }
}

/// Families and what they must say.
type Facts = &'static [(&'static str, f64)];

const GOOD: Facts = &[
    ("tls_probe_success", 1.0),
    ("tls_chain_valid", 1.0),
    ("tls_certificate_time_valid", 1.0),
    ("tls_hostname_match", 1.0),
    ("tls_chain_trusted", 1.0),
    ("tls_chain_complete", 1.0),
    ("tls_chain_in_order", 1.0),
    ("tls_chain_length", 2.0),
    ("tls_chain_signature_weak", 0.0),
    ("tls_certificate_key_weak", 0.0),
    ("tls_certificate_scts", 0.0),
    ("tls_certificate_must_staple", 0.0),
    ("tls_ocsp_stapled", 0.0),
    ("tls_handshake_key_proven", 1.0),
    ("tls_handshake_post_quantum", 0.0),
    ("tls_client_certificate_requested", 0.0),
    ("tls_target_addresses", 1.0),
    ("tls_target_failed_addresses", 0.0),
    ("tls_target_certificates", 1.0),
];

/// What differs from [`GOOD`]; a NaN stands for a family that must be absent.
struct Row {
    what: &'static str,
    dates: (i64, i64),
    host: &'static str,
    /// Whether the intermediate is sent, whether the root is before it.
    chain: &'static str,
    arguments: &'static str,
    reason: &'static str,
    trust: &'static str,
    other: Facts,
}

const ROW: Row = Row {
    what: "",
    dates: MONTHS,
    host: NAME,
    chain: "middle",
    arguments: "",
    reason: "ok",
    trust: "anchored",
    other: &[],
};

const ROWS: &[Row] = &[
    Row { what: "good", ..ROW },
    Row { what: "good with TLS 1.2", arguments: "-tls1_2", ..ROW },
    Row {
        what: "expired",
        dates: (-90, -1),
        reason: "tls_cert_expired",
        other: &[("tls_certificate_time_valid", 0.0)],
        ..ROW
    },
    Row {
        what: "not yet valid",
        dates: (1, 90),
        reason: "tls_cert_not_yet_valid",
        other: &[("tls_certificate_time_valid", 0.0)],
        ..ROW
    },
    Row {
        what: "expired and for another name: both show",
        dates: (-90, -1),
        host: "other.test",
        reason: "tls_cert_expired",
        other: &[("tls_certificate_time_valid", 0.0), ("tls_hostname_match", 0.0)],
        ..ROW
    },
    Row {
        what: "for another name",
        host: "other.test",
        reason: "tls_name_mismatch",
        other: &[("tls_hostname_match", 0.0)],
        ..ROW
    },
    Row {
        what: "missing intermediate",
        chain: "",
        reason: "tls_cert_untrusted",
        trust: "unknown_issuer",
        other: &[
            ("tls_chain_trusted", 0.0),
            ("tls_chain_complete", 0.0),
            ("tls_chain_length", 1.0),
            ("tls_chain_expiry_timestamp_seconds", f64::NAN),
        ],
        ..ROW
    },
    Row {
        what: "shuffled, with the root",
        chain: "root middle",
        other: &[("tls_chain_in_order", 0.0), ("tls_chain_length", 3.0)],
        ..ROW
    },
    Row { what: "with the root", chain: "middle root", other: &[("tls_chain_length", 3.0)], ..ROW },
    Row {
        what: "wants a client certificate, TLS 1.3",
        arguments: "-Verify 1 -verify_return_error",
        reason: "tls_client_certificate_required",
        other: &[("tls_client_certificate_requested", 1.0)],
        ..ROW
    },
    Row {
        what: "wants a client certificate, TLS 1.2",
        arguments: "-Verify 1 -verify_return_error -tls1_2",
        reason: "tls_client_certificate_required",
        other: &[("tls_client_certificate_requested", 1.0), ("tls_handshake_post_quantum", f64::NAN)],
        ..ROW
    },
    Row {
        what: "asks for a client certificate, and does without",
        arguments: "-verify 1",
        other: &[("tls_client_certificate_requested", 1.0)],
        ..ROW
    },
];

#[tokio::test]
async fn each_certificate_gives_its_reason_and_its_facts() {
    if !there("openssl", "each_certificate_gives_its_reason_and_its_facts") {
        return;
    }
    for row in ROWS {
        let (lab, family) = (Lab::new(), family(row.dates));
        let ca = lab.write("ca.pem", &family.root.pem);
        lab.write("cert.pem", &family.leaf.pem);
        lab.write("key.pem", &family.leaf.key);
        let mut arguments = row.arguments.to_owned();
        if !row.chain.is_empty() {
            let part = |word| if word == "root" { family.root.pem.as_str() } else { &family.middle.pem };
            let chain: Vec<&str> = row.chain.split(' ').map(part).collect();
            lab.write("chain.pem", &chain.concat());
            arguments.push_str(" -cert_chain chain.pem");
        }
        let server = lab.serve(&arguments);
        let module = format!("{{tls_config: {{ca_file: '{}'}}}}", ca.display());
        let verdict = look(&module, &server.addr, Some(row.host), TIME).await;
        assert_eq!(reason(&verdict), row.reason, "{}: {:?}", row.what, verdict.failure);
        assert_eq!(sample(&verdict, "tls_chain_trust_info").unwrap().0, [row.trust], "{}", row.what);
        let well = row.reason == "ok";
        let own = |name: &str, usual: f64| match name {
            "tls_probe_success" => f64::from(u8::from(well)),
            "tls_target_failed_addresses" => f64::from(u8::from(!well)),
            // A client certificate that is missed is no fault of the server's.
            "tls_chain_valid" => f64::from(u8::from(well || row.reason == "tls_client_certificate_required")),
            _ => usual,
        };
        let usual = GOOD.iter().filter(|(name, _)| row.other.iter().all(|(other, _)| other != name));
        for (name, want) in usual.chain(row.other) {
            let got = value(&verdict, name);
            if want.is_nan() {
                assert_eq!(got, None, "{}: {name}", row.what);
            } else {
                assert_eq!(got, Some(own(name, *want)), "{}: {name}", row.what);
            }
        }
        // Whatever is wrong: the dates are there.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        for (name, days) in [
            ("tls_certificate_not_before_timestamp_seconds", row.dates.0),
            ("tls_certificate_not_after_timestamp_seconds", row.dates.1),
        ] {
            let (labels, at) = sample(&verdict, name).unwrap();
            assert_eq!(labels, ["0", "leaf"]);
            #[allow(clippy::cast_precision_loss, reason = "days")]
            let want = now + days as f64 * 86_400.0;
            assert!((at - want).abs() < 120.0, "{}: {name}", row.what);
        }
        let (labels, _) = sample(&verdict, "tls_certificate_info").unwrap();
        assert_eq!(
            (labels[0].as_str(), labels[1].as_str(), labels[9].as_str()),
            (NAME, "Lab Intermediate", NAME)
        );
        assert_eq!(
            sample(&verdict, "tls_certificate_renewal_due_timestamp_seconds").unwrap().0,
            ["fraction"]
        );
    }
}

/// Certificates that only openssl makes: its own self-signed one, SHA-1, RSA of 1,024 bits, version 1.
#[tokio::test]
async fn odd_certificates_are_told_apart() {
    if !there("openssl", "odd_certificates_are_told_apart") {
        return;
    }
    let san = "-addext subjectAltName=DNS:site.test";
    for (make, trust, proven, family, want) in [
        (format!("-newkey rsa:2048 {san}"), "self_signed", Some(1.0), "tls_chain_complete", 1.0),
        (
            format!("-newkey rsa:2048 -sha1 -addext basicConstraints=CA:FALSE {san}"),
            "self_signed",
            Some(1.0),
            "tls_chain_signature_weak",
            1.0,
        ),
        (format!("-newkey rsa:1024 {san}"), "self_signed", Some(0.0), "tls_certificate_key_weak", 1.0),
        ("-newkey rsa:2048".to_owned(), "self_signed", Some(1.0), "tls_hostname_match", 0.0),
        (
            format!("-newkey rsa:2048 {san} -addext tlsfeature=status_request"),
            "self_signed",
            Some(1.0),
            "tls_certificate_must_staple",
            1.0,
        ),
        (
            format!("-newkey rsa:2048 {san} -days 400"),
            "self_signed",
            Some(1.0),
            "tls_certificate_lifetime_seconds",
            400.0 * 86_400.0,
        ),
    ] {
        let lab = Lab::new();
        lab.openssl(&format!("req -x509 -nodes -subj /CN=site.test -keyout key.pem -out cert.pem {make}"));
        let server = lab.serve("-cipher ALL:@SECLEVEL=0");
        let verdict = look("{}", &server.addr, Some(NAME), TIME).await;
        assert_eq!(reason(&verdict), "tls_cert_untrusted", "{make}: {:?}", verdict.failure);
        assert_eq!(sample(&verdict, "tls_chain_trust_info").unwrap().0, [trust], "{make}");
        assert_eq!(value(&verdict, "tls_handshake_key_proven"), proven, "{make}");
        assert_eq!(value(&verdict, family), Some(want), "{make}: {family}");
        assert_eq!(value(&verdict, "tls_chain_valid"), Some(0.0));
        // The certificate may be what it is; with verification skipped the look is a success, and says the same.
        let skipped =
            look("{tls_config: {insecure_skip_verify: true}}", &server.addr, Some(NAME), TIME).await;
        assert_eq!(reason(&skipped), "ok", "{make}: {:?}", skipped.failure);
        assert_eq!(value(&skipped, "tls_chain_valid"), Some(0.0));
        assert_eq!(value(&skipped, family), Some(want), "{make}: {family}");
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown_and_versions_and_protocols_are_chosen() {
    if !there("openssl", "a_client_certificate_is_shown_and_versions_and_protocols_are_chosen") {
        return;
    }
    let (lab, family) = (Lab::new(), family(MONTHS));
    let root = lab.write("ca.pem", &family.root.pem);
    lab.write("cert.pem", &family.leaf.pem);
    lab.write("chain.pem", &family.middle.pem);
    let key = lab.write("key.pem", &family.leaf.key);
    let client = lab.write("client.pem", &(family.leaf.pem.clone() + &family.middle.pem));
    let server =
        lab.serve("-cert_chain chain.pem -CAfile ca.pem -Verify 2 -verify_return_error -alpn h2,http/1.1");
    let module =
        |more: &str| format!("{{alpn: [h2], tls_config: {{ca_file: '{}', {more}}}}}", root.display());
    let identity = format!("cert_file: '{}', key_file: '{}'", client.display(), key.display());
    let verdict = look(&module(&identity), &server.addr, Some(NAME), TIME).await;
    // The purpose of the server's certificate is not told, so it will do for a client, too.
    assert_eq!(reason(&verdict), "ok", "{:?}", verdict.failure);
    let (labels, _) = sample(&verdict, "tls_handshake_info").unwrap();
    assert_eq!(labels[0], "TLS 1.3");
    assert!(labels[1].starts_with("TLS_"), "{labels:?}");
    assert_eq!(labels[3], "h2");
    let verdict = look(&module("max_version: TLS12"), &server.addr, Some(NAME), TIME).await;
    assert_eq!(reason(&verdict), "tls_client_certificate_required", "{:?}", verdict.failure);
}

#[tokio::test]
async fn servers_that_refuse_and_what_is_no_server() {
    if !there("openssl", "servers_that_refuse_and_what_is_no_server") {
        return;
    }
    let (lab, family) = (Lab::new(), family(MONTHS));
    lab.write("cert.pem", &family.leaf.pem);
    lab.write("key.pem", &family.leaf.key);
    for (arguments, module, want) in [
        ("-tls1_1 -cipher ALL:@SECLEVEL=0", "{}", "tls_protocol_version"),
        ("-tls1_2", "{tls_config: {min_version: TLS13}}", "tls_protocol_version"),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA", "{}", "tls_handshake_failure"),
    ] {
        let server = lab.serve(arguments);
        let verdict = look(module, &server.addr, Some(NAME), TIME).await;
        assert_eq!(reason(&verdict), want, "{arguments}: {:?}", verdict.failure);
        assert_eq!(value(&verdict, "tls_chain_length"), None);
        // Nothing is verified, but the dates are there, with the word that nothing is proven.
        let (labels, _) = sample(&verdict, "tls_certificate_info").unwrap();
        assert_eq!(labels[0], NAME, "{arguments}");
        assert!(sample(&verdict, "tls_cleartext_info").unwrap().0[0].starts_with("TLS 1."));
        assert_eq!(value(&verdict, "tls_handshake_key_proven"), None);
        assert!(value(&verdict, "tls_certificate_not_after_timestamp_seconds").is_some());
        assert_eq!(value(&verdict, "tls_target_certificates"), Some(1.0));
        assert_eq!(value(&verdict, "tls_target_failed_addresses"), Some(1.0));
    }
    for (says, want) in [("HTTP/1.1 400 Bad Request\r\n\r\n", "tls_not_tls"), ("", "connection_closed")] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(says.as_bytes()).await.unwrap();
            let _ = stream.shutdown().await;
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        });
        let verdict = look("{}", &addr, Some(NAME), TIME).await;
        assert_eq!(reason(&verdict), want, "{:?}", verdict.failure);
    }
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = silent.local_addr().unwrap().to_string();
    let verdict = look("{}", &addr, None, Duration::from_millis(100)).await;
    assert_eq!(reason(&verdict), "tls_timeout");
    drop(silent);
    assert_eq!(reason(&look("{}", &addr, None, TIME).await), "connect_refused");
    assert_eq!(reason(&look("{}", "http://a.test", None, TIME).await), "target_invalid");
    assert_eq!(reason(&look("{}", "169.254.169.254:443", None, TIME).await), "target_refused");
    // What is watched anyway may be asked for.
    let exporter = build("allowed_targets: ['192.0.2.0/24']\ntargets: [{target: '127.0.0.1:1'}]").unwrap();
    for (target, want) in [("127.0.0.1:1", "connect_refused"), ("127.0.0.1:2", "target_refused")] {
        let (trace, deadline) = (kit::Trace::new(), std::time::Instant::now() + TIME);
        let ask = kit::Ask { module: "tls", target, hostname: None, deadline, trace: &trace };
        let verdict = kit::Exporter::prober(&exporter).unwrap().probe(ask).await;
        assert_eq!(verdict.failure.unwrap().reason, want, "{target}");
    }
    let verdict = look("{addresses: ip6}", "127.0.0.1:443", None, TIME).await;
    assert_eq!(reason(&verdict), "dns_no_address");
}

/// nginx with `ssl_reject_handshake` for what it does not know, as Nginx Proxy Manager sets it up: the alert says that the
/// name, or its absence, is the cause. And a certificate by name, whatever address it is asked at.
#[tokio::test]
async fn nginx_rejects_a_name_that_it_does_not_know() {
    if !there("nginx", "nginx_rejects_a_name_that_it_does_not_know") {
        return;
    }
    let (lab, family) = (Lab::new(), family(MONTHS));
    let ca = lab.write("ca.pem", &family.root.pem);
    lab.write("cert.pem", &(family.leaf.pem.clone() + &family.middle.pem));
    lab.write("key.pem", &family.leaf.key);
    let (nginx, port) = lab
        .nginx(&format!(
            "server {{ listen 127.0.0.1:@PORT@ ssl default_server; ssl_reject_handshake on; }}
         server {{ listen 127.0.0.1:@PORT@ ssl http2; server_name {NAME};
                   ssl_certificate cert.pem; ssl_certificate_key key.pem; }}"
        ))
        .await;
    let module = format!("{{alpn: [h2], tls_config: {{ca_file: '{}'}}}}", ca.display());
    let target = format!("127.0.0.1:{port}");
    for (host, want) in
        [(Some(NAME), "ok"), (Some("other.test"), "tls_unrecognized_name"), (None, "tls_unrecognized_name")]
    {
        let verdict = look(&module, &target, host, TIME).await;
        assert_eq!(reason(&verdict), want, "{host:?}: {:?}", verdict.failure);
    }
    drop(nginx);
}

/// Mail: the certificate behind STARTTLS, and a server that has none to offer.
#[tokio::test]
async fn a_certificate_behind_starttls() {
    if !there("openssl", "a_certificate_behind_starttls") {
        return;
    }
    let (lab, family) = (Lab::new(), family((-90, -1)));
    lab.write("cert.pem", &family.leaf.pem);
    lab.write("key.pem", &family.leaf.key);
    let tls = lab.serve("");
    let behind = tls.addr.clone();
    for (offer, want) in
        [("250-mx.test\r\n250 STARTTLS\r\n", "tls_cert_expired"), ("250 mx.test\r\n", "starttls_not_offered")]
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        let behind = behind.clone();
        // A mail server's first lines, and openssl behind them.
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"220 mx.test ESMTP\r\n").await.unwrap();
            let mut line = [0; 256];
            let _ = stream.read(&mut line).await.unwrap();
            stream.write_all(offer.as_bytes()).await.unwrap();
            let came = stream.read(&mut line).await.unwrap();
            if line[..came].starts_with(b"STARTTLS") {
                stream.write_all(b"220 go\r\n").await.unwrap();
                let mut inner = tokio::net::TcpStream::connect(behind).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut inner).await;
            }
        });
        let verdict = look("{starttls: smtp}", &addr, Some(NAME), TIME).await;
        assert_eq!(reason(&verdict), want, "{:?}", verdict.failure);
        let dialogue = verdict
            .page
            .get("tls_probe_duration_seconds", &[("target", &addr), ("module", "m"), ("phase", "dialogue")]);
        assert!(dialogue.is_some());
        assert_eq!(value(&verdict, "tls_chain_length"), (want == "tls_cert_expired").then_some(1.0));
    }
}

/// blackbox_exporter #1047: of a name with several addresses one is seen at random. `localhost` has two here.
#[tokio::test]
async fn every_address_of_a_name_is_looked_at() {
    if !there("openssl", "every_address_of_a_name_is_looked_at") {
        return;
    }
    let (lab, family) = (Lab::new(), family(MONTHS));
    lab.write("cert.pem", &family.leaf.pem);
    lab.write("key.pem", &family.leaf.key);
    let server = lab.serve("");
    let port = server.addr.rsplit_once(':').unwrap().1;
    let verdict =
        look("{tls_config: {insecure_skip_verify: true}}", &format!("localhost:{port}"), None, TIME).await;
    let addresses = value(&verdict, "tls_target_addresses").unwrap();
    let failed = value(&verdict, "tls_target_failed_addresses").unwrap();
    // It listens on the IPv4 one alone.
    assert!(failed == addresses - 1.0, "{failed} of {addresses}: {:?}", verdict.failure);
    assert_eq!(value(&verdict, "tls_probe_success"), Some(f64::from(u8::from(failed == 0.0))));
    assert_eq!(value(&verdict, "tls_target_certificates"), Some(1.0));
    assert_eq!(value(&verdict, "tls_chain_length"), Some(1.0), "one address that is down hides nothing");
}

/// The peers' defect 1: at the moment of expiry every certificate metric is gone. And when the server is gone, too, the
/// dates are kept, with the time at which they were seen.
#[tokio::test]
async fn on_the_schedule_the_dates_outlive_the_certificate_and_the_server() {
    if !there("openssl", "on_the_schedule_the_dates_outlive_the_certificate_and_the_server") {
        return;
    }
    let (lab, family) = (Lab::new(), family((-90, -1)));
    lab.write("cert.pem", &family.leaf.pem);
    lab.write("key.pem", &family.leaf.key);
    let server = lab.serve("");
    let yaml = format!(
        "targets: [{{name: site, target: '{}', hostname: {NAME}, labels: {{team: web}}, renewal: {{before: 20d}}}}]",
        server.addr
    );
    let exporter = build(&yaml).unwrap_or_else(|error| panic!("{error}"));
    let labels = [("target", "site"), ("module", "tls")];
    let page = exporter.schedule().run_once().await;
    assert!(page.dropped().is_empty(), "{:?}", page.dropped());
    assert_eq!(page.get("tls_certificate_time_valid", &labels), Some(0.0));
    drop(server);
    let page = exporter.schedule().run_once().await;
    assert_eq!(page.get("tls_probe_success", &labels), Some(0.0));
    assert_eq!(page.get("tls_probe_failures_total", &labels), Some(2.0));
    assert_eq!(page.get("tls_certificate_time_valid", &labels), None, "the last look saw none");
    let place = [labels[0], labels[1], ("position", "0"), ("role", "leaf")];
    let end = page.get("tls_certificate_not_after_timestamp_seconds", &place).unwrap();
    let due = page
        .get("tls_certificate_renewal_due_timestamp_seconds", &[labels[0], labels[1], ("policy", "before")]);
    assert_eq!(due, Some(end - 20.0 * 86_400.0));
    assert!(page.get("tls_certificate_last_seen_timestamp_seconds", &labels).is_some());
    let info = [labels[0], labels[1], ("endpoint", server_addr(&yaml)), ("team", "web")];
    assert_eq!(page.get("tls_target_info", &info), Some(1.0));
    assert!(kit::Exporter::watched(&exporter)[0].detail.contains("certificate expired 1 days ago"));
}

fn server_addr(yaml: &str) -> &str {
    yaml.split('\'').nth(1).unwrap()
}
