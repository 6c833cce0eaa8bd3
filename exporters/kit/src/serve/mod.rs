//! The HTTP server: listeners, connection and request limits, routes, landing page, probe history.
//!
//! | module | what it holds |
//! |---|---|
//! | `listener`, `io` | where it listens; one type for all kinds of connections |
//! | `pool` | [`Limits`]; which connections are open, in what state, and which must make room |
//! | `connection` | one connection: TLS handshake, HTTP/1.1 or, by ALPN, HTTP/2 |
//! | `server` | the accept loops, and the drain |
//! | `site` | what all requests share |
//! | `router`, `reply` | limits, authentication and routes; how an answer is written |
//! | `scrape`, `probe`, `discovery` | `/metrics`, `/probe` and `/sd` |
//! | `history`, `report` | the last probes; a probe told in words |
//! | `landing`, `beside` | the page for people; the exporters in the same process on it |
//! | `host` | the name by which a request reached this machine |
//! | `tally` | what the server counts about itself |

mod beside;
mod connection;
mod discovery;
mod history;
mod host;
mod io;
mod landing;
pub(crate) mod listener;
mod pool;
mod probe;
mod reply;
mod report;
mod router;
mod scrape;
mod server;
mod site;
pub mod tally;
#[cfg(test)]
mod tests;

/// See [`crate::fuzzing::query`].
pub(crate) fn fuzz_query(text: &str) -> String {
    let query = probe::Query::parse(text);
    [query.module, query.target, query.hostname, query.id].into_iter().flatten().collect()
}

pub use pool::Limits;
pub(crate) use server::Server;
pub(crate) use site::Site;
pub use tally::DESCS;
