//! The dns prober's section.

use kit::config::{Pattern, Spanned};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{IpProtocol, TlsSection};

/// The dns prober's keys; `query_name` is the one that must be there.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DnsSection {
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
    /// udp (the default) or tcp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport_protocol: Option<Transport>,
    /// Whether to ask over TLS (tcp only; port 853 unless the target has one). Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = false)]
    pub dns_over_tls: Option<Spanned<bool>>,
    /// TLS settings of `dns_over_tls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_config: Option<TlsSection>,
    /// The name to ask for. Required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"www.example.org")]
    pub query_name: Option<Spanned<String>>,
    /// The record type, e.g. A, AAAA, MX, SOA, TXT. Default: ANY.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"A")]
    pub query_type: Option<Spanned<String>>,
    /// The class: IN (the default), CH, HS, ….
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"IN")]
    pub query_class: Option<Spanned<String>>,
    /// Whether to ask for recursion. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = true)]
    pub recursion_desired: Option<bool>,
    /// The response codes that count as success. Default: NOERROR alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["NOERROR"])]
    pub valid_rcodes: Vec<Spanned<String>>,
    /// Checks of the answer section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate_answer_rrs: Option<ValidationSection>,
    /// Checks of the authority section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate_authority_rrs: Option<ValidationSection>,
    /// Checks of the additional section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate_additional_rrs: Option<ValidationSection>,
}

/// How a query travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// One datagram there and back.
    #[default]
    #[serde(alias = "")]
    Udp,
    /// A connection.
    Tcp,
}

/// Checks of one section of an answer. Each record is matched in its presentation form, fields separated by tabs.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidationSection {
    /// The probe fails if any record matches any of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fail_if_matches_regexp: Vec<Pattern>,
    /// The probe fails if every record matches one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fail_if_all_match_regexp: Vec<Pattern>,
    /// The probe fails if any record does not match every one of these, or if there is no record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fail_if_not_matches_regexp: Vec<Pattern>,
    /// The probe fails if no record matches any of these, or if there is no record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fail_if_none_matches_regexp: Vec<Pattern>,
}
