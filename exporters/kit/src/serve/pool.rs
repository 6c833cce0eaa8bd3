//! Which connections are open, and in what state. The limits live here: a connection that is slow in any state is
//! closed, and when there are too many, the one that has been idle for longest makes room. One look a second at a table
//! of a few hundred entries replaces a timer for each request.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

/// How long a connection may stay in each state, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the connection, or the end of its TLS handshake, to the first byte; and from the first byte of a request's
    /// head to the last.
    pub head: Duration,
    /// The TLS handshake.
    pub handshake: Duration,
    /// Between an answer and the next request. Above the usual scrape intervals, so that a scraper's connection lives.
    pub idle: Duration,
    /// Without progress while an answer is being sent.
    pub write: Duration,
    /// A request and its answer together, whatever else says: a safety net.
    pub request: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(5),
            handshake: Duration::from_secs(5),
            idle: Duration::from_secs(150),
            write: Duration::from_secs(30),
            request: Duration::from_secs(600),
        }
    }
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum State {
    /// In its TLS handshake.
    Handshake,
    /// Silent so far.
    Silent,
    /// Part of a request's head is here.
    Head,
    /// A request is being answered.
    Busy,
    /// The answer is being sent.
    Writing,
    /// Between two requests.
    Idle,
    /// Told to go.
    Closing,
}

impl State {
    const ALL: [State; 7] = [
        State::Handshake,
        State::Silent,
        State::Head,
        State::Busy,
        State::Writing,
        State::Idle,
        State::Closing,
    ];

    fn limit(self, limits: &Limits) -> Option<Duration> {
        match self {
            State::Handshake => Some(limits.handshake),
            State::Silent | State::Head => Some(limits.head),
            State::Busy => Some(limits.request),
            State::Writing => Some(limits.write),
            State::Idle => Some(limits.idle),
            State::Closing => None,
        }
    }
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Entry {
    id: u64,
    state: AtomicU8,
    /// Milliseconds since the pool's beginning.
    since: AtomicU64,
    /// Requests at the same time, of HTTP/2.
    streams: AtomicU32,
    begin: Instant,
    /// Told when the connection must go.
    pub(super) close: Notify,
}

impl Entry {
    fn state(&self) -> State {
        State::ALL[usize::from(self.state.load(Ordering::Relaxed)) % State::ALL.len()]
    }

    pub(super) fn enter(&self, state: State) {
        if self.state() != State::Closing {
            self.touch();
            self.state.store(state as u8, Ordering::Relaxed);
        }
    }

    fn touch(&self) {
        self.since.store(millis(self.begin.elapsed()), Ordering::Relaxed);
    }

    /// A request begins; HTTP/2 has several at a time.
    pub(super) fn request(self: &Arc<Self>, multiplexed: bool) -> Answering {
        self.streams.fetch_add(1, Ordering::Relaxed);
        self.enter(State::Busy);
        Answering { entry: Arc::clone(self), after: if multiplexed { State::Idle } else { State::Writing } }
    }

    fn dismiss(&self) {
        self.state.store(State::Closing as u8, Ordering::Relaxed);
        self.close.notify_one();
    }
}

/// A request that is being answered; dropped when its answer is there, or when nobody waits for it any more.
pub(super) struct Answering {
    entry: Arc<Entry>,
    after: State,
}

impl Drop for Answering {
    fn drop(&mut self) {
        if self.entry.streams.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.entry.enter(self.after);
        }
    }
}

/// All open connections.
#[derive(Debug)]
pub(super) struct Pool {
    limits: Limits,
    /// 0: no limit.
    most: usize,
    begin: Instant,
    open: Mutex<HashMap<u64, Arc<Entry>>>,
    next: AtomicU64,
    /// Connections closed to make room, and those closed for being slow.
    pub(super) evicted: AtomicUsize,
    pub(super) slow: AtomicUsize,
    /// Told when one has gone.
    freed: Notify,
    /// Told when the first has come.
    first: Notify,
}

/// A place in the pool, given back when dropped.
pub(super) struct Place {
    pub(super) entry: Arc<Entry>,
    pool: Arc<Pool>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.pool.table().remove(&self.entry.id);
        self.pool.freed.notify_one();
    }
}

impl Pool {
    pub(super) fn new(limits: Limits, most: usize) -> Arc<Self> {
        Arc::new(Self {
            limits,
            most,
            begin: Instant::now(),
            open: Mutex::default(),
            next: AtomicU64::new(0),
            evicted: AtomicUsize::new(0),
            slow: AtomicUsize::new(0),
            freed: Notify::new(),
            first: Notify::new(),
        })
    }

    fn table(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Entry>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are open.
    pub(super) fn len(&self) -> usize {
        self.table().len()
    }

    /// A place for a new connection. When all are taken, the connection that has been idle for longest is closed for it;
    /// when all are busy, waits.
    pub(super) async fn admit(self: &Arc<Self>) -> Place {
        loop {
            {
                let mut open = self.table();
                if self.most == 0 || open.len() < self.most {
                    if open.is_empty() {
                        self.first.notify_one();
                    }
                    let id = self.next.fetch_add(1, Ordering::Relaxed);
                    let entry = Arc::new(Entry {
                        id,
                        state: AtomicU8::new(State::Silent as u8),
                        since: AtomicU64::new(millis(self.begin.elapsed())),
                        streams: AtomicU32::new(0),
                        begin: self.begin,
                        close: Notify::new(),
                    });
                    open.insert(id, Arc::clone(&entry));
                    return Place { entry, pool: Arc::clone(self) };
                }
                let longest = open
                    .values()
                    .filter(|entry| !matches!(entry.state(), State::Busy | State::Writing | State::Closing))
                    .min_by_key(|entry| entry.since.load(Ordering::Relaxed));
                if let Some(entry) = longest {
                    entry.dismiss();
                    self.evicted.fetch_add(1, Ordering::Relaxed);
                }
            }
            // One that becomes idle tells nobody: look again soon.
            let _ = tokio::time::timeout(Duration::from_millis(50), self.freed.notified()).await;
        }
    }

    /// Closes what is slow, for ever. Sleeps while no connection is open.
    pub(super) async fn sweep(self: Arc<Self>) {
        let shortest =
            self.limits.head.min(self.limits.handshake).min(self.limits.idle).min(self.limits.write);
        let pause = (shortest / 5).clamp(Duration::from_millis(5), Duration::from_secs(1));
        loop {
            if self.len() == 0 {
                self.first.notified().await;
            }
            tokio::time::sleep(pause).await;
            let now = millis(self.begin.elapsed());
            for entry in self.table().values() {
                let age = now.saturating_sub(entry.since.load(Ordering::Relaxed));
                let state = entry.state();
                if state.limit(&self.limits).is_some_and(|limit| age >= millis(limit)) {
                    entry.dismiss();
                    // An idle connection that is closed is nobody's fault.
                    if state != State::Idle {
                        self.slow.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        }
    }

    /// Closes all, whatever they do.
    pub(super) fn close(&self) {
        self.table().values().for_each(|entry| entry.dismiss());
    }

    /// Closes those that wait for a request.
    pub(super) fn close_idle(&self) {
        for entry in self.table().values() {
            if !matches!(entry.state(), State::Busy | State::Writing) {
                entry.dismiss();
            }
        }
    }

    /// Completes when none is open.
    pub(super) async fn empty(&self) {
        while self.len() > 0 {
            let _ = tokio::time::timeout(Duration::from_millis(50), self.freed.notified()).await;
        }
    }
}

/// A connection whose reads and writes are noted in its entry. For HTTP/2 nothing is: its requests are.
pub(super) struct Noted<S> {
    pub(super) stream: S,
    pub(super) entry: Arc<Entry>,
    pub(super) multiplexed: bool,
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if !self.multiplexed
            && buffer.filled().len() > before
            && matches!(self.entry.state(), State::Silent | State::Idle)
        {
            self.entry.enter(State::Head);
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.wrote(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        // hyper flushes when all it had has been written: the answer is out.
        if matches!(result, Poll::Ready(Ok(()))) && self.entry.state() == State::Writing {
            self.entry.enter(State::Idle);
        }
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S> Noted<S> {
    fn wrote(&self, result: &Poll<io::Result<usize>>) {
        if matches!(result, Poll::Ready(Ok(1..))) && self.entry.state() == State::Writing {
            self.entry.touch();
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
