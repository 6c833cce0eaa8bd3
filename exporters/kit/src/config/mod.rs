//! Strict YAML: unknown keys, wrong types and doubled keys are refused with file, line, column, key, cause and the way out.

use std::fmt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A configuration's text and where it came from.
#[derive(Clone, Debug)]
pub struct Document {
    /// The file's path as it was given, or a name such as `built-in`.
    pub name: String,
    /// The YAML.
    pub text: String,
    /// The folder that relative paths in it are relative to.
    pub folder: PathBuf,
}

impl Document {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        todo!()
    }
    /// A document that is not a file.
    pub fn embedded(name: &str, text: &str) -> Self {
        todo!()
    }
    /// Parses strictly.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        todo!()
    }
    /// A problem at a value's position. `key` is its path, e.g. `targets[2].module`.
    pub fn problem<T>(&self, at: &Spanned<T>, key: impl fmt::Display, cause: impl fmt::Display, way_out: impl fmt::Display) -> Problem {
        todo!()
    }
    /// A path of the document, made absolute by its folder.
    pub fn path(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }
}

/// Everything that is wrong with a document.
#[derive(Debug, thiserror::Error)]
#[error("{}", .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Displayed.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A value that knows its line and column.
#[derive(Clone, Debug, Default)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// From 1; 0 when not read from a file.
    pub line: u64,
    /// From 1; 0 when not read from a file.
    pub column: u64,
}
