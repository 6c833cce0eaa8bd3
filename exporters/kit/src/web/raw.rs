//! The web configuration as it is written. Not printed anywhere: it holds keys and password hashes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use super::rate::Bucket;
use crate::config::{HumanDuration, Secret, Spanned};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawWeb {
    pub(super) tls_server_config: Option<Spanned<RawTls>>,
    pub(super) http_server_config: RawHttp,
    pub(super) basic_auth_users: BTreeMap<String, Spanned<Secret>>,
    pub(super) rate_limit: RawRate,
    pub(super) farol: RawOwn,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTls {
    pub(super) cert: Secret,
    pub(super) cert_file: Option<PathBuf>,
    pub(super) key: Secret,
    pub(super) key_file: Option<PathBuf>,
    pub(super) client_auth_type: Spanned<String>,
    pub(super) client_ca: Secret,
    pub(super) client_ca_file: Option<PathBuf>,
    pub(super) client_allowed_sans: Vec<String>,
    pub(super) min_version: Spanned<String>,
    pub(super) max_version: Spanned<String>,
    pub(super) cipher_suites: Vec<Spanned<String>>,
    pub(super) curve_preferences: Vec<Spanned<String>>,
    pub(super) prefer_server_cipher_suites: bool,
}

impl Default for RawTls {
    fn default() -> Self {
        Self {
            cert: Secret::default(),
            cert_file: None,
            key: Secret::default(),
            key_file: None,
            client_auth_type: Spanned::default(),
            client_ca: Secret::default(),
            client_ca_file: None,
            client_allowed_sans: Vec::new(),
            min_version: Spanned::default(),
            max_version: Spanned::default(),
            cipher_suites: Vec::new(),
            curve_preferences: Vec::new(),
            prefer_server_cipher_suites: true,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawHttp {
    pub(super) http2: bool,
    pub(super) headers: BTreeMap<String, Spanned<String>>,
}

impl Default for RawHttp {
    fn default() -> Self {
        Self { http2: true, headers: BTreeMap::new() }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRate {
    /// Time between two requests; 0: no limit.
    pub(super) interval: HumanDuration,
    /// Requests that may come at once.
    pub(super) burst: u32,
}

impl RawRate {
    /// The bucket it asks for; `previous` when that is the same one.
    pub(super) fn bucket(&self, previous: Option<&Arc<Bucket>>) -> Option<Arc<Bucket>> {
        let interval = *self.interval;
        if interval.is_zero() {
            return None;
        }
        match previous {
            Some(bucket) if bucket.is(interval, self.burst) => Some(Arc::clone(bucket)),
            _ => Some(Arc::new(Bucket::new(interval, self.burst))),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawOwn {
    pub(super) health_without_auth: bool,
}
