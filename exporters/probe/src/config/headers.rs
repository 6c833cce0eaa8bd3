//! Header values, hidden in `/config` when their name says that they are secret.
//!
//! blackbox_exporter prints `headers: {Authorization: …}` in clear on `/config`, on the debug page and in its logs
//! (prometheus/blackbox_exporter#599, #1371, #1465).

use std::collections::BTreeMap;
use std::path::PathBuf;

use kit::config::{HIDDEN, Secret, Spanned, hide_header};
use schemars::JsonSchema;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

/// Header values by name, one each.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Headers(pub BTreeMap<String, Spanned<String>>);

impl Headers {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, if hide_header(name) { HIDDEN } else { value.as_str() })?;
        }
        map.end()
    }
}

/// Header values by name, several each, from several places.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct HeaderSources(pub BTreeMap<String, HeaderSource>);

impl HeaderSources {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for HeaderSources {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, source) in &self.0 {
            if hide_header(name) {
                let values = source.values.iter().map(|_| spanned(HIDDEN)).collect();
                map.serialize_entry(name, &HeaderSource { values, ..source.clone() })?;
            } else {
                map.serialize_entry(name, source)?;
            }
        }
        map.end()
    }
}

/// Where the values of one header come from; all of them are sent.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderSource {
    /// Values that anybody may read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Spanned<String>>,
    /// Values that /config hides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
    /// Files with one value each, read when the configuration loads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Spanned<PathBuf>>,
}

fn spanned(text: &str) -> Spanned<String> {
    Spanned { value: text.to_owned(), ..Spanned::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Defect of blackbox_exporter 0.28: `headers` in clear on /config, on the debug page and in the logs.
    #[test]
    fn peer_defect_14_header_secrets_in_clear() {
        let entries =
            [("Authorization", "Bearer supersecret"), ("X-Api-Key", "supersecret"), ("Accept", "text/html")];
        let headers =
            Headers(entries.iter().map(|(name, value)| ((*name).to_owned(), spanned(value))).collect());
        let source = HeaderSource { values: vec![spanned("supersecret")], ..HeaderSource::default() };
        let sources = HeaderSources(BTreeMap::from([("Cookie".to_owned(), source)]));
        let text = serde_json::to_string(&headers).unwrap() + &serde_json::to_string(&sources).unwrap();
        assert!(!text.contains("supersecret"), "{text}");
        assert!(text.contains("text/html") && text.matches(HIDDEN).count() == 3, "{text}");
    }
}
