//! The face towards Prometheus. An exporter hands over a configuration type, collectors, samplers and a prober;
//! kit does the rest: flags, configuration and reload, the HTTP server, the scrape, the exposition formats.
//!
//! The way of a scrape: `serve` (limits, authentication, deadline) → `scrape` (collectors side by side, samplers'
//! snapshots) → [`Page`] (the guard) → `expose` (the negotiated format, gzip) → response. Nothing runs back up it: an
//! exporter never sees HTTP, and kit never sees what an exporter watches.
//!
//! | module | what it holds |
//! |---|---|
//! | `closed` | [`closed_set!`]: a label's closed set of values, each declared once with what it means |
//! | [`desc`] | [`Desc`]: a metric's name, HELP, kind and labels, checked when the program is compiled; the catalogue |
//! | [`page`] | [`Page`]: families of samples, and the guard that keeps a page valid |
//! | [`histogram`] | [`Histogram`]: classic and native buckets from one observation |
//! | [`expose`] | the three formats, their negotiation, compression that is not done twice |
//! | [`collector`], [`prober`], [`sampler`] | the three shapes an exporter is made of |
//! | [`discovery`] | lists of targets for others, as Prometheus' `http_sd_configs` reads them |
//! | [`exporter`] | [`Exporter`]: what binds an exporter's configuration and shapes together |
//! | [`config`] | strict YAML with positions in its errors, the generated example, secrets, reload |
//! | [`allow`] | which targets a URL may name |
//! | [`web`] | the exporter-toolkit web configuration: TLS, users, headers, rate limit |
//! | [`serve`] | listeners, connection and request limits, routes, landing page, probe history |
//! | [`flags`], [`log`], [`run`] | the command line, the logs, and the life of the process |
//! | [`once`] | what the subcommands `once` of exporters have alike |
//! | [`schedule`] | when each of many targets is due, for samplers that watch them |
//! | [`store`] | what is kept through a restart |
//! | [`sandbox`] | what the process gives up before it reads anything from others |

pub mod allow;
mod closed;
pub mod collector;
pub mod config;
pub mod desc;
pub mod discovery;
pub mod exporter;
pub mod expose;
pub mod flags;
#[doc(hidden)]
pub mod fuzzing;
pub mod histogram;
pub mod log;
pub mod once;
pub mod own;
pub mod page;
pub mod prober;
pub mod run;
pub mod sampler;
pub mod sandbox;
pub mod schedule;
pub mod serve;
pub mod store;
pub mod web;

pub use collector::{CollectError, Collector, Scope};
pub use desc::{Desc, Kind};
pub use discovery::{Discovered, Group};
pub use exporter::{About, Beside, Exporter, Notice, Watched};
pub use histogram::Histogram;
pub use page::Page;
pub use prober::{Ask, Failure, Prober, Refusal, Trace, Verdict};
pub use sampler::{Beat, Sampler};
pub use store::Store;

/// A boxed future, as the shapes return it: they are used through `dyn`, which `async fn` in a trait does not allow.
pub type BoxFuture<'a, T> = futures_util::future::BoxFuture<'a, T>;
