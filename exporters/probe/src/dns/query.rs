//! The query's bytes: made once, when the file is loaded. Only the identifier changes from probe to probe.

use std::hash::{BuildHasher, RandomState};

use hickory_proto::rr::Name;

/// Bytes of a message's header.
pub(super) const HEADER: usize = 12;

/// A query, ready to be sent. The message stands behind its length, as TCP wants it.
#[derive(Clone, Debug)]
pub(super) struct Query {
    framed: Vec<u8>,
}

impl Query {
    /// A query without EDNS, as the peer sends it: an answer over UDP then fits into 512 bytes or is cut.
    ///
    /// # Errors
    /// What is wrong with the name.
    pub(super) fn new(name: &str, kind: u16, class: u16, recursion: bool) -> Result<Self, String> {
        let name = encode(name)?;
        let mut message = Vec::with_capacity(HEADER + name.len() + 4);
        message.extend([0, 0, u8::from(recursion), 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        message.extend(name);
        message.extend(kind.to_be_bytes());
        message.extend(class.to_be_bytes());
        let length = u16::try_from(message.len()).map_err(|_| "it is too long".to_owned())?;
        let mut framed = Vec::with_capacity(message.len() + 2);
        framed.extend(length.to_be_bytes());
        framed.extend(message);
        Ok(Self { framed })
    }

    /// The same with an identifier that nobody can guess.
    pub(super) fn fresh(&self) -> Self {
        let mut query = self.clone();
        // The keys of a RandomState come from the kernel, once a thread; each new one hashes differently.
        let [first, second, ..] = RandomState::new().hash_one(0_u8).to_be_bytes();
        query.framed[2] = first;
        query.framed[3] = second;
        query
    }

    /// The message as a datagram.
    pub(super) fn datagram(&self) -> &[u8] {
        &self.framed[2..]
    }

    /// The message behind its length.
    pub(super) fn framed(&self) -> &[u8] {
        &self.framed
    }

    /// The identifier.
    pub(super) fn id(&self) -> u16 {
        u16::from_be_bytes([self.framed[2], self.framed[3]])
    }

    /// Name, type and class that are asked for, on the wire.
    pub(super) fn question(&self) -> &[u8] {
        &self.framed[2 + HEADER..]
    }
}

/// A name as it stands on the wire (RFC 1035 §3.1). Understands a missing dot at the end, the escapes `\.` and `\046`
/// (RFC 1035 §5.1: decimal), labels with an underscore, and what is not ASCII (as IDNA).
fn encode(name: &str) -> Result<Vec<u8>, String> {
    let mut wire = Vec::with_capacity(name.len() + 2);
    if name != "." {
        let bare = match name.strip_suffix('.') {
            // An escaped dot at the end belongs to the last label.
            Some(bare) if bare.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 0 => bare,
            _ => name,
        };
        for label in labels(bare)? {
            if label.is_empty() {
                return Err("a label is empty".to_owned());
            }
            let length = u8::try_from(label.len()).ok().filter(|length| *length <= 63);
            let Some(length) = length else { return Err("a label has more than 63 bytes".to_owned()) };
            wire.push(length);
            wire.extend(label);
        }
    }
    wire.push(0);
    if wire.len() > 255 {
        return Err("it has more than 255 bytes".to_owned());
    }
    Ok(wire)
}

fn labels(name: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut labels = Vec::new();
    let mut label: Vec<u8> = Vec::new();
    let mut bytes = name.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'.' => labels.push(idna(std::mem::take(&mut label))?),
            b'\\' => match bytes.next() {
                Some(hundreds) if hundreds.is_ascii_digit() => {
                    let digit =
                        |byte: Option<u8>| byte.filter(u8::is_ascii_digit).map(|byte| u16::from(byte - b'0'));
                    let (tens, ones) = (digit(bytes.next()), digit(bytes.next()));
                    let value = tens
                        .zip(ones)
                        .map(|(tens, ones)| u16::from(hundreds - b'0') * 100 + tens * 10 + ones);
                    match value.and_then(|value| u8::try_from(value).ok()) {
                        Some(value) => label.push(value),
                        None => return Err("an escape is a backslash and three digits up to 255".to_owned()),
                    }
                }
                Some(other) => label.push(other),
                None => return Err("it ends in a backslash".to_owned()),
            },
            b' ' | b'\t' | b'\n' | b'\r' => return Err("it has a space in it".to_owned()),
            byte => label.push(byte),
        }
    }
    labels.push(idna(label)?);
    Ok(labels)
}

/// A label that is not ASCII, as IDNA writes it (`xn--…`); others as they are.
fn idna(label: Vec<u8>) -> Result<Vec<u8>, String> {
    // Bytes above 127 that an escape made are meant as they are.
    let Some(text) = std::str::from_utf8(&label).ok().filter(|text| !text.is_ascii()) else {
        return Ok(label);
    };
    let name = Name::from_utf8(text).map_err(|_| format!("{text:?} has no form in ASCII (IDNA)"))?;
    name.iter().next().map(<[u8]>::to_vec).ok_or_else(|| "a label is empty".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::op::Message;

    #[test]
    fn a_query_is_what_another_library_reads() {
        let query = Query::new("www.probe.test", 1, 1, true).unwrap();
        let message = Message::from_vec(query.datagram()).unwrap();
        assert_eq!(message.queries[0].to_string(), "www.probe.test. IN A");
        assert!(message.metadata.recursion_desired);
        assert_eq!(query.framed().len(), query.datagram().len() + 2);
        let plain = Query::new("www.probe.test.", 1, 1, false).unwrap();
        assert_eq!(plain.question(), query.question(), "the dot at the end makes no difference");
        assert!(!Message::from_vec(plain.datagram()).unwrap().metadata.recursion_desired);
    }

    #[test]
    fn each_probe_has_its_own_identifier() {
        let query = Query::new("a", 1, 1, true).unwrap();
        let ids: std::collections::HashSet<u16> = (0..64).map(|_| query.fresh().id()).collect();
        assert!(ids.len() > 48, "{ids:?}");
        assert_eq!(query.fresh().question(), query.question());
    }

    #[test]
    fn names_on_the_wire() {
        for (name, want) in [
            (".", &b"\0"[..]),
            ("a.b", b"\x01a\x01b\0"),
            ("_dmarc.Example.", b"\x06_dmarc\x07Example\0"),
            (r"a\.b.c", b"\x03a.b\x01c\0"),
            (r"a\.", b"\x02a.\0"),
            (r"\065b", b"\x02Ab\0"),
            ("bücher.test", b"\x0dxn--bcher-kva\x04test\0"),
            ("*.test", b"\x01*\x04test\0"),
        ] {
            assert_eq!(encode(name).unwrap(), want, "{name}");
        }
        let long = "a".repeat(64);
        let deep = "a.".repeat(128);
        for (name, want) in [
            ("", "a label is empty"),
            ("a..b", "a label is empty"),
            (&*long, "a label has more than 63 bytes"),
            (&*deep, "it has more than 255 bytes"),
            ("a b", "it has a space in it"),
            (r"a\", "it ends in a backslash"),
            (r"\999", "an escape is a backslash and three digits up to 255"),
        ] {
            assert_eq!(encode(name).unwrap_err(), want, "{name}");
        }
    }
}
