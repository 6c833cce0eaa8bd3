//! Where a server listens: `host:port`, `:port`, `[ipv6]:port`, `unix:/path`, or what systemd hands over.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, UnixListener};

use super::io::Raw;

/// Connections that the system holds for us while we are busy; it takes the smaller of this and `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// A socket that listens.
#[derive(Debug)]
pub(crate) enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A Unix socket; the file is removed at the end if we made it.
    Unix(UnixListener, #[allow(dead_code, reason = "held for its drop")] Option<Made>),
}

/// The file of a Unix socket that we made.
#[derive(Debug)]
pub(crate) struct Made(PathBuf);

impl Drop for Made {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Listener {
    /// Listens on an address as `--web.listen-address` spells it. An error names the address and the way out, but not the flag
    /// that gave it: farol has another one for each exporter.
    pub(crate) fn bind(address: &str) -> Result<Self, String> {
        if let Some(path) = address.strip_prefix("unix:") {
            return unix(Path::new(path.strip_prefix("//").unwrap_or(path)));
        }
        let listener = match address.strip_prefix(':') {
            Some(port) => both_families(parse_port(port, address)?),
            None => tcp(resolve(address)?),
        };
        listener
            .map(Listener::Tcp)
            .map_err(|error| format!("listen on {address}: {}", explain(&error, address)))
    }

    /// The sockets that systemd hands over.
    pub(crate) fn from_systemd() -> Result<Vec<Self>, String> {
        let mut given = listenfd::ListenFd::from_env();
        let mut listeners = Vec::new();
        for index in 0..given.len() {
            let fail = |cause: &dyn std::fmt::Display| format!("take socket {index} from systemd: {cause}");
            if let Ok(Some(listener)) = given.take_tcp_listener(index) {
                accepts(&SockRef::from(&listener)).map_err(|cause| fail(&cause))?;
                listener.set_nonblocking(true).map_err(|error| fail(&error))?;
                let listener = TcpListener::from_std(listener).map_err(|error| fail(&error))?;
                listeners.push(Listener::Tcp(listener));
            } else if let Ok(Some(listener)) = given.take_unix_listener(index) {
                accepts(&SockRef::from(&listener)).map_err(|cause| fail(&cause))?;
                listener.set_nonblocking(true).map_err(|error| fail(&error))?;
                let listener = UnixListener::from_std(listener).map_err(|error| fail(&error))?;
                // systemd made the file, and keeps it for the next start.
                listeners.push(Listener::Unix(listener, None));
            } else {
                return Err(fail(
                    &"it is neither a TCP nor a unix stream socket; write ListenStream= in the .socket unit, and nothing else",
                ));
            }
        }
        if listeners.is_empty() {
            return Err("systemd handed over no sockets (LISTEN_FDS is not set for this process); start it by its .socket unit, or drop --web.systemd-socket".into());
        }
        Ok(listeners)
    }

    /// Where it listens, with the port the system chose.
    pub(crate) fn address(&self) -> String {
        match self {
            Listener::Tcp(listener) => {
                listener.local_addr().map_or_else(|_| "tcp".into(), |address| address.to_string())
            }
            Listener::Unix(listener, _) => {
                match listener.local_addr().ok().and_then(|a| a.as_pathname().map(Path::to_path_buf)) {
                    Some(path) => format!("unix:{}", path.display()),
                    None => "unix:".into(),
                }
            }
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Raw> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // A small answer shall not wait for the acknowledgement of the one before.
                let _ = stream.set_nodelay(true);
                Ok(Raw::Tcp(stream))
            }
            Listener::Unix(listener, _) => Ok(Raw::Unix(listener.accept().await?.0)),
        }
    }
}

/// A connection instead of a listener would be accepted from for ever, in vain.
fn accepts(socket: &SockRef<'_>) -> Result<(), &'static str> {
    match socket.is_listener() {
        Ok(false) => Err("it does not listen; the .socket unit wants Accept=no, which is the default"),
        _ => Ok(()),
    }
}

fn parse_port(port: &str, address: &str) -> Result<u16, String> {
    port.parse().map_err(|_| format!("listen on {address}: {port:?} is not a port; write e.g. :9115"))
}

/// A name may have several addresses: the first IPv4 one is taken, as Go's servers do.
fn resolve(address: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = address.parse() {
        return Ok(address);
    }
    let Some((host, port)) = address.rsplit_once(':') else {
        return Err(format!("listen on {address}: no port; write host:port, :port or unix:/path"));
    };
    let port = parse_port(port, address)?;
    let found: Vec<SocketAddr> = (host, port)
        .to_socket_addrs()
        .map_err(|error| format!("listen on {address}: resolve {host}: {error}"))?
        .collect();
    found
        .iter()
        .find(|address| address.is_ipv4())
        .or(found.first())
        .copied()
        .ok_or_else(|| format!("listen on {address}: {host} has no address"))
}

/// All addresses of both families; of IPv4 alone where the machine has no IPv6.
fn both_families(port: u16) -> io::Result<TcpListener> {
    match tcp(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port)) {
        Err(error)
            if matches!(
                error.raw_os_error().map(nix::errno::Errno::from_raw),
                Some(nix::errno::Errno::EAFNOSUPPORT | nix::errno::Errno::EADDRNOTAVAIL)
            ) =>
        {
            tcp(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port))
        }
        result => result,
    }
}

fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // Connections of a predecessor that are still closing do not keep the port.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn unix(path: &Path) -> Result<Listener, String> {
    let told = |cause: &dyn std::fmt::Display| format!("listen on unix:{}: {cause}", path.display());
    if path.as_os_str().is_empty() {
        return Err("listen on unix: no path; write unix:/path".into());
    }
    if std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket()) {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(told(&"another program listens there; stop it, or choose another path"));
        }
        // Nobody listens: a predecessor that was killed left it behind.
        std::fs::remove_file(path).map_err(|error| told(&error))?;
    }
    let listener = UnixListener::bind(path).map_err(|error| told(&error))?;
    let made = Made(path.to_path_buf());
    let owner_and_group = std::fs::Permissions::from_mode(0o660);
    std::fs::set_permissions(path, owner_and_group).map_err(|error| told(&error))?;
    Ok(Listener::Unix(listener, Some(made)))
}

fn explain(error: &io::Error, address: &str) -> String {
    let port = address.rsplit(':').next().unwrap_or_default();
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "address already in use; stop the program that has it (`ss -ltnp sport = :{port}` names it), or choose another address"
        ),
        io::ErrorKind::AddrNotAvailable => {
            "this machine does not have this address; choose one of `ip address`, or :port for all".into()
        }
        io::ErrorKind::PermissionDenied => {
            "permission denied; ports below 1024 need CAP_NET_BIND_SERVICE, choose one above".into()
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_as_the_flag_spells_them() {
        for (address, want) in [("127.0.0.1:0", "127.0.0.1:"), ("localhost:0", "127.0.0.1:"), (":0", "")] {
            let listener = Listener::bind(address).unwrap();
            assert!(listener.address().starts_with(want), "{address}: {}", listener.address());
        }
        for (address, want) in [
            ("127.0.0.1", "no port"),
            (":http", "not a port"),
            ("127.0.0.1:99999", "not a port"),
            ("unix:", "no path"),
            ("192.0.2.1:0", "does not have this address"),
        ] {
            let error = Listener::bind(address).unwrap_err();
            assert!(error.contains(want) && error.starts_with("listen on "), "{address}: {error}");
        }
    }

    #[tokio::test]
    async fn a_port_in_use_tells_the_way_out() {
        let first = Listener::bind("127.0.0.1:0").unwrap();
        let error = Listener::bind(&first.address()).unwrap_err();
        assert!(error.contains("already in use") && error.ends_with("or choose another address"), "{error}");
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        let address = format!("unix:{}", path.display());
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let listener = Listener::bind(&address).unwrap();
        assert_eq!(listener.address(), address);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        assert!(Listener::bind(&address).unwrap_err().contains("another program listens"));
        drop(listener);
        assert!(!path.exists());
    }
}
