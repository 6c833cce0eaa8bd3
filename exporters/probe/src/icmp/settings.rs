//! The icmp section's numbers, checked.

use kit::config::Spanned;
use wire::icmp::DEFAULT_PAYLOAD;

use crate::config::IcmpSection;
use crate::module::Workshop;
use crate::reach::{Reach, preference};

/// The largest payload that an IPv4 packet holds after its header and ICMP's.
const MOST: i64 = 65_507;

/// What every echo of a module has in common.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) reach: Reach,
    pub(super) payload_size: usize,
    pub(super) dont_fragment: bool,
    pub(super) ttl: u8,
}

impl Settings {
    /// Checks the section. `None` if a problem was noted.
    pub(super) fn new(section: &IcmpSection, workshop: &mut Workshop<'_>) -> Option<Self> {
        let before = workshop.problems.len();
        let preference = preference(section.preferred_ip_protocol, section.ip_protocol_fallback);
        let reach = Reach::new("icmp", preference, section.source_ip_address.as_ref(), workshop);
        // Zero is how the peer's file says "not set", for both numbers.
        let payload = number(section.payload_size.as_ref(), 0, MOST, "icmp.payload_size", "bytes", workshop);
        let ttl = number(section.ttl.as_ref(), 0, 255, "icmp.ttl", "hops", workshop);
        if workshop.problems.len() > before {
            return None;
        }
        Some(Self {
            reach,
            payload_size: payload.and_then(|size| usize::try_from(size).ok()).unwrap_or(DEFAULT_PAYLOAD),
            dont_fragment: section.dont_fragment.unwrap_or(false),
            ttl: ttl.and_then(|ttl| u8::try_from(ttl).ok()).unwrap_or(64),
        })
    }
}

/// A number between two others, `None` if it is absent or zero; notes one that is out of range.
fn number(
    given: Option<&Spanned<i64>>,
    least: i64,
    most: i64,
    key: &str,
    unit: &str,
    workshop: &mut Workshop<'_>,
) -> Option<i64> {
    let given = given?;
    let value = **given;
    if !(least..=most).contains(&value) {
        workshop.problem(
            given,
            key,
            format!("{value} is out of range"),
            format!("give {least} to {most} {unit}"),
        );
        return None;
    }
    (value > 0).then_some(value)
}
