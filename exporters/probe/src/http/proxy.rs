//! The way through an HTTP proxy: the whole URL in the request line for http, a tunnel by CONNECT for https.

use std::net::{IpAddr, SocketAddr};

use http::header::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use kit::Failure;
use tokio::net::TcpStream;
use url::Url;
use wire::proxy::{Kind, Proxy as Server, ProxyError};
use wire::{Phase, Preference, Stopwatch};

use super::hop::failed;
use crate::config::HttpSection;
use crate::module::{Context, Workshop};
use crate::verdict::fail;

/// Which proxy to go through, and for whom.
pub(super) struct Proxy {
    /// For http; none goes there directly.
    plain: Option<Server>,
    /// For https.
    secure: Option<Server>,
    exempt: Vec<Exempt>,
    /// Whether loopback goes there directly, as where the environment decides.
    skip_loopback: bool,
    connect: HeaderMap,
}

/// The way to one URL: the proxy of its scheme, and no other.
#[derive(Clone, Copy)]
pub(super) struct Route<'a> {
    server: &'a Server,
    connect: &'a HeaderMap,
}

/// An entry of `no_proxy`.
enum Exempt {
    All,
    Net(IpNet),
    /// A name and its subdomains; with a leading dot the subdomains alone.
    Name(String, Option<u16>),
}

impl Proxy {
    /// From the section; `None` if it names none, or a problem was noted.
    pub(super) fn new(section: &HttpSection, workshop: &mut Workshop<'_>) -> Option<Self> {
        let from_environment = section.proxy_from_environment.as_ref().filter(|asked| ***asked);
        let given = section.proxy_url.as_ref().filter(|url| !url.is_empty());
        if let (Some(asked), Some(_)) = (from_environment, given) {
            let cause = "proxy_url and proxy_from_environment exclude one another";
            workshop.problem(asked, "http.proxy_from_environment", cause, "keep one");
            return None;
        }
        let variable = |name: &str| {
            std::env::var(name)
                .or_else(|_| std::env::var(name.to_ascii_lowercase()))
                .ok()
                .filter(|text| !text.is_empty())
        };
        let (plain, secure, exempt) = if from_environment.is_some() {
            (variable("HTTP_PROXY"), variable("HTTPS_PROXY"), variable("NO_PROXY"))
        } else {
            let url = given.map(|url| url.expose().to_owned());
            (url.clone(), url, section.no_proxy.as_ref().map(|list| list.value.clone()))
        };
        let mut server = |text: Option<String>| -> Option<Server> {
            let read = plain_http(&text?);
            read.map_err(|cause| workshop.problem_at("http.proxy_url", cause, "give http://host:port")).ok()
        };
        let (plain, secure) = (server(plain), server(secure));
        if plain.is_none() && secure.is_none() {
            return None;
        }
        let mut connect = HeaderMap::new();
        for (name, values) in &section.proxy_connect_header {
            for value in values {
                match (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value.expose())) {
                    (Ok(name), Ok(value)) => {
                        connect.append(name, value);
                    }
                    _ => workshop.problem_at(
                        &format!("http.proxy_connect_header.{name}"),
                        "the name or a value cannot be in a header",
                        "use the letters that HTTP allows",
                    ),
                }
            }
        }
        let exempt = exempt.as_deref().unwrap_or_default().split(',').filter_map(Exempt::read).collect();
        Some(Self { plain, secure, exempt, skip_loopback: from_environment.is_some(), connect })
    }

    /// The way to a URL, `None` if it is not through a proxy.
    pub(super) fn route(&self, url: &Url, host: &str) -> Option<Route<'_>> {
        let server = if url.scheme() == "https" { &self.secure } else { &self.plain }.as_ref()?;
        let ip = host.parse::<IpAddr>().ok();
        let loopback = host == "localhost" || ip.is_some_and(|ip| ip.is_loopback());
        let direct = (self.skip_loopback && loopback)
            || self.exempt.iter().any(|exempt| exempt.covers(host, ip, url.port_or_known_default()));
        (!direct).then_some(Route { server, connect: &self.connect })
    }
}

/// A proxy that speaks plain HTTP.
fn plain_http(text: &str) -> Result<Server, String> {
    let server = Server::read(text)?;
    match server.kind {
        Kind::Http => Ok(server),
        Kind::Socks5 => Err("scheme \"socks5\": only proxies that speak plain http are supported".to_owned()),
    }
}

impl<'a> Route<'a> {
    /// For the request itself, where there is no tunnel.
    pub(super) fn authorization(&self) -> Option<&'a HeaderValue> {
        self.server.authorization()
    }

    /// The proxy's own address. The operator named it: the allow-list, which is about targets, has no say.
    pub(super) async fn locate(
        &self,
        preference: Preference,
        context: &Context<'_>,
        watch: &mut Stopwatch,
    ) -> Result<SocketAddr, Failure> {
        watch.enter(Phase::Resolve);
        let found = context.tools.resolver.lookup_one(&self.server.host, preference).await;
        watch.finish();
        let ip =
            found.map_err(|error| fail(Phase::Resolve, error.reason.word(), format!("proxy: {error}")))?;
        let addr = SocketAddr::new(ip, self.server.port);
        context.trace.step("going through the proxy", addr);
        Ok(addr)
    }

    /// Asks for a tunnel. What it takes counts as connecting.
    pub(super) async fn tunnel(
        &self,
        stream: TcpStream,
        host: &str,
        port: u16,
        watch: &mut Stopwatch,
    ) -> Result<TcpStream, Failure> {
        watch.enter(Phase::Connect);
        let opened = self.server.tunnel(stream, host, port, self.connect).await;
        let stream = opened.map_err(|error| match error {
            ProxyError::Http(error) => failed(Phase::Connect, &error),
            error => fail(Phase::Connect, "connect_error", error.to_string()),
        })?;
        watch.finish();
        Ok(stream)
    }
}

impl Exempt {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        if text.is_empty() {
            return None;
        }
        if text == "*" {
            return Some(Exempt::All);
        }
        if let Ok(net) = text.parse::<IpNet>() {
            return Some(Exempt::Net(net));
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&text);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Some(Exempt::Net(IpNet::from(ip)));
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, port.parse().ok()),
            None => (text.as_str(), None),
        };
        Some(Exempt::Name(name.strip_prefix('*').unwrap_or(name).to_owned(), port))
    }

    fn covers(&self, host: &str, ip: Option<IpAddr>, port: Option<u16>) -> bool {
        match self {
            Exempt::All => true,
            Exempt::Net(net) => ip.is_some_and(|ip| net.contains(&ip)),
            Exempt::Name(name, wanted) => {
                let named = match name.strip_prefix('.') {
                    Some(_) => host.ends_with(name.as_str()),
                    None => host
                        .strip_suffix(name.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
                };
                named && (wanted.is_none() || *wanted == port)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::proxy::basic;

    use super::*;

    #[test]
    fn no_proxy_is_read_as_go_reads_it() {
        for (list, host, want) in [
            ("example.test", "example.test", true),
            ("example.test", "www.example.test", true),
            ("example.test", "notexample.test", false),
            (".example.test", "example.test", false),
            (".example.test", "www.example.test", true),
            ("example.test:81", "example.test", false),
            ("example.test:80", "example.test", true),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("::1", "::1", true),
            ("*", "anything", true),
            ("a,b , ", "b", true),
            ("", "a", false),
        ] {
            let exempt: Vec<Exempt> = list.split(',').filter_map(Exempt::read).collect();
            let ip = host.parse().ok();
            assert_eq!(
                exempt.iter().any(|exempt| exempt.covers(host, ip, Some(80))),
                want,
                "{list:?} {host}"
            );
        }
    }

    /// HTTP_PROXY and HTTPS_PROXY may name two proxies, or only one of them.
    #[tokio::test]
    async fn each_scheme_has_a_proxy_of_its_own() {
        let tools = crate::testing::tools();
        let trace = kit::Trace::new();
        let deadline = trace.began() + std::time::Duration::from_secs(5);
        let context = Context { target: "", hostname: None, deadline, trace: &trace, tools: &tools };
        let plain = "http://plain:one@127.0.0.1:3128";
        let secure = "http://secure:two@127.0.0.2:3129";
        for (plain_is, secure_is, url, want) in [
            (Some(plain), Some(secure), "http://a.test/", Some(("127.0.0.1:3128", basic("plain", "one")))),
            (Some(plain), Some(secure), "https://a.test/", Some(("127.0.0.2:3129", basic("secure", "two")))),
            (Some(plain), None, "http://a.test/", Some(("127.0.0.1:3128", basic("plain", "one")))),
            (Some(plain), None, "https://a.test/", None),
            (None, Some(secure), "http://a.test/", None),
            (None, Some(secure), "https://a.test/", Some(("127.0.0.2:3129", basic("secure", "two")))),
        ] {
            let server = |text: Option<&str>| text.map(|text| Server::read(text).unwrap());
            let proxy = Proxy {
                plain: server(plain_is),
                secure: server(secure_is),
                exempt: Vec::new(),
                skip_loopback: true,
                connect: HeaderMap::new(),
            };
            let url = Url::parse(url).unwrap();
            let Some(route) = proxy.route(&url, "a.test") else {
                assert!(want.is_none(), "{url}");
                continue;
            };
            let (addr, authorization) = want.unwrap();
            let got = route.locate(Preference::default(), &context, &mut Stopwatch::new()).await.unwrap();
            assert_eq!(got.to_string(), addr, "{url}");
            assert_eq!(route.authorization(), Some(&authorization.unwrap()), "{url}");
        }
    }
}
