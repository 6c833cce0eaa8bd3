//! Child processes that end with their owner.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A running program; killed and reaped when dropped.
pub struct Process {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with its output in `folder/name.log`.
    pub fn start(name: &str, folder: &Path, command: &mut Command) -> Self {
        let out = std::fs::File::create(folder.join(format!("{name}.log"))).unwrap();
        let errors = out.try_clone().unwrap();
        Self::spawn(name, folder, command.stdin(Stdio::null()).stdout(out).stderr(errors))
    }

    /// The same for a command that has its descriptors already; it shall write to `folder/name.log`.
    pub fn spawn(name: &str, folder: &Path, command: &mut Command) -> Self {
        let child = command.spawn().unwrap_or_else(|error| panic!("start {name}: {error}"));
        Self { child, name: name.to_owned(), log: folder.join(format!("{name}.log")) }
    }

    /// Its process number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        let mut text = String::new();
        let _ = std::fs::File::open(&self.log).and_then(|mut file| file.read_to_string(&mut text));
        text
    }

    /// Sends a signal by its name, e.g. `TERM`.
    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status();
        assert!(done.is_ok_and(|status| status.success()), "kill -{name} {}", self.name);
    }

    /// Waits for its end; `None` when it still runs after `patience`.
    pub fn wait(&mut self, patience: Duration) -> Option<std::process::ExitStatus> {
        let end = Instant::now() + patience;
        loop {
            match self.child.try_wait().unwrap() {
                Some(status) => return Some(status),
                None if Instant::now() > end => return None,
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    /// Waits until a TCP port of this program answers.
    pub fn await_port(&mut self, port: u16) {
        let answered = until(Duration::from_secs(30), || {
            assert!(
                self.child.try_wait().unwrap().is_none(),
                "{} ended before it listened on {port}:\n{}",
                self.name,
                self.log()
            );
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        assert!(answered, "{} does not listen on {port}:\n{}", self.name, self.log());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Asked first: a server that is killed leaves its workers behind.
        let _ = Command::new("kill").arg("-TERM").arg(self.id().to_string()).output();
        let _ = self.wait(Duration::from_secs(2));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Polls until `done` or until `patience` is over.
pub fn until(patience: Duration, mut done: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + patience;
    while !done() {
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

/// A port that is free for TCP and UDP on loopback at this moment.
#[must_use]
pub fn free_port() -> u16 {
    /// Below those that the kernel gives to connections: between this look and the server's start one would take it.
    const PORTS: std::ops::Range<u32> = 15_000..32_000;
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    loop {
        // Each process begins elsewhere, and none comes to a port twice before all were had.
        let next = std::process::id().wrapping_mul(97).wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + next % (PORTS.end - PORTS.start);
        let port = u16::try_from(port).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Whether a program is on the search path (with the folders that hold servers).
#[must_use]
pub fn has(program: &str) -> bool {
    find(program).is_some()
}

/// Where a program lies.
#[must_use]
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    path.split(':').map(|folder| Path::new(folder).join(program)).find(|file| file.is_file())
}
