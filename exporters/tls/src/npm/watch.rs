//! Each inventory is read on its interval, and what follows from it goes to the schedule and the files.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use kit::schedule::{Asked, Busy, Lapse, Source as Asking};
use kit::{BoxFuture, Discovered, Page, Sampler, Store, Watched};
use wire::Resolver;

use super::discover::{self, Folders};
use super::entry::{Access, Entry};
use super::inventory::Inventory;
use super::page::{Ends, write};
use super::reasons::{Fault, Reason};
use super::state::{Known, Last, State};
use super::{api, keep, sqlite};
use crate::files::{Files, Source};
use crate::renewal::Policy;
use crate::targets::Schedule;

/// The Nginx Proxy Managers and what is known of them. A reload makes a new one, which takes over what is known of those that
/// stay.
#[derive(Debug)]
pub struct Npm {
    asked: Arc<Asked<One>>,
}

/// What the inventories are read with, and whom they are given to.
#[derive(Clone, Debug)]
pub struct Hands {
    /// Of the names of the APIs' hosts.
    pub resolver: Arc<Resolver>,
    /// Takes the hosts.
    pub schedule: Schedule,
    /// Takes the certificates' files.
    pub files: Files,
    /// Where the inventories outlive the process.
    pub store: Option<Store>,
}

/// One Nginx Proxy Manager.
#[derive(Debug)]
struct One {
    entry: Arc<Entry>,
    state: Arc<State>,
    hands: Hands,
    /// What the schedule and the files were last given. It does not outlive a reload, for they do not either.
    handed: Mutex<Option<(Arc<Inventory>, FileList)>>,
}

/// Files, each with when its certificate is due.
type FileList = Vec<(PathBuf, Policy)>;

impl Npm {
    /// Reads these, whose names differ, and gives what it finds to the schedule and the files. What was known before is taken
    /// from `previous`, or else from the store.
    #[must_use]
    pub fn new(entries: Vec<Entry>, hands: &Hands, previous: Option<&Npm>) -> Self {
        let previous = previous.map(|previous| &*previous.asked);
        let one = |entry: Entry| {
            let known = previous.and_then(|previous| previous.same(&entry.identity()));
            let state = known.map(|one| Arc::clone(&one.state)).unwrap_or_default();
            if let (None, Some(store)) = (known, &hands.store)
                && let Some(recalled) = keep::recall(store, &entry)
            {
                state.recall(&entry, recalled);
            }
            One { entry: Arc::new(entry), state, hands: hands.clone(), handed: Mutex::default() }
        };
        let asked = Asked::new(entries.into_iter().map(one).collect(), previous);
        for one in asked.all() {
            let known = one.state.lock();
            if let (Some((inventory, _)), Some(folders)) = (&known.inventory, known.folders) {
                one.hand_on(inventory, folders);
            }
        }
        Self { asked }
    }

    /// The background loop; none if there is nothing to read.
    #[must_use]
    pub fn samplers(&self) -> Vec<Arc<dyn Sampler>> {
        self.asked.samplers()
    }

    /// The lists for others.
    #[must_use]
    pub fn discovered(&self) -> Vec<Discovered> {
        let one =
            |one: &One| Discovered { name: one.entry.name.clone(), groups: one.state.lock().groups.clone() };
        self.asked.all().iter().map(one).collect()
    }

    /// Each one's state in words, for the landing page.
    #[must_use]
    pub fn watched(&self) -> Vec<Watched> {
        self.asked.all().iter().map(|one| watched(&one.entry, &one.state.lock())).collect()
    }
}

fn watched(entry: &Entry, known: &Known) -> Watched {
    let count = |number: usize, one: &str, more: &str| match number {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{number} {more}")),
    };
    let fault = known.last.as_ref().and_then(|last| last.fault.as_ref()).map(ToString::to_string);
    let mut parts: Vec<String> = fault.iter().cloned().collect();
    if let Some((inventory, _)) = &known.inventory {
        let (hosts, certificates) = (inventory.hosts.len(), inventory.certificates.len());
        parts.push(format!("{hosts} hosts, {certificates} certificates"));
        if hosts == 0 {
            parts
                .push("its user may see none (Permissions: All Items), or it is another database".to_owned());
        }
        parts.extend(count(inventory.odd.len(), "row that cannot be read", "rows that cannot be read"));
        let left_out = discover::left_out(inventory);
        if let Some(first) = left_out.first() {
            let more =
                if left_out.len() > 1 { format!(" and {} more", left_out.len() - 1) } else { String::new() };
            parts.push(format!("not looked at: {}{more} ({})", first.name, first.reason.meaning()));
        }
    }
    if let Some(folders) = known.folders {
        let absent = [(folders.letsencrypt, &entry.letsencrypt), (folders.custom_ssl, &entry.custom_ssl)];
        parts.extend(
            absent.into_iter().filter(|(there, _)| !there).map(|(_, path)| format!("no {}", path.display())),
        );
    }
    if parts.is_empty() {
        parts.push("not read yet".to_owned());
    }
    let whole =
        |(inventory, _): &(Arc<Inventory>, _)| inventory.odd.is_empty() && !inventory.hosts.is_empty();
    let ok = known.last.as_ref().map(|_| fault.is_none() && known.inventory.as_ref().is_none_or(whole));
    Watched { name: entry.name.clone(), kind: "npm".to_owned(), ok, detail: parts.join("; "), link: None }
}

impl One {
    /// Gives what follows from an inventory to those that work by it, if it is another one than they have.
    fn hand_on(&self, inventory: &Arc<Inventory>, folders: Folders) {
        let (entry, Hands { schedule, files, .. }) = (&self.entry, &self.hands);
        let mut handed = self.handed.lock().unwrap_or_else(PoisonError::into_inner);
        // A folder that is no longer there may be one that cannot be seen: what is known of its files decides that.
        let known = |path: &Path| files.knows(&entry.name, path);
        let list = discover::files(entry, inventory, folders, known);
        let before = handed.as_ref();
        if before.is_none_or(|(known, _)| known != inventory) {
            schedule.discover(&entry.name, discover::targets(entry, inventory));
        }
        if before.is_none_or(|(_, known)| *known != list) {
            files.assign(Source::of(&entry.name, list.iter().cloned(), entry.interval, entry.renewal));
        }
        *handed = Some((Arc::clone(inventory), list));
    }

    /// Says what is known now and was not before.
    fn tell(&self, known: &Known, now: &Inventory, folders: Folders) {
        let npm = self.entry.name.as_str();
        let before = known.inventory.as_ref().map(|(inventory, _)| &inventory.odd);
        for odd in now.odd.iter().filter(|odd| before.is_none_or(|before| !before.contains(odd))).take(TOLD) {
            let (kind, id, cause) = (odd.word(), odd.id, odd.cause.as_str());
            tracing::warn!(npm, kind, id, cause, "a row cannot be read; what was known of it stays");
        }
        if known.folders != Some(folders) {
            tell_absent(&self.entry, folders);
        }
        if known.last.as_ref().is_none_or(|last| last.fault.is_some()) {
            let (hosts, certificates) = (now.hosts.len(), now.certificates.len());
            tracing::info!(npm, hosts, certificates, "inventory read");
        }
    }

    async fn read(&self, deadline: Instant) -> Result<(Inventory, Folders), Fault> {
        let inventory = match &self.entry.access {
            Access::Api(api) => {
                let mut inventory = api::read(api, &self.state.session, &self.hands.resolver).await?;
                // By number, as the database gives them: the API's order is that of the names.
                inventory.hosts.sort_by_key(|host| (host.kind, host.id));
                Some(inventory)
            }
            Access::Database(_) => None,
        };
        let (entry, state) = (Arc::clone(&self.entry), Arc::clone(&self.state));
        let done = tokio::task::spawn_blocking(move || {
            let Some(_turn) = state.disk.claim() else {
                return Err(Fault::new(Reason::Timeout, "the disk has not answered the reading before"));
            };
            let inventory = match (inventory, &entry.access) {
                (None, Access::Database(path)) => sqlite::read(path, deadline)?,
                (inventory, _) => inventory.unwrap_or_default(),
            };
            Ok((inventory, Folders::of(&entry)))
        });
        let read = done.await.unwrap_or_else(|error| Err(Fault::new(Reason::Internal, error.to_string())));
        match read {
            Ok((inventory, _)) if inventory.is_unreadable() => {
                let cause = inventory.odd.first().map_or("", |odd| odd.cause.as_str());
                Err(Fault::new(Reason::Schema, format!("no row can be read: {cause}")))
            }
            read => read,
        }
    }
}

/// So many odd rows are told in the log, one by one; npm_odd_rows counts them all.
const TOLD: usize = 5;

fn tell_absent(entry: &Entry, folders: Folders) {
    for (there, key, path) in [
        (folders.letsencrypt, "letsencrypt", &entry.letsencrypt),
        (folders.custom_ssl, "custom_ssl", &entry.custom_ssl),
    ] {
        if !there {
            let (npm, path) = (&entry.name, path.display());
            tracing::info!(npm, key, %path, "no such folder, so its certificates are not compared with what is served");
        }
    }
}

impl From<Lapse> for Fault {
    fn from(lapse: Lapse) -> Self {
        match lapse {
            Lapse::Late => Self::new(Reason::Timeout, "no whole answer in time"),
            Lapse::Broken(broken) => Self::new(Reason::Internal, broken.to_string()),
        }
    }
}

impl Asking for One {
    const KIND: &'static str = "npm";
    type Answer = (Inventory, Folders);
    type Fault = Fault;

    fn identity(&self) -> (&str, String) {
        self.entry.identity()
    }

    fn every(&self) -> Duration {
        self.entry.interval
    }

    fn patience(&self) -> Duration {
        self.entry.timeout
    }

    fn busy(&self) -> &Busy {
        &self.state.busy
    }

    fn ask(&self, deadline: Instant) -> BoxFuture<'_, Result<(Inventory, Folders), Fault>> {
        Box::pin(self.read(deadline))
    }

    fn take(&self, ended: Result<(Inventory, Folders), Fault>, took: Duration) {
        let (entry, mut known) = (&self.entry, self.state.lock());
        let fault = match ended {
            Ok((mut inventory, folders)) => {
                if let Some((before, _)) = &known.inventory {
                    inventory.remember(before);
                }
                self.tell(&known, &inventory, folders);
                let inventory = Arc::new(inventory);
                self.hand_on(&inventory, folders);
                known.set(entry, inventory, SystemTime::now(), folders);
                if let Some(store) = &self.hands.store {
                    keep::keep(store, entry, &self.state, &known);
                }
                None
            }
            Err(fault) => {
                let before = known.last.as_ref().and_then(|last| last.fault.as_ref());
                if before.map(|before| before.reason) != Some(fault.reason) {
                    let (npm, reason) = (&entry.name, fault.reason.word());
                    tracing::warn!(npm, reason, error = %fault, "inventory not read; what was known stays");
                }
                Some(fault)
            }
        };
        known.last = Some(Last { took, fault });
    }

    fn generation(all: &[Self]) -> u64 {
        all.first().map_or(0, |one| one.hands.files.generation())
    }

    fn page(all: &[Self]) -> Page {
        let stored = all.first().map(|one| one.hands.files.stored()).unwrap_or_default();
        let mut ends = Ends::with_capacity(stored.len());
        for file in &stored {
            if let Some(certificate) = file.certificate() {
                ends.insert(Path::new(&file.path), (certificate.not_after, file.modified()));
            }
        }
        let mut page = Page::with_capacity(all.len() * 64, 64);
        for one in all {
            write(&mut page, &one.entry, &one.state.lock(), &ends);
        }
        page
    }
}

#[cfg(test)]
impl Npm {
    /// Reads each once, now.
    pub(crate) async fn run_once(&self) -> Page {
        self.asked.ask_all().await
    }

    /// The state of the first.
    pub(super) fn state(&self) -> &State {
        &self.asked.all()[0].state
    }
}
