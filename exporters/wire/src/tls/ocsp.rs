//! A stapled OCSP response (RFC 6960): what it says of the server's certificate, and whether that counts.

use aws_lc_rs::digest;
use rustls::crypto::WebPkiSupportedAlgorithms;
use x509_parser::prelude::FromDer as _;
use x509_parser::time::ASN1Time;

use super::der::{
    ENUMERATED, GENERALIZED_TIME, INTEGER, OCTET_STRING, OID, Parts, Reader, SEQUENCE, Signed, Value, bits,
    context,
};

/// A larger response is not read, in bytes; real ones have 2 kB.
const LARGEST: usize = 64 << 10;
/// No more answers, and no more certificates, of a response are looked at.
const MOST: usize = 16;
/// The responder's clock may be so much ahead of ours, in seconds.
const SKEW: i64 = 300;

/// `id-pkix-ocsp-basic`, 1.3.6.1.5.5.7.48.1.1.
const BASIC: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1];
/// SHA-1 and SHA-256, by which a response names its issuer.
const SHA1: &[u8] = &[0x2b, 0x0e, 3, 2, 0x1a];
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];

/// What a response says of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is not revoked.
    Good,
    /// It is.
    Revoked,
    /// The responder does not know it.
    Unknown,
}

impl Status {
    /// As a label says it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Revoked => "revoked",
            Self::Unknown => "unknown",
        }
    }
}

/// What a response says of the server's certificate. Times are seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it is revoked.
    pub status: Status,
    /// When the response was signed.
    pub produced_at: i64,
    /// From when on it is true.
    pub this_update: i64,
    /// Until when, if it says so.
    pub next_update: Option<i64>,
    /// When the certificate was revoked.
    pub revoked_at: Option<i64>,
}

/// A stapled response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staple {
    /// What it says; `None` if it cannot be read or does not speak of the server's certificate.
    pub answer: Option<Answer>,
    /// Whether it counts: it speaks of the certificate, is signed by its issuer or whom that appointed, and is true now. `None`
    /// if the issuer's key is not known, so that the signature cannot be checked.
    pub valid: Option<bool>,
    /// Why it does not count.
    pub fault: Option<String>,
}

impl Staple {
    /// Whether the certificate is certainly revoked.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.valid == Some(true) && self.answer.is_some_and(|answer| answer.status == Status::Revoked)
    }
}

/// Reads a response about `leaf`. `issuers`: the public key infos (without tag and length) of those whose name is that of
/// the leaf's issuer; a name may have several keys.
pub(super) fn read(
    response: &[u8],
    leaf: &[u8],
    issuers: &[&[u8]],
    algorithms: &WebPkiSupportedAlgorithms,
    now: i64,
) -> Staple {
    let bad = |fault: &str| Staple { answer: None, valid: Some(false), fault: Some(fault.to_owned()) };
    let Some(leaf) = Parts::of(leaf) else { return bad("the certificate cannot be read") };
    let basic = match basic(response) {
        Ok(basic) => basic,
        Err(fault) => return bad(&fault),
    };
    let Some((signed, produced_at, mut answers)) = data(basic) else {
        return bad("the response cannot be read");
    };
    let mut found = None;
    for _ in 0..MOST {
        let Some(single) = answers.enter(SEQUENCE) else { break };
        match answer(single, &leaf, issuers, produced_at) {
            Some(Some(answer)) => {
                found = Some(answer);
                break;
            }
            Some(None) => {}
            None => return bad("an answer of the response cannot be read"),
        }
    }
    let Some(answer) = found else { return bad("the response is about another certificate") };
    let fault = if answer.this_update > now + SKEW {
        Some("the response is not true yet".to_owned())
    } else if answer.next_update.is_some_and(|next| next < now) {
        Some("the response is out of date".to_owned())
    } else {
        None
    };
    if issuers.is_empty() {
        let valid = fault.is_some().then_some(false);
        return Staple { answer: Some(answer), valid, fault };
    }
    let fault = fault.or_else(|| {
        let signed = issuers.iter().any(|issuer| is_signed(&signed, basic, issuer, algorithms, now));
        (!signed)
            .then(|| "it is not signed by the certificate's issuer, nor by whom that appointed".to_owned())
    });
    Staple { answer: Some(answer), valid: Some(fault.is_none()), fault }
}

/// The `BasicOCSPResponse` inside.
fn basic(response: &[u8]) -> Result<Reader<'_>, String> {
    if response.len() > LARGEST {
        return Err(format!("a response of {} bytes is not read", response.len()));
    }
    let unreadable = || "the response cannot be read".to_owned();
    let mut outer = Reader(response).enter(SEQUENCE).ok_or_else(unreadable)?;
    let status = outer.take(ENUMERATED).ok_or_else(unreadable)?.content;
    match status {
        [0] => {}
        [1] => return Err("the responder says: malformed request".to_owned()),
        [2] => return Err("the responder says: internal error".to_owned()),
        [3] => return Err("the responder says: try later".to_owned()),
        [5] => return Err("the responder says: signature required".to_owned()),
        [6] => return Err("the responder says: unauthorized".to_owned()),
        _ => return Err(unreadable()),
    }
    let mut bytes =
        outer.enter(context(0)).and_then(|mut inner| inner.enter(SEQUENCE)).ok_or_else(unreadable)?;
    match bytes.take(OID) {
        Some(kind) if kind.content == BASIC => {}
        Some(_) => return Err("a response of an unknown type".to_owned()),
        None => return Err(unreadable()),
    }
    let inner = bytes.take(OCTET_STRING).ok_or_else(unreadable)?.content;
    Reader(inner).enter(SEQUENCE).ok_or_else(unreadable)
}

/// What is signed, when it was, and the answers.
fn data(mut basic: Reader<'_>) -> Option<(Signed<'_>, i64, Reader<'_>)> {
    let signed = Signed::read(&mut basic)?;
    let mut data = Reader(signed.message.content);
    data.take(context(0));
    // The responder's name or the hash of its key: the signature says who it is.
    data.take(context(1)).or_else(|| data.take(context(2)))?;
    let produced_at = time(data.take(GENERALIZED_TIME)?)?;
    Some((signed, produced_at, data.enter(SEQUENCE)?))
}

/// An answer, if it is about this certificate; the outer `None` is one that cannot be read.
fn answer(
    mut single: Reader<'_>,
    leaf: &Parts<'_>,
    issuers: &[&[u8]],
    produced_at: i64,
) -> Option<Option<Answer>> {
    let mut id = single.enter(SEQUENCE)?;
    let algorithm = id.enter(SEQUENCE)?.take(OID)?.content;
    let (name, key) = (id.take(OCTET_STRING)?.content, id.take(OCTET_STRING)?.content);
    let serial = id.take(INTEGER)?.content;
    let hash = match algorithm {
        SHA1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        SHA256 => &digest::SHA256,
        _ => return Some(None),
    };
    let is = |bytes: &[u8], wanted: &[u8]| digest::digest(hash, bytes).as_ref() == wanted;
    let by = |issuer: &&[u8]| public_key(issuer).is_some_and(|(_, bytes)| is(bytes, key));
    if serial != leaf.serial || !is(leaf.issuer, name) || !(issuers.is_empty() || issuers.iter().any(by)) {
        return Some(None);
    }
    let status = single.next()?;
    let (status, revoked_at) = match status.tag {
        0x80 => (Status::Good, None),
        0xa1 => (Status::Revoked, Some(time(Reader(status.content).take(GENERALIZED_TIME)?)?)),
        0x82 => (Status::Unknown, None),
        _ => return None,
    };
    let this_update = time(single.take(GENERALIZED_TIME)?)?;
    let next_update = match single.enter(context(0)) {
        Some(mut next) => Some(time(next.take(GENERALIZED_TIME)?)?),
        None => None,
    };
    Some(Some(Answer { status, produced_at, this_update, next_update, revoked_at }))
}

/// Whether a response is signed by the issuer's key, or by the key of a certificate in it which the issuer signed for that.
fn is_signed(
    signed: &Signed<'_>,
    basic: Reader<'_>,
    issuer: &[u8],
    algorithms: &WebPkiSupportedAlgorithms,
    now: i64,
) -> bool {
    if verifies(issuer, signed, algorithms) {
        return true;
    }
    let mut rest = basic;
    let _ = Signed::read(&mut rest);
    let Some(mut certificates) = rest.enter(context(0)).and_then(|mut inner| inner.enter(SEQUENCE)) else {
        return false;
    };
    std::iter::from_fn(|| certificates.take(SEQUENCE)).take(MOST).any(|certificate| {
        Parts::of(certificate.whole).is_some_and(|delegate| {
            may_sign(certificate.whole, now)
                && verifies(issuer, &delegate.signed, algorithms)
                && verifies(delegate.key, signed, algorithms)
        })
    })
}

/// Whether a certificate is one for signing OCSP responses, and in its time.
fn may_sign(certificate: &[u8], now: i64) -> bool {
    let Ok((_, parsed)) = x509_parser::certificate::X509Certificate::from_der(certificate) else {
        return false;
    };
    let (from, until) = (parsed.validity().not_before.timestamp(), parsed.validity().not_after.timestamp());
    let usage = parsed.extended_key_usage().ok().flatten();
    (from - SKEW..=until).contains(&now) && usage.is_some_and(|usage| usage.value.ocsp_signing)
}

fn verifies(key: &[u8], signed: &Signed<'_>, algorithms: &WebPkiSupportedAlgorithms) -> bool {
    let Some((kind, bytes)) = public_key(key) else { return false };
    algorithms.all.iter().any(|algorithm| {
        algorithm.signature_alg_id().as_ref() == signed.algorithm
            && algorithm.public_key_alg_id().as_ref() == kind
            && algorithm.verify_signature(bytes, signed.message.whole, signed.signature).is_ok()
    })
}

/// A public key's algorithm and bytes, from the content of its info.
fn public_key(info: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = Reader(info);
    Some((reader.take(SEQUENCE)?.content, bits(&mut reader)?))
}

fn time(value: Value<'_>) -> Option<i64> {
    ASN1Time::from_der(value.whole).ok().map(|(_, time)| time.timestamp())
}

/// See [`crate::fuzzing::ocsp`].
pub(crate) fn fuzz(response: &[u8], certificate: &[u8]) -> bool {
    let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
    let keys: Vec<&[u8]> = Parts::of(certificate).map(|parts| parts.key).into_iter().collect();
    read(response, certificate, &keys, &algorithms, 1_767_225_600).valid == Some(true)
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject as _;

    use super::super::odd_servers::openssl;
    use super::*;

    const DAY: i64 = 86_400;

    /// A response of `openssl ocsp` that is good for a week, the certificate that it is about, and its issuer's.
    fn made() -> Option<(Vec<u8>, Vec<u8>, Vec<u8>)> {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let ec = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        if !openssl(folder, &format!("req -x509 {ec} -keyout ca.key -out ca.pem -subj /CN=ca")) {
            eprintln!("SKIPPED: ocsp needs openssl");
            return None;
        }
        std::fs::write(folder.join("index.txt"), "V\t391231235959Z\t\t4D\tunknown\t/CN=a\n").unwrap();
        for step in [
            format!("req {ec} -keyout a.key -out a.csr -subj /CN=a"),
            "x509 -req -in a.csr -CA ca.pem -CAkey ca.key -set_serial 77 -out a.pem".to_owned(),
            "ocsp -issuer ca.pem -cert a.pem -no_nonce -reqout request.der".to_owned(),
            "ocsp -index index.txt -CA ca.pem -rsigner ca.pem -rkey ca.key -reqin request.der -respout staple.der -ndays 7"
                .to_owned(),
        ] {
            assert!(openssl(folder, &step), "{step}");
        }
        let der = |name: &str| CertificateDer::from_pem_file(folder.join(name)).unwrap().to_vec();
        Some((std::fs::read(folder.join("staple.der")).unwrap(), der("a.pem"), der("ca.pem")))
    }

    fn judge(response: &[u8], leaf: &[u8], issuer: Option<&[u8]>, now: i64) -> Staple {
        let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
        let keys: Vec<&[u8]> = issuer.map(|issuer| Parts::of(issuer).unwrap().key).into_iter().collect();
        read(response, leaf, &keys, &algorithms, now)
    }

    #[test]
    fn dates_signature_and_every_byte_count() {
        let Some((response, leaf, issuer)) = made() else { return };
        let issuer = Some(&*issuer);
        let made = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let now = i64::try_from(made).unwrap();
        let good = judge(&response, &leaf, issuer, now);
        assert_eq!((good.valid, good.fault.as_deref()), (Some(true), None));
        assert_eq!(good.answer.unwrap().status, Status::Good);
        for (moment, valid, fault) in [
            (now + 6 * DAY, true, None),
            (now + 8 * DAY, false, Some("the response is out of date")),
            (now - DAY, false, Some("the response is not true yet")),
        ] {
            let staple = judge(&response, &leaf, issuer, moment);
            assert_eq!((staple.valid, staple.fault.as_deref()), (Some(valid), fault));
            assert!(staple.answer.is_some());
        }
        // Whose issuer is not known is not judged, but for its dates.
        assert_eq!(judge(&response, &leaf, None, now).valid, None);
        assert_eq!(judge(&response, &leaf, None, now + 8 * DAY).valid, Some(false));
        assert_eq!(judge(&response, &leaf, Some(&leaf), now).valid, Some(false), "another issuer");
        // From what is signed to the signature's end no byte may be another; around it stand lengths, and certificates that
        // nobody needs.
        let signed = signed(&response);
        for at in 0..response.len() {
            assert_eq!(judge(&response[..at], &leaf, issuer, now).valid, Some(false), "cut at {at}");
            let mut wrong = response.clone();
            wrong[at] ^= 1;
            if signed.contains(&at) {
                assert_ne!(judge(&wrong, &leaf, issuer, now).valid, Some(true), "byte {at}");
            }
        }
        let huge = vec![0x30; LARGEST + 1];
        assert_eq!(judge(&huge, &leaf, issuer, now).valid, Some(false));
    }

    /// Where what is signed and its signature stand.
    fn signed(response: &[u8]) -> std::ops::Range<usize> {
        let mut inner = basic(response).unwrap();
        let end = response.len() - {
            let mut rest = inner;
            Signed::read(&mut rest).unwrap();
            rest.0.len()
        };
        let message = inner.next().unwrap();
        let begin = message.whole.as_ptr() as usize - response.as_ptr() as usize;
        begin..end
    }

    #[test]
    fn a_responder_in_trouble_is_told() {
        let Some((_, leaf, issuer)) = made() else { return };
        for (status, words) in [(3, "try later"), (6, "unauthorized")] {
            let staple = judge(&[0x30, 3, 0x0a, 1, status], &leaf, Some(&issuer), 0);
            assert_eq!((staple.valid, staple.answer), (Some(false), None));
            assert!(staple.fault.unwrap().ends_with(words));
        }
    }
}
