//! Handshakes with servers of every kind, in this process. The dates are far enough from now for any clock.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{
    BasicConstraints, Certificate as Made, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair,
};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;

/// 2090-01-01, 2080-01-01 and 2021-01-01 in seconds.
const Y2090: i64 = 3_786_912_000;
const Y2080: i64 = 3_471_292_800;
const Y2021: i64 = 1_609_459_200;

/// A certificate with its key, able to sign others.
struct Signer {
    made: Made,
    issuer: Issuer<'static, KeyPair>,
}

struct Spec<'a> {
    name: &'a str,
    sans: &'a [&'a str],
    years: (i32, i32),
    ca: bool,
}

const LEAF: Spec<'static> =
    Spec { name: "leaf", sans: &["probe.test", "127.0.0.1"], years: (2020, 2080), ca: false };
const ROOT: Spec<'static> = Spec { name: "Root", sans: &[], years: (2020, 2090), ca: true };
const BETWEEN: Spec<'static> = Spec { name: "Intermediate", sans: &[], years: (2020, 2090), ca: true };

fn make(spec: &Spec<'_>, by: Option<&Signer>) -> Signer {
    make_with(spec, by, KeyPair::generate().unwrap())
}

fn make_with(spec: &Spec<'_>, by: Option<&Signer>, key: KeyPair) -> Signer {
    let sans: Vec<String> = spec.sans.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(sans).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, spec.name);
    params.not_before = rcgen::date_time_ymd(spec.years.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(spec.years.1, 1, 1);
    if spec.ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    } else {
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    }
    let made = match by {
        Some(by) => params.signed_by(&key, &by.issuer).unwrap(),
        None => params.self_signed(&key).unwrap(),
    };
    Signer { made, issuer: Issuer::new(params, key) }
}

fn key(signer: &Signer) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(signer.issuer.key().serialize_der()).into()
}

/// A server, and the task that ends with it.
struct Server {
    addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves a chain; with `clients` it requires a client certificate from that authority. Says "hello" after a handshake.
async fn serve(
    leaf: &Signer,
    above: &[&Signer],
    clients: Option<&Signer>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Server {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions).unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut store = RootCertStore::empty();
            store.add(authority.made.der().clone()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let chain: Vec<CertificateDer<'static>> =
        [leaf].iter().chain(above).map(|signer| signer.made.der().clone()).collect();
    let mut config = builder.with_single_cert(chain, key(leaf)).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.write_all(b"hello").await;
                let _ = stream.shutdown().await;
            }
        }
    });
    Server { addr, task }
}

/// A server that writes bytes and keeps or closes the connection.
async fn plain(bytes: &'static [u8], keep: bool) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut hello = [0; 5];
            let _ = stream.read_exact(&mut hello).await;
            let _ = stream.write_all(bytes).await;
            if keep {
                kept.push(stream);
            }
        }
    });
    Server { addr, task }
}

const BOTH: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

fn trusting(anchors: &[&Signer]) -> Settings {
    let pem: String = anchors.iter().map(|signer| signer.made.pem()).collect();
    Settings { ca: Some(pem.into_bytes()), ..Settings::default() }
}

async fn shake(client: &Client, server: &Server, name: &str) -> Outcome<TcpStream> {
    let stream = TcpStream::connect(server.addr).await.unwrap();
    client.handshake_by(stream, name, &Alpn::Http2OrHttp1, Instant::now() + Duration::from_secs(5)).await
}

fn reason(outcome: &Outcome<TcpStream>) -> Option<&'static str> {
    outcome.stream.as_ref().err().map(HandshakeError::word)
}

#[tokio::test]
async fn a_good_chain_shows_everything() {
    let root = make(&ROOT, None);
    let between = make(&BETWEEN, Some(&root));
    let leaf = make(&LEAF, Some(&between));
    let server = serve(&leaf, &[&between], None, BOTH).await;
    let client = Client::new(&trusting(&[&root])).unwrap();
    // Twice: the second judgement is a remembered one.
    for name in ["probe.test", "probe.test", "probe.test.", "127.0.0.1"] {
        let outcome = shake(&client, &server, name).await;
        assert_eq!(reason(&outcome), None, "{name}: {:?}", outcome.stream.err());
        let seen = outcome.seen;
        assert!(seen.is_verified());
        assert_eq!(seen.version, Some(Version::Tls13));
        assert!(seen.cipher.unwrap().starts_with("TLS_"), "{:?}", seen.cipher);
        assert_eq!(seen.key_exchange, Some("X25519MLKEM768"));
        assert_eq!(seen.alpn.as_deref(), Some(&b"h2"[..]));
        assert!(seen.ocsp.is_empty() && !seen.asked_for_certificate);
        assert_eq!(seen.chain().unwrap().links.len(), 2);
        assert_eq!(seen.leaf().unwrap().subject, "CN=leaf");
        assert_eq!(seen.chain().unwrap().earliest_expiry(), Some(Y2080));
        assert_eq!(seen.verification().unwrap().path_expiry, Some(Y2080));
        assert_eq!(seen.verification().unwrap().trust, Trust::Anchored);
    }
    let mut settings = trusting(&[&root]);
    settings.max_version = Some(Version::Tls12);
    let outcome = shake(&Client::new(&settings).unwrap(), &server, "probe.test").await;
    assert_eq!(outcome.seen.version.unwrap().as_str(), "TLS 1.2");
    assert!(outcome.seen.cipher.unwrap().starts_with("TLS_ECDHE_ECDSA_WITH_"), "{:?}", outcome.seen.cipher);
    settings.server_name = Some("other.test".to_owned());
    let outcome = shake(&Client::new(&settings).unwrap(), &server, "probe.test").await;
    assert_eq!(reason(&outcome), Some("tls_name_mismatch"));
    assert_eq!(
        outcome.stream.unwrap_err().detail,
        "tls handshake with other.test: the certificate is for probe.test, 127.0.0.1, not for other.test"
    );
}

/// blackbox_exporter #1119: the certificate vanished at the very moment it expired.
#[tokio::test]
async fn a_bad_certificate_fails_and_is_still_seen() {
    let root = make(&ROOT, None);
    let stranger = make(&Spec { name: "Stranger", ..ROOT }, None);
    let between = make(&BETWEEN, Some(&root));
    let old_between = make(&Spec { years: (2020, 2021), ..BETWEEN }, Some(&root));
    let old_root = make(&Spec { years: (2020, 2021), ..ROOT }, None);
    let expired = Spec { years: (2020, 2021), ..LEAF };
    let future = Spec { years: (2089, 2095), ..LEAF };
    let itself = Spec { name: "itself", ca: true, ..LEAF };
    let own = make(&itself, None);
    let old_own = make(&Spec { years: (2020, 2021), ..itself }, None);
    type Row<'a> =
        (&'a str, Signer, Vec<&'a Signer>, &'a Signer, &'a str, Option<&'a str>, Trust, Option<i64>);
    let copy = |signer: &Signer| Signer {
        made: signer.made.clone(),
        issuer: make_with(&itself, None, KeyPair::from_pem(&signer.issuer.key().serialize_pem()).unwrap())
            .issuer,
    };
    let rows: Vec<Row<'_>> = vec![
        (
            "good",
            make(&LEAF, Some(&between)),
            vec![&between],
            &root,
            "probe.test",
            None,
            Trust::Anchored,
            Some(Y2080),
        ),
        (
            "expired",
            make(&expired, Some(&between)),
            vec![&between],
            &root,
            "probe.test",
            Some("tls_cert_expired"),
            Trust::Anchored,
            Some(Y2021),
        ),
        (
            "expired and for another",
            make(&expired, Some(&between)),
            vec![&between],
            &root,
            "x.test",
            Some("tls_cert_expired"),
            Trust::Anchored,
            Some(Y2021),
        ),
        (
            "not yet valid",
            make(&future, Some(&root)),
            vec![],
            &root,
            "probe.test",
            Some("tls_cert_not_yet_valid"),
            Trust::Anchored,
            Some(Y2090),
        ),
        (
            "for another",
            make(&LEAF, Some(&root)),
            vec![],
            &root,
            "x.test",
            Some("tls_name_mismatch"),
            Trust::Anchored,
            Some(Y2080),
        ),
        (
            "for another address",
            make(&LEAF, Some(&root)),
            vec![],
            &root,
            "127.0.0.2",
            Some("tls_name_mismatch"),
            Trust::Anchored,
            Some(Y2080),
        ),
        (
            "no intermediate",
            make(&LEAF, Some(&between)),
            vec![],
            &root,
            "probe.test",
            Some("tls_cert_untrusted"),
            Trust::UnknownIssuer,
            None,
        ),
        (
            "expired, no intermediate",
            make(&expired, Some(&between)),
            vec![],
            &root,
            "probe.test",
            Some("tls_cert_expired"),
            Trust::UnknownIssuer,
            None,
        ),
        (
            "stranger",
            make(&LEAF, Some(&stranger)),
            vec![],
            &root,
            "probe.test",
            Some("tls_cert_untrusted"),
            Trust::UnknownIssuer,
            None,
        ),
        (
            "old intermediate",
            make(&LEAF, Some(&old_between)),
            vec![&old_between],
            &root,
            "probe.test",
            Some("tls_cert_expired"),
            Trust::Anchored,
            Some(Y2021),
        ),
        (
            "old root",
            make(&LEAF, Some(&old_root)),
            vec![],
            &old_root,
            "probe.test",
            Some("tls_cert_expired"),
            Trust::Anchored,
            Some(Y2021),
        ),
        (
            "self-signed",
            copy(&own),
            vec![],
            &root,
            "probe.test",
            Some("tls_cert_untrusted"),
            Trust::SelfSigned,
            None,
        ),
        ("self-signed and pinned", copy(&own), vec![], &own, "probe.test", None, Trust::Pinned, Some(Y2080)),
        (
            "pinned, for another",
            copy(&own),
            vec![],
            &own,
            "x.test",
            Some("tls_name_mismatch"),
            Trust::Pinned,
            Some(Y2080),
        ),
        (
            "pinned, expired",
            copy(&old_own),
            vec![],
            &old_own,
            "probe.test",
            Some("tls_cert_expired"),
            Trust::Pinned,
            Some(Y2021),
        ),
        (
            "an authority's",
            make(&itself, Some(&root)),
            vec![],
            &root,
            "probe.test",
            Some("tls_cert_untrusted"),
            Trust::CaAsServer,
            None,
        ),
        (
            "no names",
            make(&Spec { sans: &[], ..LEAF }, Some(&root)),
            vec![],
            &root,
            "leaf",
            Some("tls_name_mismatch"),
            Trust::Anchored,
            Some(Y2080),
        ),
    ];
    for (what, leaf, above, anchor, name, want, trust, expiry) in rows {
        let server = serve(&leaf, &above, None, BOTH).await;
        for insecure in [false, true] {
            let settings = Settings { insecure_skip_verify: insecure, ..trusting(&[anchor]) };
            let outcome = shake(&Client::new(&settings).unwrap(), &server, name).await;
            assert_eq!(reason(&outcome), want.filter(|_| !insecure), "{what}: {:?}", outcome.stream.err());
            let seen = &outcome.seen;
            assert_eq!(seen.chain().unwrap().links.len(), above.len() + 1, "{what}");
            assert_eq!(seen.leaf().unwrap().fingerprint_hex().len(), 64, "{what}");
            assert!(seen.version.is_some() && seen.cipher.is_some() && seen.proof == Proof::Valid, "{what}");
            let verification = seen.verification().unwrap();
            assert_eq!(
                (verification.trust, verification.path_expiry),
                (trust, expiry),
                "{what}: {:?}",
                verification.detail
            );
            assert_eq!(seen.is_verified(), want.is_none(), "{what}");
            assert_eq!(
                verification.name == NameMatch::Match,
                !name.starts_with('x') && name != "127.0.0.2" && name != "leaf"
            );
        }
    }
}

#[tokio::test]
async fn of_two_paths_the_one_that_lasts_longer_counts() {
    let old = make(&Spec { years: (2020, 2060), ..ROOT }, None);
    let new = make(&Spec { name: "New Root", ..ROOT }, None);
    let pem = new.issuer.key().serialize_pem();
    let crossed = make_with(
        &Spec { name: "New Root", years: (2020, 2060), ..ROOT },
        Some(&old),
        KeyPair::from_pem(&pem).unwrap(),
    );
    let leaf = make(&LEAF, Some(&new));
    let server = serve(&leaf, &[&crossed], None, BOTH).await;
    for (anchors, expiry) in [(vec![&old, &new], Y2080), (vec![&old], 2_840_140_800), (vec![&new], Y2080)] {
        let outcome = shake(&Client::new(&trusting(&anchors)).unwrap(), &server, "probe.test").await;
        assert_eq!(reason(&outcome), None);
        assert_eq!(outcome.seen.verification().unwrap().path_expiry, Some(expiry));
        assert_eq!(outcome.seen.chain().unwrap().earliest_expiry(), Some(2_840_140_800));
    }
}

/// blackbox_exporter #1080: a site that wants a client certificate hid its own.
#[tokio::test]
async fn a_site_that_wants_a_client_certificate_shows_its_own() {
    let root = make(&ROOT, None);
    let leaf = make(&LEAF, Some(&root));
    let identity = Identity {
        certificates: leaf.made.pem().into_bytes(),
        key: leaf.issuer.key().serialize_pem().into_bytes(),
    };
    for (version, early) in [(&rustls::version::TLS12, true), (&rustls::version::TLS13, false)] {
        let server = serve(&leaf, &[], Some(&root), &[version]).await;
        let mut settings = trusting(&[&root]);
        let outcome = shake(&Client::new(&settings).unwrap(), &server, "probe.test").await;
        assert!(outcome.seen.asked_for_certificate && outcome.seen.verification().unwrap().is_good());
        assert_eq!(outcome.seen.leaf().unwrap().subject, "CN=leaf");
        match outcome.stream {
            Err(error) => assert!(early && error.reason == Reason::Alert, "{error}"),
            Ok(mut stream) => {
                assert!(!early);
                let error = stream.read_u8().await.unwrap_err();
                let (reason, words) = io_failure(&error).unwrap();
                assert_eq!(
                    (reason, words.as_str()),
                    (Reason::Alert, "the peer sent the alert certificate_required")
                );
            }
        }
        settings.identity = Some(identity.clone());
        let outcome = shake(&Client::new(&settings).unwrap(), &server, "probe.test").await;
        let mut text = String::new();
        outcome.stream.unwrap().read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "hello");
        // A server we would refuse does not get to see our certificate; what it showed is kept.
        let outcome = shake(&Client::new(&settings).unwrap(), &server, "x.test").await;
        assert_eq!(reason(&outcome), Some("tls_name_mismatch"));
        assert!(
            outcome.seen.leaf().is_some() && outcome.seen.version.is_some() && outcome.seen.cipher.is_none()
        );
    }
}

#[tokio::test]
async fn what_is_no_tls_is_told_apart() {
    let client = Client::new(&Settings { insecure_skip_verify: true, ..Settings::default() }).unwrap();
    let rows: [(&'static [u8], bool, &str); 6] = [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", false, "tls_not_tls"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", true, "tls_not_tls"),
        (b"220 mail.example ESMTP\r\n", true, "tls_not_tls"),
        (b"", false, "connection_closed"),
        // A fatal alert: protocol_version.
        (b"\x15\x03\x01\x00\x02\x02\x46", false, "tls_alert"),
        // A server hello that is cut short within itself.
        (b"\x16\x03\x03\x00\x06\x02\x00\x00\x02\x03\x03", true, "tls_handshake"),
    ];
    for (bytes, keep, want) in rows {
        let server = plain(bytes, keep).await;
        let outcome = shake(&client, &server, "probe.test").await;
        let error = outcome.stream.unwrap_err();
        assert_eq!(error.word(), want, "{bytes:?}: {error}");
        assert!(outcome.seen.chain().is_none() && outcome.seen.proof == Proof::NotSeen);
    }
    let silent = plain(b"", true).await;
    let stream = TcpStream::connect(silent.addr).await.unwrap();
    let outcome = client
        .handshake_by(stream, "probe.test", &Alpn::None, Instant::now() + Duration::from_millis(50))
        .await;
    assert_eq!(reason(&outcome), Some("tls_timeout"));
    let stream = TcpStream::connect(silent.addr).await.unwrap();
    let outcome = client.handshake(stream, "not a name", &Alpn::None).await;
    assert_eq!(reason(&outcome), Some("tls_handshake"));
}

#[test]
fn settings_are_checked_when_they_are_loaded() {
    let signer = make(&LEAF, None);
    let other = make(&LEAF, None);
    let identity =
        |certificates: &str, key: &str| Some(Identity { certificates: certificates.into(), key: key.into() });
    let pem = signer.made.pem();
    let wrong_key = other.issuer.key().serialize_pem();
    let base = Settings::default();
    let min = |version| Settings { min_version: Some(version), ..base.clone() };
    let rows = [
        (Settings { ca: Some(b"x".to_vec()), ..base.clone() }, "ca: no certificate in it (pem expected)"),
        (
            Settings { identity: identity("", ""), ..base.clone() },
            "client certificate: no certificate in it (pem expected)",
        ),
        (
            Settings { identity: identity(&pem, ""), ..base.clone() },
            "client key: no unencrypted private key in it (pem expected)",
        ),
        (
            Settings { identity: identity(&pem, &wrong_key), ..base.clone() },
            "client key: it does not belong to the certificate",
        ),
        (
            Settings { server_name: Some("a b".into()), ..base.clone() },
            "server name \"a b\" is neither a host name nor an ip address",
        ),
        (
            Settings { max_version: Some(Version::Tls11), ..base.clone() },
            "no tls version between TLS 1.2 and TLS 1.1: only tls 1.2 and 1.3 can be spoken",
        ),
        (
            Settings { max_version: Some(Version::Tls12), ..min(Version::Tls13) },
            "no tls version between TLS 1.3 and TLS 1.2: min_version is above max_version",
        ),
    ];
    for (settings, words) in rows {
        assert_eq!(Client::new(&settings).unwrap_err().to_string(), words);
    }
    let client = Client::new(&min(Version::from_config("TLS10").unwrap())).unwrap();
    assert_eq!(
        client.notices(),
        ["min_version: TLS 1.0 cannot be spoken, so the handshake begins at TLS 1.2"]
    );
    assert!(Client::new(&base).unwrap().notices().is_empty());
    assert_eq!(base.roots.loaded(), None, "building a client must not read the roots");
}
