//! What changes while it runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::ServerConfig;

use super::data::Data;
use super::shape::{SECRET, Shape};

/// How a node is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Well.
    #[default]
    Online,
    /// Gone: the cluster says so, and calls for it end in 595.
    Offline,
    /// The cluster thinks it well, but nothing comes from it: calls for it end in 596 after 30 s.
    Hanging,
    /// Its status daemon is dead: the cluster's list knows nothing of it and its guests.
    Silent,
    /// No member any more.
    Removed,
}

/// What the token may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Rights {
    /// Everything.
    #[default]
    All,
    /// The nodes' names.
    Names,
    /// Nothing: empty lists.
    Nothing,
}

/// What goes wrong with paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A status and its words.
    Status(u16, &'static str),
    /// No answer.
    Hang,
    /// Half of the answer, then the end of the connection.
    Truncated,
    /// Half of the JSON, in an answer that is whole.
    HalfJson,
    /// Numbers and lists where texts belong, and the other way round.
    WrongTypes,
    /// An empty list.
    Empty,
    /// A list of numbers where one of objects belongs.
    NoObjects,
    /// Only the first key of each object.
    MissingKeys,
    /// `nan`, as Perl writes what is no number.
    NotANumber,
    /// 100 MB.
    Huge,
    /// Something else than HTTP.
    Garbage,
}

/// What was asked.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Connections that were accepted.
    pub connections: usize,
    /// Requests, by path and query.
    pub requests: BTreeMap<String, usize>,
}

impl Counts {
    /// All requests.
    #[must_use]
    pub fn total(&self) -> usize {
        self.requests.values().sum()
    }

    /// Requests whose path has this in it.
    #[must_use]
    pub fn of(&self, part: &str) -> usize {
        self.requests.iter().filter(|(path, _)| path.contains(part)).map(|(_, count)| count).sum()
    }
}

/// What changes while it runs.
pub struct State {
    pub(super) shape: Shape,
    pub(super) data: Data,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    modes: BTreeMap<String, Mode>,
    faults: Vec<(String, Fault)>,
    counts: Counts,
    /// Listeners that accept and then say nothing.
    deaf: Vec<usize>,
    tickets: BTreeMap<String, std::time::Instant>,
    /// What each listener shows: its certificate's fingerprint, and what makes its handshakes.
    doors: Vec<(String, Arc<ServerConfig>)>,
    /// The token's secret, and the password.
    secret: String,
    rights: Rights,
}

impl State {
    pub(super) fn new(shape: Shape, doors: Vec<(String, Arc<ServerConfig>)>) -> Self {
        let inner = Inner { doors, secret: SECRET.to_owned(), rights: shape.rights, ..Inner::default() };
        Self { data: Data::new(&shape), shape, inner: Mutex::new(inner) }
    }

    /// Gives a listener another certificate; connections that stand go on.
    pub(super) fn set_door(&self, listener: usize, door: (String, Arc<ServerConfig>)) {
        self.lock().doors[listener] = door;
    }

    pub(super) fn door(&self, listener: usize) -> Arc<ServerConfig> {
        Arc::clone(&self.lock().doors[listener].1)
    }

    pub(super) fn fingerprint(&self, listener: usize) -> Option<String> {
        self.lock().doors.get(listener).map(|(fingerprint, _)| fingerprint.clone())
    }

    /// Makes another secret the right one.
    pub fn set_secret(&self, secret: &str) {
        secret.clone_into(&mut self.lock().secret);
    }

    pub(super) fn secret(&self) -> String {
        self.lock().secret.clone()
    }

    /// Gives the token other rights.
    pub fn set_rights(&self, rights: Rights) {
        self.lock().rights = rights;
    }

    pub(super) fn rights(&self) -> Rights {
        self.lock().rights
    }

    /// Whether the token may see everything.
    pub(super) fn is_privileged(&self) -> bool {
        self.rights() == Rights::All
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes how a node is.
    pub fn set(&self, node: &str, mode: Mode) {
        self.lock().modes.insert(node.to_owned(), mode);
    }

    /// Lets every path that has this in it (and its query) go wrong; with `=` before it that path alone.
    pub fn fault(&self, part: &str, fault: Fault) {
        self.lock().faults.push((part.to_owned(), fault));
    }

    /// All is well again.
    pub fn heal(&self) {
        let mut inner = self.lock();
        inner.faults.clear();
        inner.modes.clear();
        inner.deaf.clear();
    }

    /// Makes a listener accept connections and say nothing.
    pub fn deafen(&self, listener: usize) {
        self.lock().deaf.push(listener);
    }

    /// Makes all tickets old.
    pub fn expire_tickets(&self) {
        self.lock().tickets.clear();
    }

    pub(super) fn mode(&self, node: &str) -> Mode {
        self.lock().modes.get(node).copied().unwrap_or_default()
    }

    pub(super) fn is_well(&self) -> bool {
        self.is_privileged() && self.lock().modes.is_empty()
    }

    pub(super) fn fault_of(&self, path: &str) -> Option<Fault> {
        let is_meant =
            |part: &str| part.strip_prefix('=').map_or_else(|| path.contains(part), |whole| path == whole);
        self.lock().faults.iter().find(|(part, _)| is_meant(part)).map(|(_, fault)| fault.clone())
    }

    pub(super) fn is_deaf(&self, listener: usize) -> bool {
        self.lock().deaf.contains(&listener)
    }

    pub(super) fn connected(&self) {
        self.lock().counts.connections += 1;
    }

    pub(super) fn asked(&self, path: &str) {
        *self.lock().counts.requests.entry(path.to_owned()).or_default() += 1;
    }

    pub(super) fn sell_ticket(&self) -> String {
        let mut inner = self.lock();
        let ticket = format!("PVE:farol@pve:{:08X}::c2lnbmF0dXJl+/==", inner.tickets.len() + 0x6543_2100);
        inner.tickets.insert(ticket.clone(), std::time::Instant::now() + self.shape.ticket);
        ticket
    }

    pub(super) fn is_ticket(&self, text: &str) -> bool {
        self.lock().tickets.get(text).is_some_and(|until| std::time::Instant::now() < *until)
    }

    /// What was asked since this was last called.
    pub fn counts(&self) -> Counts {
        std::mem::take(&mut self.lock().counts)
    }
}
