//! The targets as rounds of [`kit::schedule`], which starts each look when it is due.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use kit::schedule::{List, Plan, Roster, Turn, bounded, drive, free_name, place};
use kit::{Ask, Beat, BoxFuture, Page, Sampler, Trace, Watched};
use rustls_pki_types::CertificateDer;
use wire::tls::Certificate;

use super::page::page;
use super::state::State;
use crate::ari::Ari;
use crate::config::Target;
use crate::endpoint::{Look, internal};
use crate::module::{Tools, probe};

/// Looks at every target on its interval: the configured ones, and those that sources discover, which come and go while it
/// runs. A reload makes a new one, which takes over what is known of targets that stay.
#[derive(Clone, Debug)]
pub struct Schedule {
    rounds: Arc<Rounds>,
}

/// What the background loop works on.
#[derive(Debug)]
struct Rounds {
    roster: Roster<Entry>,
    /// What was known before a reload, for targets that are discovered again.
    before: HashMap<Identity, Arc<State>>,
    tools: Arc<Tools>,
    /// What authorities say of the certificates.
    ari: Option<Arc<Ari>>,
    /// Looks that came to an end and lists that changed, here and before reloads.
    finished: AtomicU64,
}

/// A certificate that a target presents as its own.
#[derive(Clone, Debug)]
pub struct Presented {
    /// What it says.
    pub certificate: Certificate,
    /// Its bytes.
    pub der: CertificateDer<'static>,
}

/// A target on the schedule.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) target: Target,
    pub(crate) state: Arc<State>,
}

/// What must stay the same for a target to keep what is known of it: name, module, address, and the name to ask for.
type Identity = (String, String, String, Option<String>);

impl Entry {
    /// The values of the labels `target` and `module`.
    pub(crate) fn labels(&self) -> [&str; 2] {
        [&self.target.name, &self.target.module.name]
    }
}

fn identity(target: &Target) -> Identity {
    (target.name.clone(), target.module.name.clone(), target.target.clone(), target.hostname.clone())
}

impl Schedule {
    /// A schedule of these targets, whose names differ, and of what `sources` discover. Targets that `previous` has under the
    /// same name, with the same module and address, keep their counters and what they last showed.
    #[must_use]
    pub fn new(
        targets: Vec<Target>,
        sources: impl IntoIterator<Item = String>,
        tools: Arc<Tools>,
        ari: Option<Arc<Ari>>,
        previous: Option<&Schedule>,
    ) -> Self {
        let previous = previous.map(|previous| &*previous.rounds);
        let before: HashMap<_, _> = previous
            .into_iter()
            .flat_map(|previous| previous.roster.all().to_vec())
            .map(|entry| (identity(&entry.target), Arc::clone(&entry.state)))
            .collect();
        let own: Vec<_> = targets.into_iter().map(|target| entry(target, &before)).collect();
        // Past the previous one's, so that a page of before the reload is not taken for one of after it.
        let finished = previous.map_or(0, |previous| previous.finished.load(Ordering::Relaxed)) + 1;
        let finished = AtomicU64::new(finished);
        Self { rounds: Arc::new(Rounds { roster: Roster::new(own, sources), before, tools, ari, finished }) }
    }

    /// The targets that are looked at now.
    #[must_use]
    pub fn targets(&self) -> Vec<Target> {
        self.entries().iter().map(|entry| entry.target.clone()).collect()
    }

    /// What its looks share.
    #[must_use]
    pub fn tools(&self) -> &Tools {
        &self.rounds.tools
    }

    /// What a look that is asked for has to share, if it is that of a target that is looked at.
    pub(crate) fn tools_for(&self, ask: &Ask<'_>) -> Option<&Tools> {
        let is = |Entry { target, .. }: &Entry| {
            ask.is_for(&target.module.name, &target.target, target.hostname.as_deref())
        };
        self.entries().iter().any(|entry| is(entry)).then(|| self.tools())
    }

    /// Takes these targets in the place of those that the source discovered before; what is known of those that stay is
    /// kept. A name that somebody else's target has already gets the source's behind it.
    pub fn discover(&self, source: &str, targets: Vec<Target>) {
        let rounds = &*self.rounds;
        let mut known = rounds.before.clone();
        let now = self.entries();
        known.extend(now.iter().map(|entry| (identity(&entry.target), Arc::clone(&entry.state))));
        rounds.roster.replace(source, |others| {
            let mut taken: HashSet<String> = others.iter().map(|entry| entry.target.name.clone()).collect();
            let mut list = Vec::with_capacity(targets.len());
            for mut target in targets {
                if let Some(name) = free_name(&mut taken, std::mem::take(&mut target.name), source) {
                    target.name = name;
                    list.push(entry(target, &known));
                }
            }
            list
        });
        rounds.finished.fetch_add(1, Ordering::Relaxed);
    }

    /// The background loop; none if there is nothing to look at, and never will be.
    #[must_use]
    pub fn samplers(&self) -> Vec<Arc<dyn Sampler>> {
        if self.rounds.roster.is_idle() {
            Vec::new()
        } else {
            vec![Arc::clone(&self.rounds) as Arc<dyn Sampler>]
        }
    }

    /// The certificates that the targets present as their own, as they were last seen.
    #[must_use]
    pub fn presented(&self) -> Vec<Presented> {
        let now = SystemTime::now();
        let one = |entry: &Arc<Entry>| {
            entry.state.with(|known| {
                let (shown, _) = known.certificates(entry.target.interval, now)?;
                let der = shown.chain()?.links.first()?.der.clone();
                Some(Presented { certificate: shown.leaf()?.clone(), der })
            })
        };
        self.entries().iter().filter_map(one).collect()
    }

    /// All targets, as of now.
    pub(crate) fn entries(&self) -> List<Entry> {
        self.rounds.roster.all()
    }

    /// Each target's state in words, for the landing page.
    #[must_use]
    pub fn watched(&self) -> Vec<Watched> {
        self.entries().iter().map(|entry| watched(entry)).collect()
    }
}

fn entry(target: Target, known: &HashMap<Identity, Arc<State>>) -> Arc<Entry> {
    let state = known.get(&identity(&target)).map(Arc::clone).unwrap_or_default();
    Arc::new(Entry { target, state })
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
        0..172_800 => format!("certificate valid for {} more hours", left / 3600),
        _ => format!("certificate valid for {} more days", left / 86_400),
    }
}

impl Rounds {
    async fn round(&self, entry: &Entry, turn: Turn<'_>) {
        let target = &entry.target;
        let trace = Trace::new();
        let deadline = trace.began() + target.timeout;
        let hostname = target.hostname.as_deref();
        let sweep = target.module.accepted_versions != Some(false)
            && entry.state.with(|known| known.wants_versions(trace.began()));
        let work = probe(&target.module, &self.tools, &target.target, hostname, (deadline, sweep), &trace);
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
        let plan = |entry: &Arc<Entry>| {
            let interval = entry.target.interval;
            let lately = |ended: Instant| now.saturating_duration_since(ended) < interval;
            let done_lately = entry.state.busy.claim().is_none()
                || entry.state.with(|known| known.last.as_ref().is_some_and(|last| lately(last.ended)));
            Plan { place: place(&entry.target.name, &entry.target.target), interval, done_lately }
        };
        self.roster.plan().iter().map(plan).collect()
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        self.roster.changed()
    }

    fn start(&self, index: usize) -> Option<BoxFuture<'_, ()>> {
        let entry = self.roster.planned(index)?;
        // Claimed here, so that a target that is busy is told as such, and again in the round, which owns the entry.
        drop(entry.state.busy.claim()?);
        Some(Box::pin(async move {
            if let Some(turn) = entry.state.busy.claim() {
                self.round(&entry, turn).await;
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
        // What gets too old changes the page without any look.
        let (now, wall) = (Instant::now(), SystemTime::now());
        let old = |entry: &&Arc<Entry>| {
            let (interval, timeout) = (entry.target.interval, entry.target.timeout);
            entry.state.with(|known| {
                known.last.as_ref().is_some_and(|last| !last.is_fresh(interval, timeout, now))
                    || (known.shown.is_some() && known.certificates(interval, wall).is_none())
            })
        };
        let old = u64::try_from(self.roster.all().iter().filter(old).count()).unwrap_or(u64::MAX);
        let said = self.ari.as_ref().map_or(0, |ari| ari.generation());
        (self.finished.load(Ordering::Relaxed) ^ old << 40).wrapping_add(said << 20)
    }

    fn page(&self) -> Page {
        page(&self.roster.all(), self.ari.as_deref(), Instant::now(), SystemTime::now())
    }
}

/// Used by tests to wait for a schedule's first looks.
#[cfg(test)]
impl Schedule {
    pub(crate) async fn run_once(&self) -> Page {
        use kit::schedule::Rounds as _;
        for index in 0..self.rounds.plans(Instant::now()).len() {
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
            (1_000_000 + 90 * 86_400, "certificate valid for 90 more days"),
            (1_000_000 + 7200, "certificate valid for 2 more hours"),
            (1_000_000 - 3 * 86_400, "certificate expired 3 days ago"),
        ] {
            assert_eq!(days_left(at, now), want);
        }
    }
}
