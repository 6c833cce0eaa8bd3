//! Which versions of TLS are accepted.

use kit::{Desc, Page};

use super::flag;
use crate::endpoint::{Accepted, VERSIONS};

/// The values of the label `version`.
const WORDS: &[(&str, &str)] = &[
    ("TLS 1.0", "Of 1999, withdrawn (RFC 8996)."),
    ("TLS 1.1", "Of 2006, withdrawn (RFC 8996)."),
    ("TLS 1.2", "Of 2008, good with the right settings."),
    ("TLS 1.3", "Of 2018."),
];

/// A version.
pub const ACCEPTED: Desc = Desc::gauge(
    "tls_protocol_accepted",
    "Whether an address of the target answers a client that speaks this version and none newer. Asked by a connection for \
     each version: on the schedule once an hour, on /probe where the module says accepted_versions: true. Absent where the \
     answer does not tell.",
)
.labels(&["target", "module", "version"])
.closed("version", WORDS);

/// Everything that is written here.
pub const DESCS: &[&Desc] = &[&ACCEPTED];

/// What was found out.
pub fn write(page: &mut Page, [target, module]: [&str; 2], accepted: &Accepted) {
    let mut rows = page.family(&ACCEPTED);
    for (version, accepted) in VERSIONS.into_iter().zip(accepted) {
        if let Some(accepted) = accepted {
            rows.push(&[target, module, version.as_str()], flag(*accepted));
        }
    }
}
