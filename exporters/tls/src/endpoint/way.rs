//! The way to where TLS begins: a connection, through a proxy if the module has one, and what is spoken in clear before.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use http::HeaderMap;
use kit::{Failure, Trace};
use tokio::net::TcpStream;
use wire::dial::{DialError, dial};
use wire::starttls::upgrade;
use wire::{Egress, Phase, Preference, Proxy, Stopwatch};

use super::fail;
use crate::module::{Module, Tools};

/// Where a module's connections to a target go, found once for all of the target's addresses.
#[derive(Clone, Debug)]
pub(super) struct Way<'a> {
    module: &'a Module,
    /// The proxy, and its own address.
    proxy: Option<(&'a Proxy, SocketAddr)>,
    /// The target's port.
    port: u16,
    deadline: Instant,
    trace: &'a Trace,
}

impl<'a> Way<'a> {
    /// Finds the proxy's address, if there is a proxy. The operator named it: the allow-list, which is about targets, has no
    /// say.
    ///
    /// # Errors
    /// The proxy's name has no address.
    pub(super) async fn find(
        module: &'a Module,
        tools: &Tools,
        port: u16,
        deadline: Instant,
        trace: &'a Trace,
    ) -> Result<Self, Failure> {
        let proxy = match &module.proxy {
            None => None,
            Some(proxy) => {
                let find = tools.resolver.lookup_one(&proxy.host, Preference::default());
                let ip = match tokio::time::timeout_at(deadline.into(), find).await {
                    Ok(Ok(ip)) => ip,
                    Ok(Err(error)) => {
                        return Err(fail(Phase::Resolve, error.reason.word(), format!("proxy: {error}")));
                    }
                    Err(_) => {
                        let detail = format!("proxy: resolve {}: no answer in time", proxy.host);
                        return Err(fail(Phase::Resolve, "dns_timeout", detail));
                    }
                };
                let addr = SocketAddr::new(ip, proxy.port);
                trace.step("going through the proxy", addr);
                Some((proxy, addr))
            }
        };
        Ok(Self { module, proxy, port, deadline, trace })
    }

    pub(super) fn module(&self) -> &'a Module {
        self.module
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) fn trace(&self) -> &'a Trace {
        self.trace
    }

    /// The same way with less time.
    pub(super) fn until(&self, deadline: Instant) -> Self {
        Self { deadline: deadline.min(self.deadline), ..self.clone() }
    }

    /// Goes it: to an address of the target, on which TLS shall begin. `name` is what is told to a server that asks for one
    /// before TLS.
    ///
    /// # Errors
    /// What was wrong with the connection, the proxy or the dialogue.
    pub(super) async fn go(
        &self,
        ip: IpAddr,
        name: &str,
        watch: &mut Stopwatch,
    ) -> Result<TcpStream, Failure> {
        let mut stream = self.connect(SocketAddr::new(ip, self.port), watch).await?;
        if let Some(protocol) = self.module.starttls {
            watch.enter(Phase::Dialogue);
            match tokio::time::timeout_at(self.deadline.into(), upgrade(&mut stream, protocol, name)).await {
                Ok(Ok(greeting)) => self.trace.step("ready for tls after", greeting.text),
                Ok(Err(error)) => return Err(fail(Phase::Dialogue, error.word(), error.to_string())),
                Err(_) => {
                    let detail = format!("starttls over {protocol}: no end in time");
                    return Err(fail(Phase::Dialogue, "starttls_timeout", detail));
                }
            }
        }
        Ok(stream)
    }

    async fn connect(&self, addr: SocketAddr, watch: &mut Stopwatch) -> Result<TcpStream, Failure> {
        watch.enter(Phase::Connect);
        let refused = |detail| fail(Phase::Connect, "proxy_error", detail);
        let Some((proxy, at)) = self.proxy else {
            let dialled = self.dial(addr, &self.module.egress).await;
            return dialled.map_err(|error| fail(Phase::Connect, error.reason.word(), error.to_string()));
        };
        let stream =
            self.dial(at, &self.module.egress).await.map_err(|error| refused(format!("proxy: {error}")))?;
        let (host, none) = (addr.ip().to_string(), HeaderMap::new());
        let tunnel = proxy.tunnel(stream, &host, addr.port(), &none);
        match tokio::time::timeout_at(self.deadline.into(), tunnel).await {
            Ok(Ok(stream)) => {
                self.trace.step("a tunnel to", addr);
                Ok(stream)
            }
            Ok(Err(error)) => Err(refused(error.to_string())),
            Err(_) => Err(refused(format!("proxy: connect to {addr}: no answer in time"))),
        }
    }

    async fn dial(&self, addr: SocketAddr, egress: &Egress) -> Result<TcpStream, DialError> {
        let dialled = tokio::time::timeout_at(self.deadline.into(), dial(addr, egress)).await;
        let stream = dialled.unwrap_or_else(|_| Err(DialError::timed_out(addr)))?;
        self.trace.step("connected to", addr);
        Ok(stream)
    }
}
