//! What a scrape waits for: the fast collectors side by side, and how the exporter itself fares with this cluster.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use kit::{BoxFuture, CollectError, Page, Scope};

use super::cell::{self, Collected};
use super::{Cluster, report};
use crate::api::margin;

/// A cluster's fast collectors, as kit runs them.
#[derive(Debug)]
pub struct Fast {
    cluster: Arc<Cluster>,
    name: String,
}

impl Fast {
    /// The fast tier of a cluster.
    #[must_use]
    pub fn new(cluster: Arc<Cluster>) -> Self {
        Self { name: cluster.settings().name.clone(), cluster }
    }
}

impl kit::Collector for Fast {
    fn name(&self) -> &str {
        &self.name
    }

    fn collect(&self, scope: Scope) -> BoxFuture<'_, Result<Page, CollectError>> {
        Box::pin(async move {
            let deadline = scope.deadline.checked_sub(margin(scope.left())).unwrap_or(scope.deadline);
            let (mut page, collected) = self.cluster.fast(deadline).await;
            report::exporter(&self.cluster, &mut page);
            // What came is shown; only when nothing did, this is no success.
            match collected.into_iter().map(|one| one.failure).collect::<Option<Vec<_>>>() {
                Some(failures) if !failures.is_empty() => {
                    let (reason, detail) = (failures[0].reason.word(), failures[0].detail.clone());
                    Err(CollectError { reason, detail, partial: page })
                }
                _ => Ok(page),
            }
        })
    }
}

impl Cluster {
    /// Every fast collector's answer on one page, and how each fared.
    pub async fn fast(&self, deadline: Instant) -> (Page, Vec<Collected>) {
        let ask = || join_all(self.cells.iter().map(|cell| cell.get(self, cell::GOOD, deadline)));
        let epoch = self.epoch();
        let mut all = ask().await;
        if self.epoch() != epoch {
            // One of the answers told of another cluster: none of the others is to stand beside it.
            all = ask().await;
        }
        let samples: usize = all.iter().map(|one| one.page.len()).sum();
        let mut page = Page::with_capacity(samples + 64, 32);
        for (cell, one) in self.cells.iter().zip(&all) {
            page.absorb(&one.page);
            report::collector(
                &mut page,
                &self.settings().name,
                cell.collector().name,
                "",
                &report::Fared {
                    failure: one.failure.as_ref(),
                    took: one.took,
                    last_success: cell.last_success(),
                    every: None,
                },
            );
        }
        (page, all)
    }

    /// Writes how a collector fared that was run just now.
    pub fn report(&self, page: &mut Page, collector: &str, node: &str, collected: &Collected) {
        let last_success = collected.failure.is_none().then_some(collected.time);
        let fared = report::Fared {
            failure: collected.failure.as_ref(),
            took: collected.took,
            last_success,
            every: None,
        };
        report::collector(page, &self.settings().name, collector, node, &fared);
    }

    /// Names and addresses of the members: asked for if they were not yet.
    pub async fn members_known(&self, deadline: Instant) -> Arc<super::map::Members> {
        if self.members().nodes.is_empty()
            && let Some(cell) = self.cells.iter().find(|cell| cell.collector().name == "status")
        {
            cell.get(self, cell::GOOD, deadline).await;
        }
        self.members()
    }

    /// The members, asked anew when what is known of them is older than that.
    pub async fn fresh_map(&self, good: Duration, deadline: Instant) -> Arc<super::map::Map> {
        let map = self.map();
        if map.at.is_none_or(|at| at.elapsed() >= good)
            && let Some(cell) = self.cells.iter().find(|cell| cell.collector().name == "resources")
        {
            cell.get(self, good, deadline).await;
        }
        self.map()
    }
}
