//! Live: an outage and its end, the test message, and ntfy.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use farol_tests::alertmanager::{Live, next, receiver};
use farol_tests::process::find;
use farol_tests::skipped;
use serde_json::{Value, json};

use crate::messages::{alert, message};
use crate::{amtools, folder, newer, said};

/// The time so many seconds from now.
fn moment(offset: i64) -> String {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let done = Command::new("date")
        .args(["-u", "-d", &format!("@{}", now + offset), "+%Y-%m-%dT%H:%M:%SZ"])
        .output();
    String::from_utf8(done.unwrap().stdout).unwrap().trim().to_owned()
}

/// An alert as Prometheus sends it, begun 29 min ago.
pub(crate) fn sent(name: &str, severity: &str, labels: &[(&str, &str)], ended: bool) -> Value {
    let mut alert = alert("wordpress", severity, None);
    alert["startsAt"] = moment(-29 * 60).into();
    alert["endsAt"] = moment(if ended { 0 } else { 300 }).into();
    alert["labels"] = json!({"alertname": name, "severity": severity, "site": "home", "job": "farol"});
    for (label, value) in labels {
        alert["labels"][label] = (*value).into();
    }
    alert.as_object_mut().unwrap().remove("status");
    alert
}

#[test]
fn an_outage_is_one_message_and_one_recovery() {
    let Some(program) = find("prometheus-alertmanager").or_else(|| find("alertmanager")) else {
        skipped("an_outage_is_one_message_and_one_recovery", "there is no Alertmanager");
        return;
    };
    let (port, received) = receiver();
    let live = Live::start(
        &folder(),
        &program,
        &[
            ("WEBHOOK_URL", format!("http://127.0.0.1:{port}/hook")),
            ("HEARTBEAT_URL", format!("http://127.0.0.1:{port}/beat")),
        ],
    );
    let place =
        [("instance", "farol:9115"), ("target", "wordpress"), ("module", "website"), ("node", "pve2")];
    live.post(&[sent("Watchdog", "info", &[], false)]);
    assert_eq!(next(&received, "/beat")["alerts"][0]["labels"]["alertname"], "Watchdog");

    live.post(&[sent("ServiceDown", "critical", &place, false)]);
    let down = next(&received, "/hook");
    assert_eq!((&down["status"], &down["receiver"]), (&json!("firing"), &json!("critical")));

    // What it explains is kept silent; what only looks like it is not: another target, another node.
    let other = [("instance", "farol:9115"), ("target", "blog"), ("module", "website")];
    live.post(&[
        sent("ServiceSlow", "warning", &[("target", "wordpress")], false),
        sent("ServiceFlapping", "warning", &place, false),
        sent("ServiceErrorBudgetBurn", "critical", &[("target", "wordpress"), ("window", "1h")], false),
        sent("DoorOpen", "info", &[("instance", "farol:9115")], false),
        sent("ServiceSlow", "warning", &[("target", "blog")], false),
    ]);
    let slow = next(&received, "/hook");
    let targets: Vec<&Value> =
        slow["alerts"].as_array().unwrap().iter().map(|alert| &alert["labels"]["target"]).collect();
    assert_eq!(targets, ["blog"], "{slow}");
    let silent = ["ServiceErrorBudgetBurn", "ServiceFlapping", "ServiceSlow"].map(str::to_owned);
    assert_eq!(live.inhibited(), BTreeSet::from(silent));

    // A node that is down explains the service on it, whose recovery is then not told either.
    live.post(&[sent("NodeDown", "critical", &[("node", "pve2")], false)]);
    assert_eq!(next(&received, "/hook")["groupLabels"]["alertname"], "NodeDown");
    assert!(live.inhibited().contains("ServiceDown"));
    // The exporter that is gone explains whatever it showed.
    live.post(&[sent("ExporterDown", "critical", &[("instance", "farol:9115")], false)]);
    assert_eq!(next(&received, "/hook")["groupLabels"]["alertname"], "ExporterDown");
    live.post(&[
        sent("ServiceDown", "critical", &other, false),
        sent("TargetNotProbed", "warning", &other, false),
    ]);
    assert!(live.inhibited().contains("TargetNotProbed"));
    live.post(&[
        sent("ExporterDown", "critical", &[("instance", "farol:9115")], true),
        sent("NodeDown", "critical", &[("node", "pve2")], true),
        sent("ServiceDown", "critical", &other, true),
    ]);
    live.post(&[sent("ServiceDown", "critical", &place, true)]);

    // The recovery says how long it was, in the message as it came over the wire.
    let back = loop {
        let message = next(&received, "/hook");
        if message["groupLabels"]["alertname"] == "ServiceDown" && message["status"] == "resolved" {
            break message;
        }
    };
    let alerts = back["alerts"].as_array().unwrap();
    let mine: Vec<Value> =
        alerts.iter().filter(|alert| alert["labels"]["target"] == "wordpress").cloned().collect();
    for amtool in amtools("an_outage_is_one_message_and_one_recovery") {
        let title = message(&amtool, "pt-BR", "title", &mine);
        assert!(
            title.starts_with("✅ wordpress voltou às ") && title.ends_with(", ficou 29 min fora do ar"),
            "{title}"
        );
    }
}

/// The test message begins when it is sent: without a start it would begin at its own end.
#[test]
fn the_test_message_begins_now() {
    let test = "the_test_message_begins_now";
    let (Some(program), Some(amtool)) =
        (find("prometheus-alertmanager").or_else(|| find("alertmanager")), find("amtool"))
    else {
        return skipped(test, "there is no Alertmanager, or no amtool");
    };
    let (port, received) = receiver();
    let live = Live::start(&folder(), &program, &[("WEBHOOK_URL", format!("http://127.0.0.1:{port}/hook"))]);
    let before = moment(0);
    let done = Command::new(folder().join("test-message.sh"))
        .env("ALERTMANAGER_URL", live.url())
        .env("AMTOOL", amtool)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", said(&done));
    let after = moment(0);
    let message = next(&received, "/hook");
    assert_eq!(message["groupLabels"]["alertname"], "TestMessage");
    // "2026-11-23T14:02:00Z" or with a fraction: the first 19 characters sort as the times do.
    let start = &message["alerts"][0]["startsAt"].as_str().unwrap()[..19];
    assert!((&before[..19]..=&after[..19]).contains(&start), "{start} is not from {before} to {after}");
}

#[test]
fn ntfy_gets_title_priority_and_click() {
    let Some(program) = newer("ALERTMANAGER_NEW") else {
        skipped(
            "ntfy_gets_title_priority_and_click",
            "ALERTMANAGER_NEW names no Alertmanager of 0.32 or newer",
        );
        return;
    };
    let (port, received) = receiver();
    let live = Live::start(&folder(), &program, &[("NTFY_URL", format!("http://127.0.0.1:{port}/top-ic"))]);
    let place = [("instance", "farol:9115"), ("target", "wordpress"), ("module", "website")];
    live.post(&[sent("ServiceDown", "critical", &place, false)]);
    let down = next(&received, "/");
    // The blank before a text is what keeps Alertmanager from taking "a: b" apart; ntfy trims it.
    let text = |message: &Value, key: &str| {
        message[key].as_str().unwrap_or_else(|| panic!("{message}")).trim().to_owned()
    };
    assert_eq!(text(&down, "topic"), "top-ic");
    assert_eq!(text(&down, "title"), "🔴 wordpress down since 14:02: HTTP 502");
    assert_eq!(
        text(&down, "message"),
        "The proxy answers, the application does not.\nRunbook: alerts/runbooks/ServiceDown.md"
    );
    assert_eq!(text(&down, "click"), "http://grafana.example.org:3000/d/farol-services?var-target=wordpress");
    assert_eq!(down["priority"], 5);
    live.post(&[sent("ServiceDown", "critical", &place, true)]);
    let back = next(&received, "/");
    assert!(text(&back, "title").ends_with(", was down 29 min"), "{back}");
    assert_eq!(back["priority"], 2);
    live.post(&[sent("ServiceSlow", "warning", &[("target", "blog")], false)]);
    assert_eq!(next(&received, "/")["priority"], 3);
}
