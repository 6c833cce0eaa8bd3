//! Why a probe fails: the closed set of `reason`, in the order in which a probe can come to them.

/// Every reason with what it means; the metric reference is made of it.
pub const REASONS: &[(&str, &str)] = &[
    (
        "target_invalid",
        "The target, or the hostname beside it, is not what the prober takes; nothing was sent.",
    ),
    ("target_refused", "allowed_targets does not allow the target, or it is link-local; nothing was sent."),
    ("unsupported", "The module asks for something that is not done yet; nothing was sent."),
    ("dns_nxdomain", "The target's name does not exist."),
    ("dns_no_address", "The name exists, but has no address of the family that is asked for."),
    ("dns_timeout", "The name was not resolved in time."),
    ("dns_error", "The name servers failed, refused, or could not be reached."),
    ("connect_refused", "The host answered that nobody listens on the port."),
    ("connect_timeout", "Nobody answered the attempt to connect."),
    ("connect_unreachable", "There is no way to the host: no route, or a router says so."),
    (
        "connect_error",
        "No connection could be had for another cause: this machine's own, or a proxy that refuses.",
    ),
    ("port_open", "The port is open, and the module says that it must be closed (expect_closed)."),
    ("tls_handshake", "The TLS handshake failed, e.g. without a version or a cipher suite in common."),
    ("tls_timeout", "The TLS handshake did not end in time."),
    (
        "tls_alert",
        "The server ended the TLS handshake with an alert, e.g. since it wants a client certificate.",
    ),
    ("tls_not_tls", "What answered does not speak TLS."),
    ("tls_cert_expired", "The certificate, or one above it, has expired."),
    ("tls_cert_not_yet_valid", "The certificate's validity has not begun."),
    ("tls_cert_untrusted", "There is no path from the certificate to a trusted one."),
    ("tls_name_mismatch", "The certificate is not for the name that was asked for."),
    ("request_timeout", "dns: the query was sent, and no answer came in time."),
    (
        "response_timeout",
        "The connection stood, but what is waited for did not come, or not to its end, in time.",
    ),
    ("connection_closed", "The peer closed the connection before the answer was complete."),
    ("protocol_error", "What came breaks the protocol's rules."),
    ("status", "http: the status is none of valid_status_codes (2xx unless the module says otherwise)."),
    ("http_version", "http: the version is none of valid_http_versions."),
    ("ssl_required", "http: the last answer came without TLS (fail_if_not_ssl)."),
    ("ssl_forbidden", "http: the last answer came over TLS (fail_if_ssl)."),
    ("redirects", "http: more than ten redirects, or one that leads nowhere."),
    ("header", "http: a header matches that must not, or does not that must."),
    ("body_regex", "http: the body matches a pattern that it must not, or does not match one that it must."),
    ("body_cel", "http: a CEL expression over the body decided so, or could not be evaluated."),
    ("body_not_json", "http: there is a CEL expression, and the body is not JSON."),
    ("body_too_large", "http: the body is larger than body_size_limit."),
    ("body_decoding", "http: the body cannot be decompressed."),
    ("expect_regex", "tcp: the peer closed before a line came that matches expect."),
    ("expect_bytes", "tcp: other bytes came than expect_bytes."),
    (
        "rcode",
        "dns: the server answered with a response code (NXDOMAIN, SERVFAIL, …) that is none of valid_rcodes.",
    ),
    (
        "dns_answer",
        "dns: the response code is good, but the records are not those that validate_…_rrs wants.",
    ),
    ("dns_bad_response", "dns: the answer cannot be read, or is to another query."),
    ("icmp_timeout", "icmp: no reply in time."),
    ("icmp_unreachable", "icmp: a router or the host answered that the echo cannot be delivered."),
    ("icmp_permission", "icmp: this process may not send echoes (net.ipv4.ping_group_range, CAP_NET_RAW)."),
    (
        "internal",
        "An error of this machine that has no name here, or a defect of probe-exporter; the detail says which.",
    ),
];

/// Whether a word is one of them.
#[must_use]
pub fn is_known(word: &str) -> bool {
    REASONS.iter().any(|(known, _)| *known == word)
}

/// Whether a probe with this reason could not even begin: the exporter's own trouble, which says nothing of the service. Such
/// probes count by their reason, and neither as attempts nor as failures, since error budgets are made of those.
#[must_use]
pub fn is_untried(word: &str) -> bool {
    matches!(word, "target_invalid" | "target_refused" | "unsupported" | "icmp_permission" | "internal")
}

#[cfg(test)]
mod tests {
    use wire::dial::DialReason;

    use super::*;

    #[test]
    fn every_reason_stands_once_with_its_meaning() {
        for (index, (word, meaning)) in REASONS.iter().enumerate() {
            assert!(REASONS[..index].iter().all(|(other, _)| other != word), "{word} stands twice");
            assert!(word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{word}");
            assert!(meaning.ends_with('.') && !meaning.contains('\n'), "{word}");
        }
        assert!(!is_known("nonsense"));
    }

    #[test]
    fn what_wire_says_is_among_them() {
        use DialReason::{Error, Refused, Timeout, Unreachable};
        for reason in [Refused, Timeout, Unreachable, Error] {
            assert!(is_known(reason.word()), "{reason:?}");
        }
    }
}
