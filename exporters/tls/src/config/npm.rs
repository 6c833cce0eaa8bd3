//! An entry of `npm:`, as it is written.

use std::path::PathBuf;

use kit::config::{HumanDuration, SecretSource, Spanned};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::module::TlsSection;

/// A Nginx Proxy Manager: its hosts become targets, its certificates' files are watched. It is read by its API (`url`) or
/// from its SQLite file (`database`).
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NpmSection {
    /// What it is called: the `npm` label, and the `source` label of its certificates' files.
    #[schemars(example = &"home")]
    pub name: Spanned<String>,
    /// Where its administration answers, e.g. at port 81.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"http://127.0.0.1:81")]
    pub url: Option<Spanned<String>>,
    /// The user to log in as: one that may view all kinds of hosts of all users, and nothing else, without a second factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"farol@example.org")]
    pub identity: Option<Spanned<String>>,
    /// The user's password: the text, or where it lies as `{file: …}`, `{env: …}` or `{credential: …}`. A file is read anew
    /// at each login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretSource>,
    /// Trust, for a url of https.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_config: Option<TlsSection>,
    /// In place of the url: its SQLite file. It is only read, and nothing is locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"/data/database.sqlite")]
    pub database: Option<Spanned<PathBuf>>,
    /// Where the certificates of Let's Encrypt lie, as this machine sees the folder. Default: /etc/letsencrypt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"/srv/npm/letsencrypt")]
    pub letsencrypt: Option<Spanned<PathBuf>>,
    /// Where the uploaded certificates lie, as this machine sees the folder. Default: /data/custom_ssl.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"/srv/npm/data/custom_ssl")]
    pub custom_ssl: Option<Spanned<PathBuf>>,
    /// Where the proxy answers, as host or host:port. Default: the url's host, or 127.0.0.1, at port 443.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"192.0.2.80")]
    pub address: Option<Spanned<String>>,
    /// The module to look at its hosts with. Default: tls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"tls")]
    pub module: Option<Spanned<String>>,
    /// How often it is read, and each of its hosts looked at. Default: 1m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Spanned<HumanDuration>>,
    /// How long reading it may take. Default: 10s; never more than the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Spanned<HumanDuration>>,
}
