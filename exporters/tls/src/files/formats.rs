//! The table of file formats. A new one is a function and a line in [`FORMATS`].

use rustls_pki_types::pem::{PemObject as _, SectionKind};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use wire::tls::Certificate;

use super::faults::Fault;

/// What was in a file.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// The certificates that could be read, in order.
    pub(super) certificates: Vec<Certificate>,
    /// The first private key.
    pub(super) key: Option<PrivateKeyDer<'static>>,
    /// What is wrong with the rest.
    pub(super) faults: Vec<Fault>,
}

/// A format: `None` if the bytes are not of it.
type Format = fn(&[u8]) -> Option<Content>;

/// Every format, the first that knows the bytes reads them.
const FORMATS: &[Format] = &[pem, der];

/// Reads what is in a file, of whatever format it is.
pub(super) fn read(bytes: &[u8]) -> Content {
    FORMATS
        .iter()
        .find_map(|format| format(bytes))
        .unwrap_or_else(|| Content { faults: vec![Fault::NoCertificate], ..Content::default() })
}

/// A certificate alone.
fn der(bytes: &[u8]) -> Option<Content> {
    // A sequence with a length of two or three bytes: every certificate is.
    if !matches!(bytes, [0x30, 0x82 | 0x83, ..]) {
        return None;
    }
    let mut content = Content::default();
    take(&mut content, bytes);
    Some(content)
}

/// Whatever stands between `-----BEGIN …-----` lines; what a person wrote around them is passed over.
fn pem(bytes: &[u8]) -> Option<Content> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let begins: Vec<usize> =
        bytes.windows(BEGIN.len()).enumerate().filter(|(_, part)| *part == BEGIN).map(|(at, _)| at).collect();
    if begins.is_empty() {
        return None;
    }
    let mut content = Content::default();
    // Each part by itself: one that is damaged shall not cost those behind it.
    for (index, begin) in begins.iter().enumerate() {
        let end = begins.get(index + 1).copied().unwrap_or(bytes.len());
        section(&mut content, &bytes[*begin..end]);
    }
    if content.certificates.is_empty() && content.key.is_none() && content.faults.is_empty() {
        content.faults.push(Fault::NoCertificate);
    }
    Some(content)
}

fn section(content: &mut Content, bytes: &[u8]) {
    let label = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let says = |word: &[u8]| label.windows(word.len()).any(|part| part == word);
    if says(b"ENCRYPTED PRIVATE KEY") || bytes.windows(18).any(|part| part == b"Proc-Type: 4,ENCRY") {
        return content.faults.push(Fault::KeyEncrypted);
    }
    // openssl's own form of a certificate with trust settings behind it.
    let trusted = says(b"TRUSTED CERTIFICATE");
    match <(SectionKind, Vec<u8>)>::from_pem_slice(bytes) {
        Ok((SectionKind::Certificate, der)) => take(content, &der),
        Ok((SectionKind::PrivateKey, der)) => keep(content, PrivatePkcs8KeyDer::from(der).into()),
        Ok((SectionKind::RsaPrivateKey, der)) => keep(content, PrivatePkcs1KeyDer::from(der).into()),
        Ok((SectionKind::EcPrivateKey, der)) => keep(content, PrivateSec1KeyDer::from(der).into()),
        Ok(_) => {}
        // Parameters, requests and the like are no certificates, and no fault.
        Err(_) if !trusted && !says(b"CERTIFICATE-") && !says(b"PRIVATE KEY-") => {}
        Err(_) => content.faults.push(Fault::BadPem),
    }
}

fn keep(content: &mut Content, key: PrivateKeyDer<'static>) {
    content.key.get_or_insert(key);
}

fn take(content: &mut Content, der: &[u8]) {
    match Certificate::parse(der) {
        Ok(certificate) => content.certificates.push(certificate),
        Err(_) => content.faults.push(Fault::BadCertificate),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::make;

    #[test]
    fn what_is_good_is_read_beside_what_is_not() {
        let made = make("a.test", false, None, (-1, 30));
        let cut = made.pem.lines().take(3).collect::<Vec<_>>().join("\n");
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (text, certificates, key, faults) in [
            (made.pem.clone(), 1, false, vec![]),
            (format!("# mine\n{}{}", made.key, made.pem), 1, true, vec![]),
            (format!("{cut}\n{}", made.pem), 1, false, vec![Fault::BadPem]),
            (format!("{garbage}{}", made.pem), 1, false, vec![Fault::BadCertificate]),
            ("hello".to_owned(), 0, false, vec![Fault::NoCertificate]),
            (String::new(), 0, false, vec![Fault::NoCertificate]),
            (
                "-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n".to_owned(),
                0,
                false,
                vec![Fault::NoCertificate],
            ),
        ] {
            let content = read(text.as_bytes());
            assert_eq!(
                (content.certificates.len(), content.key.is_some(), content.faults),
                (certificates, key, faults),
                "{text}"
            );
        }
    }

    #[test]
    fn a_certificate_alone_in_der() {
        let made = make("a.test", false, None, (-1, 30));
        let der = rustls_pki_types::CertificateDer::from_pem_slice(made.pem.as_bytes()).unwrap();
        assert_eq!(read(&der).certificates.len(), 1);
        assert_eq!(read(&der[..der.len() - 1]).faults, [Fault::BadCertificate]);
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&bytes);
            let _ = read(&[b"-----BEGIN CERTIFICATE-----\n".as_slice(), &bytes].concat());
            let _ = read(&[[0x30, 0x82].as_slice(), &bytes].concat());
        }
    }
}
