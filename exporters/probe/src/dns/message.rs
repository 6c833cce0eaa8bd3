//! An answer taken apart without copying it. A library would do, but it makes owned values of every record, refuses
//! answers for the sake of what is none of a prober's business, and writes records in a form of its own; the patterns of
//! existing configurations match the form in `record`.

use std::fmt;
use std::ops::Range;

use super::names;
use super::query::{HEADER, Query};

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

const SHORT: Malformed = Malformed("the message ends too soon");

/// Bytes with a position; every step of it can fail.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    /// The whole message: names point back into it.
    message: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(message: &'a [u8], range: Range<usize>) -> Self {
        Self { message, at: range.start, end: range.end.min(message.len()) }
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let next = self.at.checked_add(count).filter(|next| *next <= self.end).ok_or(SHORT)?;
        let bytes = &self.message[self.at..next];
        self.at = next;
        Ok(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.bytes(N)?.try_into().map_err(|_| SHORT)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    /// A string behind its length in one byte.
    pub(super) fn string(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.u8()?;
        self.bytes(usize::from(length))
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        let rest = &self.message[self.at..self.end];
        self.at = self.end;
        rest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.end
    }

    /// A name; its labels may lie elsewhere in the message (RFC 1035 §4.1.4). Checked whole, so that walking it cannot
    /// fail any more.
    pub(super) fn name(&mut self) -> Result<Labels<'a>, Malformed> {
        let labels = Labels { message: self.message, at: self.at };
        let (mut at, mut total, mut jumps) = (self.at, 0_usize, 0_u8);
        loop {
            // Behind a pointer the name may lie anywhere before it; in its own place only where it belongs.
            let end = if jumps > 0 { self.message.len() } else { self.end };
            let length = *self.message.get(at).filter(|_| at < end).ok_or(SHORT)?;
            match length >> 6 {
                0 => {
                    at += 1 + usize::from(length);
                    total += 1 + usize::from(length);
                    if at > end {
                        return Err(SHORT);
                    }
                    if total > 255 {
                        return Err(Malformed("a name has more than 255 bytes"));
                    }
                    if length == 0 {
                        break;
                    }
                }
                3 => {
                    let low = *self.message.get(at + 1).filter(|_| at + 1 < end).ok_or(SHORT)?;
                    let to = usize::from(length & 0x3f) << 8 | usize::from(low);
                    // Only backwards: then it ends.
                    if to >= at {
                        return Err(Malformed("a name points forward or at itself"));
                    }
                    if jumps == 0 {
                        self.at = at + 2;
                    }
                    at = to;
                    jumps += 1;
                    if jumps > 127 {
                        return Err(Malformed("a name has too many pointers"));
                    }
                }
                _ => return Err(Malformed("a label has an unknown form")),
            }
        }
        if jumps == 0 {
            self.at = at;
        }
        Ok(labels)
    }
}

/// The labels of a name that has been checked.
#[derive(Clone, Copy)]
pub(super) struct Labels<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let length = *self.message.get(self.at)?;
            if length >> 6 == 3 {
                let low = *self.message.get(self.at + 1)?;
                self.at = usize::from(length & 0x3f) << 8 | usize::from(low);
                continue;
            }
            if length == 0 {
                return None;
            }
            let begin = self.at + 1;
            self.at = begin + usize::from(length);
            return self.message.get(begin..self.at);
        }
    }
}

/// A record.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) name: Labels<'a>,
    pub(super) kind: u16,
    pub(super) class: u16,
    pub(super) ttl: u32,
    /// Its data.
    pub(super) data: Reader<'a>,
}

/// A section of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Answer,
    Authority,
    Additional,
}

impl Section {
    pub(super) const ALL: [Section; 3] = [Section::Answer, Section::Authority, Section::Additional];

    pub(super) const fn word(self) -> &'static str {
        match self {
            Section::Answer => "answer",
            Section::Authority => "authority",
            Section::Additional => "additional",
        }
    }
}

/// An answer whose records have been found to be where they should be; their data is another matter.
pub(super) struct Message<'a> {
    bytes: &'a [u8],
    flags: u16,
    /// Where each section begins; the fourth is the end of the last.
    sections: [usize; 4],
    /// Records in each section.
    pub(super) counts: [u16; 3],
    /// The upper bits of the response code, from EDNS (RFC 6891 §6.1.3).
    extended: u16,
}

impl<'a> Message<'a> {
    /// Takes a message apart.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, 0..bytes.len());
        let _id = reader.u16()?;
        let flags = reader.u16()?;
        let questions = reader.u16()?;
        let promised = [reader.u16()?, reader.u16()?, reader.u16()?];
        for _ in 0..questions {
            reader.name()?;
            reader.bytes(4)?;
        }
        let mut message = Self { bytes, flags, sections: [0; 4], counts: [0; 3], extended: 0 };
        for (index, promised) in promised.into_iter().enumerate() {
            message.sections[index] = reader.at;
            for _ in 0..promised {
                // A server may cut an answer between two records without counting them anew.
                if message.truncated() && reader.is_empty() {
                    break;
                }
                let record = record(&mut reader)?;
                if record.kind == names::OPT {
                    message.extended = u16::from(record.ttl.to_be_bytes()[0]) << 4;
                }
                message.counts[index] += 1;
            }
        }
        message.sections[3] = reader.at;
        Ok(message)
    }

    /// The response code, with EDNS's part of it.
    pub(super) fn rcode(&self) -> u16 {
        self.extended | self.flags & 0xf
    }

    /// Whether the answer was cut to fit a datagram.
    pub(super) fn truncated(&self) -> bool {
        self.flags & 0x0200 != 0
    }

    /// A section's records.
    pub(super) fn records(&self, section: Section) -> impl Iterator<Item = Record<'a>> + use<'a> {
        let index = section as usize;
        let mut reader = Reader::new(self.bytes, self.sections[index]..self.sections[index + 1]);
        (0..self.counts[index]).map_while(move |_| record(&mut reader).ok())
    }
}

fn record<'a>(reader: &mut Reader<'a>) -> Result<Record<'a>, Malformed> {
    let name = reader.name()?;
    let (kind, class, ttl) = (reader.u16()?, reader.u16()?, reader.u32()?);
    let length = usize::from(reader.u16()?);
    let begin = reader.at;
    reader.bytes(length)?;
    Ok(Record { name, kind, class, ttl, data: Reader::new(reader.message, begin..begin + length) })
}

/// Whether a datagram is the answer to this query, or something else that came along: a late answer to an earlier one,
/// or a forgery. What has the right identifier but cannot be read is an answer, though a bad one.
pub(super) fn answers(bytes: &[u8], query: &Query) -> bool {
    let Some(header) = bytes.first_chunk::<HEADER>() else { return false };
    let is_response = header[2] & 0x80 != 0;
    if !is_response || u16::from_be_bytes([header[0], header[1]]) != query.id() {
        return false;
    }
    let questions = u16::from_be_bytes([header[4], header[5]]);
    if questions == 0 {
        // A server that could not or would not read the question need not repeat it.
        return header[3] & 0xf != 0;
    }
    let mut reader = Reader::new(bytes, HEADER..bytes.len());
    let Ok(name) = reader.name() else { return true };
    let asked = query.question();
    let (wanted, kind_and_class) = asked.split_at(asked.len() - 4);
    let wanted = Labels { message: wanted, at: 0 };
    name.map(<[u8]>::to_ascii_lowercase).eq(wanted.map(<[u8]>::to_ascii_lowercase))
        && reader.bytes(4).is_ok_and(|bytes| bytes == kind_and_class)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answer(query: &Query, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut bytes = query.datagram().to_vec();
        bytes[2] |= 0x80;
        change(&mut bytes);
        bytes
    }

    #[test]
    fn only_an_answer_to_this_question_counts() {
        let query = Query::new("www.probe.test", 1, 1, true).unwrap().fresh();
        assert!(answers(&answer(&query, |_| ()), &query));
        type Row = (&'static str, fn(&mut Vec<u8>), bool);
        let rows: &[Row] = &[
            ("another case", |bytes| bytes[13] = b'W', true),
            ("another identifier", |bytes| bytes[0] ^= 1, false),
            ("a query", |bytes| bytes[2] &= 0x7f, false),
            ("another name", |bytes| bytes[13] = b'x', false),
            ("another type", |bytes| *bytes.iter_mut().rev().nth(2).unwrap() = 28, false),
            ("no question and no error", |bytes| bytes[5] = 0, false),
            ("too short", |bytes| bytes.truncate(11), false),
            ("a name without an end", |bytes| bytes.truncate(16), true),
        ];
        for (what, change, want) in rows {
            assert_eq!(answers(&answer(&query, change), &query), *want, "{what}");
        }
        let refused = answer(&query, |bytes| {
            bytes[3] = 5;
            bytes[5] = 0;
        });
        assert!(answers(&refused, &query), "a refusal without the question");
    }

    #[test]
    fn names_that_circle_or_overflow_are_refused() {
        for (bytes, want) in [
            (&b"\xc0\x00"[..], "a name points forward or at itself"),
            // A pointer to the name's own beginning goes backwards and yet never ends.
            (b"\x01a\xc0\x00", "a name has more than 255 bytes"),
            (b"\x01a\xc0\x04\x00", "a name points forward or at itself"),
            (b"\x40a", "a label has an unknown form"),
            (b"\x05a", "the message ends too soon"),
            (b"", "the message ends too soon"),
        ] {
            let error = Reader::new(bytes, 0..bytes.len()).name().err();
            assert_eq!(error, Some(Malformed(want)), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_hang(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            if let Ok(message) = Message::new(&bytes) {
                let mut text = String::new();
                for section in Section::ALL {
                    for record in message.records(section) {
                        let _ = super::super::record::write(&mut text, &record);
                    }
                }
            }
        }
    }
}
