//! A socket connected to an address, with as few system calls as it takes, and the reason when it could not be had.
//!
//! There is no deadline here: the caller holds one for the whole probe and drops the future when it has passed.

use std::io;
use std::net::SocketAddr;

use nix::errno::Errno;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

use crate::egress::{Egress, EgressError};

/// Why a connection could not be had; the words of a `reason` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DialReason {
    /// The target answered that nobody listens there.
    Refused,
    /// Nobody answered.
    Timeout,
    /// There is no way to the target: no route, or a router or the target's own kernel says so.
    Unreachable,
    /// Anything else, also an [`Egress`] that cannot be used.
    Error,
}

impl DialReason {
    /// The value of a `reason` label.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            DialReason::Refused => "connect_refused",
            DialReason::Timeout => "connect_timeout",
            DialReason::Unreachable => "connect_unreachable",
            DialReason::Error => "connect_error",
        }
    }

    /// The reason behind a socket's error, also one that comes later than the connection.
    #[must_use]
    pub fn of(error: &io::Error) -> Self {
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ECONNREFUSED) => DialReason::Refused,
            Some(Errno::ETIMEDOUT) => DialReason::Timeout,
            Some(
                Errno::ENETUNREACH | Errno::EHOSTUNREACH | Errno::EHOSTDOWN | Errno::ENETDOWN | Errno::ENONET,
            ) => DialReason::Unreachable,
            None if error.kind() == io::ErrorKind::TimedOut => DialReason::Timeout,
            _ => DialReason::Error,
        }
    }
}

/// A connection that could not be had.
#[derive(Debug, thiserror::Error)]
#[error("connect to {addr}: {detail}")]
pub struct DialError {
    /// Why.
    pub reason: DialReason,
    /// Where to.
    pub addr: SocketAddr,
    /// The cause in words.
    pub detail: String,
    /// What the kernel said.
    #[source]
    pub source: io::Error,
}

impl DialError {
    /// The error of a caller whose deadline passed while it dialled.
    #[must_use]
    pub fn timed_out(addr: SocketAddr) -> Self {
        let source = io::Error::from(io::ErrorKind::TimedOut);
        Self { reason: DialReason::Timeout, addr, detail: "no answer in time".to_owned(), source }
    }

    fn new(addr: SocketAddr, source: io::Error) -> Self {
        let detail = match source.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EADDRNOTAVAIL) => "no free local port, or no local address that fits".to_owned(),
            Some(Errno::EMFILE | Errno::ENFILE) => "too many open files: raise LimitNOFILE".to_owned(),
            Some(Errno::EACCES | Errno::EPERM) => "a local firewall forbids it".to_owned(),
            // The kernel's own words, in lower case and without the number.
            Some(errno) => errno.desc().to_lowercase(),
            None => source.to_string(),
        };
        Self { reason: DialReason::of(&source), addr, detail, source }
    }

    fn egress(addr: SocketAddr, error: EgressError) -> Self {
        Self { reason: DialReason::Error, addr, detail: error.detail, source: error.source }
    }
}

/// Connects over TCP, with Nagle's delay off.
///
/// # Errors
/// [`DialError`] with the reason.
pub async fn dial(addr: SocketAddr, egress: &Egress) -> Result<TcpStream, DialError> {
    let failed = |source| DialError::new(addr, source);
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(failed)?;
    if !egress.is_default() {
        egress.apply_to(&socket, addr.ip()).map_err(|error| DialError::egress(addr, error))?;
    }
    socket.set_nodelay(true).map_err(failed)?;
    socket.connect(addr).await.map_err(failed)
}

/// A UDP socket connected to `addr`: it hears nobody else, and a closed port shows as an error on it.
///
/// # Errors
/// [`DialError`] with the reason; nothing is sent yet.
pub fn dial_udp(addr: SocketAddr, egress: &Egress) -> Result<UdpSocket, DialError> {
    let failed = |source| DialError::new(addr, source);
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM.nonblocking(), Some(Protocol::UDP))
        .map_err(failed)?;
    if !egress.is_default() {
        egress.apply(&socket, addr.ip()).map_err(|error| DialError::egress(addr, error))?;
    }
    socket.connect(&addr.into()).map_err(failed)?;
    UdpSocket::from_std(socket.into()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_listener_is_reached_on_both_families_and_from_a_source() {
        for (listen, source) in [("127.0.0.1:0", Some("127.0.0.9")), ("127.0.0.1:0", None), ("[::1]:0", None)]
        {
            let listener = TcpListener::bind(listen).await.unwrap();
            let egress = Egress { source: source.map(|ip| ip.parse().unwrap()), ..Egress::default() };
            let stream = dial(listener.local_addr().unwrap(), &egress).await.unwrap();
            assert!(stream.nodelay().unwrap());
            let (_, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, stream.local_addr().unwrap());
            if let Some(source) = egress.source {
                assert_eq!(peer.ip(), source);
            }
        }
    }

    #[tokio::test]
    async fn a_closed_port_refuses() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        drop(listener);
        let error = dial(addr, &Egress::default()).await.unwrap_err();
        assert_eq!(error.reason.word(), "connect_refused");
        assert_eq!(error.to_string(), format!("connect to {addr}: connection refused"));
    }

    #[tokio::test]
    async fn an_egress_that_is_not_there_is_named() {
        let egress = Egress { source: Some(IpAddr::from([192, 0, 2, 9])), ..Egress::default() };
        let error = dial("127.0.0.1:9".parse().unwrap(), &egress).await.unwrap_err();
        assert_eq!(error.reason, DialReason::Error);
        assert!(error.to_string().contains("send from 192.0.2.9: no interface"), "{error}");
    }

    #[tokio::test]
    async fn udp_hears_its_peer_only_and_learns_of_a_closed_port() {
        let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let addr = peer.local_addr().unwrap();
        let socket = dial_udp(addr, &Egress::default()).unwrap();
        let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        stranger.send_to(b"stranger", socket.local_addr().unwrap()).await.unwrap();
        peer.send_to(b"peer", socket.local_addr().unwrap()).await.unwrap();
        let mut buffer = [0; 16];
        let length = socket.recv(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..length], b"peer");
        drop(peer);
        socket.send(b"anybody?").await.unwrap();
        let error = socket.recv(&mut buffer).await.unwrap_err();
        assert_eq!(DialReason::of(&error), DialReason::Refused);
    }

    #[test]
    fn reasons_follow_the_kernels_numbers() {
        for (errno, want) in [
            (Errno::ECONNREFUSED, "connect_refused"),
            (Errno::ETIMEDOUT, "connect_timeout"),
            (Errno::EHOSTUNREACH, "connect_unreachable"),
            (Errno::ENETUNREACH, "connect_unreachable"),
            (Errno::EADDRNOTAVAIL, "connect_error"),
            (Errno::EACCES, "connect_error"),
        ] {
            assert_eq!(DialReason::of(&io::Error::from(errno)).word(), want, "{errno}");
        }
        assert_eq!(DialError::timed_out("[::1]:80".parse().unwrap()).reason.word(), "connect_timeout");
    }
}
