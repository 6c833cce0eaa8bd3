//! What the probers' verdicts have in common: the address metrics, the phases, the failures.

use std::net::IpAddr;
use std::time::Duration;

use kit::{Desc, Failure, Page, Refusal, Verdict};
use tokio::time::error::Elapsed;
use wire::{Phase, Stopwatch};

/// How long resolution took.
pub const DNS_LOOKUP: Desc = Desc::gauge(
    "probe_dns_lookup_time_seconds",
    "How long it took to get the target's address from its name.",
);
/// The address family that was used.
pub const IP_PROTOCOL: Desc =
    Desc::gauge("probe_ip_protocol", "The IP version that was probed, 4 or 6; 0 if there was no address.");
/// A number that stands for the address.
pub const IP_ADDR_HASH: Desc = Desc::gauge(
    "probe_ip_addr_hash",
    "A hash of the address that was probed (FNV-1a, 32 bits), to see that it changed without a label for it.",
);

/// The descriptions of every prober's address metrics.
pub const DESCS: &[&Desc] = &[&DNS_LOOKUP, &IP_PROTOCOL, &IP_ADDR_HASH];

/// What a resolution came to, for the page.
#[derive(Clone, Copy, Debug, Default)]
pub struct Address {
    /// How long it took.
    pub lookup: Duration,
    /// What was found.
    pub ip: Option<IpAddr>,
}

impl Address {
    /// Adds the three address metrics.
    pub fn write(&self, page: &mut Page) {
        page.set(&DNS_LOOKUP, self.lookup.as_secs_f64());
        let (protocol, hash) = match self.ip {
            Some(IpAddr::V4(ip)) => (4.0, fnv1a(&ip.octets())),
            Some(IpAddr::V6(ip)) => (6.0, fnv1a(&ip.octets())),
            None => (0.0, 0),
        };
        page.set(&IP_PROTOCOL, protocol);
        page.set(&IP_ADDR_HASH, f64::from(hash));
    }
}

/// FNV-1a of 32 bits; the peer hashes the address's 4 or 16 bytes so.
#[must_use]
pub fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// A failure in `phase` for a `reason` of [`crate::reasons::REASONS`].
#[must_use]
pub fn fail(phase: Phase, reason: &'static str, detail: impl Into<String>) -> Failure {
    Failure { phase: phase.word(), reason, detail: detail.into(), refused: None }
}

/// The target's text is not what the prober takes. Nothing was resolved or sent.
#[must_use]
pub fn invalid(detail: impl Into<String>) -> Failure {
    Failure { phase: "parse", reason: "target_invalid", detail: detail.into(), refused: None }
}

/// The allow-list's refusal as a failure.
#[must_use]
pub fn refused(refusal: Refusal) -> Failure {
    Failure {
        phase: "parse",
        reason: "target_refused",
        detail: refusal.detail.clone(),
        refused: Some(refusal),
    }
}

/// The failure of a probe whose deadline passed, after the phase it was in. Closes that phase, so that it shows the
/// time it hung.
#[must_use]
pub fn timed_out(watch: &mut Stopwatch) -> Failure {
    watch.finish();
    let phase = watch.current().unwrap_or(Phase::Resolve);
    let reason = match phase {
        Phase::Resolve => "dns_timeout",
        Phase::Connect => "connect_timeout",
        Phase::Tls => "tls_timeout",
        Phase::Request => "request_timeout",
        Phase::Rtt | Phase::Setup => "icmp_timeout",
        Phase::Processing | Phase::Transfer | Phase::Dialogue => "response_timeout",
    };
    fail(phase, reason, format!("no end of the {phase} phase in time"))
}

/// What a probe came to, given what its deadline left of it.
///
/// # Errors
/// The probe's own failure, or that of the phase it hung in.
pub fn in_time<T>(ended: Result<Result<T, Failure>, Elapsed>, watch: &mut Stopwatch) -> Result<T, Failure> {
    watch.finish();
    ended.unwrap_or_else(|_| Err(timed_out(watch)))
}

/// Adds the time of each phase; zero for one that was not reached.
pub fn phases(
    page: &mut Page,
    desc: &'static Desc,
    watch: &Stopwatch,
    phases: impl IntoIterator<Item = Phase>,
) {
    let mut rows = page.family(desc);
    for phase in phases {
        rows.push(&[phase.word()], watch.get(phase).unwrap_or_default().as_secs_f64());
    }
}

/// A verdict.
#[must_use]
pub fn verdict(page: Page, failure: Option<Failure>) -> Verdict {
    Verdict { failure, page }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_peers() {
        assert_eq!(fnv1a(&[127, 0, 0, 1]), 3_668_918_509);
    }

    #[test]
    fn without_an_address_the_metrics_are_zero() {
        let mut page = Page::new();
        Address::default().write(&mut page);
        assert_eq!(page.get("probe_ip_protocol", &[]), Some(0.0));
        assert_eq!(page.get("probe_ip_addr_hash", &[]), Some(0.0));
    }

    #[test]
    fn each_phase_has_a_timeout_of_the_closed_set() {
        for phase in Phase::ALL {
            let mut watch = Stopwatch::new();
            watch.enter(phase);
            let failure = timed_out(&mut watch);
            assert!(crate::reasons::is_known(failure.reason), "{failure}");
            assert!(watch.get(phase).is_some());
        }
    }
}
