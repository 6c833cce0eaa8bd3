//! The configuration file as it is written.
//!
//! | file | what |
//! |---|---|
//! | `module` | how to look at an endpoint: trust, client certificate, versions, ALPN |
//! | `target` | an entry of `targets:`, raw and validated |
//! | `files` | an entry of `files:` |
//! | `ari` | `ari:`, which authorities may be asked when |
//! | `npm` | an entry of `npm:` |
//! | `renewal` | `renewal:`, when a certificate is due |
//!
//! These types only say what is well-formed; what it means is decided once, when the exporter is built.

pub mod ari;
pub mod files;
pub mod module;
pub mod npm;
pub mod renewal;
pub mod target;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use kit::allow::AllowedTargets;
use kit::config::Spanned;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use ari::AriSection;
pub use files::FilesSection;
pub use module::ModuleSection;
pub use npm::NpmSection;
pub use renewal::RenewalSection;
pub use target::{Target, TargetSection};

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// How to look at an endpoint. There is always one called `tls`, with every setting at its default.
    #[serde(default)]
    #[schemars(extend("x-key" = "internal"))]
    pub modules: BTreeMap<String, ModuleSection>,
    /// What to look at on a schedule; shown on /metrics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetSection>,
    /// Certificates in files; shown on /metrics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FilesSection>,
    /// Nginx Proxy Managers, whose hosts become targets and whose certificates are watched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub npm: Vec<NpmSection>,
    /// When a certificate should have been renewed; a target and a source of files may have their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal: Option<RenewalSection>,
    /// Asks authorities when certificates should be renewed. Without it nobody is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ari: Option<AriSection>,
    /// What the target parameter of /probe may name. Without it every target is allowed, save link-local addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_targets: Option<AllowedTargets>,
    /// DNS servers to ask instead of those in /etc/resolv.conf, as `address` or `address:port`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["192.0.2.53:53"])]
    pub dns_servers: Vec<Spanned<String>>,
}

/// A DNS server as `address` or `address:port`.
#[must_use]
pub fn server_address(text: &str) -> Option<SocketAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    text.parse().ok().or_else(|| bare.parse().ok().map(|ip| SocketAddr::new(ip, 53)))
}
