//! What may be wrong with a file: the closed set.

use std::io::ErrorKind;

kit::closed_set! {
    /// What is wrong; a file can have several faults, and what is good in it is shown all the same.
    pub enum Fault;
    /// Every fault with what it means.
    pub const FAULTS;
    NotFound = "not_found":
        "There is no such file: it vanished between two looks, or a link leads to nothing.",
    NotMounted = "not_mounted":
        "The file system that the file lay on is not there: where it was mounted, nothing is, or an empty folder. What was \
         known of the file is shown.",
    PermissionDenied = "permission_denied":
        "This process may not read the file or its folder; give its user the right to (ACL, group). What was known of it is \
         shown.",
    ReadFailed = "read_failed":
        "Reading failed for another cause; the log names it (--log.level=debug). What was known of it is shown.",
    TooLarge = "too_large":
        "The file is larger than 4 MiB, so it is not read. What was known of it is shown.",
    NoCertificate = "no_certificate":
        "Nothing of a known format (PEM, DER, PKCS#12, JKS, JCEKS, kubeconfig) is in the file, or it is no file but a folder or a \
         pipe. What was known of it is shown.",
    OnlyKey = "only_key":
        "A private key alone. Told of a file that is named in full, or had certificates, of which what was known is shown; any \
         other is no certificate's.",
    BadPem = "bad_pem":
        "A part of the file is PEM that is cut or not base64; its other parts are shown, and of the rest what was known.",
    BadCertificate = "bad_certificate":
        "A certificate in the file cannot be read; its others are shown, and of the rest what was known.",
    BadKeystore = "bad_keystore":
        "A keystore (PKCS#12, JKS, JCEKS) is damaged; what could be read of it is shown, and of the rest what was known.",
    BadCrl = "bad_crl":
        "A revocation list in the file cannot be read; the rest is shown, and the list that was known.",
    BadKubeconfig = "bad_kubeconfig":
        "A kubeconfig is no YAML or no kubeconfig, or a part of it is not base64; the rest is shown.",
    WrongPassword = "wrong_password":
        "No password of the source, nor the empty one, opens the keystore; what is not encrypted in it is shown, and of the \
         rest what was known.",
    UnsupportedAlgorithm = "unsupported_algorithm":
        "A part of a keystore is encrypted in a way that is not known here; its other parts are shown.",
    TooExpensive = "too_expensive":
        "Opening the keystore would take more than two million rounds of hashing, so it is not opened further.",
    KeyUnreadable = "key_unreadable":
        "The private key beside the certificate may not be read, as is right for whoever need not, or is of no known kind: \
         whether it belongs to the certificate is not known. Counted as no fault.",
    KeyEncrypted = "key_encrypted":
        "The private key is encrypted, so whether it belongs to the certificate is not known. Counted as no fault.",
}

impl Fault {
    /// What an error of the system means.
    #[must_use]
    pub fn of(error: &std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::PermissionDenied => Self::PermissionDenied,
            _ => Self::ReadFailed,
        }
    }

    /// Whether something that may be in the file could not be seen: it cannot be told to be gone.
    #[must_use]
    pub const fn hides(self) -> bool {
        // What is not found is gone. A file that had certificates and has none now was cut, or something was written over it:
        // whoever read it before goes on with them. The key is another matter, see `hides_key`.
        !matches!(self, Self::NotFound | Self::KeyUnreadable | Self::KeyEncrypted)
    }

    /// Whether a certificate that may be in the file could not be seen.
    #[must_use]
    pub const fn hides_certificates(self) -> bool {
        self.hides() && !matches!(self, Self::BadCrl)
    }

    /// Whether a revocation list that may be in the file could not be seen.
    #[must_use]
    pub const fn hides_lists(self) -> bool {
        self.hides() && !matches!(self, Self::BadCertificate)
    }

    /// Whether there is a key that could not be seen. It is no fault of the file: who watches certificates need not see keys.
    #[must_use]
    pub const fn hides_key(self) -> bool {
        matches!(self, Self::KeyUnreadable | Self::KeyEncrypted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_error_means() {
        for (kind, want) in [
            (ErrorKind::NotFound, Fault::NotFound),
            (ErrorKind::PermissionDenied, Fault::PermissionDenied),
            (ErrorKind::NotADirectory, Fault::ReadFailed),
            (ErrorKind::StaleNetworkFileHandle, Fault::ReadFailed),
        ] {
            assert_eq!(Fault::of(&kind.into()), want, "{kind}");
        }
    }
}
