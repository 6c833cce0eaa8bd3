//! The committed JSON, below `grafana/dashboards/`: a folder for each language, a file for each dashboard.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use crate::dashboards::DASHBOARDS;
use crate::rules::Rules;
use crate::text::Language;

/// The top of the source tree.
#[must_use]
pub fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where the dashboards lie.
#[must_use]
pub fn folder() -> PathBuf {
    top().join("grafana/dashboards")
}

/// Every file, by its path below [`folder`], as the code makes it.
///
/// # Errors
/// A threshold that the rules do not have, or a query that names what a metric does not have.
pub fn made() -> Result<BTreeMap<String, String>, Box<dyn Error>> {
    let rules = Rules::read(&top().join("alerts/rules"))?;
    let mut files = BTreeMap::new();
    for build in DASHBOARDS {
        let dashboard = build(&rules)?;
        let problems = dashboard.problems();
        if !problems.is_empty() {
            return Err(problems.join("\n").into());
        }
        for language in Language::ALL {
            let json = dashboard.json(language);
            files.insert(dashboard.file(language), format!("{json:#}\n"));
        }
    }
    Ok(files)
}

/// Every file that is there.
///
/// # Errors
/// The folder or file that cannot be read.
pub fn committed() -> Result<BTreeMap<String, String>, Box<dyn Error>> {
    let mut files = BTreeMap::new();
    let folder = folder();
    for group in listed(&folder)? {
        for path in listed(&group)? {
            let name = path.strip_prefix(&folder).unwrap_or(&path).display().to_string();
            let text = std::fs::read_to_string(&path).map_err(|error| format!("read {name}: {error}"))?;
            files.insert(name, text);
        }
    }
    Ok(files)
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("read {}: {error}", folder.display()))?;
    Ok(entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
}

/// Writes every file, and removes those that no code makes any more.
///
/// # Errors
/// What cannot be made or written.
pub fn write() -> Result<String, Box<dyn Error>> {
    let (made, folder) = (made()?, folder());
    for language in Language::ALL {
        std::fs::create_dir_all(folder.join(language.folder()))?;
    }
    for (name, text) in &made {
        std::fs::write(folder.join(name), text).map_err(|error| format!("write {name}: {error}"))?;
    }
    for name in committed()?.keys().filter(|name| !made.contains_key(*name)) {
        std::fs::remove_file(folder.join(name)).map_err(|error| format!("remove {name}: {error}"))?;
    }
    Ok(format!("wrote {} dashboards", made.len()))
}

/// Compares what is there with what the code makes.
///
/// # Errors
/// Which files differ.
pub fn check() -> Result<String, Box<dyn Error>> {
    let (made, committed) = (made()?, committed()?);
    let names = made.keys().chain(committed.keys());
    let mut old: Vec<&str> =
        names.filter(|name| made.get(*name) != committed.get(*name)).map(String::as_str).collect();
    old.sort_unstable();
    old.dedup();
    match old.as_slice() {
        [] => Ok(format!("{} dashboards are as the code makes them", made.len())),
        old => {
            Err(format!("not as the code makes them: {}; run cargo run -p farol-grafana", old.join(", "))
                .into())
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_dashboards_are_what_the_code_makes() {
        super::check().unwrap_or_else(|error| panic!("{error}"));
    }
}
