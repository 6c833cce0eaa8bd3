//! DER: a certificate, or a revocation list, alone.

use wire::tls::{Certificate, RevocationList};

use super::Content;
use crate::files::faults::Fault;

/// Reads it; `None` if the bytes are no sequence of at least 128 bytes, as every certificate is.
pub(super) fn read(bytes: &[u8]) -> Option<Content> {
    if !matches!(bytes, [0x30, 0x81..=0x83, ..]) {
        return None;
    }
    let mut content = Content::default();
    match Certificate::parse(bytes) {
        Ok(certificate) => content.certificates.push(certificate),
        Err(_) => match RevocationList::parse(bytes) {
            Ok(list) => content.lists.push(list),
            Err(_) => content.faults.push(Fault::BadCertificate),
        },
    }
    Some(content)
}
