//! The background loop that asks when it is time, and no sooner.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::stream::{self, StreamExt as _};
use kit::schedule::fnv1a;
use kit::{Beat, BoxFuture, Page, Sampler};
use url::Url;
use wire::tls::renewal_id;

use super::answer::{USUAL, patience, renewal_info, window};
use super::book::Ari;
use crate::fetch::Fault;
use crate::targets::{Presented, Schedule};

/// How often the loop looks for what is due: a new certificate is asked for within this.
const EVERY: Duration = Duration::from_secs(30);
/// Questions at once.
const AT_ONCE: usize = 4;
/// How long an authority is given for an answer.
const TIME: Duration = Duration::from_secs(10);
/// How long a directory is remembered.
const DIRECTORY: Duration = Duration::from_secs(86_400);

/// Asks the authorities of the certificates that the schedule's targets present.
#[derive(Debug)]
pub struct Asker {
    ari: Arc<Ari>,
    schedule: Schedule,
    /// By directory.
    places: Mutex<HashMap<Url, Place>>,
}

/// Where a directory says that renewal information is, or why it does not; and until when to believe it.
#[derive(Clone, Debug)]
struct Place {
    found: Result<Url, Fault>,
    until: Instant,
}

impl Asker {
    /// For this schedule's targets.
    #[must_use]
    pub fn new(ari: Arc<Ari>, schedule: Schedule) -> Self {
        Self { ari, schedule, places: Mutex::default() }
    }

    /// Asks for every certificate that is due, and forgets those that are presented no more.
    pub(super) async fn round(&self) {
        let presented = self.schedule.presented();
        let there: HashSet<[u8; 32]> = presented.iter().map(|one| one.certificate.fingerprint).collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let mut seen = HashSet::new();
        let due: Vec<_> = {
            let mut known = self.ari.known.lock();
            known.retain(|fingerprint, _| there.contains(fingerprint));
            let clock = Instant::now();
            let due = presented.into_iter().filter(|one| {
                let fingerprint = one.certificate.fingerprint;
                one.certificate.not_after > now
                    && known.get(&fingerprint).is_none_or(|entry| entry.next <= clock)
                    && seen.insert(fingerprint)
            });
            due.collect()
        };
        stream::iter(due).for_each_concurrent(AT_ONCE, |one| async move { self.ask(&one).await }).await;
    }

    async fn ask(&self, one: &Presented) {
        let certificate = &one.certificate;
        let Some(directory) = self.ari.directory(certificate) else { return };
        let (result, wait) = match renewal_id(&one.der) {
            None => (Err(Fault::new("unidentified", "it does not name its authority's key")), USUAL),
            Some(id) => self.question(directory, &id).await,
        };
        let name =
            certificate.subject_common_name.as_deref().or(certificate.dns_names.first().map(String::as_str));
        let name = name.unwrap_or_default();
        match &result {
            Ok((window, Some(why))) => {
                tracing::info!(
                    certificate = name,
                    start = window.start,
                    end = window.end,
                    explanation = why,
                    "renewal window, explained"
                );
            }
            Ok((window, None)) => {
                tracing::debug!(certificate = name, start = window.start, end = window.end, "renewal window");
            }
            Err(fault) => {
                tracing::warn!(
                    certificate = name,
                    reason = fault.reason,
                    error = fault.detail,
                    "no renewal information"
                );
            }
        }
        // Up to a tenth later, so that certificates of one day are not asked for in one minute.
        let late = f64::from(fnv1a(&certificate.fingerprint)) / f64::from(u32::MAX) / 10.0;
        let wait = wait + wait.mul_f64(late);
        self.ari.known.note(certificate.fingerprint, result.as_ref().map(|(window, _)| *window), wait);
    }

    async fn question(
        &self,
        directory: &Url,
        id: &str,
    ) -> (Result<(super::Window, Option<String>), Fault>, Duration) {
        let place = match self.place(directory).await {
            Ok(place) => place,
            Err(fault) => return (Err(fault), USUAL),
        };
        let mut url = place;
        // As RFC 9773 §4.1 says: the place, a slash, the identifier.
        let path = format!("{}/{id}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let (body, headers) = self.ari.fetcher().get(&url, Instant::now() + TIME).await;
        match body.and_then(|body| window(&body)) {
            Ok(answer) => (Ok(answer), patience(&headers, SystemTime::now())),
            // An authority in trouble may ask for more time than usual, never for less.
            Err(fault) => (Err(fault), patience(&headers, SystemTime::now()).max(USUAL)),
        }
    }

    /// Where a directory says that renewal information is.
    async fn place(&self, directory: &Url) -> Result<Url, Fault> {
        {
            let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(place) = places.get(directory)
                && Instant::now() < place.until
            {
                return place.found.clone();
            }
        }
        let (body, _) = self.ari.fetcher().get(directory, Instant::now() + TIME).await;
        let found = body.and_then(|body| renewal_info(&body)).and_then(|place| match Url::parse(&place) {
            Ok(url) if url.scheme() == "https" => Ok(url),
            _ => Err(Fault::new("invalid", format!("renewalInfo {place:?} is not a url of https"))),
        });
        let until = Instant::now() + if found.is_ok() { DIRECTORY } else { USUAL };
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.insert(directory.clone(), Place { found: found.clone(), until });
        found
    }
}

impl Sampler for Asker {
    fn name(&self) -> &str {
        "ari"
    }

    fn run(self: Arc<Self>, beat: Beat) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            // The first looks come within ten seconds.
            while beat.sleep(EVERY).await {
                tokio::select! {
                    () = beat.stopped() => return,
                    () = self.round() => beat.success(),
                }
            }
        })
    }

    fn generation(&self) -> u64 {
        0
    }

    /// What was said is shown with the targets.
    fn page(&self) -> Page {
        Page::new()
    }
}
