//! Regular expressions, compiled when the file is read: a bad one is refused where it stands.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::dialect::from_go;

/// The cause in one line, and the way out. `regex` draws the pattern over several lines and ends with `error: …`; the
/// configuration's own error shows the line already.
fn cause(pattern: &str, error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    let last = last.trim().strip_prefix("error: ").unwrap_or_else(|| last.trim()).trim_end_matches('.');
    let hint = match last {
        _ if last.starts_with("look-around") || last.starts_with("backreferences") => {
            "write the pattern without it"
        }
        "unclosed group" => r"close it with `)`, or write `\(` for the character itself",
        "unopened group" => r"write `\)` for the character itself",
        "unclosed character class" => r"close it with `]`, or write `\[` for the character itself",
        _ if last.starts_with("repetition operator") => r"write `\` before it for the character itself",
        _ if last.contains("size limit") => "write a shorter pattern, or one with smaller repetitions",
        _ => "write it in RE2's syntax, as Go has it",
    };
    refused(pattern, &format!("{last}; {hint}"))
}

fn refused(pattern: &str, cause: &str) -> String {
    format!("regular expression `{pattern}`: {cause}")
}

macro_rules! pattern {
    ($(#[$doc:meta])* $name:ident, $regex:ty) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name {
            regex: $regex,
            /// As written: `regex` has it in its own dialect.
            text: Box<str>,
        }

        impl $name {
            /// Compiles a pattern.
            ///
            /// # Errors
            /// The pattern and what is wrong with it, in one line.
            pub fn new(pattern: &str) -> Result<Self, String> {
                let rewritten = from_go(pattern).map_err(|why| refused(pattern, &why))?;
                let regex = <$regex>::new(&rewritten).map_err(|error| cause(pattern, &error))?;
                Ok(Self { regex, text: pattern.into() })
            }

            /// The pattern as written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.text
            }
        }

        impl Deref for $name {
            type Target = $regex;

            fn deref(&self) -> &$regex {
                &self.regex
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.text)
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.text == other.text
            }
        }

        impl Eq for $name {}

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(&Cow::<'de, str>::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.text)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": "regex", "x-example": "^OK" })
            }
        }
    };
}

pattern! {
    /// A compiled regular expression over text. Not anchored; RE2's syntax, as Go has it.
    Pattern, regex::Regex
}

pattern! {
    /// A compiled regular expression over bytes, for what a peer sent and may not be UTF-8. Syntax as [`Pattern`].
    BytePattern, regex::bytes::Regex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_its_regex_and_its_text() {
        let pattern = Pattern::new("^SSH-(2|1)").unwrap();
        assert!(pattern.is_match("SSH-2.0-OpenSSH"));
        assert_eq!(format!("{pattern} {pattern:?}"), "^SSH-(2|1) \"^SSH-(2|1)\"");
        assert!(BytePattern::new("a.c").unwrap().is_match(b"\xff abc"));
    }

    #[test]
    fn bad_patterns_and_why() {
        for (pattern, why) in [
            (
                "(",
                "regular expression `(`: unclosed group; close it with `)`, or write `\\(` for the character itself",
            ),
            (
                "a**b[",
                "regular expression `a**b[`: unclosed character class; close it with `]`, or write `\\[` for \
                 the character itself",
            ),
            (
                "(?!x)",
                "regular expression `(?!x)`: look-around, including look-ahead and look-behind, is not supported; \
                 write the pattern without it",
            ),
            (
                r"(a)\1",
                r"regular expression `(a)\1`: backreferences are not supported; write the pattern without it",
            ),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap_err(), why);
            assert_eq!(BytePattern::new(pattern).unwrap_err(), why);
        }
        let huge = Pattern::new("(a{1000}){1000}").unwrap_err();
        assert!(huge.contains("exceeds size limit of 10485760 bytes; write a shorter"), "{huge}");
    }
}
