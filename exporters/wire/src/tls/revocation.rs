//! A revocation list's facts.

use serde::{Deserialize, Serialize};
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use super::certificate::{Certificate, Unreadable, serial};
use super::name;

/// What a revocation list (RFC 5280 §5) says, with nothing verified. Times are seconds since 1970, UTC.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct RevocationList {
    /// The issuer, in Go's form: `CN=Test CA,O=Probe Lab`.
    pub issuer: String,
    /// When it was made.
    pub this_update: i64,
    /// When the next one will have been made: from then on nobody has to believe this one.
    pub next_update: Option<i64>,
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
        let mut revoked: Vec<Box<str>> =
            list.iter_revoked_certificates().map(|one| serial(one.raw_serial()).into()).collect();
        revoked.sort_unstable();
        Ok(Self {
            issuer: name::print(list.issuer()),
            this_update: list.last_update().timestamp(),
            next_update: list.next_update().map(|time| time.timestamp()),
            revoked: revoked.into(),
        })
    }

    /// How many certificates it revokes.
    #[must_use]
    pub fn revoked(&self) -> usize {
        self.revoked.len()
    }

    /// Whether it revokes this one; `None` if it is another issuer's, by the name, and so says nothing of it.
    #[must_use]
    pub fn revokes(&self, certificate: &Certificate) -> Option<bool> {
        let serial = &*certificate.serial;
        let there = || self.revoked.binary_search_by(|one| (**one).cmp(serial)).is_ok();
        (self.issuer == certificate.issuer).then(there)
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
