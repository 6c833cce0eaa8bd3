//! Compression that is not done twice: each page is compressed on its own into raw deflate blocks that end on a byte
//! boundary, and one gzip member (RFC 1952) is made of any number of them, by copying.

use std::cell::RefCell;

use bytes::Bytes;
use crc32fast::Hasher;
use flate2::{Compress, Compression, FlushCompress, Status};

/// gzip's fastest level: encoding a sample costs about 60 ns, compressing it 300 at this level and 840 at level 6, for
/// a body of 17 % instead of 11 %.
const LEVEL: Compression = Compression::fast();

/// Magic, deflate, no flags, no time, fastest algorithm, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

thread_local! {
    // A compressor is a quarter of a megabyte that is zeroed when it is made, more work than compressing a small page.
    static COMPRESSOR: RefCell<Compress> = RefCell::new(Compress::new(LEVEL, false));
}

/// A page's deflate blocks, none of them the last, and what the end of a gzip member needs to know of their contents.
#[derive(Debug)]
pub(super) struct Blocks {
    deflated: Bytes,
    crc: u32,
    length: u64,
}

/// A text that is written in pieces is compressed whenever so many bytes of it have come together.
const PIECE: usize = 64 << 10;

impl Blocks {
    /// Compresses.
    pub(super) fn of(plain: &[u8]) -> Self {
        COMPRESSOR.with_borrow_mut(|compressor| {
            let mut deflater = Deflater::new(compressor, plain.len());
            deflater.push(plain);
            deflater.end()
        })
    }

    /// Compresses what `write` appends to the buffer that it is given, about `hint` bytes, while it is written: whenever
    /// `write` shows the buffer to the function that it is given as well, that may take what is in it.
    pub(super) fn through(
        hint: usize,
        write: impl FnOnce(&mut Vec<u8>, &mut dyn FnMut(&mut Vec<u8>)),
    ) -> Self {
        COMPRESSOR.with_borrow_mut(|compressor| {
            let mut deflater = Deflater::new(compressor, hint);
            let mut buffer = Vec::with_capacity(hint.min(PIECE + PIECE / 8));
            write(&mut buffer, &mut |buffer| {
                if buffer.len() >= PIECE {
                    deflater.push(buffer);
                    buffer.clear();
                }
            });
            deflater.push(&buffer);
            deflater.end()
        })
    }

    /// The length before compression, in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }
}

/// Blocks that are being made.
struct Deflater<'a> {
    compressor: &'a mut Compress,
    checksum: Hasher,
    out: Vec<u8>,
}

impl<'a> Deflater<'a> {
    /// Of about `hint` bytes.
    fn new(compressor: &'a mut Compress, hint: usize) -> Self {
        compressor.reset();
        // Pages come down to a sixth, or less.
        Self { compressor, checksum: Hasher::new(), out: Vec::with_capacity(hint / 6 + 64) }
    }

    fn push(&mut self, plain: &[u8]) {
        self.checksum.update(plain);
        self.deflate(plain, FlushCompress::None);
    }

    fn end(mut self) -> Blocks {
        self.deflate(&[], FlushCompress::Sync);
        self.out.shrink_to_fit();
        let length = self.compressor.total_in();
        Blocks { deflated: self.out.into(), crc: self.checksum.finalize(), length }
    }

    fn deflate(&mut self, plain: &[u8], flush: FlushCompress) {
        let begin = self.compressor.total_in();
        loop {
            let read =
                usize::try_from(self.compressor.total_in() - begin).unwrap_or(usize::MAX).min(plain.len());
            let status = self.compressor.compress_vec(&plain[read..], &mut self.out, flush);
            let all_read = self.compressor.total_in() - begin >= plain.len() as u64;
            // Room left over means that nothing is pending; no progress with all read means the same.
            if all_read && (self.out.len() < self.out.capacity() || !matches!(status, Ok(Status::Ok))) {
                return;
            }
            self.out.reserve((self.out.len() / 4).max(64));
        }
    }
}

/// One gzip member of `parts`, one after another, and `trailer`.
pub(super) fn member(parts: &[&Blocks], trailer: &[u8]) -> Vec<u8> {
    let deflated: usize = parts.iter().map(|part| part.deflated.len()).sum();
    let mut out = Vec::with_capacity(HEADER.len() + deflated + trailer.len() + 13);
    let mut checksum = Hasher::new();
    let mut length = trailer.len() as u64;
    out.extend_from_slice(&HEADER);
    for part in parts {
        out.extend_from_slice(&part.deflated);
        checksum.combine(&Hasher::new_with_initial_len(part.crc, part.length));
        length += part.length;
    }
    checksum.update(trailer);
    // The last block: stored, so that it starts and ends on a byte boundary; trailers are a few bytes.
    let stored = u16::try_from(trailer.len()).unwrap_or(u16::MAX);
    out.push(1);
    out.extend_from_slice(&stored.to_le_bytes());
    out.extend_from_slice(&(!stored).to_le_bytes());
    out.extend_from_slice(&trailer[..usize::from(stored)]);
    out.extend_from_slice(&checksum.finalize().to_le_bytes());
    // The length modulo 2^32, as the RFC wants it.
    out.extend_from_slice(&(length as u32).to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Read;

    fn read(member: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        flate2::read::GzDecoder::new(member).read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn nothing_is_a_valid_member() {
        assert_eq!(read(&member(&[], b"")), b"");
        assert_eq!(read(&member(&[&Blocks::of(b"")], b"# EOF\n")), b"# EOF\n");
    }

    #[test]
    fn what_does_not_compress_gets_the_room_it_needs() {
        // A multiplicative generator's high bits: no two bytes alike enough to compress.
        let mut state = 1u64;
        let noise: Vec<u8> = (0..300_000)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            })
            .collect();
        assert_eq!(
            read(&member(&[&Blocks::of(&noise), &Blocks::of(&noise)], b"")),
            [&noise[..], &noise].concat()
        );
    }

    proptest! {
        #[test]
        fn any_parts_come_back(parts in proptest::collection::vec("[a-c\\PC]{0,3000}", 0..5), trailer in "[ -~]{0,20}") {
            let blocks: Vec<Blocks> = parts.iter().map(|part| Blocks::of(part.as_bytes())).collect();
            let member = member(&blocks.iter().collect::<Vec<_>>(), trailer.as_bytes());
            prop_assert_eq!(read(&member), [parts.concat(), trailer].concat().into_bytes());
        }
    }

    #[test]
    fn what_is_compressed_while_it_is_written_comes_back_and_is_never_whole_in_memory() {
        let lines: Vec<String> =
            (0..60_000).map(|at| format!("up{{target=\"{}\"}} {at}\n", at % 997)).collect();
        let mut most = 0;
        let blocks = Blocks::through(10, |out, drain| {
            for line in &lines {
                out.extend_from_slice(line.as_bytes());
                most = most.max(out.len());
                drain(out);
            }
        });
        let plain = lines.concat();
        assert!(most < PIECE + 100 && plain.len() > 10 * PIECE, "{most} of {}", plain.len());
        assert_eq!(blocks.length(), plain.len() as u64);
        assert_eq!(read(&member(&[&blocks, &Blocks::of(b"x")], b"")), [plain.as_bytes(), b"x"].concat());
    }
}
