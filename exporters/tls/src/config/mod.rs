//! The configuration file as it is written.
//!
//! | file | what |
//! |---|---|
//! | `module` | how to look at an endpoint: trust, client certificate, versions, ALPN |
//! | `target` | an entry of `targets:`, raw and validated |
//! | `files` | an entry of `files:` |
//! | `renewal` | `renewal:`, when a certificate is due |
//!
//! These types only say what is well-formed; what it means is decided once, when the exporter is built.

pub mod files;
pub mod module;
pub mod renewal;
pub mod target;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use kit::allow::AllowedTargets;
use kit::config::{HumanDuration, Spanned};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use files::FilesSection;
pub use module::ModuleSection;
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
    /// When a certificate should have been renewed; a target and a source of files may have their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal: Option<RenewalSection>,
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

/// A span of time that makes sense, or a cause and a way out to tell.
pub fn checked(
    raw: Option<&Spanned<HumanDuration>>,
    longest: Duration,
    tell: &mut dyn FnMut(String, &str),
) -> Option<Duration> {
    let time = raw?.value.0;
    if time.is_zero() {
        tell("0 is no time at all".to_owned(), "give some, e.g. 5s, or remove the key");
        None
    } else if time > longest {
        tell(format!("{} is more than {}", HumanDuration(time), HumanDuration(longest)), "give less");
        None
    } else {
        Some(time)
    }
}

/// The way out of a misspelt name.
pub fn did_you_mean<'a>(name: &str, all: impl Iterator<Item = &'a str> + Clone) -> String {
    let near = all
        .clone()
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(distance, known)| *distance <= (known.len() / 3).max(1))
        .min();
    match near {
        Some((_, known)) => format!("did you mean {known:?}?"),
        None => format!("there are: {}", all.take(12).collect::<Vec<_>>().join(", ")),
    }
}
