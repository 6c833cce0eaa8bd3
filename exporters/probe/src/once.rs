//! `probe-exporter once`: probe now, print a table, and say by the exit code whether all is well. For scripts, for cron,
//! and for whoever stands before a rack and wants to know.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::Args;
use futures_util::{StreamExt as _, stream};
use kit::config::did_you_mean_of;
use kit::{Prober as _, Verdict};

use crate::ProbeExporter;
use crate::config::target::{DEFAULT_INTERVAL, DEFAULT_TIMEOUT};
use crate::config::{Objective, Target};
use crate::module::Module;
use crate::targets::{probe, words};

/// How many probes run at once.
const AT_ONCE: usize = 64;

/// Probes each target once and prints a table: state, time, reason.
#[derive(Args, Clone, Debug, Default)]
pub struct Once {
    /// Module to probe the targets with. Without targets: only the configured targets of this module.
    #[arg(long, short, value_name = "MODULE")]
    pub module: Option<String>,

    /// What to probe: a URL, host:port, a name or an address; without --module, names of configured targets. Without any: all `targets:` of the configuration.
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,

    /// How long a probe may take, e.g. 2s. Default: the target's or the module's timeout, else 10s.
    #[arg(long, value_name = "DURATION", value_parser = kit::once::timeout)]
    pub timeout: Option<Duration>,

    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,

    /// Configuration file. Without it: probe.yml in the working directory or in /etc/farol, else the built-in modules.
    #[arg(long = "config.file", env = "FAROL_CONFIG_FILE", value_name = "PATH")]
    pub config_file: Option<PathBuf>,
}

/// One probe's outcome.
#[derive(Debug)]
pub struct Outcome {
    /// What was probed, as it was given or is called in the configuration.
    pub target: String,
    /// What it was probed with.
    pub module: String,
    /// How long it took.
    pub took: Duration,
    /// What it came to.
    pub verdict: Verdict,
}

impl Outcome {
    /// Whether the probe succeeded.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.verdict.failure.is_none()
    }

    fn detail(&self) -> String {
        words::detail(&self.verdict.page, self.verdict.failure.as_ref(), SystemTime::now())
    }
}

/// The whole subcommand: exit code 0 when every target is well, 1 when one is not, 2 when there is nothing that could be
/// probed: a bad argument, a bad configuration, no target.
#[must_use]
pub fn main(once: &Once) -> ExitCode {
    let exporter =
        kit::once::load::<ProbeExporter>(once.config_file.as_deref()).map_err(|error| error.to_string());
    let outcomes = exporter.and_then(|exporter| {
        let plan = plan(once, &exporter)?;
        kit::run::block_on(run(plan, &exporter)).map_err(|error| format!("start the runtime: {error}"))
    });
    match outcomes {
        Err(error) => kit::once::refuse(&error),
        Ok(outcomes) => kit::once::print(outcomes.iter().all(Outcome::ok), |colour| {
            if once.json { json(&outcomes) } else { table(&outcomes, colour) }
        }),
    }
}

/// What there is to probe.
///
/// # Errors
/// In words: an unknown module, a target without one, nothing at all.
pub fn plan(once: &Once, exporter: &ProbeExporter) -> Result<Vec<Target>, String> {
    let modules = exporter.modules();
    let names = modules.modules();
    let module = match &once.module {
        None => None,
        Some(name) => Some(
            modules
                .get(name)
                .ok_or_else(|| format!("unknown module {name:?}: {}", did_you_mean_of(name, &names)))?,
        ),
    };
    let configured = || exporter.schedule().targets();
    let mut plan: Vec<Target> = Vec::new();
    if once.targets.is_empty() {
        plan.extend(
            configured()
                .filter(|target| module.is_none_or(|module| target.module.name == module.name))
                .cloned(),
        );
        if plan.is_empty() {
            let of = once.module.as_ref().map(|name| format!(" with the module {name}")).unwrap_or_default();
            return Err(format!(
                "nothing to probe: the configuration has no targets{of}; give --module MODULE TARGET…"
            ));
        }
    }
    for text in &once.targets {
        match (module, configured().find(|target| target.name == *text)) {
            (Some(module), _) => plan.push(given(text, module)),
            (None, Some(target)) => plan.push(target.clone()),
            (None, None) => {
                let all = names.join(", ");
                return Err(format!("{text:?} is no configured target: give --module with one of: {all}"));
            }
        }
    }
    if let Some(timeout) = once.timeout {
        plan.iter_mut().for_each(|target| target.timeout = timeout);
    }
    Ok(plan)
}

/// A target of the command line.
fn given(text: &str, module: &Arc<Module>) -> Target {
    Target {
        name: text.to_owned(),
        target: text.to_owned(),
        hostname: None,
        module: Arc::clone(module),
        interval: DEFAULT_INTERVAL,
        timeout: module.timeout.unwrap_or(DEFAULT_TIMEOUT),
        objective: Objective::DEFAULT,
        labels: Vec::new(),
    }
}

/// Probes them side by side; the outcomes come in the order of the plan.
pub async fn run(plan: Vec<Target>, exporter: &ProbeExporter) -> Vec<Outcome> {
    let tools = exporter.schedule().tools();
    stream::iter(plan)
        .map(|target| async move {
            let (verdict, took) = probe(&target, tools, target.timeout).await;
            Outcome { target: target.name, module: target.module.name.clone(), took, verdict }
        })
        .buffered(AT_ONCE)
        .collect()
        .await
}

/// The outcomes for people. With `colour`, the result is green or red.
#[must_use]
pub fn table(outcomes: &[Outcome], colour: bool) -> String {
    let head = ["TARGET", "MODULE", "RESULT", "TIME", "DETAIL"].map(str::to_owned);
    let rows: Vec<[String; 5]> = outcomes
        .iter()
        .map(|outcome| {
            let result = if outcome.ok() { "OK" } else { "FAIL" };
            let time = words::time(outcome.took);
            [&outcome.target, &outcome.module, result, &time, &outcome.detail()].map(kit::once::one_line)
        })
        .collect();
    let mut widths = [0; 5];
    for row in rows.iter().chain([&head]) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for (index, row) in [&head].into_iter().chain(&rows).enumerate() {
        let paint = match (colour, index) {
            (false, _) => None,
            (true, 0) => Some("1"),
            (true, _) if row[2] == "OK" => Some("32"),
            (true, _) => Some("31"),
        };
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            // Numbers to the right, words to the left.
            let padded = if column == 3 { format!("{cell:>width$}") } else { format!("{cell:<width$}") };
            match paint.filter(|_| column == 2 || index == 0) {
                Some(paint) => {
                    let _ = write!(line, "\x1b[{paint}m{padded}\x1b[0m  ");
                }
                None => {
                    let _ = write!(line, "{padded}  ");
                }
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let well = outcomes.iter().filter(|outcome| outcome.ok()).count();
    let all = outcomes.len();
    let _ =
        writeln!(text, "{all} target{}: {well} ok, {} failed", if all == 1 { "" } else { "s" }, all - well);
    text
}

/// The outcomes for programs.
#[must_use]
pub fn json(outcomes: &[Outcome]) -> String {
    let list: Vec<serde_json::Value> = outcomes
        .iter()
        .map(|outcome| {
            let failure = outcome.verdict.failure.as_ref();
            serde_json::json!({
                "target": outcome.target,
                "module": outcome.module,
                "ok": outcome.ok(),
                "duration_seconds": outcome.took.as_secs_f64(),
                "failure": failure.map(|failure| serde_json::json!({
                    "phase": failure.phase, "reason": failure.reason, "detail": failure.detail,
                })),
                "detail": outcome.detail(),
                "metrics": kit::once::metrics(&outcome.verdict.page),
            })
        })
        .collect();
    format!("{:#}\n", serde_json::Value::Array(list))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::build;
    use tokio::net::TcpListener;

    const CONFIG: &str = "
modules:
  tcp_connect: {prober: tcp, timeout: 2s, tcp: {preferred_ip_protocol: ip4}}
  icmp: {prober: icmp}
  tcp_closed: {prober: tcp, timeout: 2s, tcp: {preferred_ip_protocol: ip4, expect_closed: true}}
targets:
- {name: closed, target: '127.0.0.1:1', module: tcp_connect}
";

    fn once(module: Option<&str>, targets: &[&str]) -> Once {
        let targets = targets.iter().map(|target| (*target).to_owned()).collect();
        Once { module: module.map(str::to_owned), targets, ..Once::default() }
    }

    #[test]
    fn what_is_planned() {
        let exporter = build(CONFIG).unwrap();
        for (module, targets, want) in [
            (None, &[][..], Ok("closed/tcp_connect")),
            (Some("tcp_connect"), &[], Ok("closed/tcp_connect")),
            (Some("tcp_connect"), &["a:1", "b:2"], Ok("a:1/tcp_connect b:2/tcp_connect")),
            (None, &["closed"], Ok("closed/tcp_connect")),
            (
                Some("tcp_conect"),
                &["a:1"],
                Err(
                    "unknown module \"tcp_conect\": did you mean \"tcp_connect\"? there are: icmp, tcp_closed, tcp_connect",
                ),
            ),
            (
                None,
                &["a:1"],
                Err(
                    "\"a:1\" is no configured target: give --module with one of: icmp, tcp_closed, tcp_connect",
                ),
            ),
            (
                Some("icmp"),
                &[],
                Err(
                    "nothing to probe: the configuration has no targets with the module icmp; give --module MODULE TARGET…",
                ),
            ),
        ] {
            let plan = plan(&once(module, targets), &exporter).map(|plan| {
                let list: Vec<String> =
                    plan.iter().map(|target| format!("{}/{}", target.name, target.module.name)).collect();
                list.join(" ")
            });
            assert_eq!(plan.as_deref().map_err(String::as_str), want, "{module:?} {targets:?}");
        }
    }

    #[tokio::test]
    async fn a_table_and_json_of_one_good_and_one_bad() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap().to_string();
        let exporter = build(CONFIG).unwrap();
        let plan = plan(&once(Some("tcp_connect"), &[&open, "127.0.0.1:1"]), &exporter).unwrap();
        let outcomes = run(plan, &exporter).await;
        let text = table(&outcomes, false);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("TARGET ") && lines[0].ends_with("DETAIL"), "{text}");
        assert!(lines[1].starts_with(&open) && lines[1].contains(" OK "), "{text}");
        assert!(lines[2].contains(" FAIL ") && lines[2].ends_with("connection refused"), "{text}");
        assert_eq!(lines[3], "2 targets: 1 ok, 1 failed");
        assert!(!text.contains('\x1b') && table(&outcomes, true).contains("\x1b[31mFAIL"));
        let list: serde_json::Value = serde_json::from_str(&json(&outcomes)).unwrap();
        assert_eq!(list[0]["ok"], true);
        assert_eq!(list[1]["failure"]["reason"], "connect_refused");
        assert!(
            list[0]["metrics"].as_array().unwrap().iter().any(|metric| metric["name"] == "probe_ip_protocol")
        );
    }

    #[tokio::test]
    async fn a_port_that_must_be_closed_is_ok_when_it_is() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap().to_string();
        let exporter = build(CONFIG).unwrap();
        let plan = plan(&once(Some("tcp_closed"), &[&open, "127.0.0.1:1"]), &exporter).unwrap();
        let outcomes = run(plan, &exporter).await;
        let text = table(&outcomes, false);
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[1].contains(" FAIL ") && lines[1].ends_with("the port is open, and must be closed"),
            "{text}"
        );
        assert!(lines[2].contains(" OK ") && lines[2].ends_with("closed (refused), IPv4"), "{text}");
    }
}
