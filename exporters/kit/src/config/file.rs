//! Files, read without ever waiting for them: a pipe that nobody writes to would stand in for a file for ever, and with it
//! everything that the thread does beside it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Opens a regular file for reading.
///
/// # Errors
/// It is not there, may not be read, or is something else: a folder, a pipe, a device.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    // O_NONBLOCK: opening a pipe does not wait for its writer. It means nothing to a regular file.
    let file = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !kind.is_file() {
        return Err(io::Error::other("not a regular file, but a pipe, a socket or a device"));
    }
    Ok(file)
}

/// A regular file's content; for what an exporter reads beside its configuration: keys, certificates, bodies.
///
/// # Errors
/// As `open`; also if it is larger than `most` bytes.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {most} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_read_and_nothing_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(read(&pipe, 10).unwrap_err().to_string().starts_with("not a regular file"));
        assert!(read(Path::new("/dev/zero"), 10).unwrap_err().to_string().starts_with("not a regular file"));
        assert_eq!(read(folder.path(), 10).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        let file = folder.path().join("file");
        std::fs::write(&file, "0123456789").unwrap();
        assert_eq!(read(&file, 10).unwrap(), b"0123456789");
        assert_eq!(read(&file, 9).unwrap_err().to_string(), "larger than 9 bytes");
    }
}
