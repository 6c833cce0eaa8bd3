//! A module of prometheus-pve-exporter's `pve.yml`: credentials without a host, which the request's target names. And the
//! same from its environment variables.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::config::{Document, Problem, Secret, SecretSource, Spanned};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize};

use super::identity::SECRET_BEHIND;
use crate::api::access::Identity;
use crate::api::token;

/// The peer's default, in seconds.
const TIMEOUT: f64 = 5.0;
/// The longest timeout, in seconds.
const LONGEST: f64 = 3600.0;
/// Where pveproxy listens.
pub const PORT: u16 = 8006;

/// A module as it is written.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModuleSection {
    /// `user@realm`; also `user@realm!token`, which the peer does not understand and its users write all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Spanned<String>>,
    /// The user's password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Spanned<Secret>>,
    /// The token's name, the part behind the `!`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_name: Option<Spanned<String>>,
    /// The token's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_value: Option<Spanned<Secret>>,
    /// Whether the certificate must be good; or the path of the authority's certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify_ssl: Option<Spanned<VerifySsl>>,
    /// Default: 8006.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<Spanned<u16>>,
    /// In seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Spanned<f64>>,
}

/// `verify_ssl`: a truth or a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum VerifySsl {
    /// By the system's authorities, or not at all.
    Flag(bool),
    /// By the certificates in a file.
    File(PathBuf),
}

impl<'de> Deserialize<'de> for VerifySsl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = VerifySsl;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false, or the path of a file with certificates")
            }
            fn visit_bool<E>(self, flag: bool) -> Result<VerifySsl, E> {
                Ok(VerifySsl::Flag(flag))
            }
            fn visit_str<E>(self, text: &str) -> Result<VerifySsl, E> {
                Ok(match text.to_ascii_lowercase().as_str() {
                    "true" | "yes" | "on" => VerifySsl::Flag(true),
                    "false" | "no" | "off" => VerifySsl::Flag(false),
                    _ => VerifySsl::File(text.into()),
                })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// A validated module.
#[derive(Clone, Debug, PartialEq)]
pub struct Module {
    /// Who.
    pub identity: Identity,
    /// Whether the certificate must be good.
    pub verify: bool,
    /// The authority's certificates, PEM, in place of the system's.
    pub ca: Option<Vec<u8>>,
    /// The port of a target that names none.
    pub port: u16,
    /// How long a call may take.
    pub timeout: Duration,
    /// The folder that files are relative to.
    pub folder: PathBuf,
}

impl ModuleSection {
    /// Validates; what is wrong is told with its position.
    pub fn module(&self, name: &str, document: &Document, problems: &mut Vec<Problem>) -> Option<Module> {
        let before = problems.len();
        let way_out = "give user with password, or user with token_name and token_value";
        let user = self.user.as_ref().map_or("", |user| user.as_str());
        // What the peer's users write: the whole name of the token as the user.
        let (user, token) = match (user.split_once('!'), &self.token_name) {
            (Some((user, token)), None) => (user, Some(token)),
            (Some((user, token)), Some(named)) if token == named.as_str() => (user, Some(token)),
            (Some(_), Some(named)) => {
                let cause = "user names another token than token_name";
                let problem = document.problem(named, format!("{name}.token_name"), cause, "name it once");
                problems
                    .push(Problem { snippet: problem.snippet.filter(|_| !named.contains('=')), ..problem });
                return None;
            }
            (None, named) => (user, named.as_ref().map(|named| named.as_str())),
        };
        if token.is_some_and(|token| token.contains('=')) {
            // Without its line, which has the secret in it.
            let key = if self.token_name.is_some() { "token_name" } else { "user" };
            let way_out = "write the name alone, e.g. farol@pve!farol, and the secret as token_value";
            let problem = document.problem_at(format!("{name}.{key}"), SECRET_BEHIND, way_out);
            problems.push(Problem { snippet: None, ..problem });
            return None;
        }
        let mut tell = |cause: &str, way_out: &str, key: &str| {
            let problem = match (&self.user, key) {
                (Some(at), "user") => document.problem(at, format!("{name}.{key}"), cause, way_out),
                _ => document.problem_at(format!("{name}.{key}"), cause, way_out),
            };
            // A line with the secret in it is not shown.
            let snippet = problem.snippet.filter(|_| key != "token_value");
            problems.push(Problem { snippet, ..problem });
        };
        if user.is_empty() {
            tell("a module needs a user", way_out, "user");
        } else if !user.contains('@') {
            tell("the user has no realm", "write it as user@realm, e.g. farol@pve or root@pam", "user");
        }
        let identity = match (token, &self.token_value, &self.password) {
            (Some(token), Some(value), _) => {
                let name = format!("{user}!{token}");
                if let Err(failure) = token::secret(value.expose(), &name) {
                    tell(&failure.detail, "give the secret as it was printed, alone", "token_value");
                }
                Some(Identity::Token(name, SecretSource::Inline(value.value.clone())))
            }
            (Some(_), None, _) => {
                tell("the token has no token_value", way_out, "token_name");
                None
            }
            (None, Some(_), _) => {
                tell("token_value without token_name", way_out, "token_value");
                None
            }
            (None, None, Some(password)) => {
                Some(Identity::Password(user.to_owned(), SecretSource::Inline(password.value.clone())))
            }
            (None, None, None) => {
                tell("there is neither a password nor a token", way_out, "user");
                None
            }
        };
        let (mut verify, mut ca) = (true, None);
        match self.verify_ssl.as_ref().map(|verify| (verify, &verify.value)) {
            Some((_, VerifySsl::Flag(flag))) => verify = *flag,
            Some((at, VerifySsl::File(path))) => {
                ca = read(document, at, path, &format!("{name}.verify_ssl"), problems)
            }
            None => {}
        }
        let seconds = self.timeout.as_ref().map_or(TIMEOUT, |timeout| timeout.value);
        if let Some(at) = self.timeout.as_ref().filter(|_| !(seconds > 0.0 && seconds <= LONGEST)) {
            let cause = format!("{seconds} is no number of seconds to wait");
            problems.push(document.problem(at, format!("{name}.timeout"), cause, "give e.g. 5"));
        }
        let identity = identity.filter(|_| problems.len() == before)?;
        Some(Module {
            identity,
            verify,
            ca,
            port: self.port.as_ref().map_or(PORT, |port| port.value),
            timeout: Duration::from_secs_f64(seconds),
            folder: document.folder.clone(),
        })
    }

    /// The peer's environment: `PVE_USER` switches it on, `PVE_MODULE` names the module.
    #[must_use]
    pub fn of_environment(get: impl Fn(&str) -> Option<String>) -> Option<(String, Self)> {
        let text = |name: &str| get(name).filter(|value| !value.is_empty());
        let user = text("PVE_USER")?;
        let section = Self {
            user: Some(user.into()),
            password: text("PVE_PASSWORD").map(|text| Secret::new(text).into()),
            token_name: text("PVE_TOKEN_NAME").map(Spanned::new),
            token_value: text("PVE_TOKEN_VALUE").map(|text| Secret::new(text).into()),
            verify_ssl: text("PVE_VERIFY_SSL").map(|text| {
                let no = ["false", "no", "0", "off"].contains(&text.to_ascii_lowercase().as_str());
                VerifySsl::Flag(!no).into()
            }),
            ..Self::default()
        };
        Some((text("PVE_MODULE").unwrap_or_else(|| "default".to_owned()), section))
    }
}

/// Reads a file with certificates.
pub(super) fn read<T>(
    document: &Document,
    at: &Spanned<T>,
    path: &Path,
    key: &str,
    problems: &mut Vec<Problem>,
) -> Option<Vec<u8>> {
    /// No such file is larger, in bytes.
    const LARGEST: u64 = 16 << 20;
    let place = document.path(path);
    match kit::config::read(&place, LARGEST) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            let cause = format!("read {}: {error}", place.display());
            let way_out =
                "give a file that can be read; the cluster's own authority is /etc/pve/pve-root-ca.pem";
            problems.push(document.problem(at, key, cause, way_out));
            None
        }
    }
}
