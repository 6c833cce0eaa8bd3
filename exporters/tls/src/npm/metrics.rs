//! The descriptions of what is told of Nginx Proxy Manager.

use kit::Desc;

use super::discover::LEFT_OUT;
use super::inventory::{KINDS, ROWS, STATES};
use super::reasons::REASONS;

const NPM: &[&str] = &["npm"];

/// Whether it can be read.
pub const UP: Desc = Desc::gauge(
    "npm_up",
    "Whether the last reading of Nginx Proxy Manager's inventory went well; if not, what is told is that of \
     npm_last_success_timestamp_seconds.",
)
.labels(NPM);
/// How often it is read.
pub const INTERVAL: Desc = Desc::gauge(
    "npm_interval_seconds",
    "From one reading of the inventory to the next. There before the first reading has ended.",
)
.labels(NPM);
/// Why not.
pub const ERROR: Desc =
    Desc::info("npm_error_info", "Why the last reading of the inventory failed; absent if it did not.")
        .labels(&["npm", "reason"])
        .closed("reason", REASONS);
/// When it was read.
pub const LAST_SUCCESS: Desc = Desc::gauge(
    "npm_last_success_timestamp_seconds",
    "When the inventory was last read, in seconds since 1970; all that is told of it is of that time. Absent until then.",
)
.labels(NPM);
/// How long it took.
pub const TOOK: Desc =
    Desc::gauge("npm_read_duration_seconds", "How long the last reading of the inventory took, well or not.")
        .labels(NPM);
/// Hosts.
pub const HOSTS: Desc = Desc::gauge(
    "npm_hosts",
    "Hosts by type and state: enabled, disabled, or offline (enabled, but nginx refuses its configuration).",
)
.labels(&["npm", "type", "state"])
.closed("state", STATES);
/// Rows that cannot be read.
pub const ODD: Desc = Desc::gauge(
    "npm_odd_rows",
    "Rows of the inventory that cannot be read, wholly or in part, by type: a value that is missing or of another kind, an end \
     of a certificate that is no time. The log names each. What was known of them before is told on.",
)
.labels(&["npm", "type"])
.closed("type", ROWS);
/// Names that are not looked at.
pub const LEFT_OUT_INFO: Desc = Desc::info(
    "npm_host_name_left_out_info",
    "A name of an enabled host that is neither looked at nor given to others (/sd), and why.",
)
.labels(&["npm", "type", "id", "name", "reason"])
.closed("reason", LEFT_OUT);
/// When it was kept.
pub const KEPT: Desc = Desc::gauge(
    "npm_kept_timestamp_seconds",
    "Of what time the inventory was last kept in the state directory, in seconds since 1970: it is known after a restart, also \
     while Nginx Proxy Manager is away. Absent if it is not kept: STATE_DIRECTORY is not set, or it cannot be written.",
)
.labels(NPM);
/// Whether nginx serves a host.
pub const ONLINE: Desc = Desc::gauge(
    "npm_host_online",
    "Whether nginx took the configuration of an enabled host; 0: nobody is answered for it, and Nginx Proxy Manager shows \
     why. Absent where Nginx Proxy Manager does not say.",
)
.labels(&["npm", "type", "id", "host"])
.closed("type", KINDS);
/// When Nginx Proxy Manager believes that a certificate ends.
pub const EXPIRES_ON: Desc = Desc::gauge(
    "npm_certificate_expires_on_timestamp_seconds",
    "The end of a certificate as Nginx Proxy Manager remembers it, in seconds since 1970. By the API only those of \
     certificates that a host uses can be had without its handing out private keys.",
)
.labels(&["npm", "id", "name", "provider"]);
/// Memory and truth.
pub const DRIFT: Desc = Desc::gauge(
    "npm_certificate_expiry_drift_seconds",
    "The end of a certificate as Nginx Proxy Manager remembers it, minus that of the certificate in its file: not 0 when \
     the file was replaced by another hand. Absent if the file cannot be read, and until the inventory was read a minute or \
     more after the file was changed.",
)
.labels(&["npm", "id", "name"]);
/// Use.
pub const USED_BY: Desc = Desc::gauge(
    "npm_certificate_hosts",
    "Hosts that use a certificate, disabled ones among them. 0 (only with a database): nobody does, and it may be deleted.",
)
.labels(&["npm", "id", "name"]);

/// Everything that is told of Nginx Proxy Manager.
pub const DESCS: &[&Desc] = &[
    &UP,
    &INTERVAL,
    &ERROR,
    &LAST_SUCCESS,
    &KEPT,
    &TOOK,
    &HOSTS,
    &ODD,
    &LEFT_OUT_INFO,
    &ONLINE,
    &EXPIRES_ON,
    &DRIFT,
    &USED_BY,
];
