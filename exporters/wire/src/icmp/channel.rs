//! A socket, the task that reads it, and who waits for what.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use nix::errno::Errno;
use socket2::Socket;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::error::{IcmpError, IcmpReason, complaint};
use super::packet::{COOKIE, HEADER, MOST, Message, strip_header, write_request};
use super::receive::{Complaint, Datagram, Receiver};
use super::socket::{self, Route, answers_for};
use super::{Clock, Echo, Reply, failed};
use crate::stopwatch::Phase;

/// The age at which a socket makes room for one with another identifier.
const OLD: Duration = Duration::from_secs(600);
/// The same for one that has seen a loss.
const OLD_AFTER_LOSS: Duration = Duration::from_secs(10);
/// How often a send is tried again over errors that belong to other targets of the same socket.
const SENDS: usize = 4;
/// Errors in a row, with neither a datagram nor silence between them, after which a socket is given up.
const PATIENCE: usize = 1024;

/// A shared socket. Dropping the last handle ends its reader and closes it.
#[derive(Debug)]
pub(super) struct Channel {
    shared: Arc<Shared>,
    reader: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    socket: AsyncFd<Socket>,
    route: Route,
    raw: bool,
    identifier: u16,
    opened: Instant,
    /// Makes cookies that nobody can foretell.
    secret: RandomState,
    echoes: AtomicU64,
    lost: AtomicBool,
    /// Cleared when the reader has ended: nobody would be answered any more.
    alive: AtomicBool,
    /// The largest datagram that may come in.
    largest: AtomicUsize,
    pending: Mutex<Pending>,
}

#[derive(Debug, Default)]
struct Pending {
    waiting: HashMap<u16, Waiter>,
    next: u16,
}

/// Somebody who waits for a reply.
#[derive(Debug)]
struct Waiter {
    target: IpAddr,
    cookie: [u8; COOKIE],
    sent: Instant,
    answer: oneshot::Sender<Answer>,
}

#[derive(Debug)]
enum Answer {
    Reply { rtt: Duration, source: IpAddr, hop_limit: Option<u8>, payload_size: usize, clock: Clock },
    Unreachable(String),
}

/// Why an echo has no reply, and what that says of the socket.
#[derive(Debug)]
pub(super) enum Failed {
    /// It is the network's or the caller's doing.
    Final(IcmpError),
    /// It may be the socket's: one opened now might do better.
    Socket(IcmpError),
}

impl Failed {
    pub(super) fn into_error(self) -> IcmpError {
        match self {
            Failed::Final(error) | Failed::Socket(error) => error,
        }
    }
}

impl Channel {
    /// Opens a socket and starts its reader on the current runtime.
    pub(super) fn open(route: Route, target: IpAddr) -> Result<Self, IcmpError> {
        let fail = |detail: String| failed(IcmpReason::Error, Phase::Setup, target, detail);
        let runtime = tokio::runtime::Handle::try_current().map_err(|error| fail(error.to_string()))?;
        let secret = RandomState::new();
        let random = secret.hash_one("identifier and first sequence number").to_be_bytes();
        let identifier = u16::from_be_bytes([random[0], random[1]]);
        let opened = socket::open(&route, target, identifier)?;
        let socket = watch(opened.socket).map_err(|error| fail(format!("watch a socket: {error}")))?;
        let pending = Pending { next: u16::from_be_bytes([random[2], random[3]]), ..Pending::default() };
        let shared = Arc::new(Shared {
            socket,
            route,
            raw: opened.raw,
            identifier,
            opened: Instant::now(),
            secret,
            echoes: AtomicU64::new(0),
            lost: AtomicBool::new(false),
            alive: AtomicBool::new(true),
            largest: AtomicUsize::new(0),
            pending: Mutex::new(pending),
        });
        let reader = runtime.spawn(read(Ended(shared.clone()))).abort_handle();
        Ok(Self { shared, reader })
    }

    pub(super) fn route(&self) -> &Route {
        &self.shared.route
    }

    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.shared.opened)
    }

    /// Whether the next echo should have another socket.
    pub(super) fn worn(&self, now: Instant) -> bool {
        let enough = if self.shared.lost.load(Ordering::Relaxed) { OLD_AFTER_LOSS } else { OLD };
        self.age(now) >= enough || !self.shared.alive.load(Ordering::Acquire)
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.shared.pending().waiting.len()
    }

    #[cfg(test)]
    pub(super) fn saw_a_loss(&self) {
        self.shared.lost.store(true, Ordering::Relaxed);
    }

    /// Sends an echo and waits for its reply.
    pub(super) async fn echo(&self, echo: &Echo<'_>, setup: Duration) -> Result<Reply, Failed> {
        let fail = |reason, detail: String| failed(reason, Phase::Rtt, echo.target, detail);
        let shared = &*self.shared;
        let most = MOST[usize::from(echo.target.is_ipv6())];
        if echo.payload_size > most {
            let detail =
                format!("a payload of {} bytes is more than the {most} a packet holds", echo.payload_size);
            return Err(Failed::Final(fail(IcmpReason::Error, detail)));
        }
        // Room for the headers of either version, with IPv4's options.
        shared.largest.fetch_max(echo.payload_size + HEADER + 60, Ordering::Relaxed);
        let deadline = tokio::time::Instant::from_std(echo.deadline);
        let began = Instant::now();

        let (answer, ticket) = shared.enlist(echo.target).ok_or_else(|| {
            Failed::Final(fail(IcmpReason::Error, "65536 echoes wait for a reply already".to_owned()))
        })?;
        loop {
            match shared.send(echo, &ticket) {
                Ok(()) => break,
                // The interface's queue is full; it drains by itself.
                Err(Errno::EAGAIN | Errno::ENOBUFS) if Instant::now() < echo.deadline => {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Err(errno) => return Err(send_failed(echo, errno)),
            }
        }
        match tokio::time::timeout_at(deadline, answer).await {
            Ok(Ok(Answer::Reply { rtt, source, hop_limit, payload_size, clock })) => {
                Ok(Reply { rtt, setup, source, hop_limit, payload_size, clock })
            }
            Ok(Ok(Answer::Unreachable(detail))) => Err(Failed::Final(fail(IcmpReason::Unreachable, detail))),
            Ok(Err(_)) => Err(Failed::Socket(fail(IcmpReason::Error, "the socket was lost".to_owned()))),
            Err(_) => {
                shared.lost.store(true, Ordering::Relaxed);
                let waited = echo.deadline.saturating_duration_since(began).as_millis();
                Err(Failed::Final(fail(IcmpReason::Timeout, format!("no reply within {waited} ms"))))
            }
        }
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// A place among those who wait; leaving it, in whatever way, frees its sequence number.
struct Ticket<'a> {
    shared: &'a Shared,
    sequence: u16,
    cookie: [u8; COOKIE],
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut pending = self.shared.pending();
        // A reply takes its waiter away, and the number may be another's by now.
        if pending.waiting.get(&self.sequence).is_some_and(|waiter| waiter.cookie == self.cookie) {
            pending.waiting.remove(&self.sequence);
        }
    }
}

impl Shared {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next free sequence number; `None` when all of them are waited for.
    fn enlist(&self, target: IpAddr) -> Option<(oneshot::Receiver<Answer>, Ticket<'_>)> {
        let cookie = self.secret.hash_one(self.echoes.fetch_add(1, Ordering::Relaxed)).to_be_bytes();
        let (sender, receiver) = oneshot::channel();
        let mut pending = self.pending();
        if pending.waiting.len() > usize::from(u16::MAX) {
            return None;
        }
        while pending.waiting.contains_key(&pending.next) {
            pending.next = pending.next.wrapping_add(1);
        }
        let sequence = pending.next;
        pending.next = sequence.wrapping_add(1);
        pending.waiting.insert(sequence, Waiter { target, cookie, sent: Instant::now(), answer: sender });
        drop(pending);
        Some((receiver, Ticket { shared: self, sequence, cookie }))
    }

    /// Hands the packet to the kernel. The clock starts when it is written, just before the system call.
    fn send(&self, echo: &Echo<'_>, ticket: &Ticket<'_>) -> Result<(), Errno> {
        let length = HEADER + echo.payload_size;
        let mut small = [0; 128];
        let mut large = Vec::new();
        let packet = if let Some(small) = small.get_mut(..length) {
            small
        } else {
            large.resize(length, 0);
            &mut large[..]
        };
        write_request(packet, self.route.ipv4, self.identifier, ticket.sequence, ticket.cookie);
        let addr = SocketAddr::new(echo.target, 0).into();
        let mut last = Errno::UnknownErrno;
        for _ in 0..SENDS {
            if let Some(waiter) = self.pending().waiting.get_mut(&ticket.sequence) {
                waiter.sent = Instant::now();
            }
            match self.socket.get_ref().send_to(packet, &addr) {
                Ok(_) => return Ok(()),
                Err(error) => last = errno(&error),
            }
            // A complaint about another target is the socket's pending error and comes out of whatever call is next.
            // Reading the error queue clears it; an error that stays is our own.
            if !matches!(last, Errno::EHOSTUNREACH | Errno::ENETUNREACH | Errno::ECONNREFUSED)
                && !matches!(
                    last,
                    Errno::EPROTO | Errno::EACCES | Errno::EMSGSIZE | Errno::ENOPROTOOPT | Errno::EINTR
                )
                && !matches!(last, Errno::ENETDOWN | Errno::EHOSTDOWN | Errno::ENONET | Errno::EOPNOTSUPP)
            {
                break;
            }
            self.drain(&mut Receiver::new());
        }
        Err(last)
    }

    /// Reads the error queue to its end.
    fn drain(&self, receiver: &mut Receiver) {
        loop {
            match receiver.complaint(self.socket.get_ref()) {
                Ok(Some(complaint)) => self.complained(&complaint),
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn arrived(&self, datagram: &Datagram<'_>) {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let ipv4 = self.route.ipv4;
        let bytes = if self.raw && ipv4 { strip_header(datagram.bytes) } else { Some(datagram.bytes) };
        let Some(message) = bytes.and_then(|bytes| Message::reply(ipv4, bytes)) else { return };
        let Some(waiter) = self.claim(&message, |target| answers_for(target, datagram.source)) else {
            return;
        };
        let elapsed = now.saturating_duration_since(waiter.sent);
        // The kernel's stamp is of the wall clock, which may be set at any moment. It only tells how long the reply has
        // lain here; the round trip itself is by the clock that is never set.
        let lag =
            datagram.stamp.and_then(|stamp| wall.duration_since(stamp).ok()).filter(|lag| *lag <= elapsed);
        let (rtt, clock) = match lag {
            Some(lag) => (elapsed - lag, Clock::KernelReceive),
            None => (elapsed, Clock::User),
        };
        let answer = Answer::Reply {
            rtt,
            source: datagram.source,
            hop_limit: datagram.hop_limit,
            payload_size: message.payload.len(),
            clock,
        };
        // Whoever waited may have gone this moment.
        let _ = waiter.answer.send(answer);
    }

    fn complained(&self, about: &Complaint<'_>) {
        let Some(message) = Message::request(self.route.ipv4, about.quoted) else { return };
        let Some(waiter) = self.claim(&message, |target| target == about.target) else {
            return;
        };
        let mut detail = complaint(self.route.ipv4, about.kind, about.code).to_owned();
        if about.info > 0 {
            detail.push_str(&format!(" of at most {} bytes", about.info));
        }
        if let Some(offender) = about.offender {
            detail.push_str(&format!(", says {offender}"));
        }
        let _ = waiter.answer.send(Answer::Unreachable(detail));
    }

    /// Takes away whoever waits for `message`, and nobody for a foreign one.
    fn claim(&self, message: &Message<'_>, from: impl FnOnce(IpAddr) -> bool) -> Option<Waiter> {
        // On a ping socket the identifier is the kernel's, and the kernel has sorted by it.
        if self.raw && message.identifier != self.identifier {
            return None;
        }
        let mut pending = self.pending();
        let waiter = pending.waiting.get(&message.sequence)?;
        if !message.carries(waiter.cookie) || !from(waiter.target) {
            return None;
        }
        pending.waiting.remove(&message.sequence)
    }
}

/// Held by the reader: when it ends, be it with its runtime, nobody is left to wait for nothing.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.alive.store(false, Ordering::Release);
        self.0.pending().waiting.clear();
    }
}

/// Registers a socket with the runtime, for what comes in and for complaints.
#[expect(
    deprecated,
    reason = "its successor is unsafe for the sake of types that lie about their descriptor; a Socket owns its own"
)]
fn watch(socket: Socket) -> io::Result<AsyncFd<Socket>> {
    AsyncFd::with_interest(socket, Interest::READABLE | Interest::ERROR)
}

async fn read(ended: Ended) {
    let shared = &*ended.0;
    let mut receiver = Receiver::new();
    let mut errors = 0;
    while errors < PATIENCE {
        let Ok(mut ready) = shared.socket.ready(Interest::READABLE | Interest::ERROR).await else { return };
        let mut troubled = ready.ready().is_error();
        receiver.reserve(shared.largest.load(Ordering::Relaxed));
        while errors < PATIENCE {
            match receiver.datagram(shared.socket.get_ref()) {
                Ok(Some(datagram)) => {
                    errors = 0;
                    shared.arrived(&datagram);
                }
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    errors = 0;
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The pending error of a complaint, which is on the queue as well.
                Err(_) => {
                    errors += 1;
                    troubled = true;
                    shared.drain(&mut receiver);
                }
            }
        }
        if troubled {
            shared.drain(&mut receiver);
        }
        ready.clear_ready();
    }
    tracing::debug!(errors, "an icmp socket keeps failing: it is given up for another");
}

fn errno(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw)
}

fn send_failed(echo: &Echo<'_>, errno: Errno) -> Failed {
    let fail = |reason, detail: String| failed(reason, Phase::Rtt, echo.target, detail);
    let said = errno.desc().to_lowercase();
    match errno {
        Errno::EMSGSIZE => {
            let detail = format!("packet too big for the path, with {} bytes of payload", echo.payload_size);
            Failed::Final(fail(IcmpReason::Unreachable, detail))
        }
        Errno::EPERM | Errno::EACCES => {
            let detail = "a local firewall or route forbids it, or it is a broadcast address".to_owned();
            Failed::Final(fail(IcmpReason::Unreachable, detail))
        }
        Errno::EAGAIN | Errno::ENOBUFS => Failed::Final(fail(
            IcmpReason::Timeout,
            "the way out was congested until the deadline".to_owned(),
        )),
        Errno::ENETUNREACH | Errno::EHOSTUNREACH | Errno::ENETDOWN | Errno::EHOSTDOWN
            if echo.egress.is_default() =>
        {
            Failed::Final(fail(IcmpReason::Unreachable, said))
        }
        Errno::ENETUNREACH
        | Errno::EHOSTUNREACH
        | Errno::ENETDOWN
        | Errno::EHOSTDOWN
        | Errno::ENODEV
        | Errno::ENXIO
        | Errno::EADDRNOTAVAIL => Failed::Socket(fail(IcmpReason::Unreachable, said)),
        _ => Failed::Socket(fail(IcmpReason::Error, format!("send: {said}"))),
    }
}
