//! Which process holds a socket, as far as this user may know: `/proc/PID/fd` of other users' processes is closed to
//! ordinary users, and then the port alone has to tell.

use std::collections::{HashMap, HashSet};
use std::path::Path;

/// The names of the processes that hold these sockets, by the sockets' inodes: the first 15 bytes, as `/proc/PID/comm`
/// has them. Stops as soon as all are found; what cannot be read is left out.
#[must_use]
pub fn owners(proc: &Path, inodes: &HashSet<u64>) -> HashMap<u64, String> {
    let mut found = HashMap::with_capacity(inodes.len());
    let Ok(processes) = std::fs::read_dir(proc) else { return found };
    for process in processes.flatten() {
        if found.len() == inodes.len() {
            break;
        }
        if !process.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit) {
            continue;
        }
        let Ok(files) = std::fs::read_dir(process.path().join("fd")) else { continue };
        for file in files.flatten() {
            let Ok(link) = std::fs::read_link(file.path()) else { continue };
            let Some(inode) = link.to_str().and_then(socket_inode) else { continue };
            // A socket that a parent shares with its workers is told by whichever comes first: they have one name.
            if inodes.contains(&inode) && !found.contains_key(&inode) {
                let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
                found.insert(inode, name.trim().to_owned());
            }
        }
    }
    found
}

/// `socket:[123]` → 123.
fn socket_inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn the_process_behind_a_socket() {
        let proc = tempfile::tempdir().unwrap();
        for (pid, name, links) in [
            ("17", "sshd\n", &["/dev/null", "socket:[21002]"][..]),
            ("18", "mariadbd\n", &["socket:[21001]", "pipe:[21005]"]),
            ("self", "x", &["socket:[21006]"]),
        ] {
            let files = proc.path().join(pid).join("fd");
            std::fs::create_dir_all(&files).unwrap();
            std::fs::write(proc.path().join(pid).join("comm"), name).unwrap();
            for (number, link) in links.iter().enumerate() {
                symlink(link, files.join(number.to_string())).unwrap();
            }
        }
        // A process whose descriptors may not be read, or that has ended meanwhile.
        std::fs::create_dir_all(proc.path().join("19")).unwrap();
        let owners = owners(proc.path(), &HashSet::from([21001, 21002, 21006]));
        assert_eq!(owners.get(&21001), Some(&"mariadbd".to_owned()));
        assert_eq!(owners.get(&21002), Some(&"sshd".to_owned()));
        assert_eq!(owners.len(), 2);
    }

    #[test]
    fn without_proc_nobody_is_known() {
        assert!(owners(Path::new("/nonexistent"), &HashSet::from([1])).is_empty());
    }
}
