//! A revocation list's facts.

use serde::{Deserialize, Serialize};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::x509::ReasonCode;

use super::certificate::{Certificate, Unreadable, serial};
use super::name;

/// The extension of a delta list, 2.5.29.27.
const DELTA: &str = "2.5.29.27";

/// What a revocation list (RFC 5280 §5) says, with nothing verified. Times are seconds since 1970, UTC.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct RevocationList {
    /// The issuer, in Go's form: `CN=Test CA,O=Probe Lab`.
    pub issuer: String,
    /// When it was made.
    pub this_update: i64,
    /// When the next one will have been made: from then on nobody has to believe this one.
    pub next_update: Option<i64>,
    /// Which of the issuer's keys signed it, if it says so.
    #[serde(default)]
    pub authority_key: Option<Box<[u8]>>,
    /// Whether it has only what changed since a full list (§5.2.4).
    #[serde(default)]
    pub is_delta: bool,
    /// The serial numbers of the certificates that it revokes, as [`Certificate::serial`] has them, in order.
    revoked: Box<[Box<str>]>,
}

impl RevocationList {
    /// Reads a list of DER.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn parse(der: &[u8]) -> Result<Self, Unreadable> {
        let (_, list) = CertificateRevocationList::from_der(der)
            .map_err(|error| Unreadable::new(error.to_string().to_lowercase()))?;
        let revoked = list.iter_revoked_certificates();
        // A delta list also names those that are good again.
        let revoked = revoked
            .filter(|one| one.reason_code().is_none_or(|(_, reason)| reason != ReasonCode::RemoveFromCRL));
        let mut revoked: Vec<Box<str>> = revoked.map(|one| serial(one.raw_serial()).into()).collect();
        revoked.sort_unstable();
        let key = list.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(identifier) => identifier.key_identifier.as_ref(),
            _ => None,
        });
        Ok(Self {
            issuer: name::print(list.issuer()),
            this_update: list.last_update().timestamp(),
            next_update: list.next_update().map(|time| time.timestamp()),
            authority_key: key.map(|key| key.0.into()),
            is_delta: list.extensions().iter().any(|extension| extension.oid.to_id_string() == DELTA),
            revoked: revoked.into(),
        })
    }

    /// How many certificates it revokes.
    #[must_use]
    pub fn revoked(&self) -> usize {
        self.revoked.len()
    }

    /// Whether it is of the issuer of this one: by the name, and by the key where both name one.
    #[must_use]
    pub fn speaks_of(&self, certificate: &Certificate) -> bool {
        let same_key = match (&self.authority_key, &certificate.authority_key) {
            (Some(own), Some(other)) => own == other,
            _ => true,
        };
        self.issuer == certificate.issuer && same_key
    }

    /// Whether it names this one, if it is of its issuer.
    #[must_use]
    pub fn names(&self, certificate: &Certificate) -> bool {
        self.revoked.binary_search_by(|one| (**one).cmp(&certificate.serial)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{
        CertificateParams, CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
        RevokedCertParams, SerialNumber, date_time_ymd,
    };

    use super::*;

    fn sample() -> Vec<u8> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, "Test CA");
        params.key_usages = vec![KeyUsagePurpose::CrlSign];
        let revoked = |serial: u64| RevokedCertParams {
            serial_number: SerialNumber::from(serial),
            revocation_time: date_time_ymd(2026, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 1),
            next_update: date_time_ymd(2026, 1, 8),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked(1), revoked(2)],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let key = KeyPair::generate().unwrap();
        list.signed_by(&Issuer::new(params, key)).unwrap().der().to_vec()
    }

    #[test]
    fn what_a_list_says() {
        let list = RevocationList::parse(&sample()).unwrap();
        assert!(list.issuer.contains("CN=Test CA"), "{}", list.issuer);
        assert_eq!((list.this_update, list.next_update), (1_767_225_600, Some(1_767_830_400)));
        assert_eq!(list.revoked(), 2);
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
            let mut der = sample();
            let at = at.index(der.len());
            der[at] = byte;
            let _ = RevocationList::parse(&der);
            let _ = RevocationList::parse(&der[..cut.index(der.len())]);
        }
    }
}
