//! A page that remembers how it looks.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;

use super::Format;
use super::gzip::Blocks;
use crate::page::Page;

/// Pages of at least this many samples are larger than the least size that is worth compressing.
const SURELY_WORTH_IT: usize = 128;

/// A page, and how it looks in each format once somebody has asked. Whatever serves an unchanged snapshot to many
/// scrapes keeps it in an `Arc`, and then neither encodes nor compresses it twice.
#[derive(Debug)]
pub struct Encoded {
    page: Page,
    plain: [OnceLock<Bytes>; Format::ALL.len()],
    blocks: [OnceLock<Blocks>; Format::ALL.len()],
    compressions: AtomicU32,
}

impl Encoded {
    /// Takes over a finished page; nothing is encoded yet.
    #[must_use]
    pub fn new(mut page: Page) -> Self {
        page.finish();
        Self { page, plain: Default::default(), blocks: Default::default(), compressions: AtomicU32::new(0) }
    }

    /// The page.
    #[must_use]
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// The page in `format`, without the format's trailer.
    pub fn plain(&self, format: Format) -> Bytes {
        let encode = || {
            let mut out = Vec::new();
            super::encode(&self.page, format, &mut out);
            out.into()
        };
        self.plain[format as usize].get_or_init(encode).clone()
    }

    /// How many times this page has been compressed: at most once per format.
    #[must_use]
    pub fn compressions(&self) -> u32 {
        self.compressions.load(Ordering::Relaxed)
    }

    /// The page in `format`, compressed. A large page is compressed as it is encoded, and its plain form is not kept for this:
    /// whoever takes gzip takes it the next time too.
    pub(super) fn blocks(&self, format: Format) -> &Blocks {
        self.blocks[format as usize].get_or_init(|| {
            self.compressions.fetch_add(1, Ordering::Relaxed);
            match self.plain[format as usize].get() {
                Some(plain) => Blocks::of(plain),
                None => Blocks::through(self.page.size_hint(), |out, drain| {
                    super::encode_through(&self.page, format, out, drain);
                }),
            }
        })
    }

    /// The length in `format`, in bytes; of a page that is long anyway, and not encoded yet, less than that.
    pub(super) fn least_length(&self, format: Format) -> usize {
        match (self.blocks[format as usize].get(), self.page.len()) {
            (Some(blocks), _) => usize::try_from(blocks.length()).unwrap_or(usize::MAX),
            (None, SURELY_WORTH_IT..) => super::body::LEAST_COMPRESSED,
            (None, _) => self.plain(format).len(),
        }
    }

    /// How many samples are still to be encoded for an answer in `format`.
    pub(super) fn pending(&self, format: Format, gzip: bool) -> usize {
        let ready = match gzip {
            true => self.blocks[format as usize].get().is_some(),
            false => self.plain[format as usize].get().is_some(),
        };
        if ready { 0 } else { self.page.len() }
    }
}
