//! What else servers do wrong, by accident or on purpose: each gives its reason, and whatever facts were seen.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, GeneralSubtree, IsCa, Issuer, KeyPair,
    NameConstraints,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{MONTHS, NAME, TIME, family};
use crate::testing::{Lab, look, reason, sample, samples, there, value};

/// `openssl x509 -req` without extensions makes a certificate of version 1.
#[tokio::test]
async fn a_certificate_of_version_1() {
    if !there("openssl", "a_certificate_of_version_1") {
        return;
    }
    let lab = Lab::new();
    lab.openssl("req -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN=site.test");
    lab.openssl("x509 -req -in request.pem -signkey key.pem -out cert.pem -days 30");
    let server = lab.serve("");
    let verdict = look("{}", &server.addr, Some(NAME), TIME).await;
    assert_eq!(reason(&verdict), "tls_cert_untrusted", "{:?}", verdict.failure);
    assert_eq!(sample(&verdict, "tls_chain_trust_info").unwrap().0, ["old_version"]);
    assert_eq!(value(&verdict, "tls_hostname_match"), Some(0.0), "it has no alternative names");
    assert_eq!(sample(&verdict, "tls_certificate_info").unwrap().0[0], NAME);
    let lifetime = value(&verdict, "tls_certificate_lifetime_seconds").unwrap();
    assert!((lifetime - 30.0 * 86_400.0).abs() < 2.0, "{lifetime}");
}

/// An authority that may sign for other names only.
#[tokio::test]
async fn name_constraints() {
    if !there("openssl", "name_constraints") {
        return;
    }
    for (permitted, want, trust) in [
        ("site.test", "ok", "anchored"),
        ("test", "ok", "anchored"),
        ("other.test", "tls_cert_untrusted", "constraint"),
    ] {
        let lab = Lab::new();
        let mut above = CertificateParams::default();
        above.distinguished_name.push(rcgen::DnType::CommonName, "Constrained");
        above.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        above.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName(permitted.to_owned())],
            excluded_subtrees: Vec::new(),
        });
        let key = KeyPair::generate().unwrap();
        let ca = lab.write("ca.pem", &above.self_signed(&key).unwrap().pem());
        let issuer = Issuer::new(above, key);
        let own = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec![NAME.to_owned()]).unwrap().signed_by(&own, &issuer).unwrap();
        lab.write("cert.pem", &leaf.pem());
        lab.write("key.pem", &own.serialize_pem());
        let server = lab.serve("");
        let module = format!("{{tls_config: {{ca_file: '{}'}}}}", ca.display());
        let verdict = look(&module, &server.addr, Some(NAME), TIME).await;
        // webpki reads the constraints of authorities that are sent, and of anchors, too.
        assert_eq!(reason(&verdict), want, "{permitted}: {:?}", verdict.failure);
        assert_eq!(sample(&verdict, "tls_chain_trust_info").unwrap().0, [trust], "{permitted}");
        assert_eq!(value(&verdict, "tls_hostname_match"), Some(1.0), "{permitted}");
    }
}

/// 100 certificates are judged; 200, and one of a megabyte, rustls does not take, and what can be read in the clear is told.
#[tokio::test]
async fn chains_without_end_and_certificates_without_measure() {
    if !there("openssl", "chains_without_end_and_certificates_without_measure") {
        return;
    }
    let key = KeyPair::generate().unwrap();
    let filled = |bytes: usize| {
        let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, NAME);
        let filler = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 32_473, 1], vec![7; bytes]);
        params.custom_extensions.push(filler);
        params.self_signed(&key).unwrap().pem()
    };
    let above: Vec<String> = (0..199).map(|_| filled(10)).collect();
    // How many are above it, its own size, what the server speaks; the reason, and whether there are facts.
    for (above, bytes, options, want, facts) in [
        (&above[..99], 10, "", "tls_cert_untrusted", true),
        (&above[..99], 10, "-tls1_2", "tls_cert_untrusted", true),
        (&above[..], 10, "", "tls_handshake", true),
        (&above[..], 10, "-tls1_2", "tls_handshake", true),
        (&[], 1_000_000, "", "tls_handshake", true),
        (&[], 1_000_000, "-tls1_2", "tls_handshake", true),
        (&[], 1_000_000, "-tls1_3", "tls_handshake", false),
        (&[], 1_100_000, "", "tls_handshake", false),
    ] {
        let lab = Lab::new();
        lab.write("cert.pem", &filled(bytes));
        lab.write("key.pem", &key.serialize_pem());
        lab.write("chain.pem", &above.concat());
        let chain = if above.is_empty() { "" } else { "-cert_chain chain.pem" };
        let server = lab.serve(&format!("{chain} {options}"));
        let verdict = look("{}", &server.addr, Some(NAME), TIME).await;
        let what = format!("{} above, {bytes} bytes, {options}: {:?}", above.len(), verdict.failure);
        assert_eq!(reason(&verdict), want, "{what}");
        assert_eq!(sample(&verdict, "tls_certificate_info").is_some(), facts, "{what}");
        // Of a chain that was not verified nothing is said but what it shows.
        let length = (want == "tls_cert_untrusted").then_some(100.0);
        assert_eq!(value(&verdict, "tls_chain_length"), length, "{what}");
        // No more than 16 are told of.
        let told = samples(&verdict, "tls_certificate_not_after_timestamp_seconds").len();
        assert_eq!(told, if facts { (above.len() + 1).min(16) } else { 0 }, "{what}");
    }
}

/// A server that says one thing to a ClientHello, and then closes, or goes on being silent.
async fn says(bytes: Vec<u8>, closes: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, bytes.clone(), closes));
        }
    });
    addr
}

async fn answer(mut stream: TcpStream, bytes: Vec<u8>, closes: bool) {
    let mut hello = [0; 4096];
    let _ = stream.read(&mut hello).await;
    let _ = stream.write_all(&bytes).await;
    if closes {
        let _ = stream.shutdown().await;
    }
    // What is still sent is read, so that closing resets nothing.
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
}

#[tokio::test]
async fn every_alert_has_its_reason() {
    for (alert, want) in [
        (0, "connection_closed"),
        (10, "tls_alert"),
        (40, "tls_handshake_failure"),
        (47, "tls_alert"),
        (49, "tls_alert"),
        (70, "tls_protocol_version"),
        (71, "tls_handshake_failure"),
        (80, "tls_alert"),
        (86, "tls_alert"),
        (112, "tls_unrecognized_name"),
        (116, "tls_client_certificate_required"),
        (120, "tls_alert"),
        (255, "tls_alert"),
    ] {
        let level = if alert == 0 { 1 } else { 2 };
        let addr = says(vec![21, 3, 3, 0, 2, level, alert], true).await;
        let verdict = look("{}", &addr, Some(NAME), TIME).await;
        assert_eq!(reason(&verdict), want, "alert {alert}: {:?}", verdict.failure);
        assert_eq!(value(&verdict, "tls_chain_length"), None);
    }
}

/// A TLS 1.2 server's first flight, cut at every kind of place, and with nonsense in it.
#[tokio::test]
async fn handshakes_that_break_off() {
    let record = |kind: u8, body: &[u8]| {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind, 3, 3][..], &length, body].concat()
    };
    let message = |kind: u8, body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind][..], &length[1..], body].concat()
    };
    let list = |all: &[&[u8]]| {
        let one = |der: &&[u8]| [&u32::try_from(der.len()).unwrap().to_be_bytes()[1..], der].concat();
        let all: Vec<u8> = all.iter().flat_map(one).collect();
        [&u32::try_from(all.len()).unwrap().to_be_bytes()[1..], &all].concat()
    };
    // TLS 1.2, ECDHE-ECDSA with AES-128-GCM, no session, no extensions but the renegotiation's.
    let hello = [&[3, 3][..], &[7; 32], &[0, 0xc0, 0x2b, 0], &[0, 5, 0xff, 1, 0, 1, 0]].concat();
    let hello = record(22, &message(2, &hello));
    let family = family(MONTHS);
    let der = pem_bytes(&family.leaf.pem);
    let certificate = |content: &[u8]| record(22, &message(11, content));
    let good = certificate(&list(&[&der]));
    let cut = &good[..good.len() - 20];
    let mut wrongs = Vec::new();
    // What the server says, whether it closes, the reason, and whether there is a certificate to tell of.
    for (what, bytes, closes, want, facts) in [
        ("nothing", Vec::new(), true, "connection_closed", false),
        ("half a record's head", hello[..3].to_vec(), true, "connection_closed", false),
        ("half a hello", hello[..30].to_vec(), true, "connection_closed", false),
        ("a hello alone", hello.clone(), true, "connection_closed", false),
        ("a hello and silence", hello.clone(), false, "tls_timeout", false),
        ("half a certificate", [&hello, cut].concat(), true, "connection_closed", false),
        ("no certificate", [&hello[..], &certificate(&list(&[]))].concat(), true, "connection_closed", false),
        (
            "an empty one",
            [&hello[..], &certificate(&list(&[b""]))].concat(),
            true,
            "connection_closed",
            false,
        ),
        (
            "a length that lies",
            [&hello[..], &certificate(&[0, 0xff, 0xff, 0, 0, 1, 9])].concat(),
            true,
            "tls_handshake",
            false,
        ),
        (
            "another message",
            [&hello[..], &record(22, &message(99, b"?"))].concat(),
            true,
            "tls_handshake",
            false,
        ),
        ("data", [&hello[..], &record(23, b"hello")].concat(), true, "tls_handshake", false),
        ("a record of no kind", [&hello[..], &record(77, b"hello")].concat(), true, "tls_not_tls", false),
    ] {
        let addr = says(bytes, closes).await;
        let time = if closes { TIME } else { Duration::from_millis(300) };
        let verdict = look("{}", &addr, Some(NAME), time).await;
        let got = (reason(&verdict), sample(&verdict, "tls_certificate_info").is_some());
        if got != (want, facts) {
            wrongs.push(format!("{what}: {got:?}, {:?}", verdict.failure));
        }
    }
    assert!(wrongs.is_empty(), "{wrongs:#?}");
}

fn pem_bytes(pem: &str) -> Vec<u8> {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject as _;
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}

/// A certificate of garbage from a server that is otherwise whole: `openssl` does not load one, so its answer is rewritten on
/// the way, under TLS 1.2 where it is in clear.
#[tokio::test]
async fn a_certificate_that_is_rewritten_on_the_way() {
    if !there("openssl", "a_certificate_that_is_rewritten_on_the_way") {
        return;
    }
    let (lab, family) = (Lab::new(), family(MONTHS));
    lab.write("cert.pem", &family.leaf.pem);
    lab.write("key.pem", &family.leaf.key);
    let server = lab.serve("-tls1_2");
    let der = pem_bytes(&family.leaf.pem);
    // The byte that says what the whole certificate is, and one within a date.
    let date = der.windows(2).position(|part| part == [0x17, 13]).unwrap() + 5;
    for (at, byte, readable) in
        [(0, 0x31, false), (date, b'x', false), (der.len() - 1, !der[der.len() - 1], true)]
    {
        let (der, behind) = (der.clone(), server.addr.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (der, behind) = (der.clone(), behind.clone());
                tokio::spawn(async move {
                    let server = TcpStream::connect(behind).await.unwrap();
                    let ((mut from, mut to), (mut back, mut out)) =
                        (server.into_split(), client.into_split());
                    tokio::spawn(async move { tokio::io::copy(&mut back, &mut to).await });
                    let mut held = Vec::new();
                    let mut buffer = [0; 8192];
                    while let Ok(length @ 1..) = from.read(&mut buffer).await {
                        held.extend_from_slice(&buffer[..length]);
                        // openssl writes its whole first flight at once, or nearly.
                        if let Some(place) = held.windows(der.len()).position(|part| part == der) {
                            held[place + at] = byte;
                        } else if held.len() < der.len() {
                            continue;
                        }
                        if out.write_all(&held).await.is_err() {
                            return;
                        }
                        held.clear();
                    }
                });
            }
        });
        let verdict = look("{tls_config: {insecure_skip_verify: true}}", &addr, Some(NAME), TIME).await;
        assert_ne!(reason(&verdict), "ok", "byte {at}");
        assert_eq!(
            sample(&verdict, "tls_certificate_info").is_some(),
            readable,
            "byte {at}: {:?}",
            verdict.failure
        );
        assert_eq!(value(&verdict, "tls_chain_length"), Some(1.0), "byte {at}");
        let trust = sample(&verdict, "tls_chain_trust_info").unwrap().0;
        assert_ne!(trust, ["anchored"], "byte {at}");
    }
}
