//! Who the exporter is to a cluster: an API token, or a user whose password buys a ticket.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use http::HeaderValue;
use http::header::{AUTHORIZATION, COOKIE, HeaderName};
use kit::config::{Secret, SecretSource};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::failure::{Failure, Reason};
use super::token;
use super::value::{Number, Text};

/// A ticket lives for 2 h; a new one is bought well before.
const TICKET_LIFE: Duration = Duration::from_secs(100 * 60);

/// What is shown to the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// `user@realm!tokenid` and where the token's secret lies.
    Token(String, SecretSource),
    /// `user@realm` and where its password lies.
    Password(String, SecretSource),
}

/// How long nothing is asked after the API said no: it holds each such answer back for 3 s, and directories lock users who
/// try too often.
const PAUSE: Duration = Duration::from_secs(30);

/// The identity, and what it has become.
#[derive(Debug)]
pub struct Access {
    /// Who.
    pub identity: Identity,
    /// The folder that secrets' files are relative to.
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
enum State {
    /// Nothing is at hand.
    #[default]
    Out,
    In(Badge),
    /// Refused, and until when that is believed.
    Denied(Failure, Instant),
}

/// A header that opens the door.
#[derive(Clone, Debug)]
pub(super) struct Badge {
    pub(super) name: HeaderName,
    pub(super) value: HeaderValue,
    until: Option<Instant>,
}

/// What a call for a ticket needs.
pub(super) struct Login {
    pub(super) body: String,
}

impl Access {
    /// Reads nothing yet.
    #[must_use]
    pub fn new(identity: Identity, folder: PathBuf) -> Self {
        Self { identity, folder, state: Mutex::default() }
    }

    /// The header to show: the one at hand, or by `login` a new one. One at a time: the calls of a scrape share a ticket.
    pub(super) async fn badge<F>(&self, login: impl FnOnce(Login) -> F) -> Result<Badge, Failure>
    where
        F: Future<Output = Result<Ticket, Failure>>,
    {
        let mut state = self.state.lock().await;
        match &*state {
            State::In(badge) if badge.until.is_none_or(|until| Instant::now() < until) => {
                return Ok(badge.clone());
            }
            State::Denied(failure, until) if Instant::now() < *until => return Err(failure.clone()),
            _ => {}
        }
        let fresh = match &self.identity {
            Identity::Token(name, source) => {
                sealed(AUTHORIZATION, &header(name, &self.read(source)?)?, None)?
            }
            Identity::Password(name, source) => {
                let secret = self.read(source)?;
                let body = url::form_urlencoded::Serializer::new(String::new())
                    .append_pair("username", name)
                    .append_pair("password", secret.expose())
                    .finish();
                let ticket = match login(Login { body }).await {
                    Err(failure) if failure.reason == Reason::Unauthorized => {
                        *state = State::Denied(failure.clone(), Instant::now() + PAUSE);
                        return Err(failure);
                    }
                    ticket => ticket?,
                };
                if ticket.needs_second_factor() {
                    let detail = format!("{name} needs a second factor: make a token for it instead");
                    return Err(Failure::new(Reason::SecondFactor, detail));
                }
                let value = format!("PVEAuthCookie={}", cookie(&ticket.ticket));
                sealed(COOKIE, &value, Some(Instant::now() + TICKET_LIFE))?
            }
        };
        *state = State::In(fresh.clone());
        Ok(fresh)
    }

    /// The API did not accept this header (401). Whether another may do better: a new ticket, or a token that was changed
    /// in its file.
    pub(super) async fn refused(&self, shown: &Badge, failure: &Failure) -> bool {
        let mut state = self.state.lock().await;
        if !matches!(&*state, State::In(now) if now.value == shown.value) {
            return true;
        }
        let another = match &self.identity {
            Identity::Password(..) => true,
            Identity::Token(name, source) => self
                .read(source)
                .and_then(|secret| header(name, &secret))
                .is_ok_and(|fresh| fresh != shown.value),
        };
        *state = if another { State::Out } else { State::Denied(failure.clone(), Instant::now() + PAUSE) };
        another
    }

    fn read(&self, source: &SecretSource) -> Result<Secret, Failure> {
        source.read(&self.folder).map_err(|error| Failure::new(Reason::Credential, error.to_string()))
    }
}

/// The header's value for a token.
fn header(name: &str, secret: &Secret) -> Result<String, Failure> {
    Ok(format!("PVEAPIToken={name}={}", token::secret(secret.expose(), name)?))
}

fn sealed(name: HeaderName, text: &str, until: Option<Instant>) -> Result<Badge, Failure> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        Failure::new(
            Reason::Credential,
            "the token has characters that no HTTP header may have (a line break?)",
        )
    })?;
    value.set_sensitive(true);
    Ok(Badge { name, value, until })
}

/// A ticket as a cookie's value: as it is, for all that it is made of (`:`, `@`, base64) may stand there. The API decodes cookies,
/// what stands before it may not: only what no cookie may have, and what the API would decode, is encoded.
fn cookie(ticket: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\' | b'%');
    ticket.bytes().fold(String::with_capacity(ticket.len()), |mut text, byte| {
        if safe(byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
        text
    })
}

/// The answer to a login.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Ticket {
    ticket: Text,
    #[serde(rename = "NeedTFA")]
    need_tfa: Number,
}

impl Ticket {
    fn needs_second_factor(&self) -> bool {
        self.need_tfa.flag() == Some(true) || self.ticket.starts_with("PVE:!tfa!")
    }

    /// Whether it is one at all.
    pub(super) fn is_there(&self) -> bool {
        !self.ticket.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_a_cookie_as_it_is() {
        let ticket = "PVE:farol@pve:6543ABCD::c2ln+bmF0/dXJl==";
        assert_eq!(cookie(ticket), ticket);
        assert_eq!(cookie("a b;c%d\"\u{e9}"), "a%20b%3Bc%25d%22%C3%A9");
    }
}
