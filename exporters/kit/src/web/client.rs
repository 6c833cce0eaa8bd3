//! The policies for client certificates, by their names in Go's crypto/tls, which the toolkit uses.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// `client_auth_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// Not asked for.
    None,
    /// Asked for; any, or none, will do.
    Request,
    /// Any will do.
    RequireAny,
    /// A valid one, or none.
    VerifyIfGiven,
    /// A valid one.
    RequireAndVerify,
}

impl Policy {
    /// By Go's name, or by the toolkit's older one.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "" | "NoClientCert" => Policy::None,
            "RequestClientCert" => Policy::Request,
            "RequireAnyClientCert" => Policy::RequireAny,
            "VerifyClientCertIfGiven" => Policy::VerifyIfGiven,
            "RequireAndVerifyClientCert" | "RequireClientCert" => Policy::RequireAndVerify,
            _ => return None,
        })
    }

    /// Whether it needs `client_ca`.
    pub(super) fn verifies(self) -> bool {
        matches!(self, Policy::VerifyIfGiven | Policy::RequireAndVerify)
    }
}

/// The verifier of a policy; `None` when certificates are not asked for.
pub(super) fn verifier(
    policy: Policy,
    roots: RootCertStore,
    sans: Vec<String>,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
    let chain = if policy.verifies() {
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        let builder = if policy == Policy::VerifyIfGiven { builder.allow_unauthenticated() } else { builder };
        Some(builder.build().map_err(|error| error.to_string())?)
    } else {
        None
    };
    if policy == Policy::None {
        return Ok(None);
    }
    let mandatory = matches!(policy, Policy::RequireAny | Policy::RequireAndVerify);
    Ok(Some(Arc::new(Verifier {
        chain,
        mandatory,
        sans,
        algorithms: provider.signature_verification_algorithms,
    })))
}

/// Verifies the chain if the policy says so, then the names. That the client holds the certificate's key is verified
/// always, by the handshake's signature.
#[derive(Debug)]
struct Verifier {
    chain: Option<Arc<dyn ClientCertVerifier>>,
    mandatory: bool,
    /// Names of which the certificate must have one; empty: any name.
    sans: Vec<String>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.as_ref().map_or(&[], |chain| chain.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(chain) = &self.chain {
            chain.verify_client_cert(end_entity, intermediates, now)?;
        }
        if !self.sans.is_empty() && !names(end_entity)?.iter().any(|name| self.sans.contains(name)) {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The subject alternative names that the toolkit compares: DNS names, e-mail addresses, IP addresses, URIs.
fn names(certificate: &CertificateDer<'_>) -> Result<Vec<String>, Error> {
    let bad = |_| Error::from(CertificateError::BadEncoding);
    let (_, certificate) = X509Certificate::from_der(certificate).map_err(bad)?;
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Ok(Vec::new()) };
    Ok(extension
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => {
                Some((*text).to_owned())
            }
            GeneralName::IPAddress(bytes) => <[u8; 4]>::try_from(*bytes)
                .map(|bytes| std::net::Ipv4Addr::from(bytes).to_string())
                .or_else(|_| {
                    <[u8; 16]>::try_from(*bytes).map(|bytes| std::net::Ipv6Addr::from(bytes).to_string())
                })
                .ok(),
            _ => None,
        })
        .collect())
}
