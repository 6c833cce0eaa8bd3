//! From the target's text to a URL, from a Location to the next one.

use http::HeaderValue;
use kit::Failure;
use url::{Host, Url};
use wire::Phase;

use crate::verdict::{fail, invalid};

/// Reads a target. The scheme is http unless it says otherwise, in whatever case.
pub(super) fn parse(text: &str) -> Result<Url, Failure> {
    let text = text.trim();
    let has = |scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    let parsed = if has("http://") || has("https://") {
        Url::parse(text)
    } else if let Some((scheme, _)) = text.split_once("://") {
        return Err(invalid(format!("target {text:?}: scheme {scheme:?} is neither http nor https")));
    } else {
        Url::parse(&format!("http://{text}"))
    };
    let mut url = parsed.map_err(|error| invalid(format!("target {text:?} is not a url: {error}")))?;
    url.set_fragment(None);
    if url.host_str().is_none_or(str::is_empty) {
        return Err(invalid(format!("target {text:?} names no host")));
    }
    Ok(url)
}

/// Where a redirect leads; a relative one keeps scheme and host.
pub(super) fn follow(from: &Url, location: &HeaderValue) -> Result<Url, Failure> {
    let text = String::from_utf8_lossy(location.as_bytes());
    let wrong =
        |cause: String| fail(Phase::Processing, "redirects", format!("redirect to {text:?}: {cause}"));
    let mut url = from.join(text.trim()).map_err(|error| wrong(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong(format!("scheme {:?} is neither http nor https", url.scheme())));
    }
    url.set_fragment(None);
    Ok(url)
}

/// The host of a URL as the resolver wants it: without brackets.
pub(super) fn host(url: &Url) -> String {
    match url.host() {
        Some(Host::Ipv6(ip)) => ip.to_string(),
        Some(Host::Ipv4(ip)) => ip.to_string(),
        Some(Host::Domain(name)) => name.to_owned(),
        None => String::new(),
    }
}

/// The name in a Host header, without its port and brackets.
pub(super) fn host_name(header: &HeaderValue) -> Option<String> {
    let text = header.to_str().ok()?;
    let name = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => text.rsplit_once(':').filter(|(name, _)| !name.contains(':')).map_or(text, |(name, _)| name),
    };
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_as_the_peer_reads_them() {
        for (text, want) in [
            ("127.0.0.1:80/ok", "http://127.0.0.1/ok"),
            ("example.test", "http://example.test/"),
            ("HTTPS://Example.Test/A?b=%2F#c", "https://example.test/A?b=%2F"),
            ("hTTp://example.test:8080", "http://example.test:8080/"),
            ("[::1]:9115/metrics", "http://[::1]:9115/metrics"),
            ("localhost:9090", "http://localhost:9090/"),
        ] {
            assert_eq!(parse(text).map(|url| url.to_string()), Ok(want.to_owned()), "{text}");
        }
        for text in ["", "http://", "ftp://a.test/", "http://a b/", "http://a.test:99999/"] {
            assert_eq!(parse(text).map_err(|failure| failure.reason), Err("target_invalid"), "{text}");
        }
    }

    /// blackbox_exporter replaces the URL's host with its address, so that a relative redirect stays on the address
    /// (prometheus/blackbox_exporter#1016, #886).
    #[test]
    fn peer_defect_19_a_relative_redirect_keeps_the_host_name() {
        let from = parse("https://example.test:444/a/b?c").unwrap();
        for (location, want) in [
            ("/x", "https://example.test:444/x"),
            ("d", "https://example.test:444/a/d"),
            ("?y", "https://example.test:444/a/b?y"),
            ("//other.test/x", "https://other.test/x"),
            ("http://other.test", "http://other.test/"),
        ] {
            let next = follow(&from, &HeaderValue::from_static(location)).unwrap();
            assert_eq!(next.as_str(), want);
        }
        let bad = follow(&from, &HeaderValue::from_static("file:///etc/passwd")).unwrap_err();
        assert_eq!(bad.reason, "redirects");
    }

    #[test]
    fn a_host_header_has_a_name() {
        for (header, want) in
            [("a.test", Some("a.test")), ("a.test:81", Some("a.test")), ("[::1]:81", Some("::1")), ("", None)]
        {
            assert_eq!(host_name(&HeaderValue::from_static(header)).as_deref(), want);
        }
    }
}
