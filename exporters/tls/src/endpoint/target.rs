//! Host and port, from what was written.

/// Where to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// A name or an address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Endpoint {
    /// From `host`, `host:port`, an address (an IPv6 one with a port in brackets), or a URL of https. Without a port it
    /// is `usual`; a URL's is 443.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, usual: u16) -> Result<Self, String> {
        let text = text.trim();
        let (bare, usual) = match text.split_once("://") {
            Some(("https", rest)) => (rest.split(['/', '?', '#']).next().unwrap_or_default(), 443),
            Some((scheme, _)) => return Err(format!("{scheme:?} is not a scheme that begins with TLS")),
            None => (text, usual),
        };
        if let Ok(ip) = bare.parse::<std::net::Ipv6Addr>() {
            return Ok(Self { host: ip.to_string(), port: usual });
        }
        let (host, port) = match bare.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, rest)) => (host, Some(rest.strip_prefix(':').unwrap_or(""))),
            None => bare.rsplit_once(':').map_or((bare, None), |(host, port)| (host, Some(port))),
        };
        let port = match port {
            None => usual,
            Some(port) => match port.parse() {
                Ok(port) if port != 0 => port,
                _ => return Err(format!("{port:?} is not a port between 1 and 65535")),
            },
        };
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        if host.is_empty() || !host.bytes().all(legal) {
            return Err(format!("{host:?} is neither a host name nor an address"));
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_written() {
        for (text, host, port) in [
            ("www.example.org", "www.example.org", 443),
            ("www.example.org:8443", "www.example.org", 8443),
            ("192.0.2.7:25", "192.0.2.7", 25),
            ("2001:db8::7", "2001:db8::7", 443),
            ("[2001:db8::7]:465", "2001:db8::7", 465),
            ("[2001:db8::7]", "2001:db8::7", 443),
            ("https://www.example.org/path?x=1", "www.example.org", 443),
            ("https://www.example.org:8443", "www.example.org", 8443),
            (" a.test ", "a.test", 443),
        ] {
            assert_eq!(Endpoint::parse(text, 443), Ok(Endpoint { host: host.to_owned(), port }), "{text}");
        }
        assert_eq!(Endpoint::parse("mx.test", 25), Ok(Endpoint { host: "mx.test".to_owned(), port: 25 }));
        for (text, why) in [
            ("", "neither a host name"),
            ("a.test:0", "not a port"),
            ("a.test:https", "not a port"),
            ("a.test:65536", "not a port"),
            ("http://a.test", "not a scheme"),
            ("[::1]443", "not a port"),
            ("a b", "neither a host name"),
            ("user@a.test", "neither a host name"),
        ] {
            let error = Endpoint::parse(text, 443);

            assert!(error.as_ref().is_err_and(|error| error.contains(why)), "{text}: {error:?}");
        }
    }
}
