//! Folders whose changes the kernel tells at once (inotify), so that a renewed certificate shows within a second and not at
//! the next look. What it cannot tell (network file systems, more folders than it allows) is found by looking, as before.

use std::collections::{BTreeSet, HashMap};
use std::os::fd::{AsFd as _, AsRawFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use nix::sys::statfs::{FsType, statfs};

/// The most folders of one source that are watched; the others are only looked at.
const MOST: usize = 4096;

/// File systems on which another machine can change a file without this kernel's knowledge: NFS, SMB in its three
/// versions, FUSE (sshfs, and half of all others), 9p, Ceph. The numbers are those of statfs(2).
const REMOTE: [i64; 7] = [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x6573_5546, 0x0102_1997, 0x00c3_6400];

/// The folders that are watched, each for the sources (by name) whose files lie in it.
#[derive(Debug)]
pub(super) struct Notices {
    inotify: Inotify,
    folders: Mutex<Folders>,
    full: AtomicBool,
    remote: AtomicBool,
}

#[derive(Debug, Default)]
struct Folders {
    by_place: HashMap<(String, PathBuf), WatchDescriptor>,
    /// A source stands here once for each of its places: a folder may have two names.
    by_watch: HashMap<WatchDescriptor, Vec<String>>,
}

/// Who is told of a change.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Touched {
    /// These sources.
    Sources(BTreeSet<String>),
    /// So much has changed that some of it was lost.
    All,
}

impl Notices {
    /// # Errors
    /// The kernel gives no more of them.
    pub(super) fn new() -> nix::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        Ok(Self { inotify, folders: Mutex::default(), full: false.into(), remote: false.into() })
    }

    /// Watches these folders for a source, and those that it had before no more. Returns how many it has now, and whether
    /// some are new: what changed before they were watched is not told.
    pub(super) fn follow(&self, source: &str, wanted: &BTreeSet<PathBuf>) -> (usize, bool) {
        let mut folders = self.lock();
        let mut new = false;
        for folder in wanted.iter().take(MOST) {
            let place = (source.to_owned(), folder.clone());
            if folders.by_place.contains_key(&place) {
                continue;
            }
            match self.inotify.add_watch(folder, CHANGES) {
                Ok(watch) => {
                    new = true;
                    self.warn_if_remote(folder);
                    folders.by_watch.entry(watch).or_default().push(source.to_owned());
                    folders.by_place.insert(place, watch);
                }
                Err(error) => self.warn_if_full(folder, error),
            }
        }
        if wanted.len() > MOST {
            self.warn_if_full(Path::new("the others"), Errno::ENOSPC);
        }
        let gone = folders.by_place.keys().filter(|(of, folder)| of == source && !wanted.contains(folder));
        for place in gone.cloned().collect::<Vec<_>>() {
            let Some(watch) = folders.by_place.remove(&place) else { continue };
            let Some(sources) = folders.by_watch.get_mut(&watch) else { continue };
            if let Some(at) = sources.iter().position(|of| of == source) {
                sources.swap_remove(at);
            }
            if sources.is_empty() {
                folders.by_watch.remove(&watch);
                // It fails if the folder is gone, and the watch with it.
                let _ = self.inotify.rm_watch(watch);
            }
        }
        (folders.by_place.keys().filter(|(of, _)| of == source).count(), new)
    }

    /// Whose files have changed since the last call; `None` if the kernel has nothing to tell.
    pub(super) fn read(&self) -> nix::Result<Touched> {
        let events = self.inotify.read_events()?;
        let mut folders = self.lock();
        let mut touched = BTreeSet::new();
        for event in events {
            if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
                return Ok(Touched::All);
            }
            touched.extend(folders.by_watch.get(&event.wd).into_iter().flatten().cloned());
            if event.mask.contains(AddWatchFlags::IN_IGNORED) {
                // The folder is gone. If it comes back, it is another one.
                folders.by_watch.remove(&event.wd);
                folders.by_place.retain(|_, watch| *watch != event.wd);
            }
        }
        Ok(Touched::Sources(touched))
    }

    fn warn_if_full(&self, folder: &Path, error: Errno) {
        // A folder that has gone meanwhile, or is closed, is told of by the scan.
        if error == Errno::ENOSPC && !self.full.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                folder = %folder.display(),
                "no more folders can be watched (sysctl fs.inotify.max_user_watches, or 4,096 of a source): changes there \
                 are found at the next look"
            );
        }
    }

    fn warn_if_remote(&self, folder: &Path) {
        let Ok(kind) = statfs(folder).map(|facts| facts.filesystem_type()) else { return };
        if is_remote(kind) && !self.remote.swap(true, Ordering::Relaxed) {
            tracing::info!(
                folder = %folder.display(),
                "a network file system: what another machine changes there is found at the next look"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, Folders> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What counts as a change. Nothing that reading does: a look would call for the next one.
const CHANGES: AddWatchFlags = AddWatchFlags::IN_CREATE
    .union(AddWatchFlags::IN_CLOSE_WRITE)
    .union(AddWatchFlags::IN_MOVED_FROM)
    .union(AddWatchFlags::IN_MOVED_TO)
    .union(AddWatchFlags::IN_DELETE)
    .union(AddWatchFlags::IN_DELETE_SELF)
    .union(AddWatchFlags::IN_MOVE_SELF)
    .union(AddWatchFlags::IN_ATTRIB)
    .union(AddWatchFlags::IN_ONLYDIR);

fn is_remote(kind: FsType) -> bool {
    // The type's width and sign differ between systems.
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast, reason = "not everywhere useless")]
    let number = kind.0 as i64 & 0xffff_ffff;
    REMOTE.contains(&number)
}

impl AsRawFd for Notices {
    fn as_raw_fd(&self) -> RawFd {
        self.inotify.as_fd().as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_told_of_what() {
        let lab = tempfile::tempdir().unwrap();
        let path = |name: &str| lab.path().join(name);
        for name in ["a", "b"] {
            std::fs::create_dir(path(name)).unwrap();
        }
        let set = |names: &[&str]| names.iter().map(|name| path(name)).collect::<BTreeSet<_>>();
        let notices = Notices::new().unwrap();
        assert_eq!(notices.follow("0", &set(&["a", "b", "none"])), (2, true));
        assert_eq!(notices.follow("1", &set(&["b"])), (1, true));
        assert_eq!(notices.follow("1", &set(&["b"])), (1, false));
        assert_eq!(notices.read(), Err(Errno::EAGAIN));
        let touched =
            |sources: &[&str]| Ok(Touched::Sources(sources.iter().map(|name| (*name).to_owned()).collect()));
        std::fs::write(path("b/x"), "1").unwrap();
        assert_eq!(notices.read(), touched(&["0", "1"]));
        let _ = std::fs::read(path("b/x")).unwrap();
        assert_eq!(notices.read(), Err(Errno::EAGAIN), "to read is no change");
        assert_eq!(notices.follow("0", &set(&["a"])), (1, false));
        std::fs::remove_file(path("b/x")).unwrap();
        assert_eq!(notices.read(), touched(&["1"]));
        // A folder that is exchanged is another one.
        std::fs::remove_dir(path("a")).unwrap();
        assert_eq!(notices.read(), touched(&["0"]));
        std::fs::create_dir(path("a")).unwrap();
        assert_eq!(notices.follow("0", &set(&["a"])), (1, true));
        // By two names it is watched until both are given up.
        std::os::unix::fs::symlink("b", path("link")).unwrap();
        assert_eq!(notices.follow("1", &set(&["b", "link"])), (2, true));
        assert_eq!(notices.follow("1", &set(&["link"])), (1, false));
        std::fs::write(path("b/y"), "1").unwrap();
        assert_eq!(notices.read(), touched(&["1"]));
        assert!(!is_remote(statfs(lab.path()).unwrap().filesystem_type()));
    }
}
