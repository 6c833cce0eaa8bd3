//! `/nodes/{node}/disks/lvmthin`: thin pools. One whose data or metadata is full stops every guest on it.

use std::time::Duration;

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::{Collector, SYS_AUDIT, Scope, Tier, Visit, whole};
use crate::api::Failure;
use crate::api::value::{Number, Rows, Text};

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "lvmthin",
    tier: Tier::Slow,
    scope: Scope::Node,
    on: true,
    every: Duration::from_secs(300),
    limit: Duration::from_secs(60),
    needs: &[SYS_AUDIT],
    descs: &[&SIZE, &USED, &METADATA_SIZE, &METADATA_USED],
    collect,
};

const POOL: &[&str] = &["cluster", "node", "vg", "lv"];

/// Its size.
pub const SIZE: Desc = Desc::gauge("pve_lvmthin_size_bytes", "Size of the thin pool.").labels(POOL);
/// What is used.
pub const USED: Desc =
    Desc::gauge("pve_lvmthin_usage_bytes", "Bytes of the thin pool that are used.").labels(POOL);
/// The metadata's size.
pub const METADATA_SIZE: Desc =
    Desc::gauge("pve_lvmthin_metadata_size_bytes", "Room for the thin pool's metadata.").labels(POOL);
/// What of it is used.
pub const METADATA_USED: Desc =
    Desc::gauge("pve_lvmthin_metadata_usage_bytes", "Bytes of the thin pool's metadata that are used.")
        .labels(POOL);

/// A row of the answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Row {
    lv: Text,
    vg: Text,
    lv_size: Number,
    used: Number,
    metadata_size: Number,
    metadata_used: Number,
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let answer: Rows<Row> = visit.get("/nodes/{node}/disks/lvmthin").await?;
        write([visit.name, visit.node], &answer.rows, page);
        whole(&answer, "/nodes/{node}/disks/lvmthin")
    })
}

/// Writes the rows.
pub fn write([cluster, node]: [&str; 2], rows: &[Row], page: &mut Page) {
    for row in rows.iter().filter(|row| !row.lv.is_empty()) {
        for (desc, value) in [
            (&SIZE, row.lv_size),
            (&USED, row.used),
            (&METADATA_SIZE, row.metadata_size),
            (&METADATA_USED, row.metadata_used),
        ] {
            if let Some(value) = value.0 {
                page.family(desc).push(&[cluster, node, &row.vg, &row.lv], value);
            }
        }
    }
}
