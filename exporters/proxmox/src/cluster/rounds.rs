//! The background: which collector is due for which node. Few calls at a time, one a node: pvedaemon's three workers are
//! the cluster's own, and a node that hangs takes one place and not all. Nodes that are offline are not asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use kit::sampler::jittered;
use kit::{Beat, BoxFuture, Page, Sampler};

use super::cell::{Collected, tell};
use super::store::Key;
use super::{Cluster, Planned};
use crate::api::{Failure, Reason};
use crate::collect::{Scope, Tier, permissions};

/// How often it is seen what is due.
const TICK: Duration = Duration::from_secs(1);
/// How old the list of members may be.
const MAP: Duration = Duration::from_secs(30);
/// How soon a collector that failed is tried again, at the latest.
const AGAIN: Duration = Duration::from_secs(300);
/// The same when it was not its own failure: the cluster could not be reached, or let nobody in.
const SOON: Duration = Duration::from_secs(20);
/// How soon after the permissions were asked for they may be asked for again.
const DOUBT: Duration = Duration::from_secs(10);
/// When a node that is offline is due: not before it is back.
const NEVER: Duration = Duration::from_secs(365 * 86_400);
/// Runs at a time.
const fn places(tier: Tier) -> usize {
    match tier {
        Tier::Fast => 0,
        Tier::Node => 4,
        Tier::Slow => 2,
    }
}

/// A cluster's background.
#[derive(Debug)]
pub struct Rounds {
    cluster: Arc<Cluster>,
    name: String,
}

impl Rounds {
    /// The background of a cluster.
    #[must_use]
    pub fn new(cluster: Arc<Cluster>) -> Self {
        Self { name: cluster.settings().name.clone(), cluster }
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }
}

impl Sampler for Rounds {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(self: Arc<Self>, beat: Beat) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let mut work = Work {
                cluster: Arc::clone(&self.cluster),
                due: BTreeMap::new(),
                busy: Vec::new(),
                early: Vec::new(),
                permissions: None,
                epoch: self.cluster.epoch(),
            };
            let mut running = FuturesUnordered::new();
            loop {
                work.start(&mut running);
                beat.success();
                tokio::select! {
                    biased;
                    () = beat.stopped() => return,
                    Some(done) = running.next() => work.end(done),
                    () = tokio::time::sleep(TICK) => {}
                }
            }
        })
    }

    fn generation(&self) -> u64 {
        self.cluster.store.generation()
    }

    fn page(&self) -> Page {
        self.cluster.store.page(&self.cluster.settings.name, |_| true)
    }
}

/// A run that ended; `None`: the members were asked for.
struct Done {
    key: Key,
    run: Option<(Planned, Collected)>,
    /// Whether it began before the members were known.
    early: bool,
    /// The cluster's epoch when it began.
    epoch: u64,
}

type Running = FuturesUnordered<BoxFuture<'static, Done>>;

/// The key under which the members are asked for.
const MEMBERS: &str = "members";
/// The key under which it is seen whether endpoints that could not be connected to can be again.
const ENDPOINTS: &str = "endpoints";

struct Work {
    cluster: Arc<Cluster>,
    due: BTreeMap<Key, Instant>,
    busy: Vec<(Key, Tier)>,
    /// What failed before the members were known, and may do better once they are.
    early: Vec<Key>,
    /// When the permissions were last asked for.
    permissions: Option<Instant>,
    /// The cluster's epoch that all this is of.
    epoch: u64,
}

impl Work {
    /// Starts what is due, the longest due first, while there is room.
    fn start(&mut self, running: &mut Running) {
        let now = Instant::now();
        let epoch = self.cluster.epoch();
        if self.epoch != epoch {
            // Of another cluster nothing was asked yet.
            self.due.clear();
            self.early.clear();
            (self.permissions, self.epoch) = (None, epoch);
        }
        let map = self.cluster.map();
        let members: Key = (MEMBERS, Box::default());
        let is_old = map.at.is_none_or(|at| now.saturating_duration_since(at) >= MAP);
        if is_old && !self.is_busy(&members) && self.due.get(&members).is_none_or(|due| *due <= now) {
            self.busy.push((members.clone(), Tier::Fast));
            let cluster = Arc::clone(&self.cluster);
            running.push(Box::pin(async move {
                cluster.fresh_map(MAP, Instant::now() + Duration::from_secs(10)).await;
                Done { key: members, run: None, early: false, epoch }
            }));
        }
        let endpoints: Key = (ENDPOINTS, Box::default());
        if self.cluster.api().is_lame()
            && !self.is_busy(&endpoints)
            && self.due.get(&endpoints).is_none_or(|due| *due <= now)
        {
            self.busy.push((endpoints.clone(), Tier::Fast));
            let cluster = Arc::clone(&self.cluster);
            running.push(Box::pin(async move {
                cluster.api().revive(Instant::now() + Duration::from_secs(10)).await;
                Done { key: endpoints, run: None, early: false, epoch }
            }));
        }
        if self.cluster.api().met_a_stranger() {
            self.due.remove(&("fingerprints", Box::default()));
        }
        if map.at.is_some() {
            for key in self.early.drain(..) {
                self.due.remove(&key);
            }
        }
        self.doubt(now);
        let mut wanted = self.wanted(now);
        wanted.sort_by_key(|(due, ..)| *due);
        for (_, key, planned) in wanted {
            let tier = planned.collector.tier;
            let in_tier = self.busy.iter().filter(|(_, busy)| *busy == tier).count();
            let at_node = |(busy, lane): &(Key, Tier)| *lane == tier && !key.1.is_empty() && busy.1 == key.1;
            if in_tier >= places(tier) || self.busy.iter().any(at_node) {
                continue;
            }
            self.busy.push((key.clone(), tier));
            let (cluster, early) = (Arc::clone(&self.cluster), map.at.is_none());
            running.push(Box::pin(async move {
                let deadline = Instant::now() + planned.collector.limit;
                let collected = cluster.visit(planned.collector, &key.1, deadline).await;
                Done { key, run: Some((planned, collected)), early, epoch }
            }));
        }
    }

    /// What is due now, and since when. Nodes that went offline are told, those that are no members any more forgotten.
    fn wanted(&mut self, now: Instant) -> Vec<(Instant, Key, Planned)> {
        let map = self.cluster.map();
        let cluster = Arc::clone(&self.cluster);
        let mut keys: Vec<(Key, Planned)> = Vec::new();
        let mut known: Vec<Key> = Vec::new();
        for planned in cluster.settings.plan.iter().filter(|planned| planned.collector.tier != Tier::Fast) {
            let name = planned.collector.name;
            if planned.collector.scope == Scope::Cluster {
                keys.push(((name, Box::default()), *planned));
                continue;
            }
            for node in &map.nodes {
                let key: Key = (name, node.name.clone());
                if node.online == Some(false) {
                    self.offline(&key, planned.every);
                    known.push(key);
                } else {
                    // One that was offline and is back is asked at once.
                    if self.due.get(&key).is_some_and(|due| *due > now + NEVER / 2) {
                        self.due.remove(&key);
                    }
                    keys.push((key, *planned));
                }
            }
        }
        known.extend(keys.iter().map(|(key, _)| key.clone()));
        known.sort();
        // Until the members are known, nothing is said about who is not one.
        if map.at.is_some() {
            self.due
                .retain(|key, _| matches!(key.0, MEMBERS | ENDPOINTS) || known.binary_search(key).is_ok());
            cluster.store.prune(|key| known.binary_search(key).is_ok());
            cluster.told.retain(|name| map.nodes.iter().any(|node| *node.name == *name));
        }
        let is_due = |(key, planned): (Key, Planned)| {
            let due = self.due.get(&key).copied().unwrap_or(now);
            (due <= now && !self.is_busy(&key)).then_some((due, key, planned))
        };
        keys.into_iter().filter_map(is_due).collect()
    }

    /// Asks for the permissions again when they may have changed, but not all the time.
    fn doubt(&mut self, now: Instant) {
        let key: Key = (permissions::COLLECTOR.name, Box::default());
        // One that is under way may have been answered before.
        if !self.is_busy(&key) && self.cluster.sight.take_doubt() {
            let soon = self.permissions.map_or(now, |last| last + DOUBT);
            self.due.entry(key).and_modify(|due| *due = soon.min(*due));
        }
    }

    fn is_busy(&self, key: &Key) -> bool {
        self.busy.iter().any(|(busy, _)| busy == key)
    }

    /// Tells once that a node is not asked; when it is back, everything about it is due.
    fn offline(&mut self, key: &Key, every: Duration) {
        let now = Instant::now();
        if self.due.insert(key.clone(), now + NEVER).is_none_or(|due| due < now + NEVER / 2) {
            let failure = Failure::new(Reason::NodeOffline, "the cluster says that the node is offline");
            let collected = Collected::new(Page::new(), Some(failure), Instant::now());
            self.cluster.store.put(key.clone(), collected, every);
        }
    }

    fn end(&mut self, done: Done) {
        self.busy.retain(|(busy, _)| *busy != done.key);
        let now = Instant::now();
        let Some((planned, collected)) = done.run else {
            let pause = if done.key.0 == ENDPOINTS { MAP } else { Duration::from_secs(5) };
            self.due.insert(done.key, now + pause);
            return;
        };
        if done.epoch != self.cluster.epoch() {
            return;
        }
        let name = done.key.0;
        let every = match &collected.failure {
            Some(failure) if failure.reason.is_of_all() => planned.every.min(SOON),
            Some(_) => planned.every.min(AGAIN),
            // Somebody may be about to grant what is missing.
            None if name == permissions::COLLECTOR.name && self.cluster.permissions.is_short() => {
                planned.every.min(AGAIN)
            }
            None => planned.every,
        };
        if name == permissions::COLLECTOR.name {
            self.permissions = Some(now);
        }
        if done.early && collected.failure.is_some() {
            self.early.push(done.key.clone());
        }
        let begun = now.checked_sub(collected.took).unwrap_or(now);
        self.due.insert(done.key.clone(), begun + every + jittered(every / 10));
        let failure = collected.failure.clone();
        let node = done.key.1.clone();
        self.cluster.store.put(done.key, collected, planned.every);
        tell(&self.cluster, name, &node, failure.as_ref());
    }
}
