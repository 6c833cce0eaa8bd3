//! What may be wrong with a file: the closed set.

/// What is wrong; a file can have several faults, and what is good in it is shown all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// It vanished, or is a link to nothing.
    NotFound,
    /// This process may not read it.
    PermissionDenied,
    /// Reading failed for another cause.
    ReadFailed,
    /// Too large to be one.
    TooLarge,
    /// Nothing of any known format is in it.
    NoCertificate,
    /// PEM that is cut or not base64.
    BadPem,
    /// A certificate that cannot be read.
    BadCertificate,
    /// A keystore that cannot be read.
    BadKeystore,
    /// A revocation list that cannot be read.
    BadCrl,
    /// A kubeconfig that cannot be read.
    BadKubeconfig,
    /// No password opens it.
    WrongPassword,
    /// It is encrypted in a way that is not known here.
    UnsupportedAlgorithm,
    /// It asks for more work than it is worth.
    TooExpensive,
    /// No private key can be read from the file where it should be.
    KeyUnreadable,
    /// The private key is encrypted.
    KeyEncrypted,
}

impl Fault {
    /// The value of the label `reason`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::PermissionDenied => "permission_denied",
            Self::ReadFailed => "read_failed",
            Self::TooLarge => "too_large",
            Self::NoCertificate => "no_certificate",
            Self::BadPem => "bad_pem",
            Self::BadCertificate => "bad_certificate",
            Self::BadKeystore => "bad_keystore",
            Self::BadCrl => "bad_crl",
            Self::BadKubeconfig => "bad_kubeconfig",
            Self::WrongPassword => "wrong_password",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::TooExpensive => "too_expensive",
            Self::KeyUnreadable => "key_unreadable",
            Self::KeyEncrypted => "key_encrypted",
        }
    }

    /// What an error of the system means.
    #[must_use]
    pub fn of(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound => Self::NotFound,
            std::io::ErrorKind::PermissionDenied => Self::PermissionDenied,
            _ => Self::ReadFailed,
        }
    }
}

/// Every fault with what it means.
pub const FAULTS: &[(&str, &str)] = &[
    ("not_found", "There is no such file: it vanished between two looks, or a link leads to nothing."),
    (
        "permission_denied",
        "This process may not read the file or its folder; give its user the right to (ACL, group).",
    ),
    ("read_failed", "Reading failed for another cause; the log names it (--log.level=debug)."),
    ("too_large", "The file is larger than 4 MiB, so it is not read."),
    (
        "no_certificate",
        "Nothing of a known format (PEM, DER, PKCS#12, JKS, JCEKS, kubeconfig) is in the file.",
    ),
    ("bad_pem", "A part of the file is PEM that is cut or not base64; its other parts are shown."),
    ("bad_certificate", "A certificate in the file cannot be read; its others are shown."),
    ("bad_keystore", "A keystore (PKCS#12, JKS, JCEKS) is damaged; what could be read of it is shown."),
    ("bad_crl", "A revocation list in the file cannot be read; the rest is shown."),
    (
        "bad_kubeconfig",
        "A kubeconfig is no YAML or no kubeconfig, or a part of it is not base64; the rest is shown.",
    ),
    (
        "wrong_password",
        "No password of the source, nor the empty one, opens the keystore; what is not encrypted in it is shown.",
    ),
    (
        "unsupported_algorithm",
        "A part of a keystore is encrypted in a way that is not known here; its other parts are shown.",
    ),
    (
        "too_expensive",
        "Opening the keystore would take more than two million rounds of hashing, so it is not opened further.",
    ),
    ("key_unreadable", "The private key beside the certificate cannot be read, or is of no known kind."),
    ("key_encrypted", "The private key is encrypted, so whether it belongs to the certificate is not known."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_line() {
        use Fault::*;
        let all = [
            NotFound,
            PermissionDenied,
            ReadFailed,
            TooLarge,
            NoCertificate,
            BadPem,
            BadCertificate,
            BadKeystore,
            BadCrl,
            BadKubeconfig,
            WrongPassword,
            UnsupportedAlgorithm,
            TooExpensive,
            KeyUnreadable,
            KeyEncrypted,
        ];
        assert_eq!(all.map(Fault::word).to_vec(), FAULTS.iter().map(|(word, _)| *word).collect::<Vec<_>>());
    }
}
