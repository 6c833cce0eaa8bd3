//! The peer's metrics.

use std::collections::HashSet;

use kit::{Desc, Page};
use wire::tls::{Certificate, Status};

use crate::endpoint::{Look, Shown};
use crate::metrics::{flag, seconds};

/// A certificate's identity; in the middle of each family's labels.
macro_rules! identity {
    ($($before:literal),*) => {
        &[$($before,)* "serial_no", "issuer_cn", "cn", "dnsnames", "ips", "emails", "ou"]
    };
}

/// Whether all is well.
pub const SUCCESS: Desc = Desc::gauge("ssl_probe_success", "Whether the probe succeeded.");
/// How it was looked at.
pub const PROBER: Desc = Desc::gauge("ssl_prober", "The prober that the module names.").labels(&["prober"]);
/// The version.
pub const VERSION: Desc =
    Desc::info("ssl_tls_version_info", "The version of TLS that was agreed upon.").labels(&["version"]);
/// The last moment.
pub const NOT_AFTER: Desc = Desc::gauge(
    "ssl_cert_not_after",
    "The last moment of validity of each certificate that the server sent, in seconds since 1970; also of one that is not good.",
)
.labels(identity!());
/// The first moment.
pub const NOT_BEFORE: Desc = Desc::gauge(
    "ssl_cert_not_before",
    "The first moment of validity of each certificate that the server sent, in seconds since 1970.",
)
.labels(identity!());
/// Of the paths.
pub const VERIFIED_NOT_AFTER: Desc = Desc::gauge(
    "ssl_verified_cert_not_after",
    "The last moment of validity of each certificate on each path to a trusted one, in seconds since 1970; path 0 lasts longest.",
)
.labels(identity!("chain_no"));
/// Of the paths.
pub const VERIFIED_NOT_BEFORE: Desc = Desc::gauge(
    "ssl_verified_cert_not_before",
    "The first moment of validity of each certificate on each path to a trusted one, in seconds since 1970.",
)
.labels(identity!("chain_no"));
/// Of files.
pub const FILE_NOT_AFTER: Desc = Desc::gauge(
    "ssl_file_cert_not_after",
    "The last moment of validity of each certificate in a file, in seconds since 1970.",
)
.labels(identity!("file"));
/// Of files.
pub const FILE_NOT_BEFORE: Desc = Desc::gauge(
    "ssl_file_cert_not_before",
    "The first moment of validity of each certificate in a file, in seconds since 1970.",
)
.labels(identity!("file"));
/// A staple.
pub const STAPLED: Desc = Desc::gauge(
    "ssl_ocsp_response_stapled",
    "Whether the server sent an OCSP response. The other ssl_ocsp_ metrics are absent if it did not.",
);
/// Its status.
pub const STATUS: Desc =
    Desc::gauge("ssl_ocsp_response_status", "What the OCSP response says: 0 good, 1 revoked, 2 unknown.");
/// Signed.
pub const PRODUCED_AT: Desc =
    Desc::gauge("ssl_ocsp_response_produced_at", "When the OCSP response was signed, in seconds since 1970.");
/// From when.
pub const THIS_UPDATE: Desc = Desc::gauge(
    "ssl_ocsp_response_this_update",
    "From when on the OCSP response is true, in seconds since 1970.",
);
/// Until when.
pub const NEXT_UPDATE: Desc = Desc::gauge(
    "ssl_ocsp_response_next_update",
    "Until when the OCSP response is good, in seconds since 1970. Absent if it does not say.",
);
/// Revoked.
pub const REVOKED_AT: Desc = Desc::gauge(
    "ssl_ocsp_response_revoked_at",
    "When the certificate was revoked, in seconds since 1970. Absent if it was not.",
);

/// Everything that `/probe` shows.
pub const DESCS: &[&Desc] = &[
    &SUCCESS,
    &PROBER,
    &VERSION,
    &NOT_AFTER,
    &NOT_BEFORE,
    &VERIFIED_NOT_AFTER,
    &VERIFIED_NOT_BEFORE,
    &FILE_NOT_AFTER,
    &FILE_NOT_BEFORE,
    &STAPLED,
    &STATUS,
    &PRODUCED_AT,
    &THIS_UPDATE,
    &NEXT_UPDATE,
    &REVOKED_AT,
];

/// Success and prober.
pub(super) fn outcome(page: &mut Page, prober: &str, success: bool) {
    page.set(&SUCCESS, flag(success));
    page.family(&PROBER).push(&[prober], 1.0);
}

/// What a look at an endpoint showed: of several addresses the worst's.
pub(super) fn look(page: &mut Page, look: &Look) {
    let Some(sight) = look.worst() else { return };
    if let Some(chain) = sight.shown().as_ref().and_then(Shown::chain) {
        dates(page, [&NOT_AFTER, &NOT_BEFORE], None, chain.certificates());
    }
    if let Some(unproven) = &sight.cleartext {
        page.family(&VERSION).push(&[unproven.version], 1.0);
    }
    let Some(seen) = &sight.seen else { return };
    if let Some(version) = seen.version {
        page.family(&VERSION).push(&[version.as_str()], 1.0);
    }
    let paths = seen.verification().map_or(&[][..], |verification| &verification.paths);
    for (number, path) in paths.iter().enumerate() {
        let path: Vec<Certificate> = path.iter().filter_map(|der| Certificate::parse(der).ok()).collect();
        let number = number.to_string();
        dates(page, [&VERIFIED_NOT_AFTER, &VERIFIED_NOT_BEFORE], Some(&number), path.iter());
    }
    if seen.chain().is_none() {
        return;
    }
    page.set(&STAPLED, flag(!seen.ocsp.is_empty()));
    let Some(answer) = seen.staple.as_ref().and_then(|staple| staple.answer) else { return };
    let status = match answer.status {
        Status::Good => 0.0,
        Status::Revoked => 1.0,
        Status::Unknown => 2.0,
    };
    page.set(&STATUS, status);
    for (desc, time) in [
        (&PRODUCED_AT, Some(answer.produced_at)),
        (&THIS_UPDATE, Some(answer.this_update)),
        (&NEXT_UPDATE, answer.next_update),
        (&REVOKED_AT, answer.revoked_at),
    ] {
        if let Some(time) = time {
            page.set(desc, seconds(time));
        }
    }
}

/// What a fetched file has.
pub(super) fn certificates(page: &mut Page, all: &[Certificate]) {
    dates(page, [&NOT_AFTER, &NOT_BEFORE], None, all.iter());
}

/// What a file here has.
pub(super) fn file(page: &mut Page, path: &str, all: &[Certificate]) {
    dates(page, [&FILE_NOT_AFTER, &FILE_NOT_BEFORE], Some(path), all.iter());
}

fn dates<'a>(
    page: &mut Page,
    [not_after, not_before]: [&Desc; 2],
    first: Option<&str>,
    all: impl Iterator<Item = &'a Certificate>,
) {
    // The labels do not tell every two certificates apart, and of one series there can be one value.
    let mut seen = HashSet::new();
    for certificate in all {
        let identity = identity(certificate);
        if !seen.insert(identity.clone()) {
            continue;
        }
        let labels: Vec<&str> = first.into_iter().chain(identity.iter().map(String::as_str)).collect();
        page.family(not_after).push(&labels, seconds(certificate.not_after));
        page.family(not_before).push(&labels, seconds(certificate.not_before));
    }
}

fn identity(certificate: &Certificate) -> [String; 7] {
    let list = |all: &[String]| if all.is_empty() { String::new() } else { format!(",{},", all.join(",")) };
    let ips: Vec<String> = certificate.ip_addresses.iter().map(ToString::to_string).collect();
    [
        decimal(&certificate.serial),
        certificate.issuer_common_name.clone().unwrap_or_default(),
        certificate.subject_common_name.clone().unwrap_or_default(),
        list(&certificate.dns_names),
        list(&ips),
        list(&certificate.emails),
        list(&certificate.subject_organizational_units),
    ]
}

/// A hexadecimal number of any length in decimal digits, as the peer writes serial numbers.
fn decimal(hexadecimal: &str) -> String {
    // Nine decimal digits each, the lowest first.
    const BASE: u64 = 1_000_000_000;
    let mut parts: Vec<u64> = vec![0];
    for digit in hexadecimal.chars().filter_map(|letter| letter.to_digit(16)) {
        let mut carry = u64::from(digit);
        for part in &mut parts {
            let value = *part * 16 + carry;
            (*part, carry) = (value % BASE, value / BASE);
        }
        if carry > 0 {
            parts.push(carry);
        }
    }
    let mut text = parts.pop().unwrap_or_default().to_string();
    for part in parts.iter().rev() {
        text.push_str(&format!("{part:09}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_in_decimal() {
        for (hexadecimal, want) in [
            ("", "0"),
            ("0a", "10"),
            ("ff", "255"),
            ("3b9aca00", "1000000000"),
            ("ffffffffffffffff", "18446744073709551615"),
            ("ffffffffffffffffffffffffffffffffffffffff", "1461501637330902918203684832716283019655932542975"),
        ] {
            assert_eq!(decimal(hexadecimal), want, "{hexadecimal}");
        }
    }
}
