//! ssl_exporter's file as it is written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kit::allow::AllowedTargets;
use kit::config::{HumanDuration, Secret, Spanned};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::ModuleSection;
use crate::config::module::TlsSection;

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The module of a request that names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"tcp")]
    pub default_module: Option<Spanned<String>>,
    /// The modules by name.
    #[serde(default)]
    pub modules: BTreeMap<String, PeerModule>,
    /// What the target parameter of /probe may name; ssl_exporter has no such key. Without it every target is allowed, save
    /// link-local addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_targets: Option<AllowedTargets>,
}

/// A module.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PeerModule {
    /// What it does: tcp, https, file or http_file; kubernetes and kubeconfig are read, but not done.
    #[schemars(example = &"tcp")]
    pub prober: Spanned<String>,
    /// What it looks at, in place of the request's target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"/etc/ssl/*.pem")]
    pub target: Option<Spanned<String>>,
    /// How long it may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Spanned<HumanDuration>>,
    /// Trust, client certificate, name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_config: Option<PeerTls>,
    /// Of a https module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub https: Option<Through>,
    /// Of a tcp module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<Tcp>,
    /// Of a kubernetes module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<Kubernetes>,
    /// Of a http_file module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_file: Option<Through>,
}

/// TLS of the client.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PeerTls {
    /// Whether a certificate that is not good leaves the look a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insecure_skip_verify: Option<bool>,
    /// Renegotiation of TLS 1.2: never, once or freely. It is never done here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"never")]
    pub renegotiation: Option<Spanned<String>>,
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
    /// The name to ask for and to find in the certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"www.example.org")]
    pub server_name: Option<Spanned<String>>,
}

/// The way there.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Through {
    /// The proxy to go through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"http://proxy.example.org:3128")]
    pub proxy_url: Option<Spanned<Secret>>,
}

/// What is spoken before TLS.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tcp {
    /// smtp, ftp, imap, pop3 or postgres; and whatever else tls-exporter speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"smtp")]
    pub starttls: Option<Spanned<String>>,
}

/// Access to Kubernetes; not used.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kubernetes {
    /// Its file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"/etc/kubernetes/admin.conf")]
    pub kubeconfig: Option<String>,
}

impl PeerModule {
    /// The same in our words.
    pub(super) fn section(&self) -> ModuleSection {
        let through = self.https.as_ref().or(self.http_file.as_ref());
        let tls = self.tls_config.clone().map(|tls| TlsSection {
            insecure_skip_verify: tls.insecure_skip_verify,
            ca_file: tls.ca_file,
            cert_file: tls.cert_file,
            key_file: tls.key_file,
            server_name: tls.server_name,
            ..TlsSection::default()
        });
        ModuleSection {
            timeout: self.timeout,
            starttls: self.tcp.as_ref().and_then(|tcp| tcp.starttls.clone()).filter(|word| !word.is_empty()),
            proxy_url: through.and_then(|through| through.proxy_url.clone()),
            tls_config: tls,
            ..ModuleSection::default()
        }
    }
}
