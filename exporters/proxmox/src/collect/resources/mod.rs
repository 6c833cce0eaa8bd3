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

use super::{Collector, DATASTORE_AUDIT, SYS_AUDIT, Scope, Tier, VM_AUDIT, Visit};
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
        let result = rows::check(&answer);
        let mut map = rows::map(&answer.rows);
        if result.is_err() && !map.nodes.is_empty() && !map.is_other(&visit.cluster.map()) {
            map.keep(&visit.cluster.map());
        }
        visit.cluster.learn(map);
        write(visit.name, &answer.rows, visit.cluster.settings().one_hot, page);
        result
    })
}
