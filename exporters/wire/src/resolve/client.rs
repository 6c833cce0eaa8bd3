//! Queries to servers, and what their failures mean.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use hickory_proto::rr::RecordType;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts, ServerOrderingStrategy,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::system_conf::parse_resolv_conf;

use super::{Family, Preference, ResolveError, ResolveReason};

/// How long the preferred family may be silent before the other is asked beside it.
const SILENCE: Duration = Duration::from_secs(1);

/// Asks servers. Shared, not copied, by `clone`.
#[derive(Clone)]
pub(super) struct Client(Arc<TokioResolver>);

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    /// After the text of a resolv.conf.
    pub(super) fn of_resolv_conf(text: &[u8]) -> Result<Self, String> {
        match parse_resolv_conf(text) {
            Ok((config, options)) => Self::new(config, options),
            Err(error) if error.to_string().contains("no nameservers") => {
                Err("it has no nameserver line".to_owned())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// For servers only.
    pub(super) fn of_servers(servers: &[SocketAddr]) -> Result<Self, ResolveError> {
        let refuse = |detail: String| ResolveError::other("any name", detail);
        if servers.is_empty() {
            return Err(refuse("no server is configured".to_owned()));
        }
        let servers = servers.iter().map(|addr| {
            let mut server = NameServerConfig::udp_and_tcp(addr.ip());
            for connection in &mut server.connections {
                connection.port = addr.port();
            }
            server
        });
        let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
        Self::new(config, ResolverOpts::default()).map_err(refuse)
    }

    fn new(config: ResolverConfig, mut options: ResolverOpts) -> Result<Self, String> {
        // A cached answer would make the resolve phase a lie, and hide a dead server until the record expires.
        options.cache_size = 0;
        // Ours is read again when it changes; see `files`.
        options.use_hosts_file = ResolveHosts::Never;
        // As resolv.conf(5): the first server, and the next only when it is silent; not two at once, not the fastest.
        options.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
        options.num_concurrent_reqs = 1;
        // The kernel's choice of a port is as random and spares a bind.
        options.os_port_selection = true;
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        builder.build().map(|resolver| Self(Arc::new(resolver))).map_err(|error| error.to_string())
    }

    /// The addresses of the preferred family, else, if that is admitted, of the other.
    pub(super) async fn lookup(
        &self,
        host: &str,
        preference: Preference,
    ) -> Result<Vec<IpAddr>, ResolveError> {
        let mut first = pin!(self.query(host, preference.family));
        if !preference.fallback {
            return first.await.map_err(|error| restate(error, preference));
        }
        let mut second = pin!(self.query(host, preference.family.other()));
        // Some servers never answer for AAAA records; then the other family's answer will do, so that the name's whole
        // time is not spent on waiting.
        let answer = match tokio::time::timeout(SILENCE, &mut first).await {
            Ok(answer) => answer,
            Err(_) => match select(&mut first, &mut second).await {
                Either::Left((answer, _)) => answer,
                Either::Right((Ok(found), _)) => return Ok(found),
                Either::Right((Err(_), _)) => return first.await.map_err(|error| restate(error, preference)),
            },
        };
        let error = match answer {
            Ok(found) => return Ok(found),
            // A name that does not exist has no address of the other family either (RFC 8020).
            Err(error) if error.reason == ResolveReason::NxDomain => return Err(error),
            Err(error) => error,
        };
        match second.await {
            Ok(found) => Ok(found),
            // Of two failures the one that is not merely an empty answer tells more.
            Err(other) if error.reason == ResolveReason::NoAddress => Err(restate(other, preference)),
            Err(_) => Err(error),
        }
    }

    /// The addresses of one family; there is at least one.
    async fn query(&self, host: &str, family: Family) -> Result<Vec<IpAddr>, ResolveError> {
        let kind = match family {
            Family::Ip4 => RecordType::A,
            Family::Ip6 => RecordType::AAAA,
        };
        if host.is_empty() {
            return Err(ResolveError::other(host, "an empty name".to_owned()));
        }
        match self.0.lookup(host, kind).await {
            Ok(answer) => {
                let found: Vec<IpAddr> =
                    answer.answers().iter().filter_map(|record| record.data.ip_addr()).collect();
                if found.is_empty() {
                    // A chain of aliases that ends in nothing.
                    return Err(ResolveError::new(ResolveReason::NoAddress, host, "no address".to_owned()));
                }
                Ok(found)
            }
            Err(error) => Err(ResolveError::of_query(host, &error)),
        }
    }
}

/// An empty answer in the words of what was asked for.
fn restate(error: ResolveError, preference: Preference) -> ResolveError {
    match error.reason {
        ResolveReason::NoAddress => ResolveError::no_address(&error.host, preference),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
    use hickory_proto::rr::{RData, Record};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Instant;
    use tokio::net::UdpSocket;

    const ANY: Preference = Preference { family: Family::Ip6, fallback: true };
    const ONLY6: Preference = Preference { family: Family::Ip6, fallback: false };
    const FOUR: Preference = Preference { family: Family::Ip4, fallback: true };

    /// What the server says for a name and a kind of record; `None` is silence.
    fn says(name: &str, kind: RecordType) -> Option<(ResponseCode, Vec<RData>)> {
        let four = || RData::A("192.0.2.1".parse::<std::net::Ipv4Addr>().unwrap().into());
        let six = || RData::AAAA("2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap().into());
        let found = match (name, kind) {
            ("both.test.", RecordType::A) | ("four.test." | "deaf.test.", RecordType::A) => vec![four()],
            ("both.test.", RecordType::AAAA) => vec![six()],
            ("none.test." | "four.test.", _) => vec![],
            ("broken.test.", _) => return Some((ResponseCode::ServFail, vec![])),
            ("deaf.test." | "silent.test.", _) => return None,
            _ => return Some((ResponseCode::NXDomain, vec![])),
        };
        Some((ResponseCode::NoError, found))
    }

    /// A server on a free port, and how many queries it had.
    async fn server() -> (SocketAddr, Arc<AtomicUsize>) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (addr, count) = (socket.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counter = count.clone();
        tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
                counter.fetch_add(1, Ordering::Relaxed);
                let query = Message::from_vec(&buffer[..length]).unwrap();
                let asked = query.queries[0].clone();
                let Some((code, records)) =
                    says(&asked.name().to_lowercase().to_string(), asked.query_type())
                else {
                    continue;
                };
                let mut answer = Message::new(query.id, MessageType::Response, OpCode::Query);
                answer.metadata.response_code = code;
                answer.metadata.recursion_available = true;
                for record in records {
                    answer.add_answer(Record::from_rdata(asked.name().clone(), 60, record));
                }
                answer.add_query(asked);
                socket.send_to(&answer.to_vec().unwrap(), peer).await.unwrap();
            }
        });
        (addr, count)
    }

    fn client(addr: SocketAddr) -> Client {
        let mut server = NameServerConfig::udp_and_tcp(addr.ip());
        for connection in &mut server.connections {
            connection.port = addr.port();
        }
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let mut options = ResolverOpts::default();
        options.timeout = Duration::from_millis(1500);
        options.attempts = 0;
        Client::new(config, options).unwrap()
    }

    #[tokio::test]
    async fn answers_and_failures_have_their_reasons() {
        let (addr, _) = server().await;
        let client = client(addr);
        for (host, preference, want) in [
            ("both.test", ANY, "2001:db8::1"),
            ("both.test", FOUR, "192.0.2.1"),
            ("both.test", ONLY6, "2001:db8::1"),
            ("four.test", ANY, "192.0.2.1"),
            ("four.test", ONLY6, "dns_no_address: no IPv6 address, and no fallback to IPv4 is allowed"),
            ("none.test", ANY, "dns_no_address: no address, neither IPv6 nor IPv4"),
            ("nosuch.test", ANY, "dns_nxdomain: no such name"),
            ("nosuch.test", ONLY6, "dns_nxdomain: no such name"),
            ("broken.test", ANY, "dns_error: the server answered server failure"),
            ("", ANY, "dns_error: an empty name"),
            ("a..b", ANY, "dns_error: "),
        ] {
            let found = match client.lookup(host, preference).await {
                Ok(all) => all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
                Err(error) => format!("{}: {}", error.reason.word(), error.detail),
            };
            assert!(
                found.starts_with(want) && (want.ends_with(' ') || found == want),
                "{host}: {found}, not {want}"
            );
        }
    }

    #[tokio::test]
    async fn every_lookup_asks_the_server_and_the_preferred_family_first() {
        let (addr, count) = server().await;
        let client = client(addr);
        for (host, queries) in [("both.test", 1), ("both.test", 1), ("four.test", 2), ("nosuch.test", 1)] {
            let before = count.load(Ordering::Relaxed);
            let _ = client.lookup(host, ANY).await;
            assert_eq!(count.load(Ordering::Relaxed) - before, queries, "{host}");
        }
    }

    #[tokio::test]
    async fn silence_is_a_timeout_and_of_one_family_no_more_than_a_delay() {
        let (addr, _) = server().await;
        let client = client(addr);
        let began = Instant::now();
        let (silent, deaf, strict) = tokio::join!(
            client.lookup("silent.test", FOUR),
            async { (client.lookup("deaf.test", ANY).await, began.elapsed()) },
            client.lookup("deaf.test", ONLY6)
        );
        assert_eq!(silent.unwrap_err().reason.word(), "dns_timeout");
        assert_eq!(strict.unwrap_err().to_string(), "resolve deaf.test: no answer from any server");
        assert_eq!(deaf.0.unwrap().len(), 1);
        assert!(deaf.1 >= SILENCE && deaf.1 < SILENCE * 3 / 2, "{:?}", deaf.1);
    }

    #[tokio::test]
    async fn a_closed_port_is_an_error_and_no_server_is_none() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let addr = socket.local_addr().unwrap();
        drop(socket);
        let error = client(addr).lookup("both.test", ANY).await.unwrap_err();
        assert!(matches!(error.reason.word(), "dns_error" | "dns_timeout"), "{error:?}");
        assert_eq!(
            Client::of_servers(&[]).unwrap_err().to_string(),
            "resolve any name: no server is configured"
        );
    }
}
