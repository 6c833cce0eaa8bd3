//! What an http probe tells.

use std::time::UNIX_EPOCH;

use http::header::LAST_MODIFIED;
use http::{StatusCode, Version};
use kit::{Desc, Page};
use wire::http::Reply;
use wire::tls::Seen;
use wire::{Phase, Stopwatch};

use crate::certificates;
use crate::tcp::metrics::FAILED_REGEX;
use crate::verdict::{Address, phases};

/// The time of each phase.
pub const DURATION: Desc = Desc::gauge(
    "probe_http_duration_seconds",
    "How long each phase took, summed over redirects; a phase that hung shows the time it hung.",
)
.labels(&["phase"]);
/// The announced length.
pub const CONTENT_LENGTH: Desc = Desc::gauge(
    "probe_http_content_length",
    "The Content-Length of the last answer, in bytes; -1 if it had none.",
);
/// The length that was read.
pub const BODY_LENGTH: Desc = Desc::gauge(
    "probe_http_uncompressed_body_length",
    "How many bytes were read of the last answer's body, after decompression if the module names one.",
);
/// Redirects.
pub const REDIRECTS: Desc = Desc::gauge("probe_http_redirects", "How many redirects came.");
/// Whether TLS.
pub const SSL: Desc = Desc::gauge("probe_http_ssl", "Whether the last answer came over TLS.");
/// The status.
pub const STATUS_CODE: Desc =
    Desc::gauge("probe_http_status_code", "The status of the last answer; 0 if there was none.");
/// The version.
pub const VERSION: Desc = Desc::gauge(
    "probe_http_version",
    "The HTTP version of the last answer: 1, 1.1 or 2; 0 if there was none.",
);
/// The date of the content.
pub const MODIFIED: Desc = Desc::gauge(
    "probe_http_last_modified_timestamp_seconds",
    "The last answer's Last-Modified, in seconds since 1970; absent if it had none.",
);
/// Whether a CEL expression decided.
pub const FAILED_CEL: Desc = Desc::gauge(
    "probe_failed_due_to_cel",
    "Whether the probe failed because of a CEL expression over the body.",
);

pub(super) const DESCS: &[&Desc] = &[
    &DURATION,
    &CONTENT_LENGTH,
    &BODY_LENGTH,
    &REDIRECTS,
    &SSL,
    &STATUS_CODE,
    &VERSION,
    &MODIFIED,
    &FAILED_CEL,
    &FAILED_REGEX,
    &certificates::CIPHER_INFO,
];

/// What a probe has learnt so far.
#[derive(Default)]
pub(super) struct Facts {
    /// The first hop's resolution; `None` until it began.
    pub(super) address: Option<Address>,
    /// Whether the target's name was resolved, so that the later phases are told.
    pub(super) resolved: bool,
    pub(super) redirects: u32,
    pub(super) status: u16,
    pub(super) version: f64,
    pub(super) content_length: f64,
    pub(super) body_length: u64,
    pub(super) ssl: bool,
    pub(super) modified: Option<f64>,
    pub(super) regex_failed: bool,
    /// `None` if the module has no CEL.
    pub(super) cel_failed: Option<bool>,
    /// The last handshake.
    pub(super) seen: Option<Seen>,
}

impl Facts {
    /// Takes down the head of the answer that counts.
    pub(super) fn answered(&mut self, reply: &Reply, secure: bool) {
        self.status = reply.status.as_u16();
        self.ssl = secure;
        self.version = match reply.version {
            Version::HTTP_09 => 0.9,
            Version::HTTP_10 => 1.0,
            Version::HTTP_2 => 2.0,
            Version::HTTP_3 => 3.0,
            _ => 1.1,
        };
        let bodiless = matches!(reply.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        #[allow(clippy::cast_precision_loss, reason = "no body has 9 PB")]
        let announced = reply.content_length.map(|length| length as f64);
        self.content_length = announced.unwrap_or(if bodiless { 0.0 } else { -1.0 });
        self.modified = reply
            .headers
            .get(LAST_MODIFIED)
            .and_then(|value| {
                httpdate::parse_http_date(value.to_str().ok()?).ok()?.duration_since(UNIX_EPOCH).ok()
            })
            .map(|since| since.as_secs_f64());
    }

    pub(super) fn page(&self, watch: &Stopwatch, required: bool) -> Page {
        let mut page = Page::with_capacity(24, 16);
        let flag = |is: bool| f64::from(u8::from(is));
        if let Some(address) = &self.address {
            address.write(&mut page);
        }
        if let Some(failed) = self.cel_failed {
            page.set(&FAILED_CEL, flag(failed));
        }
        page.set(&FAILED_REGEX, flag(self.regex_failed));
        page.set(&CONTENT_LENGTH, self.content_length);
        if self.address.is_some() {
            let all = [Phase::Connect, Phase::Processing, Phase::Resolve, Phase::Tls, Phase::Transfer];
            let shown = all.into_iter().filter(|phase| self.resolved || *phase == Phase::Resolve);
            phases(&mut page, &DURATION, watch, shown);
        }
        if let Some(modified) = self.modified {
            page.set(&MODIFIED, modified);
        }
        page.set(&REDIRECTS, f64::from(self.redirects));
        page.set(&SSL, flag(self.ssl));
        page.set(&STATUS_CODE, f64::from(self.status));
        #[allow(clippy::cast_precision_loss, reason = "no body has 9 PB")]
        page.set(&BODY_LENGTH, self.body_length as f64);
        page.set(&VERSION, self.version);
        if let Some(seen) = &self.seen {
            certificates::write(&mut page, seen, required);
            if let Some(cipher) = seen.cipher {
                page.family(&certificates::CIPHER_INFO).push(&[cipher], 1.0);
            }
        }
        page
    }
}
