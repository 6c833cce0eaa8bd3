//! What is known of a Nginx Proxy Manager. It outlives a reload.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use kit::Group;
use kit::schedule::Busy;

use super::api::Session;
use super::discover::{self, Folders};
use super::entry::Entry;
use super::inventory::Inventory;
use super::keep::{Keeping, Recalled};
use super::reasons::Fault;

/// What is kept of one.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) busy: Busy,
    /// Of the thread that reads from a disk: it may hang there for longer than a reading may take, and no other joins it.
    pub(super) disk: Busy,
    /// Of the thread that writes what is kept.
    pub(super) keeping: Busy,
    pub(super) session: Session,
    known: Mutex<Known>,
}

/// What a lock covers.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) last: Option<Last>,
    /// The last good reading, and when it ended. While its source is down it is told on, with this time beside it.
    pub(super) inventory: Option<(Arc<Inventory>, SystemTime)>,
    /// What follows from it for others.
    pub(super) groups: Option<Arc<[Group]>>,
    /// Which folders were there at that reading.
    pub(super) folders: Option<Folders>,
    /// Whether it outlives the process.
    pub(super) keeping: Keeping,
}

/// The last reading, well or not.
#[derive(Clone, Debug)]
pub(super) struct Last {
    pub(super) took: Duration,
    pub(super) fault: Option<Fault>,
}

impl Known {
    /// Takes an inventory of this time.
    pub(super) fn set(&mut self, entry: &Entry, inventory: Arc<Inventory>, at: SystemTime, folders: Folders) {
        self.groups = Some(discover::groups(entry, &inventory).into());
        self.folders = Some(folders);
        self.inventory = Some((inventory, at));
    }
}

impl State {
    /// Takes what was known before this process began.
    pub(super) fn recall(&self, entry: &Entry, (inventory, at, folders): Recalled) {
        self.lock().set(entry, Arc::new(inventory), at, folders);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Known> {
        // After a panic it is what it was before.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
