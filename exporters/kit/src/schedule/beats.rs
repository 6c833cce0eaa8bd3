//! When a loop says that it lives.

use std::sync::Arc;

use super::*;
use crate::Page;
use crate::sampler::{Sampler, Supervised};

/// One round in an hour, which hangs or not.
struct Hourly {
    hangs: bool,
}

impl Rounds for Hourly {
    fn plans(&self, _: Instant) -> Vec<Plan> {
        // Its slot is half an hour away: one at the full hour would be due while the test runs, once in forty runs.
        let half = SystemTime::now() + Duration::from_secs(1800);
        let place = half.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let place = u64::try_from(place).unwrap_or_default();
        let plan = |done_lately| Plan { place, interval: Duration::from_secs(3600), done_lately };
        vec![plan(!self.hangs)]
    }

    fn start(&self, _: usize) -> Option<BoxFuture<'_, ()>> {
        Some(Box::pin(std::future::pending()))
    }

    fn skip(&self, _: usize, _: u64) {}
}

impl Sampler for Hourly {
    fn name(&self) -> &str {
        "hourly"
    }

    fn run(self: Arc<Self>, beat: Beat) -> BoxFuture<'static, ()> {
        Box::pin(async move { drive(&*self, &beat).await })
    }

    fn generation(&self) -> u64 {
        0
    }

    fn page(&self) -> Page {
        Page::with_capacity(0, 0)
    }
}

#[tokio::test(start_paused = true)]
async fn a_loop_between_two_rounds_is_not_stuck_and_one_that_hangs_is() {
    for hangs in [false, true] {
        let sampler = Supervised::start(Arc::new(Hourly { hangs }));
        tokio::time::sleep(IDLE * 3 / 2).await;
        let mut page = Page::with_capacity(4, 4);
        sampler.facts(&mut page);
        let beats = page.get(crate::sampler::LAST_SUCCESS.name, &[("sampler", "hourly")]).is_some();
        assert_eq!(beats, !hangs);
        sampler.stop(Duration::from_secs(1)).await;
    }
}
