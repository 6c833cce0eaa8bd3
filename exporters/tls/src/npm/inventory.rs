//! What Nginx Proxy Manager has: hosts and certificates, of whichever reader.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

kit::closed_set! {
    /// What kind of host.
    #[derive(Deserialize, Serialize)]
    pub enum Kind;
    /// The values of the label `type`.
    pub const KINDS;
    Proxy = "proxy": "A proxy host: passes HTTP on to a service.",
    Redirection = "redirection": "A redirection host: sends elsewhere.",
    Dead = "dead": "A 404 host: answers that there is nothing.",
    Stream = "stream": "A stream: passes a TCP or UDP port on.",
}

/// The values of the label `state`.
pub const STATES: &[(&str, &str)] = &[
    ("enabled", "Switched on, and as far as Nginx Proxy Manager says, served."),
    ("disabled", "Switched off by somebody."),
    ("offline", "Switched on, but nginx refused its configuration, so nobody is answered for it."),
];

/// A host: names, or with a stream a port, that the proxy answers for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Host {
    /// What kind.
    pub kind: Kind,
    /// Its number among those of its kind.
    pub id: u64,
    /// Its names, as they were given; none of a stream.
    pub names: Vec<String>,
    /// A stream's port; of all others 443 (or 80 without a certificate) is meant.
    pub port: Option<u16>,
    /// Whether it passes TCP on; all but a stream do.
    pub tcp: bool,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Whether nginx took its configuration; `None` if it is not said.
    pub online: Option<bool>,
    /// The number of its certificate.
    pub certificate: Option<u64>,
}

impl Host {
    /// The value of the label `host`: its first name, or `:port`.
    #[must_use]
    pub fn label(&self) -> String {
        match (self.names.first(), self.port) {
            (Some(name), _) => name.clone(),
            (None, Some(port)) => format!(":{port}"),
            (None, None) => String::new(),
        }
    }

    /// The value of the label `state`.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match (self.enabled, self.online) {
            (false, _) => "disabled",
            (true, Some(false)) => "offline",
            (true, _) => "enabled",
        }
    }
}

/// A certificate as Nginx Proxy Manager remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Certificate {
    /// `letsencrypt`: Nginx Proxy Manager renews it; `other`: somebody uploads it.
    pub provider: String,
    /// What its users call it; of a custom certificate the only name.
    pub nice_name: String,
    /// The names that it was asked for; of a custom one the common name alone.
    pub domain_names: Vec<String>,
    /// Its end, in seconds since 1970; `None` if what is written is no time.
    pub expires_on: Option<i64>,
}

impl Certificate {
    /// The value of the label `name`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.domain_names.first() {
            Some(first) if self.nice_name.is_empty() => first,
            _ => &self.nice_name,
        }
    }

    /// Whether Nginx Proxy Manager renews it.
    #[must_use]
    pub fn is_renewed(&self) -> bool {
        self.provider == "letsencrypt"
    }
}

/// Everything, as of one reading.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Inventory {
    /// The hosts, also disabled ones; no deleted ones.
    pub hosts: Vec<Host>,
    /// The certificates by their number; no deleted ones.
    pub certificates: BTreeMap<u64, Certificate>,
    /// The rows that could not be read. What they said before stands in their place, if it is known.
    pub odd: Vec<Odd>,
}

/// A row that could not be read, wholly or in part.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Odd {
    /// Of what kind of host; `None`: a certificate's.
    pub kind: Option<Kind>,
    /// Its number, if that much could be read.
    pub id: Option<u64>,
    /// What is wrong, and nothing of what stands there.
    pub cause: String,
}

/// The value of the label `type` of a certificate.
const CERTIFICATE: &str = "certificate";

/// The values of the label `type` of rows.
pub const ROWS: &[(&str, &str)] = &[
    ("proxy", "A proxy host."),
    ("redirection", "A redirection host."),
    ("dead", "A 404 host."),
    ("stream", "A stream."),
    (CERTIFICATE, "A certificate."),
];

impl Odd {
    /// The value of the label `type`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.kind.map_or(CERTIFICATE, Kind::word)
    }
}

impl Inventory {
    /// Whether there are rows, and none of them could be read: then it is the form that is another one.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.hosts.is_empty() && self.certificates.is_empty() && !self.odd.is_empty()
    }

    /// Puts what was known before in the place of rows that could not be read: they are there, so that what they said is not
    /// over. Of one without a number nobody knows which it is, so all that is missing of its kind stays.
    pub fn remember(&mut self, before: &Self) {
        for odd in &self.odd {
            let is = |id: u64| odd.id.is_none_or(|own| own == id);
            let Some(kind) = odd.kind else {
                for (id, known) in before.certificates.iter().filter(|(id, _)| is(**id)) {
                    let now = self.certificates.entry(*id).or_insert_with(|| known.clone());
                    if odd.id.is_some() {
                        now.expires_on = now.expires_on.or(known.expires_on);
                    }
                }
                continue;
            };
            for host in before.hosts.iter().filter(|host| host.kind == kind && is(host.id)) {
                if let Some(now) = self.hosts.iter_mut().find(|now| now.kind == kind && now.id == host.id) {
                    if odd.id.is_some() {
                        now.online = now.online.or(host.online);
                    }
                    continue;
                }
                let certificate = host.certificate.and_then(|id| Some((id, before.certificates.get(&id)?)));
                if let Some((id, known)) = certificate {
                    self.certificates.entry(id).or_insert_with(|| known.clone());
                }
                self.hosts.push(host.clone());
            }
        }
        self.hosts.sort_by_key(|host| (host.kind, host.id));
    }
}

/// The moment that `expires_on` says, in seconds since 1970: `YYYY-MM-DD HH:mm:ss` as SQLite has it, or ISO 8601 as the
/// other databases do. Nginx Proxy Manager writes the wall clock of GMT whatever its time zone is.
#[must_use]
pub fn moment(text: &str) -> Option<i64> {
    let text = text.trim();
    let (date, clock) = text.split_once(['T', ' '])?;
    let clock = clock.strip_suffix('Z').unwrap_or(clock);
    let clock = clock.split_once('.').map_or(clock, |(whole, _)| whole);
    let numbers = |text: &str, by: char| -> Option<[i64; 3]> {
        let mut parts = text.split(by).map(|part| {
            let digits =
                !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| part.parse::<i64>().ok()).flatten()
        });
        let three = [parts.next()??, parts.next()??, parts.next()??];
        parts.next().is_none().then_some(three)
    };
    let ([year, month, day], [hour, minute, second]) = (numbers(date, '-')?, numbers(clock, ':')?);
    let sane =
        (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    sane.then(|| days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar (Howard Hinnant's `days_from_civil`): years begin in March, so
/// that the leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_every_database() {
        for (text, want) in [
            ("2026-12-13 13:27:33", Some(1_797_168_453)),
            ("2026-12-13T13:27:33.000Z", Some(1_797_168_453)),
            ("2026-12-13T13:27:33Z", Some(1_797_168_453)),
            ("1970-01-01 00:00:00", Some(0)),
            ("2000-02-29 12:00:00", Some(951_825_600)),
            ("2100-03-01 00:00:00", Some(4_107_542_400)),
            ("1969-12-31 23:59:59", Some(-1)),
            ("2026-13-01 00:00:00", None),
            ("2026-12-13", None),
            ("2026-12-13 1:2", None),
            ("2026-12-+3 01:02:03", None),
            ("99999999-1-1 00:00:00", None),
            ("", None),
            ("soon", None),
        ] {
            assert_eq!(moment(text), want, "{text:?}");
        }
    }

    #[test]
    fn states_are_those_of_the_table() {
        let host = |enabled, online| Host {
            kind: Kind::Proxy,
            id: 1,
            names: Vec::new(),
            port: None,
            tcp: true,
            enabled,
            online,
            certificate: None,
        };
        for (enabled, online, want) in [
            (true, None, "enabled"),
            (true, Some(true), "enabled"),
            (true, Some(false), "offline"),
            (false, Some(false), "disabled"),
        ] {
            assert_eq!(host(enabled, online).state(), want);
            assert!(STATES.iter().any(|(word, _)| *word == want));
        }
    }
}
