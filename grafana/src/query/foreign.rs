//! Descriptions of metrics that no exporter of ours emits: what Prometheus makes itself, and what our rules record.
//! The lint compares the recorded ones with the rules.

use kit::Desc;

/// Whether the last scrape worked.
pub const UP: Desc = Desc::gauge("up", "Whether the last scrape worked.");
/// How long a scrape took.
pub const SCRAPE_DURATION: Desc = Desc::gauge("scrape_duration_seconds", "How long the scrape took.");
/// How long a scrape may take; only with `--enable-feature=extra-scrape-metrics`.
pub const SCRAPE_TIMEOUT: Desc = Desc::gauge("scrape_timeout_seconds", "How long the scrape may take.");
/// How many samples a scrape brought.
pub const SCRAPE_SAMPLES: Desc =
    Desc::gauge("scrape_samples_scraped", "How many samples the scrape brought.");
/// Alerts that are pending or firing.
pub const ALERTS: Desc = Desc::gauge("ALERTS", "Alerts that are pending or firing.")
    .labels(&["alertname", "alertstate", "severity", "job", "instance"])
    .open();
/// Since when an alert's expression holds.
pub const ALERTS_FOR_STATE: Desc =
    Desc::gauge("ALERTS_FOR_STATE", "Since when the alert's expression holds, in seconds since 1970.")
        .labels(&["alertname", "severity", "job", "instance"])
        .open();

/// Recorded: the share of probes that worked in the last 24 hours.
pub const UPTIME_24H: Desc = uptime("probe:uptime_ratio:24h");
/// Recorded: how many probes each hour had.
pub const ATTEMPTS_HOUR: Desc =
    Desc::gauge("probe:attempts:increase1h", "Probes in the last hour.").labels(&["job", "target"]);
/// Recorded: how many of them failed.
pub const FAILURES_HOUR: Desc =
    Desc::gauge("probe:failures:increase1h", "Failed probes in the last hour.").labels(&["job", "target"]);

/// Recorded: the share of probes that may fail.
pub const ERROR_BUDGET: Desc =
    Desc::gauge("probe:error_budget:ratio", "The share of probes that may fail.").labels(&["job", "target"]);
/// Recorded: why each failing target fails, in words.
pub const FAILURE_CAUSE: Desc =
    Desc::gauge("probe:failure:cause", "Why the target fails, in words.").labels(&[
        "job", "instance", "target", "module", "phase", "reason", "kind", "cause", "cause_pt", "step",
        "step_pt",
    ]);
/// Recorded: a failure's reasons in words.
pub const REASON_WORDS: Desc = Desc::gauge("probe:reason:words", "A failure's reason in words.")
    .labels(&["reason", "kind", "cause", "cause_pt", "step", "step_pt"]);
/// Recorded: the mean time of a service's probes in the last quarter of an hour.
pub const DURATION_MEAN: Desc =
    Desc::gauge("probe:duration_seconds:mean15m", "How long probes took.").labels(&["job", "target"]);
/// Recorded: what is usual of it.
pub const DURATION_USUAL: Desc =
    Desc::gauge("probe:duration_seconds:usual7d", "How long probes usually take.").labels(&["job", "target"]);

/// Recorded: the last moment of each certificate, of servers and files alike.
pub const CERTIFICATE_END: Desc =
    certificate("tls:certificate_end:timestamp_seconds", "When the certificate expires.");
/// Recorded: when it should have been renewed.
pub const CERTIFICATE_DUE: Desc =
    certificate("tls:certificate_due:timestamp_seconds", "When the certificate should have been renewed.");
/// Recorded: how much of the time to renew it in is used up.
pub const CERTIFICATE_OVERDUE: Desc =
    certificate("tls:certificate_overdue:ratio", "How much of the time to renew it in is used up.");
/// Recorded: until it expires.
pub const CERTIFICATE_LEFT: Desc =
    certificate("tls:certificate_left:seconds", "Until the certificate expires.");
/// Recorded: what clients refuse of it.
pub const CERTIFICATE_FAULT: Desc = Desc::gauge("tls:certificate:fault", "What clients refuse of it.")
    .labels(&["job", "instance", "target", "module", "name", "scope", "link", "node", "id", "fault"]);

/// Recorded: 1 for a collector that brings nothing.
pub const COLLECTOR_BLIND: Desc = Desc::gauge("pve:collector:blind", "Whether the collector brings nothing.")
    .labels(&["job", "instance", "cluster", "collector", "node"]);
/// Recorded: whether each node is up, as was last known.
pub const NODE_UP: Desc = Desc::gauge("pve:node:up", "Whether the node is up.").labels(PVE_NODE);
/// Recorded: every guest, with its name and node.
pub const GUEST_THING: Desc = Desc::gauge("pve:guest:thing", "A guest.").labels(PVE_GUEST_NAMED);
/// Recorded: whether each guest runs, as was last known.
pub const GUEST_UP: Desc = Desc::gauge("pve:guest:up", "Whether the guest runs.").labels(PVE_GUEST);
/// Recorded: guests that are to run.
pub const GUEST_WANTED: Desc = Desc::gauge("pve:guest:wanted", "A guest that is to run.").labels(PVE_GUEST);
/// Recorded: guests that no backup job covers, as was last known.
pub const GUEST_UNCOVERED: Desc =
    Desc::gauge("pve:guest:uncovered", "A guest that no backup job covers.").labels(PVE_GUEST);
/// Recorded: how full each storage is.
pub const STORAGE_USED: Desc =
    Desc::gauge("pve:storage_used:ratio", "How full the storage is.").labels(PVE_STORAGE);
/// Recorded: when each storage is full, of those that fill.
pub const STORAGE_FULL_IN: Desc =
    Desc::gauge("pve:storage_full_in:seconds", "Until the storage is full.").labels(PVE_STORAGE);
/// Recorded: when the newest backup of each guest was begun.
pub const BACKUP_LAST: Desc =
    Desc::gauge("pve:backup_last:timestamp_seconds", "When the newest backup was begun.").labels(PVE_GUEST);
/// Recorded: how old it is, in its intervals.
pub const BACKUP_LATE: Desc =
    Desc::gauge("pve:backup_late:ratio", "How old the newest backup is, in its intervals.")
        .labels(PVE_GUEST_NAMED);
/// Recorded: the share of a node's memory that is left.
pub const NODE_MEMORY_LEFT: Desc =
    Desc::gauge("pve:node_memory_left:ratio", "The share of memory that is left.").labels(PVE_NODE);
/// Recorded: what the guests that run may take of a node's memory.
pub const NODE_MEMORY_PROMISED: Desc =
    Desc::gauge("pve:node_memory_promised:ratio", "What guests may take of the node's memory.")
        .labels(PVE_NODE);

const PVE_NODE: &[&str] = &["job", "instance", "cluster", "node"];
const PVE_GUEST: &[&str] = &["job", "instance", "cluster", "id"];
const PVE_GUEST_NAMED: &[&str] = &["job", "instance", "cluster", "id", "node", "name"];
const PVE_STORAGE: &[&str] = &["job", "instance", "cluster", "storage", "node"];

/// Every recorded series that the dashboards use.
pub const RECORDED: &[&Desc] = &[
    &UPTIME_24H,
    &ATTEMPTS_HOUR,
    &FAILURES_HOUR,
    &ERROR_BUDGET,
    &FAILURE_CAUSE,
    &REASON_WORDS,
    &DURATION_MEAN,
    &DURATION_USUAL,
    &CERTIFICATE_END,
    &CERTIFICATE_DUE,
    &CERTIFICATE_OVERDUE,
    &CERTIFICATE_LEFT,
    &CERTIFICATE_FAULT,
    &COLLECTOR_BLIND,
    &NODE_UP,
    &GUEST_THING,
    &GUEST_UP,
    &GUEST_WANTED,
    &GUEST_UNCOVERED,
    &STORAGE_USED,
    &STORAGE_FULL_IN,
    &BACKUP_LAST,
    &BACKUP_LATE,
    &NODE_MEMORY_LEFT,
    &NODE_MEMORY_PROMISED,
];

const fn certificate(name: &'static str, help: &'static str) -> Desc {
    Desc::gauge(name, help).labels(&[
        "job", "instance", "target", "module", "source", "path", "name", "scope", "link", "node", "id",
    ])
}

const fn uptime(name: &'static str) -> Desc {
    Desc::gauge(name, "The share of probes that worked.").labels(&["job", "target"])
}
