//! Durations as Prometheus writes them.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A duration in Prometheus's grammar: `1d2h3m4s5ms`, units from the largest to the smallest, each at most once; also a
/// plain `0`. What Go's `time.ParseDuration` adds, and files written for its readers use, is understood too: fractions
/// (`1.5s`) and the units `us`, `µs` and `ns`. Negative durations, and those of more than 292 years (Go's limit), are refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HumanDuration(pub Duration);

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing was written.
    #[error("empty duration; write e.g. `5s`")]
    Empty,
    /// It began with a minus sign.
    #[error("negative duration `{0}`")]
    Negative(String),
    /// A number without a unit.
    #[error("duration `{text}` has no unit; write e.g. `{text}s`")]
    NoUnit {
        /// What was written.
        text: String,
    },
    /// A unit that is none of the known ones.
    #[error("duration `{text}`: unknown unit `{unit}`; units are y, w, d, h, m, s, ms, us, ns")]
    Unit {
        /// What was written.
        text: String,
        /// The unit in it.
        unit: String,
    },
    /// A unit after a smaller or an equal one.
    #[error("duration `{text}`: unit `{unit}` stands after a smaller one or twice; write e.g. `1h30m`")]
    Order {
        /// What was written.
        text: String,
        /// The unit in it.
        unit: String,
    },
    /// Longer than 2^63 nanoseconds.
    #[error("duration `{0}` is out of range; the longest is 292y")]
    Overflow(String),
    /// Anything else.
    #[error("`{0}` is not a duration; write e.g. `1m30s` or `500ms`")]
    Malformed(String),
}

/// The units in nanoseconds, from the largest. A year is 365 days, as in Prometheus.
const UNITS: &[(&str, u64)] = &[
    ("y", 365 * 24 * 3_600_000_000_000),
    ("w", 7 * 24 * 3_600_000_000_000),
    ("d", 24 * 3_600_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("µs", 1_000),
    ("ns", 1),
];

impl HumanDuration {
    /// From seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// From milliseconds.
    #[must_use]
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }
}

impl FromStr for HumanDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let own = || text.to_owned();
        match text {
            "" => return Err(DurationError::Empty),
            "0" => return Ok(Self(Duration::ZERO)),
            _ => {}
        }
        if text.starts_with('-') {
            return Err(DurationError::Negative(own()));
        }
        let mut rest = text;
        let mut total: u128 = 0;
        let mut smallest = u64::MAX;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let (number, tail) = rest.split_at(digits);
            let letters = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(letters);
            let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
            if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
                return Err(DurationError::Malformed(own()));
            }
            if unit.is_empty() {
                return Err(DurationError::NoUnit { text: own() });
            }
            // U+03BC is the Greek letter, which Go takes as well as the micro sign.
            let known = if unit == "μs" { "µs" } else { unit };
            let Some((_, nanoseconds)) = UNITS.iter().find(|(name, _)| *name == known) else {
                return Err(DurationError::Unit { text: own(), unit: unit.to_owned() });
            };
            if *nanoseconds >= smallest {
                return Err(DurationError::Order { text: own(), unit: unit.to_owned() });
            }
            smallest = *nanoseconds;
            total = part(whole, fraction, *nanoseconds)
                .and_then(|nanoseconds| total.checked_add(nanoseconds))
                .filter(|total| *total <= u128::from(i64::MAX.unsigned_abs()))
                .ok_or_else(|| DurationError::Overflow(own()))?;
            rest = tail;
        }
        u64::try_from(total)
            .map(|total| Self(Duration::from_nanos(total)))
            .map_err(|_| DurationError::Overflow(own()))
    }
}

/// `whole.fraction` units in nanoseconds; `None` when it overflows.
fn part(whole: &str, fraction: &str, unit: u64) -> Option<u128> {
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut total = whole.checked_mul(u128::from(unit))?;
    // The eighteenth digit of a fraction of a year is below a nanosecond.
    let mut place = u128::from(unit) * 10_u128.pow(18);
    let mut scaled: u128 = 0;
    for digit in fraction.bytes().take(18) {
        place /= 10;
        scaled += place * u128::from(digit - b'0');
    }
    total = total.checked_add(scaled / 10_u128.pow(18))?;
    Some(total)
}

impl fmt::Display for HumanDuration {
    /// As Prometheus writes it back: years and weeks only when nothing remains, `0s` for nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_nanos();
        if rest == 0 {
            return f.write_str("0s");
        }
        for (name, nanoseconds) in UNITS.iter().filter(|(name, _)| *name != "µs") {
            let nanoseconds = u128::from(*nanoseconds);
            let only_whole = matches!(*name, "y" | "w");
            if (only_whole && !rest.is_multiple_of(nanoseconds)) || rest < nanoseconds {
                continue;
            }
            write!(f, "{}{name}", rest / nanoseconds)?;
            rest %= nanoseconds;
        }
        Ok(())
    }
}

impl Deref for HumanDuration {
    type Target = Duration;

    fn deref(&self) -> &Duration {
        &self.0
    }
}

impl From<Duration> for HumanDuration {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl From<HumanDuration> for Duration {
    fn from(duration: HumanDuration) -> Self {
        duration.0
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Serialize for HumanDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for HumanDuration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "duration", "x-example": "5s" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn good_durations_and_how_they_are_written_back() {
        for (text, nanoseconds, back) in [
            ("0", 0, "0s"),
            ("0s", 0, "0s"),
            ("5s", 5_000_000_000, "5s"),
            ("500ms", 500_000_000, "500ms"),
            ("1.5s", 1_500_000_000, "1s500ms"),
            (".5s", 500_000_000, "500ms"),
            ("1m30s", 90_000_000_000, "1m30s"),
            ("90s", 90_000_000_000, "1m30s"),
            ("2d", 172_800_000_000_000, "2d"),
            ("7d", 604_800_000_000_000, "1w"),
            ("1d2h3m4s5ms", 93_784_005_000_000, "1d2h3m4s5ms"),
            ("1y", 31_536_000_000_000_000, "1y"),
            ("100us", 100_000, "100us"),
            ("1µs", 1_000, "1us"),
            ("1μs", 1_000, "1us"),
            ("3ns", 3, "3ns"),
        ] {
            let duration: HumanDuration = text.parse().unwrap();
            assert_eq!(duration.as_nanos(), nanoseconds, "{text}");
            assert_eq!(duration.to_string(), back, "{text}");
        }
    }

    #[test]
    fn bad_durations_and_why() {
        for (text, why) in [
            ("", "empty duration; write e.g. `5s`"),
            ("5", "duration `5` has no unit; write e.g. `5s`"),
            ("1m30", "duration `1m30` has no unit; write e.g. `1m30s`"),
            ("-5s", "negative duration `-5s`"),
            ("1x", "duration `1x`: unknown unit `x`; units are y, w, d, h, m, s, ms, us, ns"),
            ("5 s", "duration `5 s`: unknown unit ` s`; units are y, w, d, h, m, s, ms, us, ns"),
            ("1s1m", "duration `1s1m`: unit `m` stands after a smaller one or twice; write e.g. `1h30m`"),
            ("1s1s", "duration `1s1s`: unit `s` stands after a smaller one or twice; write e.g. `1h30m`"),
            ("293y", "duration `293y` is out of range; the longest is 292y"),
            (
                "99999999999999999999999999999999999999999999s",
                "duration `99999999999999999999999999999999999999999999s` is out of range; the longest is 292y",
            ),
            ("s", "`s` is not a duration; write e.g. `1m30s` or `500ms`"),
            (".s", "`.s` is not a duration; write e.g. `1m30s` or `500ms`"),
            ("1.2.3s", "`1.2.3s` is not a duration; write e.g. `1m30s` or `500ms`"),
            ("NaN", "`NaN` is not a duration; write e.g. `1m30s` or `500ms`"),
        ] {
            assert_eq!(text.parse::<HumanDuration>().unwrap_err().to_string(), why, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(nanoseconds in 0..i64::MAX.unsigned_abs()) {
            let duration = HumanDuration(Duration::from_nanos(nanoseconds));
            prop_assert_eq!(duration.to_string().parse::<HumanDuration>().unwrap(), duration);
        }

        #[test]
        fn no_text_breaks_it(text in ".{0,40}") {
            let _ = text.parse::<HumanDuration>();
        }

        #[test]
        fn no_number_breaks_it(text in "([0-9.]{0,30}(y|w|d|h|m|s|ms|us|ns)){0,4}") {
            let _ = text.parse::<HumanDuration>();
        }
    }
}
