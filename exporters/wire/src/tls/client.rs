//! A client: built once per module, used for every probe.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ProtocolVersion, SupportedProtocolVersion, version};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use super::failure::{HandshakeError, Reason};
use super::judge::{Judge, Trusted};
use super::recorder::Recorder;
use super::roots::Anchors;
use super::seen::Seen;
use super::settings::{Identity, Settings, TlsConfigError, Version};
use super::verification::Proof;

/// The stream after a handshake.
pub type TlsStream<S> = tokio_rustls::client::TlsStream<S>;

/// The protocols to offer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Alpn {
    /// No ALPN at all.
    #[default]
    None,
    /// `http/1.1`.
    Http1,
    /// `h2`, then `http/1.1`.
    Http2OrHttp1,
    /// `h2` alone, for gRPC.
    Http2,
    /// Any others, the preferred first.
    Other(Vec<Vec<u8>>),
}

impl Alpn {
    fn protocols(&self) -> Vec<Vec<u8>> {
        match self {
            Self::None => Vec::new(),
            Self::Http1 => vec![b"http/1.1".to_vec()],
            Self::Http2OrHttp1 => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Self::Http2 => vec![b"h2".to_vec()],
            Self::Other(protocols) => protocols.clone(),
        }
    }
}

/// How a handshake ended, and what it showed in any case.
#[derive(Debug)]
pub struct Outcome<S> {
    /// What it showed.
    pub seen: Seen,
    /// The stream; or why there is none, and then not a byte of an application has been sent.
    pub stream: Result<TlsStream<S>, HandshakeError>,
}

/// Makes handshakes. Build it when the configuration is loaded: it holds everything that does not change from one probe to
/// the next.
pub struct Client {
    template: ClientConfig,
    judge: Arc<Judge>,
    identity: Option<Arc<CertifiedKey>>,
    server_name: Option<String>,
    required: bool,
    notices: Vec<String>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("required", &self.required)
            .field("server_name", &self.server_name)
            .field("identity", &self.identity.is_some())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Builds a client. Reads no file, and not the roots either: the first handshake that needs them does.
    ///
    /// # Errors
    /// Whatever is wrong with the settings, in the words of their keys.
    pub fn new(settings: &Settings) -> Result<Self, TlsConfigError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut notices = Vec::new();
        let versions = versions(settings, &mut notices)?;
        let trusted = match &settings.ca {
            Some(pem) => {
                Trusted::Files(Anchors::from_pem(pem, settings.keep_paths).map_err(TlsConfigError::Ca)?)
            }
            None => Trusted::Shared(Arc::clone(&settings.roots)),
        };
        let identity =
            settings.identity.as_ref().map(|identity| certified(identity, &provider)).transpose()?;
        if let Some(name) = &settings.server_name {
            server_name(name).ok_or_else(|| TlsConfigError::ServerName(name.clone()))?;
        }
        let judge = Arc::new(Judge::new(
            trusted,
            provider.signature_verification_algorithms,
            (settings.heed_staple, settings.keep_paths),
        ));
        let required = !settings.insecure_skip_verify;
        let nobody = Arc::new(Recorder::new(Arc::clone(&judge), identity.clone(), required));
        let mut template = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map_err(|_| no_version(settings, "the provider speaks none of them"))?
            .dangerous()
            .with_custom_certificate_verifier(nobody)
            .with_no_client_auth();
        // A probe is to see the certificate, and to measure a whole handshake.
        template.resumption = Resumption::disabled();
        Ok(Self { template, judge, identity, server_name: settings.server_name.clone(), required, notices })
    }

    /// What the user should know: settings that cannot be followed to the letter.
    #[must_use]
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Whether a bad certificate fails the handshake.
    #[must_use]
    pub fn verifies(&self) -> bool {
        self.required
    }

    /// Makes a handshake. `name` is the host as the target says it, an IP address with or without brackets included; the
    /// settings' `server_name` wins over it. There is no deadline but the caller's, and what had been seen is lost when it
    /// drops this: see [`Client::handshake_by`].
    pub async fn handshake<S>(&self, stream: S, name: &str, alpn: &Alpn) -> Outcome<S>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.run(stream, name, alpn, None).await
    }

    /// Makes a handshake that is over at the deadline, and then still tells what it saw.
    pub async fn handshake_by<S>(&self, stream: S, name: &str, alpn: &Alpn, deadline: Instant) -> Outcome<S>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.run(stream, name, alpn, Some(deadline)).await
    }

    async fn run<S>(&self, stream: S, name: &str, alpn: &Alpn, deadline: Option<Instant>) -> Outcome<S>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let asked = self.server_name.as_deref().unwrap_or(name);
        let recorder = Arc::new(Recorder::new(Arc::clone(&self.judge), self.identity.clone(), self.required));
        let Some(server) = server_name(asked) else {
            let cause = "neither a host name nor an ip address";
            let error = HandshakeError::new(Reason::Handshake, &format!("{asked:?}"), cause);
            return Outcome { seen: Seen::new(recorder.take()), stream: Err(error) };
        };
        // A handful of reference counts: all that is costly in a configuration is shared.
        let mut config = self.template.clone();
        config.dangerous().set_certificate_verifier(Arc::clone(&recorder) as _);
        config.client_auth_cert_resolver = Arc::clone(&recorder) as _;
        config.alpn_protocols = alpn.protocols();
        let handshake = TlsConnector::from(Arc::new(config)).connect(server, stream);
        let ended = match deadline {
            None => Ok(handshake.await),
            Some(deadline) => tokio::time::timeout_at(deadline.into(), handshake).await,
        };
        let mut seen = Seen::new(recorder.take());
        let stream = match ended {
            Ok(Ok(stream)) => {
                complete(&mut seen, &stream);
                match self.refusal(&seen, asked) {
                    None => Ok(stream),
                    Some(error) => Err(error),
                }
            }
            // Our own refusal shows as an error of rustls; the verification says it better.
            Ok(Err(error)) => Err(match self.refusal(&seen, asked) {
                Some(refusal) if self.identity.is_some() => refusal,
                _ => HandshakeError::from_io(asked, &error),
            }),
            Err(_) => Err(HandshakeError::new(Reason::Timeout, asked, "no end before the deadline")),
        };
        Outcome { seen, stream }
    }

    /// Why the certificate must be refused, if it must.
    fn refusal(&self, seen: &Seen, server: &str) -> Option<HandshakeError> {
        if !self.required {
            return None;
        }
        if let Some(fault) = seen.verification().and_then(super::Verification::fault) {
            return Some(HandshakeError::new(fault.reason, server, fault.detail));
        }
        if seen.staple.as_ref().is_some_and(|staple| staple.is_revoked()) {
            let cause = "the certificate is revoked, says the ocsp response that the server sent with it";
            return Some(HandshakeError::new(Reason::CertRevoked, server, cause));
        }
        // Should rustls ever complete without asking the recorder, nothing has been verified.
        (seen.proof != Proof::Valid).then(|| {
            let cause =
                "the server does not prove that it holds the certificate's key, or the key is too small";
            HandshakeError::new(Reason::CertUntrusted, server, cause)
        })
    }
}

/// Fills in what is known only at the end.
fn complete<S>(seen: &mut Seen, stream: &TlsStream<S>) {
    let (_, connection) = stream.get_ref();
    seen.version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => Some(Version::Tls12),
        Some(ProtocolVersion::TLSv1_3) => Some(Version::Tls13),
        _ => None,
    };
    seen.cipher = connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str()).map(iana);
    seen.key_exchange = connection.negotiated_key_exchange_group().and_then(|group| group.name().as_str());
    seen.alpn = connection.alpn_protocol().map(<[u8]>::to_vec);
}

/// rustls names the suites of TLS 1.3 in its own way.
fn iana(name: &'static str) -> &'static str {
    match name {
        "TLS13_AES_128_GCM_SHA256" => "TLS_AES_128_GCM_SHA256",
        "TLS13_AES_256_GCM_SHA384" => "TLS_AES_256_GCM_SHA384",
        "TLS13_CHACHA20_POLY1305_SHA256" => "TLS_CHACHA20_POLY1305_SHA256",
        "TLS13_AES_128_CCM_SHA256" => "TLS_AES_128_CCM_SHA256",
        "TLS13_AES_128_CCM_8_SHA256" => "TLS_AES_128_CCM_8_SHA256",
        other => other,
    }
}

fn server_name(name: &str) -> Option<ServerName<'static>> {
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    // A zone belongs to this host's interfaces, not to the server's name.
    let bare = bare.split_once('%').map_or(bare, |(address, _)| address);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Some(ServerName::IpAddress(ip.into()));
    }
    // RFC 6066 §3: SNI has no trailing dot.
    ServerName::try_from(bare.strip_suffix('.').unwrap_or(bare).to_owned()).ok()
}

fn versions(
    settings: &Settings,
    notices: &mut Vec<String>,
) -> Result<Vec<&'static SupportedProtocolVersion>, TlsConfigError> {
    let min = settings.min_version.unwrap_or(Version::Tls12);
    let max = settings.max_version.unwrap_or(Version::Tls13);
    if max < Version::Tls12 {
        return Err(no_version(settings, "only tls 1.2 and 1.3 can be spoken"));
    }
    if min > max {
        return Err(no_version(settings, "min_version is above max_version"));
    }
    if min < Version::Tls12 {
        notices.push(format!("min_version: {min} cannot be spoken, so the handshake begins at TLS 1.2"));
    }
    let mut versions = Vec::with_capacity(2);
    if max >= Version::Tls13 {
        versions.push(&version::TLS13);
    }
    if min <= Version::Tls12 {
        versions.push(&version::TLS12);
    }
    Ok(versions)
}

fn no_version(settings: &Settings, why: &'static str) -> TlsConfigError {
    let min = settings.min_version.unwrap_or(Version::Tls12);
    TlsConfigError::Versions { min, max: settings.max_version.unwrap_or(Version::Tls13), why }
}

fn certified(identity: &Identity, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TlsConfigError> {
    let certificates = CertificateDer::pem_slice_iter(&identity.certificates)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| TlsConfigError::Certificate(error.to_string()))?;
    if certificates.is_empty() {
        return Err(TlsConfigError::Certificate("no certificate in it (pem expected)".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(&identity.key)
        .map_err(|_| TlsConfigError::Key("no unencrypted private key in it (pem expected)".to_owned()))?;
    match CertifiedKey::from_der(certificates, key, provider) {
        Ok(certified) => Ok(Arc::new(certified)),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(TlsConfigError::Key("it does not belong to the certificate".to_owned()))
        }
        Err(error) => Err(TlsConfigError::Key(error.to_string())),
    }
}
