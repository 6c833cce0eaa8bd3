//! The socket: an unprivileged ping socket where the machine allows it, else a raw one.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};
use rustix::net::sockopt::{
    Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, set_ip_mtu_discover, set_ipv6_mtu_discover,
};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use super::error::{IcmpError, IcmpReason};
use super::{Echo, failed};
use crate::egress::Egress;
use crate::stopwatch::Phase;

/// What is set on a socket and therefore must be the same for every echo that shares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) ipv4: bool,
    ttl: Option<u8>,
    dont_fragment: bool,
    egress: Egress,
}

impl Route {
    pub(super) fn of(echo: &Echo<'_>) -> Self {
        Self {
            ipv4: echo.target.is_ipv4(),
            ttl: echo.ttl.filter(|ttl| *ttl > 0),
            dont_fragment: echo.dont_fragment,
            egress: echo.egress.clone(),
        }
    }

    /// Whether it is the way for `echo`.
    pub(super) fn serves(&self, echo: &Echo<'_>) -> bool {
        self.ipv4 == echo.target.is_ipv4()
            && self.ttl == echo.ttl.filter(|ttl| *ttl > 0)
            && self.dont_fragment == echo.dont_fragment
            && self.egress == *echo.egress
    }
}

/// An open socket.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) socket: Socket,
    /// Raw: our identifier stays, and IPv4's datagrams come with their header.
    pub(super) raw: bool,
}

/// Opens a socket for `route`. A raw one hears only replies to `identifier`; a ping socket's identifier is the kernel's.
pub(super) fn open(route: &Route, target: IpAddr, identifier: u16) -> Result<Opened, IcmpError> {
    let opened = create(route.ipv4).map_err(|error| refused(route.ipv4, target, &error))?;
    let fail = |error: io::Error| {
        failed(IcmpReason::Error, Phase::Setup, target, format!("prepare a socket: {error}"))
    };
    if opened.raw {
        opened.socket.attach_filter(&filter(route.ipv4, identifier)).map_err(fail)?;
    }
    if !route.egress.is_default() {
        route.egress.apply(&opened.socket, target).map_err(|error| {
            let reason = if error.permission { IcmpReason::Permission } else { IcmpReason::Unreachable };
            failed(reason, Phase::Setup, target, error.detail)
        })?;
    }
    configure(&opened.socket, route).map_err(fail)?;
    Ok(opened)
}

fn create(ipv4: bool) -> io::Result<Opened> {
    let (domain, protocol) =
        if ipv4 { (Domain::IPV4, Protocol::ICMPV4) } else { (Domain::IPV6, Protocol::ICMPV6) };
    match Socket::new(domain, Type::DGRAM.nonblocking(), Some(protocol)) {
        Ok(socket) => Ok(Opened { socket, raw: false }),
        Err(_) => Socket::new(domain, Type::RAW.nonblocking(), Some(protocol))
            .map(|socket| Opened { socket, raw: true }),
    }
}

fn configure(socket: &Socket, route: &Route) -> io::Result<()> {
    if route.ipv4 {
        setsockopt(socket, sockopt::Ipv4RecvTtl, &true)?;
        setsockopt(socket, sockopt::Ipv4RecvErr, &true)?;
        if let Some(ttl) = route.ttl {
            socket.set_ttl_v4(u32::from(ttl))?;
        }
        if route.dont_fragment {
            set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::DO)?;
        }
    } else {
        setsockopt(socket, sockopt::Ipv6RecvHopLimit, &true)?;
        setsockopt(socket, sockopt::Ipv6RecvErr, &true)?;
        if let Some(ttl) = route.ttl {
            socket.set_unicast_hops_v6(u32::from(ttl))?;
        }
        if route.dont_fragment {
            // Routers never cut IPv6 up; this keeps the machine itself from it.
            set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::DO)?;
            setsockopt(socket, sockopt::Ipv6DontFrag, &true)?;
        }
    }
    // Without a stamp the process's own clock will do; see `Clock`.
    let _ = setsockopt(socket, sockopt::ReceiveTimestampns, &true);
    // Room for a burst of thousands of replies; the kernel takes what its limit allows, and uses it only when it must.
    let _ = socket.set_recv_buffer_size(1 << 20);
    Ok(())
}

/// Lets in echo replies with our identifier, so that a raw socket, which the kernel shows every ICMP message of the
/// machine, never wakes us for another's. Classic BPF as in bpf(4); a raw IPv4 socket's filter begins at the IP header.
fn filter(ipv4: bool, identifier: u16) -> Vec<SockFilter> {
    const LOAD_HEADER_LENGTH: u16 = 0xb1; // ldx 4*([k]&0xf)
    const LOAD_BYTE: u16 = 0x30; // ldb [k]
    const LOAD_HALF: u16 = 0x28; // ldh [k]
    const BEYOND_HEADER: u16 = 0x20; // … [x + k], added to the two above
    const EQUAL: u16 = 0x15; // jeq #k, else skip
    const RETURN: u16 = 0x06; // ret #k
    let beyond = if ipv4 { BEYOND_HEADER } else { 0 };
    let reply = if ipv4 { 0 } else { 129 };
    let mut program = Vec::with_capacity(7);
    if ipv4 {
        program.push(SockFilter::new(LOAD_HEADER_LENGTH, 0, 0, 0));
    }
    program.extend([
        SockFilter::new(LOAD_BYTE + beyond, 0, 0, 0),
        SockFilter::new(EQUAL, 0, 3, reply),
        SockFilter::new(LOAD_HALF + beyond, 0, 0, 4),
        SockFilter::new(EQUAL, 0, 1, u32::from(identifier)),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
        SockFilter::new(RETURN, 0, 0, 0),
    ]);
    program
}

fn refused(ipv4: bool, target: IpAddr, error: &io::Error) -> IcmpError {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EPERM | Errno::EACCES) => failed(
            IcmpReason::Permission,
            Phase::Setup,
            target,
            "this process may open neither a ping socket nor a raw one: allow ping sockets with `sysctl -w \
             net.ipv4.ping_group_range=\"0 2147483647\"` (docker: --sysctl; it holds for IPv6 too), or grant CAP_NET_RAW \
             (systemd: AmbientCapabilities=CAP_NET_RAW, docker: --cap-add NET_RAW)",
        ),
        Some(Errno::EAFNOSUPPORT) => failed(
            IcmpReason::Unreachable,
            Phase::Setup,
            target,
            format!("this machine has no {}", if ipv4 { "IPv4" } else { "IPv6" }),
        ),
        Some(Errno::EMFILE | Errno::ENFILE) => {
            failed(IcmpReason::Error, Phase::Setup, target, "too many open files: raise LimitNOFILE")
        }
        _ => failed(IcmpReason::Error, Phase::Setup, target, format!("open a socket: {error}")),
    }
}

/// Whether any host may answer for `target`.
pub(super) fn answers_for(target: IpAddr, source: IpAddr) -> bool {
    target == source
        || target.is_unspecified()
        || target.is_multicast()
        || target == IpAddr::V4(Ipv4Addr::BROADCAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_privilege_says_how_to_grant_it() {
        let error = refused(true, IpAddr::from([192, 0, 2, 1]), &io::Error::from(Errno::EPERM));
        assert_eq!((error.reason.word(), error.phase), ("icmp_permission", Phase::Setup));
        for want in ["net.ipv4.ping_group_range", "CAP_NET_RAW", "ping 192.0.2.1: "] {
            assert!(error.to_string().contains(want), "{error}");
        }
    }

    #[test]
    fn a_route_serves_what_is_set_alike() {
        let egress = Egress::default();
        let echo = Echo {
            target: IpAddr::from([192, 0, 2, 1]),
            payload_size: 28,
            ttl: Some(0),
            dont_fragment: false,
            egress: &egress,
            deadline: std::time::Instant::now(),
        };
        let route = Route::of(&echo);
        let elsewhere = Egress { interface: Some("wan0".into()), ..Egress::default() };
        for (other, want) in [
            (Echo { target: IpAddr::from([192, 0, 2, 2]), ttl: None, payload_size: 9, ..echo }, true),
            (Echo { target: "::1".parse().unwrap(), ..echo }, false),
            (Echo { ttl: Some(3), ..echo }, false),
            (Echo { dont_fragment: true, ..echo }, false),
            (Echo { egress: &elsewhere, ..echo }, false),
        ] {
            assert_eq!(route.serves(&other), want, "{other:?}");
            assert_eq!(route == Route::of(&other), want, "{other:?}");
        }
    }
}
