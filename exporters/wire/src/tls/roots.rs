//! The trust anchors: parsed once, shared by all who trust the same.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, TrustAnchor};

use super::certificate::Certificate;

/// The system's certificates, with the bundled ones as the fallback; or the bundled ones alone.
///
/// Read when the first verification needs them, not before: an exporter that never speaks TLS does not carry a store.
#[derive(Debug)]
pub struct Roots {
    system: bool,
    /// Whether the certificates themselves are kept, for the paths that lead to them.
    kept: bool,
    anchors: OnceLock<Arc<Anchors>>,
}

impl Roots {
    /// What the operating system trusts (`SSL_CERT_FILE` and `SSL_CERT_DIR` count), or Mozilla's list as it was bundled
    /// when the system has none, as in an empty container.
    #[must_use]
    pub fn system() -> Self {
        Self { system: true, kept: false, anchors: OnceLock::new() }
    }

    /// Mozilla's list as it was bundled.
    #[must_use]
    pub fn bundled() -> Self {
        Self { system: false, kept: false, anchors: OnceLock::new() }
    }

    /// The same, with each certificate kept whole, at about 1 kB each: [`Settings::keep_paths`](super::Settings::keep_paths)
    /// shows the anchors then, too. Of the bundled list only the keys are known.
    #[must_use]
    pub fn kept(self) -> Self {
        Self { kept: true, ..self }
    }

    /// How many anchors there are and where they are from, `system` or `bundled`; `None` until they were needed.
    #[must_use]
    pub fn loaded(&self) -> Option<(usize, &'static str)> {
        self.anchors.get().map(|anchors| (anchors.len(), anchors.origin))
    }

    pub(super) fn anchors(&self) -> &Arc<Anchors> {
        self.anchors.get_or_init(|| {
            if self.system {
                let found = rustls_native_certs::load_native_certs();
                for error in &found.errors {
                    tracing::warn!(%error, "cannot read some of the system's trusted certificates");
                }
                let anchors = Anchors::new(found.certs, "system", self.kept);
                if anchors.len() > 0 {
                    return Arc::new(anchors);
                }
                tracing::info!("the system trusts no certificate: the bundled list takes its place");
            }
            Arc::new(Anchors::bundled())
        })
    }
}

/// Trust anchors, ready for webpki, and beside each what webpki does not keep.
#[derive(Debug)]
pub(super) struct Anchors {
    trust: Vec<TrustAnchor<'static>>,
    facts: Vec<AnchorFacts>,
    origin: &'static str,
}

#[derive(Debug)]
struct AnchorFacts {
    /// SHA-256 of the certificate; the bundled list has none.
    fingerprint: Option<[u8; 32]>,
    not_after: Option<i64>,
    /// The whole certificate, if it is kept.
    whole: Option<CertificateDer<'static>>,
}

impl Anchors {
    /// From PEM text. As in Go, what is not a usable certificate is passed over as long as one is left.
    pub(super) fn from_pem(pem: &[u8], kept: bool) -> Result<Self, String> {
        let mut found = Vec::new();
        let mut problem = None;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            match certificate {
                Ok(certificate) => found.push(certificate),
                Err(error) => problem = Some(error.to_string()),
            }
        }
        if found.is_empty() {
            return Err(problem.unwrap_or_else(|| "no certificate in it (pem expected)".to_owned()));
        }
        let number = found.len();
        let anchors = Self::new(found, "files", kept);
        if anchors.len() == 0 {
            return Err(format!("none of its {number} certificates can be read"));
        }
        Ok(anchors)
    }

    fn new(certificates: Vec<CertificateDer<'static>>, origin: &'static str, kept: bool) -> Self {
        let mut trust = Vec::with_capacity(certificates.len());
        let mut facts = Vec::with_capacity(certificates.len());
        for certificate in certificates {
            let Ok(anchor) = webpki::anchor_from_trusted_cert(&certificate) else { continue };
            trust.push(anchor.to_owned());
            let not_after = Certificate::parse(&certificate).ok().map(|certificate| certificate.not_after);
            let fingerprint = Some(sha256(&certificate));
            facts.push(AnchorFacts { fingerprint, not_after, whole: kept.then_some(certificate) });
        }
        Self { trust, facts, origin }
    }

    fn bundled() -> Self {
        let trust = webpki_roots::TLS_SERVER_ROOTS.to_vec();
        let facts =
            trust.iter().map(|_| AnchorFacts { fingerprint: None, not_after: None, whole: None }).collect();
        Self { trust, facts, origin: "bundled" }
    }

    pub(super) fn len(&self) -> usize {
        self.trust.len()
    }

    pub(super) fn trust(&self) -> &[TrustAnchor<'static>] {
        &self.trust
    }

    /// Whether a certificate is itself one of the anchors.
    pub(super) fn holds(&self, fingerprint: &[u8; 32]) -> bool {
        self.facts.iter().any(|facts| facts.fingerprint.as_ref() == Some(fingerprint))
    }

    /// When an anchor out of [`Anchors::trust`] expires, seconds since 1970; `None` where only its key is known.
    pub(super) fn not_after(&self, anchor: &TrustAnchor<'_>) -> Option<i64> {
        self.facts(anchor)?.not_after
    }

    /// An anchor's whole certificate, if it is kept.
    pub(super) fn whole(&self, anchor: &TrustAnchor<'_>) -> Option<&CertificateDer<'static>> {
        self.facts(anchor)?.whole.as_ref()
    }

    fn facts(&self, anchor: &TrustAnchor<'_>) -> Option<&AnchorFacts> {
        let place = self.trust.iter().position(|ours| {
            ours.subject.as_ref() == anchor.subject.as_ref()
                && ours.subject_public_key_info.as_ref() == anchor.subject_public_key_info.as_ref()
        })?;
        self.facts.get(place)
    }
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_list_is_there_when_it_is_needed_and_not_before() {
        let roots = Roots::bundled();
        assert_eq!(roots.loaded(), None);
        assert!(roots.anchors().len() > 100);
        assert_eq!(roots.loaded().unwrap().1, "bundled");
    }

    #[test]
    fn pem_without_a_certificate_is_an_error() {
        for (pem, words) in [
            ("", "no certificate in it (pem expected)"),
            ("hello", "no certificate in it (pem expected)"),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "none of its 1 certificates can be read",
            ),
        ] {
            assert_eq!(Anchors::from_pem(pem.as_bytes(), false).unwrap_err(), words);
        }
    }
}
