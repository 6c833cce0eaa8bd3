//! Which way packets leave the machine: source address, interface, firewall mark.

use std::io;
use std::net::{IpAddr, SocketAddr};

use nix::errno::Errno;
use socket2::{SockRef, Socket};

/// The way out for a socket. The default leaves everything to the routing table and costs no system call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Egress {
    /// The address to send from; it must be on this machine.
    pub source: Option<IpAddr>,
    /// The interface to send through, as `ip link` names it; survives a change of its address.
    pub interface: Option<String>,
    /// The firewall mark for policy routing; needs `CAP_NET_ADMIN`.
    pub mark: Option<u32>,
}

/// An [`Egress`] that this machine or this process cannot use.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub struct EgressError {
    /// What is missing and how to grant it.
    pub detail: String,
    /// Whether it is a matter of privileges; else the source or interface is not there.
    pub permission: bool,
    /// What the kernel said.
    #[source]
    pub source: io::Error,
}

impl Egress {
    /// Whether it asks for anything at all.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.source.is_none() && self.interface.is_none() && self.mark.is_none()
    }

    /// Applies it to a socket that is not bound yet and will send to `target`.
    ///
    /// # Errors
    /// If the source is of the other family or not on this machine, the interface is unknown, or a privilege is missing.
    pub fn apply(&self, socket: &Socket, target: IpAddr) -> Result<(), EgressError> {
        if let Some(mark) = self.mark {
            socket.set_mark(mark).map_err(|source| mark_error(mark, source))?;
        }
        if let Some(interface) = &self.interface {
            socket
                .bind_device(Some(interface.as_bytes()))
                .map_err(|source| interface_error(interface, source))?;
        }
        if let Some(address) = self.source {
            bind(socket, address, target).map_err(|source| source_error(address, target, source))?;
        }
        Ok(())
    }

    /// [`Egress::apply`] for a socket of another library.
    ///
    /// # Errors
    /// As [`Egress::apply`].
    pub fn apply_to(&self, socket: &impl std::os::fd::AsFd, target: IpAddr) -> Result<(), EgressError> {
        self.apply(&SockRef::from(socket), target)
    }
}

fn bind(socket: &Socket, address: IpAddr, target: IpAddr) -> io::Result<()> {
    if address.is_ipv4() != target.is_ipv4() {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    // The port is then chosen by connect, when the peer is known: otherwise every probe from this address would hold
    // one of 28,000 ports to itself for as long as its connection lingers. Where the option is unknown, bind works too.
    let _ = nix::sys::socket::setsockopt(socket, nix::sys::socket::sockopt::IpBindAddressNoPort, &true);
    socket.bind(&SocketAddr::new(address, 0).into())
}

fn mark_error(mark: u32, source: io::Error) -> EgressError {
    let permission = denied(&source);
    let detail = if permission {
        format!(
            "set mark {mark}: this needs CAP_NET_ADMIN: grant it (systemd: AmbientCapabilities=CAP_NET_ADMIN, docker: \
             --cap-add NET_ADMIN) or leave the mark out"
        )
    } else {
        format!("set mark {mark}: {source}")
    };
    EgressError { detail, permission, source }
}

fn interface_error(interface: &str, source: io::Error) -> EgressError {
    let permission = denied(&source);
    let detail = if source.raw_os_error() == Some(Errno::ENODEV as i32) {
        format!("send through {interface}: there is no interface of that name")
    } else if permission {
        format!(
            "send through {interface}: this kernel wants CAP_NET_RAW to bind to an interface (since 5.7 it does not)"
        )
    } else {
        format!("send through {interface}: {source}")
    };
    EgressError { detail, permission, source }
}

fn source_error(address: IpAddr, target: IpAddr, source: io::Error) -> EgressError {
    let detail = if address.is_ipv4() != target.is_ipv4() {
        let family = |ip: IpAddr| if ip.is_ipv4() { "IPv4" } else { "IPv6" };
        format!("send from {address}: it is {}, but {target} is {}", family(address), family(target))
    } else if source.kind() == io::ErrorKind::AddrNotAvailable {
        format!("send from {address}: no interface of this machine has that address")
    } else {
        format!("send from {address}: {source}")
    };
    EgressError { detail, permission: denied(&source), source }
}

fn denied(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::{Domain, Type};

    fn apply(egress: &Egress, target: &str) -> Result<Option<SocketAddr>, EgressError> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        egress.apply(&socket, target.parse().unwrap())?;
        Ok(socket.local_addr().unwrap().as_socket())
    }

    #[test]
    fn the_source_is_bound_without_a_port() {
        let egress = Egress { source: Some(IpAddr::from([127, 0, 0, 7])), ..Egress::default() };
        assert_eq!(apply(&egress, "127.0.0.1").unwrap().unwrap().to_string(), "127.0.0.7:0");
        assert!(!egress.is_default() && Egress::default().is_default());
    }

    #[test]
    fn what_is_missing_is_named() {
        let rows: &[(Egress, &str, &str)] = &[
            (
                Egress { source: Some("192.0.2.1".parse().unwrap()), ..Egress::default() },
                "127.0.0.1",
                "send from 192.0.2.1: no interface of this machine has that address",
            ),
            (
                Egress { source: Some("::1".parse().unwrap()), ..Egress::default() },
                "127.0.0.1",
                "send from ::1: it is IPv6, but 127.0.0.1 is IPv4",
            ),
            (
                Egress { interface: Some("nosuch0".into()), ..Egress::default() },
                "127.0.0.1",
                "send through nosuch0: there is no interface of that name",
            ),
        ];
        for (egress, target, want) in rows {
            assert_eq!(&apply(egress, target).unwrap_err().to_string(), want);
        }
    }

    #[test]
    fn a_missing_privilege_says_how_to_grant_it() {
        let error = mark_error(7, io::Error::from(io::ErrorKind::PermissionDenied));
        assert!(error.permission && error.detail.contains("AmbientCapabilities=CAP_NET_ADMIN"), "{error}");
    }

    #[test]
    fn an_interface_can_be_asked_for() {
        let egress = Egress { interface: Some("lo".into()), ..Egress::default() };
        apply(&egress, "127.0.0.1").unwrap();
    }
}
