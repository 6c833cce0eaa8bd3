//! Files that are read now, because somebody asks for them.

use wire::tls::Certificate;

use super::find::{Pattern, find};
use super::{formats, read};

/// The files of a pattern with their certificates, and what could not be read, with the cause.
#[derive(Debug, Default)]
pub(crate) struct Once {
    pub(crate) files: Vec<(String, Vec<Certificate>)>,
    pub(crate) faults: Vec<(String, String)>,
}

/// The certificates in bytes of any format.
pub(crate) fn certificates(bytes: &[u8]) -> Vec<Certificate> {
    formats::read(bytes).certificates
}

/// Reads the files that a pattern names; a relative one begins in the working directory. Blocks.
///
/// # Errors
/// What is wrong with the pattern.
pub(crate) fn once(pattern: &str) -> Result<Once, String> {
    let absolute = std::path::absolute(pattern).map_err(|error| error.to_string())?;
    let pattern = Pattern::new(&absolute.to_string_lossy())?;
    let found = find(&[pattern], &[]);
    let mut once = Once::default();
    for (folder, error) in found.closed {
        once.faults.push((folder.display().to_string(), error.to_string()));
    }
    for path in found.files {
        let read = read::read(&path);
        let path = path.display().to_string();
        // Keys and the like are no certificates' files.
        if !read.only_key
            && let Some(fault) = read.faults.first()
        {
            once.faults.push((path.clone(), fault.word().to_owned()));
        }
        if !read.certificates.is_empty() {
            once.files.push((path, read.certificates));
        }
    }
    Ok(once)
}
