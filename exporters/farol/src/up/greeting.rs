//! What is printed once everything runs: what is watched and why, where to look, and what to paste into Prometheus.

use std::fmt::Write as _;

use kit::Watched;
use kit::run::Running;

use crate::discover::plan::Plan;
use crate::members::MEMBERS;
use crate::status::{self, LOCALHOST, url};

use crate::up::fleet::Fleet;

/// How many lines of targets are printed.
const LINES: usize = 40;
/// Where a column ends at the latest, so that one long name does not push everything off the screen.
const WIDTH: usize = 36;

/// The whole text.
pub(super) fn text(fleet: &Fleet) -> String {
    let mut text = format!("farol {}\n\n", status::ABOUT.version);
    match fleet.plan() {
        Some(plan) => {
            let mut files = Vec::new();
            fleet
                .each(|_, running| files.extend(running.watched().into_iter().filter(|w| w.kind == "files")));
            found(&plan, &files, &mut text);
        }
        None => fleet.each(|about, running| configured(about.name, running, &mut text)),
    }
    fleet.each(|about, running| {
        for notice in running.notices() {
            add(&mut text, &format!("note, {}: {}\n", about.name, notice.text));
        }
    });
    let addresses = fleet.addresses();
    add(&mut text, &format!("\n{}", places(&addresses, fleet.scheme())));
    add(&mut text, &format!("\n{}", scrape_job(&addresses, fleet.scheme())));
    if fleet.plan().is_some() {
        text.push_str(
            "\nNothing is configured, so that it listens on this machine only (--web.listen-address and --listen change that),\n\
             and looks at the machine again at each reload (kill -HUP). To keep this list and make it yours:\n\n  \
             farol discover > probe.yml\n  farol discover tls-exporter > tls.yml\n",
        );
    }
    text
}

/// `files` are the sources of certificates in files, which the plan does not have.
fn found(plan: &Plan, files: &[Watched], text: &mut String) {
    let of_files = files
        .iter()
        .map(|source| [source.name.as_str(), "files", "below /etc", "programs have certificates there"]);
    let rows: Vec<[&str; 4]> = plan
        .entries
        .iter()
        .chain(&plan.tls)
        .map(|entry| [entry.name.as_str(), entry.module, entry.target.as_str(), entry.evidence.as_str()])
        .chain(of_files)
        .collect();
    add(
        text,
        &format!(
            "No configuration in this folder or /etc/farol: watching what was found on this machine, {}.\n\n",
            things(rows.len())
        ),
    );
    table(["NAME", "HOW", "TARGET", "WHY"], &rows, text);
    for reason in &plan.left_out {
        add(text, &format!("  not watched: {}\n", printable(reason)));
    }
}

fn configured(name: &str, running: &Running, text: &mut String) {
    let watched = running.watched();
    add(text, &format!("{name} watches {}, by {}.\n", things(watched.len()), running.source()));
    if watched.is_empty() {
        let of_clusters =
            MEMBERS.iter().any(|member| member.about.name == name && member.keys.contains(&"clusters"));
        text.push_str(if of_clusters {
            "  It is off until `clusters:` names one; proxmox-exporter --setup prints what makes a token for it.\n"
        } else {
            "  It answers /probe; write `targets:` for what shall be probed on a schedule.\n"
        });
        return;
    }
    text.push('\n');
    let rows: Vec<[&str; 3]> =
        watched.iter().map(|w| [w.name.as_str(), w.kind.as_str(), w.detail.as_str()]).collect();
    table(["NAME", "HOW", "STATE"], &rows, text);
}

fn things(count: usize) -> String {
    if count == 1 { "1 target".to_owned() } else { format!("{count} targets") }
}

fn table<const N: usize>(head: [&str; N], rows: &[[&str; N]], text: &mut String) {
    let shown = &rows[..rows.len().min(LINES)];
    let width = |column: usize| {
        let cells = std::iter::once(&head).chain(shown).map(|row| row[column].chars().count());
        cells.max().unwrap_or_default().min(WIDTH)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    for row in std::iter::once(&head).chain(shown) {
        let mut line = String::from(" ");
        for (cell, width) in row.iter().zip(widths) {
            add(&mut line, &format!(" {:width$} ", printable(cell)));
        }
        add(text, line.trim_end());
        text.push('\n');
    }
    if rows.len() > LINES {
        add(text, &format!("  and {} more, on the status page\n", rows.len() - LINES));
    }
}

/// Where to look: every address with what it is.
fn places(addresses: &[(&'static str, String)], scheme: &str) -> String {
    let mut text = "Look here:\n".to_owned();
    for (name, address) in addresses {
        let Some(page) = url(scheme, address, LOCALHOST) else {
            add(&mut text, &format!("  {address}  {name}\n"));
            continue;
        };

        add(
            &mut text,
            &if *name == status::ABOUT.name {
                format!("  {page}  status page: everything that is watched, and its state now\n")
            } else {
                format!("  {page}metrics  {name}, for Prometheus\n")
            },
        );
    }
    text
}

/// A job to paste into prometheus.yml; empty when nothing listens on TCP.
fn scrape_job(addresses: &[(&'static str, String)], scheme: &str) -> String {
    let mut targets: Vec<String> = Vec::new();
    for page in addresses.iter().filter_map(|(_, address)| url("http", address, LOCALHOST)) {
        let target = page.trim_start_matches("http://").trim_end_matches('/').to_owned();
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    if targets.is_empty() {
        return String::new();
    }
    let scheme = if scheme == "https" { "    scheme: https\n" } else { "" };
    let targets: Vec<String> = targets.iter().map(|target| format!("{target:?}")).collect();
    format!(
        "For Prometheus, under scrape_configs:\n\n  - job_name: farol\n{scheme}    static_configs:\n      - targets: [{}]\n",
        targets.join(", ")
    )
}

/// A process may call itself anything, and a terminal obeys control characters.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn add(text: &mut String, more: &str) {
    // Writing to a string cannot fail.
    let _ = text.write_str(more);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::plan::Entry;

    #[test]
    fn the_table_of_what_was_found() {
        let entry = |name: &str| Entry {
            name: name.into(),
            target: "127.0.0.1:22".into(),
            module: "ssh_banner",
            evidence: "found in x\u{1b}[2J".into(),
        };
        let files = Watched {
            name: "found".into(),
            kind: "files".into(),
            ok: None,
            detail: String::new(),
            link: None,
        };
        let mut text = String::new();
        found(
            &Plan { entries: vec![entry("sshd-22")], left_out: vec!["y".into()], ..Plan::default() },
            &[files],
            &mut text,
        );
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].ends_with("watching what was found on this machine, 2 targets."), "{text}");
        assert_eq!(lines[2], "  NAME     HOW         TARGET        WHY");
        assert_eq!(lines[3], "  sshd-22  ssh_banner  127.0.0.1:22  found in x [2J");
        assert_eq!(lines[4], "  found    files       below /etc    programs have certificates there");
        assert_eq!(lines[5], "  not watched: y");
        let mut text = String::new();
        found(&Plan { entries: vec![entry("a"); LINES + 2], ..Plan::default() }, &[], &mut text);
        assert!(text.ends_with("  and 2 more, on the status page\n"), "{text}");
    }

    #[test]
    fn places_and_the_job() {
        let addresses = [
            ("farol", "127.0.0.1:9700".to_owned()),
            ("probe-exporter", "[::]:9115".to_owned()),
            ("probe-exporter", "unix:/run/probe.sock".to_owned()),
        ];
        let text = places(&addresses, "https");
        assert!(text.contains("  https://127.0.0.1:9700/  status page"), "{text}");
        assert!(text.contains("  https://localhost:9115/metrics  probe-exporter"), "{text}");
        assert!(text.contains("  unix:/run/probe.sock  probe-exporter"), "{text}");
        let job = scrape_job(&addresses, "http");
        assert!(job.ends_with("      - targets: [\"127.0.0.1:9700\", \"localhost:9115\"]\n"), "{job}");
        assert!(!job.contains("scheme"), "{job}");
        assert_eq!(scrape_job(&addresses[2..], "http"), "");
    }
}
