//! What a verification found, fault by fault. webpki stops at the first: an expired certificate would hide that it is
//! for another host.

use rustls_pki_types::CertificateDer;

use super::failure::Reason;

/// Whether now lies within the dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// It does.
    Valid,
    /// After the last moment, which is this one, seconds since 1970.
    Expired(i64),
    /// Before the first moment, which is this one, seconds since 1970.
    NotYetValid(i64),
    /// The dates cannot be read.
    Unreadable,
}

/// Whether the certificate is for the name that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameMatch {
    /// It is.
    Match,
    /// It is for these instead.
    Mismatch(Vec<String>),
    /// It has no subject alternative names; the common name has not counted since RFC 6125.
    NoNames,
    /// It cannot be read.
    Unreadable,
}

/// Whether a path leads to a trust anchor, dates left aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It does.
    Anchored,
    /// The certificate is itself a configured anchor. The home lab's usual one, self-signed by `openssl req -x509` and
    /// marked as an authority, is accepted this way; webpki alone refuses it.
    Pinned,
    /// Its issuer is neither presented nor trusted.
    UnknownIssuer,
    /// It is signed by itself, and is no anchor.
    SelfSigned,
    /// The server sent its own certificate alone, and that says where its issuer's is to be had: the usual forgotten
    /// intermediate.
    IncompleteChain,
    /// Signed with an algorithm nobody should trust: SHA-1, MD5.
    WeakSignature,
    /// A signature in the chain is wrong.
    BadSignature,
    /// An authority's certificate is used as a server's.
    CaAsServer,
    /// The certificates are not meant for this: key usage, name constraints, path length.
    Constraint,
    /// It is not a certificate of X.509 version 3.
    OldVersion,
    /// The bytes cannot be read.
    Unreadable,
    /// Any other cause.
    Other,
}

impl Trust {
    /// Whether this is trust.
    #[must_use]
    pub fn is_trusted(self) -> bool {
        matches!(self, Self::Anchored | Self::Pinned)
    }

    /// A word for a label: `anchored`, `unknown_issuer`, ….
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Anchored => "anchored",
            Self::Pinned => "pinned",
            Self::UnknownIssuer => "unknown_issuer",
            Self::SelfSigned => "self_signed",
            Self::IncompleteChain => "incomplete_chain",
            Self::WeakSignature => "weak_signature",
            Self::BadSignature => "bad_signature",
            Self::CaAsServer => "ca_as_server",
            Self::Constraint => "constraint",
            Self::OldVersion => "old_version",
            Self::Unreadable => "unreadable",
            Self::Other => "other",
        }
    }
}

/// Whether the server proved in the handshake that it holds the certificate's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The handshake ended before.
    NotSeen,
    /// It did.
    Valid,
    /// It did not, or with a key too small to count (RSA below 2,048 bits).
    Invalid,
}

/// The first fault, for a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// One of the reasons that speak of certificates.
    pub reason: Reason,
    /// The cause in words.
    pub detail: String,
}

/// What became of verifying a chain, fault by fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The name that was verified.
    pub server_name: String,
    /// The dates of the server's own certificate.
    pub validity: Validity,
    /// The dates of the whole path, the server's own included: an expired intermediate or anchor shows only here.
    pub path_validity: Validity,
    /// Whether it is for the name.
    pub name: NameMatch,
    /// Whether it leads to an anchor.
    pub trust: Trust,
    /// webpki's words, when there is no trust.
    pub detail: Option<String>,
    /// Of all the paths that lead to an anchor the one that lasts longest: when the first of its certificates, the
    /// anchor's included, expires. `probe_ssl_last_chain_expiry_timestamp_seconds`. Kept when that has already passed.
    pub path_expiry: Option<i64>,
    /// The paths to an anchor (DER, the server's own certificate first, the anchor's last where it is known), the one that lasts
    /// longest first; empty unless [`Settings::keep_paths`](super::Settings::keep_paths).
    pub paths: Vec<Vec<CertificateDer<'static>>>,
}

impl Verification {
    /// Whether dates, name and trust are all good.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.validity == Validity::Valid
            && self.path_validity == Validity::Valid
            && self.name == NameMatch::Match
            && self.trust.is_trusted()
    }

    /// The fault to name first: dates, then trust, then the name.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        let fault = |reason, detail| Some(Fault { reason, detail });
        match self.validity {
            Validity::Expired(at) => {
                return fault(Reason::CertExpired, format!("the certificate expired on {}", day(at)));
            }
            Validity::NotYetValid(at) => {
                return fault(
                    Reason::CertNotYetValid,
                    format!("the certificate is not valid before {}", day(at)),
                );
            }
            Validity::Valid | Validity::Unreadable => {}
        }
        if !self.trust.is_trusted() {
            let words = self.detail.as_deref().unwrap_or("no path to a trusted certificate");
            let detail = format!("the certificate is not trusted ({}): {words}", self.trust.word());
            return fault(Reason::CertUntrusted, detail);
        }
        match self.path_validity {
            Validity::Expired(at) => {
                let detail = format!("a certificate above the server's expired on {}", day(at));
                return fault(Reason::CertExpired, detail);
            }
            Validity::NotYetValid(at) => {
                let detail = format!("a certificate above the server's is not valid before {}", day(at));
                return fault(Reason::CertNotYetValid, detail);
            }
            Validity::Unreadable => {
                return fault(Reason::CertUntrusted, "the certificate's dates cannot be read".to_owned());
            }
            Validity::Valid => {}
        }
        let wanted = &self.server_name;
        match &self.name {
            NameMatch::Match => None,
            NameMatch::Mismatch(names) => {
                const SHOWN: usize = 5;
                let more = if names.len() > SHOWN { ", …" } else { "" };
                let shown = names[..names.len().min(SHOWN)].join(", ");
                fault(Reason::NameMismatch, format!("the certificate is for {shown}{more}, not for {wanted}"))
            }
            NameMatch::NoNames => {
                let detail =
                    format!("the certificate has no subject alternative name, so it is not for {wanted}");
                fault(Reason::NameMismatch, detail)
            }
            NameMatch::Unreadable => {
                fault(Reason::NameMismatch, "the certificate's names cannot be read".to_owned())
            }
        }
    }
}

fn day(at: i64) -> String {
    x509_parser::time::ASN1Time::from_timestamp(at).map_or_else(|_| at.to_string(), |time| time.to_string())
}
