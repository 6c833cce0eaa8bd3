//! Every address of a name, side by side.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use kit::{Failure, Trace};
use wire::resolve::literal;
use wire::tls::{Certificate, Chain, Seen};
use wire::{Family, Phase, Preference, ResolveError, Resolver, Stopwatch};

use super::versions::Accepted;
use super::way::Way;
use super::{Endpoint, asked, fail, handshake, refused};
use crate::config::module::Addresses;
use crate::module::{Module, Tools};

/// No more addresses of a name are looked at.
const MOST: usize = 16;

/// What a look at a target came to.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// How long it took to get the addresses.
    pub lookup: Duration,
    /// Why there are no addresses to look at.
    pub failure: Option<Failure>,
    /// One of each address, in the order of the addresses.
    pub sights: Vec<Sight>,
    /// Which versions it accepts, if that was asked.
    pub accepted: Option<Accepted>,
}

/// What an address showed.
#[derive(Clone, Debug)]
pub struct Sight {
    /// The address.
    pub ip: IpAddr,
    /// How long each phase took.
    pub watch: Stopwatch,
    /// What the handshake showed, also one that failed; `None` if it did not come to one.
    pub seen: Option<Seen>,
    /// What was read from the beginning of a handshake that rustls refuses to finish.
    pub cleartext: Option<Unproven>,
    /// What is wrong; `None` is success.
    pub failure: Option<Failure>,
}

/// What a server showed before anything was encrypted. Whether it holds the certificate's key is not known.
#[derive(Clone, Debug)]
pub struct Unproven {
    /// The version that it chose.
    pub version: &'static str,
    /// The cipher suite that it chose, by its name at IANA.
    pub cipher: String,
    /// Its certificates.
    pub chain: Arc<Chain>,
}

/// What showed certificates.
#[derive(Clone, Debug)]
pub enum Shown {
    /// A handshake.
    Handshake(Seen),
    /// Only the beginning of one.
    Cleartext(Arc<Chain>),
}

impl Shown {
    /// The certificates.
    #[must_use]
    pub fn chain(&self) -> Option<&Chain> {
        match self {
            Self::Handshake(seen) => seen.chain(),
            Self::Cleartext(chain) => Some(chain),
        }
    }

    /// The server's own.
    #[must_use]
    pub fn leaf(&self) -> Option<&Certificate> {
        self.chain()?.leaf()
    }
}

impl Sight {
    /// The server's own certificate, from wherever it was shown.
    #[must_use]
    pub fn leaf(&self) -> Option<&Certificate> {
        let handshake = self.seen.as_ref().and_then(Seen::leaf);
        handshake.or_else(|| self.cleartext.as_ref()?.chain.leaf())
    }

    /// What showed certificates, if anything did.
    #[must_use]
    pub fn shown(&self) -> Option<Shown> {
        match (&self.seen, &self.cleartext) {
            (Some(seen), _) if seen.chain().is_some() => Some(Shown::Handshake(seen.clone())),
            (_, Some(unproven)) => Some(Shown::Cleartext(Arc::clone(&unproven.chain))),
            _ => None,
        }
    }
}

impl Look {
    /// A look that came to nothing.
    #[must_use]
    pub fn failed(failure: Failure) -> Self {
        Self { failure: Some(failure), ..Self::default() }
    }

    /// What is wrong: with the name, or with the first of its addresses that is not well.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref().or_else(|| self.sights.iter().find_map(|sight| sight.failure.as_ref()))
    }

    /// The sight that is told of where one has to stand for all: of those that showed a certificate one that is not good,
    /// else the one whose certificate expires first; without any, the first.
    #[must_use]
    pub fn worst(&self) -> Option<&Sight> {
        let rank = |sight: &&Sight| {
            let leaf = sight.leaf();
            let good = sight.seen.as_ref().is_some_and(Seen::is_verified);
            (leaf.is_none(), good, leaf.map_or(i64::MAX, |leaf| leaf.not_after))
        };
        self.sights.iter().min_by_key(rank)
    }

    /// The certificates that the addresses present as their own: more than one of a name is a cluster that is not renewed
    /// as one.
    #[must_use]
    pub fn certificates(&self) -> usize {
        let mut all: Vec<&[u8; 32]> =
            self.sights.iter().filter_map(|sight| sight.leaf().map(|leaf| &leaf.fingerprint)).collect();
        all.sort_unstable();
        all.dedup();
        all.len()
    }
}

/// Looks at every address of a target. `hostname` is asked for in place of the target's own name; the module's wins over
/// both. Ends by the deadline.
pub async fn look(
    module: &Module,
    tools: &Tools,
    endpoint: &Endpoint,
    hostname: Option<&str>,
    deadline: Instant,
    trace: &Trace,
) -> Look {
    let began = Instant::now();
    let (host, port) = (endpoint.host.as_str(), Some(endpoint.port));
    if let Err(refusal) = tools.allow.check_host(host, port) {
        return Look::failed(refused(refusal));
    }
    let found =
        tokio::time::timeout_at(deadline.into(), addresses(&tools.resolver, host, module.addresses)).await;
    let lookup = began.elapsed();
    let nothing = |failure| Look { lookup, failure: Some(failure), sights: Vec::new(), accepted: None };
    let found = match found {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return nothing(fail(Phase::Resolve, error.reason.word(), error.to_string())),
        Err(_) => {
            let detail = format!("resolve {host}: no answer in time");
            return nothing(fail(Phase::Resolve, "dns_timeout", detail));
        }
    };
    for ip in &found {
        trace.step("resolved to", *ip);
        if let Err(refusal) = tools.allow.check_addr(host, *ip, port) {
            return nothing(refused(refusal));
        }
    }
    let way = match Way::find(module, tools, endpoint.port, deadline, trace).await {
        Ok(way) => way,
        Err(failure) => return nothing(failure),
    };
    let (way, name) = (&way, asked(module, hostname, endpoint));
    let one = |ip: IpAddr| async move {
        let mut watch = Stopwatch::new();
        let mut seen = None;
        let mut cleartext = None;
        let failure = handshake::shake(way, ip, name, &mut watch, &mut seen).await.err();
        watch.finish();
        if let Some(failure) = &failure
            && handshake::worth_another_way(failure.reason, seen.as_ref())
        {
            cleartext = handshake::unproven(way, ip, name).await;
        }
        Sight { ip, watch, seen, cleartext, failure }
    };
    let sights = join_all(found.into_iter().map(one)).await;
    Look { lookup, failure: None, sights, accepted: None }
}

/// Every address of a host, IPv6 first. That one family has none is a failure only if it is the one that is asked for.
async fn addresses(resolver: &Resolver, host: &str, wanted: Addresses) -> Result<Vec<IpAddr>, ResolveError> {
    let only = |family| Preference { family, fallback: false };
    let families: &[Family] = match wanted {
        Addresses::All if literal(host, Preference::default())?.is_some() => {
            return resolver.lookup(host, Preference::default()).await;
        }
        Addresses::All => &[Family::Ip6, Family::Ip4],
        Addresses::Ip4 => &[Family::Ip4],
        Addresses::Ip6 => &[Family::Ip6],
    };
    let answers = join_all(families.iter().map(|family| resolver.lookup(host, only(*family)))).await;
    let (mut all, mut error) = (Vec::new(), None);
    for answer in answers {
        match answer {
            Ok(found) => all.extend(found),
            Err(why) => error = Some(why),
        }
    }
    match error {
        Some(error) if all.is_empty() => Err(error),
        _ => {
            all.truncate(MOST);
            Ok(all)
        }
    }
}
