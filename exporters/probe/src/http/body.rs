//! The body read through its decompression, up to its limit, and kept only if something looks at it.

use std::io::{self, Write};

use brotli_decompressor::writer::DecompressorWriter;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use kit::Failure;
use wire::Phase;

use super::hop::{Link, failed};
use crate::config::http::Compression;
use crate::verdict::fail;

/// How much of a body is kept at first; it grows with what comes, not with what is announced.
const FIRST: usize = 4096;
/// Brotli's buffer.
const BROTLI_BUFFER: usize = 16 * 1024;

/// Where decompressed bytes go: counted, kept if wanted, refused beyond the limit. A bomb stops here.
struct Sink {
    length: u64,
    limit: Option<u64>,
    kept: Option<Vec<u8>>,
    over: bool,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.limit.map_or(u64::MAX, |limit| limit - self.length);
        let take = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
        self.length += take as u64;
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(&bytes[..take]);
        }
        if take < bytes.len() {
            self.over = true;
            return Err(io::Error::other("body larger than the limit"));
        }
        Ok(take)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Decoder {
    Plain(Sink),
    Gzip(MultiGzDecoder<Sink>),
    /// `deflate` before its first two bytes are there: servers send it with zlib's wrapper (as RFC 9110 says) or bare.
    Unsure(Vec<u8>, Sink),
    Zlib(ZlibDecoder<Sink>),
    Deflate(DeflateDecoder<Sink>),
    Brotli(Box<DecompressorWriter<Sink>>),
    /// Only while one decoder takes another's place.
    Gone,
}

/// A body on its way.
pub(super) struct Body {
    decoder: Decoder,
    word: &'static str,
    limit: Option<u64>,
}

impl Body {
    pub(super) fn new(compression: Option<Compression>, limit: Option<u64>, keep: bool) -> Self {
        let kept = keep.then(|| Vec::with_capacity(FIRST));
        let sink = Sink { length: 0, limit, kept, over: false };
        let decoder = match compression {
            None | Some(Compression::Identity) => Decoder::Plain(sink),
            Some(Compression::Gzip) => Decoder::Gzip(MultiGzDecoder::new(sink)),
            Some(Compression::Deflate) => Decoder::Unsure(Vec::new(), sink),
            Some(Compression::Br) => Decoder::Brotli(Box::new(DecompressorWriter::new(sink, BROTLI_BUFFER))),
        };
        Self { decoder, word: compression.map_or("identity", Compression::word), limit }
    }

    /// Reads to the end. `length` follows the bytes, so that it is true also when a deadline cuts the reading short.
    pub(super) async fn read(&mut self, link: &mut Link, length: &mut u64) -> Result<(), Failure> {
        loop {
            let chunk = link.chunk().await.map_err(|error| failed(Phase::Transfer, &error))?;
            let written = match &chunk {
                Some(chunk) => self.decoder.write(chunk),
                None => self.decoder.finish(),
            };
            let (count, over) = self.decoder.sink().map_or((0, false), |sink| (sink.length, sink.over));
            *length = count;
            if over {
                let limit = self.limit.unwrap_or(u64::MAX);
                let detail = format!("body larger than the limit of {limit} bytes");
                return Err(fail(Phase::Transfer, "body_too_large", detail));
            }
            written.map_err(|error| {
                fail(Phase::Transfer, "body_decoding", format!("decompress as {}: {error}", self.word))
            })?;
            if chunk.is_none() {
                return Ok(());
            }
        }
    }

    /// What was kept.
    pub(super) fn kept(&self) -> &[u8] {
        self.decoder.sink().and_then(|sink| sink.kept.as_deref()).unwrap_or_default()
    }
}

impl Decoder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Decoder::Unsure(head, _) = self {
            head.extend_from_slice(bytes);
            return if head.len() < 2 { Ok(()) } else { self.decide() };
        }
        match self {
            Decoder::Plain(sink) => sink.write_all(bytes),
            Decoder::Gzip(decoder) => decoder.write_all(bytes),
            Decoder::Zlib(decoder) => decoder.write_all(bytes),
            Decoder::Deflate(decoder) => decoder.write_all(bytes),
            Decoder::Brotli(decoder) => decoder.write_all(bytes),
            Decoder::Unsure(..) | Decoder::Gone => Ok(()),
        }
    }

    /// Chooses by the first two bytes (RFC 1950 §2.2: method 8, and divisible by 31).
    fn decide(&mut self) -> io::Result<()> {
        let Decoder::Unsure(head, sink) = std::mem::replace(self, Decoder::Gone) else { return Ok(()) };
        let wrapped = matches!(head[..], [first, second, ..]
            if first & 0x0f == 8 && (u16::from(first) << 8 | u16::from(second)) % 31 == 0);
        *self = if wrapped {
            Decoder::Zlib(ZlibDecoder::new(sink))
        } else {
            Decoder::Deflate(DeflateDecoder::new(sink))
        };
        self.write(&head)
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Decoder::Plain(_) | Decoder::Gone => Ok(()),
            Decoder::Gzip(decoder) => decoder.try_finish(),
            Decoder::Zlib(decoder) => decoder.try_finish(),
            Decoder::Deflate(decoder) => decoder.try_finish(),
            Decoder::Brotli(decoder) => decoder.close(),
            Decoder::Unsure(..) => {
                self.decide()?;
                self.finish()
            }
        }
    }

    fn sink(&self) -> Option<&Sink> {
        match self {
            Decoder::Plain(sink) | Decoder::Unsure(_, sink) => Some(sink),
            Decoder::Gzip(decoder) => Some(decoder.get_ref()),
            Decoder::Zlib(decoder) => Some(decoder.get_ref()),
            Decoder::Deflate(decoder) => Some(decoder.get_ref()),
            Decoder::Brotli(decoder) => Some(decoder.get_ref()),
            Decoder::Gone => None,
        }
    }
}

/// See [`crate::fuzzing::http_body`].
pub(super) fn fuzz(compression: u8, step: usize, bytes: &[u8], limit: u64) -> usize {
    let compression = match compression {
        0 => Some(Compression::Gzip),
        1 => Some(Compression::Deflate),
        2 => Some(Compression::Br),
        _ => None,
    };
    let mut body = Body::new(compression, Some(limit), true);
    let pieces = bytes.chunks(step.max(1));
    let written = pieces.map(|piece| body.decoder.write(piece)).find(Result::is_err).unwrap_or(Ok(()));
    let _ = written.and_then(|()| body.decoder.finish());
    body.kept().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression as Level;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    fn through(mut decoder: Decoder, bytes: &[u8], step: usize) -> (io::Result<()>, Vec<u8>, bool) {
        let written =
            bytes.chunks(step).try_for_each(|chunk| decoder.write(chunk)).and_then(|()| decoder.finish());
        let sink = decoder.sink().unwrap();
        (written, sink.kept.clone().unwrap(), sink.over)
    }

    fn decoder(compression: Compression, limit: Option<u64>) -> Decoder {
        Body::new(Some(compression), limit, true).decoder
    }

    #[test]
    fn every_compression_is_undone_in_steps_of_any_size() {
        let text = b"hello, hello, hello, hello, world".repeat(50);
        let gzip = {
            let mut to = GzEncoder::new(Vec::new(), Level::fast());
            to.write_all(&text).unwrap();
            to.finish().unwrap()
        };
        let zlib = {
            let mut to = ZlibEncoder::new(Vec::new(), Level::fast());
            to.write_all(&text).unwrap();
            to.finish().unwrap()
        };
        let bare = {
            let mut to = DeflateEncoder::new(Vec::new(), Level::fast());
            to.write_all(&text).unwrap();
            to.finish().unwrap()
        };
        for (compression, packed) in [
            (Compression::Gzip, &gzip),
            (Compression::Deflate, &zlib),
            (Compression::Deflate, &bare),
            (Compression::Identity, &text),
        ] {
            for step in [1, 7, 100_000] {
                let (written, kept, _) = through(decoder(compression, None), packed, step);
                written.unwrap();
                assert!(kept == text, "{compression:?} in steps of {step}");
            }
        }
    }

    #[test]
    fn brotli_is_undone() {
        // `hello` as one uncompressed meta-block and the empty last one (RFC 7932 §9.2).
        let packed = [0x0b, 0x02, 0x80, b'h', b'e', b'l', b'l', b'o', 0x03];
        let (written, kept, _) = through(decoder(Compression::Br, None), &packed, 1);
        written.unwrap();
        assert_eq!(kept, b"hello");
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let mut to = GzEncoder::new(Vec::new(), Level::best());
        to.write_all(&vec![0; 20 << 20]).unwrap();
        let (written, kept, over) =
            through(decoder(Compression::Gzip, Some(1000)), &to.finish().unwrap(), 512);
        assert!(written.is_err() && over);
        assert_eq!(kept.len(), 1000);
    }

    #[test]
    fn exactly_the_limit_is_not_too_much() {
        for (limit, fine) in [(3, true), (2, false)] {
            let (written, _, over) = through(decoder(Compression::Identity, Some(limit)), b"abc", 2);
            assert_eq!((written.is_ok(), over), (fine, !fine));
        }
    }

    #[test]
    fn what_is_not_compressed_is_told() {
        for compression in [Compression::Gzip, Compression::Br, Compression::Deflate] {
            let (written, _, over) =
                through(decoder(compression, None), b"<html>not compressed at all</html>", 100);
            assert!(written.is_err() && !over, "{compression:?}");
        }
    }
}
