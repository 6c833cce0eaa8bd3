//! Why there is no answer of an authority.

/// The values of the label `reason`.
pub(super) const FAULTS: &[(&str, &str)] = &[
    ("unidentified", "The certificate does not name its authority's key, so it cannot be asked for."),
    ("refused", "The authority's address is link-local."),
    ("dns", "The authority's name has no address, or the name servers do not answer."),
    ("connect", "The authority cannot be reached."),
    ("proxy", "The section's proxy cannot be reached, or does not connect to the authority."),
    ("tls", "No TLS with the authority, or its certificate is not good."),
    ("timeout", "The authority did not answer in time."),
    ("http", "The answer breaks off, is no HTTP, or is too large."),
    ("status", "The authority answers with another status than 200."),
    ("not_supported", "The authority's directory has no renewalInfo."),
    (
        "invalid",
        "The answer is not what RFC 9773 says: no JSON, no dates, or a window that ends before it begins.",
    ),
];
