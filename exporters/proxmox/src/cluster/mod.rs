//! A cluster: its API, what is known of it, and how it comes to be known.
//!
//! | file | what |
//! |---|---|
//! | `map` | nodes, guests, storages: who must be asked |
//! | `cell` | the answer of a fast collector: asked once for all who want it at the same time |
//! | `fast` | what a scrape waits for |
//! | `store` | what the background found, with its age |
//! | `rounds` | the background: which collector is due for which node |
//! | `sight` | whether an answer that lacks something can be believed |
//! | `told` | what the log has of failures that go on |
//! | `way_out` | what to do about a failure |
//! | `report` | how the collectors themselves fare, as metrics |

mod cell;
mod fast;
pub mod map;
pub mod report;
mod rounds;
mod sight;
mod store;
mod told;
mod way_out;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use kit::Page;

use crate::api::{Api, Failure, Reason};
use crate::collect::lost::Lost;
use crate::collect::{Collector, Tier, Visit, disks, permissions, tasks, zfs};
use crate::discovery::Book;
use cell::Cell;
pub use cell::Collected;
pub use fast::Fast;
use map::{Map, Members};
pub use report::DESCS;
pub use rounds::Rounds;
use sight::Sight;
use store::Store;
use told::Told;

/// A cluster's settings, validated.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Its name: the `cluster` label.
    pub name: String,
    /// How long a call in a scrape may take at most.
    pub timeout: Duration,
    /// Whether the families of states have every state, with 0 for those that are not.
    pub one_hot: bool,
    /// Whether the guests' disks and network cards are told one by one.
    pub devices: bool,
    /// The collectors that run, and how often.
    pub plan: Vec<Planned>,
}

/// A collector that runs.
#[derive(Clone, Copy, Debug)]
pub struct Planned {
    /// Which.
    pub collector: &'static Collector,
    /// How often.
    pub every: Duration,
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        self.collector.name == other.collector.name && self.every == other.every
    }
}

/// What had failed when it was last seen.
#[derive(Debug, Default)]
pub struct Failed {
    /// Disks.
    pub disks: Lost<disks::Row>,
    /// ZFS pools.
    pub pools: Lost<zfs::Pool>,
}

/// A cluster.
#[derive(Debug)]
pub struct Cluster {
    settings: Settings,
    api: Api,
    map: ArcSwap<Map>,
    members: ArcSwap<Members>,
    cells: Vec<Cell>,
    store: Store,
    tasks: tasks::Memory,
    permissions: permissions::Memory,
    lost: Arc<Failed>,
    addresses: Book,
    sight: Sight,
    told: Told,
    /// The major version; 0 until it is known.
    version: AtomicU32,
    /// How often another cluster was found behind the same endpoints.
    epoch: AtomicU64,
}

impl Cluster {
    /// A cluster that was not asked yet.
    #[must_use]
    pub fn new(settings: Settings, api: Api) -> Self {
        let cells = settings.plan.iter().filter(|planned| planned.collector.tier == Tier::Fast);
        Self {
            cells: cells.map(|planned| Cell::new(planned.collector)).collect(),
            settings,
            api,
            map: ArcSwap::default(),
            members: ArcSwap::default(),
            store: Store::default(),
            tasks: tasks::Memory::default(),
            permissions: permissions::Memory::default(),
            lost: Arc::default(),
            addresses: Book::default(),
            sight: Sight::default(),
            told: Told::default(),
            version: AtomicU32::new(0),
            epoch: AtomicU64::new(0),
        }
    }

    /// The same, with what another of its name knew to have failed: that must not be well since a setting was changed.
    #[must_use]
    pub fn after(mut self, before: Option<&Self>) -> Self {
        if let Some(before) = before {
            self.lost = Arc::clone(&before.lost);
        }
        self
    }

    /// Its settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Its API.
    #[must_use]
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// Its members, as the last good answer had them. One that shows less than there was is none until the permissions are
    /// known to be complete: see `sight`.
    #[must_use]
    pub fn map(&self) -> Arc<Map> {
        self.map.load_full()
    }

    /// Takes what an answer said of the members.
    pub fn learn(&self, map: Map) {
        if map.is_other(&self.map.load()) {
            self.forget();
        }
        if self.sight.believes(map.lacks(&self.map.load())) {
            self.tasks.switches().settle(&map, Instant::now());
            self.map.store(Arc::new(map));
        }
    }

    /// Changes when another cluster is found behind the same endpoints.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Another cluster answers than before: nothing that was known is known of it.
    fn forget(&self) {
        tracing::warn!(
            cluster = self.settings.name,
            "another cluster answers than before: what was known is forgotten, and what is counted starts at 0; clusters of which \
             all are to be watched need an entry each"
        );
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.map.store(Arc::default());
        self.members.store(Arc::default());
        self.store.forget();
        self.tasks.forget();
        self.permissions.forget();
        self.lost.disks.forget();
        self.lost.pools.forget();
        self.addresses.retain(|_| false);
        self.sight.forget();
        self.told.forget();
        self.version.store(0, Ordering::Relaxed);
    }

    /// Whether what it shows can be believed.
    pub(crate) fn sight(&self) -> &Sight {
        &self.sight
    }

    /// Its nodes' names and addresses.
    #[must_use]
    pub fn members(&self) -> Arc<Members> {
        self.members.load_full()
    }

    /// Takes what an answer said of names and addresses.
    pub fn learn_members(&self, members: Members) {
        if members.is_other(&self.members.load()) {
            self.forget();
        }
        self.members.store(Arc::new(members));
    }

    /// The tasks that were counted.
    #[must_use]
    pub fn tasks(&self) -> &tasks::Memory {
        &self.tasks
    }

    /// What had failed when it was last seen.
    #[must_use]
    pub fn lost(&self) -> &Failed {
        &self.lost
    }

    /// The missing permissions that were told.
    #[must_use]
    pub fn told_permissions(&self) -> &permissions::Memory {
        &self.permissions
    }

    /// The guests' addresses.
    #[must_use]
    pub fn addresses(&self) -> &Book {
        &self.addresses
    }

    /// The major version of Proxmox VE; `None` until it is known.
    #[must_use]
    pub fn version(&self) -> Option<u32> {
        Some(self.version.load(Ordering::Relaxed)).filter(|major| *major > 0)
    }

    /// Takes what an answer said of the version.
    pub fn learn_version(&self, major: u32) {
        self.version.store(major, Ordering::Relaxed);
    }

    /// What the background knows of the cluster as a whole (`None`) or of one node.
    #[must_use]
    pub fn known(&self, node: Option<&str>) -> Page {
        self.store.page(&self.settings.name, |(_, of)| **of == *node.unwrap_or_default())
    }

    /// Runs a collector now, for a node or (empty) for the whole cluster. What it wrote before it failed is kept.
    pub async fn visit(&self, collector: &'static Collector, node: &str, deadline: Instant) -> Collected {
        let began = Instant::now();
        let (mut page, lane) = (Page::new(), collector.tier.lane());
        let (name, epoch) = (self.settings.name.as_str(), self.epoch());
        let visit = Visit { cluster: self, name, node, lane, deadline, epoch };
        // Each of its calls ends by the deadline; this is for what it may do beside them.
        let guard = deadline + Duration::from_millis(20);
        let result = match tokio::time::timeout_at(guard.into(), (collector.collect)(&visit, &mut page)).await
        {
            Ok(result) => result,
            Err(_) => Err(Failure::new(Reason::Timeout, "not done in time")),
        };
        Collected::new(page, result.err(), began)
    }

    /// A failure in one line, with its way out.
    #[must_use]
    pub fn told(&self, failure: &Failure) -> String {
        way_out::told(failure, self)
    }

    /// The state of the cluster in one line, for people: whether it answers, and what is in it.
    #[must_use]
    pub fn state(&self) -> (Option<bool>, String) {
        let resources = self.cells.iter().find(|cell| cell.collector().name == "resources");
        match resources.and_then(Cell::last) {
            None => (None, "not asked yet".to_owned()),
            // An empty answer is bad, and mostly for want of rights: that is told below.
            Some(Err(failure)) if failure.reason != Reason::Answer || self.sight.lost().is_none() => {
                (Some(false), way_out::told(&failure, self))
            }
            Some(_) => {
                let map = self.map();
                let online = map.nodes.iter().filter(|node| node.online == Some(true)).count();
                let seen =
                    format!("{online} of {} nodes online, {} guests", map.nodes.len(), map.guests.len());
                let identity = &self.api.access().identity;
                match (self.sight.lost(), self.permissions.hidden()) {
                    (Some(what), _) => {
                        let grant = permissions::grant(identity);
                        let detail = format!("no {what} may be seen: permissions are missing; {grant}");
                        (Some(false), detail)
                    }
                    (None, Some(hidden)) => {
                        let grant = permissions::grant(identity);
                        let detail =
                            format!("{seen}; not everything may be seen, for want of {hidden}; {grant}");
                        (Some(false), detail)
                    }
                    (None, None) => match self.store.failing().as_slice() {
                        [] => (Some(online == map.nodes.len()), seen),
                        [((name, node), failure), others @ ..] => {
                            let whose = if node.is_empty() { String::new() } else { format!(" of {node}") };
                            let more = if others.is_empty() {
                                String::new()
                            } else {
                                format!(" and {} more", others.len())
                            };
                            let told = way_out::told(failure, self);
                            (Some(false), format!("{seen}; {name}{whose}{more} failed: {told}"))
                        }
                    },
                }
            }
        }
    }
}
