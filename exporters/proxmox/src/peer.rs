//! The command line of prometheus-pve-exporter, so that a unit that starts the peer starts this program, too.

use std::ffi::OsString;

use kit::config::did_you_mean;

/// The peer's collectors, and what tells the same here; empty for what concerns the peer alone.
const COLLECTORS: &[(&str, &str)] = &[
    ("status", "resources"),
    ("version", "version"),
    ("node", "resources"),
    ("cluster", "status"),
    ("resources", "resources"),
    ("backup-info", "backup_jobs"),
    ("qdevice", "qdevice"),
    ("config", "guest_config"),
    ("replication", "replication"),
    ("subscription", "subscription"),
    ("pve-api-metrics", ""),
    ("target-metrics", ""),
];

/// Flags of ours whose value may be the next argument: it is no positional one.
const VALUED: &str = "--config.file --config.auto-reload-interval --web.listen-address --web.config.file --web.external-url \
                      --web.route-prefix --web.max-requests --web.max-connections --timeout-offset --history.limit --sandbox \
                      --log.level --log.format";

/// The arguments in this program's words, beginning with its name, and what is to be told of those that it does without.
///
/// # Errors
/// If leaving one out would do harm, or it is none of the peer's either.
pub(crate) fn translate(arguments: Vec<OsString>) -> Result<(Vec<OsString>, Vec<String>), String> {
    let (mut own, mut positional, mut notices) = (Vec::new(), Vec::new(), Vec::new());
    let mut arguments = arguments.into_iter();
    own.extend(arguments.next());
    // A command of this program's own, which the peer does not have.
    if arguments.as_slice().first().is_some_and(|first| first == "once") {
        own.extend(arguments);
        return Ok((own, notices));
    }
    while let Some(argument) = arguments.next() {
        let Some(text) = argument.to_str() else {
            own.push(argument);
            continue;
        };
        let flag = text.split('=').next().unwrap_or(text);
        if let Some(name) = flag.strip_prefix("--collector.").or_else(|| flag.strip_prefix("--no-collector."))
        {
            notices.push(collector(flag, name)?);
        } else if matches!(flag, "--server.keyfile" | "--server.certfile") {
            return Err(format!(
                "{flag}: without it this would listen without TLS. Write \"tls_server_config: {{cert_file: CERT, key_file: KEY}}\" \
                 into a file and name that with --web.config.file in the place of both --server flags"
            ));
        } else if text.starts_with('-') {
            let takes_next = flag == text && VALUED.split(' ').any(|valued| valued == flag);
            own.push(argument);
            own.extend(takes_next.then(|| arguments.next()).flatten());
        } else {
            positional.push(argument);
        }
    }
    place(positional, &mut own)?;
    Ok((own, notices))
}

/// What is told of a collector's flag.
fn collector(flag: &str, name: &str) -> Result<String, String> {
    let Some((_, ours)) = COLLECTORS.iter().find(|(theirs, _)| *theirs == name) else {
        let hint = did_you_mean(name, COLLECTORS.iter().map(|(theirs, _)| *theirs));
        return Err(format!("{flag}: prometheus-pve-exporter has no such collector; {hint}"));
    };
    Ok(match *ours {
        "" => format!("{flag} is ignored: it is about prometheus-pve-exporter's own metrics"),
        "resources" | "status" | "version" => {
            format!("{flag} is ignored: it is always on, and costs a scrape one call")
        }
        ours => format!(
            "{flag} is ignored: collectors of a cluster are chosen in the configuration, e.g. collectors: {{{ours}: false}}"
        ),
    })
}

/// The positional arguments that the peer had before its version 3: configuration, port, address.
fn place(positional: Vec<OsString>, own: &mut Vec<OsString>) -> Result<(), String> {
    let mut positional = positional.into_iter();
    if let Some(config) = positional.next() {
        own.extend(["--config.file".into(), config]);
    }
    if let Some(port) = positional.next() {
        let port = port.to_string_lossy().into_owned();
        if port.parse::<u16>().is_err() {
            return Err(format!("{port:?} is no port: what has no flag is read as CONFIG PORT ADDRESS"));
        }
        let address = positional.next().unwrap_or_default().to_string_lossy().into_owned();
        let host =
            if address.contains(':') && !address.starts_with('[') { format!("[{address}]") } else { address };
        own.extend(["--web.listen-address".into(), format!("{host}:{port}").into()]);
    }
    match positional.next() {
        None => Ok(()),
        Some(more) => {
            Err(format!("{}: what has no flag is read as CONFIG PORT ADDRESS", more.to_string_lossy()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(line: &str) -> Result<(String, Vec<String>), String> {
        let (own, notices) = translate(line.split(' ').map(OsString::from).collect())?;
        let own: Vec<String> = own.iter().map(|one| one.to_string_lossy().into_owned()).collect();
        Ok((own.join(" "), notices))
    }

    #[test]
    fn the_peers_command_lines_start_this_program() {
        for (line, want, told) in [
            (
                "x --config.file=/a.yml --log.level debug --setup",
                "x --config.file=/a.yml --log.level debug --setup",
                "",
            ),
            (
                "x --no-collector.config --config.file /a.yml",
                "x --config.file /a.yml",
                "collectors: {guest_config: false}",
            ),
            (
                "x --collector.status --web.listen-address [::]:9221",
                "x --web.listen-address [::]:9221",
                "always on",
            ),
            ("x --collector.target-metrics", "x", "own metrics"),
            ("x once home --timeout 5s", "x once home --timeout 5s", ""),
            ("x /a.yml", "x --config.file /a.yml", ""),
            ("x /a.yml 9221", "x --config.file /a.yml --web.listen-address :9221", ""),
            (
                "x --log.level debug /a.yml 9221 ::1",
                "x --log.level debug --config.file /a.yml --web.listen-address [::1]:9221",
                "",
            ),
        ] {
            let (own, notices) = translated(line).unwrap();
            assert_eq!(own, want, "{line}");
            assert_eq!(notices.is_empty(), told.is_empty(), "{line}");
            assert!(notices.iter().all(|notice| notice.contains(told)), "{line}: {notices:?}");
        }
    }

    #[test]
    fn what_cannot_be_left_out_is_an_error() {
        for (line, want) in [
            ("x --server.keyfile=/k --server.certfile=/c", "--web.config.file"),
            ("x --no-collector.configs", "did you mean \"config\"?"),
            ("x /a.yml here", "no port"),
            ("x /a.yml 1 ::1 more", "CONFIG PORT ADDRESS"),
        ] {
            let error = translated(line).unwrap_err();
            assert!(error.contains(want), "{line}: {error}");
        }
    }

    #[test]
    fn every_flag_with_a_value_is_known() {
        use clap::{Args as _, Command};
        let command = kit::flags::Common::augment_args(Command::new("x"));
        let all: Vec<String> = command
            .get_arguments()
            .filter(|argument| argument.get_action().takes_values())
            .filter_map(|argument| argument.get_long().map(|long| format!("--{long}")))
            .collect();
        assert!(!all.is_empty());
        for flag in all {
            assert!(VALUED.split(' ').any(|valued| valued == flag), "{flag}");
        }
    }

    #[test]
    fn ours_are_collectors() {
        for (theirs, ours) in COLLECTORS {
            assert!(ours.is_empty() || crate::collect::Collector::named(ours).is_some(), "{theirs}: {ours}");
        }
    }
}
