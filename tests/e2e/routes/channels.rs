//! The channels that start.sh makes of the environment.

use std::path::Path;
use std::process::{Command, Output};

use farol_tests::process::find;
use farol_tests::skipped;

use crate::{amtools, folder, newer, said};

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
