//! DER as far as certificates and OCSP responses need it: tags of one byte, definite lengths, nothing copied.

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

/// A value with its tag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    pub(super) tag: u8,
    /// Behind tag and length.
    pub(super) content: &'a [u8],
    /// Tag and length included.
    pub(super) whole: &'a [u8],
}

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;

/// `[number]`, constructed.
pub(super) const fn context(number: u8) -> u8 {
    0xa0 | number
}

impl<'a> Reader<'a> {
    /// The next value, whatever it is.
    pub(super) fn next(&mut self) -> Option<Value<'a>> {
        let (&[tag, first], rest) = self.0.split_first_chunk::<2>()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (length, header) = match first {
            0..=0x7f => (usize::from(first), 2),
            0x81..=0x84 => {
                let bytes = rest.get(..usize::from(first & 0x0f))?;
                let length = bytes.iter().fold(0, |length: usize, byte| length << 8 | usize::from(*byte));
                (length, 2 + bytes.len())
            }
            _ => return None,
        };
        let whole = self.0.get(..header.checked_add(length)?)?;
        self.0 = &self.0[whole.len()..];
        Some(Value { tag, content: &whole[header..], whole })
    }

    /// The next value, if it has this tag; else nothing is read.
    pub(super) fn take(&mut self, tag: u8) -> Option<Value<'a>> {
        let mut ahead = *self;
        let value = ahead.next().filter(|value| value.tag == tag)?;
        *self = ahead;
        Some(value)
    }

    /// What is inside the next value of this tag.
    pub(super) fn enter(&mut self, tag: u8) -> Option<Reader<'a>> {
        self.take(tag).map(|value| Reader(value.content))
    }
}

/// The parts of a certificate, or of anything else that is signed as one (RFC 5280 §4.1).
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'a> {
    /// The serial number's content.
    pub(super) serial: &'a [u8],
    /// The issuer's name, tag and length included.
    pub(super) issuer: &'a [u8],
    /// The subject's name, tag and length included.
    pub(super) subject: Value<'a>,
    /// The content of the subject's public key info.
    pub(super) key: &'a [u8],
    pub(super) signed: Signed<'a>,
}

/// A message with its signature.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signed<'a> {
    pub(super) message: Value<'a>,
    /// The content of the algorithm's identifier.
    pub(super) algorithm: &'a [u8],
    pub(super) signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Of a sequence that begins with a message, an algorithm and a signature.
    pub(super) fn read(reader: &mut Reader<'a>) -> Option<Self> {
        Some(Self {
            message: reader.take(SEQUENCE)?,
            algorithm: reader.take(SEQUENCE)?.content,
            signature: bits(reader)?,
        })
    }
}

impl<'a> Parts<'a> {
    pub(super) fn of(certificate: &'a [u8]) -> Option<Self> {
        let signed = Signed::read(&mut Reader(certificate).enter(SEQUENCE)?)?;
        let mut inner = Reader(signed.message.content);
        inner.take(context(0));
        let serial = inner.take(INTEGER)?.content;
        inner.take(SEQUENCE)?;
        let issuer = inner.take(SEQUENCE)?.whole;
        inner.take(SEQUENCE)?;
        let subject = inner.take(SEQUENCE)?;
        let key = inner.take(SEQUENCE)?.content;
        Some(Self { serial, issuer, subject, key, signed })
    }
}

/// A bit string of whole bytes.
pub(super) fn bits<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    match reader.take(BIT_STRING)?.content.split_first()? {
        (0, bytes) => Some(bytes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_tags() {
        for (bytes, want) in [
            (&[0x02, 1, 7][..], Some((0x02, 1))),
            (&[0x04, 0x81, 2, 1, 2, 9], Some((0x04, 2))),
            (&[0x04, 0x82, 0, 1, 5], Some((0x04, 1))),
            (&[0x30, 0], Some((0x30, 0))),
            (&[0x30, 0x80, 0, 0], None),
            (&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], None),
            (&[0x30, 0x85, 0, 0, 0, 0, 0], None),
            (&[0x1f, 0x81, 0], None),
            (&[0x02, 2, 1], None),
            (&[0x02], None),
            (&[], None),
        ] {
            let got = Reader(bytes).next().map(|value| (value.tag, value.content.len()));
            assert_eq!(got, want, "{bytes:02x?}");
        }
        let mut reader = Reader(&[0x02, 1, 7, 0x04, 0]);
        assert!(reader.take(SEQUENCE).is_none());
        assert_eq!(reader.take(INTEGER).unwrap().content, [7]);
        assert!(reader.enter(OCTET_STRING).unwrap().0.is_empty() && reader.next().is_none());
    }
}
