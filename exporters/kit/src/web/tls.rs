//! rustls's server side by the toolkit's `tls_server_config`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion};

use super::client::{self, Policy};
use super::raw::RawTls;
use crate::config::{Document, Problem, Secret, Spanned};

/// No certificate or key is larger, in bytes, nor a bundle of authorities.
const LARGEST: u64 = 16 << 20;

/// Builds it; what is wrong goes to `problems`, what was read to `files`.
pub(super) fn server_config(
    raw: &Spanned<RawTls>,
    http2: bool,
    document: &Document,
    files: &mut Vec<PathBuf>,
    problems: &mut Vec<Problem>,
) -> Option<Arc<ServerConfig>> {
    let before = problems.len();
    let mut section = |cause: String| problems.push(document.problem(raw, "tls_server_config", cause, ""));
    let mut read = |text: &Secret, file: &Option<PathBuf>, what: &str, needed: bool| {
        source(text, file.as_deref(), what, needed, document, files).map_err(&mut section).ok()
    };
    let chain = read(&raw.cert, &raw.cert_file, "cert", true);
    let key = read(&raw.key, &raw.key_file, "key", true);
    let authority = read(&raw.client_ca, &raw.client_ca_file, "client_ca", false);
    let policy = policy(raw, document, problems);
    let versions = versions(raw, document, problems);
    let provider = provider(raw, document, problems);
    if problems.len() > before {
        return None;
    }
    let built = build(raw, &chain?, &key?, &authority?, policy?, &versions, provider);
    match built {
        Ok(mut config) => {
            config.alpn_protocols =
                if http2 { vec![b"h2".into(), b"http/1.1".into()] } else { vec![b"http/1.1".into()] };
            Some(Arc::new(config))
        }
        Err(cause) => {
            problems.push(document.problem(raw, "tls_server_config", cause, ""));
            None
        }
    }
}

fn build(
    raw: &RawTls,
    chain: &Source,
    key: &Source,
    authority: &Source,
    policy: Policy,
    versions: &[&'static SupportedProtocolVersion],
    provider: CryptoProvider,
) -> Result<ServerConfig, String> {
    let chain = certificates(chain)?;
    let key = PrivateKeyDer::from_pem_slice(&key.bytes).map_err(|error| format!("{}: {error}", key.name))?;
    let mut roots = RootCertStore::empty();
    if !authority.bytes.is_empty() {
        for certificate in certificates(authority)? {
            roots.add(certificate).map_err(|error| format!("{}: {error}", authority.name))?;
        }
    }
    let provider = Arc::new(provider);
    let verifier = client::verifier(policy, roots, raw.client_allowed_sans.clone(), &provider)?;
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| error.to_string())?;
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config =
        builder.with_single_cert(chain, key).map_err(|error| format!("certificate and key: {error}"))?;
    config.ignore_client_order = raw.prefer_server_cipher_suites;
    Ok(config)
}

/// A PEM text and what to call it.
struct Source {
    name: String,
    bytes: Vec<u8>,
}

fn source(
    text: &Secret,
    file: Option<&Path>,
    what: &str,
    needed: bool,
    document: &Document,
    files: &mut Vec<PathBuf>,
) -> Result<Source, String> {
    match (text.is_empty(), file) {
        (false, Some(_)) => Err(format!("{what} and {what}_file are both given; keep one")),
        (false, None) => Ok(Source { name: what.to_owned(), bytes: text.expose().as_bytes().to_vec() }),
        (true, Some(file)) => {
            let path = document.path(file);
            // Also when it cannot be read: once it can, the configuration is to be read again.
            files.push(path.clone());
            let bytes = crate::config::read(&path, LARGEST)
                .map_err(|error| format!("{what}_file {}: {error}", path.display()))?;
            Ok(Source { name: format!("{what}_file {}", path.display()), bytes })
        }
        (true, None) if needed => Err(format!("missing one of {what} or {what}_file")),
        (true, None) => Ok(Source { name: what.to_owned(), bytes: Vec::new() }),
    }
}

fn certificates(source: &Source) -> Result<Vec<CertificateDer<'static>>, String> {
    let list: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&source.bytes).collect();
    match list {
        Ok(list) if list.is_empty() => Err(format!("{}: no certificate in it", source.name)),
        Ok(list) => Ok(list),
        Err(error) => Err(format!("{}: {error}", source.name)),
    }
}

fn policy(raw: &Spanned<RawTls>, document: &Document, problems: &mut Vec<Problem>) -> Option<Policy> {
    let name = &raw.client_auth_type;
    let key = "tls_server_config.client_auth_type";
    let Some(policy) = Policy::by_name(name) else {
        problems.push(document.problem(
            name,
            key,
            format!("unknown policy {:?}", name.value),
            "write NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert",
        ));
        return None;
    };
    let authority = !raw.client_ca.is_empty() || raw.client_ca_file.is_some();
    if authority && policy == Policy::None {
        problems.push(document.problem(
            raw,
            key,
            "client_ca is given without a policy for client certificates",
            "add client_auth_type: RequireAndVerifyClientCert",
        ));
    }
    if policy.verifies() && !authority {
        problems.push(document.problem(
            name,
            key,
            format!("{} needs client_ca or client_ca_file", name.value),
            "name the authority that signs the clients' certificates",
        ));
    }
    Some(policy)
}

fn versions(
    raw: &RawTls,
    document: &Document,
    problems: &mut Vec<Problem>,
) -> Vec<&'static SupportedProtocolVersion> {
    let mut rank = |value: &Spanned<String>, key: &str, default: u8| match value.as_str() {
        "" => default,
        "TLS12" => 12,
        "TLS13" => 13,
        "SSL30" | "TLS10" | "TLS11" => {
            problems.push(document.problem(
                value,
                format!("tls_server_config.{key}"),
                format!("{} is obsolete; this server speaks TLS 1.2 and 1.3", value.value),
                "write TLS12 or TLS13",
            ));
            default
        }
        _ => {
            problems.push(document.problem(
                value,
                format!("tls_server_config.{key}"),
                format!("unknown version {:?}", value.value),
                "write TLS12 or TLS13",
            ));
            default
        }
    };
    let (lowest, highest) =
        (rank(&raw.min_version, "min_version", 12), rank(&raw.max_version, "max_version", 13));
    if lowest > highest {
        problems.push(document.problem(
            &raw.min_version,
            "tls_server_config.min_version",
            "min_version is above max_version",
            "",
        ));
    }
    [(12, &TLS12), (13, &TLS13)]
        .into_iter()
        .filter(|(v, _)| (lowest..=highest).contains(v))
        .map(|(_, v)| v)
        .collect()
}

/// The one provider of the suite, narrowed to what the file names. As in Go, `cipher_suites` is about TLS 1.2 alone:
/// all suites of TLS 1.3 are good.
fn provider(raw: &RawTls, document: &Document, problems: &mut Vec<Problem>) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    let mut suites: Vec<SupportedCipherSuite> = Vec::new();
    for wanted in &raw.cipher_suites {
        let found = provider.cipher_suites.iter().find(|suite| suite_name(suite) == normal(wanted));
        match found {
            Some(suite) => suites.push(*suite),
            None => {
                let known = wanted.starts_with("TLS_RSA_") || wanted.starts_with("TLS_ECDHE_");
                let cause = if known {
                    format!("{} has no forward secrecy, or is broken; it is not offered", wanted.value)
                } else {
                    format!("unknown cipher suite {:?}", wanted.value)
                };
                let names: Vec<String> = provider.cipher_suites.iter().map(suite_name).collect();
                let way_out = format!("choose from {}", names.join(", "));
                problems.push(document.problem(wanted, "tls_server_config.cipher_suites", cause, way_out));
            }
        }
    }
    if !suites.is_empty() {
        let modern = provider.cipher_suites.iter().filter(|suite| suite.tls13().is_some()).copied();
        let mut all: Vec<SupportedCipherSuite> = modern.collect();
        all.extend(suites.into_iter().filter(|suite| suite.tls13().is_none()));
        provider.cipher_suites = all;
    }
    let mut groups = Vec::new();
    for wanted in &raw.curve_preferences {
        let name = match wanted.as_str() {
            "CurveP256" => "secp256r1",
            "CurveP384" => "secp384r1",
            other => other,
        };
        let found = aws_lc_rs::ALL_KX_GROUPS
            .iter()
            .find(|group| format!("{:?}", group.name()).eq_ignore_ascii_case(name));
        match found {
            Some(group) => groups.push(*group),
            None => problems.push(document.problem(
                wanted,
                "tls_server_config.curve_preferences",
                format!("{:?} is not offered", wanted.value),
                "choose from X25519, X25519MLKEM768, CurveP256, CurveP384",
            )),
        }
    }
    if !groups.is_empty() {
        provider.kx_groups = groups;
    }
    provider
}

/// A suite by IANA's name, as Go spells it: rustls's names of TLS 1.3 suites begin with `TLS13_`.
fn suite_name(suite: &SupportedCipherSuite) -> String {
    format!("{:?}", suite.suite()).replace("TLS13_", "TLS_")
}

/// Go has two older names without the hash.
fn normal(name: &str) -> String {
    if name.ends_with("_CHACHA20_POLY1305") { format!("{name}_SHA256") } else { name.to_owned() }
}
