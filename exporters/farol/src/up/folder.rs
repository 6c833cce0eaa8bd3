//! Which exporters have a configuration, and where.

use std::path::{Path, PathBuf};

use crate::members::{MEMBERS, Member};

/// The folders that are looked into when none is named: those where an exporter on its own looks, too. (Not `config`:
/// there a clone of the sources has its examples, which watch other people's machines.)
const USUAL: [&str; 2] = ["", "/etc/farol"];

/// The exporters with a file in `named`, or else in the first of the usual folders that has any; none when nothing is
/// configured anywhere.
///
/// # Errors
/// When a folder was named, and there is nothing in it: whoever names one does not want a default.
pub(super) fn configured(named: Option<&Path>) -> Result<Vec<(&'static Member, PathBuf)>, String> {
    match named {
        Some(folder) => {
            let found = files(folder);
            if found.is_empty() {
                let known: Vec<&str> = MEMBERS.iter().map(|member| member.about.config_file).collect();
                return Err(format!(
                    "--config.dir {}: no configuration there, looked for {}; without --config.dir farol watches what it finds \
                     on this machine",
                    folder.display(),
                    known.join(", ")
                ));
            }
            Ok(found)
        }
        None => Ok(USUAL
            .iter()
            .map(|folder| files(Path::new(folder)))
            .find(|found| !found.is_empty())
            .unwrap_or_default()),
    }
}

fn files(folder: &Path) -> Vec<(&'static Member, PathBuf)> {
    let file = |member: &'static Member| {
        let names = std::iter::once(&member.about.config_file).chain(member.aliases);
        names.map(|name| folder.join(name)).find(|file| file.is_file()).map(|file| (member, file))
    };
    MEMBERS.iter().filter_map(file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_and_without_files() {
        let folder = tempfile::tempdir().unwrap();
        let error = configured(Some(folder.path())).err().unwrap();
        assert!(error.contains("no configuration there, looked for probe.yml"), "{error}");
        for name in ["blackbox.yml", "probe.yml"] {
            std::fs::write(folder.path().join(name), "").unwrap();
            let found = configured(Some(folder.path())).unwrap();
            assert_eq!(found.len(), 1);
            assert_eq!(
                (found[0].0.about.name, found[0].1.clone()),
                ("probe-exporter", folder.path().join(name))
            );
        }
    }
}
