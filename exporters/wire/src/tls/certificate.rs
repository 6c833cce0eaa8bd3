//! A certificate's facts.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_PKCS1_RSAENCRYPTION,
    OID_SIG_ED448, OID_SIG_ED25519,
};
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::X509Name;

use super::name;
use super::roots::sha256;

/// The AIA access method for the issuer's certificate (RFC 5280 §4.2.2.1), 1.3.6.1.5.5.7.48.2.
const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";
/// The AIA access method for OCSP, 1.3.6.1.5.5.7.48.1.
const OCSP: &str = "1.3.6.1.5.5.7.48.1";

/// The TLS feature extension (RFC 7633 §4), 1.3.6.1.5.5.7.1.24: a sequence of the numbers of TLS extensions.
const TLS_FEATURE: &str = "1.3.6.1.5.5.7.1.24";
/// `status_request` (5) as a DER integer.
const STATUS_REQUEST: [u8; 3] = [0x02, 0x01, 0x05];

/// What a certificate says, with nothing verified. Times are seconds since 1970, UTC; before 1970 they are negative.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Certificate {
    /// The subject, in Go's form: `CN=probe.test,O=Probe Lab`.
    pub subject: String,
    /// The issuer, in Go's form.
    pub issuer: String,
    /// The subject's last common name.
    pub subject_common_name: Option<String>,
    /// The subject's organizational units.
    pub subject_organizational_units: Vec<String>,
    /// The issuer's last common name.
    pub issuer_common_name: Option<String>,
    /// The issuer's first organization.
    pub issuer_organization: Option<String>,
    /// The serial number's bytes in lower-case hexadecimal, two digits each, as Go's `%x` of them: `03bc3b…`; zero is `00`.
    pub serial: String,
    /// SHA-256 of the whole certificate.
    pub fingerprint: [u8; 32],
    /// SHA-256 of the subject's public key info: stays the same when a renewal keeps the key.
    pub spki_fingerprint: [u8; 32],
    /// The first moment of validity.
    pub not_before: i64,
    /// The last moment of validity.
    pub not_after: i64,
    /// The DNS names of the subject alternative name, as they stand there.
    pub dns_names: Vec<String>,
    /// The addresses of the subject alternative name.
    pub ip_addresses: Vec<IpAddr>,
    /// The e-mail addresses of the subject alternative name.
    pub emails: Vec<String>,
    /// The URIs of the subject alternative name.
    pub uris: Vec<String>,
    /// The X.509 version: 1, 2 or 3.
    pub version: u32,
    /// Whether the basic constraints say that it may sign others.
    pub is_ca: bool,
    /// Whether subject and issuer are the same.
    pub self_issued: bool,
    /// `rsa`, `ecdsa`, `ed25519`, `ed448`, or the algorithm's number.
    pub key_type: String,
    /// The key's size in bits; `None` where it is not known.
    pub key_bits: Option<u32>,
    /// The signature's algorithm: `sha256WithRSAEncryption`, `ecdsa-with-SHA256`, …, or its number.
    pub signature_algorithm: String,
    /// Where the issuer's certificate may be fetched.
    pub issuer_urls: Vec<String>,
    /// Where its revocation may be asked.
    pub ocsp_urls: Vec<String>,
    /// How many signed certificate timestamps (RFC 6962) it carries.
    pub scts: usize,
    /// Whether it asks for a stapled OCSP response (RFC 7633).
    pub must_staple: bool,
    /// Which of its issuer's keys signed it, if it says so: two authorities may have one name.
    #[serde(default)]
    pub authority_key: Option<Box<[u8]>>,
}

/// Bytes that are no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a certificate: {0}")]
pub struct Unreadable(String);

impl Unreadable {
    pub(super) fn new(cause: String) -> Self {
        Self(cause)
    }
}

impl Certificate {
    /// Reads a certificate leniently: whatever gives dates and names will do, for even a bad one must be shown.
    ///
    /// # Errors
    /// The bytes are no X.509 certificate.
    pub fn parse(der: &[u8]) -> Result<Self, Unreadable> {
        let (_, parsed) = X509Certificate::from_der(der)
            .map_err(|error| Unreadable::new(error.to_string().to_lowercase()))?;
        let mut certificate = Self {
            subject: name::print(parsed.subject()),
            issuer: name::print(parsed.issuer()),
            subject_common_name: common_name(parsed.subject()),
            subject_organizational_units: parsed
                .subject()
                .iter_organizational_unit()
                .filter_map(name::text)
                .collect(),
            issuer_common_name: common_name(parsed.issuer()),
            issuer_organization: parsed.issuer().iter_organization().next().and_then(name::text),
            serial: serial(parsed.raw_serial()),
            fingerprint: sha256(der),
            spki_fingerprint: sha256(parsed.public_key().raw),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            dns_names: Vec::new(),
            ip_addresses: Vec::new(),
            emails: Vec::new(),
            uris: Vec::new(),
            version: parsed.version().0.saturating_add(1),
            is_ca: parsed.is_ca(),
            self_issued: parsed.subject().as_raw() == parsed.issuer().as_raw(),
            key_type: String::new(),
            key_bits: None,
            signature_algorithm: signature_name(&parsed),
            issuer_urls: Vec::new(),
            ocsp_urls: Vec::new(),
            scts: 0,
            must_staple: false,
            authority_key: None,
        };
        (certificate.key_type, certificate.key_bits) = key(&parsed);
        for extension in parsed.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(names) => {
                    certificate.take_names(&names.general_names)
                }
                ParsedExtension::AuthorityInfoAccess(access) => {
                    for description in access.iter() {
                        let GeneralName::URI(uri) = description.access_location else { continue };
                        match description.access_method.to_id_string().as_str() {
                            CA_ISSUERS => certificate.issuer_urls.push(uri.to_owned()),
                            OCSP => certificate.ocsp_urls.push(uri.to_owned()),
                            _ => {}
                        }
                    }
                }
                ParsedExtension::AuthorityKeyIdentifier(identifier) => {
                    certificate.authority_key = identifier.key_identifier.as_ref().map(|key| key.0.into());
                }
                ParsedExtension::SCT(timestamps) => certificate.scts = timestamps.len(),
                _ if extension.oid.to_id_string() == TLS_FEATURE => {
                    certificate.must_staple = extension.value.windows(3).any(|part| part == STATUS_REQUEST);
                }
                _ => {}
            }
        }
        Ok(certificate)
    }

    fn take_names(&mut self, names: &[GeneralName<'_>]) {
        for general in names {
            match general {
                GeneralName::DNSName(name) => self.dns_names.push((*name).to_owned()),
                GeneralName::RFC822Name(email) => self.emails.push((*email).to_owned()),
                GeneralName::URI(uri) => self.uris.push((*uri).to_owned()),
                GeneralName::IPAddress(bytes) => {
                    if let Ok(four) = <[u8; 4]>::try_from(*bytes) {
                        self.ip_addresses.push(Ipv4Addr::from(four).into());
                    } else if let Ok(sixteen) = <[u8; 16]>::try_from(*bytes) {
                        self.ip_addresses.push(Ipv6Addr::from(sixteen).into());
                    }
                }
                _ => {}
            }
        }
    }

    /// [`Certificate::fingerprint`] in lower-case hexadecimal.
    #[must_use]
    pub fn fingerprint_hex(&self) -> String {
        let mut out = String::new();
        name::hexadecimal(&mut out, &self.fingerprint);
        out
    }

    /// [`Certificate::spki_fingerprint`] in lower-case hexadecimal.
    #[must_use]
    pub fn spki_fingerprint_hex(&self) -> String {
        let mut out = String::new();
        name::hexadecimal(&mut out, &self.spki_fingerprint);
        out
    }
}

fn common_name(name: &X509Name<'_>) -> Option<String> {
    name.iter_common_name().last().and_then(name::text)
}

/// Go prints `SerialNumber.Bytes()`: without the zero that DER puts before a high bit.
/// A serial number in hexadecimal, of its bytes in DER.
pub(super) fn serial(raw: &[u8]) -> String {
    let first = raw.iter().position(|byte| *byte != 0).unwrap_or(raw.len());
    if first == raw.len() {
        // As openssl has it; Go prints nothing, but zero is a number, too.
        return "00".to_owned();
    }
    let mut out = String::new();
    name::hexadecimal(&mut out, &raw[first..]);
    out
}

fn key(parsed: &X509Certificate<'_>) -> (String, Option<u32>) {
    let info = parsed.public_key();
    let algorithm = &info.algorithm.algorithm;
    let size = || match info.parsed() {
        Ok(PublicKey::RSA(rsa)) => u32::try_from(rsa.key_size()).ok(),
        _ => None,
    };
    if *algorithm == OID_PKCS1_RSAENCRYPTION {
        ("rsa".to_owned(), size())
    } else if *algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
        let curve = info.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
        let bits = curve.and_then(|curve| match curve {
            curve if curve == OID_EC_P256 => Some(256),
            curve if curve == OID_NIST_EC_P384 => Some(384),
            curve if curve == OID_NIST_EC_P521 => Some(521),
            _ => None,
        });
        ("ecdsa".to_owned(), bits)
    } else if *algorithm == OID_SIG_ED25519 {
        ("ed25519".to_owned(), Some(256))
    } else if *algorithm == OID_SIG_ED448 {
        ("ed448".to_owned(), Some(456))
    } else {
        (algorithm.to_id_string(), None)
    }
}

fn signature_name(parsed: &X509Certificate<'_>) -> String {
    let number = parsed.signature_algorithm.algorithm.to_id_string();
    let name = match number.as_str() {
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption",
        "1.2.840.113549.1.1.5" => "sha1WithRSAEncryption",
        "1.2.840.113549.1.1.10" => "rsassaPss",
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption",
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption",
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption",
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.3.101.112" => "ed25519",
        "1.3.101.113" => "ed448",
        _ => return number,
    };
    name.to_owned()
}

/// One certificate of a presented chain: its bytes, and its facts if they can be read.
#[derive(Clone)]
pub struct Link {
    /// DER.
    pub der: CertificateDer<'static>,
    /// What it says.
    pub facts: Result<Certificate, Unreadable>,
}

impl Link {
    pub(super) fn read(der: &CertificateDer<'_>) -> Self {
        Self { facts: Certificate::parse(der), der: der.clone().into_owned() }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.facts.fmt(f)
    }
}

/// The certificates a server presented, in its order: the first is its own.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// Never empty once a server has presented any. Shared, since an authority's certificate is in the chains of many servers.
    pub links: Vec<Arc<Link>>,
}

impl Chain {
    pub(super) fn read(leaf: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Self {
        Self::under(leaf, intermediates.iter().map(|der| Arc::new(Link::read(der))).collect())
    }

    /// Of a server's own certificate and those above it, which were read already.
    pub(super) fn under(leaf: &CertificateDer<'_>, above: Vec<Arc<Link>>) -> Self {
        let mut links = above;
        links.insert(0, Arc::new(Link::read(leaf)));
        links.shrink_to_fit();
        Self { links }
    }

    /// Whether it consists of just these bytes.
    pub(super) fn is(&self, leaf: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> bool {
        self.links.len() == intermediates.len() + 1
            && self
                .links
                .iter()
                .zip(std::iter::once(leaf).chain(intermediates))
                .all(|(link, der)| link.der == *der)
    }

    /// The server's own certificate, if it can be read.
    #[must_use]
    pub fn leaf(&self) -> Option<&Certificate> {
        self.links.first()?.facts.as_ref().ok()
    }

    /// All certificates that can be read.
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.links.iter().filter_map(|link| link.facts.as_ref().ok())
    }

    /// When the first of them expires, seconds since 1970: `probe_ssl_earliest_cert_expiry`.
    #[must_use]
    pub fn earliest_expiry(&self) -> Option<i64> {
        self.certificates().map(|certificate| certificate.not_after).min()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, SerialNumber};

    use super::*;

    fn sample() -> Vec<u8> {
        let names = ["probe.test", "alt.probe.test", "192.0.2.7", "2001:db8::7"].map(str::to_owned);
        let mut params = CertificateParams::new(names.to_vec()).unwrap();
        params.serial_number = Some(SerialNumber::from_slice(&[0xa3, 0x0c, 0x01]));
        params.not_before = rcgen::date_time_ymd(2024, 1, 2);
        params.not_after = rcgen::date_time_ymd(2026, 3, 4);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_is_read() {
        let der = sample();
        let certificate = Certificate::parse(&der).unwrap();
        assert_eq!(certificate.serial, "a30c01");
        assert_eq!((certificate.not_before, certificate.not_after), (1_704_153_600, 1_772_582_400));
        assert_eq!(certificate.dns_names, ["probe.test", "alt.probe.test"]);
        assert_eq!(
            certificate.ip_addresses,
            ["192.0.2.7", "2001:db8::7"].map(|ip| ip.parse::<IpAddr>().unwrap())
        );
        assert_eq!((certificate.key_type.as_str(), certificate.key_bits), ("ecdsa", Some(256)));
        assert_eq!(certificate.signature_algorithm, "ecdsa-with-SHA256");
        assert_eq!(certificate.version, 3);
        assert!(certificate.self_issued && !certificate.is_ca);
        assert_eq!((certificate.scts, certificate.must_staple), (0, false));
        assert_eq!(certificate.fingerprint_hex().len(), 64);
    }

    #[test]
    fn a_wish_for_a_staple_is_read() {
        for (content, want) in [([0x30, 3, 2, 1, 5], true), ([0x30, 3, 2, 1, 17], false)] {
            let mut params = CertificateParams::new(vec!["probe.test".to_owned()]).unwrap();
            let feature =
                rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], content.to_vec());
            params.custom_extensions = vec![feature];
            let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
            assert_eq!(Certificate::parse(made.der()).unwrap().must_staple, want);
        }
    }

    #[test]
    fn a_serial_keeps_its_leading_digit_and_loses_its_sign_byte() {
        for (raw, want) in [
            (&[0x03, 0xbc, 0x3b][..], "03bc3b"),
            (&[0x00, 0xff], "ff"),
            (&[0x00, 0x00, 0x0a], "0a"),
            (&[0x00], "00"),
            (&[], "00"),
        ] {
            assert_eq!(serial(raw), want);
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = Certificate::parse(&bytes);
        }

        #[test]
        fn a_damaged_certificate_never_panics(damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
            let mut der = sample();
            for (place, byte) in damage {
                let place = place.index(der.len());
                der[place] = byte;
            }
            let _ = Certificate::parse(&der);
            let _ = Chain::read(&CertificateDer::from(der.clone()), &[CertificateDer::from(der)]).earliest_expiry();
        }
    }
}
