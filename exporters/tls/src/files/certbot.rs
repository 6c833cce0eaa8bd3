//! When certbot renews a certificate: `renewal/NAME.conf` beside the `live/NAME/` that the certificate lies in.
//!
//! The rules are those of certbot 5's `storage.py`: `autorenew` in `[renewalparams]` turns renewing off, and
//! `renew_before_expiry` is a span of time in words, a number alone counting days.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::renewal::Policy;

/// No such file is larger, in bytes.
const LARGEST: u64 = 256 << 10;
const DAY: u64 = 86_400;

/// Where certbot's configuration of this file would be; `None` if it is not one of certbot's links.
pub(super) fn configuration(path: &Path) -> Option<PathBuf> {
    let lineage = path.parent()?;
    let live = lineage.parent().filter(|live| live.file_name() == Some(OsStr::new("live")))?;
    let mut name = lineage.file_name()?.to_owned();
    name.push(".conf");
    Some(live.parent()?.join("renewal").join(name))
}

/// What it says; `None` if there is none that can be read: then nobody knows who renews the certificate.
pub(super) fn read(place: &Path) -> Option<Policy> {
    let bytes = kit::config::read(place, LARGEST)
        .map_err(|error| tracing::debug!(path = %place.display(), %error, "certbot's configuration cannot be read"))
        .ok()?;
    Some(policy(&String::from_utf8_lossy(&bytes)))
}

pub(crate) fn policy(text: &str) -> Policy {
    let mut before = None;
    for line in text.lines() {
        let Some((key, value)) = line.split_once('=') else { continue };
        let value = value.trim().trim_matches(['"', '\'']);
        match key.trim() {
            "autorenew" if ["false", "off", "no", "0"].contains(&value.to_ascii_lowercase().as_str()) => {
                return Policy::Manual;
            }
            "renew_before_expiry" => before = span(value),
            _ => {}
        }
    }
    Policy::Certbot(before)
}

/// `30 days`, `2 weeks`, `1 week 12 hours`, `30`; `None` if it is nothing of the kind.
fn span(text: &str) -> Option<Duration> {
    let mut seconds = 0_u64;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let after = after.trim_start();
        let end = after.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let unit = match unit.to_ascii_lowercase().as_str() {
            "s" | "sec" | "secs" | "second" | "seconds" => 1,
            "m" | "min" | "mins" | "minute" | "minutes" => 60,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3600,
            "" | "d" | "day" | "days" => DAY,
            "w" | "week" | "weeks" => 7 * DAY,
            "month" | "months" => 30 * DAY,
            "y" | "year" | "years" => 365 * DAY,
            _ => return None,
        };
        seconds = number.parse::<u64>().ok()?.checked_mul(unit)?.checked_add(seconds)?;
        rest = after.trim_start_matches([',', ' ']);
    }
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn where_it_lies() {
        for (path, want) in [
            ("/etc/letsencrypt/live/a.test/fullchain.pem", Some("/etc/letsencrypt/renewal/a.test.conf")),
            ("/x/live/npm-1/cert.pem", Some("/x/renewal/npm-1.conf")),
            ("/etc/letsencrypt/archive/a.test/fullchain1.pem", None),
            ("/live/a.pem", None),
            ("/a.pem", None),
        ] {
            assert_eq!(configuration(Path::new(path)), want.map(PathBuf::from), "{path}");
        }
    }

    #[test]
    fn what_it_says() {
        let days = |days: u64| Policy::Certbot(Some(Duration::from_secs(days * DAY)));
        for (text, want) in [
            (
                "# renew_before_expiry = 30 days\nversion = 5.8.0\n[renewalparams]\naccount = 1\n",
                Policy::Certbot(None),
            ),
            ("renew_before_expiry = 20 days\n", days(20)),
            ("renew_before_expiry=3 weeks\n", days(21)),
            ("renew_before_expiry = 25\n", days(25)),
            ("renew_before_expiry = 1 week, 24 hours", days(8)),
            ("renew_before_expiry = soon", Policy::Certbot(None)),
            ("renew_before_expiry = 20 days\n[renewalparams]\nautorenew = False\n", Policy::Manual),
            ("[renewalparams]\nautorenew = True\n", Policy::Certbot(None)),
            ("", Policy::Certbot(None)),
        ] {
            assert_eq!(policy(text), want, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "\\PC{0,60}") {
            let _ = (policy(&text), span(&text), policy(&format!("renew_before_expiry = {text}")));
        }
    }
}
