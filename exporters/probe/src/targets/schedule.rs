//! The targets as rounds of [`kit::schedule`], which starts each probe when it is due.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kit::schedule::{Plan, Roster, bounded, drive, free_name, place};
use kit::{Ask, Beat, BoxFuture, Failure, Page, Sampler, Trace, Verdict, Watched};

use super::page::page;
use super::state::{Claim, State};
use super::words;
use crate::config::Target;
use crate::module::{Context, Tools};

/// Probes every target on its interval: the configured ones, and those of lists, which come and go while it runs. A reload
/// makes a new one, which takes over what is known of targets that stay.
#[derive(Clone, Debug)]
pub struct Schedule {
    rounds: Arc<Rounds>,
}

/// What the background loop works on.
pub(super) struct Rounds {
    roster: Roster<Entry>,
    /// What was known before a reload, for targets that are found again.
    before: HashMap<Identity, Arc<State>>,
    tools: Arc<Tools>,
    /// For targets of lists: what a list names needs the leave that what a URL names does.
    listed: Arc<Tools>,
    /// Probes that came to an end and lists that changed, here and before reloads.
    finished: AtomicU64,
}

/// A target on the schedule.
pub(super) struct Entry {
    pub(super) target: Target,
    pub(super) state: Arc<State>,
    /// Whether it is of a list.
    listed: bool,
}

/// What must stay the same for a target to keep what is known of it: name, module and address.
type Identity = (String, String, String);

impl Entry {
    fn new(target: Target, listed: bool, known: &HashMap<Identity, Arc<State>>) -> Arc<Self> {
        let state = known.get(&identity(&target)).map_or_else(|| Arc::new(State::new()), Arc::clone);
        Arc::new(Self { target, state, listed })
    }

    /// The values of the labels `target` and `module`.
    pub(super) fn labels(&self) -> [&str; 2] {
        [&self.target.name, &self.target.module.name]
    }
}

fn identity(target: &Target) -> Identity {
    (target.name.clone(), target.module.name.clone(), target.target.clone())
}

impl std::fmt::Debug for Rounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rounds").field("targets", &self.roster.all().len()).finish_non_exhaustive()
    }
}

impl Schedule {
    /// A schedule of these targets, whose names differ. Targets that `previous` has under the same name, with the same
    /// module and address, keep their counters and their last verdict.
    #[must_use]
    pub fn new(targets: Vec<Target>, tools: Arc<Tools>, previous: Option<&Schedule>) -> Self {
        Self::with_lists(targets, [], Arc::clone(&tools), tools, previous)
    }

    /// The same, with the targets that lists of these names will have; those are probed with the tools `listed`.
    #[must_use]
    pub fn with_lists(
        targets: Vec<Target>,
        lists: impl IntoIterator<Item = String>,
        tools: Arc<Tools>,
        listed: Arc<Tools>,
        previous: Option<&Schedule>,
    ) -> Self {
        let previous = previous.map(|previous| &*previous.rounds);
        let before: HashMap<_, _> = previous
            .into_iter()
            .flat_map(|previous| previous.roster.all().to_vec())
            .map(|entry| (identity(&entry.target), Arc::clone(&entry.state)))
            .collect();
        let own: Vec<_> = targets.into_iter().map(|target| Entry::new(target, false, &before)).collect();
        // Past the previous one's, so that a page of before the reload is not taken for one of after it.
        let finished = previous.map_or(0, |previous| previous.finished.load(Ordering::Relaxed)) + 1;
        let (roster, finished) = (Roster::new(own, lists), AtomicU64::new(finished));
        Self { rounds: Arc::new(Rounds { roster, before, tools, listed, finished }) }
    }

    /// Takes these targets in the place of those that the list had before; what is known of those that stay is kept. A name
    /// that somebody else's target has already gets the list's behind it.
    pub fn discover(&self, list: &str, targets: Vec<Target>) {
        let rounds = &*self.rounds;
        let mut known = rounds.before.clone();
        let now = rounds.roster.all();
        known.extend(now.iter().map(|entry| (identity(&entry.target), Arc::clone(&entry.state))));
        rounds.roster.replace(list, |others| {
            let mut taken: HashSet<String> = others.iter().map(|entry| entry.target.name.clone()).collect();
            let mut all = Vec::with_capacity(targets.len());
            for mut target in targets {
                if let Some(name) = free_name(&mut taken, std::mem::take(&mut target.name), list) {
                    target.name = name;
                    all.push(Entry::new(target, true, &known));
                }
            }
            all
        });
        rounds.finished.fetch_add(1, Ordering::Relaxed);
    }

    /// The background loop; none if there is nothing to probe, and never will be.
    #[must_use]
    pub fn samplers(&self) -> Vec<Arc<dyn Sampler>> {
        if self.rounds.roster.is_idle() {
            Vec::new()
        } else {
            vec![Arc::clone(&self.rounds) as Arc<dyn Sampler>]
        }
    }

    /// The configured targets, in the order of the file.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.rounds.roster.own().iter().map(|entry| &entry.target)
    }

    /// What the probes of configured targets share.
    pub(crate) fn tools(&self) -> &Tools {
        &self.rounds.tools
    }

    /// What a probe that is asked for has to share, if it is that of a configured target.
    pub(crate) fn tools_for(&self, ask: &Ask<'_>) -> Option<&Tools> {
        let is =
            |target: &Target| ask.is_for(&target.module.name, &target.target, target.hostname.as_deref());
        self.targets().any(is).then(|| self.tools())
    }

    /// Each target's state in words, for the landing page.
    #[must_use]
    pub fn watched(&self) -> Vec<Watched> {
        self.rounds
            .roster
            .all()
            .iter()
            .map(|entry| {
                let (ok, detail) = entry.state.look(words::state);
                Watched {
                    name: entry.target.name.clone(),
                    kind: entry.target.module.name.clone(),
                    ok,
                    detail,
                    link: Some(Watched::probe_link(
                        &entry.target.module.name,
                        &entry.target.target,
                        entry.target.hostname.as_deref(),
                    )),
                }
            })
            .collect()
    }
}

impl Rounds {
    async fn attempt(&self, entry: &Entry, claim: Claim<'_>) {
        let target = &entry.target;
        let tools = if entry.listed { &self.listed } else { &self.tools };
        let (verdict, took) = probe(target, tools, target.timeout).await;
        claim.finish(verdict, took, target.timeout).log(&target.name, &target.module.name);
        self.finished.fetch_add(1, Ordering::Relaxed);
    }
}

/// Probes a target once, now; also says how long it took. Whatever the prober does, there is a verdict in time.
pub(crate) async fn probe(target: &Target, tools: &Tools, timeout: Duration) -> (Verdict, Duration) {
    let trace = Trace::new();
    let began = trace.began();
    let deadline = began + timeout;
    let context = Context {
        target: &target.target,
        hostname: target.hostname.as_deref(),
        deadline,
        trace: &trace,
        tools,
    };
    let verdict = match bounded(target.module.probe.probe(context), deadline).await {
        Ok(verdict) => verdict,
        Err(broken) => {
            let (phase, reason) = ("internal", "internal");
            let failure = Failure { phase, reason, detail: broken.to_string(), refused: None };
            Verdict { failure: Some(failure), page: Page::new() }
        }
    };
    (verdict, began.elapsed())
}

impl Entry {
    /// Whether the last probe ended less than an interval ago: then the target's next slot will do after a reload.
    fn probed_lately(&self, now: Instant) -> bool {
        let lately = |ended: Instant| now.saturating_duration_since(ended) < self.target.interval;
        self.state.look(|known| known.last.as_ref().is_some_and(|last| lately(last.ended)))
    }
}

impl kit::schedule::Rounds for Rounds {
    fn plans(&self, now: Instant) -> Vec<Plan> {
        let plan = |entry: &Arc<Entry>| Plan {
            place: place(&entry.target.name, &entry.target.target),
            interval: entry.target.interval,
            done_lately: entry.state.claim().is_none() || entry.probed_lately(now),
        };
        self.roster.plan().iter().map(plan).collect()
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        self.roster.changed()
    }

    fn start(&self, index: usize) -> Option<BoxFuture<'_, ()>> {
        let entry = self.roster.planned(index)?;
        // Claimed here, so that a target that is busy is told as such, and again by the attempt, which owns the entry.
        drop(entry.state.claim()?);
        Some(Box::pin(async move {
            if let Some(claim) = entry.state.claim() {
                self.attempt(&entry, claim).await;
            }
        }))
    }

    fn skip(&self, index: usize, rounds: u64) {
        if let Some(entry) = self.roster.planned(index) {
            entry.state.skip(rounds);
        }
    }
}

impl Sampler for Rounds {
    fn name(&self) -> &str {
        "targets"
    }

    fn run(self: Arc<Self>, beat: Beat) -> BoxFuture<'static, ()> {
        Box::pin(async move { drive(&*self, &beat).await })
    }

    fn generation(&self) -> u64 {
        // A verdict that gets too old changes the page without any probe.
        let now = Instant::now();
        let all = self.roster.all();
        let old = all.iter().filter(|entry| {
            let fresh =
                |last: &super::state::Last| last.is_fresh(entry.target.interval, entry.target.timeout, now);
            entry.state.look(|known| known.last.as_ref().is_some_and(|last| !fresh(last)))
        });
        let old = u64::try_from(old.count()).unwrap_or(u64::MAX);
        self.finished.load(Ordering::Relaxed) ^ old << 40
    }

    fn page(&self) -> Page {
        page(&self.roster.all(), Instant::now())
    }
}

#[cfg(test)]
impl Schedule {
    /// What the background loop works on.
    pub(crate) fn rounds(&self) -> &dyn kit::schedule::Rounds {
        &*self.rounds
    }
}

#[cfg(test)]
mod tests;
