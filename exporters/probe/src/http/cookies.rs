//! The jar that lives as long as a probe: what a redirect sets, the next request brings (RFC 6265, as far as one probe
//! needs it).

use std::time::SystemTime;

use http::HeaderValue;
use url::Url;

/// More than these a probe does not keep: a server that sets them without end gains nothing.
const MOST: usize = 50;

#[derive(Default)]
pub(super) struct Jar(Vec<Cookie>);

struct Cookie {
    name: String,
    value: String,
    host: String,
    /// Whether subdomains get it, too.
    wide: bool,
    path: String,
    secure: bool,
}

impl Jar {
    /// Takes a Set-Cookie header down; one that makes no sense, or is not for this host, is passed over.
    pub(super) fn store(&mut self, url: &Url, header: &HeaderValue) {
        let Ok(text) = header.to_str() else { return };
        let Some(host) = url.host_str() else { return };
        let mut parts = text.split(';');
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let mut cookie = Cookie {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
            host: host.to_owned(),
            wide: false,
            path: default_path(url.path()).to_owned(),
            secure: false,
        };
        if cookie.name.is_empty() {
            return;
        }
        let mut expired = false;
        let mut lasts = None;
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "secure" => cookie.secure = true,
                "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                "max-age" => lasts = value.parse::<i64>().ok().map(|seconds| seconds > 0).or(lasts),
                "expires" => {
                    expired = httpdate::parse_http_date(value).is_ok_and(|end| end <= SystemTime::now());
                }
                "domain" if !value.is_empty() => {
                    let domain = value.trim_start_matches('.').to_ascii_lowercase();
                    // A name without a dot would be a whole top-level domain.
                    if !domain_covers(&domain, host) || (domain != host && !domain.contains('.')) {
                        return;
                    }
                    cookie.host = domain;
                    cookie.wide = true;
                }
                _ => {}
            }
        }
        self.0.retain(|old| (&old.name, &old.host, &old.path) != (&cookie.name, &cookie.host, &cookie.path));
        if lasts.unwrap_or(!expired) && self.0.len() < MOST {
            self.0.push(cookie);
        }
    }

    /// The Cookie header of a request; `None` if there is nothing for it.
    pub(super) fn header(&self, url: &Url) -> Option<HeaderValue> {
        if self.0.is_empty() {
            return None;
        }
        let host = url.host_str()?;
        let pairs: Vec<String> = self
            .0
            .iter()
            .filter(|cookie| cookie.host == host || (cookie.wide && domain_covers(&cookie.host, host)))
            .filter(|cookie| !cookie.secure || url.scheme() == "https")
            .filter(|cookie| path_covers(&cookie.path, url.path()))
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        if pairs.is_empty() { None } else { HeaderValue::from_str(&pairs.join("; ")).ok() }
    }
}

/// RFC 6265 §5.1.4: up to, but without, the last slash.
fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(end) => &path[..end],
    }
}

/// RFC 6265 §5.1.4.
fn path_covers(cookie: &str, path: &str) -> bool {
    path.strip_prefix(cookie)
        .is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}

/// RFC 6265 §5.1.3; an address is only covered by itself.
fn domain_covers(domain: &str, host: &str) -> bool {
    let is_name = !host.starts_with('[') && host.parse::<std::net::IpAddr>().is_err();
    host == domain || (is_name && host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(from: &str, set: &[&str], to: &str) -> Option<String> {
        let mut jar = Jar::default();
        for cookie in set {
            jar.store(&Url::parse(from).unwrap(), &HeaderValue::from_str(cookie).unwrap());
        }
        jar.header(&Url::parse(to).unwrap()).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_cookie_goes_where_it_belongs() {
        for (from, set, to, want) in [
            ("http://a.test/x", &["s=1; Path=/; HttpOnly", "t=2"][..], "http://a.test/y", Some("s=1; t=2")),
            ("http://a.test/x", &["s=1"], "http://b.test/x", None),
            ("http://a.test/x", &["s=1; Domain=a.test"], "http://sub.a.test/", Some("s=1")),
            ("http://a.test/x", &["s=1; Domain=test"], "http://a.test/", None),
            ("http://a.test/x", &["s=1; Domain=b.test"], "http://b.test/", None),
            ("http://a.test/x", &["s=1; Secure"], "http://a.test/", None),
            ("http://a.test/x/y", &["s=1"], "http://a.test/z", None),
            ("http://a.test/", &["s=1", "s=; Max-Age=0"], "http://a.test/", None),
            ("http://a.test/", &["s=1", "s=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], "http://a.test/", None),
            ("http://a.test/", &["s=1", "s=2"], "http://a.test/", Some("s=2")),
            ("http://a.test/", &["nonsense", "=x", ";"], "http://a.test/", None),
            ("http://127.0.0.1/", &["s=1; Domain=0.0.1"], "http://127.0.0.1/", None),
        ] {
            assert_eq!(cookies(from, set, to).as_deref(), want, "{set:?} from {from} to {to}");
        }
    }

    #[test]
    fn a_jar_has_a_bottom() {
        let set: Vec<String> = (0..200).map(|number| format!("c{number}=1")).collect();
        let set: Vec<&str> = set.iter().map(String::as_str).collect();
        let header = cookies("http://a.test/", &set, "http://a.test/").unwrap();
        assert_eq!(header.split("; ").count(), MOST);
    }
}
