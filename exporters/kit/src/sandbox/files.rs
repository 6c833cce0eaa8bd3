//! Landlock: what the process may do with files.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, AccessFs, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
    RulesetError, RulesetStatus, Scope,
};

use super::Needs;

/// The newest version of landlock whose rights are taken away; an older kernel takes away what it knows. From the ninth
/// version on, connecting to a unix socket is a right: that stays, for the service manager and Docker listen on such.
const VERSION: ABI = ABI::V8;

/// Forbids to write, make, remove and execute files, except where `needs` says so.
pub(super) fn restrict(needs: &Needs) -> Result<(), String> {
    let sockets = needs.listen.iter().filter_map(|address| folder(address));
    let rules = sockets
        .map(|folder| (folder, AccessFs::MakeSock | AccessFs::RemoveFile))
        .chain(needs.writes.iter().map(|folder| (folder.clone(), AccessFs::from_write(VERSION))));
    match enforce(rules) {
        Ok(RulesetStatus::NotEnforced) => Err("the kernel does not have landlock, or does not use it".into()),
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

fn enforce(
    rules: impl Iterator<Item = (PathBuf, BitFlags<AccessFs>)>,
) -> Result<RulesetStatus, RulesetError> {
    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_write(VERSION) | AccessFs::Execute)?
        // Nor are signals sent, or abstract unix sockets used.
        .scope(Scope::Signal | Scope::AbstractUnixSocket)?
        .create()?;
    for (folder, access) in rules {
        // A folder that is not there has nothing that could be written; who misses it says so.
        if let Ok(folder) = PathFd::new(&folder) {
            ruleset = ruleset.add_rule(PathBeneath::new(folder, access))?;
        }
    }
    Ok(ruleset.restrict_self()?.ruleset)
}

/// The folder of an address such as `unix:/run/x.sock`.
fn folder(address: &str) -> Option<PathBuf> {
    let path = address.strip_prefix("unix:")?;
    match Path::new(path.strip_prefix("//").unwrap_or(path)).parent()? {
        folder if folder.as_os_str().is_empty() => Some(PathBuf::from(".")),
        folder => Some(folder.to_path_buf()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_a_socket() {
        for (address, want) in [
            ("unix:/run/farol/x.sock", Some("/run/farol")),
            ("unix:///run/x.sock", Some("/run")),
            ("unix:x.sock", Some(".")),
            ("unix:", None),
            (":9115", None),
        ] {
            assert_eq!(folder(address), want.map(PathBuf::from), "{address}");
        }
    }
}
