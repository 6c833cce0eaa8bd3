//! Each dialogue against a scripted server: well, and badly at each step. The real servers are in tests/e2e/starttls.rs.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::*;

/// What a server says, each piece in answer to what the client sends next; a server that speaks first begins with one for
/// nothing.
struct Script {
    speaks_first: bool,
    says: &'static [&'static [u8]],
}

/// A good server of each protocol.
fn good(protocol: Protocol) -> Script {
    let (speaks_first, says): (bool, &'static [&'static [u8]]) = match protocol {
        Protocol::Smtp | Protocol::Lmtp => {
            (true, &[b"220 mail.test ESMTP\r\n", b"250-mail.test\r\n250-PIPELINING\r\n250 starttls\r\n", b"220 go\r\n"])
        }
        Protocol::Imap => (
            true,
            &[
                b"* OK mail.test ready\r\n",
                b"* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK done\r\n",
                b"* 1 EXISTS\r\na2 OK begin\r\n",
            ],
        ),
        Protocol::Pop3 => (true, &[b"+OK mail.test\r\n", b"+OK\r\nUIDL\r\nSTLS\r\n.\r\n", b"+OK begin\r\n"]),
        Protocol::Ftp => (true, &[b"220-Welcome\r\n  to us\r\n230-x\r\n220 mail.test\r\n", b"234 go\r\n"]),
        Protocol::Ldap => (
            false,
            &[b"\x30\x24\x02\x01\x01\x78\x1f\x0a\x01\x00\x04\x00\x04\x00\x8a\x161.3.6.1.4.1.1466.20037"],
        ),
        Protocol::XmppClient | Protocol::XmppServer => (
            false,
            &[
                b"<?xml version='1.0'?><stream:stream from='mail.test' version='1.0'><stream:features>\
                  <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>",
                b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
            ],
        ),
        Protocol::Postgres => (false, &[b"S"]),
        Protocol::Mysql => (
            true,
            &[b"\x1e\x00\x00\x00\x0a8.0.1\x00\x01\x00\x00\x0012345678\x00\xff\xff\x21\x02\x00\xff\xc1\x15ab"],
        ),
        Protocol::Sieve => (
            true,
            &[
                b"\"IMPLEMENTATION\" \"mail.test\"\r\n\"SIEVE\" {5+}\r\na\r\nbc\r\n\"STARTTLS\"\r\nOK \"ready\"\r\n",
                b"OK \"begin\"\r\n",
            ],
        ),
        Protocol::Nntp => {
            (true, &[b"200 mail.test\r\n", b"101 list\r\nVERSION 2\r\nSTARTTLS\r\n.\r\n", b"382 go\r\n"])
        }
        Protocol::Irc => (
            false,
            &[b":mail.test NOTICE * :looking up\r\nPING :x1\r\n", b":mail.test 670 * :go\r\n"],
        ),
    };
    Script { speaks_first, says }
}

/// Plays a script in pieces of `piece` bytes, then says `more` and, when told so, closes; what the client said.
async fn play(mut server: DuplexStream, script: Script, piece: usize, more: Vec<u8>, close: bool) -> Vec<u8> {
    let mut heard = Vec::new();
    for (step, says) in script.says.iter().enumerate() {
        if step > 0 || !script.speaks_first {
            let mut buffer = [0; 1024];
            match server.read(&mut buffer).await {
                Ok(count) if count > 0 => heard.extend_from_slice(&buffer[..count]),
                _ => return heard,
            }
        }
        let last = step + 1 == script.says.len();
        let says = if last { [says, more.as_slice()].concat() } else { says.to_vec() };
        for part in says.chunks(piece) {
            if server.write_all(part).await.is_err() {
                return heard;
            }
            tokio::task::yield_now().await;
        }
    }
    if !close {
        let _ = server.read_to_end(&mut heard).await;
    }
    heard
}

/// The upgrade's end, and what the server heard.
async fn run(
    protocol: Protocol,
    script: Script,
    piece: usize,
    more: &[u8],
    close: bool,
) -> (Result<Greeting, StartTlsError>, Vec<u8>) {
    let (mut client, server) = duplex(256 * 1024);
    let server = tokio::spawn(play(server, script, piece, more.to_vec(), close));
    let ended = tokio::time::timeout(Duration::from_secs(10), upgrade(&mut client, protocol, "mail.test"));
    let ended = ended.await.expect("an end before the deadline");
    drop(client);
    (ended, server.await.unwrap())
}

/// A server that says just this, then closes.
async fn says(protocol: Protocol, speaks_first: bool, text: &'static [&'static [u8]]) -> StartTlsError {
    run(protocol, Script { speaks_first, says: text }, usize::MAX, b"", true).await.0.unwrap_err()
}

#[tokio::test]
async fn each_dialogue_reaches_tls_however_the_answers_are_cut() {
    for protocol in Protocol::ALL.iter().copied() {
        for piece in [usize::MAX, 1, 7] {
            let (ended, heard) = run(protocol, good(protocol), piece, b"", false).await;
            let greeting = ended.unwrap_or_else(|error| panic!("{error}"));
            let silent = matches!(protocol, Protocol::Ldap | Protocol::Postgres);
            assert_eq!(greeting.text.is_empty(), silent, "{protocol}: {greeting:?}");
            assert!(!heard.is_empty(), "{protocol}");
        }
    }
}

#[tokio::test]
async fn text_behind_the_go_ahead_is_an_injection() {
    for protocol in Protocol::ALL.iter().copied() {
        for piece in [usize::MAX, 5] {
            let (ended, _) = run(protocol, good(protocol), piece, b"250 injected\r\n", false).await;
            // A piece that comes when the client has gone on to TLS is TLS's to refuse; none of it is ever swallowed.
            match ended {
                Err(error) => {
                    assert_eq!(error.reason, Reason::Injection, "{error}");
                    assert!(error.detail.contains("\"2"), "{error}");
                }
                Ok(_) => assert_eq!(piece, 5, "{protocol}"),
            }
        }
    }
}

#[tokio::test]
async fn an_answer_before_its_question_is_an_injection() {
    let early: &[&[u8]] = &[b"220 mail.test\r\n250 STARTTLS\r\n"];
    assert_eq!(says(Protocol::Smtp, true, early).await.reason, Reason::Injection);
    let error = says(Protocol::Smtp, true, &[b"220 a\r\n", b"250-a\r\n250 STARTTLS\r\n220 go\r\n"]).await;
    assert_eq!(error.reason, Reason::Injection);
    assert_eq!(
        error.to_string(),
        "starttls over smtp: the server said more than it was asked: \"220 go\\r\\n\""
    );
}

#[tokio::test]
async fn a_server_may_close_at_each_byte() {
    for protocol in Protocol::ALL.iter().copied() {
        let whole = good(protocol);
        for step in 0..whole.says.len() {
            for cut in 0..whole.says[step].len() {
                let mut says: Vec<&'static [u8]> = whole.says[..step].to_vec();
                says.push(&whole.says[step][..cut]);
                let script = Script { speaks_first: whole.speaks_first, says: says.leak() };
                let (ended, _) = run(protocol, script, usize::MAX, b"", true).await;
                let error = ended.expect_err(&format!("{protocol} {step} {cut}"));
                assert_eq!(error.reason, Reason::Closed, "{step} {cut}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn endless_lines_and_endless_answers_are_too_much() {
    for protocol in Protocol::ALL.iter().copied() {
        let whole = good(protocol);
        for step in 0..whole.says.len() {
            for filler in
                [b"a".as_slice(), b"220-a\r\n", b"* a\r\n", b"\"a\"\r\n", b"<a>", b":a NOTICE a\r\n"]
            {
                let mut says: Vec<&'static [u8]> = whole.says[..step].to_vec();
                let begin = &whole.says[step][..whole.says[step].len().min(4)];
                let filled = [begin, &filler.repeat(MAX_BYTES * 2 / filler.len())].concat();
                says.push(filled.leak());
                let script = Script { speaks_first: whole.speaks_first, says: says.leak() };
                let (ended, _) = run(protocol, script, usize::MAX, b"", false).await;
                let error = ended.expect_err(&format!("{protocol} {step}"));
                let expected = [Reason::TooMuch, Reason::NotThisProtocol, Reason::Injection, Reason::Refused];
                assert!(expected.contains(&error.reason), "{step} {filler:?}: {error:?}");
            }
        }
    }
    let endless: &[&[u8]] = &[&[b'2'; MAX_LINE + 3000]];
    assert_eq!(says(Protocol::Smtp, true, endless).await.reason, Reason::TooMuch);
}

#[tokio::test]
async fn what_is_not_offered_is_told_from_what_is_refused() {
    use Protocol::{Ftp, Imap, Irc, Ldap, Mysql, Nntp, Pop3, Postgres, Sieve, Smtp, XmppClient};
    type Row = (Protocol, &'static [&'static [u8]], Option<&'static str>);
    // The code of a refusal, or `None` where TLS is not offered.
    let rows: &[Row] = &[
        (Smtp, &[b"220 a\r\n", b"250-a\r\n250 STARTTLSX\r\n"], None),
        (Smtp, &[b"220 a\r\n", b"502 what\r\n"], None),
        (Smtp, &[b"554 go away\r\n"], Some("554")),
        (Smtp, &[b"220 a\r\n", b"421 busy\r\n"], Some("421")),
        (Smtp, &[b"220 a\r\n", b"250-a\r\n250 STARTTLS\r\n", b"454 not now\r\n"], Some("454")),
        (Imap, &[b"* OK a\r\n", b"* CAPABILITY IMAP4rev1\r\na1 OK\r\n"], None),
        (Imap, &[b"* BYE a\r\n"], Some("BYE")),
        (Imap, &[b"* PREAUTH a\r\n"], Some("PREAUTH")),
        (Imap, &[b"* OK a\r\n", b"* CAPABILITY STARTTLS\r\na1 OK\r\n", b"a2 BAD no\r\n"], Some("BAD")),
        (Pop3, &[b"+OK\r\n", b"-ERR what\r\n"], None),
        (Pop3, &[b"+OK\r\n", b"+OK\r\nUIDL\r\n.\r\n"], None),
        (Pop3, &[b"-ERR busy\r\n"], Some("-ERR")),
        (Ftp, &[b"220 a\r\n", b"500 what\r\n"], None),
        (Ftp, &[b"220 a\r\n", b"530 log in\r\n"], Some("530")),
        (Ftp, &[b"421 busy\r\n"], Some("421")),
        (Ldap, &[b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00"], None),
        (Ldap, &[b"\x30\x0e\x02\x01\x01\x78\x09\x0a\x01\x34\x04\x00\x04\x02no"], Some("52")),
        (Ldap, &[b"\x30\x0c\x02\x01\x00\x78\x07\x0a\x01\x33\x04\x00\x04\x00"], Some("51")),
        (XmppClient, &[b"<stream:stream><stream:features><a/></stream:features>"], None),
        (XmppClient, &[b"<stream:stream><stream:features/>"], None),
        (XmppClient, &[b"<stream:stream><stream:error><host-unknown xmlns='x'/>"], Some("host-unknown")),
        (Postgres, &[b"N"], None),
        (Postgres, &[b"E\x00\x00\x00\x16SFATAL\x00C53300\x00Mno\x00\x00"], Some("53300")),
        (
            Mysql,
            &[b"\x18\x00\x00\x00\x0a8\x00\x01\x00\x00\x0012345678\x00\xff\xf7\x21\x02\x00\xff\xc1\x15"],
            None,
        ),
        (Mysql, &[b"\x06\x00\x00\x00\xff\x10\x04bad"], Some("1040")),
        (Sieve, &[b"\"SIEVE\" \"a\"\r\nOK\r\n"], None),
        (Sieve, &[b"BYE \"busy\"\r\n"], Some("BYE")),
        (Nntp, &[b"200 a\r\n", b"500 what\r\n"], None),
        (Nntp, &[b"200 a\r\n", b"101 a\r\nREADER\r\n.\r\n"], None),
        (Nntp, &[b"400 busy\r\n"], Some("400")),
        (Nntp, &[b"200 a\r\n", b"101 a\r\nSTARTTLS\r\n.\r\n", b"580 no\r\n"], Some("580")),
        (Irc, &[b":a 421 * STARTTLS :what\r\n"], None),
        (Irc, &[b":a CAP * LS * :multi-prefix\r\n:a CAP * LS :sasl=PLAIN tlsx\r\n"], None),
        (Irc, &[b":a 421 * CAP :what\r\n:a 451 * :what\r\n"], None),
        (Irc, &[b":a CAP * LS * :tls\r\n:a CAP * LS :b\r\n:a 691 * :no\r\n"], Some("691")),
        (Irc, &[b":a 691 * :no\r\n"], Some("691")),
        (Irc, &[b"ERROR :banned\r\n"], Some("ERROR")),
    ];
    for (protocol, script, code) in rows {
        let error = says(*protocol, good(*protocol).speaks_first, script).await;
        let reason = if code.is_some() { Reason::Refused } else { Reason::NotOffered };
        assert_eq!((error.reason, error.code.as_deref()), (reason, *code), "{error}");
    }
}

#[tokio::test]
async fn another_protocol_is_told() {
    let came: [&[u8]; 6] = [
        b"HTTP/1.1 400 Bad Request\r\nServer: a\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\r\n",
        b"999 999 999\r\n",
        b"\xff\xfd\x18\xff\xfd\x20\r\n",
    ];
    for protocol in Protocol::ALL.iter().copied() {
        for text in came {
            let script = Script { speaks_first: good(protocol).speaks_first, says: vec![text].leak() };
            let error = run(protocol, script, usize::MAX, b"", false).await.0.unwrap_err();
            // PostgreSQL's go-ahead is an S, and SSH's greeting begins with one.
            let go_ahead = protocol == Protocol::Postgres && text.starts_with(b"S");
            let reason = if go_ahead { Reason::Injection } else { Reason::NotThisProtocol };
            assert_eq!(error.reason, reason, "{protocol}: {} {error}", text.escape_ascii());
        }
    }
}

#[tokio::test]
async fn a_name_cannot_break_out_of_the_stream() {
    let (mut client, mut server) = duplex(4096);
    let upgrade = async {
        let _ = upgrade(&mut client, Protocol::XmppClient, "a'><evil/>\r\n&\u{0}b").await;
    };
    let hear = async {
        let mut buffer = [0; 1024];
        let count = server.read(&mut buffer).await.unwrap();
        drop(server);
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    };
    let ((), heard) = tokio::join!(upgrade, hear);
    assert!(heard.contains("to='a&apos;&gt;&lt;evil/&gt;&amp;b' xmlns='jabber:client'"), "{heard}");
}

#[test]
fn every_protocol_has_a_name_that_is_read_back() {
    for protocol in Protocol::ALL.iter().copied() {
        for name in std::iter::once(protocol.as_str()).chain(protocol.aliases().iter().copied()) {
            assert_eq!(name.parse(), Ok(protocol));
        }
    }
    let error = "telnet".parse::<Protocol>().unwrap_err().to_string();
    assert!(error.starts_with("unknown starttls protocol \"telnet\": one of smtp, lmtp, imap,"), "{error}");
}
