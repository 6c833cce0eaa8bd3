//! The table of file formats. A new one is a function and a line in [`FORMATS`].
//!
//! | file | what |
//! |---|---|
//! | `pem` | certificates, keys and revocation lists between `-----BEGIN …-----` lines |
//! | `der` | one of them alone |
//! | `pkcs12` | PKCS#12; `ber` is its encoding, `encryption` its ciphers, `password` what opens it |
//! | `jks` | Java's keystores |
//! | `kubeconfig` | the certificates of Kubernetes' clients |

mod ber;
mod der;
mod encryption;
mod jks;
mod kubeconfig;
mod password;
mod pem;
mod pkcs12;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use kit::config::Secret;
use rustls_pki_types::PrivateKeyDer;
use wire::tls::{Certificate, RevocationList};

use self::password::Opening;
use super::faults::Fault;

/// What was in a file.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// The certificates that could be read, in order.
    pub(super) certificates: Vec<Certificate>,
    /// The first private key.
    pub(super) key: Option<PrivateKeyDer<'static>>,
    /// The revocation lists.
    pub(super) lists: Vec<RevocationList>,
    /// What has a name of its own in the file.
    pub(super) parts: Vec<Part>,
    /// What is wrong with the rest.
    pub(super) faults: Vec<Fault>,
    /// Whether the order of the certificates is the format's, and nobody's merit or mistake.
    pub(super) unordered: bool,
    /// Other files that it names, and that were read for it.
    pub(super) others: Vec<PathBuf>,
}

/// Something with a name of its own in a file: a keystore's entry, a kubeconfig's user or cluster.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) certificates: Vec<Certificate>,
    pub(super) key: Option<PrivateKeyDer<'static>>,
}

impl Content {
    /// Takes a certificate of DER.
    fn certificate(&mut self, der: &[u8]) {
        match Certificate::parse(der) {
            Ok(certificate) => self.certificates.push(certificate),
            Err(_) => self.faults.push(Fault::BadCertificate),
        }
    }

    /// Takes a revocation list of DER.
    fn list(&mut self, der: &[u8]) {
        match RevocationList::parse(der) {
            Ok(list) => self.lists.push(list),
            Err(_) => self.faults.push(Fault::BadCrl),
        }
    }

    fn is_empty(&self) -> bool {
        self.certificates.is_empty()
            && self.key.is_none()
            && self.lists.is_empty()
            && self.parts.is_empty()
            && self.faults.is_empty()
    }
}

/// A format: `None` if the bytes, of a file in this folder, are not of it.
type Format = fn(&[u8], Option<&Path>, &mut Opening<'_>) -> Option<Content>;

/// Every format, the first that knows the bytes reads them.
const FORMATS: &[Format] = &[
    |bytes, _, opening| pem::read(bytes, opening),
    |bytes, _, opening| pkcs12::read(bytes, opening),
    |bytes, _, _| der::read(bytes),
    |bytes, _, _| jks::read(bytes),
    kubeconfig::read,
];

/// Reads what is in a file, of whatever format it is. `folder` is where it lies, for the files that it names.
pub(super) fn read(bytes: &[u8], folder: Option<&Path>, passwords: &[Secret]) -> Content {
    let mut opening = Opening::new(passwords, password::ROUNDS);
    let mut content =
        FORMATS.iter().find_map(|format| format(bytes, folder, &mut opening)).unwrap_or_default();
    if content.is_empty() {
        content.faults.push(Fault::NoCertificate);
    }
    // The only entry of a keystore is the keystore; what else is in it stands behind. Of one that is not seen whole nobody
    // knows whether it is the only one.
    if content.parts.len() == 1
        && !content.faults.iter().any(|fault| fault.hides())
        && content.unordered
        && let Some(part) = content.parts.pop()
    {
        content.certificates.splice(0..0, part.certificates);
        content.key = part.key;
    }
    content
}

/// Reads bytes as every format in turn; how many certificates and revocation lists came out.
pub(crate) fn fuzz(bytes: &[u8]) -> usize {
    let passwords = [Secret::new("secret")];
    let mut opening = Opening::new(&passwords, password::ROUNDS / 10);
    let read = |format: &Format| format(bytes, None, &mut opening);
    FORMATS.iter().filter_map(read).map(|content| content.certificates.len() + content.lists.len()).sum()
}
