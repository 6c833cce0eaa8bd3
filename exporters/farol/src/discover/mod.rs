//! What this machine has: its ways out, its resolvers, the services that listen on it. It reads `/proc` and
//! `/etc/resolv.conf`, asks listeners on loopback what they are, and nobody else anything: nothing is swept, and a gateway
//! or a resolver is first spoken to by its probe.
//!
//! | file | what |
//! |---|---|
//! | `routes` | default gateways, from the routing tables |
//! | `resolvers` | DNS servers, from resolv.conf |
//! | `sockets`, `owners` | listening ports, and the processes behind them |
//! | `services` | what is known of ports and process names, and what may be asked of them |
//! | `sniff` | asking |
//! | `plan` | names, modules and evidence: what is going to be watched |
//! | `modules`, `yaml` | the plan as probe-exporter's configuration |
//! | `tls` | the plan as tls-exporter's |

pub mod modules;
pub mod owners;
pub mod plan;
pub mod resolvers;
pub mod routes;
pub mod services;
pub mod sniff;
pub mod sockets;
pub mod tls;
pub mod yaml;

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;

use plan::{Asked, Plan};
use services::Question;
use sniff::Heard;
use sockets::Listener;

/// How many targets are written at most.
pub const LIMIT: usize = 200;
/// How many listeners are asked at the same time.
const AT_ONCE: usize = 16;
/// Docker's resolver inside a container listens here on a port that changes with every start.
const DOCKER_RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11));

/// The texts that discovery reads; what a machine does not have is empty.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `/proc/net/route`.
    pub route: String,
    /// `/proc/net/ipv6_route`.
    pub ipv6_route: String,
    /// `/etc/resolv.conf`.
    pub resolv_conf: String,
    /// `/run/systemd/resolve/resolv.conf`.
    pub behind_the_stub: String,
    /// The listening sockets of `/proc/net/tcp` and `/proc/net/tcp6`.
    pub listeners: Vec<Listener>,
    /// The names of the processes behind them, by inode.
    pub owners: HashMap<u64, String>,
}

impl Sources {
    /// Reads them below `root`, which is `/` outside of tests.
    #[must_use]
    pub fn read(root: &Path) -> Self {
        let text =
            |path: &str| std::fs::read_to_string(root.join(path.trim_start_matches('/'))).unwrap_or_default();
        let listeners = sockets::listeners(&text("/proc/net/tcp"), &text("/proc/net/tcp6"));
        let inodes: HashSet<u64> = listeners.iter().map(|listener| listener.inode).collect();
        Self {
            route: text("/proc/net/route"),
            ipv6_route: text("/proc/net/ipv6_route"),
            resolv_conf: text(resolvers::RESOLV_CONF),
            behind_the_stub: text(resolvers::BEHIND_THE_STUB),
            owners: owners::owners(&root.join("proc"), &inodes),
            listeners,
        }
    }
}

/// What discovery has to know about farol itself.
#[derive(Clone, Debug, Default)]
pub struct Own {
    /// The address of farol's status page, to be watched too.
    pub page: Option<String>,
    /// The ports of farol and of the exporters in it, which are not services of this machine.
    pub ports: Vec<u16>,
    /// The names of their processes, for other instances that run here.
    pub processes: Vec<&'static str>,
}

/// Looks at the machine whose texts these are; takes less than a second a dozen listeners.
///
/// # Errors
/// When no TLS client can be made, which no machine has shown yet.
pub async fn discover(sources: &Sources, own: &Own) -> Result<Plan, wire::tls::TlsConfigError> {
    let tls = tls_client()?;
    let gateways = routes::gateways(&sources.route, &sources.ipv6_route);
    let resolvers = resolvers::resolvers(&sources.resolv_conf, &sources.behind_the_stub);
    let foreign = sources.listeners.iter().filter(|listener| {
        let process = sources.owners.get(&listener.inode).map(String::as_str);
        let ours = process.is_some_and(|process| own.processes.iter().any(|own| is_called(own, process)));
        !ours && !own.ports.contains(&listener.bound.port()) && listener.bound.ip() != DOCKER_RESOLVER
    });
    // In order, so that the file is the same as long as the machine is.
    let asked: Vec<Asked> = stream::iter(foreign.map(|listener| {
        let process = sources.owners.get(&listener.inode).cloned();
        ask(listener.clone(), process, &tls)
    }))
    .buffered(AT_ONCE)
    .collect()
    .await;
    Ok(Plan::new(own.page.as_deref(), &gateways, &resolvers, &asked, LIMIT))
}

async fn ask(listener: Listener, process: Option<String>, client: &wire::tls::Client) -> Asked {
    let service = services::recognise(listener.bound.port(), process.as_deref());
    let question = service.map_or(Question::Anything, |service| service.question);
    let mut asked =
        Asked { address: listener.bound, heard: None, starttls: None, process, service, listener };
    if asked.listener.is_local() {
        for address in asked.listener.addresses() {
            asked.address = address;
            let heard = sniff::ask(address, question, client).await;
            let closed = matches!(heard, Heard::Closed(_));
            asked.heard = Some(heard);
            if !closed {
                break;
            }
        }
        if let Some(Heard::Greeting(line)) = &asked.heard
            && let Some(protocol) = tls::protocol(plan::greeted(line, service.map(|service| service.name)))
            && tls::offers(asked.address, protocol).await
        {
            asked.starttls = Some(protocol);
        }
    }
    asked
}

/// Whether `process`, a name of at most 15 bytes, is that of the program `own`.
fn is_called(own: &str, process: &str) -> bool {
    own.get(..15).unwrap_or(own) == process
}

/// A client that takes any certificate; it brings its own roots, so that no file is read for a verdict nobody asks for.
fn tls_client() -> Result<wire::tls::Client, wire::tls::TlsConfigError> {
    let roots = Arc::new(wire::tls::Roots::bundled());
    wire::tls::Client::new(&wire::tls::Settings { insecure_skip_verify: true, roots, ..Default::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;

    #[tokio::test]
    async fn a_container_with_nothing() {
        let empty = tempfile::tempdir().unwrap();
        let plan = discover(&Sources::read(empty.path()), &Own::default()).await.unwrap();
        assert_eq!(plan, Plan::default());
    }

    #[tokio::test]
    async fn a_machine_from_its_texts() {
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = server.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = server.accept().await {
                let _ = stream.write_all(b"SSH-2.0-Test\r\n").await;
            }
        });
        let line = |at: usize, address: &str, port: u16, inode: u64| {
            format!("   {at}: {address}:{port:04X} 00000000:0000 0A 0:0 00:0 0 0 0 {inode} 1\n")
        };
        let any = "00000000";
        let docker = format!("{:08X}", u32::from_ne_bytes([127, 0, 0, 11]));
        let table = format!(
            "  sl\n{}{}{}{}",
            line(0, any, port, 1),
            line(1, any, 1, 2),
            line(2, any, 2, 3),
            line(3, &docker, 3, 4)
        );
        let root = tempfile::tempdir().unwrap();
        for (path, text) in [("proc/net/tcp", table.as_str()), ("etc/resolv.conf", "nameserver 192.0.2.53\n")]
        {
            std::fs::create_dir_all(root.path().join(path).parent().unwrap()).unwrap();
            std::fs::write(root.path().join(path), text).unwrap();
        }
        let mut sources = Sources::read(root.path());
        sources.owners.insert(2, "probe-exporter".into());
        let own = Own { page: None, ports: vec![2], processes: vec!["farol", "probe-exporter"] };
        let plan = discover(&sources, &own).await.unwrap();
        let shown: Vec<String> =
            plan.entries.iter().map(|e| format!("{} {} {}", e.name, e.target, e.module)).collect();
        assert_eq!(
            shown,
            [
                "resolver-192.0.2.53 192.0.2.53:53 dns".to_owned(),
                format!("sshd-{port} 127.0.0.1:{port} ssh_banner"),
            ]
        );
        assert_eq!(plan.left_out, [""; 0]);
    }

    #[test]
    fn a_long_name_is_cut_by_the_kernel() {
        assert!(is_called("registry-exporter", "registry-export") && is_called("farol", "farol"));
        assert!(!is_called("farol", "faro"));
    }
}
