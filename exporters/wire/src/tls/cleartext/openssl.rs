//! Servers that rustls refuses, by `openssl s_server`.

use std::path::Path;
use std::time::Duration;

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use tokio::net::TcpStream;

use super::super::odd_servers::{Server, openssl, serve};
use super::*;

const WEAK: &str = "-cipher ALL:COMPLEMENTOFALL:@SECLEVEL=0";
const SWEEP: [Version; 4] = [Version::Tls10, Version::Tls11, Version::Tls12, Version::Tls13];

fn missing(test: &str, folder: &Path) -> bool {
    let missing = !openssl(folder, "version");
    if missing {
        eprintln!("SKIPPED: {test} needs openssl");
    }
    missing
}

async fn look(server: &Server) -> Result<Cleartext, HandshakeError> {
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), read(&mut stream, "probe.test")).await.expect("an end")
}

async fn sweep(server: &Server) -> Vec<Version> {
    let mut accepted = Vec::new();
    for version in SWEEP {
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        if accepts(&mut stream, "probe.test", version).await.unwrap().is_accepted() {
            accepted.push(version);
        }
    }
    accepted
}

/// What rustls says of it.
async fn refused(server: &Server) -> bool {
    let settings = super::super::Settings { insecure_skip_verify: true, ..Default::default() };
    let client = super::super::Client::new(&settings).unwrap();
    let stream = TcpStream::connect(server.addr).await.unwrap();
    client.handshake(stream, "probe.test", &super::super::Alpn::None).await.stream.is_err()
}

#[tokio::test]
async fn certificates_of_servers_that_rustls_refuses_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    if missing("certificates_of_servers_that_rustls_refuses_are_read", folder) {
        return;
    }
    let rsa = |more: &str| {
        format!(
            "req -x509 -nodes -days 400 -subj /CN=probe.test -keyout key.pem -out cert.pem -newkey rsa:{more}"
        )
    };
    let dh = format!("-tls1_2 {}", "-cipher DHE-RSA-AES128-SHA:@SECLEVEL=0");
    let rows: [(&str, String, String, Version, &str); 7] = [
        ("tls 1.0", rsa("2048"), format!("-tls1 {WEAK}"), Version::Tls10, ""),
        ("tls 1.1", rsa("2048"), format!("-tls1_1 {WEAK}"), Version::Tls11, ""),
        (
            "rsa key exchange",
            rsa("2048"),
            "-tls1_2 -cipher AES128-SHA".to_owned(),
            Version::Tls12,
            "TLS_RSA_WITH_AES_128_CBC_SHA",
        ),
        (
            "cbc and a small key",
            rsa("1024"),
            "-tls1_2 -cipher ECDHE-RSA-AES256-SHA:@SECLEVEL=0".to_owned(),
            Version::Tls12,
            "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
        ),
        ("sha-1, finite field", rsa("2048 -sha1"), dh, Version::Tls12, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"),
        (
            "a group of its own",
            rsa("2048"),
            "-tls1_2 -cipher ECDHE -groups brainpoolP384r1".to_owned(),
            Version::Tls12,
            "",
        ),
        (
            "anonymous",
            rsa("2048"),
            "-tls1_2 -nocert -cipher ADH-AES128-SHA:@SECLEVEL=0".to_owned(),
            Version::Tls12,
            "TLS_DH_anon_WITH_AES_128_CBC_SHA",
        ),
    ];
    for (what, make, options, version, cipher) in rows {
        assert!(openssl(folder, &make), "{what}");
        let server = serve(folder, &options);
        assert!(refused(&server).await, "{what}: rustls takes it");
        let seen = look(&server).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(seen.version, version, "{what}");
        assert!(seen.cipher.name.is_some_and(|name| cipher.is_empty() || name == cipher), "{what}: {seen:?}");
        match seen.chain() {
            Some(chain) => {
                let pem = std::fs::read(folder.join("cert.pem")).unwrap();
                let der =
                    <CertificateDer<'_> as rustls_pki_types::pem::PemObject>::from_pem_slice(&pem).unwrap();
                assert_eq!(chain.links.len(), 1, "{what}");
                assert_eq!(chain.links[0].der, der, "{what}");
                assert_eq!(chain.leaf().unwrap().subject, "CN=probe.test", "{what}");
            }
            None => assert_eq!((what, seen.certificates), ("anonymous", Some(Vec::new()))),
        }
        assert_eq!(sweep(&server).await, [version], "{what}");
    }
}

#[tokio::test]
async fn versions_are_swept() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    if missing("versions_are_swept", folder) {
        return;
    }
    let make = "req -x509 -nodes -newkey rsa:2048 -subj /CN=probe.test -keyout key.pem -out cert.pem";
    assert!(openssl(folder, make));
    let [v10, v11, v12, v13] = SWEEP;
    for (options, expected) in [
        (WEAK.to_owned(), vec![v10, v11, v12, v13]),
        ("-cipher DEFAULT@SECLEVEL=2".to_owned(), vec![v12, v13]),
        ("-tls1_3".to_owned(), vec![v13]),
        // Neither our share nor our other curves: it asks for another group, which is an answer.
        ("-tls1_3 -groups P-384".to_owned(), vec![v13]),
        (format!("-no_tls1 -no_tls1_3 {WEAK}"), vec![v11, v12]),
    ] {
        let server = serve(folder, &options);
        assert_eq!(sweep(&server).await, expected, "{options}");
        // The certificate is in clear wherever anything below TLS 1.3 is spoken.
        let seen = look(&server).await;
        assert_eq!(seen.is_ok_and(|seen| seen.chain().is_some()), expected[0] < v13, "{options}");
    }
}

#[tokio::test]
async fn long_chains_and_large_certificates_are_read_up_to_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    if missing("long_chains_and_large_certificates_are_read_up_to_the_limit", folder) {
        return;
    }
    let key = KeyPair::generate().unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    let certificate = |bytes: usize| {
        let mut params = CertificateParams::new(vec!["probe.test".to_owned()]).unwrap();
        let filler = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 32_473, 1], vec![7; bytes]);
        params.custom_extensions.push(filler);
        params.self_signed(&key).unwrap()
    };
    let above: Vec<_> = (0..199).map(|_| certificate(10)).collect();
    let pem: String = above.iter().map(rcgen::Certificate::pem).collect();
    std::fs::write(folder.join("chain.pem"), pem).unwrap();
    for (bytes, options, count) in [
        (10, "-tls1_2 -cert_chain chain.pem", Some(200)),
        (1_000_000, "-tls1_2", Some(1)),
        (1_100_000, "-tls1_2", None),
    ] {
        let leaf = certificate(bytes);
        std::fs::write(folder.join("cert.pem"), leaf.pem()).unwrap();
        let server = serve(folder, options);
        match (look(&server).await, count) {
            (Ok(seen), Some(count)) => {
                let chain = seen.chain().unwrap();
                assert_eq!((chain.links.len(), chain.certificates().count()), (count, count));
                assert_eq!(chain.links[0].der, *leaf.der());
                assert!(chain.links[1..].iter().zip(&above).all(|(link, made)| link.der == *made.der()));
            }
            (Err(error), None) => {
                assert!(error.to_string().contains("would exceed the limit of 1048576 bytes"), "{error}");
            }
            (other, _) => panic!("{bytes}: {other:?}"),
        }
    }
}
