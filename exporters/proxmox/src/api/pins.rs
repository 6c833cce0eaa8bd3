//! Certificates that are known by their fingerprint, as Proxmox VE's own interface and backup server do it.

use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};

/// SHA-256 of a certificate.
pub type Fingerprint = [u8; 32];

/// The fingerprints that are trusted: those of the configuration, and those that the cluster told over a connection that
/// was trusted by one of them.
#[derive(Debug)]
pub struct Pins {
    configured: Vec<Fingerprint>,
    learnt: RwLock<BTreeSet<Fingerprint>>,
}

impl Pins {
    /// The configured ones.
    #[must_use]
    pub fn new(configured: Vec<Fingerprint>) -> Self {
        Self { configured, learnt: RwLock::default() }
    }

    /// Whether a certificate is one of them.
    #[must_use]
    pub fn know(&self, fingerprint: &Fingerprint) -> bool {
        self.configured.contains(fingerprint)
            || self.learnt.read().unwrap_or_else(PoisonError::into_inner).contains(fingerprint)
    }

    /// Takes what the cluster says of its nodes in place of what it said before.
    pub fn learn(&self, told: impl IntoIterator<Item = Fingerprint>) {
        *self.learnt.write().unwrap_or_else(PoisonError::into_inner) = told.into_iter().collect();
    }
}

/// A fingerprint as it is written: 64 hexadecimal digits, with colons between the bytes or without.
#[must_use]
pub fn fingerprint(text: &str) -> Option<Fingerprint> {
    let digits: Vec<u8> = text.trim().bytes().filter(|byte| *byte != b':').collect();
    let mut found = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in found.iter_mut().zip(digits.chunks(2)) {
        let text = std::str::from_utf8(pair)
            .ok()
            .filter(|pair| pair.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(text, 16).ok()?;
    }
    Some(found)
}

/// A fingerprint as Proxmox VE writes it.
#[must_use]
pub fn shown(fingerprint: &Fingerprint) -> String {
    fingerprint.map(|byte| format!("{byte:02X}")).join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_they_are_written() {
        let written =
            "80:D4:F2:DF:64:95:CD:8D:A0:82:82:AC:48:BA:C0:7A:1B:6B:87:8B:FE:B9:83:1C:95:4E:79:58:77:99:69:F5";
        let read = fingerprint(written).unwrap();
        assert_eq!(shown(&read), written);
        assert_eq!(fingerprint(&written.replace(':', "").to_lowercase()), Some(read));
        for wrong in
            ["", "80:D4", &written.replace('8', "g"), &written.replace("80", "+8"), &format!("{written}:00")]
        {
            assert_eq!(fingerprint(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_told_takes_the_place_of_what_was_told() {
        let pins = Pins::new(vec![[1; 32]]);
        pins.learn([[2; 32]]);
        pins.learn([[3; 32]]);
        assert_eq!([1, 2, 3].map(|byte| pins.know(&[byte; 32])), [true, false, true]);
    }
}
