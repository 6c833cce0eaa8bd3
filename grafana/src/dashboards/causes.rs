//! A failure's reasons, in the few words that fit a bar of a timeline. The closed set of reasons is the prober's; each is in one
//! line here, which a test sees to.

use crate::color::{Color, Mapping};
use crate::text::{Text, text};

/// Reasons that look alike to whoever is called.
pub(super) struct Cause {
    /// Its number in a state's series.
    number: u8,
    words: (&'static str, &'static str),
    color: Color,
    reasons: &'static [&'static str],
}

/// The target's state is not known.
pub(super) const UNKNOWN: i8 = -1;
/// The target failed, and no reason is told.
const FAILED: u8 = 0;
/// The target works.
const WORKS: u8 = 1;

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        number: 2,
        words: ("name not found", "nome não resolve"),
        color: Color::Red,
        reasons: &["dns_nxdomain", "dns_no_address", "dns_timeout", "dns_error"],
    },
    Cause {
        number: 3,
        words: ("refused", "conexão recusada"),
        color: Color::Red,
        reasons: &["connect_refused"],
    },
    Cause {
        number: 4,
        words: ("no answer", "sem resposta"),
        color: Color::Red,
        reasons: &[
            "connect_timeout",
            "connect_unreachable",
            "connect_error",
            "tls_timeout",
            "request_timeout",
            "response_timeout",
            "icmp_timeout",
            "icmp_unreachable",
        ],
    },
    Cause {
        number: 5,
        words: ("certificate", "certificado"),
        color: Color::Red,
        reasons: &["tls_cert_expired", "tls_cert_not_yet_valid", "tls_cert_untrusted", "tls_name_mismatch"],
    },
    Cause {
        number: 6,
        words: ("TLS", "TLS"),
        color: Color::Red,
        reasons: &["tls_handshake", "tls_alert", "tls_not_tls"],
    },
    Cause {
        number: 7,
        words: ("HTTP status", "status HTTP"),
        color: Color::Red,
        reasons: &["status", "redirects"],
    },
    Cause {
        number: 8,
        words: ("wrong answer", "resposta errada"),
        color: Color::Red,
        reasons: &[
            "connection_closed",
            "protocol_error",
            "http_version",
            "ssl_required",
            "ssl_forbidden",
            "header",
            "body_regex",
            "body_cel",
            "body_not_json",
            "body_too_large",
            "body_decoding",
            "expect_regex",
            "expect_bytes",
            "rcode",
            "dns_answer",
            "dns_bad_response",
        ],
    },
    Cause { number: 9, words: ("port open", "porta aberta"), color: Color::Red, reasons: &["port_open"] },
    // farol could not try: nothing is known of the target.
    Cause {
        number: 10,
        words: ("not checked", "sem verificação"),
        color: Color::Amber,
        reasons: &["icmp_permission", "target_invalid", "target_refused", "unsupported", "internal"],
    },
];

impl Cause {
    /// A regular expression of its reasons.
    pub(super) fn pattern(&self) -> String {
        self.reasons.join("|")
    }

    pub(super) fn number(&self) -> u8 {
        self.number
    }
}

/// What the numbers of a state are called.
pub(super) fn states() -> Vec<Mapping> {
    let mut states = vec![
        Mapping::new(WORKS, works(), Color::Green),
        Mapping::new(FAILED, text("down", "fora do ar"), Color::Red),
        Mapping::new(UNKNOWN, crate::color::no_data(), Color::Grey),
    ];
    states.extend(
        CAUSES
            .iter()
            .map(|cause| Mapping::new(cause.number, text(cause.words.0, cause.words.1), cause.color)),
    );
    states
}

/// What works is called.
pub(super) fn works() -> Text {
    text("up", "no ar")
}

/// A query whose labels `cause` and `cause_pt` are a reason's words: where seconds follow in a text, it ends in a preposition, which is
/// taken off.
pub(super) fn without_seconds(query: String) -> String {
    [("cause", "in"), ("cause_pt", "em")].iter().fold(query, |inner, (label, end)| {
        format!("label_replace({inner}, \"{label}\", \"$1\", \"{label}\", \"(.+) {end}\")")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use probe_exporter::reasons::REASONS;

    #[test]
    fn each_reason_has_one_cause() {
        for (reason, _) in REASONS {
            let causes = CAUSES.iter().filter(|cause| cause.reasons.contains(reason)).count();
            assert_eq!(causes, 1, "{reason} is in {causes} lines of CAUSES");
        }
        for reason in CAUSES.iter().flat_map(|cause| cause.reasons) {
            assert!(REASONS.iter().any(|(known, _)| known == reason), "no probe fails for {reason}");
        }
    }

    #[test]
    fn numbers_are_told_apart() {
        for (at, cause) in CAUSES.iter().enumerate() {
            assert_eq!(usize::from(cause.number), at + 2);
        }
    }
}
