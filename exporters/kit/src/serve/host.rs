//! The name by which a request reached this machine, for links to its other ports.

use std::net::Ipv6Addr;

use http::Request;
use http::header::HOST;
use http::uri::Authority;

/// As the request names it, without a port; `localhost` when it names nothing that can stand in a link.
pub(super) fn of<B>(request: &Request<B>) -> String {
    let header = || request.headers().get(HOST)?.to_str().ok()?.parse().ok();
    let authority: Option<Authority> = request.uri().authority().cloned().or_else(header);
    match authority.as_ref().map(Authority::host) {
        Some(host) if is_host(host) => host.to_owned(),
        _ => "localhost".to_owned(),
    }
}

/// A name, an IPv4 address or an IPv6 address in brackets.
fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    !host.is_empty() && host.bytes().all(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_calls_this_machine() {
        for (uri, header, want) in [
            ("/", Some("farol.example.org:9700"), "farol.example.org"),
            ("/", Some("nas_1"), "nas_1"),
            ("/", Some("192.0.2.7:80"), "192.0.2.7"),
            ("/", Some("[2001:db8::1]:9700"), "[2001:db8::1]"),
            ("https://h2.example.org/", None, "h2.example.org"),
            ("/", None, "localhost"),
            ("/", Some(""), "localhost"),
            ("/", Some("[::1"), "localhost"),
            ("/", Some("[v1.x]"), "localhost"),
            ("/", Some("a\"><b"), "localhost"),
            ("/", Some("a/b"), "localhost"),
            ("/", Some("a%20b"), "localhost"),
        ] {
            let mut request = Request::builder().uri(uri);
            if let Some(header) = header {
                request = request.header(HOST, header);
            }
            assert_eq!(of(&request.body(()).unwrap()), want, "{uri} {header:?}");
        }
    }
}
