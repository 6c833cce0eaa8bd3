//! What a chain is worth, each fact apart: peers tell one verdict, and the first fault hides the others.

use wire::tls::{Certificate, Chain, NameMatch, Seen, Trust, Validity};

/// The part of a certificate in what a server sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The server's own.
    Leaf,
    /// Signed by another.
    Intermediate,
    /// Signed by itself; no client needs it sent.
    Root,
}

impl Role {
    /// Of the certificate at this place.
    #[must_use]
    pub fn of(certificate: &Certificate, position: usize) -> Self {
        match position {
            0 => Self::Leaf,
            _ if certificate.self_issued => Self::Root,
            _ => Self::Intermediate,
        }
    }

    /// The value of the label `role`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Leaf => "leaf",
            Self::Intermediate => "intermediate",
            Self::Root => "root",
        }
    }
}

/// The values of the label `role`.
pub const ROLES: &[(&str, &str)] = &[
    ("leaf", "The server's own certificate, the first that it sends."),
    ("intermediate", "An authority's, signed by another."),
    ("root", "An authority's, signed by itself; no client needs it sent."),
];

/// The values of the label `trust`.
pub const TRUSTS: &[(&str, &str)] = &[
    ("anchored", "A path leads to a trusted certificate."),
    ("pinned", "The certificate is itself among the trusted ones."),
    ("unknown_issuer", "Its issuer is neither sent nor trusted."),
    ("self_signed", "It is signed by itself, and is not trusted."),
    (
        "incomplete_chain",
        "The server sends it alone, and its issuer's, which it says where to fetch, is missing.",
    ),
    ("weak_signature", "Signed with an algorithm that nobody should trust: SHA-1, MD5."),
    ("bad_signature", "A signature in the chain is wrong."),
    ("ca_as_server", "An authority's certificate is used as a server's."),
    ("constraint", "The certificates are not meant for this: key usage, name constraints, path length."),
    ("old_version", "It is not a certificate of X.509 version 3."),
    ("unreadable", "It cannot be read."),
    ("other", "Another cause; the log names it."),
];

/// What is to be known of a chain, a fact each. `None` is not known.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Chain, dates, name and the proof of the key are all good.
    pub valid: bool,
    /// Now lies within the dates of the server's own certificate.
    pub time_valid: Option<bool>,
    /// It is for the name that was asked for.
    pub name_match: Option<bool>,
    /// Whether, and why not, a path leads to a trusted certificate, dates left aside.
    pub trust: Trust,
    /// From the server's own certificate, issuer by issuer through what it sent, one comes to a trusted certificate or
    /// to one that is signed by itself.
    pub complete: bool,
    /// Each certificate is followed by its issuer's.
    pub in_order: bool,
    /// A signature below the root is made with SHA-1 or MD5.
    pub weak_signature: bool,
    /// The server's own key is too small: RSA under 2,048 bits, an elliptic curve under 224.
    pub weak_key: Option<bool>,
    /// When the longest-lived path to a trusted certificate expires.
    pub path_expiry: Option<i64>,
}

impl Facts {
    /// Of what a handshake showed; `None` if it showed no certificate.
    #[must_use]
    pub fn of(seen: &Seen) -> Option<Self> {
        let (chain, verification) = (seen.chain()?, seen.verification()?);
        Some(Self {
            valid: seen.is_verified(),
            time_valid: match verification.validity {
                Validity::Valid => Some(true),
                Validity::Expired(_) | Validity::NotYetValid(_) => Some(false),
                Validity::Unreadable => None,
            },
            name_match: match verification.name {
                NameMatch::Match => Some(true),
                NameMatch::Mismatch(_) | NameMatch::NoNames => Some(false),
                NameMatch::Unreadable => None,
            },
            trust: verification.trust,
            complete: verification.trust.is_trusted() || ends_in_itself(chain),
            in_order: in_order(chain),
            weak_signature: chain.certificates().any(weak_signature),
            weak_key: chain.leaf().map(weak_key),
            path_expiry: verification.path_expiry,
        })
    }
}

/// Whether a certificate's signature counts and is made with a digest that can be forged.
#[must_use]
pub fn weak_signature(certificate: &Certificate) -> bool {
    // Nobody verifies a root's own signature.
    let root = certificate.self_issued && certificate.is_ca;
    let name = certificate.signature_algorithm.to_ascii_lowercase();
    !root && (name.contains("sha1") || name.contains("md5"))
}

/// Whether a key can be broken by those who can afford it.
#[must_use]
pub fn weak_key(certificate: &Certificate) -> bool {
    match (certificate.key_type.as_str(), certificate.key_bits) {
        ("rsa", Some(bits)) => bits < 2048,
        ("ecdsa", Some(bits)) => bits < 224,
        _ => false,
    }
}

/// Whether each is followed by its issuer's.
#[must_use]
pub fn in_order(chain: &Chain) -> bool {
    chain.links.windows(2).all(|pair| match (&pair[0].facts, &pair[1].facts) {
        (Ok(below), Ok(above)) => below.issuer == above.subject,
        _ => false,
    })
}

/// Whether one comes, issuer by issuer, to a certificate that is signed by itself, in whatever order they stand.
fn ends_in_itself(chain: &Chain) -> bool {
    let Some(mut at) = chain.leaf() else { return false };
    // Each step takes another certificate, or names go round in a circle.
    for _ in 0..chain.links.len() {
        if at.self_issued {
            return true;
        }
        match chain
            .certificates()
            .find(|other| other.subject == at.issuer && other.fingerprint != at.fingerprint)
        {
            Some(issuer) => at = issuer,
            None => return false,
        }
    }
    at.self_issued
}
