//! An entry of `http_sd_configs:`, raw and validated.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kit::config::{Document, HumanDuration, Problem, Spanned, did_you_mean};
use kit::schedule::{Bounds, timing};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::http::fetch::Base;
use wire::tls::{Client, Settings};

use super::target::{DEFAULT_INTERVAL, DEFAULT_TIMEOUT};
use super::{File, Objective};
use crate::module::Module;
use crate::modules::{LONGEST, ModuleMap};

/// How often a list is fetched when it does not say.
const DEFAULT_REFRESH: Duration = Duration::from_secs(60);
/// How long fetching one may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// What calls itself.
const AGENT: &str = concat!("farol-probe-exporter/", env!("CARGO_PKG_VERSION"));

/// A list of targets in the form of Prometheus' own `http_sd_configs`, e.g. what tls-exporter discovers. Its targets come and
/// go with it; what `allowed_targets` says holds for them, as for a URL's.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListSection {
    /// Where the list is.
    #[schemars(example = &"http://127.0.0.1:9219/sd/home")]
    pub url: Spanned<String>,
    /// What it is called: the `list` label. Default: the url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"home")]
    pub name: Option<Spanned<String>>,
    /// The module to probe its targets with.
    #[schemars(example = &"http_2xx")]
    pub module: Spanned<String>,
    /// The label that says what to probe, for a target that has it; the others are left out. Default: the target itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"__meta_npm_url")]
    pub target_label: Option<Spanned<String>>,
    /// Labels that a target must have with these values; the others are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = BTreeMap::from([("__meta_npm_type", "proxy")]))]
    pub only: BTreeMap<String, String>,
    /// How often it is fetched. Default: 1m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_interval: Option<Spanned<HumanDuration>>,
    /// How often each of its targets is probed. Default: 15s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Spanned<HumanDuration>>,
    /// How long a probe may take. Default: the module's timeout, else 10s; never more than the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Spanned<HumanDuration>>,
    /// The share of probes that must succeed, as for a target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<Objective>,
}

/// A list that is ready to be fetched.
#[derive(Debug)]
pub struct List {
    /// What it is called; no two have the same.
    pub name: String,
    /// Where it is.
    pub base: Base,
    /// What its targets are probed with.
    pub module: Arc<Module>,
    /// The label that says what to probe.
    pub target_label: Option<String>,
    /// What a target must have.
    pub only: BTreeMap<String, String>,
    /// From one fetch to the next.
    pub refresh: Duration,
    /// How long a fetch may take; not above `refresh`.
    pub patience: Duration,
    /// From one probe of a target to the next.
    pub interval: Duration,
    /// How long a probe may take; not above `interval`.
    pub timeout: Duration,
    /// The share of probes that must succeed.
    pub objective: Objective,
}

/// Validates `http_sd_configs:`. What is wrong is told with its position; the rest is returned.
pub fn lists(
    file: &File,
    modules: &ModuleMap,
    document: &Document,
    problems: &mut Vec<Problem>,
) -> Vec<List> {
    let mut names: HashMap<String, usize> = HashMap::new();
    let mut lists = Vec::with_capacity(file.http_sd_configs.len());
    for (index, section) in file.http_sd_configs.iter().enumerate() {
        let before = problems.len();
        let key = |key: &str| format!("http_sd_configs[{index}].{key}");
        let module = modules.get(section.module.as_str());
        if module.is_none() {
            let way_out = did_you_mean(&section.module, modules.keys().map(String::as_str));
            let cause = format!("unknown module {:?}", section.module.as_str());
            problems.push(document.problem(&section.module, key("module"), cause, &way_out));
        }
        let client = Client::new(&Settings::default()).map_err(|error| error.to_string());
        let base = match client.and_then(|client| Base::parse(&section.url, client, AGENT)) {
            Ok(base) => Some(base),
            Err(cause) => {
                let way_out = "give e.g. http://127.0.0.1:9219/sd/home";
                let mut problem = document.problem(&section.url, key("url"), cause, way_out);
                // Whoever writes a password into a URL shall not find it in a log.
                problem.snippet = problem.snippet.filter(|_| !section.url.contains('@'));
                problems.push(problem);
                None
            }
        };
        let name = section.name.as_ref().filter(|name| !name.is_empty());
        let (name, at) = name.map_or((&section.url, "url"), |name| (name, "name"));
        if let Some(first) = names.insert(name.value.clone(), index) {
            let cause = format!("{:?} is the name of http_sd_configs[{first}], too", name.as_str());
            problems.push(document.problem(name, key(at), cause, "give each its own name"));
        }
        let mut spans = |interval, timeout, usual| {
            timing(interval, timeout, Bounds { usual, longest: LONGEST }, &mut |at, name, cause, way_out| {
                problems.push(document.problem(at, key(name), cause, way_out));
            })
        };
        let (interval, own) = spans(section.interval.as_ref(), section.timeout.as_ref(), DEFAULT_INTERVAL);
        let (refresh, _) = spans(section.refresh_interval.as_ref(), None, DEFAULT_REFRESH);
        let (Some(module), Some(base), true) = (module, base, problems.len() == before) else { continue };
        let usual = file.defaults.as_ref().and_then(|defaults| defaults.objective).unwrap_or_default();
        lists.push(List {
            name: name.value.clone(),
            base,
            module: Arc::clone(module),
            target_label: section.target_label.as_ref().map(|label| label.value.clone()),
            only: section.only.clone(),
            refresh,
            patience: PATIENCE.min(refresh),
            interval,
            timeout: own.or(module.timeout).unwrap_or(DEFAULT_TIMEOUT).min(interval),
            objective: section.objective.unwrap_or(usual),
        });
    }
    lists
}
