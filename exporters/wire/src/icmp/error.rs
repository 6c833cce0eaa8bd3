//! Why an echo was not answered.

use std::net::IpAddr;

use crate::stopwatch::Phase;

/// Why there is no reply; the words of a `reason` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IcmpReason {
    /// Nobody answered in time.
    Timeout,
    /// There is no way to the target: no route, no such interface or source address, a router's complaint, an expired
    /// time to live, a packet too big for the path.
    Unreachable,
    /// This process may not send echoes, or not with this mark.
    Permission,
    /// Anything else, such as a payload that no packet can hold.
    Error,
}

impl IcmpReason {
    /// The value of a `reason` label.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            IcmpReason::Timeout => "icmp_timeout",
            IcmpReason::Unreachable => "icmp_unreachable",
            IcmpReason::Permission => "icmp_permission",
            IcmpReason::Error => "internal",
        }
    }
}

/// An echo that was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ping {target}: {detail}")]
pub struct IcmpError {
    /// Why.
    pub reason: IcmpReason,
    /// Where it stopped: [`Phase::Setup`] or [`Phase::Rtt`].
    pub phase: Phase,
    /// Whom it was for.
    pub target: IpAddr,
    /// The cause in words.
    pub detail: String,
}

/// What a router, or the target, complained about, after ICMP's type and code (RFC 792, RFC 1812 §5.2.7.1, RFC 4443 §3).
pub(super) fn complaint(ipv4: bool, kind: u8, code: u8) -> &'static str {
    match (ipv4, kind, code) {
        (true, 3, 0) => "network unreachable",
        (true, 3, 1) => "host unreachable",
        (true, 3, 2) => "protocol unreachable",
        (true, 3, 3) => "port unreachable",
        (true, 3, 4) | (false, 2, _) => "packet too big for the path",
        (true, 3, 9 | 10 | 13) | (false, 1, 1) => "administratively prohibited",
        (true, 11, _) | (false, 3, _) => "time to live exceeded",
        (false, 1, 0) => "no route",
        (false, 1, 3) => "address unreachable",
        (false, 1, 4) => "port unreachable",
        (false, 1, 5) => "source address refused",
        (false, 1, 6) => "route rejected",
        (true, 12, _) | (false, 4, _) => "parameter problem",
        _ => "unreachable",
    }
}
