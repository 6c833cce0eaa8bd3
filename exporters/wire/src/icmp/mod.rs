//! ICMP echo: one socket shared by every ping that leaves the same way, stamped by the kernel, without privileges where
//! the machine allows it.
//!
//! | file | what |
//! |---|---|
//! | `packet` | an echo message's bytes |
//! | `socket` | a ping socket, or a raw one that hears nothing but its own replies |
//! | `receive` | what the kernel hands over: replies with stamps, and routers' complaints |
//! | `channel` | a socket, the task that reads it, and who waits for what |
//! | `error` | why there is no reply |
//!
//! Three rules keep a reply honest. A sequence number is not used again while somebody waits for it. The payload begins
//! with a cookie that only this echo carries, so that a late reply to an older one never answers a newer. And the
//! identifier changes, with the socket, every ten minutes and soon after a loss: a firewall or NAT that has pinned a
//! broken path to an identifier would otherwise keep a healthy target down until the process restarts.

mod channel;
mod error;
mod packet;
mod receive;
mod socket;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use error::{IcmpError, IcmpReason};

use channel::{Channel, Failed};
use socket::Route;

use crate::egress::Egress;
use crate::stopwatch::Phase;

/// How many ways out are kept open at once; the one that was used longest ago makes room.
const CHANNELS: usize = 16;
/// A younger socket than this is not to blame for a send that fails: with the network gone, thousands of echoes do not
/// open a socket each.
const SETTLED: Duration = Duration::from_millis(100);
/// The payload of `ping(8)` without a header of its own, and of the peer: hosts that drop empty echoes answer it.
pub const DEFAULT_PAYLOAD: usize = 28;

/// One echo to send.
#[derive(Clone, Copy, Debug)]
pub struct Echo<'a> {
    /// Whom to ask.
    pub target: IpAddr,
    /// Bytes after the ICMP header; at most 65507, over IPv6 65527. From 8 on they hold the whole cookie.
    pub payload_size: usize,
    /// The time to live (hop limit) to send with; `None` or zero is the machine's default.
    pub ttl: Option<u8>,
    /// Whether neither this machine nor a router may cut the packet up.
    pub dont_fragment: bool,
    /// The way out.
    pub egress: &'a Egress,
    /// When to stop waiting.
    pub deadline: Instant,
}

/// An answered echo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// From the request handed to the kernel to the reply received; see [`Clock`].
    pub rtt: Duration,
    /// What it took to have a socket: nearly nothing when one is shared.
    pub setup: Duration,
    /// Who answered; the target, save for a broadcast, multicast or unspecified one.
    pub source: IpAddr,
    /// The reply's time to live (IPv6: hop limit), if the kernel told.
    pub hop_limit: Option<u8>,
    /// Bytes after the reply's ICMP header.
    pub payload_size: usize,
    /// Which clock stopped `rtt`.
    pub clock: Clock,
}

/// Which clock stopped a round trip. It is started by this process, just before the system call that sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Clock {
    /// The kernel's, as the reply came in: a busy process adds nothing.
    KernelReceive,
    /// This process's, as it read the reply: no stamp came, or the machine's clock was set in that very moment.
    User,
}

impl Clock {
    /// A word for a label.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Clock::KernelReceive => "kernel_rx",
            Clock::User => "user",
        }
    }
}

/// Sends echoes and waits for their replies; any number at once, over few sockets. Share one in a process.
///
/// Sockets are opened when they are needed, on the runtime of whoever needs them, and again after an error, a change of
/// interfaces, or the end of that runtime.
#[derive(Debug, Default)]
pub struct Pinger {
    /// The last one was used last.
    channels: Mutex<Vec<Arc<Channel>>>,
}

impl Pinger {
    /// A pinger with no socket open.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens and closes a socket, to tell at start whether echoes can be sent at all.
    ///
    /// # Errors
    /// As [`Pinger::ping`]; [`IcmpReason::Permission`] says how to grant what is missing.
    pub fn check(&self, target: IpAddr, egress: &Egress) -> Result<Transport, IcmpError> {
        let echo = Echo {
            target,
            payload_size: 0,
            ttl: None,
            dont_fragment: false,
            egress,
            deadline: Instant::now(),
        };
        let opened = socket::open(&Route::of(&echo), target, 0)?;
        Ok(if opened.raw { Transport::Raw } else { Transport::PingSocket })
    }

    /// Sends an echo and waits for its reply until `echo.deadline`.
    ///
    /// Must be called on a tokio runtime with I/O and time enabled.
    ///
    /// # Errors
    /// [`IcmpError`] with the reason and the [`Phase`] in which it stopped: [`Phase::Setup`] or [`Phase::Rtt`].
    pub async fn ping(&self, echo: &Echo<'_>) -> Result<Reply, IcmpError> {
        // An address of IPv4 in the clothes of IPv6 leaves as what it is.
        let echo = &Echo { target: echo.target.to_canonical(), ..*echo };
        let began = Instant::now();
        let channel = self.channel(echo)?;
        let setup = began.elapsed();
        match channel.echo(echo, setup).await {
            Ok(reply) => Ok(reply),
            Err(Failed::Socket(_)) if channel.age(Instant::now()) >= SETTLED => {
                // The socket may be what is stale: its interface was made anew, its source address moved.
                self.forget(&channel);
                self.channel(echo)?.echo(echo, setup).await.map_err(Failed::into_error)
            }
            Err(error) => Err(error.into_error()),
        }
    }

    /// The shared socket for this way out, opened if need be.
    fn channel(&self, echo: &Echo<'_>) -> Result<Arc<Channel>, IcmpError> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = channels.iter().rposition(|channel| channel.route().serves(echo)) {
            if !channels[index].worn(Instant::now()) {
                channels[index..].rotate_left(1);
                return Ok(channels[channels.len() - 1].clone());
            }
            // Whoever still waits on it holds it; it closes with the last of them.
            channels.remove(index);
        }
        // Under the lock, so that a crowd which finds no socket opens one.
        let channel = Arc::new(Channel::open(Route::of(echo), echo.target)?);
        if channels.len() >= CHANNELS {
            channels.remove(0);
        }
        channels.push(channel.clone());
        Ok(channel)
    }

    fn forget(&self, channel: &Arc<Channel>) {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.retain(|other| !Arc::ptr_eq(other, channel));
    }
}

/// What kind of socket echoes go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// An unprivileged ping socket.
    PingSocket,
    /// A raw socket.
    Raw,
}

fn failed(reason: IcmpReason, phase: Phase, target: IpAddr, detail: impl Into<String>) -> IcmpError {
    IcmpError { reason, phase, target, detail: detail.into() }
}

/// See [`crate::fuzzing::icmp`].
pub(crate) fn fuzz(bytes: &[u8]) -> usize {
    let bare = packet::strip_header(bytes).unwrap_or_default();
    let readings = [(true, bytes), (false, bytes), (true, bare)].into_iter().flat_map(|(ipv4, bytes)| {
        [packet::Message::reply(ipv4, bytes), packet::Message::request(ipv4, bytes)]
    });
    readings.flatten().filter(|message| message.carries(*b"a cookie")).count()
}

#[cfg(test)]
mod tests;
