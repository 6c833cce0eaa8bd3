//! Bytes to send or to expect, written as text or as base64.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes: a plain string stands for its UTF-8, a string tagged `!!binary` for what its base64 decodes to (as in the
/// PostgreSQL module of blackbox_exporter's example).
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Bytes(pub Vec<u8>);

/// The tag `!!binary` stands for.
const BINARY: &str = "tag:yaml.org,2002:binary";

/// Padding may be missing, as YAML libraries differ about it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Bytes {
    /// The bytes as text, if they are UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

/// The bytes that a base64 text stands for; the text may be in several lines.
pub(super) fn unpack(text: &str) -> Result<Vec<u8>, String> {
    let packed: String = text.split_ascii_whitespace().collect();
    BASE64.decode(packed).map_err(|error| format!("not base64: {error}"))
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The reader unpacks what is tagged `!!binary`; of any other text it hands over the UTF-8.
        deserializer.deserialize_byte_buf(BytesVisitor)
    }
}

struct BytesVisitor;

impl Visitor<'_> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
        Ok(Bytes(bytes))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes(bytes.to_vec()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Bytes, E> {
        Ok(text.into())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.text() {
            Some(text) => serializer.serialize_str(text),
            None => {
                serde_saphyr::Tagged(BASE64.encode(&self.0), Some(BINARY.to_owned())).serialize(serializer)
            }
        }
    }
}

impl JsonSchema for Bytes {
    fn schema_name() -> Cow<'static, str> {
        "Bytes".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "x-example": "PING" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Document;

    #[test]
    fn plain_and_binary_strings() {
        for (yaml, bytes) in [
            ("QUIT", &b"QUIT"[..]),
            ("\"a\\r\\n\"", b"a\r\n"),
            ("12", b"12"),
            ("!!binary AAAACATSFi8=", b"\0\0\0\x08\x04\xd2\x16/"),
            ("!!binary AAAACATSFi8", b"\0\0\0\x08\x04\xd2\x16/"),
            ("!!binary |\n  AAAA\n  CATSFi8=\n", b"\0\0\0\x08\x04\xd2\x16/"),
            ("!!str AAAA", b"AAAA"),
        ] {
            let parsed: Vec<Bytes> = Document::embedded("t", &format!("- {yaml}")).parse().unwrap();
            assert_eq!(&parsed[0][..], bytes, "{yaml}");
            let again = serde_saphyr::to_string(&parsed).unwrap();
            assert_eq!(Document::embedded("t", &again).parse::<Vec<Bytes>>().unwrap(), parsed, "{again}");
        }
        let binary = serde_saphyr::to_string(&Bytes(vec![0xff, 0])).unwrap();
        assert_eq!(binary.trim(), "!<tag:yaml.org,2002:binary> /wA=");
        let error = Document::embedded("t", "- !!binary '?'").parse::<Vec<Bytes>>().unwrap_err();
        assert!(error.to_string().starts_with("t:1:12: [0]: not base64: "), "{error}");
    }
}
