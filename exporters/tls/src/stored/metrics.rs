//! The descriptions of what is told of served and stored certificates.

use kit::Desc;

/// Whether they are the same.
pub const MATCHES: Desc = Desc::gauge(
    "tls_served_matches_stored",
    "Whether the certificate that the target serves is the first in the file that it belongs to: 0 after a renewal that the \
     server was not told of. Which file it is, is known from Nginx Proxy Manager, from the target's stored, or from its \
     names and key.",
)
.labels(&["target", "module", "source", "path"]);
/// Since when they are not.
pub const STALE_SINCE: Desc = Desc::gauge(
    "tls_served_stale_since_timestamp_seconds",
    "Since when the target serves another certificate than the stored one, in seconds since 1970: the file's last change, or \
     when both were last seen to be the same if that is later. Absent when they are the same.",
)
.labels(&["target", "module", "source", "path"]);

/// Everything that is told of served and stored certificates.
pub const DESCS: &[&Desc] = &[&MATCHES, &STALE_SINCE];
