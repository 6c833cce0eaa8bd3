//! The lists: each is fetched on its interval, and its targets are handed to the schedule.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kit::schedule::{Asked, Busy, Source};
use kit::{BoxFuture, Page, Sampler, Watched};
use wire::Resolver;

use super::metrics::{ERROR, LAST_SUCCESS, TARGETS, UP};
use super::read::{Fault, Group, fetch, targets};
use crate::config::Target;
use crate::config::list::List;
use crate::targets::Schedule;

/// The lists and what is known of them. A reload makes a new one, which takes over what is known of lists that stay.
#[derive(Debug)]
pub struct Lists {
    asked: Arc<Asked<One>>,
}

/// One list.
#[derive(Debug)]
struct One {
    list: List,
    resolver: Arc<Resolver>,
    schedule: Schedule,
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
        resolver: &Arc<Resolver>,
        schedule: &Schedule,
        previous: Option<&Lists>,
    ) -> Self {
        let previous = previous.map(|previous| &*previous.asked);
        let one = |list: List| {
            let known = previous.and_then(|previous| previous.same(&identity(&list)));
            let state = known.map(|one| Arc::clone(&one.state)).unwrap_or_default();
            let (resolver, schedule) = (Arc::clone(resolver), schedule.clone());
            One { list, resolver, schedule, state, handed: Mutex::default() }
        };
        let asked = Asked::new(lists.into_iter().map(one).collect(), previous);
        for one in asked.all() {
            if let Some((groups, _)) = &one.state.lock().groups {
                one.hand_on(groups);
            }
        }
        Self { asked }
    }

    /// The background loop; none if there is no list.
    #[must_use]
    pub fn samplers(&self) -> Vec<Arc<dyn Sampler>> {
        self.asked.samplers()
    }

    /// Each list's state in words, for the landing page.
    #[must_use]
    pub fn watched(&self) -> Vec<Watched> {
        let one = |One { list, state, .. }: &One| {
            let known = state.lock();
            let count = known.groups.as_ref().map(|_| format!("{} targets", known.count));
            let fault = known.last.as_ref().and_then(|last| last.as_ref()).map(|fault| fault.detail.clone());
            let parts: Vec<String> = fault.iter().cloned().chain(count).collect();
            let detail = if parts.is_empty() { "not fetched yet".to_owned() } else { parts.join("; ") };
            let ok = known.last.as_ref().map(Option::is_none);
            Watched { name: list.name.clone(), kind: "list".to_owned(), ok, detail, link: None }
        };
        self.asked.all().iter().map(one).collect()
    }
}

fn identity(list: &List) -> (&str, String) {
    (&list.name, list.base.to_string())
}

impl One {
    /// Gives the targets of a list to the schedule, if they are others than it has; says how many they are.
    fn hand_on(&self, groups: &[Group]) -> usize {
        let now = targets(&self.list, groups);
        let count = now.len();
        let mut handed = self.handed.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |before: &Target, now: &Target| before.name == now.name && before.labels == now.labels;
        let known = handed.as_ref().is_some_and(|before| {
            before.len() == count && before.iter().zip(&now).all(|(before, now)| same(before, now))
        });
        if !known {
            self.schedule.discover(&self.list.name, now.clone());
            *handed = Some(now);
        }
        count
    }
}

impl Source for One {
    const KIND: &'static str = "lists";
    type Answer = Vec<Group>;
    type Fault = Fault;

    fn identity(&self) -> (&str, String) {
        identity(&self.list)
    }

    fn every(&self) -> Duration {
        self.list.refresh
    }

    fn patience(&self) -> Duration {
        self.list.patience
    }

    fn busy(&self) -> &Busy {
        &self.state.busy
    }

    fn ask(&self, _: Instant) -> BoxFuture<'_, Result<Vec<Group>, Fault>> {
        Box::pin(fetch(&self.list, &self.resolver))
    }

    fn take(&self, ended: Result<Vec<Group>, Fault>, _: Duration) {
        let list = self.list.name.as_str();
        let mut known = self.state.lock();
        let before = known.last.as_ref().map(|last| last.as_ref().map(|fault| fault.reason));
        known.last = Some(match ended {
            Ok(groups) => {
                known.count = self.hand_on(&groups);
                if before != Some(None) {
                    tracing::info!(list, targets = known.count, "list fetched");
                }
                known.groups = Some((groups, SystemTime::now()));
                None
            }
            Err(fault) => {
                if before.flatten() != Some(fault.reason) {
                    let Fault { reason, detail } = &fault;
                    tracing::warn!(list, reason, error = detail, "list not fetched; its targets stay");
                }
                Some(fault)
            }
        });
    }

    fn page(all: &[Self]) -> Page {
        let mut page = Page::with_capacity(all.len() * 4, 16);
        for One { list, state, .. } in all {
            let (known, name) = (state.lock(), list.name.as_str());
            let Some(last) = &known.last else { continue };
            page.family(&UP).push(&[name], f64::from(u8::from(last.is_none())));
            if let Some(fault) = last {
                page.family(&ERROR).push(&[name, fault.reason], 1.0);
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
        self.asked.ask_all().await
    }
}
