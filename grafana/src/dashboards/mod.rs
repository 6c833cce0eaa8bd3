//! The table of dashboards. A new one is a file and a line here.
//!
//! | file | what |
//! |---|---|
//! | `overview` | one screen: is something wrong, since when, where |
//! | `services` | what is probed: states, uptime, times, certificates |
//! | `certificates` | certificates of servers and in files: due, overdue, fact by fact |
//! | `proxmox` | Proxmox VE: the cluster, its nodes, its guests |
//! | `exporters` | farol itself |
//! | `probes`, `process`, `tls` | queries that several of them ask |
//! | `causes`, `words` | a failure's reasons, and alerts, in few words |

mod causes;
mod certificates;
mod exporters;
mod overview;
mod probes;
mod process;
mod proxmox;
mod services;
mod tls;
mod words;

use crate::annotation::Annotation;
use crate::color::Color;
use crate::dashboard::Dashboard;
use crate::query::{Expr, Selector, foreign};
use crate::rules::{RuleError, Rules};
use crate::text::{same, text};

/// Makes a dashboard, with the thresholds of the rules.
pub type Build = fn(&Rules) -> Result<Dashboard, RuleError>;

/// Every dashboard.
pub const DASHBOARDS: &[Build] = &[
    overview::dashboard,
    services::dashboard,
    certificates::dashboard,
    proxmox::cluster::dashboard,
    proxmox::node::dashboard,
    proxmox::guest::dashboard,
    exporters::dashboard,
];

/// The overview's uid.
pub const OVERVIEW: &str = "farol-overview";
/// The uid of what is probed.
pub const SERVICES: &str = "farol-services";
/// The uid of certificates.
pub const CERTIFICATES: &str = "farol-certificates";
/// The uid of Proxmox VE's clusters.
pub const CLUSTER: &str = "farol-proxmox";
/// The uid of their nodes.
pub const NODE: &str = "farol-node";
/// The uid of their guests.
pub const GUEST: &str = "farol-guest";
/// The uid of farol itself.
pub const EXPORTERS: &str = "farol-exporters";

/// Alerts of this state and severity.
fn alerts(state: &str, severity: &str) -> Selector {
    Selector::recorded(&foreign::ALERTS).equal("alertstate", state).like("severity", severity)
}

/// Lines where an alert began to fire.
fn firing(alerts: Expr) -> Annotation {
    Annotation {
        name: text("Alerts", "Alertas"),
        expr: alerts,
        color: Color::Red,
        title: same("{{alertname}}"),
        body: same("{{target}} {{path}} {{link}} {{node}} {{name}} {{storage}} {{instance}}"),
        on: true,
    }
}
