//! Why a look at an endpoint fails: the closed set of `reason`, in the order in which one can come to them.

/// Every reason with what it means; the metric reference is made of it.
pub const REASONS: &[(&str, &str)] = &[
    ("target_invalid", "The target, or the hostname beside it, is not host:port or a URL; nothing was sent."),
    ("target_refused", "allowed_targets does not allow the target, or it is link-local; nothing was sent."),
    ("dns_nxdomain", "The target's name does not exist."),
    ("dns_no_address", "The name exists, but has no address of the family that is asked for."),
    ("dns_timeout", "The name was not resolved in time."),
    ("dns_error", "The name servers failed, refused, or could not be reached."),
    ("connect_refused", "The host answered that nobody listens on the port."),
    ("connect_timeout", "Nobody answered the attempt to connect."),
    ("connect_unreachable", "There is no way to the host: no route, or a router says so."),
    ("connect_error", "No connection could be had for another cause, this machine's own."),
    (
        "proxy_error",
        "The module's proxy cannot be reached, or does not connect to the target; the log says which.",
    ),
    (
        "starttls_not_offered",
        "The server speaks the protocol and has no TLS to offer: a finding about its security.",
    ),
    ("starttls_refused", "The server said no, to the connection or to TLS."),
    ("starttls_not_protocol", "What answered does not speak the module's starttls protocol."),
    ("starttls_too_much", "The server said more than any sane one does before TLS, or more in one line."),
    (
        "starttls_injection",
        "The server said more than it was asked before TLS: what an attacker's injected text looks like.",
    ),
    ("starttls_timeout", "The dialogue before TLS did not end in time."),
    ("tls_not_tls", "What answered does not speak TLS."),
    ("tls_timeout", "The handshake did not end in time."),
    (
        "connection_closed",
        "The server closed the connection before the handshake was over, without an alert.",
    ),
    ("tls_protocol_version", "The server's alert: it speaks no version that is asked for (TLS 1.2, 1.3)."),
    (
        "tls_unrecognized_name",
        "The server's alert: it has nothing for this name (SNI), or wants one and got an address.",
    ),
    ("tls_handshake_failure", "The server's alert: no cipher suite, group or signature in common."),
    (
        "tls_client_certificate_required",
        "The server wants a client certificate, and got none or one that it refuses.",
    ),
    ("tls_alert", "The server ended the handshake with another alert; the log names it."),
    ("tls_handshake", "The handshake broke off for another cause, e.g. a message that cannot be read."),
    ("tls_cert_expired", "The certificate, or one above it, has expired."),
    ("tls_cert_not_yet_valid", "The certificate's validity, or that of one above it, has not begun."),
    (
        "tls_cert_untrusted",
        "There is no path from the certificate to a trusted one, or the server does not prove that it holds the key \
         (tls_chain_trust_info and tls_handshake_key_proven tell which).",
    ),
    ("tls_name_mismatch", "The certificate is not for the name that was asked for."),
    (
        "tls_cert_revoked",
        "The certificate's issuer says that it is revoked, in the OCSP response that the server sends with it.",
    ),
    ("internal", "A defect of tls-exporter; the log says which."),
];

/// Whether a word is one of them.
#[must_use]
pub fn is_known(word: &str) -> bool {
    REASONS.iter().any(|(known, _)| *known == word)
}

/// The reason behind an alert, by its name in RFC 8446. `asked` is whether the server had asked for a client certificate:
/// before TLS 1.3, and with some servers still, the alert for a missing one does not say so.
#[must_use]
pub fn of_alert(alert: &str, asked: bool) -> &'static str {
    match alert {
        "protocol_version" => "tls_protocol_version",
        "unrecognized_name" => "tls_unrecognized_name",
        "certificate_required" => "tls_client_certificate_required",
        "handshake_failure" | "bad_certificate" | "unknown_ca" | "certificate_unknown" | "access_denied"
            if asked =>
        {
            "tls_client_certificate_required"
        }
        "handshake_failure" | "insufficient_security" => "tls_handshake_failure",
        _ => "tls_alert",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_stands_once_with_its_meaning() {
        for (index, (word, meaning)) in REASONS.iter().enumerate() {
            assert!(REASONS[..index].iter().all(|(other, _)| other != word), "{word} stands twice");
            assert!(word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{word}");
            assert!(meaning.ends_with('.') && !meaning.contains('\n'), "{word}");
        }
    }

    #[test]
    fn what_wire_says_is_among_them() {
        for reason in wire::starttls::Reason::ALL {
            assert!(is_known(reason.word()), "{reason:?}");
        }
    }

    #[test]
    fn what_alerts_mean() {
        for (alert, asked, want) in [
            ("protocol_version", false, "tls_protocol_version"),
            ("unrecognized_name", true, "tls_unrecognized_name"),
            ("handshake_failure", false, "tls_handshake_failure"),
            ("handshake_failure", true, "tls_client_certificate_required"),
            ("certificate_required", false, "tls_client_certificate_required"),
            ("internal_error", true, "tls_alert"),
        ] {
            assert_eq!(of_alert(alert, asked), want, "{alert}");
            assert!(is_known(want));
        }
    }
}
