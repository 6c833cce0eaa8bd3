//! The response headers that a web configuration may set: the toolkit's five.

use std::collections::BTreeMap;

use http::header::{
    CONTENT_SECURITY_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    X_XSS_PROTECTION,
};
use http::{HeaderName, HeaderValue};

use crate::config::{Document, Problem, Spanned};

/// A header, and the values it may have (empty: any).
const ALLOWED: [(HeaderName, &[&str]); 5] = [
    (STRICT_TRANSPORT_SECURITY, &[]),
    (X_CONTENT_TYPE_OPTIONS, &["nosniff"]),
    (X_FRAME_OPTIONS, &["deny", "sameorigin"]),
    (X_XSS_PROTECTION, &[]),
    (CONTENT_SECURITY_POLICY, &[]),
];

pub(super) fn headers(
    raw: &BTreeMap<String, Spanned<String>>,
    document: &Document,
    problems: &mut Vec<Problem>,
) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    for (name, value) in raw {
        let key = format!("http_server_config.headers.{name}");
        let mut refuse =
            |cause: &str, way_out: &str| problems.push(document.problem(value, &key, cause, way_out));
        let Some((header, values)) =
            ALLOWED.iter().find(|(allowed, _)| name.eq_ignore_ascii_case(allowed.as_str()))
        else {
            refuse(
                "this header cannot be set",
                "Strict-Transport-Security, X-Content-Type-Options, X-Frame-Options, X-XSS-Protection and Content-Security-Policy can",
            );
            continue;
        };
        if !values.is_empty() && !values.iter().any(|allowed| value.eq_ignore_ascii_case(allowed)) {
            refuse("this value is not one of the header's", &format!("write {}", values.join(" or ")));
            continue;
        }
        match HeaderValue::from_str(value) {
            Ok(value) => headers.push((header.clone(), value)),
            Err(_) => refuse("a header's value is one line of visible characters", ""),
        }
    }
    headers
}
