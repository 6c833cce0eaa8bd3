//! One request and its answer; what a refusal says.

use bytes::{Bytes, BytesMut};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, COOKIE, USER_AGENT,
};
use http::{HeaderValue, Method, Request, StatusCode};
use kit::config::HIDDEN;
use serde::Deserialize;

use super::access::Badge;
use super::body;
use super::endpoint::{Endpoint, Used};
use super::failure::{Failure, Reason};
use super::value::Text;

/// A whole answer.
pub(super) struct Answer {
    pub(super) body: Bytes,
}

/// A GET, or with a form a POST.
pub(super) fn request(
    authority: &str,
    path: &str,
    badge: Option<&Badge>,
    form: Option<&str>,
) -> Result<Request<Bytes>, Failure> {
    let method = if form.is_some() { Method::POST } else { Method::GET };
    let mut request = Request::builder()
        .method(method)
        .uri(format!("https://{authority}{path}"))
        .header(ACCEPT, "application/json")
        .header(ACCEPT_ENCODING, "gzip")
        .header(USER_AGENT, concat!("farol/", env!("CARGO_PKG_VERSION")));
    if let Some(badge) = badge {
        request = request.header(&badge.name, &badge.value);
    }
    if form.is_some() {
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    let body = form.map_or_else(Bytes::new, |form| Bytes::copy_from_slice(form.as_bytes()));
    request.body(body).map_err(|error| Failure::new(Reason::Internal, error.to_string()))
}

/// Sends a request, reads its answer to the end, and keeps the connection if pveproxy does.
pub(super) async fn exchange(
    endpoint: &Endpoint,
    mut used: Used,
    request: Request<Bytes>,
) -> Result<Answer, Failure> {
    let broken = |error: wire::http::HttpError| {
        use wire::http::Reason as Http;
        let reason = match error.reason {
            Http::ConnectionClosed => Reason::Closed,
            Http::Protocol | Http::HeadTooLarge => Reason::Protocol,
            Http::Tls(_) => Reason::Tls,
            Http::Request => Reason::Internal,
        };
        Failure::new(reason, format!("{}: {error}", endpoint.authority()))
    };
    let sent: Vec<HeaderValue> =
        [AUTHORIZATION, COOKIE].iter().filter_map(|name| request.headers().get(name).cloned()).collect();
    let reply = used.line.send(request).await.map_err(broken)?;
    if reply.content_length.is_some_and(|length| length > body::LARGEST as u64) {
        return Err(body::too_large());
    }
    let mut travelled = BytesMut::new();
    while let Some(chunk) = used.line.chunk().await.map_err(broken)? {
        if travelled.len() + chunk.len() > body::LARGEST {
            return Err(body::too_large());
        }
        travelled.extend_from_slice(&chunk);
    }
    used.uses += 1;
    let says = |name, word: &str| {
        reply
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.eq_ignore_ascii_case(word))
    };
    let packed = says(CONTENT_ENCODING, "gzip");
    // pveproxy closes after every failure, and does not always say so.
    if reply.status.as_u16() < 400 && !says(CONNECTION, "close") && reply.version == http::Version::HTTP_11 {
        endpoint.keep(used);
    }
    let body = if packed { body::unpack(&travelled)? } else { travelled.freeze() };
    if reply.status == StatusCode::OK {
        return Ok(Answer { body });
    }
    let mut refused = refusal(reply.status, &reply.phrase, &body);
    refused.detail = without(&sent, std::mem::take(&mut refused.detail));
    Err(refused)
}

/// A text without what was sent to prove who asks: an answer may show its request.
fn without(sent: &[HeaderValue], mut text: String) -> String {
    for value in sent.iter().filter_map(|value| value.to_str().ok()) {
        // `PVEAPIToken=user@realm!name=SECRET`, `PVEAuthCookie=TICKET`
        let (_, proof) = value.split_once('=').unwrap_or_default();
        let proof = if value.starts_with("PVEAPIToken=") {
            proof.split_once('=').unwrap_or_default().1
        } else {
            proof
        };
        for secret in [value, proof].into_iter().filter(|secret| !secret.is_empty()) {
            text = text.replace(secret, HIDDEN);
        }
    }
    text
}

/// What an answer that is none says: the cause stands in the status line, newer versions have it in the body, too.
fn refusal(status: StatusCode, phrase: &str, body: &[u8]) -> Failure {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Message {
        message: Text,
        errors: std::collections::BTreeMap<String, Text>,
    }
    let told: Message = serde_json::from_slice(body).unwrap_or_default();
    let mut detail =
        if told.message.len() > phrase.len() { told.message.0.into_string() } else { phrase.to_owned() };
    for (key, error) in &told.errors {
        detail.push_str(&format!(" ({key}: {})", &**error));
    }
    let detail: String =
        detail.trim().chars().filter(|character| !character.is_control()).take(300).collect();
    Failure::new(
        Reason::of_status(status.as_u16()),
        format!("{} {detail}", status.as_str()).trim().to_owned(),
    )
}

/// A path with its braces filled; what stands for them is encoded.
pub(super) fn fill(template: &str, values: &[(&'static str, &str)]) -> String {
    let mut path = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        path.push_str(before);
        let value = values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
                path.push(char::from(byte));
            } else {
                path.push_str(&format!("%{byte:02X}"));
            }
        }
        rest = after;
    }
    path + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_not_shown() {
        let sent = [
            HeaderValue::from_static("PVEAPIToken=u@pve!t=5d1f-secret"),
            HeaderValue::from_static("PVEAuthCookie=PVE:u@pve:6543::abc=="),
        ];
        let text =
            "500 no: Authorization: PVEAPIToken=u@pve!t=5d1f-secret, 5d1f-secret, PVE:u@pve:6543::abc==";
        let text = without(&sent, text.to_owned());
        assert!(!text.contains("secret,") && !text.contains("5d1f") && !text.contains("abc"), "{text}");
        assert_eq!(without(&sent, "401 no".to_owned()), "401 no");
    }

    #[test]
    fn paths_are_filled_and_encoded() {
        let values = [("node", "pve1"), ("vmid", "100"), ("storage", "a/b?c")];
        assert_eq!(fill("/nodes/{node}/qemu/{vmid}/snapshot", &values), "/nodes/pve1/qemu/100/snapshot");
        let path = fill("/nodes/{node}/storage/{storage}/content?content=backup", &values);
        assert_eq!(path, "/nodes/pve1/storage/a%2Fb%3Fc/content?content=backup");
        assert_eq!(fill("/version", &values), "/version");
    }

    #[test]
    fn a_refusal_says_what_the_api_says() {
        let status = StatusCode::FORBIDDEN;
        let old = refusal(status, "Permission check failed (/vms/100, VM.Audit)", b"{\"data\":null}");
        assert_eq!(old.to_string(), "forbidden: 403 Permission check failed (/vms/100, VM.Audit)");
        let body = br#"{"data":null,"message":"Permission check failed (/, Sys.Audit)\n"}"#;
        assert_eq!(refusal(status, "Forbidden", body).detail, "403 Permission check failed (/, Sys.Audit)");
        let body = br#"{"data":null,"errors":{"node":"invalid format"}}"#;
        let failure = refusal(StatusCode::BAD_REQUEST, "Parameter verification failed.", body);
        assert_eq!(failure.to_string(), "status: 400 Parameter verification failed. (node: invalid format)");
        let odd = StatusCode::from_u16(595).unwrap();
        assert_eq!(
            refusal(odd, "No route to host", b"").to_string(),
            "node_unreachable: 595 No route to host"
        );
        assert_eq!(refusal(status, "", b"<html>").detail, "403");
    }
}
