//! The icmp prober's section.

use kit::config::Spanned;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::IpProtocol;

/// The icmp prober's keys; every one may be left out.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IcmpSection {
    /// The address family to ask for first: ip4 or ip6 (the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_ip_protocol: Option<IpProtocol>,
    /// Whether the other family will do when there is no address of the preferred one. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = true)]
    pub ip_protocol_fallback: Option<bool>,
    /// The local address to send from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"192.0.2.7")]
    pub source_ip_address: Option<Spanned<String>>,
    /// Bytes of payload after the ICMP header. Default: 28.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_size: Option<Spanned<i64>>,
    /// Whether to forbid fragmentation on the way (IPv4), to find too small an MTU. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dont_fragment: Option<bool>,
    /// The hops that a request may go, 1 to 255. Default: 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Spanned<i64>>,
}
