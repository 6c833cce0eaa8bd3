//! The files that a source's patterns name.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::time::Instant;

use globset::{GlobBuilder, GlobMatcher};

/// No pattern is followed deeper than this below where it begins.
const DEPTH: usize = 12;

/// A pattern: from a folder without wildcards downwards.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    base: PathBuf,
    /// `None`: a path without wildcards.
    glob: Option<GlobMatcher>,
    /// What the folders on the way to a match are called, from the one below `base` to the first `**`.
    way: Vec<GlobMatcher>,
    /// How deep below `base` a match can lie.
    depth: usize,
    /// Whether `**` is in it.
    recursive: bool,
}

impl Pattern {
    /// `*` and `?` stay within a folder, `**` goes through any number of them; an absolute path.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let path = Path::new(text);
        if !path.is_absolute() {
            return Err("not an absolute path".to_owned());
        }
        let wild = |part: &Component<'_>| part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{']);
        // Without `//` and `/./`, which no path has that is found.
        let parts: Vec<Component<'_>> = path.components().collect();
        let Some(first) = parts.iter().position(wild) else { return Ok(Self::file(&joined(&parts))) };
        let glob = matcher(&parts)?;
        let recursive = text.contains("**");
        let depth = if recursive { DEPTH } else { parts.len() - first };
        let way = parts.iter().position(|part| is_recursive(part)).unwrap_or(parts.len() - 1);
        let way = if parts.iter().any(is_odd) { first } else { way };
        let way = (first + 1..=way).map(|end| matcher(&parts[..end])).collect::<Result<_, _>>()?;
        Ok(Self { base: parts[..first].iter().collect(), glob: Some(glob), way, depth, recursive })
    }

    /// A file, whatever characters its path has.
    pub(super) fn file(path: &Path) -> Self {
        Self { base: path.to_owned(), glob: None, way: Vec::new(), depth: 0, recursive: false }
    }

    /// Whether it has wildcards, and this is the folder above them.
    pub(super) fn begins_at(&self, folder: &Path) -> bool {
        self.glob.is_some() && folder == self.base
    }

    /// Whether it has no wildcards, and this is the file.
    pub(super) fn names(&self, path: &Path) -> bool {
        self.glob.is_none() && path == self.base
    }

    /// Whether a match may lie in this folder, `level` folders below the first of those whose names are told.
    fn leads_through(&self, folder: &Path, level: usize) -> bool {
        self.way.get(level).is_none_or(|way| way.is_match(folder))
    }

    pub(super) fn matches(&self, path: &Path) -> bool {
        self.glob.as_ref().map_or(path == self.base, |glob| glob.is_match(path))
    }
}

fn joined(parts: &[Component<'_>]) -> PathBuf {
    parts.iter().collect()
}

fn matcher(parts: &[Component<'_>]) -> Result<GlobMatcher, String> {
    let built = GlobBuilder::new(&joined(parts).to_string_lossy()).literal_separator(true).build();
    built.map(|glob| glob.compile_matcher()).map_err(|error| error.kind().to_string())
}

fn is_recursive(part: &Component<'_>) -> bool {
    part.as_os_str().to_string_lossy().contains("**")
}

/// Whether a part of a pattern is none by itself: a brace with a `/` in it begins or ends there.
fn is_odd(part: &Component<'_>) -> bool {
    let part = part.as_os_str().to_string_lossy();
    part.matches('{').count() != part.matches('}').count()
}

/// What was found, and the folders that could not be read.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) files: BTreeSet<PathBuf>,
    /// The folders that were looked into, and those that links lead to: a change in one of them may change what is found.
    pub(super) folders: BTreeSet<PathBuf>,
    pub(super) closed: Vec<(PathBuf, std::io::Error)>,
    until: Option<Instant>,
}

impl Found {
    /// Takes a file; if it is a link, a change where that leads is one of the file's.
    fn file(&mut self, path: PathBuf) {
        if let (Ok(target), Some(folder)) = (std::fs::read_link(&path), path.parent())
            && let Some(behind) = folder.join(target).parent()
        {
            self.folders.insert(behind.to_owned());
        }
        self.files.insert(path);
    }

    /// Takes the folder in which something is or will be: the nearest above it that is there.
    fn folder_of(&mut self, path: &Path) {
        let above = path.ancestors().skip(1).find(|folder| folder.is_dir());
        self.folders.extend(above.map(Path::to_owned));
    }
}

/// Every file that one of `paths` names and none of `exclude`. A file that is named without wildcards is found whether
/// it is there or not, so that its absence is told.
pub(super) fn find(paths: &[Pattern], exclude: &[Pattern]) -> Found {
    find_until(paths, exclude, None)
}

/// The same, of what is found until then.
pub(super) fn find_until(paths: &[Pattern], exclude: &[Pattern], until: Option<Instant>) -> Found {
    let mut found = Found { until, ..Found::default() };
    for pattern in paths {
        if pattern.glob.is_none() {
            found.file(pattern.base.clone());
            found.folder_of(&pattern.base);
        } else {
            walk(pattern, &pattern.base, pattern.depth, exclude, &mut found);
            if !found.folders.contains(&pattern.base) {
                found.folder_of(&pattern.base);
            }
        }
    }
    found.files.retain(|file| !exclude.iter().any(|pattern| pattern.matches(file)));
    found
}

fn walk(pattern: &Pattern, folder: &Path, depth: usize, exclude: &[Pattern], found: &mut Found) {
    if found.until.is_some_and(|until| Instant::now() >= until) {
        return;
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        // A folder that is not there has no files; one that is closed may.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
        Err(error) => return found.closed.push((folder.to_owned(), error)),
    };
    found.folders.insert(folder.to_owned());
    for entry in entries {
        // What a folder does not tell to its end may hold more: it is closed.
        let entry = match entry.and_then(|entry| Ok((entry.path(), entry.file_type()?))) {
            Ok(entry) => entry,
            Err(error) => {
                found.closed.push((folder.to_owned(), error));
                continue;
            }
        };
        let (path, kind) = entry;
        // Links are followed to files (certbot's live is made of them), to folders only where the pattern's depth is
        // known: with `**` they could lead round in a circle.
        let link = kind.is_symlink();
        if kind.is_dir() || (link && is_folder(&path, pattern, depth > 1 && !pattern.recursive, found)) {
            let follow = depth > 1 && !(link && pattern.recursive);
            let follow = follow && pattern.leads_through(&path, pattern.depth - depth);
            if follow && !exclude.iter().any(|pattern| pattern.matches(&path)) {
                walk(pattern, &path, depth - 1, exclude, found);
            }
        } else if pattern.matches(&path) {
            if link {
                found.file(path);
            } else {
                found.files.insert(path);
            }
        }
    }
}

/// Whether a link leads to a folder. One that leads to where nobody may look is closed, whatever lies there.
fn is_folder(link: &Path, pattern: &Pattern, deeper: bool, found: &mut Found) -> bool {
    match std::fs::metadata(link) {
        Ok(meta) => meta.is_dir(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => {
            // A file of the pattern's own tells of itself.
            if deeper && !pattern.matches(link) {
                found.closed.push((link.to_owned(), error));
            }
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_on_the_way_to_a_match_are_looked_into() {
        let lab = tempfile::tempdir().unwrap();
        for file in ["site-a/cert.pem", "private/cert.pem", "deep/live/b/x.pem", "deep/other/b/x.pem"] {
            let place = lab.path().join(file);
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            std::fs::write(place, "").unwrap();
        }
        for (pattern, files, folders) in [
            ("site-*/cert.pem", "site-a/cert.pem", " site-a"),
            // As people write it.
            (".//site-*/./cert.pem", "site-a/cert.pem", " site-a"),
            ("d*/live/**/*.pem", "deep/live/b/x.pem", " deep deep/live deep/live/b"),
            ("deep/{live/b,other/b}/*.pem", "deep/live/b/x.pem deep/other/b/x.pem", ""),
        ] {
            let found = find(&[Pattern::new(&format!("{}/{pattern}", lab.path().display())).unwrap()], &[]);
            let told = |paths: &BTreeSet<PathBuf>| {
                let own = paths.iter().filter_map(|path| path.strip_prefix(lab.path()).ok()?.to_str());
                own.collect::<Vec<_>>().join(" ")
            };
            assert_eq!(told(&found.files), files, "{pattern}");
            assert!(folders.is_empty() || told(&found.folders) == folders, "{pattern}: {:?}", found.folders);
        }
    }
}
