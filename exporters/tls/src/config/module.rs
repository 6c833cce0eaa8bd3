//! A module: how to look at an endpoint, as it is written.

use std::path::PathBuf;

use kit::config::{HumanDuration, Secret, Spanned};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::tls::Version;

/// How to look at an endpoint; every key may be left out.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModuleSection {
    /// How long a look may take, e.g. 5s. Without it the scrape's timeout decides, or 10s on the schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Spanned<HumanDuration>>,
    /// The protocol to begin in clear text, up to where TLS begins: smtp, lmtp, imap, pop3, ftp, ldap, xmpp-client,
    /// xmpp-server, postgres, mysql, sieve, nntp or irc. Its port is then the usual one. Default: TLS from the first byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"smtp")]
    pub starttls: Option<Spanned<String>>,
    /// Which addresses of a name to look at: all (the default), ip4 or ip6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Addresses>,
    /// Whether to ask which versions of TLS (1.0 to 1.3) the server accepts, by a connection for each. Default: on the schedule
    /// once an hour, not on /probe; true: on /probe, too; false: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_versions: Option<bool>,
    /// The proxy to go through, as http://host:port or socks5://host:port, with user:password@ before the host if it wants
    /// them. The target's name is resolved here, and each address is asked of the proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"socks5://proxy.example.org:1080")]
    pub proxy_url: Option<Spanned<Secret>>,
    /// The local address to connect from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"192.0.2.7")]
    pub source_ip_address: Option<Spanned<String>>,
    /// The protocols to offer by ALPN, the preferred first. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["h2", "http/1.1"])]
    pub alpn: Vec<Spanned<String>>,
    /// Trust, client certificate, versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_config: Option<TlsSection>,
}

/// TLS of the client, in the words of every Prometheus component.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsSection {
    /// Whether a certificate that is not good leaves the look a success. What is wrong with it is shown in any case, each
    /// fact apart. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insecure_skip_verify: Option<bool>,
    /// File with the certificates to trust (PEM) in place of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"ca.pem")]
    pub ca_file: Option<Spanned<PathBuf>>,
    /// File with the client's own certificate (PEM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"client.pem")]
    pub cert_file: Option<Spanned<PathBuf>>,
    /// File with the key of the client's certificate (PEM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"client.key")]
    pub key_file: Option<Spanned<PathBuf>>,
    /// The name to ask for (SNI) and to find in the certificate, in place of the target's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"www.example.org")]
    pub server_name: Option<Spanned<String>>,
    /// The oldest version to speak: TLS12 (the default) or TLS13.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_version: Option<Spanned<TlsVersion>>,
    /// The newest version to speak: TLS12 or TLS13 (the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_version: Option<Spanned<TlsVersion>>,
}

/// A version of TLS that can be spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[serde(rename = "TLS12")]
    Tls12,
    /// TLS 1.3.
    #[serde(rename = "TLS13")]
    Tls13,
}

impl TlsVersion {
    /// As [`wire::tls`] names it.
    #[must_use]
    pub const fn spoken(self) -> Version {
        match self {
            TlsVersion::Tls12 => Version::Tls12,
            TlsVersion::Tls13 => Version::Tls13,
        }
    }
}

/// Which addresses of a name are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Addresses {
    /// Every one of both families.
    #[default]
    All,
    /// Every IPv4 address.
    Ip4,
    /// Every IPv6 address.
    Ip6,
}
