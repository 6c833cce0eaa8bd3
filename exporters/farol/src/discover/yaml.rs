//! A plan as probe-exporter's YAML, with the evidence as comments.

use std::fmt::Write as _;

use super::modules::{ALWAYS, MODULES};
use super::plan::Plan;

const HEAD: &str = "\
# What farol found on this machine, by `farol discover`. Without a file of your own, farol watches just this, and looks
# again at each reload. To keep it and make it yours: farol discover > probe.yml
#
# Names may be changed freely; they become the label `target`. Every key: farol probe-exporter --config.example

modules:
";

const DOOR: &str = "
# What /probe?target=… may name. Without it the door is open to whoever reaches the port. To close it:
# allowed_targets: [\"*.example.org:443\", \"10.0.0.0/24\"]
";

/// The whole file.
#[must_use]
pub fn write(plan: &Plan) -> String {
    let mut text = HEAD.to_owned();
    for (name, yaml) in MODULES {
        if ALWAYS.contains(name) || plan.entries.iter().any(|entry| entry.module == *name) {
            text.push_str(yaml);
        }
    }
    text.push_str(if plan.entries.is_empty() {
        "\n# Nothing was found.\ntargets: []\n"
    } else {
        "\ntargets:\n"
    });
    for entry in &plan.entries {
        let (name, target, module) = (quoted(&entry.name), quoted(&entry.target), entry.module);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  # {}\n  - {{name: {name}, target: {target}, module: {module}}}",
            one_line(&entry.evidence)
        );
    }
    for reason in &plan.left_out {
        let _ = writeln!(text, "  # not watched: {}", one_line(reason));
    }
    text.push_str(DOOR);
    text
}

/// A string in YAML's double quotes. A process may call itself anything, and a server greet with anything.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Without what would end a comment's line: control characters, and the line ends of Unicode that YAML knows.
pub(super) fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::plan::Entry;

    fn entry(name: &str, module: &'static str, evidence: &str) -> Entry {
        Entry { name: name.into(), target: "127.0.0.1:1".into(), module, evidence: evidence.into() }
    }

    #[test]
    fn entries_with_their_evidence_and_the_modules_they_need() {
        let plan = Plan {
            entries: vec![
                entry("sshd-22", "ssh_banner", "found in x"),
                entry("a\"b", "tcp_connect", "two\nlines"),
            ],
            left_out: vec!["y".into()],
            ..Plan::default()
        };
        let text = write(&plan);
        assert!(
            text.contains(
                "  # found in x\n  - {name: \"sshd-22\", target: \"127.0.0.1:1\", module: ssh_banner}\n"
            ),
            "{text}"
        );
        assert!(text.contains("  # two lines\n  - {name: \"a\\\"b\","), "{text}");
        assert!(text.contains("  # not watched: y\n"), "{text}");
        for (module, there) in [("ssh_banner", true), ("icmp", true), ("redis_ping", false)] {
            assert_eq!(text.contains(&format!("\n  {module}:")), there, "{module}");
        }
    }

    #[test]
    fn every_module_is_what_its_name_says() {
        for (name, yaml) in MODULES {
            assert!(yaml.contains(&format!("  {name}:")) && yaml.ends_with('\n'), "{name}");
        }
        for name in ALWAYS {
            assert!(MODULES.iter().any(|(known, _)| *known == name), "{name}");
        }
    }

    #[test]
    fn an_empty_machine() {
        assert!(write(&Plan::default()).contains("\ntargets: []\n"));
    }
}
