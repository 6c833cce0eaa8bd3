//! Java's own keystores, JKS and JCEKS. Their private keys are encrypted, their certificates are not: no password is needed.
//!
//! The format, as `sun.security.provider.JavaKeyStore` of OpenJDK writes it, numbers with the largest byte first: magic,
//! version, count (4 bytes each); per entry a tag (1: key, 2: certificate; 4 bytes), the alias (2 bytes of length, text),
//! a time (8 bytes); of a key its bytes (4 bytes of length) and the certificates above it (a count of 4 bytes); at the end
//! 20 bytes that prove the whole by a password. A certificate is its type as text, and its bytes (4 bytes of length).

use wire::tls::Certificate;

use super::{Content, Part};
use crate::files::faults::Fault;

const JKS: u32 = 0xfeed_feed;
const JCEKS: u32 = 0xcece_cece;
/// Keys of one file that are shown with their certificates.
const MOST: usize = 64;

/// Reads a keystore; `None` if the bytes are none.
pub(super) fn read(bytes: &[u8]) -> Option<Content> {
    let mut rest = Rest(bytes);
    if !matches!(rest.number()?, JKS | JCEKS) {
        return None;
    }
    let mut content = Content { unordered: true, ..Content::default() };
    if let Err(fault) = entries(&mut rest, &mut content) {
        content.faults.push(fault);
    }
    Some(content)
}

fn entries(rest: &mut Rest<'_>, content: &mut Content) -> Result<(), Fault> {
    let cut = || Fault::BadKeystore;
    let version = rest.number().ok_or_else(cut)?;
    if !matches!(version, 1 | 2) {
        return Err(Fault::BadKeystore);
    }
    let count = rest.number().ok_or_else(cut)?;
    // Each takes bytes, so that a false count ends with them.
    for _ in 0..count {
        let tag = rest.number().ok_or_else(cut)?;
        let alias = rest.text().ok_or_else(cut)?;
        rest.take(8).ok_or_else(cut)?;
        match tag {
            1 => {
                rest.block().ok_or_else(cut)?;
                let chain = rest.number().ok_or_else(cut)?;
                let mut certificates = Vec::new();
                for _ in 0..chain {
                    take(rest.certificate(version).ok_or_else(cut)?, &mut certificates, &mut content.faults);
                }
                if !certificates.is_empty() && content.parts.len() < MOST {
                    content.parts.push(Part { name: alias, certificates, key: None });
                }
            }
            2 => take(
                rest.certificate(version).ok_or_else(cut)?,
                &mut content.certificates,
                &mut content.faults,
            ),
            // A secret key of JCEKS is an object of Java's, which does not say where it ends.
            3 => return Err(Fault::UnsupportedAlgorithm),
            _ => return Err(Fault::BadKeystore),
        }
    }
    Ok(())
}

fn take(der: &[u8], certificates: &mut Vec<Certificate>, faults: &mut Vec<Fault>) {
    match Certificate::parse(der) {
        Ok(certificate) => certificates.push(certificate),
        Err(_) => faults.push(Fault::BadCertificate),
    }
}

/// The bytes that are not read yet; each step is `None` where they end too early.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// Bytes after their length.
    fn block(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }

    /// Java's own UTF-8; where it differs from everybody's, it is not understood.
    fn text(&mut self) -> Option<String> {
        let length = u16::from_be_bytes(self.take(2)?.try_into().ok()?);
        Some(String::from_utf8_lossy(self.take(length.into())?).into_owned())
    }

    fn certificate(&mut self, version: u32) -> Option<&'a [u8]> {
        if version == 2 {
            self.text()?;
        }
        self.block()
    }
}
