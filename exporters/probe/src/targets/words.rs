//! A verdict in words, for the landing page and for `once`.

use std::time::{Duration, SystemTime};

use kit::{Failure, Page};

use super::state::Known;
use crate::{certificates, dns, icmp, tcp};

/// The http prober's status; zero when there was no answer.
const STATUS: &str = "probe_http_status_code";

/// Whether the target is well, and the number that matters or the cause of the failure, since when.
pub(super) fn state(known: &Known) -> (Option<bool>, String) {
    let Some(last) = &known.last else { return (None, "not probed yet".to_owned()) };
    let ok = last.failure.is_none();
    let mut detail = match &last.failure {
        Some(failure) => failure.detail.clone(),
        None => match (last.value(STATUS), last.label(tcp::metrics::CLOSED_INFO.name)) {
            (Some(code), _) => format!("{code} in {}", time(last.took)),
            (None, Some(answer)) => format!("{} in {}", closed(answer), time(last.took)),
            (None, None) => format!("in {}", time(last.took)),
        },
    };
    if let Some(lasted) = known.since.and_then(|since| SystemTime::now().duration_since(since).ok()) {
        detail.push_str(&format!(", {} for {}", if ok { "up" } else { "down" }, span(lasted)));
    }
    (Some(ok), detail)
}

/// What a page says that a person wants to know, or why there is nothing.
pub(crate) fn detail(page: &Page, failure: Option<&Failure>, now: SystemTime) -> String {
    if let Some(failure) = failure {
        return failure.detail.clone();
    }
    let value = |name: &str| page.get(name, &[]);
    let mut parts = Vec::new();
    if let Some(code) = value(STATUS) {
        parts.push(format!("status {code}"));
    }
    if let Some(count) = value(dns::ANSWERS.name) {
        parts.push(format!("{count} answer{}", if count == 1.0 { "" } else { "s" }));
    }
    if let Some(serial) = value(dns::SERIAL.name) {
        parts.push(format!("serial {serial}"));
    }
    if let Some(hops) = value(icmp::HOP_LIMIT.name) {
        parts.push(format!("hop limit {hops}"));
    }
    let how = page.samples().find(|sample| sample.desc.name == tcp::metrics::CLOSED_INFO.name);
    if let Some((_, answer)) = how.and_then(|sample| sample.labels().next()) {
        parts.push(closed(answer));
    }
    match value("probe_ip_protocol") {
        Some(4.0) => parts.push("IPv4".to_owned()),
        Some(6.0) => parts.push("IPv6".to_owned()),
        _ => {}
    }
    if let Some(expiry) = value(certificates::EARLIEST_EXPIRY.name) {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        parts.push(format!("certificate valid for {:.0} more days", ((expiry - now) / 86_400.0).floor()));
    }
    parts.join(", ")
}

/// A port that must be closed, and how it is.
fn closed(answer: &str) -> String {
    match answer {
        "none" => "closed (no answer)".to_owned(),
        answer => format!("closed ({answer})"),
    }
}

/// A short time: `0.31 ms`, `12 ms`, `1.5 s`.
pub(crate) fn time(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1e3;
    match milliseconds {
        ..10.0 => format!("{milliseconds:.2} ms"),
        ..1000.0 => format!("{milliseconds:.0} ms"),
        _ => format!("{:.1} s", milliseconds / 1e3),
    }
}

/// A long time in its largest unit.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kit::Desc;

    #[test]
    fn times_in_words() {
        for (micros, want) in [(310, "0.31 ms"), (12_400, "12 ms"), (1_500_000, "1.5 s"), (999, "1.00 ms")] {
            assert_eq!(time(Duration::from_micros(micros)), want);
        }
        for (seconds, want) in [(5, "5 s"), (300, "5 min"), (7200, "2 h"), (400_000, "4 days")] {
            assert_eq!(span(Duration::from_secs(seconds)), want);
        }
    }

    #[test]
    fn what_a_person_wants_to_know() {
        let mut page = Page::new();
        page.set(&Desc::gauge(STATUS, "The status."), 200.0);
        page.set(&crate::verdict::IP_PROTOCOL, 4.0);
        page.set(&certificates::EARLIEST_EXPIRY, 86_400.0 * 12.5);
        assert_eq!(
            detail(&page, None, SystemTime::UNIX_EPOCH),
            "status 200, IPv4, certificate valid for 12 more days"
        );
        let mut page = Page::new();
        page.family(&tcp::metrics::CLOSED_INFO).push(&["none"], 1.0);
        assert_eq!(detail(&page, None, SystemTime::UNIX_EPOCH), "closed (no answer)");
    }
}
