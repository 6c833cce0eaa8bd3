//! Encryption by password, as PKCS#5 (RFC 8018) and PKCS#12 (RFC 7292) have it: what OpenSSL, Java, Windows and NSS write.

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{digest, hmac, pbkdf2};
use des::{TdesEde2, TdesEde3};
use rc2::Rc2;
use rc2::cipher::{Array, BlockCipherDecrypt, KeyInit as _};

use super::ber::{Element, INTEGER, OCTETS, OID, Reader, SEQUENCE};
use super::password::{Opening, Password};
use crate::files::faults::Fault;

/// 1.2.840.113549.1.5: `pkcs-5`.
const PKCS5: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05];
/// 1.2.840.113549.1.12.1: `pkcs-12PbeIds`.
const PKCS12: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01];
/// 1.2.840.113549.2: `digestAlgorithm`, where the HMACs are, too.
const DIGESTS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02];
/// 2.16.840.1.101.3.4.2: the SHA-2 family.
const SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
/// 2.16.840.1.101.3.4.1: AES.
const AES: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01];
/// 1.3.14.3.2.26: SHA-1.
const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
/// 1.2.840.113549.3.7: `des-EDE3-CBC`.
const TRIPLE_DES: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x03, 0x07];

/// What the bytes that PKCS#12 derives are for (RFC 7292 B.3).
const FOR_KEY: u8 = 1;
const FOR_IV: u8 = 2;
const FOR_MAC: u8 = 3;

/// An `AlgorithmIdentifier`: the number of an algorithm, and its parameters.
struct Algorithm<'a> {
    id: &'a [u8],
    parameters: Reader<'a>,
}

impl<'a> Algorithm<'a> {
    fn new(element: &Element<'a>) -> Option<Self> {
        let mut inside = element.inside();
        let id = (element.tag == SEQUENCE).then(|| inside.expect(OID))??.content;
        Some(Self { id, parameters: inside })
    }

    /// The last number of the algorithm's, if it is one of this family.
    fn of(&self, family: &[u8]) -> Option<&'a [u8]> {
        self.id.strip_prefix(family)
    }
}

/// Decrypts what `algorithm` (an `AlgorithmIdentifier`) encrypted.
///
/// # Errors
/// [`Fault::WrongPassword`] also where the bytes are damaged: one cannot tell.
pub(super) fn decrypt(
    algorithm: &Element<'_>,
    bytes: &[u8],
    password: &Password<'_>,
    opening: &mut Opening<'_>,
) -> Result<Vec<u8>, Fault> {
    let mut scheme = Algorithm::new(algorithm).ok_or(Fault::BadKeystore)?;
    // PBES2.
    if scheme.of(PKCS5) == Some(&[13]) {
        let mut parts = scheme.parameters.expect(SEQUENCE).ok_or(Fault::BadKeystore)?.inside();
        let (Some(derivation), Some(cipher)) = (parts.next(), parts.next()) else {
            return Err(Fault::BadKeystore);
        };
        let mut cipher = Algorithm::new(&cipher).ok_or(Fault::BadKeystore)?;
        let length = match (cipher.of(AES), cipher.id) {
            (Some([2]), _) => 16,
            (Some([22]), _) | (_, TRIPLE_DES) => 24,
            (Some([42]), _) => 32,
            _ => return Err(Fault::UnsupportedAlgorithm),
        };
        let iv = cipher.parameters.expect(OCTETS).ok_or(Fault::BadKeystore)?.content;
        let key = pbkdf2(&derivation, Some(length), password, opening)?;
        return match cipher.id {
            TRIPLE_DES => cbc(&triple_des(&key)?, iv, bytes),
            _ => aes(&key, iv, bytes),
        };
    }
    let kind = scheme.of(PKCS12).ok_or(Fault::UnsupportedAlgorithm)?;
    let mut parameters = scheme.parameters.expect(SEQUENCE).ok_or(Fault::BadKeystore)?.inside();
    let (Some(salt), Some(rounds)) =
        (parameters.expect(OCTETS), parameters.expect(INTEGER).and_then(|number| number.number()))
    else {
        return Err(Fault::BadKeystore);
    };
    let length = match kind {
        [3] => 24,
        [4] | [5] => 16,
        [6] => 5,
        _ => return Err(Fault::UnsupportedAlgorithm),
    };
    let sha1 = &digest::SHA1_FOR_LEGACY_USE_ONLY;
    let mut derive =
        |id, length| pkcs12_derive(sha1, id, &password.pkcs12(), salt.content, rounds, length, opening);
    let (key, iv) = (derive(FOR_KEY, length)?, derive(FOR_IV, 8)?);
    match kind {
        [3] => cbc(&triple_des(&key)?, &iv, bytes),
        [4] => cbc(&TdesEde2::new_from_slice(&key).map_err(|_| Fault::BadKeystore)?, &iv, bytes),
        _ => cbc(&Rc2::new_with_eff_key_len(&key, key.len() * 8), &iv, bytes),
    }
}

/// Whether a `MacData` proves these bytes: the password is the right one.
///
/// # Errors
/// [`Fault::UnsupportedAlgorithm`] if it cannot be told.
pub(super) fn proves(
    mac: &Element<'_>,
    bytes: &[u8],
    password: &Password<'_>,
    opening: &mut Opening<'_>,
) -> Result<bool, Fault> {
    let mut parts = mac.inside();
    let read = parts.expect(SEQUENCE).and_then(|info| {
        let mut info = info.inside();
        Some((info.next()?, info.expect(OCTETS)?.content, parts.expect(OCTETS)?.content))
    });
    let (algorithm, tag, salt) = read.ok_or(Fault::BadKeystore)?;
    let rounds = parts.next().map_or(Some(1), |rounds| rounds.number()).ok_or(Fault::BadKeystore)?;
    let mut scheme = Algorithm::new(&algorithm).ok_or(Fault::BadKeystore)?;
    // PBMAC1 (RFC 9579), which OpenSSL writes from 3.4 on if it is asked to.
    let (key, hash) = if scheme.of(PKCS5) == Some(&[14]) {
        let mut parts = scheme.parameters.expect(SEQUENCE).ok_or(Fault::BadKeystore)?.inside();
        let (Some(derivation), Some(mac)) = (parts.next(), parts.next()) else {
            return Err(Fault::BadKeystore);
        };
        let mac = Algorithm::new(&mac).ok_or(Fault::BadKeystore)?;
        (pbkdf2(&derivation, None, password, opening)?, prf(&mac)?.1)
    } else {
        let (hash, mac, _) = match (scheme.id, scheme.of(SHA2)) {
            (SHA1, _) => prf_of(7),
            (_, Some([1])) => prf_of(9),
            (_, Some([2])) => prf_of(10),
            (_, Some([3])) => prf_of(11),
            (_, Some([4])) => prf_of(8),
            _ => None,
        }
        .ok_or(Fault::UnsupportedAlgorithm)?;
        let length = hash.output_len;
        (pkcs12_derive(hash, FOR_MAC, &password.pkcs12(), salt, rounds, length, opening)?, mac)
    };
    Ok(hmac::verify(&hmac::Key::new(hash, &key), bytes, tag).is_ok())
}

type Prf = (&'static digest::Algorithm, hmac::Algorithm, pbkdf2::Algorithm);

/// A digest, its HMAC and its PBKDF2, by the last number of `hmacWithSHA…`.
fn prf_of(number: u8) -> Option<Prf> {
    Some(match number {
        7 => {
            (&digest::SHA1_FOR_LEGACY_USE_ONLY, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, pbkdf2::PBKDF2_HMAC_SHA1)
        }
        9 => (&digest::SHA256, hmac::HMAC_SHA256, pbkdf2::PBKDF2_HMAC_SHA256),
        10 => (&digest::SHA384, hmac::HMAC_SHA384, pbkdf2::PBKDF2_HMAC_SHA384),
        11 => (&digest::SHA512, hmac::HMAC_SHA512, pbkdf2::PBKDF2_HMAC_SHA512),
        _ => return None,
    })
}

fn prf(algorithm: &Algorithm<'_>) -> Result<Prf, Fault> {
    match algorithm.of(DIGESTS) {
        Some([number]) => prf_of(*number).ok_or(Fault::UnsupportedAlgorithm),
        _ => Err(Fault::UnsupportedAlgorithm),
    }
}

/// A key by PBKDF2; of `length` bytes, or as many as its parameters say.
fn pbkdf2(
    derivation: &Element<'_>,
    length: Option<usize>,
    password: &Password<'_>,
    opening: &mut Opening<'_>,
) -> Result<Vec<u8>, Fault> {
    let mut derivation = Algorithm::new(derivation).ok_or(Fault::BadKeystore)?;
    if derivation.of(PKCS5) != Some(&[12]) {
        return Err(Fault::UnsupportedAlgorithm);
    }
    let mut parameters = derivation.parameters.expect(SEQUENCE).ok_or(Fault::BadKeystore)?.inside();
    let (Some(salt), Some(rounds)) =
        (parameters.expect(OCTETS), parameters.expect(INTEGER).and_then(|number| number.number()))
    else {
        return Err(Fault::BadKeystore);
    };
    let written = parameters.optional(INTEGER).and_then(|number| number.number());
    let prf = match parameters.optional(SEQUENCE) {
        Some(named) => prf(&Algorithm::new(&named).ok_or(Fault::BadKeystore)?)?,
        None => prf_of(7).ok_or(Fault::UnsupportedAlgorithm)?,
    };
    let length = length.or_else(|| usize::try_from(written?).ok()).filter(|length| *length <= 128);
    let (Some(length), Some(rounds)) = (length, NonZeroU32::new(rounds)) else {
        return Err(Fault::BadKeystore);
    };
    opening.spend(rounds.get(), length.div_ceil(prf.0.output_len))?;
    let mut key = vec![0; length];
    pbkdf2::derive(prf.2, rounds, salt.content, password.text.as_bytes(), &mut key);
    Ok(key)
}

/// Bytes by the method of PKCS#12 (RFC 7292 B.2).
fn pkcs12_derive(
    hash: &'static digest::Algorithm,
    id: u8,
    password: &[u8],
    salt: &[u8],
    rounds: u32,
    length: usize,
    opening: &mut Opening<'_>,
) -> Result<Vec<u8>, Fault> {
    let block = hash.block_len;
    opening.spend(rounds, length.div_ceil(hash.output_len))?;
    let stretched = |text: &[u8]| -> Vec<u8> {
        text.iter().copied().cycle().take(text.len().div_ceil(block) * block).collect()
    };
    let mut input = [stretched(salt), stretched(password)].concat();
    let mut bytes = Vec::with_capacity(length + hash.output_len);
    while bytes.len() < length {
        let mut context = digest::Context::new(hash);
        context.update(&vec![id; block]);
        context.update(&input);
        let mut round = context.finish();
        for _ in 1..rounds {
            round = digest::digest(hash, round.as_ref());
        }
        bytes.extend_from_slice(round.as_ref());
        let addend: Vec<u8> = round.as_ref().iter().copied().cycle().take(block).collect();
        for part in input.chunks_mut(block) {
            // The sum of both, and one, as large numbers.
            let mut carry = 1;
            for (digit, other) in part.iter_mut().zip(&addend).rev() {
                let sum = u16::from(*digit) + u16::from(*other) + carry;
                *digit = sum.to_be_bytes()[1];
                carry = sum >> 8;
            }
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

fn triple_des(key: &[u8]) -> Result<TdesEde3, Fault> {
    TdesEde3::new_from_slice(key).map_err(|_| Fault::BadKeystore)
}

fn aes(key: &[u8], iv: &[u8], bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let algorithm = match key.len() {
        16 => &AES_128,
        24 => &AES_192,
        _ => &AES_256,
    };
    let iv: FixedLength<16> = <[u8; 16]>::try_from(iv).map_err(|_| Fault::BadKeystore)?.into();
    let mut bytes = bytes.to_vec();
    let open = || {
        let key = PaddedBlockDecryptingKey::cbc_pkcs7(UnboundCipherKey::new(algorithm, key)?)?;
        Ok(key.decrypt(&mut bytes, DecryptionContext::Iv128(iv))?.len())
    };
    let length = open().map_err(|_: aws_lc_rs::error::Unspecified| Fault::WrongPassword)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// CBC of blocks of 8 bytes, with the padding of PKCS#7.
fn cbc<C: BlockCipherDecrypt<BlockSize = rc2::cipher::consts::U8>>(
    cipher: &C,
    iv: &[u8],
    bytes: &[u8],
) -> Result<Vec<u8>, Fault> {
    let mut before = <[u8; 8]>::try_from(iv).map_err(|_| Fault::BadKeystore)?;
    let (blocks, rest) = bytes.as_chunks::<8>();
    let mut plain = Vec::with_capacity(bytes.len());
    for block in blocks {
        let mut work = Array::from(*block);
        cipher.decrypt_block(&mut work);
        plain.extend(work.iter().zip(before).map(|(byte, before)| byte ^ before));
        before = *block;
    }
    let padding = plain.last().copied().map_or(0, usize::from);
    let end = plain.len().checked_sub(padding).filter(|_| rest.is_empty() && (1..=8).contains(&padding));
    let end = end.filter(|end| plain[*end..].iter().all(|byte| usize::from(*byte) == padding));
    plain.truncate(end.ok_or(Fault::WrongPassword)?);
    Ok(plain)
}
