//! Which file system a file lies on, so that one that is not mounted is not taken for one whose files are deleted.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A file system: the folder that it begins at, and its number (`st_dev`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Mount {
    #[serde(with = "super::label")]
    root: PathBuf,
    device: u64,
}

impl Mount {
    /// Whether it is not there now: its folder is not, or another file system shows there, and an empty one. What is mounted
    /// from elsewhere on the same file system (`mount --bind`) cannot be told from its folder.
    pub(super) fn is_missing(&self) -> bool {
        match std::fs::metadata(&self.root) {
            Err(_) => true,
            Ok(meta) if meta.dev() == self.device => false,
            Ok(_) => std::fs::read_dir(&self.root).map_or(true, |mut entries| entries.next().is_none()),
        }
    }
}

/// The file systems of folders, each looked up once in a scan.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    by_folder: HashMap<PathBuf, Option<Arc<Mount>>>,
    real: HashMap<PathBuf, Option<PathBuf>>,
}

impl Mounts {
    /// Those that a file needs: its folder's, and if it is a link, that of what it leads to.
    pub(super) fn of(&mut self, file: &Path) -> Vec<Arc<Mount>> {
        let mut all = Vec::with_capacity(1);
        let folder = file.parent().and_then(|folder| {
            let real = self.real.entry(folder.to_owned()).or_insert_with(|| folder.canonicalize().ok());
            real.clone()
        });
        let link = std::fs::read_link(file).ok().and_then(|_| file.canonicalize().ok());
        let behind = link.as_deref().and_then(Path::parent).map(Path::to_owned);
        for folder in folder.into_iter().chain(behind) {
            if let Some(mount) = self.of_folder(&folder)
                && !all.contains(&mount)
            {
                all.push(mount);
            }
        }
        all
    }

    fn of_folder(&mut self, folder: &Path) -> Option<Arc<Mount>> {
        if let Some(known) = self.by_folder.get(folder) {
            return known.clone();
        }
        let found = device(folder).and_then(|own| match folder.parent() {
            Some(above) if device(above) == Some(own) => self.of_folder(above),
            _ => Some(Arc::new(Mount { root: folder.to_owned(), device: own })),
        });
        self.by_folder.insert(folder.to_owned(), found.clone());
        found
    }
}

fn device(folder: &Path) -> Option<u64> {
    std::fs::metadata(folder).ok().map(|meta| meta.dev())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_mounted_is_missing() {
        let lab = tempfile::tempdir().unwrap();
        let folder = lab.path().canonicalize().unwrap();
        let here = device(&folder).unwrap();
        let mount = |root: PathBuf, device| Mount { root, device };
        assert!(!mount(folder.clone(), here).is_missing());
        assert!(mount(folder.clone(), here + 1).is_missing(), "another one, and empty");
        assert!(mount(folder.join("none"), here).is_missing());
        std::fs::write(folder.join("a"), "").unwrap();
        assert!(!mount(folder.clone(), here + 1).is_missing(), "another one has come in its place");
        let all = Mounts::default().of(&folder.join("a"));
        assert_eq!(all.len(), 1);
        assert!(!all[0].is_missing() && folder.starts_with(&all[0].root), "{all:?}");
        // A link needs what it leads to as well; /proc is a file system of its own everywhere.
        std::os::unix::fs::symlink("/proc/version", folder.join("link")).unwrap();
        let all = Mounts::default().of(&folder.join("link"));
        assert_eq!(all.last().map(|mount| mount.root.as_path()), Some(Path::new("/proc")));
    }
}
