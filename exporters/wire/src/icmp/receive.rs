//! What the kernel hands over: replies with the time they came in, and complaints from the error queue.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;
use std::time::{Duration, SystemTime};

use nix::cmsg_space;
use nix::libc;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, RecvMsg, SockaddrStorage, recvmsg};
use nix::sys::time::TimeSpec;
use socket2::Socket;

/// The kernel's marks for where an error on the queue comes from (linux/errqueue.h): an ICMP message of either version.
const ORIGINS: [u8; 2] = [2, 3];

/// Buffers that are used for every datagram of a socket.
#[derive(Debug)]
pub(super) struct Receiver {
    buffer: Vec<u8>,
    control: Vec<u8>,
}

/// A datagram that came in.
#[derive(Debug)]
pub(super) struct Datagram<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) source: IpAddr,
    pub(super) hop_limit: Option<u8>,
    pub(super) stamp: Option<SystemTime>,
}

/// A complaint about a datagram of ours.
#[derive(Debug)]
pub(super) struct Complaint<'a> {
    /// What of our datagram the complaint quotes, from the ICMP header on.
    pub(super) quoted: &'a [u8],
    /// Whom our datagram was for.
    pub(super) target: IpAddr,
    /// Who complains.
    pub(super) offender: Option<IpAddr>,
    pub(super) kind: u8,
    pub(super) code: u8,
    /// The path's size of a packet, where that is the complaint; else zero.
    pub(super) info: u32,
}

impl Receiver {
    pub(super) fn new() -> Self {
        Self {
            buffer: vec![0; 512],
            control: cmsg_space!(TimeSpec, libc::c_int, libc::sock_extended_err, libc::sockaddr_in6),
        }
    }

    /// Makes room for datagrams of `size` bytes.
    pub(super) fn reserve(&mut self, size: usize) {
        if self.buffer.len() < size {
            self.buffer.resize(size, 0);
        }
    }

    /// The next datagram; `None` for one of no known sender.
    ///
    /// # Errors
    /// `WouldBlock` when there is none; else the socket's pending error, which is cleared by that.
    pub(super) fn datagram(&mut self, socket: &Socket) -> io::Result<Option<Datagram<'_>>> {
        let mut parts = [IoSliceMut::new(&mut self.buffer)];
        let message: RecvMsg<'_, '_, SockaddrStorage> =
            recvmsg(socket.as_raw_fd(), &mut parts, Some(&mut self.control), MsgFlags::empty())?;
        let (mut hop_limit, mut stamp) = (None, None);
        for control in message.cmsgs()? {
            match control {
                ControlMessageOwned::ScmTimestampns(time) => stamp = moment(time),
                ControlMessageOwned::Ipv4Ttl(hops) | ControlMessageOwned::Ipv6HopLimit(hops) => {
                    hop_limit = u8::try_from(hops).ok();
                }
                _ => {}
            }
        }
        let (length, source) = (message.bytes, message.address.as_ref().and_then(address));
        Ok(source.map(|source| Datagram { bytes: &self.buffer[..length], source, hop_limit, stamp }))
    }

    /// The next complaint; `None` for something else on the error queue.
    ///
    /// # Errors
    /// `WouldBlock` when the queue is empty.
    pub(super) fn complaint(&mut self, socket: &Socket) -> io::Result<Option<Complaint<'_>>> {
        let mut parts = [IoSliceMut::new(&mut self.buffer)];
        let message: RecvMsg<'_, '_, SockaddrStorage> =
            recvmsg(socket.as_raw_fd(), &mut parts, Some(&mut self.control), MsgFlags::MSG_ERRQUEUE)?;
        let mut found = None;
        for control in message.cmsgs()? {
            match control {
                ControlMessageOwned::Ipv4RecvErr(error, offender) => {
                    let offender =
                        offender.map(|by| IpAddr::V4(Ipv4Addr::from(u32::from_be(by.sin_addr.s_addr))));
                    found = Some((error, offender));
                }
                ControlMessageOwned::Ipv6RecvErr(error, offender) => {
                    let offender = offender.map(|by| IpAddr::V6(Ipv6Addr::from(by.sin6_addr.s6_addr)));
                    found = Some((error, offender));
                }
                _ => {}
            }
        }
        let (length, target) = (message.bytes, message.address.as_ref().and_then(address));
        let Some((((error, offender), target), true)) =
            found.zip(target).map(|found| (found, ORIGINS.contains(&found.0.0.ee_origin)))
        else {
            return Ok(None);
        };
        Ok(Some(Complaint {
            quoted: &self.buffer[..length],
            target,
            offender: offender.filter(|by| !by.is_unspecified()),
            kind: error.ee_type,
            code: error.ee_code,
            info: error.ee_info,
        }))
    }
}

fn address(storage: &SockaddrStorage) -> Option<IpAddr> {
    let four = storage.as_sockaddr_in().map(|four| IpAddr::V4(four.ip()));
    four.or_else(|| storage.as_sockaddr_in6().map(|six| IpAddr::V6(six.ip())))
}

fn moment(time: TimeSpec) -> Option<SystemTime> {
    let seconds = u64::try_from(time.tv_sec()).ok()?;
    let nanoseconds = u32::try_from(time.tv_nsec()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds))
}
