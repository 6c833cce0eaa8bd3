//! Served versus stored: whether what a target serves is the certificate in the file that it belongs to. A renewal that the
//! server was not told of shows here first: Nginx Proxy Manager renews without reloading nginx.
//!
//! | file | what |
//! |---|---|
//! | `metrics` | the descriptions |

pub mod metrics;

pub use metrics::DESCS;
