//! A cluster as it is written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use kit::config::{HumanDuration, SecretSource, Spanned};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize};

use super::module::VerifySsl;

/// A cluster, or a node that stands alone.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClusterSection {
    /// What it is called: the label `cluster` of everything that is told of it.
    #[schemars(example = &"home")]
    pub name: Spanned<String>,
    /// Its nodes, `https://host:8006`, the host alone will do. One is enough to see the whole cluster; the others are asked
    /// when it cannot be reached.
    #[schemars(example = ["https://192.0.2.10:8006", "https://192.0.2.11:8006"])]
    pub endpoints: Vec<Spanned<String>>,
    /// The API token to use, `user@realm!tokenid`, with token or token_file. proxmox-exporter --setup prints the commands
    /// that make one that can read and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"farol@pve!farol", extend("x-live" = true))]
    pub token_id: Option<Spanned<String>>,
    /// The token's secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<SecretSource>,
    /// File with the token's secret: alone, as user@realm!tokenid=SECRET, or the JSON that pveum prints. Read when it is needed, and again when the API refuses what was
    /// in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"/run/secrets/pve_token", extend("x-live" = true))]
    pub token_file: Option<Spanned<PathBuf>>,
    /// The user to log in as in place of a token, `user@realm`, with password or password_file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"farol@pve")]
    pub username: Option<Spanned<String>>,
    /// The user's password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretSource>,
    /// File with the user's password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"/run/secrets/pve_password")]
    pub password_file: Option<Spanned<PathBuf>>,
    /// How the endpoints' certificates are trusted. Default: by the system's authorities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSection>,
    /// How long a call in a scrape may take, however long the scraper waits. Default: 10s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"10s")]
    pub timeout: Option<Spanned<HumanDuration>>,
    /// How often the background asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intervals: Option<IntervalsSection>,
    /// Collectors by name: true, false, or how often it asks, e.g. disks: 6h. On unless it is said otherwise: all but
    /// snapshots, guest_filesystems, guest_addresses and ceph.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("x-key" = "snapshots"))]
    pub collectors: BTreeMap<String, Spanned<Wanted>>,
    /// Whether each disk and network card of the virtual machines is told by itself. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<bool>,
    /// Whether pve_ha_state, pve_lock_state and pve_subscription_status have every state, 0 for those that are not, as
    /// prometheus-pve-exporter writes them: half of its series. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_hot: Option<bool>,
    /// Not known here: of pve.yml, refused with what takes its place.
    #[serde(default, skip_serializing)]
    #[schemars(skip)]
    pub verify_ssl: Option<Spanned<VerifySsl>>,
}

/// How the endpoints' certificates are trusted.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsSection {
    /// File with the authority's certificate (PEM): a copy of a node's /etc/pve/pve-root-ca.pem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"pve-root-ca.pem")]
    pub ca_file: Option<Spanned<PathBuf>>,
    /// SHA-256 of an endpoint's certificate, as its interface shows it. Those of the other nodes are learnt from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"80:D4:F2:DF:64:95:CD:8D:A0:82:82:AC:48:BA:C0:7A:1B:6B:87:8B:FE:B9:83:1C:95:4E:79:58:77:99:69:F5")]
    pub fingerprint: Option<Spanned<String>>,
    /// Whether any certificate is taken: then whoever stands between gets the token. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insecure_skip_verify: Option<bool>,
}

/// How often the background asks.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IntervalsSection {
    /// The nodes: load, guests' pressure, replication. Default: 60s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"60s")]
    pub node: Option<Spanned<HumanDuration>>,
    /// Everything that changes slowly; default: what suits each, from 1m to 1h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"15m")]
    pub slow: Option<Spanned<HumanDuration>>,
}

/// Whether a collector is wanted, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Wanted {
    /// As often as suits it, or not at all.
    On(bool),
    /// So often.
    Every(HumanDuration),
}

impl<'de> Deserialize<'de> for Wanted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Wanted;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false, or how often it asks, e.g. 6h")
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Wanted, E> {
                Ok(Wanted::On(flag))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Wanted, E> {
                text.parse().map(Wanted::Every).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Wanted {
    fn schema_name() -> Cow<'static, str> {
        "Wanted".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["boolean", "string"], "x-example": true })
    }
}
