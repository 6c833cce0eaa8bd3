//! An entry of `files:`, as it is written.

use kit::config::{HumanDuration, Spanned};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RenewalSection;

/// Certificates in files.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilesSection {
    /// What they are called: the `source` label.
    #[schemars(example = &"letsencrypt")]
    pub name: Spanned<String>,
    /// Absolute paths, or patterns: `*` and `?` stay within a folder, `**` goes through any number of them. Files of PEM
    /// and DER are read.
    #[serde(default)]
    #[schemars(example = ["/etc/letsencrypt/live/*/fullchain.pem"])]
    pub paths: Vec<Spanned<String>>,
    /// What to leave out of it, by the same rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["/etc/letsencrypt/live/old.example.org/*"])]
    pub exclude: Vec<Spanned<String>>,
    /// How often to look for changes; a file that has not changed is not read again. Default: 30s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Spanned<HumanDuration>>,
    /// When the certificates should have been renewed. Default: as `renewal:` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal: Option<RenewalSection>,
}
