//! The configuration file as it is written.
//!
//! | file | what |
//! |---|---|
//! | `cluster` | an entry of `clusters:` |
//! | `build` | the sections validated, and made into what a [`Cluster`](crate::cluster::Cluster) is |
//! | `identity` | who the exporter is to a cluster, out of its section |
//! | `endpoint` | an endpoint as it is written |
//! | `module` | a module of prometheus-pve-exporter's `pve.yml`: the file is taken as it is |
//! | `read` | the top of the file: keys of ours, and modules beside them |
//!
//! These types only say what is well-formed; what it means is decided once, when the exporter is built.

pub mod build;
pub mod cluster;
pub mod endpoint;
pub mod identity;
pub mod module;
mod read;

use std::collections::BTreeMap;

use kit::allow::AllowedTargets;
use kit::config::Spanned;
use schemars::JsonSchema;
use serde::Serialize;

pub use cluster::{ClusterSection, IntervalsSection, TlsSection, Wanted};
pub use module::ModuleSection;

/// The whole file. Every key that is none of these is a module of prometheus-pve-exporter's pve.yml (user, password,
/// token_name, token_value, verify_ssl, port, timeout) for /pve?target=…&module=….
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct File {
    /// The clusters (or single nodes) to watch; shown on /metrics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<ClusterSection>,
    /// What the target parameter of /pve may name beside the clusters' own endpoints, with a pve.yml's modules: no
    /// credential is sent to any other host, nor to another port than the module's (8006, if it names none) where a rule names
    /// no ports. Default: this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_targets: Option<AllowedTargets>,
    /// DNS servers to ask instead of those in /etc/resolv.conf, as `address` or `address:port`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["192.0.2.53:53"])]
    pub dns_servers: Vec<Spanned<String>>,
    /// The modules of a pve.yml.
    #[serde(flatten)]
    #[schemars(skip)]
    pub modules: BTreeMap<String, ModuleSection>,
}
