//! The background loop: each inventory is read on its interval, and what follows from it goes to the schedule and the files.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use kit::schedule::{Plan, bounded, drive, place};
use kit::{Beat, BoxFuture, Discovered, Page, Sampler, Watched};
use wire::Resolver;

use super::discover::{self, Folders};
use super::entry::{Access, Entry};
use super::inventory::Inventory;
use super::page::{Ends, write};
use super::reasons::{Fault, Reason};
use super::state::{Last, State};
use super::{api, sqlite};
use crate::files::{Files, Source};
use crate::targets::Schedule;

/// The Nginx Proxy Managers and what is known of them. A reload makes a new one, which takes over what is known of those that
/// stay.
#[derive(Debug)]
pub struct Npm {
    rounds: Arc<Rounds>,
}

#[derive(Debug)]
struct Rounds {
    all: Vec<One>,
    resolver: Arc<Resolver>,
    schedule: Schedule,
    files: Files,
    finished: AtomicU64,
}

/// One Nginx Proxy Manager.
#[derive(Debug)]
struct One {
    entry: Arc<Entry>,
    state: Arc<State>,
    /// What the schedule and the files were last given. It does not outlive a reload, for they do not either.
    handed: Mutex<Option<(Arc<Inventory>, Folders)>>,
}

impl Npm {
    /// Reads these, whose names differ, and gives what it finds to the schedule and the files.
    #[must_use]
    pub fn new(
        entries: Vec<Entry>,
        resolver: Arc<Resolver>,
        schedule: Schedule,
        files: Files,
        previous: Option<&Npm>,
    ) -> Self {
        let known = |entry: &Entry| {
            let all = &previous?.rounds.all;
            let same = all.iter().find(|one| one.entry.identity() == entry.identity())?;
            Some(Arc::clone(&same.state))
        };
        let all = entries
            .into_iter()
            .map(|entry| {
                let state = known(&entry).unwrap_or_default();
                One { entry: Arc::new(entry), state, handed: Mutex::default() }
            })
            .collect();
        let finished = previous.map_or(0, |previous| previous.rounds.finished.load(Ordering::Relaxed)) + 1;
        let rounds = Rounds { all, resolver, schedule, files, finished: AtomicU64::new(finished) };
        for one in &rounds.all {
            let known = one.state.lock();
            if let (Some((inventory, _)), Some(folders)) = (&known.inventory, known.folders) {
                rounds.hand_on(one, inventory, folders);
            }
        }
        Self { rounds: Arc::new(rounds) }
    }

    /// The background loop; none if there is nothing to read.
    #[must_use]
    pub fn samplers(&self) -> Vec<Arc<dyn Sampler>> {
        if self.rounds.all.is_empty() {
            Vec::new()
        } else {
            vec![Arc::clone(&self.rounds) as Arc<dyn Sampler>]
        }
    }

    /// The lists for others.
    #[must_use]
    pub fn discovered(&self) -> Vec<Discovered> {
        let one =
            |one: &One| Discovered { name: one.entry.name.clone(), groups: one.state.lock().groups.clone() };
        self.rounds.all.iter().map(one).collect()
    }

    /// Each one's state in words, for the landing page.
    #[must_use]
    pub fn watched(&self) -> Vec<Watched> {
        self.rounds.all.iter().map(|one| watched(&one.entry, &one.state)).collect()
    }
}

fn watched(entry: &Entry, state: &State) -> Watched {
    let known = state.lock();
    let counts = known.inventory.as_ref().map(|(inventory, _)| {
        format!("{} hosts, {} certificates", inventory.hosts.len(), inventory.certificates.len())
    });
    let fault = known.last.as_ref().and_then(|last| last.fault.as_ref()).map(ToString::to_string);
    let mut parts: Vec<String> = fault.iter().cloned().chain(counts).collect();
    if let Some(folders) = known.folders {
        let absent = [(folders.letsencrypt, &entry.letsencrypt), (folders.custom_ssl, &entry.custom_ssl)];
        parts.extend(
            absent.into_iter().filter(|(there, _)| !there).map(|(_, path)| format!("no {}", path.display())),
        );
    }
    if parts.is_empty() {
        parts.push("not read yet".to_owned());
    }
    let ok = known.last.as_ref().map(|_| fault.is_none());
    Watched { name: entry.name.clone(), kind: "npm".to_owned(), ok, detail: parts.join("; "), link: None }
}

impl Rounds {
    /// Gives what follows from an inventory to those that work by it, if it is another one than they have.
    fn hand_on(&self, one: &One, inventory: &Arc<Inventory>, folders: Folders) {
        let mut handed = one.handed.lock().unwrap_or_else(PoisonError::into_inner);
        if handed.as_ref().is_some_and(|(known, where_to)| known == inventory && *where_to == folders) {
            return;
        }
        let entry = &one.entry;
        self.schedule.discover(&entry.name, discover::targets(entry, inventory));
        let files = discover::files(entry, inventory, folders);
        self.files.assign(Source::of(&entry.name, files, entry.interval, entry.renewal));
        *handed = Some((Arc::clone(inventory), folders));
    }

    async fn round(&self, one: &One) {
        let (entry, state) = (&one.entry, &one.state);
        let began = Instant::now();
        let deadline = began + entry.timeout;
        let read = tokio::time::timeout_at(deadline.into(), self.read(entry, state));
        let ended = match bounded(read, deadline).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(_)) => Err(Fault::new(Reason::Timeout, "no whole answer in time")),
            Err(broken) => Err(Fault::new(Reason::Internal, broken.to_string())),
        };
        let took = began.elapsed();
        let mut known = state.lock();
        let before = known.last.as_ref().map(|last| last.fault.as_ref().map(|fault| fault.reason));
        let fault = match ended {
            Ok((inventory, folders)) => {
                if before != Some(None) {
                    let (hosts, certificates) = (inventory.hosts.len(), inventory.certificates.len());
                    tracing::info!(npm = entry.name, hosts, certificates, "inventory read");
                }
                if known.folders != Some(folders) {
                    tell_absent(entry, folders);
                }
                let inventory = Arc::new(inventory);
                self.hand_on(one, &inventory, folders);
                known.groups = Some(discover::groups(entry, &inventory).into());
                known.folders = Some(folders);
                known.inventory = Some((inventory, SystemTime::now()));
                None
            }
            Err(fault) => {
                if before.flatten() != Some(fault.reason) {
                    let (npm, reason) = (&entry.name, fault.reason.word());
                    tracing::warn!(npm, reason, error = %fault, "inventory not read; what was known stays");
                }
                Some(fault)
            }
        };
        known.last = Some(Last { took, fault });
        drop(known);
        self.finished.fetch_add(1, Ordering::Relaxed);
    }

    async fn read(&self, entry: &Arc<Entry>, state: &Arc<State>) -> Result<(Inventory, Folders), Fault> {
        let from_disk = |work: fn(&Entry) -> Result<(Inventory, Folders), Fault>| {
            let (entry, state) = (Arc::clone(entry), Arc::clone(state));
            async move {
                let done = tokio::task::spawn_blocking(move || match state.disk.claim() {
                    Some(_turn) => work(&entry),
                    None => Err(Fault::new(Reason::Timeout, "the disk has not answered the reading before")),
                })
                .await;
                done.unwrap_or_else(|error| Err(Fault::new(Reason::Internal, error.to_string())))
            }
        };
        match &entry.access {
            Access::Api(api) => {
                let mut inventory = api::read(api, &state.session, &self.resolver).await?;
                // By number, as the database gives them: the API's order is that of the names.
                inventory.hosts.sort_by_key(|host| (host.kind, host.id));
                let (_, folders) = from_disk(|entry| Ok((Inventory::default(), Folders::of(entry)))).await?;
                Ok((inventory, folders))
            }
            Access::Database(_) => {
                from_disk(|entry| match &entry.access {
                    Access::Database(path) => Ok((sqlite::read(path)?, Folders::of(entry))),
                    Access::Api(_) => Err(Fault::new(Reason::Internal, "no database")),
                })
                .await
            }
        }
    }
}

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

impl kit::schedule::Rounds for Rounds {
    fn plans(&self, _: Instant) -> Vec<Plan> {
        let plan = |one: &One| Plan {
            place: place(&one.entry.name, &one.entry.identity().1),
            interval: one.entry.interval,
            done_lately: one.state.busy.claim().is_none(),
        };
        self.all.iter().map(plan).collect()
    }

    fn start(&self, index: usize) -> Option<BoxFuture<'_, ()>> {
        let one = self.all.get(index)?;
        let turn = one.state.busy.claim()?;
        Some(Box::pin(async move {
            self.round(one).await;
            drop(turn);
        }))
    }

    fn skip(&self, _: usize, _: u64) {
        // npm_last_success_timestamp_seconds stands still, which says it.
    }
}

impl Sampler for Rounds {
    fn name(&self) -> &str {
        "npm"
    }

    fn run(self: Arc<Self>, beat: Beat) -> BoxFuture<'static, ()> {
        Box::pin(async move { drive(&*self, &beat).await })
    }

    fn generation(&self) -> u64 {
        // Both only grow, so that their sum changes with each.
        self.finished.load(Ordering::Relaxed) + self.files.generation()
    }

    fn page(&self) -> Page {
        let stored = self.files.stored();
        let mut ends = Ends::with_capacity(stored.len());
        for file in &stored {
            if let Some(certificate) = file.certificate() {
                ends.insert(Path::new(&file.path), (certificate.not_after, file.modified()));
            }
        }
        let mut page = Page::with_capacity(self.all.len() * 64, 64);
        for one in &self.all {
            write(&mut page, &one.entry, &one.state.lock(), &ends);
        }
        page
    }
}

#[cfg(test)]
impl Npm {
    /// Reads each once, now.
    pub(crate) async fn run_once(&self) -> Page {
        for one in &self.rounds.all {
            self.rounds.round(one).await;
        }
        self.rounds.page()
    }
}
