//! `ari:`, which authorities may be asked when certificates should be renewed, as it is written.

use std::path::PathBuf;

use kit::config::{Secret, Spanned};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Asks the authorities of the targets' certificates when to renew them (ARI, RFC 9773); what they say goes before every other
/// policy. Each certificate is asked for about four times a day, or as often as the authority wants, and no more when it has
/// expired or is no longer presented.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AriSection {
    /// The authorities that may be asked; nobody else is.
    #[serde(default)]
    pub directories: Vec<DirectorySection>,
    /// File with the certificates to trust (PEM) in place of the system's, for an authority of your own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"ca.pem")]
    pub ca_file: Option<Spanned<PathBuf>>,
    /// The proxy to ask through, as a module's proxy_url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"http://proxy.example.org:3128")]
    pub proxy_url: Option<Spanned<Secret>>,
}

/// An authority.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectorySection {
    /// The organization (O) of the issuer of its certificates.
    #[schemars(example = &"Let's Encrypt")]
    pub organization: Spanned<String>,
    /// Its ACME directory.
    #[schemars(example = &"https://acme-v02.api.letsencrypt.org/directory")]
    pub url: Spanned<String>,
}
