//! What a tcp probe tells.

use std::net::IpAddr;

use kit::{Desc, Page};
use wire::tls::Seen;
use wire::{Phase, Stopwatch};

use super::closed::Closed;
use crate::certificates;
use crate::verdict::{Address, phases};

/// The time of each phase, which the peer does not tell for tcp.
pub const DURATION: Desc = Desc::gauge(
    "probe_tcp_duration_seconds",
    "How long each phase of the tcp probe took; a phase that hung shows the time it hung.",
)
.labels(&["phase"]);
/// Whether a dialogue ended at the wrong line.
pub const FAILED_REGEX: Desc = Desc::gauge(
    "probe_failed_due_to_regex",
    "Whether the probe failed because what came did not match a regular expression.",
);
/// Whether a dialogue ended at the wrong bytes.
pub const FAILED_BYTES: Desc = Desc::gauge(
    "probe_failed_due_to_bytes",
    "Whether the probe failed because other bytes came than were expected.",
);
/// What an expected line said.
pub const EXPECT_INFO: Desc =
    Desc::info("probe_expect_info", "What an expected line said, in the labels that the module names.")
        .open();

/// How a port that must be closed is closed.
pub const CLOSED_INFO: Desc = Desc::info(
    "probe_tcp_closed_info",
    "How a port that must be closed (expect_closed) turned out to be. Absent when it is open.",
)
.labels(&["answer"])
.closed(
    "answer",
    &[
        ("refused", "The host, or a firewall in its name, answered that nobody listens."),
        ("unreachable", "A router, or this machine itself, answered that there is no way."),
        ("none", "Nobody answered by the end of the timeout: filtered, or there is no such host."),
    ],
);

pub(super) const DESCS: &[&Desc] = &[&DURATION, &CLOSED_INFO, &FAILED_REGEX, &FAILED_BYTES, &EXPECT_INFO];

/// What a probe has learnt so far.
#[derive(Default)]
pub(super) struct Facts {
    /// Whether the target was understood, so that there is a resolution to tell of.
    pub(super) resolving: bool,
    pub(super) ip: Option<IpAddr>,
    pub(super) seen: Option<Seen>,
    /// How a port that must be closed is.
    pub(super) closed: Option<Closed>,
    /// Whether the connection stands, with its TLS: the peer tells of mismatches from here on.
    pub(super) talking: bool,
    pub(super) regex_failed: bool,
    pub(super) bytes_failed: bool,
    /// Labels of expected lines; one row each, and a row that comes twice stands once.
    pub(super) expected: Vec<Vec<(String, String)>>,
}

impl Facts {
    pub(super) fn page(&self, watch: &Stopwatch, required: bool) -> Page {
        let mut page = Page::with_capacity(12, 12);
        if !self.resolving {
            return page;
        }
        Address { lookup: watch.get(Phase::Resolve).unwrap_or_default(), ip: self.ip }.write(&mut page);
        for (index, labels) in self.expected.iter().enumerate() {
            if !self.expected[..index].contains(labels) {
                let open: Vec<(&str, &str)> =
                    labels.iter().map(|(name, value)| (&**name, &**value)).collect();
                page.family(&EXPECT_INFO).push_open(&[], &open, 1.0);
            }
        }
        if let Some(closed) = self.closed {
            page.family(&CLOSED_INFO).push(&[closed.word()], 1.0);
        }
        if self.talking {
            page.set(&FAILED_BYTES, f64::from(u8::from(self.bytes_failed)));
            page.set(&FAILED_REGEX, f64::from(u8::from(self.regex_failed)));
        }
        if let Some(seen) = &self.seen {
            certificates::write(&mut page, seen, required);
        }
        let all = [Phase::Connect, Phase::Dialogue, Phase::Resolve, Phase::Tls];
        phases(&mut page, &DURATION, watch, all.into_iter().filter(|phase| watch.get(*phase).is_some()));
        page
    }
}
