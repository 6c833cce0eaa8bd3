//! What the API answers, as far as it is read: named fields alone, so that no private key is ever taken out of an answer. Each
//! row is read by itself, so that an odd one costs no other.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::inventory::{Certificate, Host, Inventory, Kind, Odd, moment};

/// A host of any kind.
#[derive(Debug, Deserialize)]
struct HostRow<'a> {
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
    #[serde(default, borrow)]
    certificate: Option<&'a RawValue>,
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

/// As much of a row as tells which it is.
#[derive(Debug, Deserialize)]
struct Numbered {
    id: u64,
}

/// Adds the rows of a list to an inventory.
///
/// # Errors
/// The answer is no list.
pub(super) fn add(body: &[u8], kind: Kind, inventory: &mut Inventory) -> Result<(), serde_json::Error> {
    let rows: Vec<&RawValue> = serde_json::from_slice(body)?;
    for row in rows {
        match serde_json::from_str::<HostRow<'_>>(row.get()) {
            Ok(host) => host.add(kind, inventory),
            Err(error) => inventory.odd.push(odd(Some(kind), row, &error)),
        }
    }
    Ok(())
}

fn odd(kind: Option<Kind>, row: &RawValue, error: &serde_json::Error) -> Odd {
    let id = serde_json::from_str::<Numbered>(row.get()).ok().map(|row| row.id);
    // Not the error's own words, which show what stands there.
    Odd { kind, id, cause: format!("not of a known form, at character {} of it", error.column()) }
}

impl HostRow<'_> {
    /// Adds the host and its certificate.
    fn add(self, kind: Kind, inventory: &mut Inventory) {
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
        let Some(row) = self.certificate else { return };
        match serde_json::from_str::<CertificateRow>(row.get()) {
            Ok(row) if !row.is_deleted => row.add(inventory),
            Ok(_) => {}
            Err(error) => {
                let odd = odd(None, row, &error);
                if !inventory.odd.contains(&odd) {
                    inventory.odd.push(odd);
                }
            }
        }
    }
}

impl CertificateRow {
    /// Each host that uses it brings it along.
    fn add(self, inventory: &mut Inventory) {
        let expires_on = self.expires_on.as_deref().and_then(moment);
        let certificate = Certificate {
            provider: self.provider,
            nice_name: self.nice_name,
            domain_names: self.domain_names,
            expires_on,
        };
        let first = inventory.certificates.insert(self.id, certificate).is_none();
        if first && expires_on.is_none() {
            inventory.odd.push(Odd { kind: None, id: Some(self.id), cause: NO_TIME.to_owned() });
        }
    }
}

/// What is odd about a certificate whose end cannot be read.
pub(super) const NO_TIME: &str = "expires_on is no time";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_row_costs_itself_alone_and_shows_nothing_of_itself() {
        let mut inventory = Inventory::default();
        let body = br#"[{"id":1,"enabled":true,"domain_names":["a.test"],"certificate_id":7,
              "certificate":{"id":7,"provider":"other","expires_on":"SECRET"}},
            null, 5, {"id":2,"enabled":"SECRET"}, {"id":3,"enabled":null}, {"enabled":1}, {"id":4,"enabled":1,"domain_names":[null]},
            {"id":5,"enabled":0,"certificate":{"id":8,"provider":null,"meta":{"certificate_key":"SECRET"}}}]"#;
        add(body, Kind::Proxy, &mut inventory).unwrap();
        assert_eq!(inventory.hosts.iter().map(|host| host.id).collect::<Vec<_>>(), [1, 5]);
        assert_eq!(inventory.certificates.keys().collect::<Vec<_>>(), [&7]);
        let odd: Vec<_> = inventory.odd.iter().map(|odd| (odd.word(), odd.id)).collect();
        let (proxy, certificate) = ("proxy", "certificate");
        let want = [
            (certificate, Some(7)),
            (proxy, None),
            (proxy, None),
            (proxy, Some(2)),
            (proxy, Some(3)),
            (proxy, None),
            (proxy, Some(4)),
            (certificate, Some(8)),
        ];
        assert_eq!(odd, want);
        assert!(!format!("{:?}", inventory.odd).contains("SECRET"), "{:?}", inventory.odd);
        for body in [&b"{}"[..], b"null", b"<html>", b"[{]"] {
            assert!(add(body, Kind::Proxy, &mut Inventory::default()).is_err(), "{}", body.escape_ascii());
        }
    }
}
