//! From a host to a line that stands: the way that every prober goes, each as far as it needs.
//!
//! The keys that steer it (`preferred_ip_protocol`, `ip_protocol_fallback`, `source_ip_address`) stand in each prober's
//! section anew: serde can flatten neither strictly nor with positions. What they mean stands here, once.

use std::net::{IpAddr, SocketAddr};

use kit::Failure;
use kit::config::Spanned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use wire::dial::{DialError, dial};
use wire::tls::{Alpn, Client, Seen, TlsStream};
use wire::{Egress, Family, Phase, Preference, Stopwatch};

use crate::config::IpProtocol;
use crate::module::{Context, Workshop};
use crate::verdict::{fail, refused};

/// How a module's probes get to their target.
#[derive(Clone, Debug)]
pub struct Reach {
    /// Which address of a name is taken.
    pub preference: Preference,
    /// From where.
    pub egress: Egress,
}

impl Reach {
    /// From the keys of a section; `prober` is its name. Notes a source address that is none.
    pub fn new(
        prober: &str,
        preference: Preference,
        source: Option<&Spanned<String>>,
        workshop: &mut Workshop<'_>,
    ) -> Self {
        let mut egress = Egress::default();
        if let Some(text) = source.filter(|text| !text.is_empty()) {
            egress.source = text.parse().ok();
            if egress.source.is_none() {
                let cause = format!("{:?} is not an IP address", text.as_str());
                let way_out = "give an address of this machine, e.g. 192.0.2.7";
                workshop.problem(text, &format!("{prober}.source_ip_address"), cause, way_out);
            }
        }
        Self { preference, egress }
    }

    /// From a host to an address that may be probed: the allow-list's word on the name, the lookup, the allow-list's word
    /// on the address. Opens [`Phase::Resolve`] and leaves it closed. It has no deadline of its own.
    ///
    /// # Errors
    /// A refusal, or the resolver's reason.
    pub async fn find(
        &self,
        context: &Context<'_>,
        host: &str,
        port: Option<u16>,
        watch: &mut Stopwatch,
    ) -> Result<IpAddr, Failure> {
        let allow = &context.tools.allow;
        watch.enter(Phase::Resolve);
        allow.check_host(host, port).map_err(refused)?;
        let found = context.tools.resolver.lookup_one(host, self.preference).await;
        watch.finish();
        let ip = found.map_err(|error| fail(Phase::Resolve, error.reason.word(), error.to_string()))?;
        context.trace.step("resolved to", ip);
        allow.check_addr(host, ip, port).map_err(refused)?;
        Ok(ip)
    }

    /// A connection. Opens [`Phase::Connect`] and leaves it open. It has no deadline of its own.
    ///
    /// # Errors
    /// The dialler's reason.
    pub async fn connect(
        &self,
        context: &Context<'_>,
        addr: SocketAddr,
        watch: &mut Stopwatch,
    ) -> Result<TcpStream, Failure> {
        watch.enter(Phase::Connect);
        let stream = dial(addr, &self.egress).await.map_err(|error| unconnected(&error))?;
        context.trace.step("connected to", addr);
        Ok(stream)
    }
}

/// `preferred_ip_protocol` and `ip_protocol_fallback` as [`wire`] wants them.
#[must_use]
pub fn preference(preferred: Option<IpProtocol>, fallback: Option<bool>) -> Preference {
    let family = match preferred.unwrap_or_default() {
        IpProtocol::Ip4 => Family::Ip4,
        IpProtocol::Ip6 => Family::Ip6,
    };
    Preference { family, fallback: fallback.unwrap_or(true) }
}

/// A connection that could not be had, as a failure.
#[must_use]
pub fn unconnected(error: &DialError) -> Failure {
    fail(Phase::Connect, error.reason.word(), error.to_string())
}

/// A handshake, whose facts go to `seen` however it ends. Opens [`Phase::Tls`] and leaves it open.
///
/// # Errors
/// What was wrong with the handshake or the certificate.
pub async fn secure<S>(
    client: &Client,
    stream: S,
    name: &str,
    alpn: &Alpn,
    context: &Context<'_>,
    seen: &mut Option<Seen>,
    watch: &mut Stopwatch,
) -> Result<TlsStream<S>, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    watch.enter(Phase::Tls);
    let outcome = client.handshake_by(stream, name, alpn, context.deadline).await;
    *seen = Some(outcome.seen);
    let stream = outcome.stream.map_err(|error| fail(Phase::Tls, error.word(), error.to_string()))?;
    context.trace.step("tls handshake with", name.to_owned());
    Ok(stream)
}
