//! Just enough of BER (X.690) to find one's way through a keystore: tags of one byte, lengths of at most 4 GiB or up to an
//! end mark, octet strings in one piece or in many. DER would not do: NSS and Bouncy Castle write lengths up to an end mark.

use std::borrow::Cow;

/// No keystore nests deeper; what does is not followed.
const DEPTH: u8 = 24;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const BMP: u8 = 0x1e;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// `[0]`, with something in it.
pub(super) const ZERO: u8 = 0xa0;
/// `[0]` in place of an octet string's own tag.
const ZERO_OCTETS: u8 = 0x80;
const CONSTRUCTED: u8 = 0x20;

/// A value with its tag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    /// All of it, tag and length included.
    pub(super) whole: &'a [u8],
    depth: u8,
}

impl<'a> Element<'a> {
    /// The values in it.
    pub(super) fn inside(&self) -> Reader<'a> {
        Reader { bytes: self.content, depth: self.depth.saturating_sub(1) }
    }

    /// An octet string's bytes, put together if it comes in pieces; also of one that is tagged `[0]`.
    pub(super) fn octets(&self) -> Option<Cow<'a, [u8]>> {
        match self.tag {
            OCTETS | ZERO_OCTETS => Some(Cow::Borrowed(self.content)),
            tag if tag == OCTETS | CONSTRUCTED || tag == ZERO => {
                let (mut pieces, mut bytes) = (self.inside(), Vec::with_capacity(self.content.len()));
                while let Some(piece) = pieces.next() {
                    bytes.extend_from_slice(&piece.octets()?);
                }
                pieces.bytes.is_empty().then_some(Cow::Owned(bytes))
            }
            _ => None,
        }
    }

    /// A number that is not negative.
    pub(super) fn number(&self) -> Option<u32> {
        let first = self.content.iter().position(|byte| *byte != 0).unwrap_or(self.content.len());
        let digits = &self.content[first..];
        let legal = self.tag == INTEGER && self.content.first().is_some_and(|byte| byte & 0x80 == 0);
        (legal && digits.len() <= 4)
            .then(|| digits.iter().fold(0, |number, digit| number << 8 | u32::from(*digit)))
    }
}

/// Values one after another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    depth: u8,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, depth: DEPTH }
    }

    /// The next value; `None` at the end, or where no value is.
    pub(super) fn next(&mut self) -> Option<Element<'a>> {
        let element = element(self.bytes, self.depth)?;
        self.bytes = &self.bytes[element.whole.len()..];
        Some(element)
    }

    /// The next value, which must have this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Option<Element<'a>> {
        self.next().filter(|element| element.tag == tag)
    }

    /// The next value if it has this tag; else it stays.
    pub(super) fn optional(&mut self, tag: u8) -> Option<Element<'a>> {
        let mut ahead = *self;
        let element = ahead.expect(tag)?;
        *self = ahead;
        Some(element)
    }
}

fn element(bytes: &[u8], depth: u8) -> Option<Element<'_>> {
    let (&tag, &short) = (bytes.first()?, bytes.get(1)?);
    // Tags of more bytes are in no keystore.
    if depth == 0 || tag & 0x1f == 0x1f {
        return None;
    }
    let (start, length) = match short {
        0..=0x7f => (2, usize::from(short)),
        0x80 if tag & CONSTRUCTED != 0 => {
            let length = to_the_end(&bytes[2..], depth - 1)?;
            let (content, whole) = (&bytes[2..2 + length], &bytes[..length + 4]);
            return Some(Element { tag, content, whole, depth });
        }
        0x81..=0x84 => {
            let digits = bytes.get(2..2 + usize::from(short & 0x0f))?;
            let length = digits.iter().fold(0_usize, |length, digit| length << 8 | usize::from(*digit));
            (2 + digits.len(), length)
        }
        _ => return None,
    };
    let end = start.checked_add(length)?;
    Some(Element { tag, content: bytes.get(start..end)?, whole: bytes.get(..end)?, depth })
}

/// How many bytes there are before the end mark, two zeros.
fn to_the_end(bytes: &[u8], depth: u8) -> Option<usize> {
    let mut at = 0;
    while !bytes.get(at..)?.starts_with(&[0, 0]) {
        at += element(&bytes[at..], depth)?.whole.len();
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_of_every_kind() {
        let long = [&[0x04, 0x82, 0x01, 0x00][..], &[7; 256]].concat();
        for (bytes, want) in [
            (&[0x04, 0x02, 1, 2][..], Some(vec![1, 2])),
            (&[0x04, 0x81, 0x02, 1, 2], Some(vec![1, 2])),
            (&[0x24, 0x80, 0x04, 1, 1, 0x04, 1, 2, 0, 0], Some(vec![1, 2])),
            (&[0x24, 0x06, 0x04, 1, 1, 0x04, 1, 2], Some(vec![1, 2])),
            (&[0x24, 0x80, 0x24, 0x80, 0x04, 1, 9, 0, 0, 0, 0], Some(vec![9])),
            (&long, Some(vec![7; 256])),
            (&[0x04, 0x02, 1], None),
            (&[0x04, 0x80, 1], None),
            (&[0x24, 0x80, 0x04, 1, 1], None),
            (&[0x24, 0x02, 0x02, 1], None),
            (&[0x04, 0x85, 0, 0, 0, 0, 1, 1], None),
            (&[0x1f, 0x01, 1], None),
            (&[], None),
        ] {
            let got = Reader::new(bytes).next().and_then(|element| element.octets().map(Cow::into_owned));
            assert_eq!(got, want, "{bytes:x?}");
        }
    }

    #[test]
    fn numbers_and_what_is_none() {
        for (bytes, want) in [
            (&[2, 1, 3][..], Some(3)),
            (&[2, 2, 8, 0], Some(2048)),
            (&[2, 5, 0, 0xff, 0xff, 0xff, 0xff], Some(u32::MAX)),
            (&[2, 5, 1, 0, 0, 0, 0], None),
            (&[2, 1, 0x80], None),
            (&[2, 0], None),
            (&[4, 1, 3], None),
        ] {
            let got = Reader::new(bytes).next().and_then(|element| element.number());
            assert_eq!(got, want, "{bytes:x?}");
        }
    }

    #[test]
    fn what_nests_too_deep_is_not_followed() {
        let deep = [[0x30, 0x80].repeat(100_000), vec![0; 200_000]].concat();
        assert!(Reader::new(&deep).next().is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = Reader::new(&bytes);
            while let Some(element) = reader.next() {
                let _ = (element.octets(), element.number(), element.inside().next());
            }
        }
    }
}
