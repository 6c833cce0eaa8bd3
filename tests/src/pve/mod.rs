//! A Proxmox VE cluster that is none: it speaks as pveproxy does, so that what is tested against it meets the real
//! transport. pveproxy's ways (pve-http-server, `AnyEvent.pm`): HTTP/1.1 alone, a connection ends after 5 s of silence,
//! after 100 requests and after every status of 400 and above; 401 comes after 3 s; bodies over 1 kB are packed when asked
//! for; calls for another node are handed on, with 30 s of patience, and end in 595, 596 or 599; lists leave out silently
//! what the token may not see.
//!
//! | file | what |
//! |---|---|
//! | `shape` | how large the cluster is, which version, who may see what |
//! | `state` | what changes while it runs: nodes that go offline or hang, faults by path, counters |
//! | `data` | the answers' data, in the shapes of versions 7, 8 and 9 |
//! | `guest` | what is told of a guest |
//! | `answer` | from a request to an answer: who asks, what, and what goes wrong |
//! | `line` | one connection |

mod answer;
mod data;
mod guest;
mod line;
mod shape;
mod state;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

pub use shape::{SECRET, Shape, TOKEN, USER};
pub use state::{Counts, Fault, Mode, Rights, State};

/// A running fake; ends with its owner.
pub struct Pve {
    /// One a node that listens, in order.
    pub ports: Vec<u16>,
    /// SHA-256 of each listening node's certificate, as Proxmox VE writes it.
    pub fingerprints: Vec<String>,
    /// The certificate of the authority that signed them, PEM.
    pub authority: String,
    /// What can be changed while it runs.
    pub state: Arc<State>,
    maker: Made,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Pve {
    /// Starts a cluster of which `listening` nodes can be connected to, each on a free loopback port.
    #[must_use]
    pub fn start(shape: Shape, listening: usize) -> Self {
        let listeners = (0..listening).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        Self::on(shape, listeners)
    }

    /// The same on listeners of the caller's.
    #[must_use]
    pub fn on(shape: Shape, listeners: Vec<TcpListener>) -> Self {
        let maker = made("Proxmox Virtual Environment", None, Valid::Now);
        let doors: Vec<_> = listeners.iter().map(|_| made("pve", Some(&maker), Valid::Now).door()).collect();
        let fingerprints: Vec<String> = doors.iter().map(|(fingerprint, _)| fingerprint.clone()).collect();
        let state = Arc::new(State::new(shape, doors));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let mut ports = Vec::new();
        for (index, listener) in listeners.into_iter().enumerate() {
            ports.push(listener.local_addr().unwrap().port());
            listener.set_nonblocking(true).unwrap();
            let state = Arc::clone(&state);
            runtime.spawn(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                loop {
                    let Ok((stream, _)) = listener.accept().await else { continue };
                    let acceptor = TlsAcceptor::from(state.door(index));
                    tokio::spawn(line::serve(Arc::clone(&state), index, acceptor, stream));
                }
            });
        }
        Self { ports, fingerprints, authority: maker.pem.clone(), state, maker, runtime: Some(runtime) }
    }

    /// Gives a listener a new certificate, as a renewal does; its fingerprint.
    pub fn renew(&mut self, listener: usize, valid: Valid) -> String {
        let door = made("pve", Some(&self.maker), valid).door();
        self.fingerprints[listener].clone_from(&door.0);
        self.state.set_door(listener, door);
        self.fingerprints[listener].clone()
    }

    /// `https://127.0.0.1:PORT` of each node that listens.
    #[must_use]
    pub fn endpoints(&self) -> Vec<String> {
        self.ports.iter().map(|port| format!("https://127.0.0.1:{port}")).collect()
    }

    /// A configuration of proxmox-exporter that watches it as `lab` by its first fingerprint; `more` are further lines of
    /// the cluster's, each indented by four.
    #[must_use]
    pub fn configuration(&self, more: &str) -> String {
        let endpoints = self.endpoints().join(", ");
        format!(
            "clusters:\n  - name: lab\n    endpoints: [{endpoints}]\n    token_id: {TOKEN}\n    token: {SECRET}\n    tls: \
             {{fingerprint: \"{}\"}}\n{more}",
            self.fingerprints[0]
        )
    }

    /// What was asked since this was last called.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state.counts()
    }
}

impl Drop for Pve {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_millis(100));
        }
    }
}

/// A certificate and its key.
struct Made {
    der: CertificateDer<'static>,
    pem: String,
    key: String,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

/// When a certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Valid {
    /// It is.
    Now,
    /// Not before a far day: so it is where a clock stands years behind.
    Later,
}

fn made(name: &str, parent: Option<&Made>, valid: Valid) -> Made {
    let names =
        if parent.is_some() { vec!["localhost".to_owned(), "127.0.0.1".to_owned()] } else { Vec::new() };
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    if parent.is_none() {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    }
    if valid == Valid::Later {
        params.not_before = rcgen::date_time_ymd(2090, 1, 1);
    }
    let key = rcgen::KeyPair::generate().unwrap();
    let made = match parent {
        Some(parent) => params.signed_by(&key, &parent.issuer).unwrap(),
        None => params.self_signed(&key).unwrap(),
    };
    let (der, pem) = (made.der().clone(), made.pem());
    Made { der, pem, key: key.serialize_pem(), issuer: rcgen::Issuer::new(params, key) }
}

impl Made {
    fn door(&self) -> (String, Arc<ServerConfig>) {
        (sha256(&self.der), Arc::new(self.server()))
    }

    fn server(&self) -> ServerConfig {
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config
    }
}

fn sha256(der: &[u8]) -> String {
    wire::tls::Certificate::parse(der)
        .map(|certificate| certificate.fingerprint.map(|byte| format!("{byte:02X}")).join(":"))
        .unwrap_or_default()
}
