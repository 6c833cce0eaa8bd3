//! A certificate's name for its authority's renewal information.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer as _;

/// The identifier of RFC 9773 §4.1: the authority's key identifier and the serial number, as they stand in the certificate,
/// each in base64url. `None` if the certificate cannot be read, or does not name its authority's key.
#[must_use]
pub fn renewal_id(certificate: &[u8]) -> Option<String> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let key = parsed.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(authority) => authority.key_identifier.as_ref(),
        _ => None,
    })?;
    let [key, serial] = [key.0, parsed.raw_serial()].map(|part| URL_SAFE_NO_PAD.encode(part));
    Some(format!("{key}.{serial}"))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, IsCa, Issuer, KeyIdMethod, KeyPair, SerialNumber};

    use super::*;

    /// RFC 9773 §4.1's own example.
    #[test]
    fn the_example_of_the_rfc() {
        let authority = [
            0x69, 0x88, 0x5b, 0x6b, 0x87, 0x46, 0x40, 0x41, 0xe1, 0xb3, 0x7b, 0x84, 0x7b, 0xa0, 0xae, 0x2c,
            0xde, 0x01, 0xc8, 0xd4,
        ];
        let mut above = CertificateParams::default();
        above.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        above.key_identifier_method = KeyIdMethod::PreSpecified(authority.to_vec());
        let issuer = Issuer::new(above, KeyPair::generate().unwrap());
        let mut params = CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
        params.serial_number = Some(SerialNumber::from_slice(&[0x87, 0x65, 0x43, 0x21]));
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().unwrap();
        let made = params.signed_by(&key, &issuer).unwrap();
        assert_eq!(renewal_id(made.der()).as_deref(), Some("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"));
        params.use_authority_key_identifier_extension = false;
        assert_eq!(renewal_id(params.signed_by(&key, &issuer).unwrap().der()), None);
        assert_eq!(renewal_id(b"nothing"), None);
    }
}
