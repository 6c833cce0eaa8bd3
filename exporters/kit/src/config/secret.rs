//! Secrets: kept out of logs, errors, `/config` and the debug page by their type, and by the names of what holds them.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is shown where a secret is.
pub const HIDDEN: &str = "<secret>";

/// A text that is never shown: `Debug` and `Serialize` give [`HIDDEN`]. Its memory is overwritten when it is dropped.
#[derive(Clone, Default)]
pub struct Secret(SecretString);

impl Secret {
    /// Hides a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The text itself: for a request, never for people.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether it is the empty text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// Not in constant time: to see whether a reload changed it, not to check a password.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(HIDDEN)
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "password", "x-example": "change-me" })
    }
}

/// Words in a name that stand for a secret.
const SECRET_WORDS: &[&str] = &[
    "authorization",
    "cookie",
    "token",
    "secret",
    "secrets",
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "key",
    "credential",
    "credentials",
    "signature",
    "jwt",
    "session",
];

/// Parts of a word that stand for a secret: `apikey`, `accesstoken`, `bearer_token`.
const SECRET_PARTS: &[&str] =
    &["authorization", "cookie", "token", "secret", "password", "apikey", "credential"];

/// Whether a header, or another name of a value, stands for a secret, so that its value must not be shown:
/// `Authorization`, `Cookie`, `Proxy-Authorization`, `X-Api-Key`, `X-Auth`, and whatever calls itself token, secret,
/// key, password or credential. A name that ends in `_file` names a file, which is none.
#[must_use]
pub fn hide_header(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    if name.ends_with("_file") || name.ends_with("-file") {
        return false;
    }
    name.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| SECRET_WORDS.contains(&word))
        || SECRET_PARTS.iter().any(|part| name.contains(part))
        || (name.starts_with("x-") && name.contains("auth"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "<secret>");
        assert_eq!(serde_saphyr::to_string(&secret).unwrap().trim(), "<secret>");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn names_that_hide() {
        for name in [
            "Authorization",
            "cookie",
            "Set-Cookie",
            "Proxy-Authorization",
            "X-Api-Key",
            "x-auth-user",
            "PRIVATE-TOKEN",
            "X-Vault-Token",
            "apikey",
            "client_secret",
            "password",
            "X-Amz-Signature",
            "bearer_token",
        ] {
            assert!(hide_header(name), "{name}");
        }
        for name in [
            "Accept",
            "Host",
            "User-Agent",
            "X-Request-Id",
            "Monkey",
            "password_file",
            "key_file",
            "",
            "author",
        ] {
            assert!(!hide_header(name), "{name}");
        }
    }
}
