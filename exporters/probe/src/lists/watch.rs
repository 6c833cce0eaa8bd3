//! The background loop: each list is fetched on its interval, and its targets are handed to the schedule.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use kit::schedule::{Busy, Plan, bounded, drive, place};
use kit::{Beat, BoxFuture, Page, Sampler, Watched};
use wire::Resolver;

use super::metrics::{ERROR, LAST_SUCCESS, TARGETS, UP};
use super::read::{Fault, Group, fetch, targets};
use crate::config::Target;
use crate::config::list::List;
use crate::targets::Schedule;

/// The lists and what is known of them. A reload makes a new one, which takes over what is known of lists that stay.
#[derive(Debug)]
pub struct Lists {
    rounds: Arc<Rounds>,
}

#[derive(Debug)]
struct Rounds {
    all: Vec<One>,
    resolver: Arc<Resolver>,
    schedule: Schedule,
    finished: AtomicU64,
}

/// One list.
#[derive(Debug)]
struct One {
    list: List,
    state: Arc<State>,
    /// What the schedule was last given. It does not outlive a reload, for the schedule does not either.
    handed: Mutex<Option<Vec<Target>>>,
}

#[derive(Debug, Default)]
struct State {
    busy: Busy,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Whether there was a fetch, and why the last one failed.
    last: Option<Option<Fault>>,
    /// The list as it last was, and when.
    groups: Option<(Vec<Group>, SystemTime)>,
    /// How many of its targets are probed.
    count: usize,
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Known> {
        // After a panic it is what it was before.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lists {
    /// Fetches these, whose names differ, for this schedule.
    #[must_use]
    pub fn new(
        lists: Vec<List>,
        resolver: Arc<Resolver>,
        schedule: Schedule,
        previous: Option<&Lists>,
    ) -> Self {
        let known = |list: &List| {
            let all = &previous?.rounds.all;
            let same =
                |before: &List| before.name == list.name && before.base.to_string() == list.base.to_string();
            Some(Arc::clone(&all.iter().find(|one| same(&one.list))?.state))
        };
        let all: Vec<_> = lists
            .into_iter()
            .map(|list| {
                let state = known(&list).unwrap_or_default();
                One { list, state, handed: Mutex::default() }
            })
            .collect();
        let finished = previous.map_or(0, |previous| previous.rounds.finished.load(Ordering::Relaxed)) + 1;
        let rounds = Rounds { all, resolver, schedule, finished: AtomicU64::new(finished) };
        for one in &rounds.all {
            if let Some((groups, _)) = &one.state.lock().groups {
                rounds.hand_on(one, groups);
            }
        }
        Self { rounds: Arc::new(rounds) }
    }

    /// The background loop; none if there is no list.
    #[must_use]
    pub fn samplers(&self) -> Vec<Arc<dyn Sampler>> {
        if self.rounds.all.is_empty() {
            Vec::new()
        } else {
            vec![Arc::clone(&self.rounds) as Arc<dyn Sampler>]
        }
    }

    /// Each list's state in words, for the landing page.
    #[must_use]
    pub fn watched(&self) -> Vec<Watched> {
        let one = |One { list, state, .. }: &One| {
            let known = state.lock();
            let count = known.groups.as_ref().map(|_| format!("{} targets", known.count));
            let fault = known.last.as_ref().and_then(|last| last.as_ref()).map(|(_, detail)| detail.clone());
            let parts: Vec<String> = fault.iter().cloned().chain(count).collect();
            let detail = if parts.is_empty() { "not fetched yet".to_owned() } else { parts.join("; ") };
            let ok = known.last.as_ref().map(Option::is_none);
            Watched { name: list.name.clone(), kind: "list".to_owned(), ok, detail, link: None }
        };
        self.rounds.all.iter().map(one).collect()
    }
}

impl Rounds {
    /// Gives the targets of a list to the schedule, if they are others than it has; says how many they are.
    fn hand_on(&self, one: &One, groups: &[Group]) -> usize {
        let now = targets(&one.list, groups);
        let count = now.len();
        let mut handed = one.handed.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |before: &Target, now: &Target| before.name == now.name && before.labels == now.labels;
        let known = handed.as_ref().is_some_and(|before| {
            before.len() == count && before.iter().zip(&now).all(|(before, now)| same(before, now))
        });
        if !known {
            self.schedule.discover(&one.list.name, now.clone());
            *handed = Some(now);
        }
        count
    }

    async fn round(&self, one: &One) {
        let One { list, state, .. } = one;
        let deadline = Instant::now() + list.patience;
        let work = tokio::time::timeout_at(deadline.into(), fetch(list, &self.resolver));
        let ended = match bounded(work, deadline).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(_)) => Err(("timeout", format!("{}: no whole answer in time", list.base))),
            Err(broken) => Err(("internal", broken.to_string())),
        };
        let mut known = state.lock();
        let before = known.last.as_ref().map(|last| last.as_ref().map(|(reason, _)| *reason));
        known.last = Some(match ended {
            Ok(groups) => {
                known.count = self.hand_on(one, &groups);
                if before != Some(None) {
                    tracing::info!(list = list.name, targets = known.count, "list fetched");
                }
                known.groups = Some((groups, SystemTime::now()));
                None
            }
            Err((reason, detail)) => {
                if before.flatten() != Some(reason) {
                    tracing::warn!(
                        list = list.name,
                        reason,
                        error = detail,
                        "list not fetched; its targets stay"
                    );
                }
                Some((reason, detail))
            }
        });
        drop(known);
        self.finished.fetch_add(1, Ordering::Relaxed);
    }
}

impl kit::schedule::Rounds for Rounds {
    fn plans(&self, _: Instant) -> Vec<Plan> {
        let plan = |one: &One| Plan {
            place: place(&one.list.name, &one.list.base.to_string()),
            interval: one.list.refresh,
            done_lately: false,
        };
        self.all.iter().map(plan).collect()
    }

    fn start(&self, index: usize) -> Option<BoxFuture<'_, ()>> {
        let one = self.all.get(index)?;
        let turn = one.state.busy.claim()?;
        Some(Box::pin(async move {
            self.round(one).await;
            drop(turn);
        }))
    }

    fn skip(&self, _: usize, _: u64) {
        // probe_list_last_success_timestamp_seconds stands still, which says it.
    }
}

impl Sampler for Rounds {
    fn name(&self) -> &str {
        "lists"
    }

    fn run(self: Arc<Self>, beat: Beat) -> BoxFuture<'static, ()> {
        Box::pin(async move { drive(&*self, &beat).await })
    }

    fn generation(&self) -> u64 {
        self.finished.load(Ordering::Relaxed)
    }

    fn page(&self) -> Page {
        let mut page = Page::with_capacity(self.all.len() * 4, 16);
        for One { list, state, .. } in &self.all {
            let (known, name) = (state.lock(), list.name.as_str());
            let Some(last) = &known.last else { continue };
            page.family(&UP).push(&[name], f64::from(u8::from(last.is_none())));
            if let Some((reason, _)) = last {
                page.family(&ERROR).push(&[name, reason], 1.0);
            }
            if let Some((_, at)) = &known.groups {
                #[allow(clippy::cast_precision_loss, reason = "no list has 2^53 targets")]
                page.family(&TARGETS).push(&[name], known.count as f64);
                let at = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
                page.family(&LAST_SUCCESS).push(&[name], at);
            }
        }
        page
    }
}

#[cfg(test)]
impl Lists {
    /// Fetches each once, now.
    pub(crate) async fn run_once(&self) -> Page {
        for one in &self.rounds.all {
            self.rounds.round(one).await;
        }
        self.rounds.page()
    }
}
