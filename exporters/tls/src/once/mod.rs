//! `tls-exporter once`: look now, print a report, and say by the exit code whether all is well. For scripts, and for whoever
//! has just renewed a certificate and wants to see it.
//!
//! | file | what |
//! |---|---|
//! | `report` | what was seen, a fact a line |

mod report;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::{StreamExt as _, stream};
use kit::config::did_you_mean;
use kit::{Page, Trace};

use crate::TlsExporter;
use crate::config::Target;
use crate::config::target::{DEFAULT_INTERVAL, DEFAULT_TIMEOUT};
use crate::endpoint::{Endpoint, Look};
use crate::files::{Inspected, Source, Surveyed};
use crate::metrics;
use crate::metrics::certificate::Renewal;
use crate::module::{DEFAULT_MODULE, probe};
use crate::stored::Partner;
use report::{Report, now};

/// How many looks run at once.
const AT_ONCE: usize = 64;

/// Looks at each target or file once and prints a report: chain, dates, trust, name, when it is due, what is wrong.
#[derive(Args, Clone, Debug, Default)]
pub struct Once {
    /// Module to look at the targets with. Default: the configured target's, else tls.
    #[arg(long, short, value_name = "MODULE")]
    pub module: Option<String>,

    /// Name to ask for (SNI) and to find in the certificate, in place of the targets' own.
    #[arg(long, value_name = "NAME")]
    pub hostname: Option<String>,

    /// What to look at: host:port, a host, an https URL, a configured target's name, or a file. Without any: all `targets:` and `files:` of the configuration.
    #[arg(value_name = "TARGET|FILE")]
    pub what: Vec<OsString>,

    /// How long a look may take, e.g. 2s. Default: the target's or the module's timeout, else 10s.
    #[arg(long, value_name = "DURATION", value_parser = kit::once::timeout)]
    pub timeout: Option<Duration>,

    /// Print JSON instead of a report.
    #[arg(long)]
    pub json: bool,

    /// Configuration file. Without it: tls.yml in the working directory or in /etc/farol, else the built-in modules.
    #[arg(long = "config.file", env = "FAROL_CONFIG_FILE", value_name = "PATH")]
    pub config_file: Option<PathBuf>,
}

/// Something to look at.
#[derive(Debug)]
enum Item {
    Target(Box<Target>),
    File(PathBuf),
    Source(Box<Source>),
}

/// What it came to.
enum Outcome {
    Target {
        target: Box<Target>,
        look: Look,
        took: Duration,
    },
    File(Inspected),
    /// A source with something to be said of it that is not said of a file.
    Source(Surveyed),
}

/// The whole subcommand: exit code 0 when all is well, 1 when something is not, 2 when there is nothing to look at: a bad
/// argument, a bad configuration.
#[must_use]
pub fn main(once: &Once) -> ExitCode {
    let outcomes = kit::once::load::<TlsExporter>(once.config_file.as_deref())
        .map_err(|error| error.to_string())
        .and_then(|exporter| {
            let plan = plan(once, &exporter)?;
            kit::run::block_on(run(plan, &exporter)).map_err(|error| format!("start the runtime: {error}"))
        });
    let outcomes = match outcomes {
        Ok(outcomes) => outcomes,
        Err(error) => return kit::once::refuse(&error),
    };
    let reports: Vec<Report> = outcomes.iter().map(|outcome| outcome.report()).collect();
    kit::once::print(reports.iter().all(|report| report.ok), |colour| {
        if once.json { json(&outcomes, &reports) } else { report::text(&reports, colour) }
    })
}

fn plan(once: &Once, exporter: &TlsExporter) -> Result<Vec<Item>, String> {
    let modules = &exporter.modules().map;
    let wanted = once.module.as_deref().unwrap_or(DEFAULT_MODULE);
    let Some(module) = modules.get(wanted) else {
        let way_out = did_you_mean(wanted, modules.keys().map(String::as_str));
        return Err(format!("unknown module {wanted:?}: {way_out}"));
    };
    let configured = exporter.schedule().targets();
    let mut plan = Vec::new();
    if once.what.is_empty() {
        plan.extend(configured.iter().cloned().map(|target| Item::Target(Box::new(target))));
        plan.extend(exporter.files().sources().into_iter().map(|source| Item::Source(Box::new(source))));
        if plan.is_empty() {
            return Err(
                "nothing to look at: the configuration has neither targets nor files; name some".to_owned()
            );
        }
    }
    for given in &once.what {
        let place = || Item::File(std::path::absolute(given).unwrap_or_else(|_| PathBuf::from(given)));
        // No host has a name that is no text.
        let Some(text) = given.to_str() else {
            plan.push(place());
            continue;
        };
        let known = configured.iter().find(|target| target.name == text && once.module.is_none());
        let item = if let Some(target) = known {
            Item::Target(Box::new(target.clone()))
        } else if is_place(text) {
            place()
        } else {
            Endpoint::parse(text, module.port()).map_err(|cause| format!("{text:?}: {cause}"))?;
            Item::Target(Box::new(Target {
                name: text.to_owned(),
                target: text.to_owned(),
                hostname: None,
                module: Arc::clone(module),
                interval: DEFAULT_INTERVAL,
                timeout: module.timeout.unwrap_or(DEFAULT_TIMEOUT),
                renewal: exporter.modules().renewal,
                labels: Vec::new(),
                stored: Partner::default(),
            }))
        };
        plan.push(item);
    }
    for item in &mut plan {
        if let Item::Target(target) = item {
            target.timeout = once.timeout.unwrap_or(target.timeout);
            target.hostname = once.hostname.clone().or_else(|| target.hostname.take());
        }
    }
    Ok(plan)
}

/// Whether a file is meant: by how its place is written, since it is there, or since no host is called so.
fn is_place(text: &str) -> bool {
    const ENDINGS: [&str; 9] = ["pem", "crt", "cer", "der", "key", "p12", "pfx", "jks", "crl"];
    let ending = Path::new(text).extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    text.starts_with(['/', '.'])
        || (text.contains('/') && !text.contains("://"))
        || ending.is_some_and(|ending| ENDINGS.contains(&&*ending))
        || std::fs::symlink_metadata(text).is_ok()
}

async fn run(plan: Vec<Item>, exporter: &TlsExporter) -> Vec<Outcome> {
    let tools = exporter.schedule().tools();
    stream::iter(plan)
        .map(|item| async move {
            match item {
                Item::Target(target) => {
                    let (trace, began) = (Trace::new(), Instant::now());
                    let deadline = began + target.timeout;
                    let hostname = target.hostname.as_deref();
                    let sweep = target.module.accepted_versions == Some(true);
                    let until = (deadline, sweep);
                    let look = probe(&target.module, tools, &target.target, hostname, until, &trace).await;
                    vec![Outcome::Target { target, look, took: began.elapsed() }]
                }
                Item::File(path) => {
                    vec![Outcome::File(exporter.files().inspect(path, exporter.modules().renewal))]
                }
                Item::Source(source) => Outcome::of_source(source.survey()),
            }
        })
        .buffered(AT_ONCE)
        .flat_map(stream::iter)
        .collect()
        .await
}

impl Outcome {
    /// Each file, and the source if there is something to be said of it.
    fn of_source(mut source: Surveyed) -> Vec<Self> {
        let files = std::mem::take(&mut source.files);
        let says = files.is_empty() || !source.closed.is_empty();
        let own = says.then_some(Self::Source(source));
        files.into_iter().map(Self::File).chain(own).collect()
    }

    fn report(&self) -> Report {
        match self {
            Self::Target { target, look, took } => Report::of_target(target, look, *took, now()),
            Self::File(file) => Report::of_file(file, now()),
            Self::Source(source) => Report::of_source(source),
        }
    }

    fn page(&self) -> Page {
        match self {
            Self::Target { target, look, .. } => {
                let renewal = Renewal { ari: None, policy: target.renewal };
                metrics::page(&target.name, &target.module.name, look, &renewal)
            }
            Self::File(file) => file.page(),
            Self::Source(_) => Page::new(),
        }
    }
}

/// The outcomes for programs.
fn json(outcomes: &[Outcome], reports: &[Report]) -> String {
    let list: Vec<serde_json::Value> = outcomes
        .iter()
        .zip(reports)
        .map(|(outcome, report)| {
            let facts = report.facts.iter().map(|fact| {
                serde_json::json!({
                    "fact": fact.name, "ok": fact.ok, "text": fact.text,
                })
            });
            serde_json::json!({
                "name": report.name,
                "kind": report.kind,
                "ok": report.ok,
                "facts": facts.collect::<Vec<_>>(),
                "metrics": kit::once::metrics(&outcome.page()),
            })
        })
        .collect();
    format!("{:#}\n", serde_json::Value::Array(list))
}

#[cfg(test)]
mod tests;
