//! Alertmanager's side: whom each alert goes to, which channels start.sh makes of the environment, what the messages say, and all
//! of it live, with Debian's Alertmanager and a receiver of its webhooks. `AMTOOL_NEW` and `ALERTMANAGER_NEW` name newer ones,
//! which alone know ntfy, Telegram and Discord as they are set up here.
//!
//! | file | what |
//! |---|---|
//! | here | whom each alert goes to, by amtool |
//! | `channels` | start.sh |
//! | `messages` | what the templates make of alerts |
//! | `live` | an outage, the test message, ntfy |
//! | `silence` | what keeps what silent, live |

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Output};

use farol_tests::process::find;
use farol_tests::{skipped, top};

mod channels;
mod live;
mod messages;
mod silence;

pub(crate) fn folder() -> PathBuf {
    top().join("alerts/alertmanager")
}

pub(crate) fn newer(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from)
}

/// The amtools that there are.
pub(crate) fn amtools(test: &str) -> Vec<PathBuf> {
    let all: Vec<PathBuf> = find("amtool").into_iter().chain(newer("AMTOOL_NEW")).collect();
    if all.is_empty() {
        skipped(test, "there is no amtool");
    }
    all
}

pub(crate) fn said(done: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
}

/// Every alert with each of its severities, as the rules have them.
fn alerts() -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(top().join("alerts/rules")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for rule in text.split("- alert: ").skip(1) {
            let name = rule.lines().next().unwrap().trim().to_owned();
            let severity = rule.split("severity: ").nth(1).unwrap().lines().next().unwrap().trim().to_owned();
            found.insert((name, severity));
        }
    }
    assert!(found.len() > 20, "only {found:?}");
    found
}

#[test]
fn each_alert_goes_where_its_severity_says() {
    let config = folder().join("alertmanager.yml");
    for amtool in amtools("each_alert_goes_where_its_severity_says") {
        for (name, severity) in alerts() {
            let want = match (name.as_str(), severity.as_str()) {
                ("Watchdog", _) => "heartbeat",
                (_, "info") => "nobody",
                (_, severity) => severity,
            };
            let done = Command::new(&amtool)
                .args(["config", "routes", "test", "--verify.receivers", want, "--config.file"])
                .arg(&config)
                .args([
                    &format!("alertname={name}"),
                    &format!("severity={severity}"),
                    "site=home",
                    "target=web",
                ])
                .output()
                .unwrap();
            assert!(done.status.success(), "{name}, {severity}: not to {want}: {}", said(&done));
        }
    }
}
