//! STARTTLS dialogues with the servers that speak them in the world, with TLS and without.

use std::time::Duration;

use farol_tests::process::has;
use farol_tests::skipped;
use farol_tests::starttls::{Lab, Server};
use tokio::net::TcpStream;
use wire::starttls::{Greeting, Protocol, Reason, StartTlsError, upgrade};
use wire::tls::{Alpn, Client, Settings};

/// Holds the dialogue, then TLS up to the certificate, which must be the laboratory's.
fn reach(protocol: Protocol, port: u16, name: &str) -> Result<Greeting, StartTlsError> {
    let settings = Settings { insecure_skip_verify: true, ..Settings::default() };
    let client = Client::new(&settings).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let dialogue = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let greeting = upgrade(&mut stream, protocol, name).await?;
        let outcome = client.handshake(stream, name, &Alpn::None).await;
        outcome.stream.unwrap_or_else(|error| panic!("{protocol}: {error}"));
        let leaf = outcome.seen.leaf().expect("a certificate");
        assert_eq!(leaf.subject_common_name.as_deref(), Some("probe.test"), "{protocol}");
        Ok(greeting)
    };
    let ended = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(30), dialogue).await });
    ended.unwrap_or_else(|_| panic!("{protocol}: no end in 30 s"))
}

/// Starts a server with TLS and reaches it by each protocol; then one without, which must be told as such: by the code with
/// which it refuses, or as not offering TLS.
fn both(test: &str, start: fn(&Lab) -> Option<Server>, rows: &[(Protocol, &str, Option<&str>)]) {
    if !std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
        return skipped(test, "only root can start it");
    }
    if !has("openssl") {
        return skipped(test, "openssl is not installed");
    }
    let lab = Lab::new(true);
    let Some(server) = start(&lab) else { return skipped(test, "the server is not installed") };
    for ((protocol, greeting, _), port) in rows.iter().zip(&server.ports) {
        let reached = reach(*protocol, *port, "probe.test").unwrap_or_else(|error| panic!("{error}"));
        assert!(reached.text.contains(greeting), "{protocol}: {reached:?}");
        assert_eq!(reached.text.is_empty(), greeting.is_empty(), "{protocol}: {reached:?}");
    }
    drop(server);
    let lab = Lab::new(false);
    let server = start(&lab).unwrap();
    for ((protocol, _, code), port) in rows.iter().zip(&server.ports) {
        let error = reach(*protocol, *port, "probe.test").unwrap_err();
        let reason = if code.is_some() { Reason::Refused } else { Reason::NotOffered };
        assert_eq!((error.reason, error.code.as_deref()), (reason, *code), "{error}");
    }
}

#[test]
fn postfix() {
    both("postfix", Lab::postfix, &[(Protocol::Smtp, "mail.probe.test ESMTP Postfix", None)]);
}

#[test]
fn dovecot() {
    let rows = [
        (Protocol::Imap, "Dovecot", None),
        (Protocol::Pop3, "Dovecot", None),
        (Protocol::Sieve, "Pigeonhole", None),
        (Protocol::Lmtp, "Dovecot", None),
    ];
    both("dovecot", Lab::dovecot, &rows);
}

#[test]
fn vsftpd() {
    both("vsftpd", Lab::vsftpd, &[(Protocol::Ftp, "vsFTPd", Some("530"))]);
}

#[test]
fn slapd() {
    both("slapd", Lab::slapd, &[(Protocol::Ldap, "", None)]);
}

#[test]
fn postgres() {
    both("postgres", Lab::postgres, &[(Protocol::Postgres, "", None)]);
}

#[test]
fn mariadb() {
    both("mariadb", Lab::mariadb, &[(Protocol::Mysql, "MariaDB", None)]);
}

#[test]
fn prosody() {
    let rows = [(Protocol::XmppClient, "stream:stream", None), (Protocol::XmppServer, "stream:stream", None)];
    both("prosody", Lab::prosody, &rows);
    if has("prosody") && has("openssl") {
        let lab = Lab::new(true);
        let server = lab.prosody().unwrap();
        let error = reach(Protocol::XmppClient, server.ports[0], "other.test").unwrap_err();
        assert_eq!((error.reason, error.code.as_deref()), (Reason::Refused, Some("host-unknown")), "{error}");
    }
}

#[test]
fn nnrpd() {
    // It offers STARTTLS also without a certificate, and then refuses it.
    both("nnrpd", Lab::nnrpd, &[(Protocol::Nntp, "news.probe.test", Some("580"))]);
}

#[test]
fn inspircd() {
    both("inspircd", Lab::inspircd, &[(Protocol::Irc, "irc.probe.test", None)]);
}
