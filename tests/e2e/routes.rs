//! Alertmanager's side: whom each alert goes to, which channels start.sh makes of the environment, what the messages say, and all
//! of it live, with Debian's Alertmanager and a receiver of its webhooks. `AMTOOL_NEW` and `ALERTMANAGER_NEW` name newer ones,
//! which alone know ntfy, Telegram and Discord as they are set up here.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};

use farol_tests::alertmanager::{Live, next, receiver};
use farol_tests::process::find;
use farol_tests::{skipped, top};
use serde_json::{Value, json};

fn folder() -> PathBuf {
    top().join("alerts/alertmanager")
}

fn newer(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from)
}

/// The amtools that there are.
fn amtools(test: &str) -> Vec<PathBuf> {
    let all: Vec<PathBuf> = find("amtool").into_iter().chain(newer("AMTOOL_NEW")).collect();
    if all.is_empty() {
        skipped(test, "there is no amtool");
    }
    all
}

fn said(done: &Output) -> String {
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

/// Runs start.sh with nothing but these variables, and `--render`.
fn render(shell: &[&str], work: &Path, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg(folder().join("start.sh")).arg("--render").env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("ALERTMANAGER_RENDERED", work.join("out")).env("SECRETS", work.join("none"));
    // Which Alertmanager there is would decide what is taken; a case that is about that names one.
    command.env("ALERTMANAGER", work.join("none"));
    command.envs(variables.iter().copied()).output().unwrap()
}

fn secret(work: &Path, name: &str, text: &str) -> String {
    let file = work.join(name);
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

/// The channels that start.sh shall name, whether Debian's Alertmanager knows them, and the variables.
type Case<'a> = (&'a str, bool, &'a [(&'a str, &'a str)]);

#[test]
fn start_makes_the_channels_that_the_environment_asks_for() {
    let test = "start_makes_the_channels_that_the_environment_asks_for";
    let work = tempfile::tempdir().unwrap();
    let work = work.path();
    let token = secret(work, "token", "SECRET-TOKEN\n");
    let address = secret(work, "address", "https://hooks.example.org/SECRET-PATH\n");
    let cases: &[Case] = &[
        ("", true, &[]),
        ("ntfy", false, &[("NTFY_URL", "https://ntfy.example.org/top-ic"), ("NTFY_TOKEN_FILE", &token)]),
        ("telegram", false, &[("TELEGRAM_CHAT_ID", "-1001"), ("TELEGRAM_BOT_TOKEN_FILE", &token)]),
        (
            "email",
            true,
            &[
                ("EMAIL_TO", "o'hara@example.org"),
                ("EMAIL_FROM", "Farol <farol@example.org>"),
                ("SMTP_HOST", "mail.example.org:587"),
                ("SMTP_USER", "farol: it's me"),
                ("SMTP_PASSWORD_FILE", &token),
            ],
        ),
        ("slack", true, &[("SLACK_WEBHOOK_URL_FILE", &address), ("SLACK_CHANNEL", "#alerts")]),
        ("discord", false, &[("DISCORD_WEBHOOK_URL_FILE", &address)]),
        ("webhook", true, &[("WEBHOOK_URL", "http://127.0.0.1:9/hook")]),
        ("webhook", false, &[("WEBHOOK_URL_FILE", &address)]),
        ("", true, &[("HEARTBEAT_URL", "http://127.0.0.1:9/beat")]),
        (
            "ntfy slack webhook",
            false,
            &[
                ("NTFY_URL", "http://10.0.0.9/alerts"),
                ("SLACK_WEBHOOK_URL_FILE", &address),
                ("WEBHOOK_URL", "http://127.0.0.1:9/hook"),
                ("ALERT_LANGUAGE", "pt-BR"),
            ],
        ),
    ];
    let mut shells = vec![vec!["sh"]];
    if find("busybox").is_some() {
        // What the official image has.
        shells.push(vec!["busybox", "sh"]);
    }
    for shell in &shells {
        for (channels, old, variables) in cases {
            let done = render(shell, work, variables);
            let text = said(&done);
            assert!(done.status.success(), "{variables:?}: {text}");
            let told = if channels.is_empty() {
                "no receiver is set".to_owned()
            } else {
                format!("messages go by: {channels} (in")
            };
            assert!(text.contains(&told), "{variables:?}: {text}");
            let rendered = std::fs::read_to_string(work.join("out/alertmanager.yml")).unwrap();
            assert!(
                !rendered.contains("SECRET") && !text.contains("SECRET"),
                "a secret is shown: {rendered}{text}"
            );
            for amtool in amtools(test) {
                if *old || Some(&amtool) == newer("AMTOOL_NEW").as_ref() {
                    let done = Command::new(&amtool)
                        .arg("check-config")
                        .arg(work.join("out/alertmanager.yml"))
                        .output();
                    let done = done.unwrap();
                    assert!(done.status.success(), "{variables:?}: {}\n{rendered}", said(&done));
                }
            }
        }
        for (want, variables) in [
            ("NTFY_URL is not https://server/topic", &[("NTFY_URL", "ntfy")] as &[_]),
            ("NTFY_URL is not https://server/topic", &[("NTFY_URL", "https://ntfy.sh/")]),
            ("needs both TELEGRAM_CHAT_ID and its token", &[("TELEGRAM_CHAT_ID", "1")]),
            (
                "TELEGRAM_CHAT_ID is a number",
                &[("TELEGRAM_CHAT_ID", "x"), ("TELEGRAM_BOT_TOKEN_FILE", &token)],
            ),
            ("SMTP_HOST is not", &[("EMAIL_TO", "a@example.org")]),
            (
                "SMTP_HOST is not host:port",
                &[("EMAIL_TO", "a@example.org"), ("SMTP_HOST", "mail.example.org")],
            ),
            ("SMTP_HOST is not host:port", &[("EMAIL_TO", "a@example.org"), ("SMTP_HOST", "mail:smtp")]),
            ("SMTP_HOST is not host:port", &[("EMAIL_TO", "a@example.org"), ("SMTP_HOST", "::1:25")]),
            ("SMTP_HOST is not host:port", &[("EMAIL_TO", "a@example.org"), ("SMTP_HOST", "mail:70000")]),
            ("WEBHOOK_URL is not an address", &[("WEBHOOK_URL", "127.0.0.1:9/hook")]),
            ("HEARTBEAT_URL is not an address", &[("HEARTBEAT_URL", "hc.example.org/x")]),
            ("GRAFANA_URL is not an address", &[("GRAFANA_URL", "grafana.example.org:3000")]),
            ("/token is not an address", &[("SLACK_WEBHOOK_URL_FILE", &token)]),
            ("/token is not an address", &[("DISCORD_WEBHOOK_URL_FILE", &token)]),
            ("/token is not an address", &[("WEBHOOK_URL_FILE", &token)]),
            ("which cannot be read", &[("SLACK_WEBHOOK_URL_FILE", "/no/such/file")]),
            ("there are en and pt-BR", &[("ALERT_LANGUAGE", "de")]),
            ("WEBHOOK_URL has a line break", &[("WEBHOOK_URL", "http://x/\n- url: y")]),
        ] {
            let done = render(shell, work, variables);
            assert!(!done.status.success(), "{variables:?} is taken");
            assert!(said(&done).contains(want), "{variables:?}: {}", said(&done));
            assert!(!said(&done).contains("SECRET"), "a secret is shown: {}", said(&done));
        }
        // Half a channel is off, in so many words, and nothing else is.
        for (want, variables) in [
            ("e-mail stays off: SMTP_HOST is set, EMAIL_TO is not", ("SMTP_HOST", "mail.example.org:25")),
            ("Slack stays off: SLACK_CHANNEL is set, its secret is not", ("SLACK_CHANNEL", "#alerts")),
            ("ntfy stays off: its token is set, NTFY_URL is not", ("NTFY_TOKEN_FILE", &token)),
        ] {
            let done = render(shell, work, &[variables, ("WEBHOOK_URL", "http://127.0.0.1:9/hook")]);
            let text = said(&done);
            assert!(done.status.success() && text.contains("messages go by: webhook (in"), "{text}");
            assert_eq!(text.matches(want).count(), 1, "{text}");
        }
    }
    if newer("AMTOOL_NEW").is_none() {
        skipped(
            test,
            "ntfy, Telegram and Discord were rendered, and checked by nobody: AMTOOL_NEW names no newer amtool",
        );
    }
}

/// A program that is no more than a version of Alertmanager.
fn version(work: &Path, text: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let file = work.join(text);
    std::fs::write(&file, format!("#!/bin/sh\necho 'alertmanager, version {text} (branch: x)'\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    file.display().to_string()
}

#[test]
fn an_alertmanager_that_is_too_old_is_named() {
    let work = tempfile::tempdir().unwrap();
    let work = work.path();
    let ntfy = ("NTFY_URL", "https://ntfy.example.org/topic");
    for (number, good) in
        [("0.25.0+ds", false), ("0.31.9", false), ("0.32.0", true), ("0.100.0", true), ("1.0.0", true)]
    {
        let done = render(&["sh"], work, &[ntfy, ("ALERTMANAGER", &version(work, number))]);
        assert_eq!(done.status.success(), good, "{number}: {}", said(&done));
    }
    let Some(program) = find("prometheus-alertmanager") else {
        return skipped("an_alertmanager_that_is_too_old_is_named", "Debian's Alertmanager is not installed");
    };
    // Debian's own, whatever it is: it takes what is rendered, or it is said to be too old.
    let program = program.display().to_string();
    let told = Command::new(&program).arg("--version").output().unwrap();
    let told = said(&told);
    let minor: u32 =
        told.split("version 0.").nth(1).and_then(|rest| rest.split('.').next()).unwrap().parse().unwrap();
    let done = render(&["sh"], work, &[ntfy, ("ALERTMANAGER", &program)]);
    if minor < 32 {
        let want = format!("start.sh: ntfy needs Alertmanager 0.32 or newer, this is 0.{minor}\n");
        assert_eq!((done.status.success(), said(&done)), (false, want));
    } else {
        assert!(done.status.success(), "{}", said(&done));
    }
    let done = Command::new(folder().join("start.sh"))
        .arg("--web.external-url=localhost:9093")
        .env("ALERTMANAGER", &program)
        .env("ALERTMANAGER_RENDERED", work.join("out"))
        .output()
        .unwrap();
    assert!(
        said(&done).contains("ALERTMANAGER_URL (--web.external-url) is not an address"),
        "{}",
        said(&done)
    );
}

/// One alert as a template sees it, begun at 14:02 on 23 November 2026.
fn alert(target: &str, severity: &str, end: Option<&str>) -> Value {
    json!({
        "status": if end.is_some() { "resolved" } else { "firing" },
        "labels": {"alertname": "ServiceDown", "severity": severity, "target": target},
        "annotations": {
            "summary": format!("{target} down since 14:02: HTTP 502"),
            "description": "The proxy answers, the application does not.",
            "recovery": format!("{target} back at {{at}}, was down {{for}}"),
            "summary_pt": format!("{target} fora do ar desde 14:02: HTTP 502"),
            "description_pt": "O proxy responde, a aplicação não.",
            "recovery_pt": format!("{target} voltou às {{at}}, ficou {{for}} fora do ar"),
            "runbook_url": "alerts/runbooks/ServiceDown.md",
            "dashboard_url": format!("/d/farol-services?var-target={target}"),
        },
        "startsAt": "2026-11-23T14:02:00Z",
        "endsAt": end.unwrap_or("0001-01-01T00:00:00Z"),
    })
}

/// What a template of ours makes of these alerts.
fn message(amtool: &Path, language: &str, template: &str, alerts: &[Value]) -> String {
    let firing = alerts.iter().any(|alert| alert["status"] == "firing");
    let common = if alerts.len() == 1 { alerts[0]["annotations"].clone() } else { json!({}) };
    let data = json!({
        "receiver": "critical", "status": if firing { "firing" } else { "resolved" }, "alerts": alerts,
        "groupLabels": {"alertname": "ServiceDown"}, "commonLabels": {"alertname": "ServiceDown"},
        "commonAnnotations": common, "externalURL": "http://localhost:9093",
    });
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(data.to_string().as_bytes()).unwrap();
    let templates = folder().join("templates");
    let done = Command::new(amtool)
        .args(["template", "render", "--template.glob"])
        .arg(templates.join("common.tmpl"))
        .arg("--template.glob")
        .arg(templates.join(format!("{language}.tmpl")))
        .arg(format!("--template.text={{{{ template \"farol.{template}\" . }}}}"))
        .arg("--template.data")
        .arg(file.path())
        .env("TZ", "UTC")
        .output()
        .unwrap();
    assert!(done.status.success(), "{template}: {}", said(&done));
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn messages_read_as_the_wording_guide_has_them() {
    for amtool in amtools("messages_read_as_the_wording_guide_has_them") {
        let text = |language, template, alerts: &[Value]| message(&amtool, language, template, alerts);
        let down = alert("wordpress", "critical", None);
        assert_eq!(
            text("en", "title", std::slice::from_ref(&down)),
            "🔴 wordpress down since 14:02: HTTP 502"
        );
        assert_eq!(
            text("pt-BR", "title", std::slice::from_ref(&down)),
            "🔴 wordpress fora do ar desde 14:02: HTTP 502"
        );
        assert_eq!(
            text("en", "text", std::slice::from_ref(&down)),
            "The proxy answers, the application does not.\nRunbook: alerts/runbooks/ServiceDown.md\n"
        );
        assert_eq!(
            text("pt-BR", "text", std::slice::from_ref(&down)),
            "O proxy responde, a aplicação não.\nRunbook: alerts/runbooks/ServiceDown.md\n"
        );
        assert_eq!(text("en", "link", std::slice::from_ref(&down)), "/d/farol-services?var-target=wordpress");

        let warned = alert("blog", "warning", None);
        assert_eq!(text("en", "title", std::slice::from_ref(&warned)), "🟡 blog down since 14:02: HTTP 502");
        assert_eq!(
            text("en", "title", &[down.clone(), warned.clone()]),
            "🔴 wordpress down since 14:02: HTTP 502 (+1)"
        );

        // How long it was, from StartsAt to EndsAt.
        for (end, at, lasted) in [
            ("2026-11-23T14:02:20Z", "14:02", "< 1 min"),
            ("2026-11-23T14:02:40Z", "14:02", "1 min"),
            ("2026-11-23T14:31:10Z", "14:31", "29 min"),
            ("2026-11-23T15:02:00Z", "15:02", "1 h"),
            ("2026-11-23T17:07:00Z", "17:07", "3 h 5 min"),
            ("2026-11-24T00:02:00Z", "00:02", "10 h"),
            ("2026-11-24T14:02:00Z", "14:02", "1 d"),
            ("2026-11-26T02:40:00Z", "02:40", "2 d 12 h"),
            ("2026-12-23T14:02:00Z", "14:02", "30 d"),
        ] {
            let back = [alert("wordpress", "critical", Some(end))];
            assert_eq!(text("en", "title", &back), format!("✅ wordpress back at {at}, was down {lasted}"));
            assert_eq!(
                text("pt-BR", "title", &back),
                format!("✅ wordpress voltou às {at}, ficou {lasted} fora do ar")
            );
        }
        let back = alert("blog", "critical", Some("2026-11-23T14:31:10Z"));
        assert_eq!(
            text("en", "text", std::slice::from_ref(&back)),
            "It began at 23 Nov 14:02: blog down since 14:02: HTTP 502.\n"
        );
        // Both in one message: red first.
        assert_eq!(
            text("en", "title", &[back.clone(), down.clone()]),
            "🔴 wordpress down since 14:02: HTTP 502 · ✅ 1"
        );
        assert_eq!(
            text("pt-BR", "text", &[down.clone(), back.clone()]),
            "🔴 wordpress fora do ar desde 14:02: HTTP 502\nO proxy responde, a aplicação não.\n\
             Runbook: alerts/runbooks/ServiceDown.md\n✅ blog voltou às 14:31, ficou 29 min fora do ar\n"
        );
        // A title without its time gets it in the text; a runbook that has an address gets linked, else it is named.
        let mut other = down.clone();
        other["annotations"]["summary"] = "Some metrics are left out".into();
        other["annotations"]["runbook_url"] = "https://runbooks.example.org/ServiceDown.md".into();
        assert_eq!(
            text("en", "text", std::slice::from_ref(&other)),
            "Since 23 Nov 14:02. The proxy answers, the application does not.\nRunbook: https://runbooks.example.org/ServiceDown.md\n"
        );
        assert!(text("pt-BR", "text", std::slice::from_ref(&other)).starts_with("Desde 23/11 14:02. "));
        let mut own = down.clone();
        own["annotations"].as_object_mut().unwrap().retain(|key, _| !key.ends_with("_pt"));
        // An alert of somebody else has no Portuguese.
        assert_eq!(text("pt-BR", "title", &[own]), "🔴 wordpress down since 14:02: HTTP 502");
        let html = text("pt-BR", "html", &[other.clone(), down.clone()]);
        assert!(
            html.contains("<a href=\"https://runbooks.example.org/ServiceDown.md\">O que fazer</a>"),
            "{html}"
        );
        assert!(html.contains(">Runbook: alerts/runbooks/ServiceDown.md</p>"), "{html}");
        assert!(text("en", "html", &[other, back]).contains("✅ blog back at 14:31, was down 29 min</h2>"));
        assert!(text("en", "telegram", &[down]).starts_with("<b>🔴 wordpress down"));
    }
}

/// The time so many seconds from now.
fn moment(offset: i64) -> String {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let done = Command::new("date")
        .args(["-u", "-d", &format!("@{}", now + offset), "+%Y-%m-%dT%H:%M:%SZ"])
        .output();
    String::from_utf8(done.unwrap().stdout).unwrap().trim().to_owned()
}

/// An alert as Prometheus sends it, begun 29 min ago.
fn sent(name: &str, severity: &str, labels: &[(&str, &str)], ended: bool) -> Value {
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
fn what_explains_a_certificate_keeps_it_silent_and_nothing_else() {
    let Some(program) = find("prometheus-alertmanager").or_else(|| find("alertmanager")) else {
        skipped("what_explains_a_certificate_keeps_it_silent_and_nothing_else", "there is no Alertmanager");
        return;
    };
    let (port, received) = receiver();
    let live = Live::start(&folder(), &program, &[("WEBHOOK_URL", format!("http://127.0.0.1:{port}/hook"))]);
    let tls = |name, severity, labels: &[(&str, &str)]| {
        let all = [&[("job", "tls-exporter"), ("instance", "farol:9219")], labels].concat();
        sent(name, severity, &all, false)
    };
    live.post(&[
        sent("ServiceDown", "critical", &[("target", "wordpress")], false),
        tls("CertificateExpires", "critical", &[("source", "s"), ("path", "/a.pem")]),
        tls("CertificateKeyMismatch", "critical", &[("source", "s"), ("path", "/a.pem")]),
        tls("CertificateServedStale", "warning", &[("target", "mail"), ("path", "/m.pem")]),
        tls("CertificateFilesMissing", "warning", &[("source", "gone")]),
        tls("NpmDown", "warning", &[("npm", "one")]),
    ]);
    let first = next(&received, "/hook");
    assert_eq!(first["status"], "firing");
    live.post(&[
        // By the service, the same file's end, the source and the proxy manager.
        tls("CertificateUntrusted", "critical", &[("target", "wordpress")]),
        tls("CertificateRenewalOverdue", "warning", &[("source", "s"), ("path", "/a.pem")]),
        tls("CertificateRenewalOverdue", "warning", &[("target", "mail")]),
        tls("CertificateFileUnreadable", "warning", &[("source", "gone")]),
        tls("NpmHostOffline", "critical", &[("npm", "one")]),
        // By none of them: another target, another file, another proxy manager.
        tls("CertificateNameMismatch", "critical", &[("target", "blog")]),
        tls("CertificateKeyMismatch", "warning", &[("source", "s"), ("path", "/b.pem")]),
        tls("NpmExpiryDrift", "warning", &[("npm", "two")]),
    ]);
    let silent =
        ["CertificateFileUnreadable", "CertificateRenewalOverdue", "CertificateUntrusted", "NpmHostOffline"];
    let told = loop {
        let message = next(&received, "/hook");
        if message["groupLabels"]["alertname"] == "CertificateNameMismatch" {
            break message;
        }
    };
    assert_eq!(told["alerts"][0]["labels"]["target"], "blog");
    assert_eq!(live.inhibited(), BTreeSet::from(silent.map(str::to_owned)));
}

/// By what fires at once and is told to nobody, before the first message about a service.
#[test]
fn a_node_explains_its_guests_and_they_their_services() {
    let test = "a_node_explains_its_guests_and_they_their_services";
    let Some(program) = find("prometheus-alertmanager").or_else(|| find("alertmanager")) else {
        return skipped(test, "there is no Alertmanager");
    };
    let (port, received) = receiver();
    let live = Live::start(&folder(), &program, &[("WEBHOOK_URL", format!("http://127.0.0.1:{port}/hook"))]);
    let pve = |name, severity, cluster, labels: &[(&str, &str)]| {
        let own = [("job", "proxmox-exporter"), ("instance", "farol:9221"), ("cluster", cluster)];
        sent(name, severity, &[&own, labels].concat(), false)
    };
    live.post(&[
        pve("NodeDown", "info", "home", &[("node", "pve2")]),
        pve("GuestDown", "info", "home", &[("node", "pve1"), ("id", "qemu/104"), ("name", "wordpress")]),
        pve("ProxmoxUnreachable", "critical", "lab", &[]),
        pve("StorageFilling", "warning", "home", &[("storage", "nas")]),
    ]);
    let first = next(&received, "/hook");
    assert_eq!(first["status"], "firing");
    live.post(&[
        // The service in the guest, that on the node, what Proxmox VE says of both, and what follows from a cluster out of sight.
        sent("ServiceDown", "critical", &[("target", "wordpress"), ("id", "qemu/104")], false),
        sent("ServiceFlapping", "warning", &[("target", "pve2-web"), ("node", "pve2")], false),
        pve("DiskFailing", "critical", "home", &[("node", "pve2"), ("device", "/dev/sda")]),
        pve("BackupTooOld", "critical", "home", &[("node", "pve1"), ("id", "qemu/104")]),
        pve("ReplicationFailing", "warning", "home", &[("node", "pve1"), ("id", "qemu/110")]),
        pve("ProxmoxDataStale", "warning", "lab", &[("collector", "disks"), ("node", "pve9")]),
        pve("StorageFullSoon", "warning", "home", &[("storage", "nas")]),
        // Another guest, the same names in another cluster, another storage.
        sent("ServiceWrongAnswer", "critical", &[("target", "blog"), ("id", "qemu/105")], false),
        pve("PoolDegraded", "critical", "lab", &[("node", "pve2"), ("pool", "rpool")]),
        pve("BackupMissing", "warning", "lab", &[("node", "pve1"), ("id", "qemu/104")]),
        pve("StorageDown", "warning", "home", &[("storage", "local"), ("node", "pve1")]),
    ]);
    let mut expected: BTreeSet<&str> =
        ["ServiceWrongAnswer", "PoolDegraded", "BackupMissing", "StorageDown"].into();
    while !expected.is_empty() {
        let message = next(&received, "/hook");
        expected.remove(message["groupLabels"]["alertname"].as_str().unwrap());
    }
    let silent = [
        "BackupTooOld",
        "DiskFailing",
        "ProxmoxDataStale",
        "ReplicationFailing",
        "ServiceDown",
        "ServiceFlapping",
        "StorageFullSoon",
    ];
    assert_eq!(live.inhibited(), BTreeSet::from(silent.map(str::to_owned)));
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
