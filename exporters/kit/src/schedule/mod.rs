//! A schedule of rounds: one task that starts each piece of work when it is due, for samplers that watch many targets.
//!
//! | file | what |
//! |---|---|
//! | `slots` | when each is due: slots that stay where they are through restarts and reloads |
//! | `roster` | what is worked on when some of it comes and goes |
//! | `young` | how many of those that began just now run at once |
//! | `turn` | the right to work on a target: one at a time, also through a reload |
//! | `asked` | sources that are asked, and whose last good answer is kept |
//! | `bounded` | work that ends in time, whatever it does |
//! | `entry` | what every entry of `targets:` has: interval, timeout, labels |
//! | `change` | what a round changed in a target's state, and how long that holds |
//!
//! What a round does, what is known of a target and how that is shown is the exporter's own: [`Rounds`].

mod asked;
mod bounded;
mod change;
mod entry;
mod roster;
mod slots;
mod turn;
mod young;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use crate::BoxFuture;
use crate::sampler::Beat;

pub use asked::{Asked, Lapse, Source};
pub use bounded::{Broken, bounded};
pub use change::{Change, is_fresh};
pub use entry::{Bounds, Tell, check_labels, timing};
pub use roster::{List, Roster, free_name};
use slots::Slots;
pub use slots::{fnv1a, place};
pub use turn::{Busy, Turn};
use young::Young;

/// How many rounds run at once; the others wait for their turn, and are told of by [`Rounds::skip`] if that is long.
pub const AT_ONCE: usize = 256;

/// How often a loop that has nothing to do says that it lives: rounds may be hours apart.
const IDLE: Duration = Duration::from_secs(60);

/// When something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where within the interval; see [`place`].
    pub place: u64,
    /// From the beginning of one round to that of the next.
    pub interval: Duration,
    /// Whether the last round ended less than an interval ago, before a reload: then the next slot will do.
    pub done_lately: bool,
}

/// What a schedule works on: a list, by index. An index is one of the list that was last asked for its plans.
pub trait Rounds: Send + Sync {
    /// The plans of all, in order, as they are at `now`.
    fn plans(&self, now: Instant) -> Vec<Plan>;

    /// Completes when the list is another one than that of the last plans, which is then asked for anew. What runs goes on;
    /// slots stay where they are, since they follow from a plan alone.
    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }

    /// Starts a round; `None` if the last one is not over.
    fn start(&self, index: usize) -> Option<BoxFuture<'_, ()>>;

    /// Notes rounds that were left out.
    fn skip(&self, index: usize, rounds: u64);
}

/// The slots of a list, and which of them comes next.
struct Queue {
    slots: Vec<Slots>,
    due: BinaryHeap<Reverse<(Instant, usize)>>,
}

impl Queue {
    fn new(work: &dyn Rounds) -> Self {
        let now = Instant::now();
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let plans = work.plans(now);
        let mut slots = Vec::with_capacity(plans.len());
        let mut due = BinaryHeap::with_capacity(plans.len());
        for (index, plan) in plans.into_iter().enumerate() {
            let own = Slots::new(plan.place, plan.interval, now, wall);
            due.push(Reverse((own.first(plan.place, now, plan.done_lately), index)));
            slots.push(own);
        }
        Self { slots, due }
    }

    /// What is due, and how many of its rounds were left out since it was.
    fn take(&mut self, now: Instant) -> Option<(usize, u64)> {
        let Reverse((at, index)) = self.due.peek().copied().filter(|Reverse((at, _))| *at <= now)?;
        self.due.pop();
        let (next, skipped) = self.slots[index].next(at, now);
        self.due.push(Reverse((next, index)));
        Some((index, skipped))
    }

    fn next(&self) -> Option<tokio::time::Instant> {
        self.due.peek().map(|Reverse((at, _))| tokio::time::Instant::from_std(*at))
    }
}

/// Starts each round when it is due, until the sampler is to stop.
pub async fn drive(work: &dyn Rounds, beat: &Beat) {
    let mut changed = work.changed();
    let mut queue = Queue::new(work);
    let mut running = FuturesUnordered::new();
    let mut young = Young::default();
    let stopped = beat.stopped();
    tokio::pin!(stopped);
    loop {
        let now = Instant::now();
        while running.len() < AT_ONCE
            && young.has_room(now)
            && let Some((index, mut skipped)) = queue.take(now)
        {
            match work.start(index) {
                Some(round) => {
                    let number = young.begin(now);
                    running.push(round.map(move |()| number));
                }
                None => skipped += 1,
            }
            if skipped > 0 {
                work.skip(index, skipped);
            }
        }
        let room = running.len() < AT_ONCE;
        let later = young.room_at().map(tokio::time::Instant::from_std);
        let next = queue.next().map(|at| later.map_or(at, |later| at.max(later)));
        let wait = async {
            match next {
                Some(at) if room => tokio::time::sleep_until(at).await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            () = &mut stopped => return,
            Some(number) = running.next(), if !running.is_empty() => {
                young.end(number);
                beat.success();
            }
            () = tokio::time::sleep(IDLE), if running.is_empty() => beat.success(),
            () = &mut changed => {
                // Asked for before the plans: what changes in between is not lost.
                changed = work.changed();
                queue = Queue::new(work);
            }
            () = wait => {}
        }
    }
}

#[cfg(test)]
mod beats;
#[cfg(test)]
mod tests;
