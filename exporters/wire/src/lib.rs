//! The hands on the network, for every exporter that touches a target itself instead of asking an API about it.
//!
//! | module | what it does |
//! |---|---|
//! | [`egress`] | which way packets leave: source address, interface, firewall mark |
//! | [`stopwatch`] | how long each phase of a probe took, also of one that was cut short |
//! | [`resolve`] | names to addresses, with a preferred family, and why it failed |
//! | [`dial`] | a TCP or UDP socket connected to an address |
//! | [`proxy`] | a tunnel through a proxy of HTTP or SOCKS 5 |
//! | [`starttls`] | from a protocol's clear text to where TLS begins: mail, directories, databases, chat |
//! | [`tls`] | a handshake that reports what it saw, also of a certificate nobody should trust |
//! | [`http`] | one HTTP request over one connection, phase by phase |
//! | [`icmp`] | echo requests over a shared socket, stamped by the kernel |
//!
//! Nothing here knows metrics, modules or configuration files: an exporter turns its configuration into these types
//! once, when it loads, and each failure's `word()` is the `reason` that ends up in a label.

#![forbid(unsafe_code)]

pub mod dial;
pub mod egress;
#[doc(hidden)]
pub mod fuzzing;
pub mod http;
pub mod icmp;
pub mod proxy;
pub mod resolve;
pub mod starttls;
pub mod stopwatch;
pub mod tls;

pub use egress::Egress;
pub use proxy::Proxy;
pub use resolve::{Family, Preference, ResolveError, ResolveReason, Resolver};
pub use stopwatch::{Phase, Stopwatch};
