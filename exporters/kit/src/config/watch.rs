//! Which files have changed: by polling, which also sees what inotify does not (network file systems, the symbolic links
//! that Kubernetes and Docker exchange, a file replaced as a whole).

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher as _;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Watches files for change of content. A file that is touched, or replaced by its like, has not changed; one that
/// appears or disappears has.
#[derive(Debug)]
pub struct Watcher {
    files: Vec<(PathBuf, Seen)>,
    interval: Duration,
}

/// What was last seen of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    /// Seconds, nanoseconds, length, device, inode; `None` when it is not there.
    stamp: Option<(i64, i64, u64, u64, u64)>,
    content: Option<u64>,
}

impl Watcher {
    /// Watches these paths as they are now; symbolic links are followed. Looks every `interval` (at least every 10 ms).
    #[must_use]
    pub fn new(paths: impl IntoIterator<Item = PathBuf>, interval: Duration) -> Self {
        let files = paths.into_iter().map(|path| {
            let seen = look(&path, Seen::default());
            (path, seen)
        });
        Self { files: files.collect(), interval: interval.max(Duration::from_millis(10)) }
    }

    /// Waits until at least one file has changed; returns all that have since the last call. Never returns when it
    /// watches nothing. Dropping the future loses nothing.
    pub async fn changed(&mut self) -> Vec<PathBuf> {
        if self.files.is_empty() {
            std::future::pending::<()>().await;
        }
        loop {
            tokio::time::sleep(self.interval).await;
            let changed = self.poll();
            if !changed.is_empty() {
                return changed;
            }
        }
    }

    /// Looks once; returns what has changed since the last look.
    pub fn poll(&mut self) -> Vec<PathBuf> {
        let mut changed = Vec::new();
        for (path, seen) in &mut self.files {
            let now = look(path, *seen);
            if now.content != seen.content {
                changed.push(path.clone());
            }
            *seen = now;
        }
        changed
    }
}

/// What is seen of a file now; its content is only read when its stamp is not the one seen `before`.
fn look(path: &Path, before: Seen) -> Seen {
    let Ok(metadata) = std::fs::metadata(path) else { return Seen::default() };
    let stamp =
        Some((metadata.mtime(), metadata.mtime_nsec(), metadata.len(), metadata.dev(), metadata.ino()));
    if stamp == before.stamp {
        return before;
    }
    Seen { stamp, content: hash(path) }
}

/// Not cryptographic, and not kept beyond the process: it only has to tell one version of a file from the next.
fn hash(path: &Path) -> Option<u64> {
    let mut file = super::file::open(path).ok()?;
    let mut hasher = DefaultHasher::new();
    let mut buffer = [0; 8192];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Some(hasher.finish()),
            Ok(length) => hasher.write(&buffer[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const SHORT: Duration = Duration::from_millis(10);

    #[test]
    fn only_a_change_of_content_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("a"), "one").unwrap();
        let mut watcher = Watcher::new([path("a"), path("b")], SHORT);
        assert_eq!(watcher.poll(), Vec::<PathBuf>::new());

        std::fs::write(path("b"), "new").unwrap();
        assert_eq!(watcher.poll(), [path("b")], "appeared");
        std::fs::write(path("c"), "one").unwrap();
        std::fs::rename(path("c"), path("a")).unwrap();
        assert_eq!(watcher.poll(), Vec::<PathBuf>::new(), "replaced by its like");
        std::fs::write(path("a"), "three").unwrap();
        std::fs::remove_file(path("b")).unwrap();
        assert_eq!(watcher.poll(), [path("a"), path("b")], "changed and gone");
        assert_eq!(watcher.poll(), Vec::<PathBuf>::new());
    }

    #[test]
    fn symbolic_links_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("v1"), "one").unwrap();
        std::fs::write(path("v2"), "two").unwrap();
        symlink("v1", path("current")).unwrap();
        let mut watcher = Watcher::new([path("current")], SHORT);
        symlink("v2", path("next")).unwrap();
        std::fs::rename(path("next"), path("current")).unwrap();
        assert_eq!(watcher.poll(), [path("current")]);
    }

    #[tokio::test]
    async fn changed_waits_for_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        std::fs::write(&file, "one").unwrap();
        let mut watcher = Watcher::new([file.clone()], SHORT);
        let early = tokio::time::timeout(Duration::from_millis(50), watcher.changed()).await;
        assert!(early.is_err(), "{early:?}");
        std::fs::write(&file, "three").unwrap();
        let changed = tokio::time::timeout(Duration::from_secs(10), watcher.changed()).await;
        assert_eq!(changed.unwrap(), [file]);
    }
}
