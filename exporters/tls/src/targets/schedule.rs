//! The targets as rounds of [`kit::schedule`], which starts each look when it is due.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use kit::schedule::{Plan, Turn, bounded, drive, place};
use kit::{Beat, BoxFuture, Page, Sampler, Trace, Watched};

use super::page::page;
use super::state::State;
use crate::config::Target;
use crate::endpoint::{Look, internal};
use crate::module::{Tools, probe};

/// Looks at every target on its interval. A reload makes a new one, which takes over what is known of targets that stay.
#[derive(Debug)]
pub struct Schedule {
    rounds: Arc<Rounds>,
}

/// What the background loop works on.
#[derive(Debug)]
struct Rounds {
    entries: Vec<Entry>,
    tools: Arc<Tools>,
    /// Looks that came to an end, here and before reloads.
    finished: AtomicU64,
}

/// A target on the schedule.
#[derive(Debug)]
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

impl Schedule {
    /// A schedule of these targets, whose names differ. Targets that `previous` has under the same name, with the same
    /// module and address, keep their counters and what they last showed.
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
                let mut entry = Entry { target, state: Arc::default() };
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

    /// The targets, in the order of the configuration.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.rounds.entries.iter().map(|entry| &entry.target)
    }

    /// What its looks share.
    #[must_use]
    pub fn tools(&self) -> &Tools {
        &self.rounds.tools
    }

    /// The background loop; none if there is nothing to look at.
    #[must_use]
    pub fn samplers(&self) -> Vec<Arc<dyn Sampler>> {
        if self.rounds.entries.is_empty() {
            Vec::new()
        } else {
            vec![Arc::clone(&self.rounds) as Arc<dyn Sampler>]
        }
    }

    /// Each target's state in words, for the landing page.
    #[must_use]
    pub fn watched(&self) -> Vec<Watched> {
        self.rounds.entries.iter().map(watched).collect()
    }
}

/// What the landing page says of a target.
fn watched(entry: &Entry) -> Watched {
    let target = &entry.target;
    let (ok, detail) = entry.state.with(|known| {
        let Some(last) = &known.last else { return (None, "not looked at yet".to_owned()) };
        let failure = last.look.failure().map(|failure| failure.detail.clone());
        let leaf = known.certificates(target.interval, SystemTime::now()).and_then(|(seen, _)| seen.leaf());
        let left = leaf.map(|leaf| days_left(leaf.not_after, SystemTime::now()));
        let detail = failure.iter().cloned().chain(left).collect::<Vec<_>>().join("; ");
        (Some(failure.is_none()), detail)
    });
    let link = Watched::probe_link(&target.module.name, &target.target, target.hostname.as_deref());
    Watched { name: target.name.clone(), kind: target.module.name.clone(), ok, detail, link: Some(link) }
}

fn days_left(not_after: i64, now: SystemTime) -> String {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let left = not_after.saturating_sub(i64::try_from(now).unwrap_or(i64::MAX));
    match left {
        ..0 => format!("certificate expired {} days ago", -left / 86_400),
        0..172_800 => format!("certificate for {} h", left / 3600),
        _ => format!("certificate for {} days", left / 86_400),
    }
}

impl Rounds {
    async fn round(&self, entry: &Entry, turn: Turn<'_>) {
        let target = &entry.target;
        let trace = Trace::new();
        let deadline = trace.began() + target.timeout;
        let hostname = target.hostname.as_deref();
        let work = probe(&target.module, &self.tools, &target.target, hostname, deadline, &trace);
        let look = match bounded(work, deadline).await {
            Ok(look) => look,
            Err(broken) => Look::failed(internal(broken.to_string())),
        };
        entry.state.finish(look).log(&target.name, &target.module.name);
        drop(turn);
        self.finished.fetch_add(1, Ordering::Relaxed);
    }
}

impl kit::schedule::Rounds for Rounds {
    fn plans(&self, now: Instant) -> Vec<Plan> {
        let plan = |entry: &Entry| {
            let interval = entry.target.interval;
            let lately = |ended: Instant| now.saturating_duration_since(ended) < interval;
            let done_lately =
                entry.state.with(|known| known.last.as_ref().is_some_and(|last| lately(last.ended)));
            Plan { place: place(&entry.target.name, &entry.target.target), interval, done_lately }
        };
        self.entries.iter().map(plan).collect()
    }

    fn start(&self, index: usize) -> Option<BoxFuture<'_, ()>> {
        let entry = &self.entries[index];
        let turn = entry.state.busy.claim()?;
        Some(Box::pin(self.round(entry, turn)))
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
        // What gets too old changes the page without any look.
        let (now, wall) = (Instant::now(), SystemTime::now());
        let old = |entry: &&Entry| {
            let (interval, timeout) = (entry.target.interval, entry.target.timeout);
            entry.state.with(|known| {
                known.last.as_ref().is_some_and(|last| !last.is_fresh(interval, timeout, now))
                    || (known.shown.is_some() && known.certificates(interval, wall).is_none())
            })
        };
        let old = u64::try_from(self.entries.iter().filter(old).count()).unwrap_or(u64::MAX);
        self.finished.load(Ordering::Relaxed) ^ old << 40
    }

    fn page(&self) -> Page {
        page(&self.entries, Instant::now(), SystemTime::now())
    }
}

/// Used by tests to wait for a schedule's first looks.
#[cfg(test)]
impl Schedule {
    pub(crate) async fn run_once(&self) -> Page {
        use kit::schedule::Rounds as _;
        for index in 0..self.rounds.entries.len() {
            if let Some(round) = self.rounds.start(index) {
                round.await;
            }
        }
        self.rounds.page()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_left_in_words() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        for (at, want) in [
            (1_000_000 + 90 * 86_400, "certificate for 90 days"),
            (1_000_000 + 7200, "certificate for 2 h"),
            (1_000_000 - 3 * 86_400, "certificate expired 3 days ago"),
        ] {
            assert_eq!(days_left(at, now), want);
        }
    }
}
