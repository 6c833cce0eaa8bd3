//! What is known of a target. It outlives a reload: a target that stays keeps its counters.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use kit::histogram::HistogramSnapshot;
use kit::page::Value;
use kit::prober::{DURATION, FAILURE, SUCCESS, TIMEOUT};
use kit::schedule::{Busy, Change, Turn};
use kit::{Failure, Histogram, Page, Verdict};

use super::metrics::{BOUNDS, derived_index};
use crate::reasons;

/// A target's counters and its last verdict.
#[derive(Debug)]
pub(super) struct State {
    busy: Busy,
    pub(super) durations: Histogram,
    known: Mutex<Known>,
}

/// What a lock covers.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) attempts: u64,
    pub(super) failures: u64,
    /// By phase and reason.
    pub(super) reasons: BTreeMap<(&'static str, &'static str), u64>,
    pub(super) skipped: u64,
    pub(super) last: Option<Last>,
    pub(super) last_success: Option<SystemTime>,
    /// Since when the verdict is what it is now.
    pub(super) since: Option<SystemTime>,
}

/// The last verdict.
#[derive(Clone, Debug)]
pub(super) struct Last {
    /// When the probe ended, by both clocks.
    pub(super) at: SystemTime,
    pub(super) ended: Instant,
    pub(super) took: Duration,
    pub(super) failure: Option<Failure>,
    /// What the page said, family by family.
    pub(super) rows: Box<[Kept]>,
}

/// A row of the last verdict: without what makes a [`Page`] large, for it is kept for every target.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// The place of its description in the table of those with a target.
    pub(super) desc: u16,
    pub(super) value: f64,
    /// The values of the labels after target and module.
    pub(super) labels: Box<[Box<str>]>,
    /// Names and values of labels that the user's configuration brought.
    pub(super) open: Box<[(Box<str>, Box<str>)]>,
}

impl State {
    pub(super) fn new() -> Self {
        Self { busy: Busy::default(), durations: Histogram::new(BOUNDS), known: Mutex::default() }
    }

    /// Claims the target for a probe; `None` while another one is under way, also one of the schedule before a reload.
    pub(super) fn claim(&self) -> Option<Claim<'_>> {
        self.busy.claim().map(|turn| Claim { state: self, _turn: turn })
    }

    pub(super) fn skip(&self, rounds: u64) {
        self.lock().skipped += rounds;
    }

    pub(super) fn known(&self) -> Known {
        self.lock().clone()
    }

    /// Looks at what is known without copying it.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Numbers only: after a panic they are still numbers.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to probe a target; gives it back when dropped, also with a probe that is cut short.
pub(super) struct Claim<'a> {
    state: &'a State,
    _turn: Turn<'a>,
}

impl Claim<'_> {
    /// Takes note of a probe that ended.
    pub(super) fn finish(self, verdict: Verdict, took: Duration, timeout: Duration) -> Change {
        // A probe that could not even begin says nothing of the service: it is no part of its budget, nor of its speed.
        let tried = verdict.failure.as_ref().is_none_or(|failure| !reasons::is_untried(failure.reason));
        if tried {
            self.state.durations.observe(took.as_secs_f64());
        }
        let rows = keep(&verdict, took, timeout);
        let now = SystemTime::now();
        let mut known = self.state.lock();
        known.attempts += u64::from(tried);
        let was = known.last.as_ref().map(|last| last.failure.is_none());
        let before = known.last.as_ref().map(|last| last.failure.as_ref());
        let change = Change::between(before, verdict.failure.as_ref());
        if was != Some(verdict.failure.is_none()) {
            known.since = Some(now);
        }
        match &verdict.failure {
            None => known.last_success = Some(now),
            Some(failure) => {
                known.failures += u64::from(tried);
                *known.reasons.entry((failure.phase, failure.reason)).or_default() += 1;
            }
        }
        known.last = Some(Last { at: now, ended: Instant::now(), took, failure: verdict.failure, rows });
        change
    }
}

impl Last {
    /// Whether it is of use still: a schedule that stands still must not look like a target that is well.
    pub(super) fn is_fresh(&self, interval: Duration, timeout: Duration, now: Instant) -> bool {
        kit::schedule::is_fresh(self.ended, interval, timeout, now)
    }

    /// The value of a family without labels of its own.
    pub(super) fn value(&self, name: &str) -> Option<f64> {
        let index = derived_index(name)?;
        self.rows.iter().find(|row| row.desc == index && row.labels.is_empty()).map(|row| row.value)
    }

    /// The first label that a family has beside target and module, of its first row.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        let index = derived_index(name)?;
        self.rows.iter().find(|row| row.desc == index)?.labels.first().map(|value| &**value)
    }
}

/// The rows of a verdict, with those that kit adds to `/probe`, in the table's order.
fn keep(verdict: &Verdict, took: Duration, timeout: Duration) -> Box<[Kept]> {
    let mut own = Page::with_capacity(4, 16);
    own.set(&SUCCESS, f64::from(u8::from(verdict.failure.is_none())));
    own.set(&DURATION, took.as_secs_f64());
    own.set(&TIMEOUT, timeout.as_secs_f64());
    if let Some(failure) = &verdict.failure {
        own.family(&FAILURE).push(&[failure.phase, failure.reason], 1.0);
    }
    let mut rows: Vec<Kept> = Vec::with_capacity(own.len() + verdict.page.len());
    for sample in own.samples().chain(verdict.page.samples()) {
        let Some(desc) = derived_index(sample.desc.name) else {
            debug_assert!(false, "{} is not in any prober's list of descriptions", sample.desc.name);
            continue;
        };
        let Value::Number(value) = sample.value else { continue };
        let split = sample.desc.labels.len();
        let labels: Box<[Box<str>]> = sample.labels().take(split).map(|(_, value)| value.into()).collect();
        let open = sample.labels().skip(split).map(|(name, value)| (renamed(name), value.into())).collect();
        rows.push(Kept { desc, value: *value, labels, open });
    }
    rows.sort_by_key(|row| row.desc);
    rows.into_boxed_slice()
}

/// A user's label must not take the place of the target's own: it is renamed as Prometheus does.
fn renamed(name: &str) -> Box<str> {
    match name {
        "target" | "module" => format!("exported_{name}").into(),
        name => name.into(),
    }
}

/// A histogram of a target, for the page.
pub(super) fn durations(state: &State) -> HistogramSnapshot {
    state.durations.snapshot()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::invalid;

    fn finish(state: &State, failure: Option<Failure>) -> Change {
        let verdict = Verdict { failure, page: Page::new() };
        state.claim().unwrap().finish(verdict, Duration::from_millis(3), Duration::from_secs(1))
    }

    fn refused() -> Failure {
        Failure { phase: "connect", reason: "connect_refused", detail: "refused".into(), refused: None }
    }

    #[test]
    fn counters_and_changes() {
        let state = State::new();
        assert_eq!(finish(&state, None), Change::None);
        let since = state.known().since;
        assert_eq!(finish(&state, None), Change::None);
        assert_eq!(state.known().since, since, "well since the first");
        assert_eq!(finish(&state, Some(refused())), Change::Down(refused()));
        assert_eq!(finish(&state, Some(refused())), Change::None);
        assert_eq!(finish(&state, None), Change::Up);
        let known = state.known();
        assert_eq!((known.attempts, known.failures), (5, 2));
        assert_eq!(known.reasons[&("connect", "connect_refused")], 2);
        assert_eq!(state.durations.snapshot().count, 5);
    }

    #[test]
    fn a_probe_that_could_not_begin_counts_by_its_reason_alone() {
        let state = State::new();
        finish(&state, None);
        assert_eq!(finish(&state, Some(invalid("bad"))), Change::Down(invalid("bad")));
        let known = state.known();
        assert_eq!((known.attempts, known.failures), (1, 0));
        assert_eq!(known.reasons[&("parse", "target_invalid")], 1);
        assert_eq!(state.durations.snapshot().count, 1);
    }

    #[test]
    fn a_target_is_claimed_once_and_given_back_when_a_probe_is_dropped() {
        let state = State::new();
        let claim = state.claim();
        assert!(claim.is_some() && state.claim().is_none() && state.claim().is_none());
        drop(claim);
        assert!(state.claim().is_some());
        assert_eq!(state.known().attempts, 0, "a probe that was cut short is none");
    }

    #[test]
    fn a_verdict_gets_old() {
        let state = State::new();
        finish(&state, None);
        let last = state.known().last.unwrap();
        let (second, later) = (Duration::from_secs(1), |seconds| last.ended + Duration::from_secs(seconds));
        assert!(last.is_fresh(second, second, later(4)));
        assert!(!last.is_fresh(second, second, later(5)));
        assert_eq!(last.value(SUCCESS.name), Some(1.0));
    }

    #[test]
    fn labels_of_the_user_do_not_collide_with_the_targets() {
        assert_eq!(&*renamed("target"), "exported_target");
        assert_eq!(&*renamed("ssh_version"), "ssh_version");
    }
}
