//! The last inventory is kept through a restart: while Nginx Proxy Manager is away after it, its hosts stay targets.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kit::Store;
use serde::{Deserialize, Serialize};

use super::discover::Folders;
use super::entry::Entry;
use super::inventory::Inventory;
use super::state::{Known, State};

/// The form of the document. One of another form is not read, but put aside.
const VERSION: u32 = 1;
/// What has not changed is written so often, so that it is known how old it is.
const EVERY: Duration = Duration::from_secs(3600);

/// The document; `I` is what the inventory is while it is written or read.
#[derive(Debug, Deserialize, Serialize)]
struct Kept<I> {
    version: u32,
    /// Where it was read from.
    place: String,
    at: SystemTime,
    folders: Folders,
    inventory: I,
}

/// What is recalled: the inventory, when it was read, and which folders were there.
pub(super) type Recalled = (Inventory, SystemTime, Folders);

/// What was last kept.
#[derive(Debug, Default)]
pub(super) struct Keeping {
    /// The inventory, and when it was read.
    last: Option<(Arc<Inventory>, Folders, SystemTime)>,
    /// Whether that it could not be kept was told.
    told: bool,
}

impl Keeping {
    /// When the inventory that is kept was read.
    pub(super) fn at(&self) -> Option<SystemTime> {
        self.last.as_ref().map(|(.., at)| *at)
    }

    /// Whether this need not be kept, since it is, and not long ago.
    fn holds(&self, inventory: &Inventory, folders: Folders, at: SystemTime) -> bool {
        self.last.as_ref().is_some_and(|(kept, there, then)| {
            let recent = at.duration_since(*then).is_ok_and(|passed| passed < EVERY);
            recent && **kept == *inventory && *there == folders
        })
    }
}

/// Keeps what is known, in a thread that may wait for the disk, if it is something else than what is kept or it is time.
pub(super) fn keep(store: &Store, entry: &Entry, state: &Arc<State>, known: &Known) {
    let (Some((inventory, at)), Some(folders)) = (&known.inventory, known.folders) else { return };
    if known.keeping.holds(inventory, folders, *at) {
        return;
    }
    let (store, npm, place) = (store.clone(), entry.name.clone(), entry.identity().1);
    let (state, inventory, at) = (Arc::clone(state), Arc::clone(inventory), *at);
    tokio::task::spawn_blocking(move || {
        // What a thread before this one hangs on is not waited for: the next reading comes here again.
        let Some(_turn) = state.keeping.claim() else { return };
        let document = Kept { version: VERSION, place, at, folders, inventory: &*inventory };
        let kept = store.keep(&name(&npm), &document);
        let mut known = state.lock();
        match kept {
            Ok(()) => known.keeping = Keeping { last: Some((inventory, folders, at)), told: false },
            Err(error) => {
                if !known.keeping.told {
                    let folder = store.folder().display();
                    tracing::warn!(npm, %folder, %error, "the inventory cannot be kept for after a restart");
                }
                known.keeping = Keeping { last: None, told: true };
            }
        }
    });
}

/// The inventory that was known before this process began, of the same place.
pub(super) fn recall(store: &Store, entry: &Entry) -> Option<Recalled> {
    let npm = entry.name.as_str();
    let recalled = store.recall::<Kept<Inventory>>(&name(npm), VERSION).inspect_err(
        |error| tracing::warn!(npm, %error, "the inventory that was known before cannot be read"),
    );
    let Kept { at, folders, inventory, .. } =
        recalled.ok()?.filter(|kept| kept.place == entry.identity().1)?;
    tracing::info!(npm, hosts = inventory.hosts.len(), "the inventory that was known before is recalled");
    Some((inventory, at, folders))
}

fn name(npm: &str) -> String {
    format!("tls-npm-{npm}")
}
