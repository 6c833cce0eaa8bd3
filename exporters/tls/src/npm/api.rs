//! The reader by API. It logs in once and keeps the token, never asks for what holds private keys, and never makes Nginx
//! Proxy Manager ask others (its version check asks GitHub).

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, StatusCode};
use kit::config::Secret;
use serde::Deserialize;
use tokio::sync::Mutex;
use wire::Resolver;
use wire::http::fetch::{Answer, Ask, Base};

use super::entry::Api;
use super::inventory::{Inventory, Kind};
use super::reasons::{Fault, Reason};
use super::rows;

/// A token lives for a day. Half of it is time enough to get another one by it, and a day in which that fails ends with a
/// login.
const RENEW: Duration = Duration::from_secs(12 * 3600);
/// No answer is larger, in bytes: 5,000 hosts have less.
const LARGEST: usize = 8 << 20;
/// The lists, with the certificate of each host: here, unlike in the list of certificates, without private keys.
const LISTS: [(Kind, &str); 4] = [
    (Kind::Proxy, "/api/nginx/proxy-hosts?expand=certificate"),
    (Kind::Redirection, "/api/nginx/redirection-hosts?expand=certificate"),
    (Kind::Dead, "/api/nginx/dead-hosts?expand=certificate"),
    (Kind::Stream, "/api/nginx/streams?expand=certificate"),
];

/// Where the API is, and who resolves its name.
struct Way<'a> {
    base: &'a Base,
    resolver: &'a Resolver,
}

impl Way<'_> {
    async fn get(&self, path: &str, token: &Secret) -> Result<Answer, Fault> {
        let (method, token) = (Method::GET, Some(token.expose()));
        let ask = Ask { method, path, token, body: Bytes::new(), limit: LARGEST };
        Ok(self.base.ask(self.resolver, ask).await?)
    }

    async fn post(&self, path: &str, body: String) -> Result<Answer, Fault> {
        let ask = Ask { method: Method::POST, path, token: None, body: body.into(), limit: LARGEST };
        Ok(self.base.ask(self.resolver, ask).await?)
    }
}

/// What is kept from one reading to the next.
#[derive(Debug, Default)]
pub(super) struct Session {
    token: Mutex<Option<(Secret, Instant)>>,
}

#[derive(Deserialize)]
struct Login {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    requires_2fa: bool,
}

/// Reads the inventory. There is no deadline but the caller's.
pub(super) async fn read(api: &Api, session: &Session, resolver: &Resolver) -> Result<Inventory, Fault> {
    let way = Way { base: &api.base, resolver };
    let mut kept = session.token.lock().await;
    // Cloned, not taken: a reading that is cut short shall not cost the token.
    if let Some((token, since)) = kept.clone() {
        let token =
            if since.elapsed() < RENEW { Some((token, since)) } else { renewed(&way, &token).await? };
        if let Some((token, since)) = token {
            match lists(&way, &token).await {
                Err(fault) if fault.reason == Reason::Forbidden || fault.reason == Reason::ServerError => {
                    tracing::debug!(%fault, url = %api.base, "the token is refused; logging in anew");
                }
                ended => {
                    *kept = Some((token, since));
                    return ended;
                }
            }
        }
    }
    let token = login(api, &way).await?;
    let ended = lists(&way, &token).await;
    *kept = Some((token, Instant::now()));
    ended
}

/// Another token by one that still holds; `None` if it does not.
async fn renewed(way: &Way<'_>, token: &Secret) -> Result<Option<(Secret, Instant)>, Fault> {
    let answer = way.get("/api/tokens", token).await?;
    if answer.status != StatusCode::OK {
        return Ok(None);
    }
    let token = serde_json::from_slice::<Login>(&answer.body).ok().and_then(|login| login.token);
    Ok(token.map(|token| (Secret::new(token), Instant::now())))
}

async fn login(api: &Api, way: &Way<'_>) -> Result<Secret, Fault> {
    let secret =
        api.secret.read(&api.folder).map_err(|error| Fault::new(Reason::Secret, error.to_string()))?;
    let body = serde_json::json!({ "identity": api.identity, "secret": secret.expose() });
    let answer = way.post("/api/tokens", body.to_string()).await?;
    if matches!(answer.status.as_u16(), 400 | 401 | 403) {
        // Nginx's own page, say, for http at a port of https.
        if !is_its_own(&answer) {
            let status = answer.status;
            let detail = format!(
                "/api/tokens: status {status}, not in Nginx Proxy Manager's words: is the url right, http or https, and the port?"
            );
            return Err(Fault::new(Reason::Schema, detail));
        }
        let detail = format!("log in as {}: no such user, or another password", api.identity);
        return Err(Fault::new(Reason::LoginRefused, detail));
    }
    good(&answer, "/api/tokens")?;
    let login: Login = parse(&answer, "/api/tokens")?;
    match login.token {
        Some(token) if !token.is_empty() => Ok(Secret::new(token)),
        _ if login.requires_2fa => {
            let detail =
                format!("log in as {}: the user has a second factor; take one without", api.identity);
            Err(Fault::new(Reason::TwoFactor, detail))
        }
        _ => Err(Fault::new(Reason::Schema, "/api/tokens: no token in the answer")),
    }
}

/// Whether a refusal is in Nginx Proxy Manager's words.
fn is_its_own(answer: &Answer) -> bool {
    serde_json::from_slice::<serde_json::Value>(&answer.body).is_ok_and(|body| body.get("error").is_some())
}

async fn lists(way: &Way<'_>, token: &Secret) -> Result<Inventory, Fault> {
    let mut inventory = Inventory::default();
    for (kind, path) in LISTS {
        let answer = way.get(path, token).await?;
        good(&answer, path)?;
        rows::add(&answer.body, kind, &mut inventory).map_err(|error| unknown(&error, path))?;
    }
    Ok(inventory)
}

/// What its statuses mean: without a token it says 404, with a bad or expired one 500.
fn good(answer: &Answer, path: &str) -> Result<(), Fault> {
    let status = answer.status;
    match status.as_u16() {
        200..=299 => Ok(()),
        401 | 403 | 404 => Err(Fault::new(Reason::Forbidden, format!("{path}: status {status}"))),
        500..=599 => Err(Fault::new(Reason::ServerError, format!("{path}: status {status}"))),
        _ => Err(Fault::new(Reason::Schema, format!("{path}: status {status}"))),
    }
}

/// An answer's content.
fn parse<T: for<'de> Deserialize<'de>>(answer: &Answer, path: &str) -> Result<T, Fault> {
    serde_json::from_slice(&answer.body).map_err(|error| unknown(&error, path))
}

/// Says where an answer is not what was expected, and nothing of what stands there.
fn unknown(error: &serde_json::Error, path: &str) -> Fault {
    let (line, column) = (error.line(), error.column());
    let what = match error.classify() {
        serde_json::error::Category::Data => "not of a known form",
        _ => "not JSON",
    };
    Fault::new(Reason::Schema, format!("{path}: {what}, at line {line}, column {column}"))
}
