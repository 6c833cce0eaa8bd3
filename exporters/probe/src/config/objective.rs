//! The share of a target's probes that must succeed.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A service level objective: a share above 0 and below 1, written as `99.9%` or `0.999`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Objective(f64);

/// Why a text is not an objective.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectiveError {
    /// Nothing would be asked of the target.
    #[error("objective `{0}` asks for nothing; write more than 0%, e.g. `99.9%` or `0.999`")]
    Nothing(String),
    /// The error budget would be nothing: every alert on it would divide by zero.
    #[error(
        "objective `{0}` leaves no room for a single failure; write less than 100%, e.g. `99.9%` or `0.999`"
    )]
    Everything(String),
    /// Above 1, so it is meant as a percentage. With a decimal comma in a list or in braces, it ends there: `{objective: 99,9%}`.
    #[error(
        "objective `{0}` has no percent sign; write `{0}%`, or a share below 1 such as `0.999`; the decimal \
         separator is a point, as in `99.9%`"
    )]
    NoPercent(String),
    /// Anything else.
    #[error("`{0}` is not an objective; write e.g. `99.9%` or `0.999`")]
    Malformed(String),
}

impl Objective {
    /// What a target has that says nothing, in a file that says nothing: 3 h 39 min of failure in a month of 30.4 days.
    pub const DEFAULT: Self = Self(0.995);

    /// The share, above 0 and below 1.
    #[must_use]
    pub const fn ratio(self) -> f64 {
        self.0
    }
}

impl Default for Objective {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl FromStr for Objective {
    type Err = ObjectiveError;

    fn from_str(text: &str) -> Result<Self, ObjectiveError> {
        let percent = text.strip_suffix('%').map(str::trim_end);
        let digits = percent.unwrap_or(text);
        // Digits and a point alone: Rust would also read `1e-3`, `inf` and `nan`. A sign is read, to be told why it is wrong.
        let bare = digits.strip_prefix('-').unwrap_or(digits);
        if !bare.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Err(ObjectiveError::Malformed(text.to_owned()));
        }
        // The point is moved in the text: 99.9 / 100 is not the number nearest to 0.999.
        let exponent = if percent.is_some() { "e-2" } else { "" };
        let ratio: f64 =
            format!("{digits}{exponent}").parse().map_err(|_| ObjectiveError::Malformed(text.to_owned()))?;
        if ratio <= 0.0 {
            Err(ObjectiveError::Nothing(text.to_owned()))
        } else if ratio < 1.0 {
            Ok(Self(ratio))
        } else if percent.is_none() && ratio > 1.0 && ratio < 100.0 {
            Err(ObjectiveError::NoPercent(text.to_owned()))
        } else {
            Err(ObjectiveError::Everything(text.to_owned()))
        }
    }
}

impl fmt::Display for Objective {
    /// In percent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent: f64 = format!("{}e2", self.0).parse().unwrap_or(self.0 * 100.0);
        write!(f, "{percent}%")
    }
}

impl<'de> Deserialize<'de> for Objective {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Serialize for Objective {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Objective {
    fn schema_name() -> Cow<'static, str> {
        "Objective".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number"], "x-example": "99.9%" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn good_objectives_and_how_they_are_written_back() {
        for (text, ratio, back) in [
            ("99.9%", 0.999, "99.9%"),
            ("99.95 %", 0.9995, "99.95%"),
            ("0.999", 0.999, "99.9%"),
            (".5", 0.5, "50%"),
            ("99%", 0.99, "99%"),
            ("0.1%", 0.001, "0.1%"),
        ] {
            let objective: Objective = text.parse().unwrap();
            // Exactly the number that a person would write into a query.
            assert_eq!(objective.ratio().to_bits(), f64::to_bits(ratio), "{text}");
            assert_eq!(objective.to_string(), back, "{text}");
        }
        assert_eq!(Objective::default().to_string(), "99.5%");
    }

    #[test]
    fn bad_objectives_and_why() {
        for (text, why) in [
            (
                "99",
                "write `99%`, or a share below 1 such as `0.999`; the decimal separator is a point, as in `99.9%`",
            ),
            ("0", "asks for nothing"),
            ("0%", "asks for nothing"),
            ("-1%", "asks for nothing"),
            ("-0.5", "asks for nothing"),
            ("100%", "no room for a single failure"),
            ("101%", "no room for a single failure"),
            ("1", "no room for a single failure"),
            ("100", "no room for a single failure"),
            ("99.9999999999999999999%", "no room for a single failure"),
            ("99.9", "write `99.9%`"),
            ("", "not an objective"),
            ("%", "not an objective"),
            (".", "not an objective"),
            ("99,9%", "not an objective"),
            ("99.9%%", "not an objective"),
            ("nan", "not an objective"),
            ("inf", "not an objective"),
            ("1e-3", "not an objective"),
            ("three nines", "not an objective"),
        ] {
            let error = text.parse::<Objective>().unwrap_err().to_string();
            assert!(error.contains(why) && error.contains(text), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(share in 1_u32..1_000_000) {
            let objective = Objective(f64::from(share) / 1e6);
            let back: Objective = objective.to_string().parse().unwrap();
            prop_assert!((back.ratio() - objective.ratio()).abs() < 1e-15, "{objective}");
        }

        #[test]
        fn no_text_breaks_it(text in ".{0,20}") {
            if let Ok(objective) = text.parse::<Objective>() {
                prop_assert!(objective.ratio() > 0.0 && objective.ratio() < 1.0);
            }
        }
    }
}
