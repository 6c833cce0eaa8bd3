use super::super::message::{Message, Section};
use super::super::record;
use super::*;
use hickory_proto::op::{Message as Peer, MessageType, OpCode};
use hickory_proto::rr::rdata::{A, AAAA, CAA, MX, SOA, SRV, TXT};
use hickory_proto::rr::{Name, RData, Record};

fn name_of(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

/// The records of a message that another library wrote, compressed names and all.
fn shown(records: Vec<RData>) -> Vec<String> {
    let mut message = Peer::new(7, MessageType::Response, OpCode::Query);
    for data in records {
        message.add_answer(Record::from_rdata(name_of("www.probe.test."), 300, data));
    }
    let bytes = message.to_vec().unwrap();
    let message = Message::new(&bytes).unwrap();
    let show = |record| {
        let mut text = String::new();
        record::write(&mut text, &record).map(|()| text).unwrap()
    };
    message.records(Section::Answer).map(show).collect()
}

/// A record of this type with these data, behind the root's name.
fn raw(kind: u16, data: &[u8]) -> Result<String, Malformed> {
    let mut bytes = vec![0, 7, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0];
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1, 0, 0, 0, 60]);
    bytes.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    bytes.extend(data);
    let message = Message::new(&bytes)?;
    let record = message.records(Section::Answer).next().unwrap();
    let mut text = String::new();
    record::write(&mut text, &record).map(|()| text)
}

#[test]
fn common_types_as_the_peer_prints_them() {
    let got = shown(vec![
        RData::A(A::new(127, 0, 0, 9)),
        RData::AAAA(AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
        RData::MX(MX::new(10, name_of("mail.probe.test."))),
        RData::SRV(SRV::new(1, 2, 443, name_of("www.probe.test."))),
        RData::TXT(TXT::new(vec!["v=probe a \"quoted\"\\".to_owned(), "\u{e9}".to_owned()])),
        RData::SOA(SOA::new(
            name_of("ns.probe.test."),
            name_of("host\\.master.probe.test."),
            2_026_112_301,
            1,
            2,
            3,
            4,
        )),
        RData::CAA(CAA::new_issue(true, None, vec![])),
    ]);
    let want = [
        "www.probe.test.\t300\tIN\tA\t127.0.0.9",
        "www.probe.test.\t300\tIN\tAAAA\t2001:db8::1",
        "www.probe.test.\t300\tIN\tMX\t10 mail.probe.test.",
        "www.probe.test.\t300\tIN\tSRV\t1 2 443 www.probe.test.",
        "www.probe.test.\t300\tIN\tTXT\t\"v=probe a \\\"quoted\\\"\\\\\" \"\\195\\169\"",
        "www.probe.test.\t300\tIN\tSOA\tns.probe.test. host\\.master.probe.test. 2026112301 1 2 3 4",
        "www.probe.test.\t300\tIN\tCAA\t128 issue \";\"",
    ];
    assert_eq!(got, want);
}

#[test]
fn other_types() {
    let dnskey = [&[1, 1, 3, 13][..], b"key"].concat();
    let rrsig = [
        &[0, 1, 13, 2, 0, 0, 1, 44][..],
        &1_763_942_400_u32.to_be_bytes(),
        &0_u32.to_be_bytes(),
        &[0, 9, 1, b'a', 0, 0xff],
    ]
    .concat();
    let nsec3 = [1, 0, 0, 10, 1, 0xab, 5, 1, 2, 3, 4, 5, 0, 1, 0x40];
    let https = [&[0, 1, 0, 0, 1, 0, 6, 2][..], b"h2\x02h3", &[0, 3, 0, 2, 1, 187, 0, 4, 0, 4, 192, 0, 2, 1]]
        .concat();
    for (kind, data, want) in [
        (48, &*dnskey, "DNSKEY\t257 3 13 a2V5"),
        (46, &*rrsig, "RRSIG\tA 13 2 300 20251124000000 19700101000000 9 a. /w=="),
        (43, &[0, 5, 8, 2, 0xab, 0xcd], "DS\t5 8 2 ABCD"),
        (44, &[4, 2, 0xab], "SSHFP\t4 2 AB"),
        (52, &[3, 1, 1, 0xab], "TLSA\t3 1 1 ab"),
        (47, &[1, b'b', 0, 0, 2, 0x40, 1], "NSEC\tb. A MX"),
        (50, &nsec3, "NSEC3\t1 0 10 AB 04106105 A"),
        (51, &[1, 0, 0, 10, 0], "NSEC3PARAM\t1 0 10 -"),
        (65, &*https, "HTTPS\t1 . alpn=\"h2,h3\" port=\"443\" ipv4hint=\"192.0.2.1\""),
        (108, &[0, 1, 2, 3, 4, 0xff], "EUI48\t00-01-02-03-04-ff"),
        (16, &[], "TXT\t"),
    ] {
        assert_eq!(raw(kind, data).as_deref(), Ok(&*format!(".\t60\tIN\t{want}")));
    }
    assert_eq!(raw(65_280, &[1, 0xab]).as_deref(), Ok(".\t60\tCLASS1\tTYPE65280\t\\# 2 01ab"));
}

#[test]
fn data_that_are_not_what_their_type_says_are_malformed() {
    let short = Err(Malformed("the message ends too soon"));
    for (kind, data, want) in [
        (1, &[127, 0, 0][..], short.clone()),
        (1, &[127, 0, 0, 1, 0], Err(Malformed("a record's data is longer than its type allows"))),
        (28, &[0; 4], short.clone()),
        (15, &[0, 10, 5, b'a'], short.clone()),
        (16, &[5, b'a'], short.clone()),
        (65, &[0, 1, 0, 0, 3, 0, 1, 1], short),
    ] {
        assert_eq!(raw(kind, data), want, "{kind} {data:?}");
    }
}

#[test]
fn dates() {
    for (seconds, want) in [
        (0, "19700101000000"),
        (951_782_400, "20000229000000"),
        (1_700_000_000, "20231114221320"),
        (u32::MAX, "21060207062815"),
    ] {
        let mut text = String::new();
        date(&mut text, seconds);
        assert_eq!(text, want);
    }
}
