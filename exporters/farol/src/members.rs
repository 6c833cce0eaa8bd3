//! The exporters that farol runs: one line each. A new exporter is one line here.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use futures_util::future::LocalBoxFuture;
use kit::run::{Running, Settings, StartError};
use kit::{About, Desc, Exporter};
use probe_exporter::ProbeExporter;
use proxmox_exporter::ProxmoxExporter;
use tls_exporter::TlsExporter;

use crate::discover::plan::Plan;
use crate::discover::{tls, yaml};

/// An exporter, as farol handles it without knowing its types.
#[derive(Clone, Copy)]
pub struct Member {
    /// Its constants.
    pub about: &'static About,
    /// Starts it in the runtime at hand.
    pub start: fn(Settings) -> LocalBoxFuture<'static, Result<Running, StartError>>,
    /// Validates the configuration that the settings name, and says what is in it.
    pub check: fn(&Settings) -> Result<String, String>,
    /// Folders below which it writes.
    pub writes: fn() -> Vec<PathBuf>,
    /// Every metric it can emit, with kit's own.
    pub catalogue: fn() -> Vec<&'static Desc>,
    /// Its own `main`; the first argument is the program's name.
    pub main: fn(Vec<OsString>) -> ExitCode,
    /// Keys at the top of its configuration file that no other exporter has.
    pub keys: &'static [&'static str],
    /// Other names that its configuration file is known by.
    pub aliases: &'static [&'static str],
    /// Writes its configuration of what discovery found on the machine whose root is there, when there is none.
    pub discovered: Option<fn(&Plan, &Path) -> String>,
}

/// All of them.
pub const MEMBERS: &[Member] = &[
    member::<ProbeExporter>(
        probe_exporter::main,
        &["modules", "targets", "http_sd_configs", "allowed_targets", "resolver", "dns_servers"],
        &["blackbox.yml", "blackbox.yaml", "probe.yaml"],
        Some(|plan, _| yaml::write(plan)),
    ),
    member::<TlsExporter>(tls_exporter::main, &["files", "npm", "renewal"], &["tls.yaml"], Some(tls::write)),
    member::<ProxmoxExporter>(
        proxmox_exporter::main,
        &["clusters"],
        &["proxmox.yaml", "pve.yml", "pve.yaml"],
        None,
    ),
];

const fn member<E: Exporter>(
    main: fn(Vec<OsString>) -> ExitCode,
    keys: &'static [&'static str],
    aliases: &'static [&'static str],
    discovered: Option<fn(&Plan, &Path) -> String>,
) -> Member {
    Member {
        about: &E::ABOUT,
        start: |settings| Box::pin(kit::run::start::<E>(settings)),
        check: kit::run::check::<E>,
        writes: E::writes,
        catalogue: kit::run::catalogue::<E>,
        main,
        keys,
        aliases,
        discovered,
    }
}

impl Member {
    /// The member of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        MEMBERS.iter().find(|member| member.about.name == name)
    }

    /// The member that a program was called as, by a link of that name to farol.
    #[must_use]
    pub fn called(program: &Path) -> Option<&'static Self> {
        Self::named(program.file_name()?.to_str()?)
    }

    /// The members' names, for messages.
    #[must_use]
    pub fn names() -> String {
        MEMBERS.iter().map(|member| member.about.name).collect::<Vec<_>>().join(", ")
    }

    /// Which member a configuration file is for: by its name, else by the keys at its top.
    #[must_use]
    pub fn of_file(file: &Path, text: &str) -> Option<&'static Self> {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let by_name = |member: &&Self| member.about.config_file == name || member.aliases.contains(&name);
        let keys: Vec<&str> = top_keys(text).collect();
        let by_keys = |member: &&Self| keys.iter().any(|key| member.keys.contains(key));
        // The last first: what the first one's keys are, later exporters have beside keys of their own.
        MEMBERS.iter().find(by_name).or_else(|| MEMBERS.iter().rfind(by_keys))
    }
}

/// The keys that stand at the beginning of a line. It needs no parser: a file that hides its keys otherwise is asked for
/// its exporter's name.
fn top_keys(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let (key, _) = line.split_once(':')?;
        let legal = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        legal.then_some(key)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_tells_its_exporter() {
        for (name, text, want) in [
            ("config/probe.yml", "", Some("probe-exporter")),
            ("blackbox.yml", "", Some("probe-exporter")),
            ("mine.yml", "# mine\ntargets:\n  - {}\n", Some("probe-exporter")),
            ("config/tls.yml", "targets:\n", Some("tls-exporter")),
            ("mine.yml", "files:\n", Some("tls-exporter")),
            ("mine.yml", "npm:\n", Some("tls-exporter")),
            ("mine.yml", "http_sd_configs:\n", Some("probe-exporter")),
            ("mine.yml", "targets:\nfiles:\n", Some("tls-exporter")),
            ("mine.yml", "clusters:\n", Some("proxmox-exporter")),
            ("pve.yml", "default:\n", Some("proxmox-exporter")),
            ("mine.yml", "  targets:\n", None),
            ("mine.yml", "global: {}\n", None),
            ("mine.yml", "", None),
        ] {
            let member = Member::of_file(Path::new(name), text).map(|member| member.about.name);
            assert_eq!(member, want, "{name} {text:?}");
        }
    }

    #[test]
    fn a_link_is_the_exporter() {
        for (program, there) in
            [("/usr/bin/probe-exporter", true), ("probe-exporter", true), ("/bin/farol", false)]
        {
            assert_eq!(Member::called(Path::new(program)).is_some(), there, "{program}");
        }
    }

    /// Two exporters on one port, or with one file or key, could not run from one folder.
    #[test]
    fn members_do_not_get_in_each_others_way() {
        for (at, one) in MEMBERS.iter().enumerate() {
            for other in &MEMBERS[at + 1..] {
                assert_ne!(one.about.port, other.about.port);
                assert_ne!(one.about.config_file, other.about.config_file);
                assert!(one.keys.iter().all(|key| !other.keys.contains(key)));
            }
            assert_ne!(one.about.port, crate::status::ABOUT.port);
        }
    }
}
