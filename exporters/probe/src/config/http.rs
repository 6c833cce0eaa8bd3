//! The http prober's section. It is one flat struct with the client's keys in it, since serde cannot flatten strictly.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kit::config::{BytePattern, ByteSize, Secret, Spanned};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::headers::{HeaderSources, Headers};
use super::{IpProtocol, TlsSection, Unread};

/// The http prober's keys; every one may be left out.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpSection {
    /// The status codes that count as success. Default: 200 to 299.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = [200])]
    pub valid_status_codes: Vec<u16>,
    /// The versions that count as success, e.g. "HTTP/1.1", "HTTP/2.0". Default: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["HTTP/1.1", "HTTP/2.0"])]
    pub valid_http_versions: Vec<Spanned<String>>,
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
    /// Whether to leave the resolution of the target to the proxy, if there is one. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_resolve_phase_with_proxy: Option<bool>,
    /// The old opposite of follow_redirects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_follow_redirects: Option<bool>,
    /// Whether to follow redirects, ten at most. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = true)]
    pub follow_redirects: Option<bool>,
    /// Whether the probe fails if the last answer came over TLS. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail_if_ssl: Option<bool>,
    /// Whether the probe fails if the last answer came without TLS. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail_if_not_ssl: Option<bool>,
    /// The method. Default: GET.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"GET")]
    pub method: Option<Spanned<String>>,
    /// Headers to send. Values of headers whose names speak of secrets are hidden in /config.
    #[serde(default, skip_serializing_if = "Headers::is_empty")]
    pub headers: Headers,
    /// Headers to send, with several values, secret ones and ones from files.
    #[serde(default, skip_serializing_if = "HeaderSources::is_empty")]
    pub http_headers: HeaderSources,
    /// The body to send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"{}")]
    pub body: Option<Spanned<String>>,
    /// A file with the body to send, read when the configuration loads. Not together with `body`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"body.json")]
    pub body_file: Option<Spanned<PathBuf>>,
    /// The probe fails if the body matches any of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fail_if_body_matches_regexp: Vec<BytePattern>,
    /// The probe fails if the body does not match one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fail_if_body_not_matches_regexp: Vec<BytePattern>,
    /// The probe fails if this CEL expression over `body`, the JSON that came, is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"body.status == 'error'")]
    pub fail_if_body_json_matches_cel: Option<Spanned<String>>,
    /// The probe fails if this CEL expression over `body`, the JSON that came, is not true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"body.status == 'ok'")]
    pub fail_if_body_json_not_matches_cel: Option<Spanned<String>>,
    /// The probe fails if any value of a header matches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fail_if_header_matches: Vec<HeaderMatch>,
    /// The probe fails if no value of a header matches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fail_if_header_not_matches: Vec<HeaderMatch>,
    /// How the body must come: gzip, br, deflate or identity. Asks for it unless Accept-Encoding is among the headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<Spanned<Compression>>,
    /// The most that is read of a body, after decompression, e.g. 10MB; the probe fails beyond. Default: 10MiB; 0 is no
    /// limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_size_limit: Option<ByteSize>,
    /// Whether to offer HTTP/2 where TLS can negotiate it. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = true)]
    pub enable_http2: Option<Spanned<bool>>,
    /// Read, but not done yet: with true the module's probes fail with a reason. Needs `enable_http2: false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_http3: Option<Spanned<bool>>,
    /// User and password of HTTP's basic authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic_auth: Option<BasicAuth>,
    /// The Authorization header by its parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Authorization>,
    /// A bearer token; the old form of `authorization`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer_token: Option<Secret>,
    /// A file with a bearer token, read at each probe; the old form of `authorization`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"token")]
    pub bearer_token_file: Option<Spanned<PathBuf>>,
    /// Read, but not done yet: the module's probes fail with a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth2: Option<Unread>,
    /// The HTTP proxy to go through, e.g. `http://proxy.example:3128`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_url: Option<Secret>,
    /// Hosts that the proxy is not used for: names (with their subdomains), addresses, networks, separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"127.0.0.0/8,.example.org")]
    pub no_proxy: Option<Spanned<String>>,
    /// Whether HTTP_PROXY, HTTPS_PROXY and NO_PROXY say which proxy to use. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_from_environment: Option<Spanned<bool>>,
    /// Headers of the CONNECT request to the proxy.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub proxy_connect_header: BTreeMap<String, Vec<Secret>>,
    /// TLS settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_config: Option<TlsSection>,
}

/// A header's name and what to find in its values.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderMatch {
    /// The header's name.
    #[serde(default)]
    #[schemars(example = &"Content-Type")]
    pub header: Spanned<String>,
    /// What to find.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regexp: Option<BytePattern>,
    /// Whether an answer without this header passes. Default: false.
    #[serde(default)]
    pub allow_missing: bool,
}

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// RFC 1952.
    Gzip,
    /// Brotli, RFC 7932.
    Br,
    /// RFC 1951, bare or in zlib's wrapper: servers send both by this name.
    Deflate,
    /// As it is.
    Identity,
}

impl Compression {
    /// The name in Accept-Encoding and Content-Encoding.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            Compression::Br => "br",
            Compression::Deflate => "deflate",
            Compression::Identity => "identity",
        }
    }
}

/// User and password.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BasicAuth {
    /// The user's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"probe")]
    pub username: Option<Spanned<String>>,
    /// A file with the user's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"username")]
    pub username_file: Option<Spanned<PathBuf>>,
    /// The password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// A file with the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"password")]
    pub password_file: Option<Spanned<PathBuf>>,
}

/// The Authorization header by its parts.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Authorization {
    /// The scheme. Default: Bearer.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"Bearer")]
    pub scheme: Option<Spanned<String>>,
    /// What follows the scheme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Secret>,
    /// A file with what follows the scheme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"credentials")]
    pub credentials_file: Option<Spanned<PathBuf>>,
}
