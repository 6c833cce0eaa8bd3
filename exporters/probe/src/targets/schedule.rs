//! The targets as rounds of [`kit::schedule`], which starts each probe when it is due.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kit::schedule::{Plan, bounded, drive, place};
use kit::{Beat, BoxFuture, Failure, Page, Sampler, Trace, Verdict, Watched};

use super::page::page;
use super::state::{Claim, State};
use super::words;
use crate::config::Target;
use crate::module::{Context, Tools};

/// Probes every target on its interval. A reload makes a new one, which takes over what is known of targets that stay.
#[derive(Debug)]
pub struct Schedule {
    rounds: Arc<Rounds>,
}

/// What the background loop works on.
pub(super) struct Rounds {
    entries: Vec<Entry>,
    tools: Arc<Tools>,
    /// Probes that came to an end, here and before reloads.
    finished: AtomicU64,
}

/// A target on the schedule.
pub(super) struct Entry {
    pub(super) target: Target,
    pub(super) state: Arc<State>,
}

impl Entry {
    /// The values of the labels `target` and `module`.
    pub(super) fn labels(&self) -> [&str; 2] {
        [&self.target.name, &self.target.module.name]
    }

    /// What must stay the same for a target to keep what is known of it.
    fn identity(&self) -> (&str, &str, &str) {
        (&self.target.name, &self.target.module.name, &self.target.target)
    }
}

impl std::fmt::Debug for Rounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rounds").field("targets", &self.entries.len()).finish_non_exhaustive()
    }
}

impl Schedule {
    /// A schedule of these targets, whose names differ. Targets that `previous` has under the same name, with the same
    /// module and address, keep their counters and their last verdict.
    #[must_use]
    pub fn new(targets: Vec<Target>, tools: Arc<Tools>, previous: Option<&Schedule>) -> Self {
        let previous = previous.map(|previous| &*previous.rounds);
        let known: HashMap<_, _> = previous
            .into_iter()
            .flat_map(|previous| &previous.entries)
            .map(|entry| (entry.identity(), &entry.state))
            .collect();
        let entries = targets
            .into_iter()
            .map(|target| {
                let mut entry = Entry { target, state: Arc::new(State::new()) };
                if let Some(state) = known.get(&entry.identity()) {
                    entry.state = Arc::clone(state);
                }
                entry
            })
            .collect();
        // Past the previous one's, so that a page of before the reload is not taken for one of after it.
        let finished = previous.map_or(0, |previous| previous.finished.load(Ordering::Relaxed)) + 1;
        Self { rounds: Arc::new(Rounds { entries, tools, finished: AtomicU64::new(finished) }) }
    }

    /// The background loop; none if there is nothing to probe.
    #[must_use]
    pub fn samplers(&self) -> Vec<Arc<dyn Sampler>> {
        if self.rounds.entries.is_empty() {
            Vec::new()
        } else {
            vec![Arc::clone(&self.rounds) as Arc<dyn Sampler>]
        }
    }

    /// The targets, in the order of the file.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.rounds.entries.iter().map(|entry| &entry.target)
    }

    /// What the probes of configured targets share.
    pub(crate) fn tools(&self) -> &Tools {
        &self.rounds.tools
    }

    /// Each target's state in words, for the landing page.
    #[must_use]
    pub fn watched(&self) -> Vec<Watched> {
        self.rounds
            .entries
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
        let (verdict, took) = probe(target, &self.tools, target.timeout).await;
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
        let plan = |entry: &Entry| Plan {
            place: place(&entry.target.name, &entry.target.target),
            interval: entry.target.interval,
            done_lately: entry.probed_lately(now),
        };
        self.entries.iter().map(plan).collect()
    }

    fn start(&self, index: usize) -> Option<BoxFuture<'_, ()>> {
        let entry = &self.entries[index];
        let claim = entry.state.claim()?;
        Some(Box::pin(self.attempt(entry, claim)))
    }

    fn skip(&self, index: usize, rounds: u64) {
        self.entries[index].state.skip(rounds);
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
        let old = self.entries.iter().filter(|entry| {
            let fresh =
                |last: &super::state::Last| last.is_fresh(entry.target.interval, entry.target.timeout, now);
            entry.state.look(|known| known.last.as_ref().is_some_and(|last| !fresh(last)))
        });
        let old = u64::try_from(old.count()).unwrap_or(u64::MAX);
        self.finished.load(Ordering::Relaxed) ^ old << 40
    }

    fn page(&self) -> Page {
        page(&self.entries, Instant::now())
    }
}

#[cfg(test)]
mod tests;
