//! A file's place as a label's value: no two files have the same.

use std::borrow::Cow;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize as _, Deserializer, Serializer};

/// The path as it is, save that what is no UTF-8 becomes `\xNN`, a byte each, `#` too, for it stands before the name of what lies
/// in a file, and `\` therefore `\\`.
pub(crate) fn label(path: &Path) -> Cow<'_, str> {
    let bytes = path.as_os_str().as_bytes();
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(['\\', '#']) => Cow::Borrowed(text),
        _ => {
            let mut out = String::with_capacity(bytes.len() + 8);
            for chunk in bytes.utf8_chunks() {
                out.push_str(&chunk.valid().replace('\\', "\\\\").replace('#', "\\x23"));
                for byte in chunk.invalid() {
                    out.push_str(&format!("\\x{byte:02x}"));
                }
            }
            Cow::Owned(out)
        }
    }
}

/// The path of a label.
fn path(label: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(label.len());
    let mut rest = label;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let number = after.get(1..3).filter(|_| after.starts_with('x'));
        match number.and_then(|number| u8::from_str_radix(number, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            None => {
                bytes.push(b'\\');
                rest = after.strip_prefix('\\').unwrap_or(after);
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    OsString::from_vec(bytes).into()
}

/// For `#[serde(with = "…")]`: JSON has no paths that are no text.
pub(super) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&label(path))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    Ok(path(&String::deserialize(deserializer)?))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn no_two_files_have_one_label() {
        let all: [(&[u8], &str); 9] = [
            (b"/a/b.pem", "/a/b.pem"),
            ("/ção.pem".as_bytes(), "/ção.pem"),
            (b"/\xff.pem", r"/\xff.pem"),
            (b"/\xfe.pem", r"/\xfe.pem"),
            (br"/\xff.pem", r"/\\xff.pem"),
            (b"/a.jks#b", r"/a.jks\x23b"),
            (br"/a.jks\x23b", r"/a.jks\\x23b"),
            (br"/dev\x2d1.pem", r"/dev\\x2d1.pem"),
            (b"/\xe7\xe3o\xc3\xa7.pem", r"/\xe7\xe3oç.pem"),
        ];
        for (bytes, want) in all {
            assert_eq!(label(Path::new(OsStr::from_bytes(bytes))), want);
            assert_eq!(path(want).as_os_str().as_bytes(), bytes);
        }
        let labels: HashSet<_> =
            all.iter().map(|(bytes, _)| label(Path::new(OsStr::from_bytes(bytes)))).collect();
        assert_eq!(labels.len(), all.len());
    }
}
