//! Which file a target belongs to, when nobody says.
//!
//! A file with a certificate for the target's name need not be what that target should serve: a CDN in front, or another
//! machine behind the same name, has a certificate of its own, and an alert on that would be false. So more than the name is
//! asked for. The file is the newest (by its first moment of validity) among those whose first certificate is for the name,
//! and the target belongs to it when what it serves is that certificate, or one that is not younger and that the file's must
//! have come after:
//!
//! - with the same public key (a renewal that kept the key), or
//! - of the same authority (the issuer's organisation, or its whole name where it has none), for exactly the same names.
//!
//! The second rule is wrong where several machines each renew a certificate of their own for the same names by the same
//! authority: `stored: none` says so. Nothing else raises a false alarm, and `stored: PATH` compares whatever is there.

use std::collections::HashMap;
use std::net::IpAddr;

use wire::tls::Certificate;

use crate::files::Stored;

/// The stored certificates by the names that they are for.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) all: Vec<Stored>,
    /// Lower case, `*.` in front of a wildcard's; addresses as they are written by [`IpAddr`]. Each has one that is newest.
    newest: HashMap<String, usize>,
}

impl Index {
    pub(super) fn new(all: Vec<Stored>) -> Self {
        let mut newest: HashMap<String, usize> = HashMap::new();
        for (index, stored) in all.iter().enumerate() {
            let Some(certificate) = stored.certificate() else { continue };
            let names = certificate.dns_names.iter().map(|name| name.to_ascii_lowercase());
            for name in names.chain(certificate.ip_addresses.iter().map(IpAddr::to_string)) {
                let rank = |index: usize| all[index].certificate().map(|certificate| certificate.not_before);
                let best = newest.entry(name).or_insert(index);
                // Of two that are the same the first, in the order of the configuration.
                if rank(index) > rank(*best) {
                    *best = index;
                }
            }
        }
        Self { all, newest }
    }

    /// The newest for a server's name, by itself or by a wildcard in its first label's place (RFC 9525 §6.3).
    fn newest(&self, name: &str) -> Option<&Stored> {
        let bare = name.trim_end_matches('.').trim_matches(['[', ']']).to_ascii_lowercase();
        let wildcard = bare.split_once('.').map(|(_, rest)| format!("*.{rest}"));
        let found = |name: &str| self.newest.get(name).map(|index| &self.all[*index]);
        let by_name = found(&bare);
        let by_wildcard = wildcard.filter(|_| bare.parse::<IpAddr>().is_err()).and_then(|name| found(&name));
        let from = |stored: &&Stored| stored.certificate().map(|certificate| certificate.not_before);
        // The later one; where they are the same, the one for the name itself.
        by_wildcard.into_iter().chain(by_name).max_by_key(from)
    }

    /// The file that a target of this name belongs to, by one of the certificates that it serves.
    pub(super) fn partner<'a>(
        &self,
        name: &str,
        mut served: impl Iterator<Item = &'a Certificate>,
    ) -> Option<&Stored> {
        let stored = self.newest(name)?;
        let certificate = stored.certificate()?;
        served.any(|served| belongs(served, certificate)).then_some(stored)
    }
}

/// Whether what is served is what is stored, or what that came after.
fn belongs(served: &Certificate, stored: &Certificate) -> bool {
    served.fingerprint == stored.fingerprint
        || (served.not_before <= stored.not_before
            && (served.spki_fingerprint == stored.spki_fingerprint
                || (authority(served) == authority(stored) && names(served) == names(stored))))
}

/// Who issued it: an authority signs by one intermediate today and another tomorrow.
fn authority(certificate: &Certificate) -> &str {
    certificate.issuer_organization.as_deref().unwrap_or(&certificate.issuer)
}

/// All names, in an order of their own.
fn names(certificate: &Certificate) -> Vec<String> {
    let names = certificate.dns_names.iter().map(|name| name.to_ascii_lowercase());
    let mut all: Vec<_> = names.chain(certificate.ip_addresses.iter().map(IpAddr::to_string)).collect();
    all.sort_unstable();
    all.dedup();
    all
}
