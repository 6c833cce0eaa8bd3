//! Servers that no package brings. Each runs on threads of its own until the test's process ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::servers::Certificate;

/// Serves every connection by `script` on a free loopback port.
pub fn serve(script: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let script = script.clone();
            std::thread::spawn(move || script(stream));
        }
    });
    port
}

/// Takes connections and never says a word.
#[must_use]
pub fn tarpit() -> u16 {
    serve(|mut stream| {
        let mut buffer = [0; 1024];
        while stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
        std::thread::sleep(Duration::from_secs(600));
    })
}

/// Greets as a server, then waits for a line and closes.
#[must_use]
pub fn greets(greeting: &'static [u8]) -> u16 {
    serve(move |mut stream| {
        let _ = stream.write_all(greeting);
        let _ = BufReader::new(stream).read_line(&mut String::new());
    })
}

/// Answers `PING` as Redis does.
#[must_use]
pub fn redis() -> u16 {
    serve(|mut stream| {
        let reader = BufReader::new(stream.try_clone().unwrap());
        for line in reader.lines().map_while(Result::ok) {
            let pong = line.trim().eq_ignore_ascii_case("ping");
            let _ = stream.write_all(if pong { b"+PONG\r\n" } else { b"-ERR\r\n" });
        }
    })
}

/// Sends two segments a while apart.
#[must_use]
pub fn in_two(first: &'static [u8], second: &'static [u8]) -> u16 {
    serve(move |mut stream| {
        let _ = stream.set_nodelay(true);
        let _ = stream.write_all(first);
        std::thread::sleep(Duration::from_millis(150));
        let _ = stream.write_all(second);
        let _ = stream.read(&mut [0; 64]);
    })
}

/// Answers `PING` as Redis does, over TLS.
#[must_use]
pub fn redis_over_tls(certificate: &Certificate) -> u16 {
    let config = server_config(certificate);
    serve(move |stream| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = BufReader::new(StreamOwned::new(connection, stream));
        let mut line = String::new();
        while stream.read_line(&mut line).is_ok_and(|read| read > 0) {
            let _ = stream.get_mut().write_all(b"+PONG\r\n");
            line.clear();
        }
    })
}

/// A mail server's greeting and STARTTLS, as far as a probe's dialogue goes.
#[must_use]
pub fn smtp_with_starttls(certificate: &Certificate) -> u16 {
    let config = server_config(certificate);
    serve(move |mut stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let _ = stream.write_all(b"220 mail.probe.test ESMTP lab\r\n");
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
            let word = line.trim().to_ascii_uppercase();
            if word == "STARTTLS" {
                let _ = stream.write_all(b"220 go\r\n");
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let _ = StreamOwned::new(connection, stream).read(&mut [0; 64]);
                return;
            }
            let ehlo = word.starts_with("EHLO");
            let reply: &[u8] =
                if ehlo { b"250-mail.probe.test\r\n250-STARTTLS\r\n250 AUTH\r\n" } else { b"221 bye\r\n" };
            let _ = stream.write_all(reply);
            line.clear();
        }
    })
}

fn server_config(certificate: &Certificate) -> Arc<ServerConfig> {
    let chain = vec![CertificateDer::from_pem_file(&certificate.certificate).unwrap()];
    let key = PrivateKeyDer::from_pem_file(&certificate.key).unwrap();
    Arc::new(ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap())
}
