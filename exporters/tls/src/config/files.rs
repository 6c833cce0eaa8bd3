//! An entry of `files:`, as it is written.

use kit::config::{HumanDuration, SecretSource, Spanned};
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
    /// Absolute paths, or patterns: `*` and `?` stay within a folder, `**` goes through any number of them (not through links to folders). Files of PEM,
    /// DER, PKCS#12, JKS and JCEKS, revocation lists and kubeconfigs are read, whatever they are called.
    #[serde(default)]
    #[schemars(example = ["/etc/letsencrypt/live/*/fullchain.pem"])]
    pub paths: Vec<Spanned<String>>,
    /// What to leave out of it, by the same rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["/etc/letsencrypt/live/old.example.org/*"])]
    pub exclude: Vec<Spanned<String>>,
    /// Leave out files in which nothing of a known format is, and those that may not be read, instead of telling of them: for
    /// patterns that name more than certificates. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_certificates: Option<bool>,
    /// What PKCS#12 keystores and encrypted keys may open with; the empty password is tried first. Each is a text, or
    /// {file: path}, {env: VARIABLE} or {credential: name}. Java's JKS and JCEKS need none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passwords: Vec<Spanned<SecretSource>>,
    /// How often to look for changes; a file that has not changed is not read again. Default: 30s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Spanned<HumanDuration>>,
    /// When the certificates should have been renewed. Default: as `renewal:` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal: Option<RenewalSection>,
}
