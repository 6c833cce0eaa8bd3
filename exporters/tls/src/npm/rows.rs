//! What the API answers, as far as it is read: named fields alone, so that no private key is ever taken out of an answer.

use serde::{Deserialize, Deserializer};

use super::inventory::{Certificate, Host, Inventory, Kind, moment};

/// A host of any kind.
#[derive(Debug, Deserialize)]
pub(super) struct HostRow {
    id: u64,
    #[serde(default)]
    domain_names: Vec<String>,
    #[serde(default)]
    incoming_port: Option<u16>,
    #[serde(default = "yes", deserialize_with = "truth")]
    tcp_forwarding: bool,
    #[serde(deserialize_with = "truth")]
    enabled: bool,
    #[serde(default)]
    certificate_id: Option<u64>,
    #[serde(default)]
    meta: Option<Meta>,
    #[serde(default)]
    certificate: Option<CertificateRow>,
}

/// What Nginx Proxy Manager notes of a host.
#[derive(Debug, Deserialize)]
pub(super) struct Meta {
    #[serde(default)]
    pub(super) nginx_online: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct CertificateRow {
    id: u64,
    provider: String,
    #[serde(default)]
    nice_name: String,
    #[serde(default)]
    domain_names: Vec<String>,
    #[serde(default)]
    expires_on: Option<String>,
    #[serde(default, deserialize_with = "truth")]
    is_deleted: bool,
}

fn yes() -> bool {
    true
}

/// True or false, or 1 or 0 as older versions have it.
fn truth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Truth {
        Word(bool),
        Number(u8),
    }
    Ok(match Truth::deserialize(deserializer)? {
        Truth::Word(word) => word,
        Truth::Number(number) => number != 0,
    })
}

impl HostRow {
    /// Adds the host and its certificate.
    pub(super) fn add(self, kind: Kind, inventory: &mut Inventory) {
        let certificate = self.certificate.filter(|row| !row.is_deleted);
        inventory.hosts.push(Host {
            kind,
            id: self.id,
            names: self.domain_names,
            port: self.incoming_port,
            tcp: self.tcp_forwarding,
            enabled: self.enabled,
            online: self.meta.and_then(|meta| meta.nginx_online),
            certificate: self.certificate_id.filter(|id| *id != 0),
        });
        if let Some(row) = certificate {
            let certificate = Certificate {
                provider: row.provider,
                nice_name: row.nice_name,
                domain_names: row.domain_names,
                expires_on: row.expires_on.as_deref().and_then(moment),
            };
            inventory.certificates.insert(row.id, certificate);
        }
    }
}
