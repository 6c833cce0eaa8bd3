//! Scripted servers: messages cut anywhere, broken anywhere, and too large.

use std::time::Duration;

use super::*;

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind], &length[1..], body].concat()
}

fn hello(version: u16, cipher: u16, extensions: &[u8]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend([7; 32]);
    body.push(0);
    body.extend(cipher.to_be_bytes());
    body.push(0);
    if !extensions.is_empty() {
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
    }
    message(2, &body)
}

fn certificates(list: &[&[u8]]) -> Vec<u8> {
    let length = |count: usize| u32::try_from(count).unwrap().to_be_bytes()[1..].to_vec();
    let entries: Vec<u8> = list.iter().flat_map(|der| [length(der.len()), der.to_vec()].concat()).collect();
    message(11, &[length(entries.len()), entries].concat())
}

/// Records of one kind with fragments of at most `size` bytes.
fn records(kind: u8, bytes: &[u8], size: usize) -> Vec<u8> {
    let record = |part: &[u8]| {
        let length = u16::try_from(part.len()).unwrap().to_be_bytes();
        [&[kind, 3, 1], &length[..], part].concat()
    };
    bytes.chunks(size).flat_map(record).collect()
}

/// Reads what a server says that closes then.
async fn hear(answer: &[u8]) -> Result<Cleartext, HandshakeError> {
    let mut stream = tokio::io::join(answer, tokio::io::sink());
    tokio::time::timeout(Duration::from_secs(20), read(&mut stream, "probe.test")).await.expect("an end")
}

#[tokio::test]
async fn messages_are_read_however_they_are_cut() {
    let flight = [hello(0x0301, 0x002f, b""), certificates(&[b"leaf", b"", b"above"])].concat();
    for size in 1..=flight.len() {
        let seen = hear(&records(22, &flight, size)).await.unwrap();
        assert_eq!(seen.version, Version::Tls10);
        assert_eq!(seen.cipher.to_string(), "TLS_RSA_WITH_AES_128_CBC_SHA");
        let read: Vec<&[u8]> = seen.certificates.iter().flatten().map(|der| der.as_ref()).collect();
        assert_eq!(read, [b"leaf".as_slice(), b"", b"above"]);
        assert!(seen.chain().unwrap().leaf().is_none());
    }
}

#[tokio::test]
async fn a_flight_that_ends_anywhere_is_a_closed_connection() {
    let flight = [hello(0x0303, 0x1234, &[0, 23, 0, 0]), certificates(&[b"leaf"])].concat();
    for size in [5, 16_384] {
        let whole = records(22, &flight, size);
        for cut in 0..whole.len() {
            assert_eq!(hear(&whole[..cut]).await.unwrap_err().reason, Reason::ConnectionClosed, "{cut}");
        }
        assert_eq!(hear(&whole).await.unwrap().cipher.to_string(), "0x1234");
    }
}

#[tokio::test]
async fn alerts_end_it_and_warnings_do_not() {
    let flight = [hello(0x0302, 0x002f, b""), message(14, b"")].concat();
    let good = records(22, &flight, 100);
    let seen = hear(&[records(21, &[1, 112], 2), good.clone()].concat()).await.unwrap();
    assert_eq!((seen.version, seen.certificates.as_deref()), (Version::Tls11, Some(&[][..])));
    assert!(seen.chain().is_none());
    for (alert, word) in
        [([2, 70], "protocol_version"), ([2, 112], "unrecognized_name"), ([1, 0], "close_notify")]
    {
        let error = hear(&[records(21, &alert, 2), good.clone()].concat()).await.unwrap_err();
        let text = format!("tls handshake with probe.test: the peer sent the alert {word}");
        assert_eq!((error.reason, error.to_string()), (Reason::Alert, text));
    }
    assert_eq!(hear(&records(21, &[2, 70], 1)).await.unwrap_err().reason, Reason::Handshake);
}

#[tokio::test]
async fn what_is_not_tls_is_told_from_what_is_broken() {
    for text in [
        b"220 mail.test\r\n".as_slice(),
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\x16\x02\x00",
        b"\x00",
        b"\x80\x2e",
    ] {
        assert_eq!(hear(text).await.unwrap_err().reason, Reason::NotTls, "{}", text.escape_ascii());
    }
    let record = |bytes: &[u8]| records(22, bytes, 16_384);
    let then = |message: Vec<u8>| record(&[hello(0x0303, 0x002f, b""), message].concat());
    let broken = [
        (record(&hello(0x0300, 0x0004, b"")), "the server chose ssl 3.0"),
        (record(&hello(0x0305, 0x0004, b"")), "the server chose the unknown version 0x0305"),
        (record(&hello(0x0303, 0x0004, &[0, 43, 0])), "the server's hello cannot be read"),
        (record(&message(2, &[3, 3])), "the server's hello cannot be read"),
        (record(&message(2, &[3; 34])), "the server's hello cannot be read"),
        (record(&message(11, b"")), "handshake message 11 instead of the server's hello"),
        (record(&[2, 1, 0, 1]), "a server's hello of 65537 bytes"),
        (then(message(4, b"")), "handshake message 4 instead of certificates"),
        (then(message(11, &[0, 0, 2, 0, 0])), "a certificate's length is cut"),
        (then(message(11, &[0, 0, 4, 0, 0, 9, 0])), "a certificate of 9 bytes where 1 are left"),
        (then(message(11, &[0, 0, 9, 0])), "9 bytes of certificates in a message of 4 bytes"),
        (then(certificates(&[b"a".as_slice(); 513])), "more than 512 certificates"),
        (vec![22, 3, 1, 0, 0], "a record of 0 bytes"),
        (vec![22, 3, 1, 0x40, 1], "a record of 16385 bytes"),
        (records(23, b"abc", 3), "a record of type 23 instead of a handshake"),
    ];
    for (answer, cause) in broken {
        let error = hear(&answer).await.unwrap_err();
        let text = format!("tls handshake with probe.test: in clear: {cause}");
        assert_eq!((error.reason, error.to_string()), (Reason::Handshake, text));
    }
}

#[tokio::test]
async fn a_server_cannot_go_on_and_on() {
    // Announced only: refused before anything is kept.
    let announced =
        [hello(0x0303, 0x002f, b""), vec![11, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc, 0xff, 0xff, 0xf9]].concat();
    let error = hear(&records(22, &announced, 16_384)).await.unwrap_err();
    assert!(error.to_string().contains("a message of 16777209 bytes would exceed the limit"), "{error}");
    // Warnings without end.
    let error = hear(&records(21, &[1, 112].repeat(200_000), 2)).await.unwrap_err();
    assert!(error.to_string().ends_with("more than 1048576 bytes and no end"), "{error}");
    // A chain whose records are of one byte each: more headers than bytes.
    let flight = [hello(0x0303, 0x002f, b""), certificates(&[[0; 1000].as_slice(); 400])].concat();
    let error = hear(&records(22, &flight, 1)).await.unwrap_err();
    assert!(error.to_string().contains("1048576 bytes"), "{error}");
    assert_eq!(hear(&records(22, &flight, 16_384)).await.unwrap().certificates.unwrap().len(), 400);
}

#[tokio::test]
async fn a_silent_server_ends_with_the_callers_deadline() {
    let (mut client, _server) = tokio::io::duplex(4096);
    let ended = tokio::time::timeout(Duration::from_millis(50), read(&mut client, "probe.test")).await;
    assert!(ended.is_err());
}

#[tokio::test]
async fn acceptance_is_judged_by_the_answer() {
    let supported = [0, 43, 0, 2, 3, 4];
    type Row = (Vec<u8>, Version, Result<bool, Reason>);
    let rows: Vec<Row> = vec![
        (records(22, &hello(0x0301, 0x002f, b""), 99), Version::Tls10, Ok(true)),
        (records(22, &hello(0x0301, 0x002f, b""), 99), Version::Tls12, Ok(false)),
        (records(22, &hello(0x0303, 0x1301, &supported), 99), Version::Tls13, Ok(true)),
        (records(21, &[2, 70], 2), Version::Tls13, Ok(false)),
        (records(21, &[2, 40], 2), Version::Tls10, Ok(false)),
        (records(21, &[2, 112], 2), Version::Tls10, Err(Reason::Alert)),
        (Vec::new(), Version::Tls10, Ok(false)),
        (vec![22, 3], Version::Tls10, Err(Reason::ConnectionClosed)),
        (b"220 a\r\n".to_vec(), Version::Tls10, Err(Reason::NotTls)),
    ];
    for (answer, version, expected) in rows {
        let mut stream = tokio::io::join(answer.as_slice(), tokio::io::sink());
        let accepted = accepts(&mut stream, "probe.test", version).await;
        let judged = accepted.as_ref().map(Acceptance::is_accepted).map_err(|error| error.reason);
        assert_eq!(judged, expected, "{version}: {accepted:?}");
    }
}

#[test]
fn a_hello_says_its_own_lengths() {
    let longest = "a".repeat(300);
    for name in ["probe.test.", "192.0.2.1", "[2001:db8::1]", "", &longest[..255], &longest] {
        for version in [Version::Tls10, Version::Tls11, Version::Tls12, Version::Tls13] {
            let record = hello::record(name, version).unwrap();
            let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
            assert_eq!(length, record.len() - 5);
            assert_eq!(usize::from(u16::from_be_bytes([record[7], record[8]])), length - 4);
            assert!(!(256..512).contains(&length), "{name} {version}: {length}");
            let named = record.windows(10).any(|window| window == b"probe.test");
            assert_eq!(named, name == "probe.test.");
            assert!(!record.windows(9).any(|window| window == b"192.0.2.1"));
        }
    }
}
