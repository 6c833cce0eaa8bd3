//! What a process under the sandbox can do no more, and what it still can. Each test starts this program again: a sandbox
//! is not left.

#![allow(clippy::unwrap_used, reason = "clippy knows tests by their attribute, and not what tests share")]

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kit::sandbox::{Mode, Needs, Sandbox};

/// Starts this program again, as that test alone, with `folder` to play in; or gives the folder, where that is done.
fn within(test: &str, folder: &Path) -> Result<PathBuf, Output> {
    if let Some(folder) = std::env::var_os("SANDBOX_FOLDER") {
        return Ok(folder.into());
    }
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env("SANDBOX_FOLDER", folder)
        .output()
        .unwrap();
    Err(output)
}

/// What happened in the child is what the test says.
fn judge(output: &Output) {
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

fn denied<T>(what: &str, result: std::io::Result<T>) {
    match result {
        Ok(_) => panic!("{what}: it is done"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{what}: {error}"),
    }
}

fn execute() -> std::io::Result<Output> {
    Command::new("/bin/true").output()
}

/// The fields of /proc/self/status of the thread that asks.
fn status(field: &str) -> String {
    let text = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {field}: {text}")).trim().to_owned()
}

#[test]
fn files_are_neither_written_nor_executed() {
    let parent = tempfile::tempdir().unwrap();
    std::fs::write(parent.path().join("there"), "text").unwrap();
    for folder in ["sockets", "state", "closed"] {
        std::fs::create_dir(parent.path().join(folder)).unwrap();
    }
    let folder = match within("files_are_neither_written_nor_executed", parent.path()) {
        Err(output) => return judge(&output),
        Ok(folder) => folder,
    };
    execute().unwrap();
    let needs = Needs {
        listen: vec![format!("unix:{}", folder.join("sockets/a").display()), ":9115".into()],
        writes: vec![folder.join("state"), folder.join("not-there")],
        processes: false,
    };
    let sandbox = Sandbox::enter(Mode::Auto, &needs);
    assert!(sandbox.no_new_privs && sandbox.seccomp, "{sandbox:?}");
    assert_eq!((status("NoNewPrivs").as_str(), status("Seccomp").as_str()), ("1", "2"));

    denied("execute", execute());
    // Threads that come later are in it, too.
    std::thread::spawn(|| denied("execute in a thread", execute())).join().unwrap();

    // Everything else works: reading from anywhere, the network, threads.
    assert_eq!(std::fs::read_to_string(folder.join("there")).unwrap(), "text");
    assert!(std::fs::read_dir("/etc").unwrap().next().is_some());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    TcpStream::connect(listener.local_addr().unwrap()).unwrap();

    if !sandbox.landlock {
        assert!(!Path::new("/sys/kernel/security/landlock").exists());
        println!("SKIPPED sandbox: this kernel does not have landlock");
        return;
    }
    let (there, closed) = (folder.join("there"), folder.join("closed"));
    denied("write", std::fs::write(&there, "other"));
    denied("open for writing", std::fs::OpenOptions::new().append(true).open(&there));
    denied("make a file", std::fs::File::create(folder.join("new")));
    denied("make a folder", std::fs::create_dir(folder.join("new")));
    denied("make a link", std::os::unix::fs::symlink("there", folder.join("new")));
    denied("remove", std::fs::remove_file(&there));
    denied("remove a folder", std::fs::remove_dir(&closed));
    denied("make a socket", UnixListener::bind(closed.join("b")));
    assert_eq!(std::fs::read_to_string(&there).unwrap(), "text");

    let socket = folder.join("sockets/a");
    drop(UnixListener::bind(&socket).unwrap());
    std::fs::remove_file(&socket).unwrap();
    denied("make a file beside the socket", std::fs::File::create(folder.join("sockets/c")));
    std::fs::write(folder.join("state/x"), "kept").unwrap();
    std::fs::rename(folder.join("state/x"), folder.join("state/y")).unwrap();
    std::fs::remove_file(folder.join("state/y")).unwrap();
}

#[test]
fn dangerous_calls_fail() {
    let parent = tempfile::tempdir().unwrap();
    let folder = match within("dangerous_calls_fail", parent.path()) {
        Err(output) => return judge(&output),
        Ok(folder) => folder,
    };
    let sandbox = Sandbox::enter(Mode::Auto, &Needs { processes: true, ..Needs::default() });
    assert_eq!(sandbox, Sandbox { landlock: false, seccomp: true, no_new_privs: true });
    // As root these would be done, but for the seccomp filter; as anybody else EPERM is what they give anyway.
    use nix::errno::Errno;
    let path = folder.as_path();
    let none: Option<&str> = None;
    assert_eq!(nix::unistd::chroot(path), Err(Errno::EPERM));
    assert_eq!(
        nix::mount::mount(Some("none"), path, Some("tmpfs"), nix::mount::MsFlags::empty(), none),
        Err(Errno::EPERM)
    );
    assert_eq!(nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUSER), Err(Errno::EPERM));
    assert_eq!(nix::unistd::sethostname("farol"), Err(Errno::EPERM));
    assert_eq!(nix::sys::ptrace::traceme(), Err(Errno::EPERM));
    denied("execute", execute());
    // Files are landlock's, which is not in force.
    std::fs::write(folder.join("new"), "text").unwrap();
}

#[test]
fn off_is_off() {
    let parent = tempfile::tempdir().unwrap();
    match within("off_is_off", parent.path()) {
        Err(output) => judge(&output),
        Ok(folder) => {
            assert_eq!(Sandbox::enter(Mode::Off, &Needs::default()), Sandbox::default());
            execute().unwrap();
            std::fs::write(folder.join("new"), "text").unwrap();
        }
    }
}
