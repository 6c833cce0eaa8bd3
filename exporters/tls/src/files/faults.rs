//! What may be wrong with a file: the closed set.

use std::io::ErrorKind;
use std::path::Path;

kit::closed_set! {
    /// What is wrong; a file can have several faults, and what is good in it is shown all the same.
    pub enum Fault;
    /// Every fault with what it means.
    pub const FAULTS;
    NotFound = "not_found":
        "There is no such file.",
    BrokenLink = "broken_link":
        "The file, or a folder above it, is a link that leads to nothing.",
    NotMounted = "not_mounted":
        "The file system that the file lay on is not there: where it was mounted, nothing is, or an empty folder.",
    PermissionDenied = "permission_denied":
        "This process may not read the file or its folder; give its user the right to (ACL, group).",
    ReadFailed = "read_failed":
        "Reading failed for another cause, which the log names.",
    TooLarge = "too_large":
        "The file is larger than 4 MiB, so it is not read.",
    NoCertificate = "no_certificate":
        "Nothing of a known format (PEM, DER, PKCS#12, JKS, JCEKS, kubeconfig) is in the file, or it is no file but a folder or a \
         pipe.",
    OnlyKey = "only_key":
        "A private key alone. Told of a file that is named in full or had certificates; any other is no certificate's.",
    BadPem = "bad_pem":
        "A part of the file is PEM that is cut or not base64; its other parts are shown.",
    BadCertificate = "bad_certificate":
        "A certificate in the file cannot be read; its others are shown.",
    BadKeystore = "bad_keystore":
        "A keystore (PKCS#12, JKS, JCEKS) is damaged; what could be read of it is shown.",
    BadCrl = "bad_crl":
        "A revocation list in the file cannot be read; the rest is shown.",
    BadKubeconfig = "bad_kubeconfig":
        "A kubeconfig is no YAML or no kubeconfig, or a part of it is not base64; the rest is shown.",
    WrongPassword = "wrong_password":
        "No password of the source, nor the empty one, opens the keystore; what is not encrypted in it is shown.",
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
    /// What an error of the system about a place means.
    #[must_use]
    pub fn of(path: &Path, error: &std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound if leads_to_nothing(path) => Self::BrokenLink,
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

/// Whether a place is not there since it, or a folder above it, is a link to nothing.
fn leads_to_nothing(path: &Path) -> bool {
    let first = path.ancestors().find_map(|above| Some((above, std::fs::symlink_metadata(above).ok()?)));
    first.is_some_and(|(above, meta)| meta.is_symlink() && std::fs::metadata(above).is_err())
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
            assert_eq!(Fault::of(Path::new("/no/such"), &kind.into()), want, "{kind}");
        }
    }
}
