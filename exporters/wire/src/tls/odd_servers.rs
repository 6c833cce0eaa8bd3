//! Handshakes with `openssl s_server` and certificates that no library here can make: the home lab's own, version 1,
//! SHA-1, keys too small, servers that stopped at TLS 1.0.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::*;

/// A server process that ends with the test.
pub(super) struct Server {
    child: Child,
    pub(super) addr: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn openssl(folder: &Path, arguments: &str) -> bool {
    let status = Command::new("openssl")
        .current_dir(folder)
        .args(arguments.split_whitespace())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match status {
        Ok(status) => status.success(),
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => panic!("openssl: {error}"),
    }
}

/// Starts `openssl s_server` on a free port, which it prints.
pub(super) fn serve(folder: &Path, arguments: &str) -> Server {
    let mut child = Command::new("openssl")
        .current_dir(folder)
        .args(["s_server", "-accept", "127.0.0.1:0", "-key", "key.pem", "-cert", "cert.pem", "-www"])
        .args(arguments.split_whitespace())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    let addr = loop {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "openssl s_server ended before it listened");
        if let Some(addr) = line.trim().strip_prefix("ACCEPT ") {
            break addr.parse().unwrap();
        }
    };
    // Its standard output must stay open, or it would end with the first line it prints.
    std::thread::spawn(move || lines.read_to_end(&mut Vec::new()));
    Server { child, addr }
}

async fn shake(settings: &Settings, server: &Server) -> Outcome<TcpStream> {
    let client = Client::new(settings).unwrap();
    let stream = TcpStream::connect(server.addr).await.unwrap();
    client.handshake_by(stream, "probe.test", &Alpn::None, Instant::now() + Duration::from_secs(5)).await
}

#[tokio::test]
async fn odd_certificates_are_seen_and_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let subject = "-subj /O=ProbeLab/CN=probe.test -days 400 -keyout key.pem -out cert.pem -nodes";
    let san = "-addext subjectAltName=DNS:probe.test";
    if !openssl(folder, "version") {
        eprintln!("SKIPPED: odd_certificates_are_seen_and_told_apart needs openssl");
        return;
    }
    let weak = "-cipher ALL:@SECLEVEL=0";
    let rows = [
        // What `openssl req -x509` makes is an authority that signs itself; rustls alone says CaUsedAsEndEntity.
        ("home lab", format!("req -x509 -newkey rsa:2048 {subject} {san}"), "", Trust::Pinned, Proof::Valid),
        (
            "sha-1",
            format!("req -x509 -newkey rsa:2048 -sha1 {subject} {san}"),
            weak,
            Trust::Pinned,
            Proof::Valid,
        ),
        (
            "rsa-1024",
            format!("req -x509 -newkey rsa:1024 {subject} {san}"),
            weak,
            Trust::Pinned,
            Proof::Invalid,
        ),
        ("ed25519", format!("req -x509 -newkey ed25519 {subject} {san}"), "", Trust::Pinned, Proof::Valid),
    ];
    for (what, make, options, trust, proof) in rows {
        assert!(openssl(folder, &make), "{what}");
        let server = serve(folder, options);
        let pem = std::fs::read(folder.join("cert.pem")).unwrap();
        let strange =
            Settings { ca: Some(std::fs::read(folder.join("cert.pem")).unwrap()), ..Settings::default() };
        for insecure in [false, true] {
            let settings =
                Settings { insecure_skip_verify: insecure, ca: Some(pem.clone()), ..strange.clone() };
            let outcome = shake(&settings, &server).await;
            let seen = &outcome.seen;
            assert_eq!(
                outcome.stream.is_ok(),
                insecure || proof == Proof::Valid,
                "{what}: {:?}",
                outcome.stream
            );
            assert_eq!(seen.leaf().unwrap().subject, "CN=probe.test,O=ProbeLab", "{what}");
            assert_eq!((seen.verification().unwrap().trust, seen.proof), (trust, proof), "{what}");
        }
        let strange =
            Settings { ca: None, roots: std::sync::Arc::new(Roots::bundled()), ..Settings::default() };
        let outcome = shake(&strange, &server).await;
        assert_eq!(outcome.stream.unwrap_err().word(), "tls_cert_untrusted", "{what}");
        assert_eq!(outcome.seen.verification().unwrap().trust, Trust::SelfSigned, "{what}");
    }
    // A certificate of version 1: without extensions, `openssl x509 -req` makes one.
    assert!(openssl(
        folder,
        "req -new -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN=probe.test"
    ));
    assert!(openssl(folder, "x509 -req -in request.pem -signkey key.pem -out cert.pem -days 400"));
    let server = serve(folder, "");
    let outcome = shake(&Settings { insecure_skip_verify: true, ..Settings::default() }, &server).await;
    assert!(outcome.stream.is_ok(), "{:?}", outcome.stream);
    assert_eq!(outcome.seen.leaf().unwrap().version, 1);
    assert_eq!(outcome.seen.verification().unwrap().trust, Trust::OldVersion);
    assert_eq!(outcome.seen.verification().unwrap().name, NameMatch::NoNames);
}

#[tokio::test]
async fn a_server_of_tls_1_0_refuses_with_an_alert() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    if !openssl(
        folder,
        "req -x509 -newkey rsa:2048 -subj /CN=probe.test -keyout key.pem -out cert.pem -nodes",
    ) {
        eprintln!("SKIPPED: a_server_of_tls_1_0_refuses_with_an_alert needs openssl");
        return;
    }
    let server = serve(folder, "-tls1 -cipher ALL:@SECLEVEL=0");
    let error = shake(&Settings::default(), &server).await.stream.unwrap_err();
    assert_eq!(error.to_string(), "tls handshake with probe.test: the peer sent the alert protocol_version");
    let server = serve(folder, "-tls1_2 -cipher AES128-SHA");
    let error = shake(&Settings::default(), &server).await.stream.unwrap_err();
    assert_eq!(error.to_string(), "tls handshake with probe.test: the peer sent the alert handshake_failure");
}
