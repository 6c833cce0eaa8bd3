//! The authorities that may be asked, and what they said of each certificate.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use kit::allow::AllowList;
use kit::config::{Document, Problem};
use url::Url;
use wire::tls::{Certificate, Client, Roots, Settings};
use wire::{Proxy, Resolver};

use super::answer::Window;
use crate::config::AriSection;
use crate::fetch::{Fault, Fetcher};
use crate::renewal::Due;

/// No larger file of certificates is read, in bytes.
const LARGEST: u64 = 16 << 20;
/// No larger answer is read, in bytes.
const LARGEST_ANSWER: usize = 64 << 10;

/// What authorities say of certificates. A reload makes a new one, which takes over what is known.
#[derive(Debug)]
pub struct Ari {
    /// By the issuer's organization.
    pub(super) directories: BTreeMap<String, Url>,
    client: Client,
    resolver: Arc<Resolver>,
    proxy: Option<Proxy>,
    allow: AllowList,
    pub(super) known: Arc<Known>,
}

/// What outlives a reload.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// By the certificate's fingerprint.
    entries: Mutex<HashMap<[u8; 32], Entry>>,
    changes: AtomicU64,
}

/// What is known of a certificate.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The last window that the authority named.
    pub(super) window: Option<Window>,
    /// When it named it.
    pub(super) answered: Option<SystemTime>,
    /// Why the last question had no answer.
    pub(super) fault: Option<&'static str>,
    /// Not to be asked again before.
    pub(super) next: Instant,
}

impl Ari {
    /// From the section; problems are told, and then there is none.
    pub fn new(
        section: &AriSection,
        resolver: &Arc<Resolver>,
        document: &Document,
        previous: Option<&Self>,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let before = problems.len();
        let mut directories = BTreeMap::new();
        for (index, directory) in section.directories.iter().enumerate() {
            let key = |key: &str| format!("ari.directories[{index}].{key}");
            match Url::parse(&directory.url) {
                Ok(url) if url.scheme() == "https" && url.host_str().is_some() => {
                    if directories.insert(directory.organization.value.clone(), url).is_some() {
                        let cause = format!("{:?} stands twice", directory.organization.as_str());
                        let problem =
                            document.problem(&directory.organization, key("organization"), cause, "keep one");
                        problems.push(problem);
                    }
                }
                _ => {
                    let cause = format!("{:?} is not a url of https", directory.url.as_str());
                    let way_out = "give the directory's, e.g. https://acme-v02.api.letsencrypt.org/directory";
                    problems.push(document.problem(&directory.url, key("url"), cause, way_out));
                }
            }
        }
        if section.directories.is_empty() {
            let cause = "no authority may be asked";
            let way_out =
                "name one, with the organization of the certificates' issuer, or remove the section";
            problems.push(document.problem_at("ari.directories", cause, way_out));
        }
        let proxy = section.proxy_url.as_ref().and_then(|url| match Proxy::read(url.expose()) {
            Ok(proxy) => Some(proxy),
            Err(cause) => {
                let way_out = "give http://host:port or socks5://host:port";
                problems.push(document.problem(url, "ari.proxy_url", cause, way_out));
                None
            }
        });
        let ca = section.ca_file.as_ref().and_then(|path| {
            let place = document.path(path);
            let read = kit::config::read(&place, LARGEST);
            let told = |error| format!("read {}: {error}", place.display());
            read.map_err(|error| {
                let way_out = "give a file that can be read";
                problems.push(document.problem(path, "ari.ca_file", told(error), way_out));
            })
            .ok()
        });
        let settings = Settings { ca, roots: Arc::new(Roots::system()), ..Settings::default() };
        let client = match (Client::new(&settings), &section.ca_file) {
            (Ok(client), _) => client,
            (Err(error), at) => {
                let way_out = "give PEM as openssl writes it";
                problems.push(match at {
                    Some(at) => document.problem(at, "ari.ca_file", error, way_out),
                    None => document.problem_at("ari", error, way_out),
                });
                return None;
            }
        };
        let known = previous.map_or_else(Arc::default, |previous| Arc::clone(&previous.known));
        (problems.len() == before).then_some(Self {
            directories,
            client,
            resolver: Arc::clone(resolver),
            proxy,
            // The operator names whom to ask; link-local addresses stay closed.
            allow: AllowList::default(),
            known,
        })
    }

    /// What asks.
    pub(super) fn fetcher(&self) -> Fetcher<'_> {
        Fetcher {
            client: &self.client,
            resolver: &self.resolver,
            proxy: self.proxy.as_ref(),
            allow: &self.allow,
            largest: LARGEST_ANSWER,
        }
    }

    /// The directory of a certificate's authority.
    pub(super) fn directory(&self, certificate: &Certificate) -> Option<&Url> {
        self.directories.get(certificate.issuer_organization.as_deref()?)
    }

    /// What is known of a certificate.
    pub(super) fn entry(&self, certificate: &Certificate) -> Option<Entry> {
        self.directory(certificate)?;
        self.known.lock().get(&certificate.fingerprint).cloned()
    }

    /// When a certificate should have been renewed, as its authority says: at the end of the window, for a renewer takes any
    /// moment within it.
    #[must_use]
    pub fn due(&self, certificate: &Certificate) -> Option<Due> {
        let window = self.entry(certificate)?.window?;
        Some(Due { at: window.end.min(certificate.not_after), policy: "ari" })
    }

    /// Changes whenever an authority has been asked.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.known.changes.load(Ordering::Relaxed)
    }
}

impl Known {
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Entry>> {
        // After a panic it is what it was before.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what came of a question.
    pub(super) fn note(&self, fingerprint: [u8; 32], result: Result<Window, &Fault>, wait: Duration) {
        let mut entries = self.lock();
        let next = Instant::now() + wait;
        let entry =
            entries.entry(fingerprint).or_insert(Entry { window: None, answered: None, fault: None, next });
        entry.next = next;
        match result {
            Ok(window) => {
                (entry.window, entry.answered, entry.fault) = (Some(window), Some(SystemTime::now()), None);
            }
            // What was said before is still the best that is known.
            Err(fault) => entry.fault = Some(fault.reason),
        }
        self.changes.fetch_add(1, Ordering::Relaxed);
    }
}
