//! The web configuration of Prometheus's exporter toolkit, as it is: TLS, client certificates, users, headers, rate
//! limit. One key is ours: `farol: {health_without_auth: true}` exempts `/-/healthy` and `/-/ready` from the rate limit
//! and from authentication, so that an orchestrator needs no password.
//!
//! | module | what it holds |
//! |---|---|
//! | `raw` | the file as it is written |
//! | `live` | [`Live`]: the file in force; it, its certificates and keys are read again when they change |
//! | `tls`, `client` | rustls's server side by the file; the policies for client certificates |
//! | `users` | basic authentication: bcrypt, off the runtime's thread, with a bounded memory of successes |
//! | `rate` | the token bucket |
//! | `headers` | the response headers that may be set |

mod client;
mod headers;
mod live;
mod rate;
mod raw;
mod tls;
mod users;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::{HeaderName, HeaderValue};

use crate::config::{ConfigError, Document};

pub use live::Live;
pub use rate::Bucket;
pub(crate) use users::basic;
pub use users::{Gate, Users};

/// A web configuration, validated.
#[derive(Debug, Default)]
pub struct Web {
    /// TLS; without it connections are plain.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Added to every response.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Who may come in; `None`: everybody.
    pub users: Option<Users>,
    /// How many requests; one bucket for all clients, asked before the users are.
    pub rate: Option<Arc<Bucket>>,
    /// Whether the health endpoints are exempt from both.
    pub health_without_auth: bool,
    /// Every file that it was read from.
    pub files: Vec<PathBuf>,
}

impl Web {
    /// Reads and validates a file. `previous` is what is in force: an unchanged rate limit goes on where it is.
    ///
    /// # Errors
    /// Everything that is wrong with it, or with the certificates and keys it names.
    pub fn load(path: &Path, gate: &Arc<Gate>, previous: Option<&Web>) -> Result<Self, ConfigError> {
        Self::from_document(&Document::read(path)?, path, gate, previous)
    }

    pub(crate) fn from_document(
        document: &Document,
        path: &Path,
        gate: &Arc<Gate>,
        previous: Option<&Web>,
    ) -> Result<Self, ConfigError> {
        // A file without a key is a configuration that asks for nothing, as in the toolkit.
        let empty = document.text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#'));
        let raw: raw::RawWeb = if empty { raw::RawWeb::default() } else { document.parse()? };
        let mut problems = Vec::new();
        let mut files = vec![path.to_path_buf()];
        let headers = headers::headers(&raw.http_server_config.headers, document, &mut problems);
        let users = Users::new(&raw.basic_auth_users, gate, document, &mut problems);
        let rate = raw.rate_limit.bucket(previous.and_then(|previous| previous.rate.as_ref()));
        let tls = match &raw.tls_server_config {
            Some(tls) => {
                tls::server_config(tls, raw.http_server_config.http2, document, &mut files, &mut problems)
            }
            None => None,
        };
        ConfigError::check(problems)?;
        Ok(Self { tls, headers, users, rate, health_without_auth: raw.farol.health_without_auth, files })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn load(text: &str) -> Result<Web, ConfigError> {
        let document = Document::embedded("web.yml", text);
        Web::from_document(&document, Path::new("web.yml"), &Arc::new(Gate::new()), None)
    }

    #[test]
    fn good_files() {
        for text in [
            "",
            "# nothing\n",
            "http_server_config: {http2: false}",
            "rate_limit: {interval: 1s, burst: 3}",
            "farol: {health_without_auth: true}",
            "basic_auth_users: {a: $2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi}",
            "http_server_config:\n  headers:\n    Strict-Transport-Security: max-age=1\n    X-Frame-Options: deny",
        ] {
            load(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
    }

    #[test]
    fn bad_files() {
        for (text, want) in [
            ("tls_server_confg: {}", "unknown key"),
            ("http_server_config: {headers: {X-Powered-By: me}}", "cannot be set"),
            ("http_server_config: {headers: {X-Frame-Options: maybe}}", "deny or sameorigin"),
            ("basic_auth_users: {a: secret}", "not a bcrypt hash"),
            ("tls_server_config: {}", "missing one of cert or cert_file"),
            ("tls_server_config: {cert_file: a}", "missing one of key or key_file"),
            ("tls_server_config: {cert_file: a, cert: b, key_file: c}", "cert and cert_file"),
            ("tls_server_config: {cert_file: a, key_file: b, min_version: TLS10}", "TLS 1.2 and 1.3"),
            (
                "tls_server_config: {cert_file: a, key_file: b, min_version: TLS13, max_version: TLS12}",
                "above",
            ),
            ("tls_server_config: {cert_file: a, key_file: b, client_auth_type: Maybe}", "unknown policy"),
            ("tls_server_config: {cert_file: a, key_file: b, client_ca_file: c}", "without a policy"),
            (
                "tls_server_config: {cert_file: a, key_file: b, client_auth_type: RequireClientCert}",
                "client_ca",
            ),
            (
                "tls_server_config: {cert_file: a, key_file: b, cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]}",
                "forward secrecy",
            ),
            (
                "tls_server_config: {cert_file: a, key_file: b, cipher_suites: [NONSENSE]}",
                "unknown cipher suite",
            ),
            ("tls_server_config: {cert_file: a, key_file: b, curve_preferences: [CurveP521]}", "not offered"),
            ("tls_server_config: {cert_file: /none.pem, key_file: /none.key}", "/none.pem"),
        ] {
            let error = match load(text) {
                Ok(_) => panic!("{text}: accepted"),
                Err(error) => error.to_string(),
            };
            assert!(error.contains(want) && error.contains("web.yml"), "{text}: {error}");
        }
    }
}
