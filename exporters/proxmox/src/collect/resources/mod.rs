//! `/cluster/resources`: every node, guest and storage in one answer, which pveproxy has in memory. It takes out silently
//! what the token may not see.
//!
//! | file | what |
//! |---|---|
//! | `descs` | what is told |
//! | `rows` | a row, and what it says of the members |
//! | `write` | the families |

mod descs;
mod rows;
mod write;

use std::time::Duration;

use kit::{BoxFuture, Page};

use super::{Collector, DATASTORE_AUDIT, SYS_AUDIT, Scope, Tier, VM_AUDIT, Visit, whole};
use crate::api::Failure;
use crate::api::value::Rows;

pub use descs::*;
pub use rows::Row;
pub use write::write;

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "resources",
    tier: Tier::Fast,
    scope: Scope::Cluster,
    on: true,
    every: Duration::ZERO,
    limit: Duration::ZERO,
    needs: &[SYS_AUDIT, VM_AUDIT, DATASTORE_AUDIT],
    descs: DESCS,
    collect,
};

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let answer: Rows<Row> = visit.get("/cluster/resources").await?;
        visit.cluster.learn(rows::map(&answer.rows));
        write(visit.name, &answer.rows, visit.cluster.settings().one_hot, page);
        whole(&answer, "/cluster/resources")
    })
}
