//! `--compat=ssl_exporter`: the peer's module file is read as it is, and `/probe` shows the peer's metrics under its names, so
//! that dashboards and alerts go on working. What they are made of is ours: certificates stay when they are bad, the reason is
//! told, and there is no OCSP status where there is no response.
//!
//! | file | what |
//! |---|---|
//! | `config` | the peer's file as it is written |
//! | `exporter` | [`SslExporter`]: the validated configuration |
//! | `prober` | what its modules do |
//! | `page` | its metrics |

mod config;
mod exporter;
pub mod page;
mod prober;
#[cfg(test)]
mod tests;

pub use config::File;
pub use exporter::SslExporter;
pub use page::DESCS;
