//! `farol check FILE…`: which exporter each file is for, what is in it, or what is wrong with it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kit::config::Document;
use kit::run::{Settings, Source};

use crate::members::Member;
use crate::peers::{check_ssl_exporters, is_ssl_exporters};
use crate::{complain, print};

/// Checks all files, also after one that is bad.
#[must_use]
pub fn main(exporter: Option<&str>, files: &[PathBuf]) -> ExitCode {
    let mut good = true;
    for file in files {
        match check(exporter, file) {
            Ok(text) => print(&format!("{}\n", text.trim_end())),
            Err(text) => {
                good = false;
                complain(text.trim_end());
            }
        }
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Checks one.
///
/// # Errors
/// What is wrong with it, ready to print: the first thing that cannot be read, else everything that does not make sense.
pub fn check(exporter: Option<&str>, file: &Path) -> Result<String, String> {
    let shown = file.display();
    let text = Document::read(file).map_err(|error| error.to_string())?.text;
    let settings = Settings { source: Source::File(file.to_owned()), ..Settings::default() };
    if exporter.is_none() && is_ssl_exporters(&text) {
        return check_ssl_exporters(&settings, &shown.to_string());
    }
    let member = match exporter {
        Some(name) => Member::named(name)
            .ok_or_else(|| format!("--as {name}: there is no such exporter; there are: {}", Member::names())),
        None => Member::of_file(file, &text).ok_or_else(|| {
            format!(
                "{shown}: neither its name nor its keys tell which exporter it is for; say --as {}",
                Member::names()
            )
        }),
    }?;
    (member.check)(&settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad_files() {
        let folder = tempfile::tempdir().unwrap();
        for (name, exporter, text, want) in [
            ("probe.yml", None, "modules:\n  m: {prober: icmp}\n", Ok(())),
            ("x.yml", Some("probe-exporter"), "modules:\n  m: {prober: icmp}\n", Ok(())),
            ("y.yml", None, "hello: 1\n", Err("neither its name nor its keys")),
            ("x.yml", Some("nobody"), "", Err("there is no such exporter; there are: probe-exporter")),
            ("probe.yml", None, "modules:\n  m: {prober: icmp, timout: 5s}\n", Err("timout")),
            ("probe.yml", None, "targets: [{target: x, module: nothing}]\n", Err("nothing")),
        ] {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            match (check(exporter, &file), want) {
                (Ok(_), Ok(())) => (),
                (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
                (result, _) => panic!("{text:?}: {result:?}"),
            }
        }
        assert!(check(None, &folder.path().join("none.yml")).unwrap_err().contains("none.yml: no such file"));
    }

    #[test]
    fn ssl_exporters_file_is_known_and_how_it_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("modules.yml");
        let way = format!("--compat=ssl_exporter --config.file={}", file.display());
        for (text, want) in [
            ("modules: {https: {prober: https, timeout: 5s}}", Some(way.as_str())),
            ("default_module: tcp\nmodules: {tcp: {prober: tcp, tcp: {starttls: smtp}}}", Some(&way)),
            ("modules: {files: {prober: file, target: '/etc/ssl/*.pem'}}", Some(&way)),
            // What is wrong with it is told as of that file.
            ("default_module: tpc\nmodules: {tcp: {prober: tcp}}", None),
        ] {
            std::fs::write(&file, text).unwrap();
            match (check(None, &file), want) {
                (Ok(told), Some(want)) => assert!(told.contains(want) && told.contains("ok"), "{told}"),
                (Err(error), None) => assert!(error.contains("modules.yml"), "{error}"),
                (result, _) => panic!("{text:?}: {result:?}"),
            }
        }
        // Of both, and then it is not theirs alone.
        std::fs::write(&file, "modules: {tcp: {prober: tcp, timeout: 5s}}").unwrap();
        assert!(!check(None, &file).unwrap().contains("ssl_exporter"));
        std::fs::write(&file, "modules: {https: {prober: https}}").unwrap();
        assert!(check(Some("probe-exporter"), &file).is_err(), "whoever says whose it is knows");
    }

    /// What discovery writes is what probe-exporter reads, whatever was found.
    #[test]
    fn every_module_of_discovery_is_valid() {
        use crate::discover::modules::MODULES;
        use crate::discover::plan::{Entry, Plan};
        let entries = MODULES.iter().map(|(module, _)| {
            let target = if module.starts_with("http") { "http://127.0.0.1:1/" } else { "127.0.0.1:1" };
            let target = if *module == "icmp" { "127.0.0.1" } else { target };
            Entry { name: format!("a-{module}"), target: target.into(), module, evidence: "x".into() }
        });
        let plan = Plan { entries: entries.collect(), left_out: vec!["something".into()], ..Plan::default() };
        let folder = tempfile::tempdir().unwrap();
        for (name, plan) in [("all.yml", plan), ("none.yml", Plan::default())] {
            let file = folder.path().join(name);
            std::fs::write(&file, crate::discover::yaml::write(&plan)).unwrap();
            check(Some("probe-exporter"), &file).unwrap();
        }
    }
}
