//! What an authority says: a window, and when to ask again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use http::header::RETRY_AFTER;
use serde::Deserialize;

use crate::fetch::Fault;

/// When there is no good answer, or one without `Retry-After`: RFC 9773 §4.3.3.
pub(super) const USUAL: Duration = Duration::from_secs(6 * 3600);
const SOONEST: Duration = Duration::from_secs(60);
const LATEST: Duration = Duration::from_secs(86_400);

/// The time within which a certificate should be renewed. Seconds since 1970; the end lies behind the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// From when on.
    pub start: i64,
    /// Until when.
    pub end: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    suggested_window: Suggested,
    #[serde(default, rename = "explanationURL")]
    explanation_url: Option<String>,
}

#[derive(Deserialize)]
struct Suggested {
    start: String,
    end: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Directory {
    #[serde(default)]
    renewal_info: Option<String>,
}

/// The window of an answer, and where the authority explains it, if it does.
pub(super) fn window(body: &[u8]) -> Result<(Window, Option<String>), Fault> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| Fault::new("invalid", error))?;
    let time = |text: &str| {
        moment(text).ok_or_else(|| Fault::new("invalid", format!("{text:?} is not a time of RFC 3339")))
    };
    let window =
        Window { start: time(&answer.suggested_window.start)?, end: time(&answer.suggested_window.end)? };
    if window.end <= window.start {
        return Err(Fault::new("invalid", "the window ends before it begins"));
    }
    Ok((window, answer.explanation_url))
}

/// Where a directory says that renewal information is.
pub(super) fn renewal_info(body: &[u8]) -> Result<String, Fault> {
    let directory: Directory = serde_json::from_slice(body).map_err(|error| Fault::new("invalid", error))?;
    directory.renewal_info.ok_or_else(|| Fault::new("not_supported", "the directory has no renewalInfo"))
}

/// How long to wait before the next question.
pub(super) fn patience(headers: &HeaderMap, now: SystemTime) -> Duration {
    let given = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::trim);
    let asked = given.and_then(|text| match text.parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()),
    });
    asked.map_or(USUAL, |asked| asked.clamp(SOONEST, LATEST))
}

/// RFC 3339, with any offset.
fn moment(text: &str) -> Option<i64> {
    let (local, offset) = match text.strip_suffix(['Z', 'z']) {
        Some(local) => (local, 0),
        None => {
            let (local, zone) = text.split_at_checked(text.len().checked_sub(6)?)?;
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let number = |text: &str| {
                text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten()
            };
            let seconds = number(hours)? * 3600 + number(minutes)? * 60;
            match zone.as_bytes().first()? {
                b'+' => (local, seconds),
                b'-' => (local, -seconds),
                _ => return None,
            }
        }
    };
    let time = humantime::parse_rfc3339(&format!("{}Z", local.to_ascii_uppercase())).ok()?;
    let seconds = i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()?;
    Some(seconds - offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows() {
        // RFC 9773 §4.2's own example.
        let body = br#"{"suggestedWindow": {"start": "2025-01-02T04:00:00Z", "end": "2025-01-03T04:00:00Z"},
            "explanationURL": "https://acme.example.com/docs/ari"}"#;
        let (window, why) = super::window(body).unwrap();
        assert_eq!(window, Window { start: 1_735_790_400, end: 1_735_876_800 });
        assert_eq!(why.as_deref(), Some("https://acme.example.com/docs/ari"));
        for body in [
            &b""[..],
            b"{}",
            b"[1]",
            br#"{"suggestedWindow": {"start": "2025-01-02T04:00:00Z"}}"#,
            br#"{"suggestedWindow": {"start": "soon", "end": "2025-01-03T04:00:00Z"}}"#,
            br#"{"suggestedWindow": {"start": "2025-01-03T04:00:00Z", "end": "2025-01-03T04:00:00Z"}}"#,
        ] {
            assert_eq!(super::window(body).unwrap_err().reason, "invalid", "{}", body.escape_ascii());
        }
    }

    #[test]
    fn times_of_every_zone() {
        for (text, want) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01T01:00:00+01:00", Some(0)),
            ("1969-12-31T22:30:00-01:30", None),
            ("1970-01-02T22:30:00-01:30", Some(172_800)),
            ("2025-01-02T04:00:00.123456Z", Some(1_735_790_400)),
            ("2025-01-02t04:00:00z", Some(1_735_790_400)),
            ("2025-01-02", None),
            ("2025-01-02T04:00:00", None),
            ("+01:00", None),
            ("2025-01-02T04:00:00+ab:00", None),
            ("é5:00", None),
            ("", None),
        ] {
            assert_eq!(moment(text), want, "{text}");
        }
    }

    #[test]
    fn patience_has_bounds() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (value, want) in [
            (None, 21_600),
            (Some("21600"), 21_600),
            (Some("0"), 60),
            (Some("99999999"), 86_400),
            (Some("-1"), 21_600),
            (Some("Sun, 06 Nov 1994 09:49:37 GMT"), 3600),
            (Some("Sun, 06 Nov 1994 07:49:37 GMT"), 60),
            (Some("later"), 21_600),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(RETRY_AFTER, value.parse().unwrap());
            }
            assert_eq!(patience(&headers, now).as_secs(), want, "{value:?}");
        }
    }

    #[test]
    fn directories() {
        let body = br#"{"newOrder": "x", "renewalInfo": "https://a.test/info"}"#;
        assert_eq!(renewal_info(body).unwrap(), "https://a.test/info");
        assert_eq!(renewal_info(b"{}").unwrap_err().reason, "not_supported");
        assert_eq!(renewal_info(b"<html>").unwrap_err().reason, "invalid");
    }
}
