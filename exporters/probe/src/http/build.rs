//! The http section validated; everything made that does not change from probe to probe.

use std::sync::Arc;

use bytes::Bytes;
use cel::Env;
use http::header::{ACCEPT_ENCODING, CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Version};
use kit::config::{ByteSize, Spanned};

use super::HttpProbe;
use super::checks::{CelChecks, Checks, Expression, HeaderCheck};
use super::credentials::Credentials;
use super::encoding::admits;
use super::proxy::Proxy;
use crate::config::http::{Compression, HeaderMatch, HttpSection};
use crate::config::{ModuleSection, tls};
use crate::module::{ModuleProbe, Workshop};
use crate::reach::{Reach, preference};

/// What calls itself.
const AGENT: &str = concat!("farol-probe-exporter/", env!("CARGO_PKG_VERSION"));
/// The most that is read of a body where a module does not say.
const DEFAULT_LIMIT: u64 = 10 << 20;

pub(super) fn build(section: &ModuleSection, workshop: &mut Workshop<'_>) -> Option<Arc<dyn ModuleProbe>> {
    let before = workshop.problems.len();
    let default = HttpSection::default();
    let section = section.http.as_ref().unwrap_or(&default);
    let compression = section.compression.as_ref().map(|compression| **compression);
    let (headers, host, credentials) = headers(section, workshop);
    versions_exclude(section, workshop);
    let body = body(section, workshop);
    let method = method(section.method.as_ref(), workshop);
    let checks = checks(section, workshop);
    let proxy = Proxy::new(section, workshop);
    let preference = preference(section.preferred_ip_protocol, section.ip_protocol_fallback);
    let reach = Reach::new("http", preference, section.source_ip_address.as_ref(), workshop);
    let client = tls::client(section.tls_config.as_ref(), workshop, "http.tls_config");
    let unsupported = unsupported(section, workshop);
    if workshop.problems.len() > before {
        return None;
    }
    Some(Arc::new(HttpProbe {
        method: method?,
        headers,
        host,
        body: body?,
        credentials,
        reach,
        follow: section.follow_redirects.unwrap_or(true) && section.no_follow_redirects != Some(true),
        checks: Arc::new(checks),
        compression,
        limit: section.body_size_limit.map_or(Some(DEFAULT_LIMIT), ByteSize::limit),
        tls: client?,
        server_name: tls::server_name(section.tls_config.as_ref()),
        http2: section.enable_http2.as_ref().is_none_or(|enabled| **enabled),
        proxy,
        proxy_resolves: section.skip_resolve_phase_with_proxy == Some(true),
        unsupported,
    }))
}

/// What is read and not done yet: told at load, and at each probe.
fn unsupported(section: &HttpSection, workshop: &mut Workshop<'_>) -> Option<&'static str> {
    let http3 = section.enable_http3.as_ref().is_some_and(|enabled| **enabled);
    let what = match () {
        () if section.oauth2.is_some() => "oauth2",
        () if http3 => "enable_http3",
        () => return None,
    };
    let text = format!(
        "module {}: {what} is not supported yet: its probes fail with the reason `unsupported`; remove the key",
        workshop.module
    );
    workshop.notice("unsupported_key", text);
    Some(what)
}

fn versions_exclude(section: &HttpSection, workshop: &mut Workshop<'_>) {
    if let Some(http3) = section.enable_http3.as_ref().filter(|enabled| ***enabled)
        && section.enable_http2.as_ref().is_none_or(|enabled| **enabled)
    {
        let cause = "enable_http3 and enable_http2 exclude one another, and enable_http2 is on by default";
        workshop.problem(http3, "http.enable_http3", cause, "set enable_http2: false");
    }
    for (index, version) in section.valid_http_versions.iter().enumerate() {
        if known_version(version).is_none() {
            let text = format!(
                "module {}: valid_http_versions[{index}]: no answer is ever {:?}; HTTP/1.0, HTTP/1.1 and HTTP/2.0 there are",
                workshop.module,
                version.as_str()
            );
            workshop.notice("unknown_http_version", text);
        }
    }
}

fn known_version(text: &str) -> Option<Version> {
    match text {
        "HTTP/1.0" => Some(Version::HTTP_10),
        "HTTP/1.1" => Some(Version::HTTP_11),
        "HTTP/2" | "HTTP/2.0" => Some(Version::HTTP_2),
        "HTTP/3" | "HTTP/3.0" => Some(Version::HTTP_3),
        _ => None,
    }
}

fn body(section: &HttpSection, workshop: &mut Workshop<'_>) -> Option<Bytes> {
    let text = section.body.as_ref().filter(|body| !body.is_empty());
    let file = section.body_file.as_ref().filter(|path| !path.as_os_str().is_empty());
    match (text, file) {
        (Some(_), Some(file)) => {
            workshop.problem(file, "http.body_file", "body and body_file exclude one another", "keep one");
            None
        }
        (Some(text), None) => Some(Bytes::from(text.value.clone())),
        (None, Some(file)) => workshop.read(file, "http.body_file").map(Bytes::from),
        (None, None) => Some(Bytes::new()),
    }
}

fn method(text: Option<&Spanned<String>>, workshop: &mut Workshop<'_>) -> Option<Method> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Some(Method::GET) };
    match Method::from_bytes(text.as_bytes()) {
        Ok(Method::CONNECT) | Err(_) => {
            let cause = format!("{:?} is not a method that can be probed with", text.as_str());
            workshop.problem(text, "http.method", cause, "take GET, HEAD, POST, …");
            None
        }
        Ok(method) => Some(method),
    }
}

fn headers(
    section: &HttpSection,
    workshop: &mut Workshop<'_>,
) -> (HeaderMap, Option<HeaderValue>, Credentials) {
    let mut all = HeaderMap::new();
    let mut host = None;
    let add = |name: &str,
               value: &str,
               at: &Spanned<String>,
               key: &str,
               replace: bool,
               workshop: &mut Workshop<'_>,
               all: &mut HeaderMap| {
        match (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            (Ok(name), Ok(mut value)) => {
                value.set_sensitive(kit::config::hide_header(name.as_str()));
                if replace {
                    all.insert(name, value);
                } else {
                    all.append(name, value);
                }
            }
            (Err(_), _) => workshop.problem(
                at,
                key,
                format!("{name:?} cannot name a header"),
                "use letters, digits and -",
            ),
            (_, Err(_)) => {
                workshop.problem(at, key, "the value holds a character that no header may", "remove it")
            }
        }
    };
    for (name, value) in &section.headers.0 {
        add(name, value, value, &format!("http.headers.{name}"), true, workshop, &mut all);
    }
    for (name, source) in &section.http_headers.0 {
        let key = format!("http.http_headers.{name}");
        for value in &source.values {
            add(name, value, value, &key, false, workshop, &mut all);
        }
        for secret in &source.secrets {
            add(name, secret.expose(), &Spanned::default(), &key, false, workshop, &mut all);
        }
        for file in &source.files {
            if let Some(bytes) = workshop.read(file, &key) {
                let at = file.clone().map(|path| path.display().to_string());
                add(name, String::from_utf8_lossy(&bytes).trim(), &at, &key, false, workshop, &mut all);
            }
        }
    }
    if let Some(value) = all.remove(HOST).filter(|value| !value.is_empty()) {
        host = Some(value);
    }
    if !all.contains_key(USER_AGENT) {
        all.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    }
    // One probe, one connection: so the peer's, and not our, side of it lingers in TIME_WAIT.
    all.insert(CONNECTION, HeaderValue::from_static("close"));
    accept_encoding(section.compression.as_ref(), &mut all, workshop);
    let credentials = Credentials::new(section, workshop).fix(&mut all).unwrap_or_else(|cause| {
        workshop.problem_at("http", cause, "remove it");
        Credentials::None
    });
    (all, host, credentials)
}

fn accept_encoding(
    compression: Option<&Spanned<Compression>>,
    all: &mut HeaderMap,
    workshop: &mut Workshop<'_>,
) {
    let Some(compression) = compression else { return };
    let word = compression.word();
    match all.get(ACCEPT_ENCODING).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()) {
        None => {
            all.insert(ACCEPT_ENCODING, HeaderValue::from_static(word));
        }
        Some(accept) if !admits(&accept, word) => {
            let cause = format!("the header Accept-Encoding: {accept:?} does not admit {word}");
            let way_out = format!("remove the header, or name {word} in it");
            workshop.problem(compression, "http.compression", cause, way_out);
        }
        Some(_) => {}
    }
}

fn checks(section: &HttpSection, workshop: &mut Workshop<'_>) -> Checks {
    let header_matches = header_checks(&section.fail_if_header_matches, "fail_if_header_matches", workshop);
    let not_matches = &section.fail_if_header_not_matches;
    let header_not_matches = header_checks(not_matches, "fail_if_header_not_matches", workshop);
    let matches = section.fail_if_body_json_matches_cel.as_ref().filter(|text| !text.is_empty());
    let fails = section.fail_if_body_json_not_matches_cel.as_ref().filter(|text| !text.is_empty());
    let cel = (matches.is_some() || fails.is_some()).then(|| CelChecks {
        environment: Arc::new(Env::stdlib()),
        matches: matches.and_then(|text| expression(text, "http.fail_if_body_json_matches_cel", workshop)),
        not_matches: fails
            .and_then(|text| expression(text, "http.fail_if_body_json_not_matches_cel", workshop)),
    });
    let versions: Vec<Version> =
        section.valid_http_versions.iter().filter_map(|text| known_version(text)).collect();
    Checks {
        statuses: section.valid_status_codes.clone(),
        unknown_versions: versions.len() < section.valid_http_versions.len(),
        versions,
        forbid_tls: section.fail_if_ssl == Some(true),
        demand_tls: section.fail_if_not_ssl == Some(true),
        header_matches,
        header_not_matches,
        body_matches: section.fail_if_body_matches_regexp.clone(),
        body_not_matches: section.fail_if_body_not_matches_regexp.clone(),
        cel,
    }
}

fn header_checks(list: &[HeaderMatch], key: &str, workshop: &mut Workshop<'_>) -> Vec<HeaderCheck> {
    let mut checks = Vec::with_capacity(list.len());
    for (index, raw) in list.iter().enumerate() {
        let key = format!("http.{key}[{index}]");
        let Some(pattern) = raw.regexp.as_ref().filter(|pattern| !pattern.as_str().is_empty()) else {
            workshop.problem(&raw.header, &key, "a header without regexp matches nothing", "add regexp");
            continue;
        };
        match HeaderName::try_from(raw.header.as_str()) {
            Ok(name) => {
                checks.push(HeaderCheck { name, pattern: pattern.clone(), allow_missing: raw.allow_missing });
            }
            Err(_) => {
                let cause = format!("{:?} cannot name a header", raw.header.as_str());
                workshop.problem(&raw.header, &format!("{key}.header"), cause, "give the header's name");
            }
        }
    }
    checks
}

fn expression(text: &Spanned<String>, key: &str, workshop: &mut Workshop<'_>) -> Option<Expression> {
    match cel::Program::compile(text) {
        // Whatever else it names would only show at a probe; this much is certain at load.
        Ok(program) if !program.references().has_variable("body") => {
            let way_out = "write an expression over `body`, e.g. body.status == 'ok'";
            workshop.problem(text, key, "cel: the expression does not look at `body`", way_out);
            None
        }
        Ok(program) => Some(Expression { program, text: text.value.clone() }),
        Err(error) => {
            let cause = error.to_string();
            let cause = cause.lines().next().unwrap_or("not a cel expression").to_owned();
            workshop.problem(
                text,
                key,
                format!("cel: {cause}"),
                "write an expression over `body` that is true or false",
            );
            None
        }
    }
}
