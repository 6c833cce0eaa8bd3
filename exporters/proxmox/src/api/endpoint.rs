//! An endpoint: where it is, the connections that are kept, and whether it could be connected to.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kit::allow::AllowList;
use tokio::net::TcpStream;
use wire::http::{Connection, Protocol};
use wire::tls::{Alpn, Client, Proof, TlsStream};
use wire::{Egress, Preference, Resolver, dial};

use super::failure::{Failure, Reason};
use super::pins::{self, Pins};

/// A connection to pveproxy.
pub(super) type Line = Connection<TlsStream<TcpStream>>;

/// pveproxy closes a connection after 5 s of silence: those that are nearly as old are not tried.
const FRESH: Duration = Duration::from_secs(4);
/// pveproxy closes a connection after 100 requests.
const MOST_USES: u32 = 95;
/// So many connections are kept.
const MOST_KEPT: usize = 4;
/// Addresses of a name that are tried.
const MOST_ADDRESSES: usize = 4;
/// How long one address has to accept a connection and make the handshake, when there are others to try.
const PATIENCE: Duration = Duration::from_secs(3);

/// How an endpoint is trusted.
#[derive(Debug)]
pub enum Trust {
    /// By an authority's certificates, or not at all: the client knows.
    Client,
    /// By its certificate's fingerprint.
    Pins(Pins),
}

/// What makes connections.
#[derive(Debug)]
pub struct Tools {
    /// Names to addresses.
    pub resolver: std::sync::Arc<Resolver>,
    /// Makes the handshakes.
    pub tls: Client,
    /// What a certificate is held against.
    pub trust: Trust,
    /// What may be connected to, where a request named the host.
    pub allow: Option<AllowList>,
}

/// One of a cluster's nodes, or what stands before them.
#[derive(Debug)]
pub struct Endpoint {
    /// Host name or address, an IPv6 one without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    kept: Mutex<Vec<Kept>>,
    state: Mutex<Option<Result<(), Failure>>>,
}

#[derive(Debug)]
struct Kept {
    line: Line,
    since: Instant,
    uses: u32,
}

/// A connection that is being used.
#[derive(Debug)]
pub(super) struct Used {
    pub(super) line: Line,
    pub(super) uses: u32,
}

/// `host:port` as it stands in a URL.
#[must_use]
pub fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

impl Endpoint {
    /// An endpoint that was not tried yet.
    #[must_use]
    pub fn new(host: String, port: u16) -> Self {
        Self { host, port, kept: Mutex::default(), state: Mutex::default() }
    }

    /// `host:port` as it stands in a URL.
    #[must_use]
    pub fn authority(&self) -> String {
        authority(&self.host, self.port)
    }

    /// How the last attempt to connect ended; `None` when there was none.
    #[must_use]
    pub fn state(&self) -> Option<Result<(), Failure>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_down(&self) -> bool {
        matches!(*self.state.lock().unwrap_or_else(PoisonError::into_inner), Some(Err(_)))
    }

    pub(super) fn note(&self, state: Result<(), Failure>) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
    }

    /// A kept connection, the last used first.
    pub(super) fn take(&self) -> Option<Used> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|kept| kept.since.elapsed() < FRESH);
        kept.pop().map(|kept| Used { line: kept.line, uses: kept.uses })
    }

    /// Keeps a connection on which an answer was read to its end.
    pub(super) fn keep(&self, used: Used) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|kept| kept.since.elapsed() < FRESH);
        if used.uses < MOST_USES && kept.len() < MOST_KEPT {
            kept.push(Kept { line: used.line, since: Instant::now(), uses: used.uses });
        }
    }

    /// Makes a connection. `alone`: there is no other endpoint, so that it may take until the deadline.
    pub(super) async fn connect(
        &self,
        tools: &Tools,
        alone: bool,
        deadline: Instant,
    ) -> Result<Used, Failure> {
        let host = self.host.as_str();
        let limit = if alone { deadline } else { deadline.min(Instant::now() + PATIENCE) };
        let found =
            tokio::time::timeout_at(limit.into(), tools.resolver.lookup(host, Preference::default())).await;
        let found = match found {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return Err(Failure::new(Reason::Resolve, error.to_string())),
            Err(_) => {
                return Err(Failure::new(Reason::Resolve, format!("resolve {host}: no answer in time")));
            }
        };
        for ip in &found {
            // The very address that is dialled: a name is whoever owns it.
            if let Some(Err(refusal)) =
                tools.allow.as_ref().map(|allow| allow.check_addr(host, *ip, Some(self.port)))
            {
                return Err(Failure::new(Reason::Refused, refusal.detail));
            }
        }
        let mut last = Failure::new(Reason::Resolve, format!("resolve {host}: no address"));
        let count = found.len().min(MOST_ADDRESSES);
        for (index, ip) in found.into_iter().take(MOST_ADDRESSES).enumerate() {
            let addr = SocketAddr::new(ip, self.port);
            let limit = if index + 1 == count { limit } else { limit.min(Instant::now() + PATIENCE) };
            match self.shake(tools, addr, limit).await {
                Ok(line) => return Ok(Used { line, uses: 0 }),
                // The certificate would be the same at each address.
                Err(failure) if matches!(failure.reason, Reason::Untrusted | Reason::Fingerprint) => {
                    return Err(failure);
                }
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    async fn shake(&self, tools: &Tools, addr: SocketAddr, limit: Instant) -> Result<Line, Failure> {
        let stream = match tokio::time::timeout_at(limit.into(), dial::dial(addr, &Egress::default())).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(Failure::new(Reason::Connect, error.to_string())),
            Err(_) => {
                let error = dial::DialError::timed_out(addr);
                return Err(Failure::new(Reason::Connect, error.to_string()));
            }
        };
        let outcome = tools.tls.handshake_by(stream, &self.host, &Alpn::Http1, limit).await;
        let stream = outcome.stream.map_err(|error| {
            use wire::tls::Reason as Tls;
            let reason = match error.reason {
                Tls::CertExpired | Tls::CertNotYetValid | Tls::CertUntrusted | Tls::NameMismatch => {
                    Reason::Untrusted
                }
                Tls::Timeout => Reason::Connect,
                _ => Reason::Tls,
            };
            Failure::new(reason, format!("{}: {}", addr, error.detail))
        })?;
        if let Trust::Pins(known) = &tools.trust {
            let leaf = outcome.seen.leaf().map(|leaf| leaf.fingerprint);
            let proven = outcome.seen.proof == Proof::Valid;
            match leaf {
                Some(leaf) if proven && known.know(&leaf) => {}
                Some(leaf) => {
                    let detail = format!(
                        "{addr} shows the certificate {}, which is none of those that are pinned; if it was renewed, put \
                         its fingerprint into the configuration",
                        pins::shown(&leaf)
                    );
                    return Err(Failure::new(Reason::Fingerprint, detail));
                }
                None => {
                    return Err(Failure::new(
                        Reason::Tls,
                        format!("{addr} shows no certificate that can be read"),
                    ));
                }
            }
        }
        let line = Connection::open(stream, Protocol::Http1).await;
        line.map_err(|error| Failure::new(Reason::Closed, format!("{addr}: {error}")))
    }
}
