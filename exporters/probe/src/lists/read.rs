//! One fetch: from an answer to targets.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode};
use kit::desc::is_label_name;
use kit::schedule::Lapse;
use serde::Deserialize;
use wire::Resolver;
use wire::http::fetch::Ask;

use crate::config::Target;
use crate::config::list::List;
use crate::config::target::RESERVED;

/// No answer is larger, in bytes.
const LARGEST: usize = 8 << 20;

/// Why a list cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// A word of [`super::metrics::REASONS`].
    pub(super) reason: &'static str,
    /// The cause for people.
    pub(super) detail: String,
}

impl Fault {
    fn new(reason: &'static str, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

impl From<Lapse> for Fault {
    fn from(lapse: Lapse) -> Self {
        match lapse {
            Lapse::Late => Self::new("timeout", "no whole answer in time"),
            Lapse::Broken(broken) => Self::new("internal", broken.to_string()),
        }
    }
}

/// As Prometheus reads it: https://prometheus.io/docs/prometheus/latest/http_sd/.
#[derive(Debug, Deserialize)]
pub(super) struct Group {
    targets: Vec<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// Fetches a list. There is no deadline but the caller's.
pub(super) async fn fetch(list: &List, resolver: &Resolver) -> Result<Vec<Group>, Fault> {
    let ask = Ask { method: Method::GET, path: "", token: None, body: Bytes::new(), limit: LARGEST };
    let answer =
        list.base.ask(resolver, ask).await.map_err(|error| Fault::new(error.reason.word(), error.detail))?;
    if answer.status != StatusCode::OK {
        return Err(Fault::new("status", format!("{}: status {}", list.base, answer.status)));
    }
    serde_json::from_slice(&answer.body)
        .map_err(|error| Fault::new("format", format!("{}: {error}", list.base)))
}

/// The targets of a list, each once.
pub(super) fn targets(list: &List, groups: &[Group]) -> Vec<Target> {
    let (mut all, mut seen) = (Vec::new(), HashSet::new());
    for Group { targets, labels } in groups {
        if !list.only.iter().all(|(name, value)| labels.get(name) == Some(value)) {
            continue;
        }
        for target in targets {
            let text = match &list.target_label {
                None => target.as_str(),
                Some(label) => match labels.get(label) {
                    Some(text) if !text.is_empty() => text.as_str(),
                    _ => continue,
                },
            };
            if !seen.insert(text) {
                continue;
            }
            all.push(Target {
                name: text.to_owned(),
                target: text.to_owned(),
                hostname: None,
                module: Arc::clone(&list.module),
                interval: list.interval,
                timeout: list.timeout,
                objective: list.objective,
                // What begins with two underscores is for whoever relabels, and goes no further.
                labels: labels
                    .iter()
                    .filter(|(name, _)| is_label_name(name) && !RESERVED.contains(&name.as_str()))
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect(),
            });
        }
    }
    all
}
