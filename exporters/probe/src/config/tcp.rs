//! The tcp prober's section.

use kit::config::{BytePattern, Bytes, Spanned};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{IpProtocol, TlsSection};

/// The tcp prober's keys; every one may be left out.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TcpSection {
    /// The address family to ask for first: ip4 or ip6 (the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_ip_protocol: Option<IpProtocol>,
    /// Whether the other family will do when there is no address of the preferred one. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = true)]
    pub ip_protocol_fallback: Option<bool>,
    /// The local address to connect from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"192.0.2.7")]
    pub source_ip_address: Option<Spanned<String>>,
    /// Whether to begin with a TLS handshake. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<bool>,
    /// TLS settings, of `tls` and of `starttls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_config: Option<TlsSection>,
    /// Whether the port must be closed: the probe succeeds when the connection is refused, when a router says that there
    /// is no way, or when nobody has answered by the end of the timeout (give the module a short one); it fails when the
    /// port opens. Not together with `tls`, `tls_config` and `query_response`. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = false)]
    pub expect_closed: Option<Spanned<bool>>,
    /// What to expect and to send, step by step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query_response: Vec<QueryResponse>,
}

/// A step of a dialogue: first it expects, then it sends, then it starts TLS; each if it has that key.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryResponse {
    /// Reads lines until one matches. What comes without a line's end counts as a line once the peer falls silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<BytePattern>,
    /// Reads as many bytes as these and compares. Not together with `expect`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_bytes: Option<Spanned<Bytes>>,
    /// Labels of probe_expect_info; `${1}` stands for the first group of `expect`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    /// What to send; a newline is added. `${1}` stands for the first group of `expect`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send: Option<Bytes>,
    /// Whether to start TLS now. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starttls: Option<bool>,
}

/// A label of `probe_expect_info`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// Its name.
    #[schemars(example = &"ssh_version")]
    pub name: Spanned<String>,
    /// Its value; `${1}` stands for the first group of `expect`.
    #[serde(default)]
    #[schemars(example = &"${1}")]
    pub value: String,
}
