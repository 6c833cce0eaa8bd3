//! Success, reason, durations, addresses, the handshake.

use kit::{Desc, Page};
use wire::Phase;
use wire::tls::{Proof, Seen};

use super::{TARGET, count, flag};
use crate::endpoint::Look;
use crate::reasons::REASONS;

/// Whether all is well.
pub const SUCCESS: Desc = Desc::gauge(
    "tls_probe_success",
    "Whether the handshake succeeded with every address of the target and, unless the module skips verification, every \
     certificate is good.",
)
.labels(TARGET);
/// Why not.
pub const FAILURE: Desc = Desc::info(
    "tls_probe_failure_info",
    "Why the look failed: the phase in which it stopped, and the reason from a closed set; of the first address that is \
     not well. Absent on success. What was seen of the certificate is shown all the same.",
)
.labels(&["target", "module", "phase", "reason"])
.closed("reason", REASONS);
/// How long it took.
pub const DURATION: Desc = Desc::gauge(
    "tls_probe_duration_seconds",
    "How long each phase took, of the address where it took longest; a phase that was not reached is absent.",
)
.labels(&["target", "module", "phase"]);
/// Addresses.
pub const ADDRESSES: Desc = Desc::gauge(
    "tls_target_addresses",
    "Addresses that the target's name has, at most 16; each is looked at.",
)
.labels(TARGET);
/// Addresses that are not well.
pub const FAILED: Desc =
    Desc::gauge("tls_target_failed_addresses", "Addresses of the target that the look failed with.")
        .labels(TARGET);
/// Different certificates.
pub const CERTIFICATES: Desc = Desc::gauge(
    "tls_target_certificates",
    "Different certificates that the target's addresses present as their own: more than 1 is a cluster that is not \
     renewed as one. The facts are those of the worst.",
)
.labels(TARGET);
/// An address.
pub const ADDRESS: Desc = Desc::info(
    "tls_address_info",
    "An address of the target, the reason why the look failed with it (empty if it did not), and the SHA-256 of the \
     certificate that it presents (empty if none came).",
)
.labels(&["target", "module", "address", "reason", "fingerprint_sha256"]);
/// The handshake.
pub const HANDSHAKE: Desc = Desc::info(
    "tls_handshake_info",
    "What was agreed upon: version, cipher suite by its name at IANA, key exchange group, ALPN protocol (empty without).",
)
.labels(&["target", "module", "version", "cipher", "kx_group", "alpn"]);
/// The certificates of a handshake that was not finished.
pub const CLEARTEXT: Desc = Desc::info(
    "tls_cleartext_info",
    "The server comes to no terms with a client of today, and its certificates were read from the beginning of a handshake \
     by the version and cipher suite that it chose. That it holds the key is not proven: whoever answers may send any \
     certificate.",
)
.labels(&["target", "module", "version", "cipher"]);
/// Quantum computers.
pub const POST_QUANTUM: Desc = Desc::gauge(
    "tls_handshake_post_quantum",
    "Whether the key exchange withstands a quantum computer (X25519MLKEM768 and its like), so that what is recorded today \
     cannot be read later.",
)
.labels(TARGET);
/// The key.
pub const PROVEN: Desc = Desc::gauge(
    "tls_handshake_key_proven",
    "Whether the server proved that it holds the certificate's key, with a key and a signature that count (RSA below 2,048 \
     bits does not). Absent if the handshake ended before.",
)
.labels(TARGET);
/// A client certificate.
pub const ASKED: Desc = Desc::gauge(
    "tls_client_certificate_requested",
    "Whether the server asked for a client certificate; whether it insists shows in tls_probe_failure_info.",
)
.labels(TARGET);

/// Everything that is written here.
pub const DESCS: &[&Desc] = &[
    &SUCCESS,
    &FAILURE,
    &DURATION,
    &ADDRESSES,
    &FAILED,
    &CERTIFICATES,
    &ADDRESS,
    &HANDSHAKE,
    &CLEARTEXT,
    &POST_QUANTUM,
    &PROVEN,
    &ASKED,
];

/// What a look came to.
pub fn write(page: &mut Page, [target, module]: [&str; 2], look: &Look) {
    let labels = [target, module];
    let failure = look.failure();
    page.family(&SUCCESS).push(&labels, flag(failure.is_none()));
    if let Some(failure) = failure {
        page.family(&FAILURE).push(&[target, module, failure.phase, failure.reason], 1.0);
    }
    let mut rows = page.family(&DURATION);
    rows.push(&[target, module, Phase::Resolve.word()], look.lookup.as_secs_f64());
    for phase in [Phase::Connect, Phase::Dialogue, Phase::Tls] {
        if let Some(took) = look.sights.iter().filter_map(|sight| sight.watch.get(phase)).max() {
            rows.push(&[target, module, phase.word()], took.as_secs_f64());
        }
    }
    if look.failure.is_some() {
        return;
    }
    page.family(&ADDRESSES).push(&labels, count(look.sights.len()));
    let failed = look.sights.iter().filter(|sight| sight.failure.is_some()).count();
    page.family(&FAILED).push(&labels, count(failed));
    if look.certificates() > 0 {
        page.family(&CERTIFICATES).push(&labels, count(look.certificates()));
    }
    if let Some(unproven) = look.worst().and_then(|sight| sight.cleartext.as_ref()) {
        page.family(&CLEARTEXT).push(&[target, module, unproven.version, &unproven.cipher], 1.0);
    }
    let mut rows = page.family(&ADDRESS);
    for sight in &look.sights {
        let reason = sight.failure.as_ref().map_or("", |failure| failure.reason);
        let leaf = sight.leaf();
        let fingerprint = leaf.map_or_else(String::new, |leaf| leaf.fingerprint_hex());
        rows.push(&[target, module, &sight.ip.to_string(), reason, &fingerprint], 1.0);
    }
}

/// What a handshake came to.
pub fn handshake(page: &mut Page, [target, module]: [&str; 2], seen: &Seen) {
    let labels = [target, module];
    if let Some(version) = seen.version {
        let alpn = String::from_utf8_lossy(seen.alpn.as_deref().unwrap_or_default());
        let (cipher, group) = (seen.cipher.unwrap_or_default(), seen.key_exchange.unwrap_or_default());
        page.family(&HANDSHAKE).push(&[target, module, version.as_str(), cipher, group, &alpn], 1.0);
    }
    if let Some(group) = seen.key_exchange {
        page.family(&POST_QUANTUM).push(&labels, flag(group.to_ascii_uppercase().contains("MLKEM")));
    }
    match seen.proof {
        Proof::NotSeen => {}
        proof => {
            page.family(&PROVEN).push(&labels, flag(proof == Proof::Valid));
        }
    }
    if seen.chain().is_some() {
        page.family(&ASKED).push(&labels, flag(seen.asked_for_certificate));
    }
}
