//! The background shape: a supervised loop that writes counters, histograms and snapshots, which a scrape only reads.
//! A loop that ends or panics is started again with a growing, jittered pause; it never ends the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt;
use tokio::sync::watch;

use crate::BoxFuture;
use crate::desc::Desc;
use crate::page::Page;

/// When a sampler's loop last did its work.
pub const LAST_SUCCESS: Desc = Desc::gauge(
    "farol_sampler_last_success_timestamp_seconds",
    "When the background loop last finished a round of work; a time that stands still means a stuck loop.",
)
.labels(&["sampler"]);
/// How often the loop had to be started again.
pub const RESTARTS: Desc = Desc::counter(
    "farol_sampler_restarts_total",
    "How often the background loop ended by itself and was started again.",
)
.labels(&["sampler"]);

/// The descriptions that kit adds for samplers.
pub const DESCS: &[&Desc] = &[&LAST_SUCCESS, &RESTARTS];

/// A background loop and what it publishes.
pub trait Sampler: Send + Sync + 'static {
    /// Its name, the value of the `sampler` label.
    fn name(&self) -> &str;

    /// The loop. Returns when `beat` says so; if it returns or panics before, it is started again.
    fn run(self: Arc<Self>, beat: Beat) -> BoxFuture<'static, ()>;

    /// Changes whenever [`Sampler::page`] would say something else: while it stands still, the page encoded (and
    /// compressed) before is served again.
    fn generation(&self) -> u64;

    /// What a scrape shows now.
    fn page(&self) -> Page;
}

/// The pulse of a running sampler: it tells when to stop, and takes note of success.
#[derive(Clone, Debug)]
pub struct Beat {
    stop: watch::Receiver<bool>,
    facts: Arc<Facts>,
}

#[derive(Debug, Default)]
struct Facts {
    last_success_ms: AtomicU64,
    restarts: AtomicU64,
}

impl Beat {
    /// Completes when the loop shall end.
    pub async fn stopped(&self) {
        // An error means that the supervisor is gone, which is an end, too.
        let _ = self.stop.clone().wait_for(|stop| *stop).await;
    }

    /// Sleeps, and says whether to go on (`false`: stop).
    pub async fn sleep(&self, pause: Duration) -> bool {
        tokio::select! {
            () = self.stopped() => false,
            () = tokio::time::sleep(pause) => true,
        }
    }

    /// Notes that a round of work is done.
    pub fn success(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.facts.last_success_ms.store(u64::try_from(now.as_millis()).unwrap_or(0), Ordering::Relaxed);
    }
}

/// A sampler that runs under supervision; stops when this is dropped.
pub struct Supervised {
    /// The sampler.
    pub sampler: Arc<dyn Sampler>,
    facts: Arc<Facts>,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Supervised {
    /// Starts the loop.
    #[must_use]
    pub fn start(sampler: Arc<dyn Sampler>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let facts = Arc::new(Facts::default());
        let beat = Beat { stop: stopped, facts: Arc::clone(&facts) };
        let task = tokio::spawn(supervise(Arc::clone(&sampler), beat));
        Self { sampler, facts, stop, task }
    }

    /// Ends the loop: asks it to, and drops it where it stands if it has not ended within `patience`.
    pub async fn stop(mut self, patience: Duration) {
        let _ = self.stop.send(true);
        if tokio::time::timeout(patience, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }

    /// Adds the loop's own facts to a page.
    pub fn facts(&self, page: &mut Page) {
        let name = self.sampler.name();
        let last = self.facts.last_success_ms.load(Ordering::Relaxed);
        if last > 0 {
            #[allow(
                clippy::cast_precision_loss,
                reason = "milliseconds since 1970 fit 53 bits for 285,000 years"
            )]
            page.family(&LAST_SUCCESS).push(&[name], last as f64 / 1e3);
        }
        #[allow(clippy::cast_precision_loss, reason = "no loop restarts 2^53 times")]
        page.family(&RESTARTS).push(&[name], self.facts.restarts.load(Ordering::Relaxed) as f64);
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

async fn supervise(sampler: Arc<dyn Sampler>, beat: Beat) {
    let mut pause = Duration::from_millis(200);
    loop {
        let began = tokio::time::Instant::now();
        let end = std::panic::AssertUnwindSafe(Arc::clone(&sampler).run(beat.clone())).catch_unwind().await;
        if *beat.stop.borrow() || beat.stop.has_changed().is_err() {
            return;
        }
        let how = if end.is_err() { "panicked" } else { "ended" };
        beat.facts.restarts.fetch_add(1, Ordering::Relaxed);
        tracing::error!(sampler = sampler.name(), pause = ?pause, "background loop {how}; it is started again");
        if !beat.sleep(jittered(pause)).await {
            return;
        }
        // A loop that ran for a while is well again: the next fall starts with a short pause.
        let healthy = began.elapsed() > Duration::from_secs(60);
        pause = if healthy { Duration::from_millis(200) } else { (pause * 2).min(Duration::from_secs(30)) };
    }
}

/// Between half of `pause` and the whole of it, so that loops that fell together do not rise together.
#[must_use]
pub fn jittered(pause: Duration) -> Duration {
    let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0u8);
    #[allow(clippy::cast_precision_loss, reason = "a random number needs no more than 53 bits")]
    let share = random as f64 / u64::MAX as f64;
    pause.mul_f64(0.5 + share / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Falls(AtomicU64);

    impl Sampler for Falls {
        fn name(&self) -> &str {
            "falls"
        }
        fn run(self: Arc<Self>, beat: Beat) -> BoxFuture<'static, ()> {
            Box::pin(async move {
                match self.0.fetch_add(1, Ordering::Relaxed) {
                    0 => panic!("on purpose"),
                    1 => (),
                    _ => {
                        beat.success();
                        beat.stopped().await;
                    }
                }
            })
        }
        fn generation(&self) -> u64 {
            0
        }
        fn page(&self) -> Page {
            Page::new()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_panics_or_ends_is_started_again() {
        let supervised = Supervised::start(Arc::new(Falls(AtomicU64::new(0))));
        tokio::time::sleep(Duration::from_secs(5)).await;
        let mut page = Page::new();
        supervised.facts(&mut page);
        assert_eq!(page.get(RESTARTS.name, &[("sampler", "falls")]), Some(2.0));
        assert!(page.get(LAST_SUCCESS.name, &[("sampler", "falls")]).is_some());
        supervised.stop(Duration::from_secs(1)).await;
    }

    #[test]
    fn jitter_stays_in_its_half() {
        for _ in 0..100 {
            let pause = jittered(Duration::from_secs(1));
            assert!((Duration::from_millis(500)..=Duration::from_secs(1)).contains(&pause), "{pause:?}");
        }
    }
}
