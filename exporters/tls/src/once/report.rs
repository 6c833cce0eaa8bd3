//! What was seen, a fact a line.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kit::config::HumanDuration;
use wire::Phase;
use wire::tls::{Certificate, NameMatch, Seen};

use crate::config::Target;
use crate::endpoint::{Look, Shown};
use crate::facts::{self, Facts, Role};
use crate::files::{Inspected, Surveyed};
use crate::metrics::shown;
use crate::renewal::Due;

/// No more names and certificates are printed.
const MOST: usize = 16;
const DAY: i64 = 86_400;

/// A thing that was looked at.
pub(super) struct Report {
    pub(super) name: String,
    /// The module, or `file`.
    pub(super) kind: String,
    pub(super) ok: bool,
    pub(super) facts: Vec<Fact>,
}

/// A fact.
pub(super) struct Fact {
    pub(super) name: &'static str,
    /// Whether that is as it should be; `None`: neither good nor bad.
    pub(super) ok: Option<bool>,
    pub(super) text: String,
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

/// Whether a certificate is valid, and for a day more.
fn is_good(certificate: &Certificate, now: i64) -> bool {
    certificate.not_before <= now && now + DAY <= certificate.not_after
}

impl Report {
    fn new(name: &str, kind: &str) -> Self {
        Self { name: name.to_owned(), kind: kind.to_owned(), ok: true, facts: Vec::new() }
    }

    fn say(&mut self, name: &'static str, ok: Option<bool>, text: impl Into<String>) {
        self.facts.push(Fact { name, ok, text: kit::once::one_line(&text.into()) });
    }

    pub(super) fn of_target(target: &Target, look: &Look, took: Duration, now: i64) -> Self {
        let mut report = Self::new(&target.name, &target.module.name);
        if let Some(failure) = look.failure() {
            report.ok = false;
            report.say("reason", Some(false), format!("{}: {}", failure.reason, failure.detail));
        }
        for sight in &look.sights {
            let spent = [Phase::Connect, Phase::Dialogue, Phase::Tls]
                .into_iter()
                .filter_map(|phase| sight.watch.get(phase))
                .sum();
            let said = match &sight.failure {
                None => format!("{}, {}", sight.ip, milliseconds(spent)),
                Some(failure) => format!("{}: {}", sight.ip, failure.reason),
            };
            report.say("address", Some(sight.failure.is_none()), said);
        }
        let seen = look.worst().and_then(|sight| sight.seen.as_ref());
        if let Some(seen) = seen {
            report.handshake(seen);
        }
        let shown = shown(look);
        if let Some(chain) = shown.as_ref().and_then(Shown::chain) {
            if let Some(leaf) = chain.leaf() {
                report.certificate(leaf, target.renewal.due(leaf.not_before, leaf.not_after), now);
            }
            let readable = chain.certificates().enumerate();
            for (position, facts) in readable.take(MOST) {
                report.link(position, facts, Role::of(facts, position), now);
            }
        }
        if let (Some(seen), Some(facts)) = (seen, seen.and_then(Facts::of)) {
            report.worth(seen, &facts);
        }
        report.say("took", None, milliseconds(took));
        report
    }

    pub(super) fn of_file(file: &Inspected, now: i64) -> Self {
        let mut report = Self::new(&file.name(), "file");
        for (reason, meaning, counts) in file.faults() {
            report.ok &= !counts;
            report.say("reason", counts.then_some(false), format!("{reason}: {meaning}"));
        }
        for (issuer, this_update, next_update, revoked) in file.lists() {
            let fresh = next_update.is_none_or(|next| next > now);
            report.ok &= fresh;
            let next =
                next_update.map_or_else(|| "no end".to_owned(), |next| format!("next {}", moment(next, now)));
            report.say(
                "list",
                Some(fresh),
                format!("of {issuer}, made {}, {next}, {revoked} revoked", date(this_update)),
            );
        }
        for entry in file.entries() {
            if let Some(name) = entry.name {
                report.say("entry", None, name);
            }
            if let Some(first) = entry.certificates.first() {
                report.ok &= entry.key_matches != Some(false);
                report.certificate(first, entry.due.unwrap_or(Due { at: first.not_after, policy: "" }), now);
            }
            for (position, facts) in entry.certificates.iter().enumerate().take(MOST) {
                let role = entry.role(position, facts);
                report.ok &= role != Role::Leaf || is_good(facts, now);
                report.link(position, facts, role, now);
            }
            if let Some(matches) = entry.key_matches {
                let said =
                    if matches { "the key is the certificate's" } else { "the key is another certificate's" };
                report.say("key", Some(matches), said);
            }
        }
        report
    }

    /// Of what is said of a source and not of a file; a source without any file has none.
    pub(super) fn of_source(source: &Surveyed) -> Self {
        let mut report = Self::new(&source.source, "files");
        for (folder, error) in &source.closed {
            report.ok = false;
            report.say("reason", Some(false), format!("{}: {error}", folder.display()));
        }
        if source.closed.is_empty() {
            let fine = source.only_certificates;
            report.ok = fine;
            let said = match source.any {
                true => "no certificate is in the files that match its patterns",
                false => "no file matches its patterns",
            };
            report.say("files", (!fine).then_some(false), said);
        }
        report
    }

    /// A server's own certificate.
    fn certificate(&mut self, leaf: &Certificate, due: Due, now: i64) {
        self.say(
            "certificate",
            None,
            format!("{}, serial {}, sha256 {}", leaf.subject, leaf.serial, leaf.fingerprint_hex()),
        );
        self.say("issuer", None, leaf.issuer.clone());
        let mut names = leaf.dns_names.clone();
        names.extend(leaf.ip_addresses.iter().map(ToString::to_string));
        let more = names.len().saturating_sub(MOST);
        names.truncate(MOST);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        self.say("names", None, if names.is_empty() { "none".to_owned() } else { names.join(", ") + &more });
        let bits = leaf.key_bits.map_or_else(String::new, |bits| format!(" {bits}"));
        let weak = facts::weak_key(leaf) || facts::weak_signature(leaf);
        let strength = format!("{}{bits}, signed by {}", leaf.key_type, leaf.signature_algorithm);
        self.say("strength", Some(!weak), strength);
        self.say(
            "valid",
            Some(is_good(leaf, now)),
            format!("from {} to {}", date(leaf.not_before), moment(leaf.not_after, now)),
        );
        if !due.policy.is_empty() {
            let overdue = if due.at < now { "should have been renewed" } else { "is to be renewed" };
            self.say(
                "due",
                Some(due.at >= now),
                format!("{overdue} {} ({})", moment(due.at, now), due.policy),
            );
        }
    }

    fn link(&mut self, position: usize, facts: &Certificate, role: Role, now: i64) {
        let valid = (facts.not_before..=facts.not_after).contains(&now);
        let text =
            format!("{position} {}: {}, until {}", role.word(), facts.subject, moment(facts.not_after, now));
        self.say("chain", Some(valid), text);
    }

    fn handshake(&mut self, seen: &Seen) {
        if let Some(version) = seen.version {
            let parts = [Some(version.as_str()), seen.cipher, seen.key_exchange];
            self.say("handshake", None, parts.into_iter().flatten().collect::<Vec<_>>().join(", "));
        }
        if seen.asked_for_certificate {
            self.say("client", None, "the server asks for a client certificate");
        }
    }

    /// What the chain is worth.
    fn worth(&mut self, seen: &Seen, facts: &Facts) {
        self.say("trust", Some(facts.trust.is_trusted()), facts.trust.word());
        match seen.verification().map(|verification| &verification.name) {
            Some(NameMatch::Match) => self.say("name", Some(true), "is the one that was asked for"),
            Some(NameMatch::Unreadable) | None => {}
            Some(_) => self.say("name", Some(false), "is not the one that was asked for"),
        }
        self.say(
            "complete",
            Some(facts.complete),
            if facts.complete { "yes" } else { "an intermediate is missing" },
        );
        self.say("order", Some(facts.in_order), if facts.in_order { "yes" } else { "shuffled" });
        let stapled = if seen.ocsp.is_empty() { "none" } else { "an OCSP response" };
        self.say("stapled", None, stapled);
    }
}

/// The reports for people. With `colour`, what is good is green and what is bad is red.
pub(super) fn text(reports: &[Report], colour: bool) -> String {
    let mut text = String::new();
    let paint = |ok: Option<bool>, word: &str| match ok.filter(|_| colour) {
        Some(true) => format!("\x1b[32m{word}\x1b[0m"),
        Some(false) => format!("\x1b[31m{word}\x1b[0m"),
        None => word.to_owned(),
    };
    for report in reports {
        let word = if report.ok { "OK" } else { "FAIL" };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{} ({}): {}",
            kit::once::one_line(&report.name),
            report.kind,
            paint(Some(report.ok), word)
        );
        for fact in &report.facts {
            let mark = match fact.ok {
                Some(true) => "+",
                Some(false) => "!",
                None => " ",
            };
            let _ = writeln!(text, "  {} {:<12} {}", paint(fact.ok, mark), fact.name, fact.text);
        }
        text.push('\n');
    }
    let (all, well) = (reports.len(), reports.iter().filter(|report| report.ok).count());
    let _ = writeln!(text, "{all} looked at: {well} ok, {} failed", all - well);
    text
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// A date, and how far it is.
fn moment(at: i64, now: i64) -> String {
    let far = at.abs_diff(now);
    let span = match far {
        0..172_800 => HumanDuration(Duration::from_secs(far - far % 60)).to_string(),
        _ => format!("{} days", far / DAY.unsigned_abs()),
    };
    if at < now { format!("{}, {span} ago", date(at)) } else { format!("{}, in {span}", date(at)) }
}

/// A date in UTC, by the calendar that certificates count in.
fn date(at: i64) -> String {
    match u64::try_from(at) {
        // The year 10000 is more than a certificate can name.
        Ok(seconds) if seconds < 253_402_300_800 => {
            humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
        }
        _ => format!("{at} s from 1970"),
    }
}
