//! The configuration file as it is written: a `blackbox.yml`, with `targets:` and what belongs to them beside `modules:`.
//!
//! | file | what |
//! |---|---|
//! | `http`, `tcp`, `dns`, `icmp` | a prober's section, one flat strict struct each |
//! | `tls` | `tls_config`, and how it becomes [`wire::tls::Settings`] |
//! | `headers` | header values, hidden in `/config` when their name says that they are secret |
//! | `target` | an entry of `targets:`, raw and validated; `defaults:` |
//! | `list` | an entry of `http_sd_configs:`, raw and validated |
//! | `objective` | the share of a target's probes that must succeed |
//!
//! These types only say what is well-formed. What it means is decided once, when a prober builds its module.

pub mod dns;
pub mod headers;
pub mod http;
pub mod icmp;
pub mod list;
pub mod objective;
pub mod target;
pub mod tcp;
pub mod tls;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use kit::allow::AllowedTargets;
use kit::config::{HumanDuration, Spanned};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use dns::{DnsSection, Transport, ValidationSection};
pub use http::HttpSection;
pub use icmp::IcmpSection;
pub use list::ListSection;
pub use objective::Objective;
pub use target::{DefaultsSection, Target, TargetSection};
pub use tcp::{QueryResponse, TcpSection};
pub use tls::TlsSection;

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// How to probe: each module is a prober with its settings. A blackbox.yml's modules work as they are.
    #[serde(default)]
    #[schemars(extend("x-key" = "http_2xx"))]
    pub modules: BTreeMap<String, ModuleSection>,
    /// What to probe on a schedule; shown on /metrics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetSection>,
    /// Lists of targets that others discover, e.g. tls-exporter in Nginx Proxy Manager.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http_sd_configs: Vec<ListSection>,
    /// What holds for every target that does not say otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defaults: Option<DefaultsSection>,
    /// What the target parameter of /probe may name. Without it every target is allowed, save link-local addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_targets: Option<AllowedTargets>,
    /// Who resolves names: `hickory` (the default) asks the servers of /etc/resolv.conf itself; `system` goes through
    /// the C library, with all that nsswitch.conf names, but cannot be interrupted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolver: Option<Spanned<ResolverKind>>,
    /// DNS servers to ask instead of those in /etc/resolv.conf, as `address` or `address:port`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["192.0.2.53:53"])]
    pub dns_servers: Vec<Spanned<String>>,
}

/// Who resolves names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ResolverKind {
    /// Our own queries.
    #[default]
    Hickory,
    /// The C library.
    System,
}

/// One module: a prober's name, a timeout, and the section of the same name.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModuleSection {
    /// What probes: http, tcp, dns or icmp.
    #[schemars(example = &"http")]
    pub prober: Spanned<String>,
    /// How long a probe may take, e.g. 5s. Without it the scrape's timeout decides, or 120s when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Spanned<HumanDuration>>,
    /// Settings of the http prober.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpSection>,
    /// Settings of the tcp prober.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<TcpSection>,
    /// Settings of the dns prober.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<DnsSection>,
    /// Settings of the icmp prober.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icmp: Option<IcmpSection>,
    /// Read, but not done yet: a module with this prober loads, and its probes fail with a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc: Option<Unread>,
    /// Read, but not done yet: a module with this prober loads, and its probes fail with a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unix: Option<Unread>,
    /// Read, but not done yet: a module with this prober loads, and its probes fail with a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub websocket: Option<Unread>,
}

/// Any value, passed over: a section whose prober is not there yet. Its content is not shown again, since nothing
/// here knows which part of it is secret.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unread;

impl<'de> Deserialize<'de> for Unread {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Unread)
    }
}

impl Serialize for Unread {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("<not read>")
    }
}

impl JsonSchema for Unread {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Unread".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({})
    }
}

/// Which address family a probe asks for first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IpProtocol {
    /// IPv4.
    Ip4,
    /// IPv6; the default, as the peer's.
    #[default]
    #[serde(alias = "")]
    Ip6,
}

/// A DNS server as `address` or `address:port`.
#[must_use]
pub fn server_address(text: &str) -> Option<SocketAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    text.parse().ok().or_else(|| bare.parse().ok().map(|ip| SocketAddr::new(ip, 53)))
}
