//! Sizes in bytes, as blackbox_exporter reads them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A size in bytes: `100B`, `1KB`, `10MB`, `1KiB`, `1.5GiB`, `1MB512KB`. As in blackbox_exporter's `body_size_limit`
/// (alecthomas/units, `Base2Bytes`), `KB` and `MB` are powers of 1024 like `KiB` and `MiB`. 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

/// Why a text is not a size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// Nothing was written.
    #[error("empty size; write e.g. `10MB`")]
    Empty,
    /// It began with a minus sign.
    #[error("negative size `{0}`")]
    Negative(String),
    /// A number without a unit.
    #[error("size `{text}` has no unit; write e.g. `{text}B` or `{text}KB`")]
    NoUnit {
        /// What was written.
        text: String,
    },
    /// A unit that is none of the known ones; case matters.
    #[error(
        "size `{text}`: unknown unit `{unit}`; units are B, KB, MB, GB, TB, PB, EB, and KiB … EiB which mean the same"
    )]
    Unit {
        /// What was written.
        text: String,
        /// The unit in it.
        unit: String,
    },
    /// More than 2^63 - 1 bytes.
    #[error("size `{0}` is out of range; the largest is below 8EB")]
    Overflow(String),
    /// Anything else.
    #[error("`{0}` is not a size; write e.g. `10MB`")]
    Malformed(String),
}

/// The powers of 1024, from the second.
const POWERS: &str = "KMGTPE";

impl ByteSize {
    /// The limit, unless it is 0.
    #[must_use]
    pub const fn limit(self) -> Option<u64> {
        if self.0 == 0 { None } else { Some(self.0) }
    }
}

/// The bytes of a unit.
fn unit_of(unit: &str) -> Option<u64> {
    let power = unit.strip_suffix("iB").or_else(|| unit.strip_suffix('B'))?;
    if power.is_empty() {
        return (unit == "B").then_some(1);
    }
    let place = POWERS.find(power).filter(|_| power.len() == 1)?;
    Some(1 << (10 * (place + 1)))
}

impl FromStr for ByteSize {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let own = || text.to_owned();
        match text {
            "" => return Err(SizeError::Empty),
            "0" => return Ok(Self(0)),
            _ if text.starts_with('-') => return Err(SizeError::Negative(own())),
            _ => {}
        }
        let mut rest = text;
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let (number, tail) = rest.split_at(digits);
            let letters = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(letters);
            let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
            if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
                return Err(SizeError::Malformed(own()));
            }
            if unit.is_empty() {
                return Err(SizeError::NoUnit { text: own() });
            }
            let Some(bytes) = unit_of(unit) else {
                return Err(SizeError::Unit { text: own(), unit: unit.to_owned() });
            };
            total = part(whole, fraction, bytes)
                .and_then(|bytes| total.checked_add(bytes))
                .filter(|total| *total <= i64::MAX.unsigned_abs())
                .ok_or_else(|| SizeError::Overflow(own()))?;
            rest = tail;
        }
        Ok(Self(total))
    }
}

/// `whole.fraction` units in bytes; `None` when it overflows.
fn part(whole: &str, fraction: &str, unit: u64) -> Option<u64> {
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction = &fraction[..fraction.len().min(18)];
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let numerator: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let below = u64::try_from(u128::from(unit) * numerator / scale).ok()?;
    whole.checked_mul(unit)?.checked_add(below)
}

impl fmt::Display for ByteSize {
    /// In the largest unit that divides it: `10MiB`, `1500B`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut number = self.0;
        let mut unit = None;
        for power in POWERS.chars() {
            if number == 0 || !number.is_multiple_of(1024) {
                break;
            }
            number /= 1024;
            unit = Some(power);
        }
        match unit {
            None => write!(f, "{number}B"),
            Some(power) => write!(f, "{number}{power}iB"),
        }
    }
}

impl From<u64> for ByteSize {
    fn from(bytes: u64) -> Self {
        Self(bytes)
    }
}

impl std::ops::Deref for ByteSize {
    type Target = u64;

    fn deref(&self) -> &u64 {
        &self.0
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "bytes", "x-example": "10MB" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn good_sizes_and_how_they_are_written_back() {
        for (text, bytes, back) in [
            ("0", 0, "0B"),
            ("0B", 0, "0B"),
            ("100B", 100, "100B"),
            ("1KB", 1024, "1KiB"),
            ("1KiB", 1024, "1KiB"),
            ("10MB", 10 << 20, "10MiB"),
            ("10MiB", 10 << 20, "10MiB"),
            ("1.5MB", 3 << 19, "1536KiB"),
            ("1MB512KB", 3 << 19, "1536KiB"),
            ("1500B", 1500, "1500B"),
            ("7EB", 7 << 60, "7EiB"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!(size.0, bytes, "{text}");
            assert_eq!(size.to_string(), back, "{text}");
        }
    }

    #[test]
    fn bad_sizes_and_why() {
        let units = "units are B, KB, MB, GB, TB, PB, EB, and KiB … EiB which mean the same";
        for (text, why) in [
            ("", "empty size; write e.g. `10MB`".to_owned()),
            ("10", "size `10` has no unit; write e.g. `10B` or `10KB`".to_owned()),
            ("-1KB", "negative size `-1KB`".to_owned()),
            ("1kB", format!("size `1kB`: unknown unit `kB`; {units}")),
            ("1iB", format!("size `1iB`: unknown unit `iB`; {units}")),
            ("1KMB", format!("size `1KMB`: unknown unit `KMB`; {units}")),
            ("1 MB", format!("size `1 MB`: unknown unit ` MB`; {units}")),
            ("8EB", "size `8EB` is out of range; the largest is below 8EB".to_owned()),
            ("MB", "`MB` is not a size; write e.g. `10MB`".to_owned()),
            ("1.2.3MB", "`1.2.3MB` is not a size; write e.g. `10MB`".to_owned()),
        ] {
            assert_eq!(text.parse::<ByteSize>().unwrap_err().to_string(), why, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(bytes in 0..i64::MAX.unsigned_abs()) {
            prop_assert_eq!(ByteSize(bytes).to_string().parse::<ByteSize>().unwrap(), ByteSize(bytes));
        }

        #[test]
        fn no_text_breaks_it(text in "([0-9.]{0,30}[A-Zi ]{0,3}){0,4}") {
            let _ = text.parse::<ByteSize>();
        }
    }
}
