//! The exporter in force, its samplers, and how a reload replaces it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;

use super::settings::Source;
use crate::collector::Collector;
use crate::config::{ConfigError, Document};
use crate::discovery::Discovered;
use crate::exporter::{About, Beside, Exporter, Notice, Watched};
use crate::expose::Encoded;
use crate::page::Page;
use crate::prober::Prober;
use crate::sampler::{Sampler, Supervised};

/// How long a sampler may take to end when it is not wanted any more.
const PATIENCE: Duration = Duration::from_secs(5);

/// The part of an exporter that is asked while it runs, without its types.
pub(crate) trait Face: Send + Sync {
    /// See [`Exporter::watched`].
    fn watched(&self) -> Vec<Watched>;

    /// See [`Exporter::beside`].
    fn beside(&self, host: &str) -> Vec<Beside>;

    /// See [`Exporter::discovered`].
    fn discovered(&self) -> Vec<Discovered>;

    /// See [`Exporter::discovered_by`].
    fn discovered_by(&self, query: &str) -> Result<Vec<Discovered>, String>;
}

impl<E: Exporter> Face for E {
    fn watched(&self) -> Vec<Watched> {
        Exporter::watched(self)
    }

    fn beside(&self, host: &str) -> Vec<Beside> {
        Exporter::beside(self, host)
    }

    fn discovered(&self) -> Vec<Discovered> {
        Exporter::discovered(self)
    }

    fn discovered_by(&self, query: &str) -> Result<Vec<Discovered>, String> {
        Exporter::discovered_by(self, query)
    }
}

/// What is in force.
pub(crate) struct Force {
    pub(crate) face: Arc<dyn Face>,
    pub(crate) collectors: Vec<Arc<dyn Collector>>,
    pub(crate) samplers: Vec<Arc<Sampled>>,
    pub(crate) prober: Option<Arc<dyn Prober>>,
    pub(crate) notices: Vec<Notice>,
    /// The configuration, secrets hidden.
    pub(crate) yaml: String,
    /// Its file, or `built-in`.
    pub(crate) source: String,
    /// Seconds since 1970.
    pub(crate) read_at: f64,
}

/// A sampler that runs, and its page as it was last encoded.
pub(crate) struct Sampled {
    pub(crate) supervised: Supervised,
    page: Mutex<Option<(u64, Arc<Encoded>)>>,
}

impl Sampled {
    fn start(sampler: Arc<dyn Sampler>) -> Arc<Self> {
        Arc::new(Self { supervised: Supervised::start(sampler), page: Mutex::default() })
    }

    /// The page as it is now: the one encoded before while the sampler says nothing new. `fresh` sees each new one.
    pub(crate) fn encoded(&self, fresh: impl FnOnce(&Page)) -> Arc<Encoded> {
        let sampler = &self.supervised.sampler;
        let mut cached = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        // Before the page: if it changes in between, the next scrape sees another generation.
        let generation = sampler.generation();
        match &*cached {
            Some((known, encoded)) if *known == generation => Arc::clone(encoded),
            _ => {
                // The old page goes first: two of a large one would be the most memory that the process ever needs.
                *cached = None;
                let page = sampler.page();
                fresh(&page);
                let encoded = Arc::new(Encoded::new(page));
                *cached = Some((generation, Arc::clone(&encoded)));
                encoded
            }
        }
    }
}

/// What a reading of the configuration gives.
pub(crate) struct Loaded {
    pub(crate) face: Arc<dyn Face>,
    pub(crate) collectors: Vec<Arc<dyn Collector>>,
    pub(crate) samplers: Vec<Arc<dyn Sampler>>,
    pub(crate) prober: Option<Arc<dyn Prober>>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) yaml: String,
}

/// Reads, validates and builds; knows the exporter's types, which nobody else does.
pub(crate) fn load<E: Exporter>(
    document: &Document,
    previous: Option<&E>,
    build: &mut impl FnMut(E::Raw, &Document, Option<&E>) -> Result<E, ConfigError>,
) -> Result<(Arc<E>, Loaded), ConfigError> {
    let raw: E::Raw = document.parse()?;
    let yaml = serde_saphyr::to_string(&raw).unwrap_or_else(|error| format!("# cannot be shown: {error}\n"));
    let exporter = Arc::new(build(raw, document, previous)?);
    let loaded = Loaded {
        face: Arc::clone(&exporter) as Arc<dyn Face>,
        collectors: exporter.collectors(),
        samplers: exporter.samplers(),
        prober: exporter.prober(),
        notices: exporter.notices(),
        yaml,
    };
    Ok((exporter, loaded))
}

type Loader = Box<dyn FnMut(&Document) -> Result<Loaded, ConfigError> + Send>;

fn loader<E: Exporter>(
    mut build: impl FnMut(E::Raw, &Document, Option<&E>) -> Result<E, ConfigError> + Send + 'static,
) -> Loader {
    let mut previous: Option<Arc<E>> = None;
    Box::new(move |document| {
        let (exporter, loaded) = load::<E>(document, previous.as_deref(), &mut build)?;
        previous = Some(exporter);
        Ok(loaded)
    })
}

/// An exporter whose configuration can be replaced while it runs.
pub(crate) struct Engine {
    pub(crate) about: About,
    source: Source,
    /// Also the turn of reloads: one at a time.
    loader: Mutex<Loader>,
    force: ArcSwap<Force>,
    last_good: AtomicBool,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("about", &self.about).finish_non_exhaustive()
    }
}

impl Engine {
    /// Reads the configuration, builds the exporter by `build`, and starts the samplers.
    pub(crate) fn start<E: Exporter>(
        source: Source,
        build: impl FnMut(E::Raw, &Document, Option<&E>) -> Result<E, ConfigError> + Send + 'static,
    ) -> Result<Self, ConfigError> {
        let mut loader = loader::<E>(build);
        let about = E::ABOUT;
        let document = source.read(&about)?;
        let force = engage(loader(&document)?, document.name, &[]);
        tell(&force);
        Ok(Self {
            about,
            source,
            loader: Mutex::new(loader),
            force: ArcSwap::from_pointee(force),
            last_good: AtomicBool::new(true),
        })
    }

    /// What is in force now.
    pub(crate) fn force(&self) -> Arc<Force> {
        self.force.load_full()
    }

    /// Whether the last reading was good.
    pub(crate) fn last_good(&self) -> bool {
        self.last_good.load(Ordering::Relaxed)
    }

    /// Reads the configuration anew. A bad one changes nothing.
    pub(crate) fn reload(&self) -> Result<(), ConfigError> {
        let mut loader = self.loader.lock().unwrap_or_else(PoisonError::into_inner);
        let result =
            self.source.read(&self.about).and_then(|document| Ok((loader(&document)?, document.name)));
        self.last_good.store(result.is_ok(), Ordering::Relaxed);
        match result {
            Ok((loaded, name)) => {
                let before = self.force.load_full();
                let force = engage(loaded, name, &before.samplers);
                tell(&force);
                let kept = force.samplers.clone();
                self.force.store(Arc::new(force));
                let gone = before.samplers.iter().filter(|old| !kept.iter().any(|new| Arc::ptr_eq(old, new)));
                let gone: Vec<_> = gone.cloned().collect();
                drop(before);
                tokio::spawn(end(gone));
                Ok(())
            }
            Err(error) => {
                for problem in &error.problems {
                    tracing::error!(error = %problem.one_line(), "configuration refused; the one before stays in force");
                }
                Err(error)
            }
        }
    }

    /// Ends all samplers.
    pub(crate) async fn stop(&self) {
        let before = self.force.load_full();
        let face = Arc::clone(&before.face);
        let empty = Force {
            face,
            collectors: Vec::new(),
            samplers: Vec::new(),
            prober: None,
            notices: Vec::new(),
            yaml: String::new(),
            source: before.source.clone(),
            read_at: before.read_at,
        };
        let samplers = before.samplers.clone();
        self.force.store(Arc::new(empty));
        drop(before);
        end(samplers).await;
    }
}

/// Puts what was loaded into force: samplers that ran before go on, new ones are started.
fn engage(loaded: Loaded, source: String, running: &[Arc<Sampled>]) -> Force {
    let samplers = loaded.samplers.into_iter().map(|sampler| {
        let known = running.iter().find(|known| Arc::ptr_eq(&known.supervised.sampler, &sampler));
        known.map_or_else(|| Sampled::start(sampler), Arc::clone)
    });
    Force {
        samplers: samplers.collect(),
        face: loaded.face,
        collectors: loaded.collectors,
        prober: loaded.prober,
        notices: loaded.notices,
        yaml: loaded.yaml,
        source,
        read_at: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
    }
}

fn tell(force: &Force) {
    let modules = force.prober.as_ref().map_or(0, |prober| prober.modules().len());
    tracing::info!(
        source = force.source,
        modules,
        samplers = force.samplers.len(),
        collectors = force.collectors.len(),
        "configuration read"
    );
    for notice in &force.notices {
        tracing::warn!(notice = notice.name, "{}", notice.text);
    }
}

/// Ends samplers. One that a scrape is still reading is only asked to.
async fn end(samplers: Vec<Arc<Sampled>>) {
    let ends =
        samplers.into_iter().filter_map(Arc::into_inner).map(|sampled| sampled.supervised.stop(PATIENCE));
    futures_util::future::join_all(ends).await;
}
