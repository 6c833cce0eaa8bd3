//! `tls_config`, as every Prometheus component writes it.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use kit::config::{Secret, Spanned};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::tls::{Client, Identity, Roots, Settings, TlsConfigError, Version};

use crate::module::Workshop;

/// TLS of a client.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsSection {
    /// Whether to accept any certificate. The probe still tells what was wrong with it. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insecure_skip_verify: Option<bool>,
    /// File with the certificates to trust (PEM) in place of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"ca.pem")]
    pub ca_file: Option<Spanned<PathBuf>>,
    /// The certificates to trust (PEM), in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<Spanned<String>>,
    /// File with the client's own certificate (PEM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"client.pem")]
    pub cert_file: Option<Spanned<PathBuf>>,
    /// The client's own certificate (PEM), in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert: Option<Spanned<String>>,
    /// File with the key of the client's certificate (PEM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"client.key")]
    pub key_file: Option<Spanned<PathBuf>>,
    /// The key of the client's certificate (PEM), in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Secret>,
    /// The name to ask for and to find in the certificate, in place of the target's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"www.example.org")]
    pub server_name: Option<Spanned<String>>,
    /// The oldest version to speak: TLS12 (the default) or TLS13. TLS10 and TLS11 are read as TLS12.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_version: Option<Spanned<TlsVersion>>,
    /// The newest version to speak: TLS12 or TLS13 (the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_version: Option<Spanned<TlsVersion>>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
pub enum TlsVersion {
    /// TLS 1.0, which is not spoken here.
    #[serde(rename = "TLS10")]
    Tls10,
    /// TLS 1.1, which is not spoken here.
    #[serde(rename = "TLS11")]
    Tls11,
    /// TLS 1.2.
    #[serde(rename = "TLS12")]
    Tls12,
    /// TLS 1.3.
    #[serde(rename = "TLS13")]
    Tls13,
}

/// What the modules' TLS clients share: the system's trust anchors, and the client of all that have no `tls_config`.
#[derive(Debug)]
pub struct Shelf {
    roots: Arc<Roots>,
    plain: OnceLock<Arc<Client>>,
}

impl Shelf {
    /// An empty shelf; nothing is read from disk yet.
    #[must_use]
    pub fn new() -> Self {
        Self { roots: Arc::new(Roots::system()), plain: OnceLock::new() }
    }
}

impl Default for Shelf {
    fn default() -> Self {
        Self::new()
    }
}

/// The TLS client of a section. `server_name` is not in it: a prober decides it for each handshake. `key` is the
/// section's place in the module, e.g. `http.tls_config`. `None` if a problem was noted.
#[must_use]
pub fn client(section: Option<&TlsSection>, workshop: &mut Workshop<'_>, key: &str) -> Option<Arc<Client>> {
    let shelf = workshop.shelf;
    let plain = section.is_none_or(|section| {
        section.insecure_skip_verify != Some(true)
            && section.ca_file.is_none()
            && section.ca.is_none()
            && section.cert_file.is_none()
            && section.cert.is_none()
            && section.min_version.is_none()
            && section.max_version.is_none()
    });
    if let Some(section) = section {
        check(section, workshop, key)?;
    }
    if plain && let Some(client) = shelf.plain.get() {
        return Some(Arc::clone(client));
    }
    let settings = settings(section, workshop, key)?;
    match Client::new(&settings) {
        Ok(client) => {
            for notice in client.notices() {
                workshop.notice("tls_version", format!("module {}: {notice}", workshop.module));
            }
            let client = Arc::new(client);
            if plain {
                return Some(Arc::clone(shelf.plain.get_or_init(|| client)));
            }
            Some(client)
        }
        Err(error) => {
            told(section, &error, workshop, key);
            None
        }
    }
}

/// The name that a section says to ask for, in place of the target's.
#[must_use]
pub fn server_name(section: Option<&TlsSection>) -> Option<String> {
    let name = section?.server_name.as_ref()?;
    (!name.is_empty()).then(|| name.value.clone())
}

/// What excludes one another, and the name.
fn check(section: &TlsSection, workshop: &mut Workshop<'_>, key: &str) -> Option<()> {
    let before = workshop.problems.len();
    if let (Some(file), Some(_)) = (&section.ca_file, &section.ca) {
        workshop.problem(file, &format!("{key}.ca_file"), "ca and ca_file exclude one another", "keep one");
    }
    if let (Some(file), Some(_)) = (&section.cert_file, &section.cert) {
        workshop.problem(
            file,
            &format!("{key}.cert_file"),
            "cert and cert_file exclude one another",
            "keep one",
        );
    }
    if let (Some(file), Some(_)) = (&section.key_file, &section.key) {
        workshop.problem(
            file,
            &format!("{key}.key_file"),
            "key and key_file exclude one another",
            "keep one",
        );
    }
    if let Some(name) = section.server_name.as_ref().filter(|name| !name.is_empty())
        && rustls_pki_types::ServerName::try_from(name.as_str()).is_err()
    {
        let cause = format!("{:?} is neither a host name nor an ip address", name.as_str());
        workshop.problem(
            name,
            &format!("{key}.server_name"),
            cause,
            "give the name alone, e.g. www.example.org",
        );
    }
    (workshop.problems.len() == before).then_some(())
}

fn settings(section: Option<&TlsSection>, workshop: &mut Workshop<'_>, key: &str) -> Option<Settings> {
    let roots = Arc::clone(&workshop.shelf.roots);
    let Some(section) = section else { return Some(Settings { roots, ..Settings::default() }) };
    let ca = pem(
        section.ca_file.as_ref(),
        section.ca.as_ref().map(|ca| ca.as_str()),
        workshop,
        &format!("{key}.ca_file"),
    )?;
    let cert = section.cert.as_ref().map(|cert| cert.as_str());
    let certificates = pem(section.cert_file.as_ref(), cert, workshop, &format!("{key}.cert_file"))?;
    let secret = section.key.as_ref().map(|key| key.expose());
    let private = pem(section.key_file.as_ref(), secret, workshop, &format!("{key}.key_file"))?;
    let identity = match (certificates, private) {
        (Some(certificates), Some(key)) => Some(Identity { certificates, key }),
        (None, None) => None,
        _ => {
            workshop.problem_at(
                key,
                "one half of a client certificate",
                "give both cert_file (or cert) and key_file (or key), or neither",
            );
            return None;
        }
    };
    Some(Settings {
        insecure_skip_verify: section.insecure_skip_verify.unwrap_or(false),
        ca,
        roots,
        identity,
        server_name: None,
        keep_paths: false,
        heed_staple: false,
        min_version: section.min_version.as_ref().map(|version| version.spoken()),
        max_version: section.max_version.as_ref().map(|version| version.spoken()),
    })
}

/// A PEM text from a file or from its place; the outer `None` is a problem that was noted.
#[allow(clippy::option_option, reason = "a problem that was noted is not the absence of a key")]
fn pem(
    file: Option<&Spanned<PathBuf>>,
    inline: Option<&str>,
    workshop: &mut Workshop<'_>,
    key: &str,
) -> Option<Option<Vec<u8>>> {
    match file.filter(|file| !file.as_os_str().is_empty()) {
        Some(file) => workshop.read(file, key).map(Some),
        None => Some(inline.filter(|text| !text.is_empty()).map(|text| text.as_bytes().to_vec())),
    }
}

/// Notes an error at the key that it is about.
fn told(section: Option<&TlsSection>, error: &TlsConfigError, workshop: &mut Workshop<'_>, key: &str) {
    let Some(section) = section else {
        return workshop.problem_at(key, error, "this machine cannot speak TLS");
    };
    let way_out = "give PEM as openssl writes it";
    match error {
        TlsConfigError::Ca(_) => match &section.ca_file {
            Some(file) => workshop.problem(file, &format!("{key}.ca_file"), error, way_out),
            None => workshop.problem_at(key, error, way_out),
        },
        TlsConfigError::Certificate(_) => match &section.cert_file {
            Some(file) => workshop.problem(file, &format!("{key}.cert_file"), error, way_out),
            None => workshop.problem_at(key, error, way_out),
        },
        TlsConfigError::Key(_) => match &section.key_file {
            Some(file) => workshop.problem(file, &format!("{key}.key_file"), error, way_out),
            None => workshop.problem_at(key, error, way_out),
        },
        TlsConfigError::Versions { .. } => {
            match section.max_version.as_ref().or(section.min_version.as_ref()) {
                Some(version) => {
                    workshop.problem(version, &format!("{key}.max_version"), error, "take TLS12 or TLS13")
                }
                None => workshop.problem_at(key, error, "take TLS12 or TLS13"),
            }
        }
        TlsConfigError::ServerName(_) => workshop.problem_at(key, error, "give the name alone"),
    }
}

impl TlsVersion {
    /// As [`wire::tls`] names it.
    const fn spoken(self) -> Version {
        match self {
            TlsVersion::Tls10 => Version::Tls10,
            TlsVersion::Tls11 => Version::Tls11,
            TlsVersion::Tls12 => Version::Tls12,
            TlsVersion::Tls13 => Version::Tls13,
        }
    }
}
