//! One HTTP request over one connection, phase by phase.
//!
//! | file | what it holds |
//! |---|---|
//! | `connection` | [`Connection`]: open, send, read the body piece by piece; [`Reply`] |
//! | `http1` | the HTTP/1.1 side: the exchange; `head` reads what an answer begins with, `framing` where its body ends |
//! | `http2` | the HTTP/2 side, over h2 |
//! | `request` | what must change in a request to suit the protocol that was negotiated; HTTP/1.1's as it travels |
//! | [`fetch`] | a small document from an API: a whole exchange, with a limit |
//! | `error` | [`HttpError`] and its closed set of reasons |
//!
//! No task is spawned: the connection is polled together with the exchange, in the task that probes. So a probe that is
//! dropped leaves nothing behind (blackbox_exporter keeps each HTTP/2 connection for five minutes), and the caller's
//! stopwatch sees the phases as they are: [`Connection::send`] ends when the head has arrived, [`Connection::chunk`] is
//! the transfer. Deadlines are the caller's: every future here may be dropped at any await point.

mod connection;
mod error;
pub mod fetch;
mod framing;
mod head;
mod http1;
mod http2;
mod request;
#[cfg(test)]
mod tests;

pub use connection::{Connection, Limits, Protocol, Reply};
pub use error::{HttpError, Reason};
