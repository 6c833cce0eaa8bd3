//! From a request to an answer: who asks, what, and what goes wrong.

use std::time::Duration;

use serde_json::{Value, json};

use super::shape::{TOKEN, USER};
use super::state::{Fault, Mode, State};

/// Where the benches ask what was asked since they last did.
pub(super) const STATS: &str = "/__stats";

/// A request.
pub(super) struct Request {
    pub(super) method: String,
    /// With its query.
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) words: String,
    pub(super) body: Vec<u8>,
    pub(super) fault: Option<Fault>,
}

impl Answer {
    fn data(data: &Value) -> Self {
        let body = serde_json::to_vec(&json!({ "data": data })).unwrap();
        Self { status: 200, words: "OK".to_owned(), body, fault: None }
    }

    /// Older versions say the cause in the status line alone.
    fn refusal(status: u16, words: impl Into<String>) -> Self {
        Self { status, words: words.into(), body: b"{\"data\":null}".to_vec(), fault: None }
    }
}

/// Answers.
pub(super) async fn answer(state: &State, listener: usize, request: &Request) -> Answer {
    if request.path == STATS {
        let counts = state.counts();
        let body = json!({ "connections": counts.connections, "requests": counts.requests });
        return Answer {
            status: 200,
            words: "OK".to_owned(),
            body: body.to_string().into_bytes(),
            fault: None,
        };
    }
    let Some(path) = request.path.strip_prefix("/api2/json") else {
        return Answer::refusal(501, "no such file '/'");
    };
    tokio::time::sleep(state.shape.latency).await;
    if request.method == "POST" && path == "/access/ticket" {
        return login(state, request).await;
    }
    if !is_known(state, request) {
        tokio::time::sleep(state.shape.penance).await;
        return Answer::refusal(401, "authentication failure");
    }
    if let Some(node) = path.strip_prefix("/nodes/").and_then(|rest| rest.split(['/', '?']).next())
        && let Some(refusal) = handed_on(state, node).await
    {
        return refusal;
    }
    match state.fault_of(path) {
        None => plain(state, listener, path),
        Some(Fault::Status(status, words)) => Answer::refusal(status, words),
        Some(Fault::Hang) => {
            tokio::time::sleep(Duration::from_secs(120)).await;
            Answer::refusal(596, "Connection timed out")
        }
        Some(fault) => spoilt(plain(state, listener, path), fault),
    }
}

async fn login(state: &State, request: &Request) -> Answer {
    let expected = format!("username={}&password={}", USER.replace('@', "%40"), state.secret());
    if let Some(Fault::Status(status, words)) = state.fault_of("/access/ticket") {
        return Answer::refusal(status, words);
    }
    if request.body != expected {
        tokio::time::sleep(state.shape.penance).await;
        return Answer::refusal(401, "authentication failure");
    }
    let ticket = state.sell_ticket();
    Answer::data(&json!({ "ticket": ticket, "username": USER, "CSRFPreventionToken": "6543:x" }))
}

fn is_known(state: &State, request: &Request) -> bool {
    if request.header("authorization") == format!("PVEAPIToken={TOKEN}={}", state.secret()) {
        return true;
    }
    let cookie = request.header("cookie").strip_prefix("PVEAuthCookie=").unwrap_or_default();
    let decoded = cookie
        .replace("%3A", ":")
        .replace("%40", "@")
        .replace("%2B", "+")
        .replace("%2F", "/")
        .replace("%3D", "=");
    state.is_ticket(&decoded)
}

/// What becomes of a call for another node; `None`: it is there and answers.
async fn handed_on(state: &State, node: &str) -> Option<Answer> {
    match state.mode(node) {
        Mode::Online | Mode::Silent => None,
        Mode::Offline => Some(Answer::refusal(595, "No route to host")),
        Mode::Removed => {
            Some(Answer::refusal(500, format!("hostname lookup '{node}' failed - no such node")))
        }
        Mode::Hanging => {
            tokio::time::sleep(state.shape.patience).await;
            Some(Answer::refusal(596, "Connection timed out"))
        }
    }
}

/// Lists leave out what may not be seen; only these say so.
const NEEDS_SYS_AUDIT: &[&str] = &[
    "/cluster/status",
    "/cluster/ha/",
    "/cluster/backup",
    "/cluster/config/",
    "/status",
    "/services",
    "/disks",
];

fn plain(state: &State, listener: usize, path: &str) -> Answer {
    if !state.is_privileged() {
        if NEEDS_SYS_AUDIT.iter().any(|part| path.contains(part)) {
            return Answer::refusal(403, "Permission check failed (/, Sys.Audit)");
        }
        if path.contains("/config") {
            return Answer::refusal(403, "Permission check failed (/vms/100, VM.Audit)");
        }
    }
    if path == "/cluster/resources" && state.is_well() {
        let body = state.data.whole(state).to_vec();
        return Answer { status: 200, words: "OK".to_owned(), body, fault: None };
    }
    match state.data.get(state, listener, path) {
        Some(data) => Answer::data(&data),
        None => Answer::refusal(501, format!("Method 'GET {path}' not implemented")),
    }
}

fn spoilt(mut answer: Answer, fault: Fault) -> Answer {
    let parsed = || serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
    match fault {
        Fault::HalfJson => answer.body.truncate(answer.body.len() / 2),
        Fault::WrongTypes => answer = Answer::data(&wrong(&parsed()["data"])),
        Fault::Empty => answer = Answer::data(&json!([])),
        Fault::NoObjects => answer = Answer::data(&json!([1, "two", null, [3]])),
        Fault::MissingKeys => answer = Answer::data(&poor(&parsed()["data"])),
        Fault::NotANumber => {
            let text = String::from_utf8_lossy(&answer.body).replace("\"cpu\":", "\"cpu\":nan,\"was\":");
            answer.body = text.into_bytes();
        }
        Fault::Huge => {
            answer.body = b"{\"data\":[".to_vec();
            answer.body.resize(100 << 20, b' ');
            answer.body.extend_from_slice(b"]}");
        }
        other => answer.fault = Some(other),
    }
    answer
}

/// Each value as another kind.
fn wrong(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, value)| (key.clone(), if key == "id" { value.clone() } else { wrong(value) }))
                .collect(),
        ),
        Value::Array(list) => list.iter().map(wrong).collect(),
        Value::String(_) => json!([{ "a": 1 }]),
        Value::Number(number) => json!(number.to_string()),
        _ => json!({ "b": [] }),
    }
}

fn poor(value: &Value) -> Value {
    match value {
        Value::Array(list) => list.iter().map(poor).collect(),
        Value::Object(map) => {
            Value::Object(map.iter().take(1).map(|(key, value)| (key.clone(), value.clone())).collect())
        }
        other => other.clone(),
    }
}
