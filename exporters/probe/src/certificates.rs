//! What a TLS handshake showed, as metrics: also when it ended in a refusal.
//!
//! blackbox_exporter drops every certificate metric the moment the certificate is no longer good, so that an alert on
//! expiry resolves when it has come true (prometheus/blackbox_exporter#1119). Here only `probe_success` tells.

use kit::{Desc, Page};
use wire::tls::Seen;

/// What Go's zero time is in seconds since 1970: the peer's word for "no verified chain".
const NO_CHAIN: f64 = -62_135_596_800.0;

/// When the first certificate expires.
pub const EARLIEST_EXPIRY: Desc = Desc::gauge(
    "probe_ssl_earliest_cert_expiry",
    "When the first of the certificates that the server presented expires, in seconds since 1970.",
);
/// When the verified chain expires.
pub const CHAIN_EXPIRY: Desc = Desc::gauge(
    "probe_ssl_last_chain_expiry_timestamp_seconds",
    "When the longest-lived path from the certificate to a trusted one expires; -62135596800 if there is no such path \
     and none is asked for.",
);
/// The certificate's identity.
pub const CHAIN_INFO: Desc = Desc::info("probe_ssl_last_chain_info", "The server's own certificate.")
    .labels(&["fingerprint_sha256", "issuer", "serialnumber", "subject", "subjectalternative"]);
/// When validity begins.
pub const NOT_BEFORE: Desc = Desc::gauge(
    "probe_ssl_not_before_timestamp_seconds",
    "When the validity of the server's own certificate begins, in seconds since 1970.",
);
/// Whether all is good.
pub const VERIFIED: Desc = Desc::gauge(
    "probe_ssl_verified",
    "Whether chain, dates, name and the server's proof of its key are all good; also told where the module does not insist.",
);
/// The version agreed upon.
pub const VERSION_INFO: Desc =
    Desc::info("probe_tls_version_info", "The TLS version that was agreed upon.").labels(&["version"]);
/// The cipher suite agreed upon.
pub const CIPHER_INFO: Desc =
    Desc::info("probe_tls_cipher_info", "The TLS cipher suite that was agreed upon, by its name at IANA.")
        .labels(&["cipher"]);

/// Everything that [`write()`] can add.
pub const DESCS: &[&Desc] =
    &[&EARLIEST_EXPIRY, &CHAIN_EXPIRY, &CHAIN_INFO, &NOT_BEFORE, &VERIFIED, &VERSION_INFO];

/// Adds what was seen. `required` is whether a bad certificate fails the probe.
pub fn write(page: &mut Page, seen: &Seen, required: bool) {
    if let Some(chain) = seen.chain() {
        if let Some(expiry) = chain.earliest_expiry() {
            page.set(&EARLIEST_EXPIRY, seconds(expiry));
        }
        match seen.verification().and_then(|verification| verification.path_expiry) {
            Some(expiry) => page.set(&CHAIN_EXPIRY, seconds(expiry)),
            None if !required => page.set(&CHAIN_EXPIRY, NO_CHAIN),
            None => {}
        }
        if let Some(leaf) = chain.leaf() {
            let names = leaf.dns_names.join(",");
            let labels = [&leaf.fingerprint_hex(), &leaf.issuer, &leaf.serial, &leaf.subject, &names];
            page.family(&CHAIN_INFO).push(&labels.map(String::as_str), 1.0);
            page.set(&NOT_BEFORE, seconds(leaf.not_before));
        }
        page.set(&VERIFIED, f64::from(u8::from(seen.is_verified())));
    }
    if let Some(version) = seen.version {
        page.family(&VERSION_INFO).push(&[version.as_str()], 1.0);
    }
}

#[allow(clippy::cast_precision_loss, reason = "no certificate lives 285 million years")]
fn seconds(time: i64) -> f64 {
    time as f64
}
