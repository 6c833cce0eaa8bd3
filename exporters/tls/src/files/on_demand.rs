//! Files that are read now, because somebody asks for them.

use std::time::Instant;

use wire::tls::Certificate;

use super::faults::Fault;
use super::find::{Pattern, find_until};
use super::label::label;
use super::{formats, read};

/// The files of a pattern with their certificates, and what could not be read, with the cause.
#[derive(Debug, Default)]
pub(crate) struct OnDemand {
    pub(crate) files: Vec<(String, Vec<Certificate>)>,
    pub(crate) faults: Vec<(String, String)>,
}

/// The certificates in bytes of any format.
pub(crate) fn certificates(bytes: &[u8]) -> Vec<Certificate> {
    formats::read(bytes, None, &[]).certificates
}

/// Reads the files that a pattern names; a relative one begins in the working directory. Blocks, and stops looking at the
/// deadline, which is a fault then.
///
/// # Errors
/// What is wrong with the pattern.
pub(crate) fn on_demand(pattern: &str, deadline: Instant) -> Result<OnDemand, String> {
    let absolute = std::path::absolute(pattern).map_err(|error| error.to_string())?;
    let pattern = Pattern::new(&absolute.to_string_lossy())?;
    let found = find_until(&[pattern], &[], Some(deadline));
    let mut read_now = OnDemand::default();
    for (folder, error) in found.closed {
        read_now.faults.push((folder.display().to_string(), error.to_string()));
    }
    for path in found.files {
        if Instant::now() >= deadline {
            read_now
                .faults
                .push((absolute.display().to_string(), "not all could be read in time".to_owned()));
            break;
        }
        let read = read::read(&path, &[]);
        let path = label(&path).into_owned();
        // A key is no certificates' file.
        if let Some(fault) = read.faults.first().filter(|fault| **fault != Fault::OnlyKey) {
            read_now.faults.push((path.clone(), fault.word().to_owned()));
        }
        if !read.certificates.is_empty() {
            read_now.files.push((path, read.certificates));
        }
    }
    Ok(read_now)
}
