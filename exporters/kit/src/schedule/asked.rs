//! Sources that are asked on a schedule and whose last good answer is kept: a list at a URL, an inventory. This is what all of
//! them have alike; what is asked, and what becomes of an answer, is the source's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Broken, Busy, Plan, Rounds, bounded, drive, place};
use crate::sampler::{Beat, Sampler};
use crate::{BoxFuture, Page};

/// Why there is no answer, whatever was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lapse {
    /// It did not come in time.
    Late,
    /// A defect of whoever asks.
    Broken(Broken),
}

/// A source.
pub trait Source: Send + Sync + Sized + 'static {
    /// What all of them are called: the name of their loop.
    const KIND: &'static str;
    /// What comes when all is well.
    type Answer: Send;
    /// What comes when not.
    type Fault: From<Lapse> + Send;

    /// Its own name, and what is asked: with both its slots stay where they are.
    fn identity(&self) -> (&str, String);

    /// From one question to the next.
    fn every(&self) -> Duration;

    /// How long an answer may take.
    fn patience(&self) -> Duration;

    /// The right to ask it. It belongs to what is known of the source, and outlives a reload as that does.
    fn busy(&self) -> &Busy;

    /// Asks, and gives up at the deadline by itself if it can.
    fn ask(&self, deadline: Instant) -> BoxFuture<'_, Result<Self::Answer, Self::Fault>>;

    /// Takes note of what came, and after how long.
    fn take(&self, ended: Result<Self::Answer, Self::Fault>, took: Duration);

    /// What a scrape shows of all of them.
    fn page(all: &[Self]) -> Page;

    /// Grows when [`Source::page`] would say something else for another cause than an answer.
    fn generation(all: &[Self]) -> u64 {
        let _ = all;
        0
    }
}

/// All sources of a kind.
#[derive(Debug)]
pub struct Asked<S> {
    all: Vec<S>,
    /// Questions that came to an end, here and before reloads.
    finished: AtomicU64,
}

impl<S: Source> Asked<S> {
    /// Of these, whose names differ, in the place of `previous`.
    #[must_use]
    pub fn new(all: Vec<S>, previous: Option<&Self>) -> Arc<Self> {
        // Past the previous one's, so that a page of before the reload is not taken for one of after it.
        let finished = previous.map_or(0, |previous| previous.finished.load(Ordering::Relaxed)) + 1;
        Arc::new(Self { all, finished: AtomicU64::new(finished) })
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[S] {
        &self.all
    }

    /// The one of the same identity.
    #[must_use]
    pub fn same(&self, identity: &(&str, String)) -> Option<&S> {
        self.all.iter().find(|source| source.identity() == *identity)
    }

    /// The background loop; none if there is nothing to ask.
    #[must_use]
    pub fn samplers(self: &Arc<Self>) -> Vec<Arc<dyn Sampler>> {
        if self.all.is_empty() { Vec::new() } else { vec![Arc::clone(self) as Arc<dyn Sampler>] }
    }

    /// Asks one, now.
    pub async fn round(&self, source: &S) {
        let began = Instant::now();
        let deadline = began + source.patience();
        let asking = tokio::time::timeout_at(deadline.into(), source.ask(deadline));
        let ended = match bounded(asking, deadline).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(_)) => Err(Lapse::Late.into()),
            Err(broken) => Err(Lapse::Broken(broken).into()),
        };
        source.take(ended, began.elapsed());
        self.finished.fetch_add(1, Ordering::Relaxed);
    }

    /// Asks each once, now; what a scrape then shows.
    pub async fn ask_all(&self) -> Page {
        for source in &self.all {
            self.round(source).await;
        }
        S::page(&self.all)
    }
}

impl<S: Source> Rounds for Asked<S> {
    fn plans(&self, _: Instant) -> Vec<Plan> {
        let plan = |source: &S| {
            let (name, what) = source.identity();
            // What is asked at this moment, for the loop before a reload, need not be asked again at once.
            let done_lately = source.busy().claim().is_none();
            Plan { place: place(name, &what), interval: source.every(), done_lately }
        };
        self.all.iter().map(plan).collect()
    }

    fn start(&self, index: usize) -> Option<BoxFuture<'_, ()>> {
        let source = self.all.get(index)?;
        let turn = source.busy().claim()?;
        Some(Box::pin(async move {
            self.round(source).await;
            drop(turn);
        }))
    }

    fn skip(&self, _: usize, _: u64) {
        // The time of the last good answer stands still, which says it.
    }
}

impl<S: Source> Sampler for Asked<S> {
    fn name(&self) -> &str {
        S::KIND
    }

    fn run(self: Arc<Self>, beat: Beat) -> BoxFuture<'static, ()> {
        Box::pin(async move { drive(&*self, &beat).await })
    }

    fn generation(&self) -> u64 {
        // Both only grow, so that their sum changes with each.
        self.finished.load(Ordering::Relaxed).wrapping_add(S::generation(&self.all))
    }

    fn page(&self) -> Page {
        S::page(&self.all)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Answers, hangs, or falls.
    struct Oracle {
        says: fn() -> BoxFuture<'static, Result<u8, Lapse>>,
        busy: Busy,
        came: Mutex<Vec<Result<u8, Lapse>>>,
    }

    impl Source for Oracle {
        const KIND: &'static str = "oracles";
        type Answer = u8;
        type Fault = Lapse;
        fn identity(&self) -> (&str, String) {
            ("delphi", "future".to_owned())
        }
        fn every(&self) -> Duration {
            Duration::from_secs(60)
        }
        fn patience(&self) -> Duration {
            Duration::from_secs(5)
        }
        fn busy(&self) -> &Busy {
            &self.busy
        }
        fn ask(&self, _: Instant) -> BoxFuture<'_, Result<u8, Lapse>> {
            (self.says)()
        }
        fn take(&self, ended: Result<u8, Lapse>, _: Duration) {
            self.came.lock().unwrap().push(ended);
        }
        fn page(_: &[Self]) -> Page {
            Page::new()
        }
    }

    fn oracle(says: fn() -> BoxFuture<'static, Result<u8, Lapse>>) -> Arc<Asked<Oracle>> {
        Asked::new(vec![Oracle { says, busy: Busy::default(), came: Mutex::default() }], None)
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_an_end_to_each_question() {
        type Row = (fn() -> BoxFuture<'static, Result<u8, Lapse>>, Result<u8, Lapse>);
        let rows: [Row; 3] = [
            (|| Box::pin(async { Ok(7) }), Ok(7)),
            (|| Box::pin(std::future::pending()), Err(Lapse::Late)),
            (|| Box::pin(async { panic!("on purpose") }), Err(Lapse::Broken(Broken::Panicked))),
        ];
        for (says, want) in rows {
            let asked = oracle(says);
            let before = asked.generation();
            asked.ask_all().await;
            assert_eq!(
                (asked.all()[0].came.lock().unwrap().as_slice(), asked.generation()),
                (&[want][..], before + 1)
            );
        }
    }

    #[tokio::test]
    async fn one_that_is_asked_is_not_asked_again() {
        let asked = oracle(|| Box::pin(async { Ok(1) }));
        let first = asked.start(0);
        assert!(first.is_some() && asked.start(0).is_none() && asked.start(1).is_none());
        assert!(asked.plans(Instant::now())[0].done_lately);
        first.unwrap().await;
        assert!(asked.start(0).is_some());
        let after = Asked::<Oracle>::new(Vec::new(), Some(&asked));
        assert!(after.generation() > asked.generation() && after.samplers().is_empty());
        assert!(asked.same(&("delphi", "future".to_owned())).is_some());
        assert!(asked.same(&("delphi", "past".to_owned())).is_none());
    }
}
