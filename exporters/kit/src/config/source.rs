//! Secrets read from where they lie: the configuration, a file, the environment, systemd.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::secret::Secret;

/// Where a secret lies. In a file: the text itself, or a map with one of the keys `file` (a path relative to the
/// configuration file), `env` (an environment variable) and `credential` (a systemd credential, `LoadCredential=`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// In the configuration itself.
    Inline(Secret),
    /// In a file; one newline at its end does not belong to the secret.
    File(PathBuf),
    /// In an environment variable.
    Env(String),
    /// In a file of this name in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

/// Why a secret cannot be had. Never shows the secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("secret file {}: {cause}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// The system's words.
        cause: std::io::Error,
    },
    /// The file is larger than any secret.
    #[error("secret file {}: larger than 64 KiB", path.display())]
    TooLarge {
        /// Its path.
        path: PathBuf,
    },
    /// It is not text.
    #[error("secret {name}: not UTF-8")]
    NotText {
        /// The file or variable.
        name: String,
    },
    /// There is nothing in it.
    #[error("secret {name}: empty")]
    Empty {
        /// The file or variable.
        name: String,
    },
    /// The environment variable is not set.
    #[error("secret environment variable {name}: not set")]
    NotSet {
        /// The variable.
        name: String,
    },
    /// The program was not started by systemd with credentials.
    #[error(
        "secret credential {name}: $CREDENTIALS_DIRECTORY is not set; start by systemd with LoadCredential={name}:/path"
    )]
    NoCredentials {
        /// The credential.
        name: String,
    },
    /// A credential's name is a file's name, not a path.
    #[error("secret credential {name}: not a plain file name")]
    CredentialName {
        /// The credential.
        name: String,
    },
}

/// More than any secret has.
const LARGEST: u64 = 64 * 1024;

impl SecretSource {
    /// Reads the secret now. `folder` is the configuration's ([`super::Document::folder`]).
    ///
    /// # Errors
    /// The place and the cause.
    pub fn read(&self, folder: &Path) -> Result<Secret, SecretError> {
        self.read_with(folder, |name| std::env::var_os(name))
    }

    /// [`Self::read`] with another environment.
    ///
    /// # Errors
    /// The place and the cause.
    pub fn read_with(
        &self,
        folder: &Path,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Secret, SecretError> {
        match self {
            Self::Inline(secret) => Ok(secret.clone()),
            Self::File(_) | Self::Credential(_) => read_file(&self.locate(folder, environment)?),
            Self::Env(name) => {
                let value = environment(name).ok_or_else(|| SecretError::NotSet { name: name.clone() })?;
                let shown = format!("environment variable {name}");
                let text = value.into_string().map_err(|_| SecretError::NotText { name: shown.clone() })?;
                if text.is_empty() { Err(SecretError::Empty { name: shown }) } else { Ok(Secret::new(text)) }
            }
        }
    }

    /// The file it lies in, for a [`super::Watcher`]; `None` when it lies in none.
    #[must_use]
    pub fn file(&self, folder: &Path) -> Option<PathBuf> {
        self.locate(folder, |name| std::env::var_os(name)).ok()
    }

    fn locate(
        &self,
        folder: &Path,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<PathBuf, SecretError> {
        match self {
            Self::File(path) => Ok(folder.join(path)),
            Self::Credential(name) => {
                if name.is_empty() || name.contains('/') || name == ".." || name == "." {
                    return Err(SecretError::CredentialName { name: name.clone() });
                }
                environment("CREDENTIALS_DIRECTORY")
                    .map(|directory| PathBuf::from(directory).join(name))
                    .ok_or_else(|| SecretError::NoCredentials { name: name.clone() })
            }
            Self::Inline(_) => Err(SecretError::NotSet { name: "inline".into() }),
            Self::Env(name) => Err(SecretError::NotSet { name: name.clone() }),
        }
    }
}

fn read_file(path: &Path) -> Result<Secret, SecretError> {
    let own = || path.to_path_buf();
    let file = super::file::open(path).map_err(|cause| SecretError::File { path: own(), cause })?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|cause| SecretError::File { path: own(), cause })?;
    if bytes.len() as u64 > LARGEST {
        return Err(SecretError::TooLarge { path: own() });
    }
    let name = || format!("file {}", path.display());
    let mut text = String::from_utf8(bytes).map_err(|_| SecretError::NotText { name: name() })?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.is_empty() { Err(SecretError::Empty { name: name() }) } else { Ok(Secret::new(text)) }
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SourceVisitor)
    }
}

struct SourceVisitor;

impl<'de> Visitor<'de> for SourceVisitor {
    type Value = SecretSource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret: text in quotes, or one of {file: …}, {env: …}, {credential: …}")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<SecretSource, E> {
        Ok(SecretSource::Inline(Secret::new(text)))
    }

    // YAML reads a bare number or word as such; its spelling (`0123`, `yes`) is lost then, and it must not be shown.
    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<SecretSource, E> {
        Err(E::custom("a number; put the secret in quotes"))
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<SecretSource, E> {
        Err(E::custom("a number; put the secret in quotes"))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<SecretSource, E> {
        Err(E::custom("a number; put the secret in quotes"))
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<SecretSource, E> {
        Err(E::custom("a boolean; put the secret in quotes"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretSource, A::Error> {
        const KEYS: &[&str] = &["file", "env", "credential"];
        let one_of = || serde::de::Error::custom("write exactly one of the keys `file`, `env`, `credential`");
        let key: String = map.next_key()?.ok_or_else(one_of)?;
        let source = match key.as_str() {
            "file" => SecretSource::File(map.next_value()?),
            "env" => SecretSource::Env(map.next_value()?),
            "credential" => SecretSource::Credential(map.next_value()?),
            other => return Err(serde::de::Error::unknown_field(other, KEYS)),
        };
        if map.next_key::<String>()?.is_some() {
            return Err(one_of());
        }
        Ok(source)
    }
}

impl Serialize for SecretSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (key, value) = match self {
            Self::Inline(secret) => return secret.serialize(serializer),
            Self::File(path) => ("file", path.to_string_lossy()),
            Self::Env(name) => ("env", Cow::Borrowed(name.as_str())),
            Self::Credential(name) => ("credential", Cow::Borrowed(name.as_str())),
        };
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(key, &value)?;
        map.end()
    }
}

impl JsonSchema for SecretSource {
    fn schema_name() -> Cow<'static, str> {
        "SecretSource".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = |key: &str| {
            let properties =
                serde_json::Map::from_iter([(key.to_owned(), serde_json::json!({ "type": "string" }))]);
            serde_json::json!({ "type": "object", "properties": properties, "required": [key], "additionalProperties": false })
        };
        json_schema!({
            "anyOf": [{ "type": "string", "format": "password" }, one("file"), one("env"), one("credential")],
            "x-example": { "file": "secret.txt" }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Document;

    #[test]
    fn sources_as_they_are_written() {
        for (yaml, want) in [
            ("hunter2", SecretSource::Inline(Secret::new("hunter2"))),
            ("\"0123\"", SecretSource::Inline(Secret::new("0123"))),
            ("{file: a/b}", SecretSource::File("a/b".into())),
            ("{env: TOKEN}", SecretSource::Env("TOKEN".into())),
            ("{credential: token}", SecretSource::Credential("token".into())),
        ] {
            let source: Vec<SecretSource> = Document::embedded("t", &format!("- {yaml}")).parse().unwrap();
            assert_eq!(source, [want], "{yaml}");
            let shown = serde_saphyr::to_string(&source).unwrap();
            assert!(!shown.contains("hunter2") && !shown.contains("0123"), "{shown}");
        }
        for (yaml, why) in [
            ("0123", "a number; put the secret in quotes"),
            ("yes", "a boolean; put the secret in quotes"),
            ("{}", "write exactly one of the keys `file`, `env`, `credential`"),
            ("{file: a, env: b}", "write exactly one of the keys `file`, `env`, `credential`"),
            ("{fiel: a}", "unknown key"),
        ] {
            let error = Document::embedded("t", &format!("token: {yaml}"))
                .parse::<std::collections::BTreeMap<String, SecretSource>>()
                .unwrap_err();
            assert_eq!(error.problems[0].cause, why, "{yaml}: {error}");
            assert!(!error.to_string().contains("0123"), "{error}");
        }
    }

    #[test]
    fn secrets_are_read_from_where_they_lie() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        write("good", b"hunter2\n");
        write("two", b"hunter2\n\n");
        write("windows", b"hunter2\r\n");
        write("empty", b"\n");
        write("binary", b"\xffhunter2");
        write("large", &[b'a'; 70_000]);
        let directory = folder.path().as_os_str().to_owned();
        let environment = |name: &str| match name {
            "CREDENTIALS_DIRECTORY" => Some(directory.clone()),
            "TOKEN" => Some("hunter2".into()),
            "NOTHING" => Some("".into()),
            _ => None,
        };
        let read = |source: SecretSource| source.read_with(folder.path(), environment);
        let file = |name: &str| SecretSource::File(name.into());
        for (source, want) in [
            (file("good"), "hunter2"),
            (file("two"), "hunter2\n"),
            (file("windows"), "hunter2"),
            (SecretSource::Credential("good".into()), "hunter2"),
            (SecretSource::Env("TOKEN".into()), "hunter2"),
            (SecretSource::Inline(Secret::new("hunter2")), "hunter2"),
        ] {
            assert_eq!(read(source.clone()).unwrap().expose(), want, "{source:?}");
        }
        let path = |name: &str| folder.path().join(name).display().to_string();
        for (source, why) in [
            (file("none"), format!("secret file {}: No such file or directory (os error 2)", path("none"))),
            (file("empty"), format!("secret file {}: empty", path("empty"))),
            (file("binary"), format!("secret file {}: not UTF-8", path("binary"))),
            (file("large"), format!("secret file {}: larger than 64 KiB", path("large"))),
            (SecretSource::Env("ABSENT".into()), "secret environment variable ABSENT: not set".into()),
            (SecretSource::Env("NOTHING".into()), "secret environment variable NOTHING: empty".into()),
            (SecretSource::Credential("../x".into()), "secret credential ../x: not a plain file name".into()),
        ] {
            assert_eq!(read(source).unwrap_err().to_string(), why);
        }
        let none = SecretSource::Credential("token".into()).read_with(folder.path(), |_| None).unwrap_err();
        assert_eq!(
            none.to_string(),
            "secret credential token: $CREDENTIALS_DIRECTORY is not set; start by systemd with LoadCredential=token:/path"
        );
    }
}
