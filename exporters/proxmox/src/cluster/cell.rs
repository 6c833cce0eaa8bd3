//! The answer of a fast collector. Two Prometheus servers that ask at the same time cost one call, and so does whoever asks
//! within 5 s: the cluster itself has new figures only every 10 s.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use kit::Page;
use tokio::sync::Mutex;

use super::Cluster;
use super::told::News;
use super::way_out::way_out;
use crate::api::{Failure, Reason};
use crate::collect::Collector;

/// How long an answer is good.
pub(super) const GOOD: Duration = Duration::from_secs(5);

/// What a run of a collector came to.
#[derive(Clone, Debug)]
pub struct Collected {
    /// What it learnt.
    pub page: Arc<Page>,
    /// Why that is not all.
    pub failure: Option<Failure>,
    /// How long it took.
    pub took: Duration,
    /// When it ended.
    pub at: Instant,
    /// The same, by the clock on the wall.
    pub time: SystemTime,
}

impl Collected {
    /// A run that began at that moment and ends now.
    #[must_use]
    pub fn new(mut page: Page, failure: Option<Failure>, began: Instant) -> Self {
        let at = Instant::now();
        // It is kept, for seconds or hours.
        page.finish();
        Self { page: Arc::new(page), failure, took: at - began, at, time: SystemTime::now() }
    }
}

/// A fast collector and its last answer.
#[derive(Debug)]
pub(super) struct Cell {
    collector: &'static Collector,
    /// With the cluster's epoch in which it was asked for.
    answer: Mutex<Option<(u64, Collected)>>,
    past: std::sync::Mutex<Past>,
}

#[derive(Debug, Default)]
struct Past {
    /// How the last run ended.
    last: Option<Result<(), Failure>>,
    /// When one last ended well.
    success: Option<SystemTime>,
}

impl Cell {
    pub(super) fn new(collector: &'static Collector) -> Self {
        Self { collector, answer: Mutex::default(), past: std::sync::Mutex::default() }
    }

    pub(super) fn collector(&self) -> &'static Collector {
        self.collector
    }

    /// How the last run ended; `None` before the first.
    pub(super) fn last(&self) -> Option<Result<(), Failure>> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner).last.clone()
    }

    /// When a run last ended well.
    pub(super) fn last_success(&self) -> Option<SystemTime> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner).success
    }

    /// The answer: the last one if it is younger than `good`, else a new one. Who comes while it is being fetched waits
    /// for it. A failure is not kept: the next one tries again.
    pub(super) async fn get(&self, cluster: &Cluster, good: Duration, deadline: Instant) -> Collected {
        let began = Instant::now();
        // Whoever waits for another's call that fails has no more time than who makes one.
        let deadline = deadline.min(began + cluster.settings().timeout);
        let Ok(mut answer) = tokio::time::timeout_at(deadline.into(), self.answer.lock()).await else {
            let failure =
                Failure::new(Reason::Timeout, "the same call of another scrape has not been answered yet");
            return Collected::new(Page::new(), Some(failure), began);
        };
        let epoch = cluster.epoch();
        let is_good = |of: u64, answer: &Collected| of == epoch && answer.at.elapsed() < good;
        if let Some((_, answer)) = answer.as_ref().filter(|(of, answer)| is_good(*of, answer)) {
            return answer.clone();
        }
        let fresh = cluster.visit(self.collector, "", deadline).await;
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        past.last = Some(fresh.failure.clone().map_or(Ok(()), Err));
        tell(cluster, self.collector.name, "", fresh.failure.as_ref());
        if fresh.failure.is_none() {
            past.success = Some(fresh.time);
        }
        *answer = fresh.failure.is_none().then(|| (epoch, fresh.clone()));
        fresh
    }
}

/// Logs a failure when it begins or changes, and its end: not each time, and of those that have one cause the first.
pub(super) fn tell(cluster: &Cluster, collector: &str, node: &str, now: Option<&Failure>) {
    let name = &cluster.settings().name;
    let way_out = now.and_then(|now| way_out(now, name, &cluster.api().access().identity));
    let news = cluster.told.take(collector, node, now, way_out.as_deref());
    if news.is_some() && now.is_some_and(|now| now.reason == Reason::Forbidden) {
        cluster.sight().doubt();
    }
    match (now, news) {
        (Some(now), Some(News::New)) => tracing::warn!(
            cluster = name,
            collector,
            node,
            reason = now.reason.word(),
            error = now.detail,
            way_out = way_out.unwrap_or_default(),
            "collector failed"
        ),
        (Some(now), Some(_)) if now.reason.is_of_all() => {
            tracing::debug!(
                cluster = name,
                collector,
                node,
                reason = now.reason.word(),
                "collector failed, too"
            );
        }
        (Some(now), Some(_)) => tracing::warn!(
            cluster = name,
            collector,
            node,
            reason = now.reason.word(),
            error = now.detail,
            "collector failed, too; the way out is that of the one before"
        ),
        (None, Some(News::Less)) => tracing::debug!(cluster = name, collector, node, "collector works again"),
        (None, Some(_)) => tracing::info!(cluster = name, collector, node, "collector works again"),
        (_, None) => {}
    }
}
