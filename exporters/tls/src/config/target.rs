//! An entry of `targets:`, raw and validated.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kit::config::{Document, HumanDuration, Problem, Spanned, did_you_mean};
use kit::schedule::{Bounds, check_labels, timing};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{File, RenewalSection};
use crate::endpoint::Endpoint;
use crate::module::{DEFAULT_MODULE, Module, ModuleMap};
use crate::renewal::Policy;
use crate::stored::Partner;

/// Labels that every target has already, that histograms need, or by which the alert rules tell targets from files.
const RESERVED: [&str; 12] = [
    "target", "module", "endpoint", "le", "quantile", "source", "path", "position", "role", "fault",
    "policy", "name",
];
/// How often a target is looked at when it does not say.
pub(crate) const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);
/// How long a look may take when neither the target nor its module says.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// A week: the longest interval.
pub(crate) const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// Something to look at on a schedule.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetSection {
    /// What to look at: host:port, a host (port 443, or the usual one of the module's `starttls`), or a URL of
    /// https.
    #[schemars(example = &"www.example.org:443")]
    pub target: Spanned<String>,
    /// What it is called: the `target` label on /metrics. Default: the target itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"site")]
    pub name: Option<Spanned<String>>,
    /// The module to look with. Default: tls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"tls")]
    pub module: Option<Spanned<String>>,
    /// The name to ask for (SNI) and to find in the certificate, as the hostname parameter of /probe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"www.example.org")]
    pub hostname: Option<Spanned<String>>,
    /// How often. Default: 1m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Spanned<HumanDuration>>,
    /// How long a look may take. Default: the module's timeout, else 10s; never more than the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Spanned<HumanDuration>>,
    /// When its certificate should have been renewed. Default: as `renewal:` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal: Option<RenewalSection>,
    /// The file whose first certificate it must serve, or `none` to compare it with no file. Default: the one among `files:`
    /// that belongs to it by its names and key, see docs/nginx-proxy-manager.md.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"/etc/letsencrypt/live/www.example.org/fullchain.pem")]
    pub stored: Option<Spanned<String>>,
    /// Labels of your own, on this target's info metric.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, Spanned<String>>,
}

/// A target that is ready to be looked at.
#[derive(Clone, Debug)]
pub struct Target {
    /// What it is called; no two have the same.
    pub name: String,
    /// What is looked at, as it is written.
    pub target: String,
    /// The name to ask for, if it is not the target's own.
    pub hostname: Option<String>,
    /// What it is looked at with.
    pub module: Arc<Module>,
    /// From one look's beginning to the next one's.
    pub interval: Duration,
    /// How long a look may take; not above `interval`.
    pub timeout: Duration,
    /// When its certificate is due.
    pub renewal: Policy,
    /// The file that it must serve.
    pub stored: Partner,
    /// The user's labels, by name; all names are legal.
    pub labels: Vec<(String, String)>,
}

/// Validates `targets:`. What is wrong is told with its position; the rest is returned.
pub fn targets(
    file: &File,
    modules: &ModuleMap,
    usual: Policy,
    document: &Document,
    problems: &mut Vec<Problem>,
) -> Vec<Target> {
    let mut names: HashMap<&str, usize> = HashMap::with_capacity(file.targets.len());
    let mut targets = Vec::with_capacity(file.targets.len());
    for (index, section) in file.targets.iter().enumerate() {
        let before = problems.len();
        let key = |key: &str| format!("targets[{index}].{key}");
        if let Err(cause) = Endpoint::parse(&section.target, 443) {
            let way_out = "give host:port, e.g. www.example.org:443";
            problems.push(document.problem(&section.target, key("target"), cause, way_out));
        }
        let wanted = section.module.as_ref().map_or(DEFAULT_MODULE, |module| module.as_str());
        let module = modules.get(wanted);
        if let (None, Some(at)) = (module, &section.module)
            && !file.modules.contains_key(wanted)
        {
            let way_out = did_you_mean(wanted, modules.keys().map(String::as_str));
            problems.push(document.problem(at, key("module"), format!("unknown module {wanted:?}"), way_out));
        }
        if let Some(name) = &section.hostname
            && rustls_pki_types::ServerName::try_from(name.as_str()).is_err()
        {
            let cause = format!("{:?} is not a host name", name.as_str());
            problems.push(document.problem(name, key("hostname"), cause, "give the name alone"));
        }
        let given = section.name.as_ref().filter(|name| !name.is_empty());
        let (name, at) = given.map_or((&section.target, "target"), |name| (name, "name"));
        if let Some(first) = names.insert(name.as_str(), index) {
            let cause = format!("{:?} is the name of targets[{first}], too", name.as_str());
            problems.push(document.problem(name, key(at), cause, "give each its own name"));
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
        let renewal = section.renewal.as_ref();
        let renewal = renewal.map_or(usual, |renewal| renewal.policy(document, &key("renewal"), problems));
        let (Some(module), true) = (module, problems.len() == before) else { continue };
        targets.push(Target {
            name: name.value.clone(),
            target: section.target.value.clone(),
            hostname: section.hostname.as_ref().map(|name| name.value.clone()),
            module: Arc::clone(module),
            interval,
            timeout: own.or(module.timeout).unwrap_or(DEFAULT_TIMEOUT).min(interval),
            renewal,
            stored: partner(section.stored.as_ref(), document),
            labels: section.labels.iter().map(|(name, value)| (name.clone(), value.value.clone())).collect(),
        });
    }
    targets
}

fn partner(written: Option<&Spanned<String>>, document: &Document) -> Partner {
    match written.map(|text| text.as_str()) {
        None => Partner::ByName,
        Some("none") => Partner::None,
        Some(path) => Partner::File(document.path(Path::new(path))),
    }
}
