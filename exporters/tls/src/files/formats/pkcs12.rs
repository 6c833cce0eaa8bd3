//! PKCS#12 (RFC 7292): keystores of OpenSSL, Java, Windows, NSS. Certificates are encrypted there, so that a password is
//! needed to see when they expire; what is not encrypted is shown without.

use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use wire::tls::{Certificate, RevocationList};

use super::ber::{BMP, Element, INTEGER, OCTETS, OID, Reader, SEQUENCE, SET, ZERO};
use super::encryption::{decrypt, proves};
use super::password::Opening;
use super::{Content, Part};
use crate::files::faults::Fault;
use crate::files::key;

/// 1.2.840.113549.1: `pkcs`, below which everything here has its number.
const PKCS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01];
/// `data` and `encryptedData` of PKCS#7.
const DATA: &[u8] = &[7, 1];
const ENCRYPTED: &[u8] = &[7, 6];
/// The bags of PKCS#12 all begin so; the last number tells which it is.
const BAG: &[u8] = &[12, 10, 1];
/// `friendlyName` and `localKeyId`.
const FRIENDLY_NAME: &[u8] = &[9, 20];
const LOCAL_KEY_ID: &[u8] = &[9, 21];
/// Bags in bags are followed so far.
const DEPTH: u8 = 4;
/// Private keys of one file that are shown with their certificates.
const MOST: usize = 64;
/// Certificates from a server's upwards.
const LONGEST: usize = 16;

/// Reads a keystore; `None` if the bytes are none.
pub(super) fn read(bytes: &[u8], opening: &mut Opening<'_>) -> Option<Content> {
    let Some(whole) = Reader::new(bytes).expect(SEQUENCE) else {
        return begins(bytes).then(|| Content { faults: vec![Fault::BadKeystore], ..Content::default() });
    };
    let mut inside = whole.inside();
    // A certificate, too, is a sequence, but it does not begin with a number.
    let version = inside.expect(INTEGER)?;
    let safe = inside.expect(SEQUENCE)?;
    if version.number() != Some(3) {
        return None;
    }
    let mut store = Store { opening, bags: Bags::default() };
    if let Err(fault) = store.all(&safe, inside.next()) {
        store.bags.faults.push(fault);
    }
    Some(store.bags.assemble())
}

/// Whether the bytes begin as those of a keystore do, which may be cut: a sequence of whatever length that begins with the number 3
/// and another sequence.
fn begins(bytes: &[u8]) -> bool {
    let length = match bytes {
        [SEQUENCE, long @ 0x81..=0x88, ..] => usize::from(long - 0x80) + 1,
        [SEQUENCE, ..] => 1,
        _ => return false,
    };
    bytes.get(1 + length..).is_some_and(|inside| inside.starts_with(&[INTEGER, 1, 3, SEQUENCE]))
}

/// What is in it, in its order.
#[derive(Default)]
struct Bags {
    certificates: Vec<(Certificate, Label)>,
    keys: Vec<(Option<PrivateKeyDer<'static>>, Label)>,
    lists: Vec<RevocationList>,
    faults: Vec<Fault>,
}

/// By what a key and its certificate know one another, and what people call them.
#[derive(Clone, Default)]
struct Label {
    name: Option<String>,
    id: Option<Vec<u8>>,
}

struct Store<'o, 'p> {
    opening: &'o mut Opening<'p>,
    bags: Bags,
}

impl Store<'_, '_> {
    fn all(&mut self, safe: &Element<'_>, mac: Option<Element<'_>>) -> Result<(), Fault> {
        let (kind, content) = info(safe).ok_or(Fault::BadKeystore)?;
        // The other kind is signed with a key instead of a password; nobody makes it.
        let content = (kind == DATA).then_some(content).ok_or(Fault::UnsupportedAlgorithm)?;
        let content = content.octets().ok_or(Fault::BadKeystore)?;
        let locked = match mac {
            Some(mac) => {
                let proof = self.opening.each(|password, opening| {
                    if proves(&mac, &content, password, opening)? {
                        Ok(())
                    } else {
                        Err(Fault::WrongPassword)
                    }
                });
                // A proof of an unknown kind does not keep a password from opening the parts.
                proof.err().filter(|fault| *fault != Fault::UnsupportedAlgorithm)
            }
            None => None,
        };
        let mut safes = Reader::new(&content).expect(SEQUENCE).ok_or(Fault::BadKeystore)?.inside();
        while let Some(safe) = safes.next() {
            if let Err(fault) = self.safe(&safe, locked) {
                self.bags.faults.push(fault);
            }
        }
        Ok(())
    }

    /// A part of the file; `locked` is why it cannot be opened if it is encrypted.
    fn safe(&mut self, safe: &Element<'_>, locked: Option<Fault>) -> Result<(), Fault> {
        let (kind, content) = info(safe).ok_or(Fault::BadKeystore)?;
        match kind {
            DATA => {
                let bytes = content.octets().ok_or(Fault::BadKeystore)?;
                self.contents(&bytes, locked, DEPTH)
            }
            ENCRYPTED => {
                if let Some(fault) = locked {
                    return Err(fault);
                }
                let read = || {
                    let mut inside = (content.tag == SEQUENCE).then(|| content.inside())?;
                    inside.expect(INTEGER)?;
                    let mut inside = inside.expect(SEQUENCE)?.inside();
                    inside.expect(OID)?;
                    Some((inside.next()?, inside.next()?.octets()?))
                };
                let (algorithm, bytes) = read().ok_or(Fault::BadKeystore)?;
                let plain = self.opening.each(|password, opening| {
                    let plain = decrypt(&algorithm, &bytes, password, opening)?;
                    // One wrong password in 256 leaves bytes that end as they should.
                    let whole = Reader::new(&plain).expect(SEQUENCE).is_some();
                    if whole { Ok(plain) } else { Err(Fault::WrongPassword) }
                })?;
                self.contents(&plain, locked, DEPTH)
            }
            _ => Err(Fault::UnsupportedAlgorithm),
        }
    }

    fn contents(&mut self, bytes: &[u8], locked: Option<Fault>, depth: u8) -> Result<(), Fault> {
        let contents = Reader::new(bytes).expect(SEQUENCE).ok_or(Fault::BadKeystore)?;
        self.list(contents, locked, depth)
    }

    fn list(&mut self, contents: Element<'_>, locked: Option<Fault>, depth: u8) -> Result<(), Fault> {
        let mut bags = contents.inside();
        while let Some(bag) = bags.next() {
            if let Err(fault) = self.bag(&bag, locked, depth) {
                self.bags.faults.push(fault);
            }
        }
        Ok(())
    }

    fn bag(&mut self, bag: &Element<'_>, locked: Option<Fault>, depth: u8) -> Result<(), Fault> {
        let mut inside = bag.inside();
        let mut read = || Some((inside.expect(OID)?.content, inside.expect(ZERO)?.inside().next()?));
        let (id, value) = read().ok_or(Fault::BadKeystore)?;
        let label = inside.optional(SET).map(label).unwrap_or_default();
        let wrapped = || {
            let mut inside = value.inside();
            inside.expect(OID)?;
            inside.expect(ZERO)?.inside().next()?.octets()
        };
        match id.strip_prefix(PKCS).and_then(|id| id.strip_prefix(BAG)) {
            Some([1]) => self.bags.keys.push((Some(pkcs8(value.whole)), label)),
            Some([2]) => {
                let key = match locked {
                    None => self.opening.each(|password, opening| shrouded(&value, password, opening)),
                    Some(fault) => Err(fault),
                };
                if let Err(fault) = key {
                    let fault = if fault == Fault::WrongPassword { Fault::KeyEncrypted } else { fault };
                    self.bags.faults.push(fault);
                }
                self.bags.keys.push((key.ok(), label));
            }
            Some([3]) => {
                let der = wrapped().ok_or(Fault::BadKeystore)?;
                let certificate = Certificate::parse(&der).map_err(|_| Fault::BadCertificate)?;
                self.bags.certificates.push((certificate, label));
            }
            Some([4]) => {
                let der = wrapped().ok_or(Fault::BadKeystore)?;
                self.bags.lists.push(RevocationList::parse(&der).map_err(|_| Fault::BadCrl)?);
            }
            // Secrets of other kinds are nobody's business.
            Some([5]) => {}
            Some([6]) if depth > 0 => self.list(value, locked, depth - 1)?,
            _ => return Err(Fault::BadKeystore),
        }
        Ok(())
    }
}

/// An encrypted PKCS#8 key (RFC 5958 `EncryptedPrivateKeyInfo`), also of a PEM file.
pub(super) fn shrouded(
    value: &Element<'_>,
    password: &super::password::Password<'_>,
    opening: &mut Opening<'_>,
) -> Result<PrivateKeyDer<'static>, Fault> {
    let mut inside = value.inside();
    let mut read = || Some((inside.expect(SEQUENCE)?, inside.next()?.octets()?));
    let (algorithm, bytes) = read().ok_or(Fault::BadKeystore)?;
    let plain = decrypt(&algorithm, &bytes, password, opening)?;
    match Reader::new(&plain).expect(SEQUENCE) {
        Some(key) => Ok(pkcs8(key.whole)),
        None => Err(Fault::WrongPassword),
    }
}

fn pkcs8(der: &[u8]) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(der.to_vec()).into()
}

/// The kind and the content of a `ContentInfo`.
fn info<'a>(element: &Element<'a>) -> Option<(&'a [u8], Element<'a>)> {
    let mut inside = element.inside();
    let kind = inside.expect(OID)?.content.strip_prefix(PKCS)?;
    Some((kind, inside.expect(ZERO)?.inside().next()?))
}

fn label(attributes: Element<'_>) -> Label {
    let mut label = Label::default();
    let mut attributes = attributes.inside();
    while let Some(attribute) = attributes.next() {
        let mut inside = attribute.inside();
        let Some(id) = inside.expect(OID) else { continue };
        let Some(value) = inside.expect(SET).and_then(|values| values.inside().next()) else { continue };
        match id.content.strip_prefix(PKCS) {
            Some(FRIENDLY_NAME) if value.tag == BMP => {
                let units = value.content.as_chunks::<2>().0.iter().map(|unit| u16::from_be_bytes(*unit));
                label.name = Some(char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect());
            }
            Some(LOCAL_KEY_ID) if value.tag == OCTETS => label.id = Some(value.content.to_vec()),
            _ => {}
        }
    }
    label
}

impl Bags {
    /// Each key with its certificate and those above that, and what is left.
    fn assemble(mut self) -> Content {
        let mut content =
            Content { lists: self.lists, faults: self.faults, unordered: true, ..Content::default() };
        for (key, label) in self.keys.into_iter().take(MOST) {
            let own = |(certificate, other): &(Certificate, Label)| match (&label.id, &other.id) {
                (Some(id), Some(other)) => id == other,
                _ => key.as_ref().is_some_and(|key| key::matches(key, certificate) == Some(true)),
            };
            let Some(at) = self.certificates.iter().position(own) else { continue };
            let (leaf, named) = self.certificates.remove(at);
            let name = label.name.or(named.name).or_else(|| leaf.subject_common_name.clone());
            let mut certificates = vec![leaf];
            while let Some(last) = certificates.last()
                && !last.self_issued
                && certificates.len() < LONGEST
                && let Some((above, _)) =
                    self.certificates.iter().find(|(other, _)| other.subject == last.issuer)
            {
                let above = above.clone();
                certificates.push(above);
            }
            content.parts.push(Part { name: name.unwrap_or_default(), certificates, key });
        }
        // An authority that stands above one of the keys is told of there.
        self.certificates.retain(|(other, _)| {
            let mut told = content.parts.iter().flat_map(|part| &part.certificates);
            !told.any(|told| told.fingerprint == other.fingerprint)
        });
        content.certificates = self.certificates.into_iter().map(|(certificate, _)| certificate).collect();
        content
    }
}
