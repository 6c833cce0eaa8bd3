//! The exposition: what a [`Page`] looks like to whoever asks for it.
//!
//! | module | what it holds |
//! |---|---|
//! | `negotiate` | [`negotiate`]: which format, escaping and compression an `Accept` asks for |
//! | `encoded` | [`Encoded`]: a page that remembers how it looks in each format, plain and compressed |
//! | `body` | [`body`]: several of them as one response |
//! | `gzip` | the compressed blocks, and the one gzip member made of them |
//! | `text` | what the two text formats share: the walk, numbers, escaping |
//! | `classic`, `openmetrics`, `protobuf` | what each format has of its own |

mod body;
mod classic;
mod encoded;
mod gzip;
mod negotiate;
mod openmetrics;
mod protobuf;
mod text;

pub use body::{Body, body};
pub use encoded::Encoded;
pub use negotiate::{Escaping, Negotiated, Version, negotiate};

use crate::page::Page;

/// How a page is written. Which version of it a client was promised is [`Version`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// The classic text format; versions 0.0.4 and 1.0.0 differ only in names that we do not have.
    Classic,
    /// OpenMetrics 1.0 text.
    OpenMetrics,
    /// `io.prometheus.client.MetricFamily` messages, each with its length before it; the one format with native
    /// histograms.
    Protobuf,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 3] = [Format::Classic, Format::OpenMetrics, Format::Protobuf];

    /// What stands once at the end of a body, whatever number of pages it is made of.
    #[must_use]
    pub const fn trailer(self) -> &'static [u8] {
        match self {
            Format::OpenMetrics => b"# EOF\n",
            Format::Classic | Format::Protobuf => b"",
        }
    }
}

/// Appends `page` to `out`, without the format's [`Format::trailer`]. Allocates nothing but `out`'s growth and a little
/// scratch space per call.
pub fn encode(page: &Page, format: Format, out: &mut Vec<u8>) {
    out.reserve(page.size_hint());
    encode_through(page, format, out, |_| {});
}

/// The same in pieces: whenever some families or samples are whole, `out` is given to `drain`, which may empty it; at the end
/// the rest is in `out`. So a large page can be compressed without ever being in memory as text.
fn encode_through(page: &Page, format: Format, out: &mut Vec<u8>, drain: impl FnMut(&mut Vec<u8>)) {
    match format {
        Format::Classic => classic::encode(page, out, drain),
        Format::OpenMetrics => openmetrics::encode(page, out, drain),
        Format::Protobuf => protobuf::encode(page, out, drain),
    }
}
