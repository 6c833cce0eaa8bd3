//! The cluster's API: who asks, whom, and what came of it.
//!
//! | file | what |
//! |---|---|
//! | `endpoint` | where pveproxy listens; connections that are kept for as long as it keeps them |
//! | `access` | the token, or the ticket that a password buys |
//! | `pins` | certificates known by their fingerprint |
//! | `failover` | which endpoint is asked, and when another is |
//! | `exchange` | one request and its answer; what a refusal says |
//! | `body` | bounded, unpacked, opened |
//! | `value` | numbers, texts and lists as Perl writes them |
//! | `failure` | why a call failed, from a closed set |
//! | `tally` | calls counted, timed, as metrics |
//!
//! pveproxy speaks HTTP/1.1 alone, keeps a connection for 5 s and 100 requests, and closes it after every status of 400
//! and above. A call goes to the endpoint that served the last one; only what speaks of the endpoint itself (no connection,
//! no handshake, no answer) leads to the next. An answer never does: one sick node must not make all endpoints look sick.

pub mod access;
pub mod body;
pub mod endpoint;
mod exchange;
mod failover;
pub mod failure;
pub mod pins;
pub mod tally;
pub(crate) mod token;
pub mod value;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use access::{Access, Login, Ticket};
use endpoint::{Endpoint, Tools, Trust};
use exchange::{Answer, fill};
pub use failure::{Failure, REASONS, Reason};
use tally::Tally;

/// Who calls: each has its own number of calls at a time, so that a hanging disk does not keep a scrape waiting. pvedaemon
/// has 3 workers, which do one call at a time: all of them together stay few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// A scrape waits for it.
    Scrape,
    /// The nodes, once a minute.
    Node,
    /// What changes slowly and may take long.
    Slow,
}

/// Calls at a time, by lane.
const LANES: [usize; 3] = [4, 4, 2];

/// A GET.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The path below `/api2/json` with what differs in braces: `/nodes/{node}/qemu`. It is a metric's label as it stands.
    pub path: &'static str,
    /// What stands for the braces.
    pub fill: &'a [(&'static str, &'a str)],
    /// Who calls.
    pub lane: Lane,
    /// When the answer must be there.
    pub deadline: Instant,
}

/// One cluster's API.
#[derive(Debug)]
pub struct Api {
    access: Access,
    endpoints: Vec<Endpoint>,
    tools: Tools,
    tally: Tally,
    /// The endpoint that served last.
    current: AtomicUsize,
    lanes: [Semaphore; 3],
    /// Whether a certificate was seen that is not pinned.
    stranger: AtomicBool,
}

impl Api {
    /// An API that was not asked yet. `endpoints` has at least one.
    #[must_use]
    pub fn new(access: Access, endpoints: Vec<Endpoint>, tools: Tools) -> Self {
        Self {
            access,
            endpoints,
            tools,
            tally: Tally::default(),
            current: AtomicUsize::new(0),
            lanes: LANES.map(Semaphore::new),
            stranger: AtomicBool::new(false),
        }
    }

    /// Who asks.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Whom, in the order of the configuration.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The endpoint that served last.
    #[must_use]
    pub fn current(&self) -> Option<&Endpoint> {
        self.endpoints.get(self.current.load(Ordering::Relaxed))
    }

    /// The counters.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The pinned certificates, if trust is by pins.
    #[must_use]
    pub fn pins(&self) -> Option<&pins::Pins> {
        match &self.tools.trust {
            Trust::Pins(pins) => Some(pins),
            Trust::Client => None,
        }
    }

    /// Whether a certificate was seen that is not pinned, since this was last asked.
    pub fn met_a_stranger(&self) -> bool {
        self.stranger.swap(false, Ordering::Relaxed)
    }

    /// Whether there is an endpoint that could not be connected to when that was last tried.
    #[must_use]
    pub fn is_lame(&self) -> bool {
        self.endpoints.iter().any(Endpoint::is_down)
    }

    /// Asks, and reads what stands in `data`.
    ///
    /// # Errors
    /// Why there is no answer, or none that can be read.
    pub async fn get<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, Failure> {
        let began = Instant::now();
        let path = format!("/api2/json{}", fill(call.path, call.fill));
        let asked = tokio::time::timeout_at(call.deadline.into(), self.ask(&call, &path)).await;
        let result = match asked {
            Ok(answer) => answer.and_then(|answer| body::data(&answer.body)),
            Err(_) => {
                self.slow(&call);
                Err(Failure::new(
                    Reason::Timeout,
                    format!("no answer after {:.1} s", began.elapsed().as_secs_f64()),
                ))
            }
        };
        let result =
            result.map_err(|failure| Failure { detail: format!("{path}: {}", failure.detail), ..failure });
        self.tally.call(call.path, result.as_ref().err(), began.elapsed());
        result
    }

    async fn ask(&self, call: &Call<'_>, path: &str) -> Result<Answer, Failure> {
        let lane = self.lanes[call.lane as usize].acquire().await;
        let _turn = lane.map_err(|error| Failure::new(Reason::Internal, error.to_string()))?;
        let mut again = true;
        loop {
            let badge = self.access.badge(|login| self.login(login, call.deadline)).await?;
            match self.everywhere(call, path, Some(&badge), None).await {
                Err(failure) if again && failure.reason == Reason::Unauthorized => {
                    if !self.access.refused(&badge, &failure).await {
                        return Err(failure);
                    }
                    again = false;
                }
                answer => return answer,
            }
        }
    }

    async fn login(&self, login: Login, deadline: Instant) -> Result<Ticket, Failure> {
        let began = Instant::now();
        let call = Call { path: "/access/ticket", fill: &[], lane: Lane::Scrape, deadline };
        let answer = self.everywhere(&call, "/api2/json/access/ticket", None, Some(login.body)).await;
        let ticket = answer.and_then(|answer| body::data::<Ticket>(&answer.body)).and_then(|ticket| {
            let none = || Failure::new(Reason::Answer, "/access/ticket: there is no ticket in the answer");
            if ticket.is_there() { Ok(ticket) } else { Err(none()) }
        });
        self.tally.call(call.path, ticket.as_ref().err(), began.elapsed());
        ticket
    }
}

/// How long before a scrape's own deadline the calls end, so that what came can still be written.
#[must_use]
pub fn margin(left: Duration) -> Duration {
    (left / 20).min(Duration::from_millis(250))
}
