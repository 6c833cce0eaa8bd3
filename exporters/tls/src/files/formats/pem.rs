//! PEM: whatever stands between `-----BEGIN …-----` lines.

use rustls_pki_types::pem::{PemObject as _, SectionKind};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};

use super::ber::{Reader, SEQUENCE};
use super::password::Opening;
use super::{Content, pkcs12};
use crate::files::faults::Fault;

const BEGIN: &[u8] = b"-----BEGIN ";
const ENCRYPTED: &[u8] = b"ENCRYPTED PRIVATE KEY";

/// Reads its parts, each by itself; what a person wrote around them is passed over. `None` if there is none.
pub(super) fn read(bytes: &[u8], opening: &mut Opening<'_>) -> Option<Content> {
    let begins: Vec<usize> =
        bytes.windows(BEGIN.len()).enumerate().filter(|(_, part)| *part == BEGIN).map(|(at, _)| at).collect();
    if begins.is_empty() {
        return None;
    }
    let mut content = Content::default();
    // Each part by itself: one that is damaged shall not cost those behind it.
    for (index, begin) in begins.iter().enumerate() {
        let end = begins.get(index + 1).copied().unwrap_or(bytes.len());
        section(&mut content, &bytes[*begin..end], opening);
    }
    Some(content)
}

fn section(content: &mut Content, bytes: &[u8], opening: &mut Opening<'_>) {
    let label = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let says = |word: &[u8]| label.windows(word.len()).any(|part| part == word);
    if says(ENCRYPTED) {
        return match encrypted(bytes, opening) {
            Ok(key) => keep(content, key),
            Err(Fault::WrongPassword | Fault::BadKeystore) => content.faults.push(Fault::KeyEncrypted),
            Err(fault) => content.faults.push(fault),
        };
    }
    // The old way, with the cipher in a header: whoever needs it has a key that should be exchanged anyway.
    if bytes.windows(18).any(|part| part == b"Proc-Type: 4,ENCRY") {
        return content.faults.push(Fault::KeyEncrypted);
    }
    // openssl's own form of a certificate with trust settings behind it.
    let trusted = says(b"TRUSTED CERTIFICATE");
    match <(SectionKind, Vec<u8>)>::from_pem_slice(bytes) {
        Ok((SectionKind::Certificate, der)) => content.certificate(&der),
        Ok((SectionKind::Crl, der)) => content.list(&der),
        Ok((SectionKind::PrivateKey, der)) => keep(content, PrivatePkcs8KeyDer::from(der).into()),
        Ok((SectionKind::RsaPrivateKey, der)) => keep(content, PrivatePkcs1KeyDer::from(der).into()),
        Ok((SectionKind::EcPrivateKey, der)) => keep(content, PrivateSec1KeyDer::from(der).into()),
        Ok(_) => {}
        // Parameters, requests and the like are no certificates, and no fault.
        Err(_)
            if !trusted
                && ![&b"CERTIFICATE-"[..], b"PRIVATE KEY-", b"X509 CRL-"].iter().any(|word| says(word)) => {}
        Err(_) => content.faults.push(Fault::BadPem),
    }
}

/// A key of PKCS#8 that is encrypted. The PEM reader knows no such part, but what is in it is the same.
fn encrypted(bytes: &[u8], opening: &mut Opening<'_>) -> Result<PrivateKeyDer<'static>, Fault> {
    let text = String::from_utf8_lossy(bytes).replace("ENCRYPTED PRIVATE KEY-----", "PRIVATE KEY-----");
    let Ok((SectionKind::PrivateKey, der)) = <(SectionKind, Vec<u8>)>::from_pem_slice(text.as_bytes()) else {
        return Err(Fault::BadKeystore);
    };
    let value = Reader::new(&der).expect(SEQUENCE).ok_or(Fault::BadKeystore)?;
    opening.each(|password, opening| pkcs12::shrouded(&value, password, opening))
}

fn keep(content: &mut Content, key: PrivateKeyDer<'static>) {
    content.key.get_or_insert(key);
}
