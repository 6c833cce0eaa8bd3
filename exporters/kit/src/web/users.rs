//! Basic authentication. bcrypt is slow on purpose: it runs off the runtime's thread, one at a time, and its successes
//! (never its failures) are remembered under a keyed digest, so that no password lies in memory.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use aws_lc_rs::{digest, hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::Semaphore;

use crate::config::{Document, Problem, Secret, Spanned};

/// How many successes are remembered.
const REMEMBERED: usize = 100;

/// What checking passwords needs across reloads: the turn for bcrypt, and the memory of successes.
pub struct Gate {
    turn: Semaphore,
    /// Made for the first password: seeding the generator takes the library a tenth of a second of CPU time, which an
    /// exporter without users shall not spend at its start.
    key: LazyLock<hmac::Key>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    set: HashSet<[u8; 32]>,
    order: VecDeque<[u8; 32]>,
}

impl Gate {
    /// An empty memory with a key of its own.
    #[must_use]
    pub fn new() -> Self {
        Self { turn: Semaphore::new(1), key: LazyLock::new(new_key), known: Mutex::new(Known::default()) }
    }

    fn mark(&self, user: &str, hash: &str, password: &str) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [user, hash, password] {
            // With its length, so that no two triples give the same bytes.
            context.update(&part.len().to_le_bytes());
            context.update(part.as_bytes());
        }
        let mut mark = [0; 32];
        mark.copy_from_slice(context.sign().as_ref());
        mark
    }

    fn knows(&self, mark: &[u8; 32]) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).set.contains(mark)
    }

    fn remember(&self, mark: [u8; 32]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.set.insert(mark) {
            return;
        }
        known.order.push_back(mark);
        if known.order.len() > REMEMBERED {
            let oldest = known.order.pop_front();
            oldest.map(|oldest| known.set.remove(&oldest));
        }
    }
}

fn new_key() -> hmac::Key {
    let mut key = [0u8; digest::SHA256_OUTPUT_LEN];
    // Without randomness the key is constant: the digests then protect less, but stay correct.
    let _ = rand::fill(&mut key);
    hmac::Key::new(hmac::HMAC_SHA256, &key)
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

/// The users of a web configuration.
pub struct Users {
    hashes: BTreeMap<String, Secret>,
    /// A hash of the highest cost among them: what an unknown user's password is held against, so that the time of the
    /// answer does not tell who exists.
    slowest: Secret,
    gate: Arc<Gate>,
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").field("count", &self.hashes.len()).finish()
    }
}

impl Users {
    pub(super) fn new(
        raw: &BTreeMap<String, Spanned<Secret>>,
        gate: &Arc<Gate>,
        document: &Document,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let mut slowest: Option<(u32, &Secret)> = None;
        for (user, hash) in raw {
            match bcrypt::HashParts::from_str(hash.expose()) {
                Ok(parts) if slowest.is_none_or(|(cost, _)| parts.get_cost() > cost) => {
                    slowest = Some((parts.get_cost(), hash));
                }
                Ok(_) => (),
                Err(_) => problems.push(document.problem(
                    hash,
                    format!("basic_auth_users.{user}"),
                    "this is not a bcrypt hash",
                    "make one with `htpasswd -nBC 10 \"\" | tr -d ':'`",
                )),
            }
        }
        let slowest = slowest?.1.clone();
        let hashes = raw.iter().map(|(user, hash)| (user.clone(), hash.value.clone())).collect();
        Some(Self { hashes, slowest, gate: Arc::clone(gate) })
    }

    /// Whether an `Authorization` header names a user with the right password. Takes bcrypt's time (about 50 ms at cost
    /// 10) on the first success and on each failure, whether the user exists or not.
    pub async fn allow(&self, authorization: Option<&[u8]>) -> bool {
        let Some((user, password)) = authorization.and_then(basic) else { return false };
        let known = self.hashes.get(&user);
        let hash = known.unwrap_or(&self.slowest).clone();
        let mark = self.gate.mark(&user, hash.expose(), &password);
        if self.gate.knows(&mark) {
            return true;
        }
        let Ok(turn) = self.gate.turn.acquire().await else { return false };
        // Somebody with the same password may have been before us in the queue.
        if self.gate.knows(&mark) {
            return true;
        }
        let verified =
            tokio::task::spawn_blocking(move || bcrypt::verify(password, hash.expose()).unwrap_or(false));
        let right = verified.await.unwrap_or(false) && known.is_some();
        drop(turn);
        if right {
            self.gate.remember(mark);
        }
        right
    }
}

/// User and password of a `Basic` header; RFC 7617.
pub(crate) fn basic(header: &[u8]) -> Option<(String, String)> {
    let (scheme, rest) = header.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(rest.trim_ascii()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(user: &str, password: &str) -> Vec<u8> {
        format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))).into_bytes()
    }

    fn users() -> Users {
        let raw = [("alice", "open:sesame"), ("bob", "b")].map(|(user, password)| {
            (user.to_owned(), Spanned::new(Secret::new(bcrypt::hash(password, 4).unwrap())))
        });
        let document = Document::embedded("web.yml", "");
        Users::new(&raw.into(), &Arc::new(Gate::new()), &document, &mut Vec::new()).unwrap()
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user() {
        let users = users();
        for _ in 0..2 {
            assert!(users.allow(Some(&header("alice", "open:sesame"))).await);
            assert!(!users.allow(Some(&header("alice", "b"))).await);
            // The unknown user's password is held against a known one's hash; being right there lets nobody in.
            assert!(!users.allow(Some(&header("carol", "open:sesame"))).await);
            assert!(!users.allow(Some(&header("carol", "b"))).await);
        }
        for broken in
            [None, Some(&b"Basic"[..]), Some(b"Basic !!!"), Some(b"Bearer YTpi"), Some(b"Basic YWxpY2U=")]
        {
            assert!(!users.allow(broken).await, "{broken:?}");
        }
    }

    #[tokio::test]
    async fn only_successes_are_remembered_and_not_too_many() {
        let users = users();
        for n in 0..5 {
            assert!(!users.allow(Some(&header("alice", &n.to_string()))).await);
        }
        assert!(users.gate.known.lock().unwrap().set.is_empty());
        assert!(users.allow(Some(&header("bob", "b"))).await);
        assert_eq!(users.gate.known.lock().unwrap().set.len(), 1);
        for n in 0..=255u8 {
            users.gate.remember([n; 32]);
        }
        let known = users.gate.known.lock().unwrap();
        assert_eq!((known.set.len(), known.order.len()), (REMEMBERED, REMEMBERED));
    }

    #[test]
    fn marks_depend_on_every_part() {
        let gate = Gate::new();
        let mark = gate.mark("a", "b", "c");
        for (user, hash, password) in [("ab", "", "c"), ("a", "bc", ""), ("a", "b", "d")] {
            assert_ne!(mark, gate.mark(user, hash, password));
        }
        assert_eq!(mark, gate.mark("a", "b", "c"));
        assert_ne!(mark, Gate::new().mark("a", "b", "c"), "another process, another key");
    }
}
