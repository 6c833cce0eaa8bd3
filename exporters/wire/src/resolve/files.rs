//! The machine's own resolver files, read again when they change: a laptop or a router's client changes networks while
//! the process lives, and a container's runtime writes resolv.conf after it has started.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::client::Client;
use super::hosts::{self, Hosts};

/// How often the files are looked at, at most.
const LOOK: Duration = Duration::from_secs(2);

/// The files and what they last said.
#[derive(Debug)]
pub(super) struct Files {
    resolv_conf: PathBuf,
    hosts: PathBuf,
    state: Mutex<Option<State>>,
}

#[derive(Debug)]
struct State {
    looked: Instant,
    resolv_conf: Stamp,
    hosts: Stamp,
    view: Arc<View>,
}

/// What the files say.
#[derive(Debug)]
pub(super) struct View {
    pub(super) hosts: Arc<Hosts>,
    /// The servers to ask, or why there are none.
    pub(super) client: Result<Client, String>,
}

/// What tells a file from its next version: modified (seconds and nanoseconds), size, inode; `None` without the file.
type Stamp = Option<(i64, i64, u64, u64)>;

impl Files {
    pub(super) fn system() -> Self {
        Self::new(PathBuf::from("/etc/resolv.conf"), PathBuf::from("/etc/hosts"))
    }

    pub(super) fn new(resolv_conf: PathBuf, hosts: PathBuf) -> Self {
        Self { resolv_conf, hosts, state: Mutex::new(None) }
    }

    /// What the files say now, give or take [`LOOK`].
    pub(super) fn view(&self) -> Arc<View> {
        self.view_at(Instant::now())
    }

    fn view_at(&self, now: Instant) -> Arc<View> {
        let mut slot = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = slot.as_ref()
            && now.saturating_duration_since(state.looked) < LOOK
        {
            return state.view.clone();
        }
        let (resolv_conf, hosts) = (stamp(&self.resolv_conf), stamp(&self.hosts));
        let view = match slot.take() {
            Some(old) if old.resolv_conf == resolv_conf && old.hosts == hosts => old.view,
            Some(old) if old.resolv_conf == resolv_conf => {
                Arc::new(View { hosts: read_hosts(&self.hosts), client: old.view.client.clone() })
            }
            Some(old) if old.hosts == hosts => {
                Arc::new(View { hosts: old.view.hosts.clone(), client: read_servers(&self.resolv_conf) })
            }
            _ => Arc::new(View { hosts: read_hosts(&self.hosts), client: read_servers(&self.resolv_conf) }),
        };
        *slot = Some(State { looked: now, resolv_conf, hosts, view: view.clone() });
        view
    }
}

fn stamp(path: &Path) -> Stamp {
    let of = |meta: Metadata| (meta.mtime(), meta.mtime_nsec(), meta.size(), meta.ino());
    std::fs::metadata(path).ok().map(of)
}

/// A machine without a hosts file is a machine with an empty one.
fn read_hosts(path: &Path) -> Arc<Hosts> {
    let text = std::fs::read(path).unwrap_or_default();
    Arc::new(hosts::parse(&String::from_utf8_lossy(&text)))
}

fn read_servers(path: &Path) -> Result<Client, String> {
    let text =
        std::fs::read(path).map_err(|error| format!("no server to ask: {}: {error}", path.display()))?;
    Client::of_resolv_conf(&text).map_err(|error| format!("no server to ask: {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_files_are_read_again_but_not_at_every_lookup() {
        let folder = tempfile::tempdir().unwrap();
        let (resolv_conf, hosts) = (folder.path().join("resolv.conf"), folder.path().join("hosts"));
        let files = Files::new(resolv_conf.clone(), hosts.clone());
        let began = Instant::now();

        let view = files.view_at(began);
        let why = view.client.as_ref().err().cloned().unwrap_or_default();
        assert!(why.contains("resolv.conf: No such file"), "{why}");
        assert!(hosts::lookup(&view.hosts, "nas").is_none());

        std::fs::write(&hosts, "192.0.2.1 nas\n").unwrap();
        std::fs::write(&resolv_conf, "nameserver 127.0.0.1\n").unwrap();
        assert!(Arc::ptr_eq(&view, &files.view_at(began + LOOK / 2)), "too early to look");
        let view = files.view_at(began + LOOK);
        assert!(view.client.is_ok());
        assert_eq!(hosts::lookup(&view.hosts, "nas").map(<[_]>::len), Some(1));
        assert!(Arc::ptr_eq(&view, &files.view_at(began + LOOK * 2)), "nothing has changed");

        std::fs::write(&hosts, "192.0.2.1 nas\n192.0.2.2 nas\n").unwrap();
        assert_eq!(hosts::lookup(&files.view_at(began + LOOK * 3).hosts, "nas").map(<[_]>::len), Some(2));

        std::fs::write(&resolv_conf, "# nothing\n").unwrap();
        let why = files.view_at(began + LOOK * 4).client.as_ref().err().cloned().unwrap_or_default();
        assert!(why.contains("no nameserver"), "{why}");
    }
}
