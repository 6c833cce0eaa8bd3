//! The pull shape: something that is asked anew at each scrape. kit runs all of an exporter's collectors side by side
//! under the scrape's deadline, keeps what came in time, and adds success and duration per collector.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::BoxFuture;
use crate::desc::Desc;
use crate::page::Page;

/// What a collection may use.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// When the answer must be there. Past it the collector is dropped where it stands.
    pub deadline: Instant,
}

impl Scope {
    /// The time that is left.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// Why a collection gave nothing, or only part.
#[derive(Debug, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct CollectError {
    /// From a closed set of the exporter, lower_snake_case.
    pub reason: &'static str,
    /// The cause, for the log.
    pub detail: String,
    /// What was collected before it failed.
    pub partial: Page,
}

/// Something that is asked at each scrape.
pub trait Collector: Send + Sync + 'static {
    /// Its name, the value of the `collector` label.
    fn name(&self) -> &str;

    /// Collects one page.
    fn collect(&self, scope: Scope) -> BoxFuture<'_, Result<Page, CollectError>>;
}

/// Whether each collector delivered.
pub const SUCCESS: Desc =
    Desc::gauge("farol_collector_success", "Whether the collector delivered everything at this scrape.")
        .labels(&["collector"]);
/// How long each collector took.
pub const DURATION: Desc =
    Desc::gauge("farol_collector_duration_seconds", "How long the collector took at this scrape.")
        .labels(&["collector"]);

/// The descriptions that [`run_all`] itself adds.
pub const DESCS: &[&Desc] = &[&SUCCESS, &DURATION];

/// Runs all collectors side by side until `scope.deadline` and merges what they brought.
pub async fn run_all(collectors: &[Arc<dyn Collector>], scope: Scope) -> Page {
    let runs = collectors.iter().map(|collector| async {
        let began = Instant::now();
        let deadline = tokio::time::Instant::from_std(scope.deadline);
        let result = tokio::time::timeout_at(deadline, collector.collect(scope)).await;
        (collector.name(), began.elapsed(), result)
    });
    let mut page = Page::new();
    for (name, took, result) in join_all(runs).await {
        let success = match result {
            Ok(Ok(collected)) => {
                page.take(collected);
                true
            }
            Ok(Err(error)) => {
                tracing::warn!(
                    collector = name,
                    reason = error.reason,
                    error = error.detail,
                    "collector failed"
                );
                page.take(error.partial);
                false
            }
            Err(_) => {
                tracing::warn!(collector = name, after = ?took, "collector did not answer before the scrape's deadline");
                false
            }
        };
        page.family(&SUCCESS).push(&[name], f64::from(u8::from(success)));
        page.family(&DURATION).push(&[name], took.as_secs_f64());
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: Desc = Desc::gauge("value", "A value.").labels(&["from"]);

    struct Fake(&'static str, Option<Result<(), ()>>);

    impl Collector for Fake {
        fn name(&self) -> &str {
            self.0
        }
        fn collect(&self, _: Scope) -> BoxFuture<'_, Result<Page, CollectError>> {
            Box::pin(async {
                let mut page = Page::new();
                page.family(&VALUE).push(&[self.0], 1.0);
                match self.1 {
                    Some(Ok(())) => Ok(page),
                    Some(Err(())) => {
                        Err(CollectError { reason: "half", detail: "the rest is gone".into(), partial: page })
                    }
                    None => std::future::pending().await,
                }
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_collector_costs_only_itself() {
        let collectors: Vec<Arc<dyn Collector>> = vec![
            Arc::new(Fake("whole", Some(Ok(())))),
            Arc::new(Fake("half", Some(Err(())))),
            Arc::new(Fake("hangs", None)),
        ];
        let scope = Scope { deadline: Instant::now() + Duration::from_secs(1) };
        let page = run_all(&collectors, scope).await;
        for (name, success, value) in
            [("whole", 1.0, Some(1.0)), ("half", 0.0, Some(1.0)), ("hangs", 0.0, None)]
        {
            assert_eq!(page.get(SUCCESS.name, &[("collector", name)]), Some(success), "{name}");
            assert_eq!(page.get(VALUE.name, &[("from", name)]), value, "{name}");
        }
    }
}
