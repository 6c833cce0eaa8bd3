//! Proxmox VE: nodes, guests, storage, backups, high availability and replication of whole clusters, from one scrape. One
//! sick node, hanging storage or missing privilege costs what it is about, names itself, and nothing else.
//!
//! | module | what |
//! |---|---|
//! | [`config`] | the file as it is written: `clusters:`, or the modules of a `pve.yml`; what it becomes |
//! | [`exporter`] | [`ProxmoxExporter`]: the validated configuration, and the shapes that work by it |
//! | [`api`] | the cluster's API: endpoints, credentials, connections, why a call failed |
//! | [`cluster`] | what is known of a cluster: what a scrape waits for, and what the background keeps |
//! | [`collect`] | the collectors, one file and one line each, with their metrics |
//! | [`discovery`] | `/sd`: nodes and guests as targets for others |
//! | [`door`] | `/pve`: the peer's page, for configured targets alone |
//! | [`once`] | `proxmox-exporter once`: everything asked now, in words |
//! | [`setup`] | the commands that make a read-only token |
//! | `cli` | the command line; [`main`] |
//! | `peer` | prometheus-pve-exporter's command line, in this program's words |
//!
//! Every family has the label `cluster` first, the configuration's name for it: on `/metrics` there may be several. `/pve`
//! leaves it out, for the peer's dashboards know no such label.

#![forbid(unsafe_code)]

pub mod api;
mod cli;
pub mod cluster;
pub mod collect;
pub mod config;
pub mod discovery;
pub mod door;
pub mod exporter;
#[doc(hidden)]
pub mod fuzzing;
pub mod once;
mod peer;
pub mod setup;

pub use cli::main;
pub use exporter::ProxmoxExporter;
