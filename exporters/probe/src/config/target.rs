//! An entry of `targets:`, raw and validated.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kit::config::{Document, HumanDuration, Problem, Spanned, did_you_mean};
use kit::schedule::{Bounds, check_labels, timing};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{File, Objective};
use crate::module::Module;
use crate::modules::{LONGEST, ModuleMap};

/// Labels that every target has already, or that histograms need.
pub(crate) const RESERVED: [&str; 4] = ["target", "module", "le", "quantile"];

/// How often a target is probed when it does not say.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(15);
/// How long a probe of a target may take when neither it nor its module says; never more than the interval.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// What holds for every target that does not say otherwise.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DefaultsSection {
    /// The share of probes that must succeed, as `99.9%` or `0.999`. Default: 99.5%.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<Objective>,
}

/// Something to probe on a schedule.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetSection {
    /// What it is called: the `target` label on /metrics. Default: the target itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"site")]
    pub name: Option<Spanned<String>>,
    /// What to probe, as the target parameter of /probe: a URL, host:port, a name or an address. Required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"https://www.example.org/")]
    pub target: Option<Spanned<String>>,
    /// The module to probe it with.
    #[schemars(example = &"http_2xx")]
    pub module: Spanned<String>,
    /// The Host header and TLS server name to use, as the hostname parameter of /probe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"www.example.org")]
    pub hostname: Option<Spanned<String>>,
    /// How often. Default: 15s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Spanned<HumanDuration>>,
    /// How long a probe may take. Default: the module's timeout, else 10s; never more than the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Spanned<HumanDuration>>,
    /// The share of probes that must succeed, as `99.9%` or `0.999`; alerts compare the failures with what it leaves.
    /// Default: that of `defaults`, else 99.5%.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<Objective>,
    /// Labels of your own, on this target's info metric.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, Spanned<String>>,
}

/// A target that is ready to be probed.
#[derive(Clone, Debug)]
pub struct Target {
    /// What it is called; no two have the same.
    pub name: String,
    /// What is probed.
    pub target: String,
    /// The Host header and TLS server name, if they are not the target's own.
    pub hostname: Option<String>,
    /// What it is probed with.
    pub module: Arc<Module>,
    /// From one probe's beginning to the next one's.
    pub interval: Duration,
    /// How long a probe may take; not above `interval`.
    pub timeout: Duration,
    /// The share of probes that must succeed.
    pub objective: Objective,
    /// The user's labels, by name; all names are legal.
    pub labels: Vec<(String, String)>,
}

/// Validates `targets:`. What is wrong is told with its position; the rest is returned.
pub fn targets(
    file: &File,
    modules: &ModuleMap,
    document: &Document,
    problems: &mut Vec<Problem>,
) -> Vec<Target> {
    let raw = &file.targets;
    let usual = file.defaults.as_ref().and_then(|defaults| defaults.objective).unwrap_or_default();
    let mut names: HashMap<String, usize> = HashMap::with_capacity(raw.len());
    let mut targets = Vec::with_capacity(raw.len());
    for (index, section) in raw.iter().enumerate() {
        let before = problems.len();
        let key = |key: &str| format!("targets[{index}].{key}");
        let target = section.target.as_ref().filter(|target| !target.trim().is_empty());
        if target.is_none() {
            let way_out = "add target: a URL, host:port, a name or an address";
            problems.push(document.problem_at(format!("targets[{index}]"), "target is missing", way_out));
        }
        let module = modules.get(section.module.as_str());
        if module.is_none() {
            let way_out = did_you_mean(&section.module, modules.keys().map(String::as_str));
            let cause = format!("unknown module {:?}", section.module.as_str());
            problems.push(document.problem(&section.module, key("module"), cause, way_out));
        }
        if let (Some(target), Some(module)) = (target, module)
            && let Err(failure) = module.probe.check(target)
        {
            let way_out =
                "give a URL for http, host:port for tcp, a name or an address for icmp, a server for dns";
            problems.push(document.problem(target, key("target"), failure.detail, way_out));
        }
        let hostname = section.hostname.as_ref().filter(|name| !name.is_empty());
        if let (Some(name), Some(module)) = (hostname, module)
            && let Some(objection) = module.probe.objection(name)
        {
            let way_out = "remove the hostname, or take a module without a Host header";
            problems.push(document.problem(name, key("hostname"), objection, way_out));
        }
        let given = section.name.as_ref().filter(|name| !name.is_empty());
        if let Some(name) = given.or(target)
            && let Some(first) = names.insert(name.value.clone(), index)
        {
            let cause = format!("{:?} is the name of targets[{first}], too", name.as_str());
            let way_out = "give each its own name";
            problems.push(document.problem(
                name,
                key(if given.is_some() { "name" } else { "target" }),
                cause,
                way_out,
            ));
        }
        let bounds = Bounds { usual: DEFAULT_INTERVAL, longest: LONGEST };
        let (interval, own) = timing(
            section.interval.as_ref(),
            section.timeout.as_ref(),
            bounds,
            &mut |at, name, cause, way_out| problems.push(document.problem(at, key(name), cause, way_out)),
        );
        check_labels(&section.labels, &RESERVED, &mut |at, name, cause, way_out| {
            problems.push(document.problem(at, key(&format!("labels.{name}")), cause, way_out));
        });
        let (Some(target), Some(module), true) = (target, module, problems.len() == before) else { continue };
        let timeout = own.or(module.timeout).unwrap_or(DEFAULT_TIMEOUT).min(interval);
        targets.push(Target {
            name: given.unwrap_or(target).value.clone(),
            target: target.value.clone(),
            hostname: hostname.map(|name| name.value.clone()),
            module: Arc::clone(module),
            interval,
            timeout,
            objective: section.objective.unwrap_or(usual),
            labels: section.labels.iter().map(|(name, value)| (name.clone(), value.value.clone())).collect(),
        });
    }
    targets
}
