//! The descriptions of what is told of lists.

use kit::Desc;

const LIST: &[&str] = &["list"];

/// Whether it can be had.
pub const UP: Desc = Desc::gauge(
    "probe_list_up",
    "Whether the last fetch of a list of targets (http_sd_configs) went well; if not, the targets are those of before.",
)
.labels(LIST);
/// Why not.
pub const ERROR: Desc =
    Desc::info("probe_list_error_info", "Why the last fetch of the list failed; absent if it did not.")
        .labels(&["list", "reason"])
        .closed("reason", REASONS);
/// How many.
pub const TARGETS: Desc =
    Desc::gauge("probe_list_targets", "Targets of the list that are probed. Absent until it is known.")
        .labels(LIST);
/// When it was fetched.
pub const LAST_SUCCESS: Desc = Desc::gauge(
    "probe_list_last_success_timestamp_seconds",
    "When the list was last fetched, in seconds since 1970. Absent until then.",
)
.labels(LIST);

/// Everything that is told of lists.
pub const DESCS: &[&Desc] = &[&UP, &ERROR, &TARGETS, &LAST_SUCCESS];

/// Why a list cannot be had.
pub const REASONS: &[(&str, &str)] = &[
    ("dns", "The name of its host has no address."),
    ("connect", "Nobody answers at its url."),
    ("tls", "No TLS with its url, or a certificate that the system does not trust."),
    ("timeout", "No whole answer in time."),
    ("http", "What came is not HTTP, or ended too early."),
    ("status", "The status is not 200: 503 is what tls-exporter says while it does not know yet."),
    ("too_large", "The answer is above 8 MiB."),
    ("format", "The answer is no list of objects with targets and labels."),
    ("internal", "A defect of this program: please report it."),
];
