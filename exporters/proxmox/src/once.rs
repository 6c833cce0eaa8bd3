//! `proxmox-exporter once`: ask every cluster for everything now, say in words what is wrong, and by the exit code whether all is
//! well. For whoever has just made a token, and wants to see what it may.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use kit::Page;
use kit::config::did_you_mean;
use kit::once::one_line;

use crate::ProxmoxExporter;
use crate::api::Failure;
use crate::cluster::Cluster;
use crate::collect::{Collector, Scope, Tier};

/// How long a cluster may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Collectors of a cluster at a time: its daemons are few.
const AT_ONCE: usize = 4;

/// Asks every cluster for everything once and prints a report: what is offline, what failed, what the token may not see, and the way out.
#[derive(Args, Clone, Debug, Default)]
pub struct Once {
    /// Names of configured clusters. Without any: all of them.
    #[arg(value_name = "CLUSTER")]
    pub clusters: Vec<String>,

    /// How long a cluster may take, e.g. 20s. Default: 60s.
    #[arg(long, value_name = "DURATION", value_parser = kit::once::timeout)]
    pub timeout: Option<Duration>,

    /// Print JSON instead of a report, with every metric.
    #[arg(long)]
    pub json: bool,

    /// Configuration file. Without it: proxmox.yml in the working directory or in /etc/farol.
    #[arg(long = "config.file", env = "FAROL_CONFIG_FILE", value_name = "PATH")]
    pub config_file: Option<PathBuf>,
}

/// What a cluster came to.
struct Outcome {
    name: String,
    ok: bool,
    /// In one line.
    detail: String,
    /// What is wrong beside, a line each.
    wrong: Vec<String>,
    page: Page,
}

/// The whole subcommand: exit code 0 when all is well, 1 when something is not, 2 when there is nothing that could be asked: a bad
/// argument, a bad configuration, no cluster.
#[must_use]
pub fn main(once: &Once) -> ExitCode {
    let outcomes = kit::once::load::<ProxmoxExporter>(once.config_file.as_deref())
        .map_err(|error| error.to_string())
        .and_then(|exporter| {
            let clusters = plan(once, &exporter)?;
            let patience = once.timeout.unwrap_or(PATIENCE);
            let all = async { join_all(clusters.iter().map(|cluster| ask(cluster, patience))).await };
            kit::run::block_on(all).map_err(|error| format!("start the runtime: {error}"))
        });
    match outcomes {
        Err(error) => kit::once::refuse(&error),
        Ok(outcomes) => kit::once::print(outcomes.iter().all(|outcome| outcome.ok), |colour| {
            if once.json { json(&outcomes) } else { text(&outcomes, colour) }
        }),
    }
}

fn plan(once: &Once, exporter: &ProxmoxExporter) -> Result<Vec<Arc<Cluster>>, String> {
    let all: Vec<&Arc<Cluster>> = exporter.clusters().collect();
    if all.is_empty() {
        return Err(format!("nothing to ask: {}", crate::exporter::NOTHING));
    }
    let mut plan = Vec::new();
    for name in &once.clusters {
        let names = || all.iter().map(|cluster| cluster.settings().name.as_str());
        let found = all.iter().find(|cluster| cluster.settings().name == *name);
        let found =
            found.ok_or_else(|| format!("there is no cluster {name:?}: {}", did_you_mean(name, names())))?;
        plan.push(Arc::clone(found));
    }
    Ok(if plan.is_empty() { all.into_iter().cloned().collect() } else { plan })
}

/// Asks a cluster for all that is configured; what failed is asked for once.
async fn ask(cluster: &Cluster, patience: Duration) -> Outcome {
    let deadline = Instant::now() + patience;
    let (mut page, fast) = cluster.fast(deadline).await;
    let names = cluster.settings().plan.iter().map(|planned| planned.collector);
    let mut failures: Vec<(&'static str, String, Failure)> = names
        .clone()
        .filter(|collector| collector.tier == Tier::Fast)
        .zip(&fast)
        .filter_map(|(collector, one)| Some((collector.name, String::new(), one.failure.clone()?)))
        .collect();
    let is_answering = fast.iter().any(|one| one.failure.is_none());
    let map = cluster.map();
    let mut visits: Vec<(&'static Collector, String)> = Vec::new();
    for collector in names.filter(|collector| collector.tier != Tier::Fast && is_answering) {
        match collector.scope {
            Scope::Cluster => visits.push((collector, String::new())),
            Scope::Node => visits.extend(map.online().map(|node| (collector, node.name.to_string()))),
        }
    }
    let visits: Vec<kit::BoxFuture<'_, _>> = visits
        .into_iter()
        .map(|(collector, node)| -> kit::BoxFuture<'_, _> {
            Box::pin(async move {
                let limit = deadline.min(Instant::now() + collector.limit);
                let collected = cluster.visit(collector, &node, limit).await;
                (collector.name, node, collected)
            })
        })
        .collect();
    let mut running = stream::iter(visits).buffered(AT_ONCE);
    while let Some((name, node, collected)) = running.next().await {
        page.absorb(&collected.page);
        cluster.report(&mut page, name, &node, &collected);
        if let Some(failure) = &collected.failure {
            failures.push((name, node, failure.clone()));
        }
    }
    let (ok, detail) = cluster.state();
    let mut wrong: Vec<String> = Vec::new();
    for node in &map.nodes {
        match node.online {
            Some(true) => {}
            Some(false) => wrong.push(format!("node {} is offline", node.name)),
            None => {
                wrong.push(format!("node {} is a member that tells nothing: see its pvestatd", node.name))
            }
        }
    }
    // One cause makes many collectors fail, and is told once.
    let mut causes: Vec<(String, Vec<String>)> = Vec::new();
    for (name, node, failure) in failures {
        let who = if node.is_empty() { name.to_owned() } else { format!("{name} of {node}") };
        let told = cluster.told(&failure);
        let same = |known: &&mut (String, Vec<String>)| {
            known.0 == told || (failure.reason.is_of_all() && known.0 == detail)
        };
        match causes.iter_mut().find(same) {
            Some((_, all)) => all.push(who),
            None => causes.push((told, vec![who])),
        }
    }
    wrong.extend(
        causes
            .into_iter()
            .filter(|(told, _)| *told != detail)
            .map(|(told, all)| format!("{}: {told}", all.join(", "))),
    );
    Outcome {
        name: cluster.settings().name.clone(),
        ok: ok == Some(true) && wrong.is_empty(),
        detail,
        wrong,
        page,
    }
}

fn text(outcomes: &[Outcome], colour: bool) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        let (code, word) = if outcome.ok { ("32", "well") } else { ("31", "not well") };
        let word = if colour { format!("\x1b[{code}m{word}\x1b[0m") } else { word.to_owned() };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}: {word}: {}", one_line(&outcome.name), one_line(&outcome.detail));
        for line in &outcome.wrong {
            let _ = writeln!(text, "  {}", one_line(line));
        }
    }
    text
}

fn json(outcomes: &[Outcome]) -> String {
    let all: Vec<serde_json::Value> = outcomes
        .iter()
        .map(|outcome| {
            serde_json::json!({
                "cluster": outcome.name, "ok": outcome.ok, "detail": outcome.detail, "wrong": outcome.wrong,
                "metrics": kit::once::metrics(&outcome.page),
            })
        })
        .collect();
    format!("{:#}\n", serde_json::Value::Array(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_in_words() {
        let outcome = |name: &str, ok, wrong: &[&str]| Outcome {
            name: name.to_owned(),
            ok,
            detail: "2 of 3 nodes\nonline".to_owned(),
            wrong: wrong.iter().map(|line| (*line).to_owned()).collect(),
            page: Page::new(),
        };
        let all = [
            outcome("home", true, &[]),
            outcome("lab", false, &["node b is offline", "disks of a: \x1b[2J"]),
        ];
        let want = "home: well: 2 of 3 nodes online\nlab: not well: 2 of 3 nodes online\n  node b is offline\n  disks of a:  [2J\n";
        assert_eq!(text(&all, false), want);
        assert!(text(&all, true).contains("\x1b[31mnot well"));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json(&all)).unwrap()[1]["ok"], false);
    }

    #[test]
    fn without_a_cluster_it_says_what_is_needed() {
        let document = kit::config::Document::embedded("t", "{}");
        let exporter: ProxmoxExporter =
            kit::Exporter::build(document.parse().unwrap(), &document, None).unwrap();
        let error = plan(&Once::default(), &exporter).unwrap_err();
        assert!(error.contains("proxmox.yml") && error.contains("--setup"), "{error}");
    }
}
