//! The verifier of one connection: it keeps what the server presented, whatever that is worth.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::judge::{Judge, Judged};
use super::ocsp::Staple;
use super::settings::Version;
use super::verification::Proof;

/// Stands in for both of rustls's questions to its user: is this server's certificate good, and which one is ours.
pub(super) struct Recorder {
    judge: Arc<Judge>,
    identity: Option<Arc<CertifiedKey>>,
    /// Whether a bad certificate matters.
    required: bool,
    record: Mutex<Record>,
}

/// What was recorded.
#[derive(Default)]
pub(super) struct Record {
    pub(super) judged: Option<Arc<Judged>>,
    pub(super) ocsp: Vec<u8>,
    pub(super) staple: Option<Staple>,
    pub(super) proof: Option<Proof>,
    pub(super) version: Option<Version>,
    pub(super) asked_for_certificate: bool,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("required", &self.required).finish_non_exhaustive()
    }
}

impl Recorder {
    pub(super) fn new(judge: Arc<Judge>, identity: Option<Arc<CertifiedKey>>, required: bool) -> Self {
        Self { judge, identity, required, record: Mutex::default() }
    }

    /// Takes the record out, at the end of the handshake.
    pub(super) fn take(&self) -> Record {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server's proof that it holds the key. This is also the last moment before our own certificate would be sent:
    /// one that we would refuse does not get to see it, so with an identity the handshake ends here.
    fn proven(
        &self,
        version: Version,
        proof: Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        let mut record = self.lock();
        record.version = Some(version);
        record.proof = Some(if proof.is_ok() { Proof::Valid } else { Proof::Invalid });
        let good =
            proof.is_ok() && record.judged.as_ref().is_some_and(|judged| judged.verification.is_good());
        if self.required && self.identity.is_some() && !good {
            return Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure));
        }
        Ok(HandshakeSignatureValid::assertion())
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let judged = self.judge.judge(end_entity, intermediates, server_name, now);
        let staple = (self.judge.heeds_staple && !ocsp_response.is_empty())
            .then(|| self.judge.staple(end_entity, intermediates, ocsp_response, now));
        let mut record = self.lock();
        record.judged = Some(judged);
        record.staple = staple;
        record.ocsp = ocsp_response.to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.proven(Version::Tls12, verify_tls12_signature(message, cert, dss, &self.judge.algorithms))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.proven(Version::Tls13, verify_tls13_signature(message, cert, dss, &self.judge.algorithms))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.algorithms.supported_schemes()
    }
}

impl ResolvesClientCert for Recorder {
    fn resolve(&self, _issuers: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.lock().asked_for_certificate = true;
        self.identity.clone()
    }

    fn has_certs(&self) -> bool {
        self.identity.is_some()
    }
}
