//! Every parser of foreign bytes as a function of bytes: it must neither panic nor hang, nor take long for what is short.
//!
//! | file | whose bytes |
//! |---|---|
//! | `operators` | configuration and web configuration, resolv.conf, hosts, files with certificates |
//! | `scrapers` | requests to the server: query, headers, whole connections |
//! | `peers` | what a probed machine answers: DNS, ICMP, certificates, Nginx Proxy Manager, ARI, STARTTLS, TLS, HTTP, bodies, dialogues |
//! | `canned` | a stream that has its answer ready |
//! | `mutate` | inputs made of other inputs, the same ones at each run |
//!
//! The test suite runs each target over its corpus and over inputs mutated from it, for a bounded number of rounds; with
//! nightly and cargo-fuzz, libFuzzer runs them for as long as one likes (README.md).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is what a fuzz target reports by")]

mod canned;
pub mod mutate;
mod operators;
mod peers;
mod scrapers;

use std::path::PathBuf;

/// A function that reads foreign bytes.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folder in `corpus/`.
    pub name: &'static str,
    /// Reads them.
    pub run: fn(&[u8]),
    /// Rounds of the bounded run: as many as fit into about half a second of an unoptimized build.
    pub rounds: u32,
}

const fn target(name: &'static str, run: fn(&[u8]), rounds: u32) -> Target {
    Target { name, run, rounds }
}

/// All of them: a new parser is a function in its file and a line here.
pub const TARGETS: &[Target] = &[
    target("config", operators::config, 1000),
    target("web_config", operators::web_config, 1000),
    target("resolv_conf", operators::resolv_conf, 1000),
    target("hosts", operators::hosts, 4000),
    target("file_pem", operators::certificate_file, 400),
    target("file_der", operators::certificate_file, 400),
    target("file_pkcs12", operators::certificate_file, 300),
    target("file_jks", operators::certificate_file, 400),
    target("file_kubeconfig", operators::certificate_file, 300),
    target("certbot", operators::certbot, 4000),
    target("query", scrapers::query, 4000),
    target("accept", scrapers::accept, 4000),
    target("scrape_timeout", scrapers::timeout, 8000),
    target("authorization", scrapers::authorization, 8000),
    target("request", scrapers::request, 600),
    target("resolver_answer", peers::resolver_answer, 4000),
    target("npm_hosts", peers::npm_hosts, 4000),
    target("ari", peers::ari, 6000),
    target("icmp", peers::icmp, 8000),
    target("certificate", peers::certificate, 5000),
    target("tls_server", peers::tls_server, 600),
    target("tls_cleartext", peers::tls_cleartext, 4000),
    target("ocsp", peers::ocsp, 4000),
    target("socks", peers::socks, 6000),
    target("starttls", peers::starttls, 6000),
    target("http1", peers::http1, 4000),
    target("http2", peers::http2, 3000),
    target("http_body", peers::http_body, 2000),
    target("http_redirect", peers::http_redirect, 4000),
    target("http_target", peers::http_target, 4000),
    target("http_probe", peers::http_probe, 400),
    target("tcp_dialogue", peers::tcp_dialogue, 400),
    target("dns_answer", peers::dns_answer, 6000),
    target("dns_rdata", peers::dns_rdata, 8000),
    target("pve_config", operators::pve_config, 1000),
    target("pve_answer", peers::pve_answer, 4000),
];

impl Target {
    /// Its committed inputs, in the order of their names.
    #[must_use]
    pub fn corpus(&self) -> Vec<Vec<u8>> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(self.name);
        let Ok(entries) = std::fs::read_dir(&folder) else { return Vec::new() };
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.sort();
        files.iter().map(|file| std::fs::read(file).unwrap()).collect()
    }
}

/// Runs a future on this thread's own runtime, which lives as long as the thread: a target is called a million times.
fn block_on<F: Future>(future: F) -> F::Output {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// Two inputs in one: what is before the first zero, and what is behind it.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == 0) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[]),
    }
}
