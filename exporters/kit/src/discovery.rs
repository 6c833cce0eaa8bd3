//! What an exporter discovers, for others: lists of targets in the form of Prometheus' `http_sd_configs`, served at `/sd`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

/// A list of targets, and what it is called: `/sd/NAME` serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovered {
    /// Its name; no two of an exporter's lists have the same.
    pub name: String,
    /// The targets; `None` until they are known for the first time, so that nobody takes not knowing for none. What was
    /// known is given on while its source is down.
    pub groups: Option<Arc<[Group]>>,
}

/// Targets with the same labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Each `host:port`.
    pub targets: Vec<String>,
    /// What is known of them. Those that begin with `__meta_` are for relabelling and go no further.
    pub labels: BTreeMap<String, String>,
}
