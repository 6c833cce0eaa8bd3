//! The table of probers, and what a module is made of. A new prober is one folder and one line in [`PROBERS`].

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kit::allow::AllowList;
use kit::config::{Document, Problem, Spanned};
use kit::{BoxFuture, Desc, Failure, Notice, Trace, Verdict};
use wire::Resolver;

use crate::config::ModuleSection;
use crate::config::tls::Shelf;

/// No file that a module names is larger, in bytes: certificates, keys, a body.
const LARGEST: u64 = 64 << 20;

/// A line of the table of probers.
#[derive(Clone, Copy)]
pub struct Prober {
    /// What `prober:` calls it.
    pub name: &'static str,
    /// Validates the prober's section and makes everything that can be made at load. `None` if something is wrong: then
    /// at least one problem has been told to the workshop.
    pub build: fn(&ModuleSection, &mut Workshop<'_>) -> Option<Arc<dyn ModuleProbe>>,
    /// Every metric that it can emit, beside [`crate::verdict::DESCS`], in lists that probers share.
    pub descs: &'static [&'static [&'static Desc]],
}

/// Every prober there is.
pub const PROBERS: &[Prober] =
    &[crate::http::PROBER, crate::tcp::PROBER, crate::dns::PROBER, crate::icmp::PROBER];

/// Probers of blackbox_exporter that a later version does: their modules load, and their probes fail with a reason.
pub const LATER: &[&str] = &["grpc", "unix", "websocket"];

/// What a module does, ready to be done: no pattern, header or TLS setting is made per probe.
pub trait ModuleProbe: Send + Sync {
    /// Whether this can be a target, by how it is written.
    ///
    /// # Errors
    /// Why not.
    fn check(&self, target: &str) -> Result<(), Failure>;

    /// What is wrong with probing a host by this name; then nothing is probed by it.
    fn objection(&self, hostname: &str) -> Option<String> {
        let _ = hostname;
        None
    }

    /// Probes, and ends by `context.deadline`.
    fn probe<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Verdict>;
}

/// One probe's circumstances.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The target as it was given.
    pub target: &'a str,
    /// The `hostname` parameter: HTTP's Host header, TLS's server name.
    pub hostname: Option<&'a str>,
    /// When the verdict must be there.
    pub deadline: Instant,
    /// Where the probe writes what it does.
    pub trace: &'a Trace,
    /// What all probes share.
    pub tools: &'a Tools,
}

/// What all probes share.
#[derive(Debug)]
pub struct Tools {
    /// Names to addresses.
    pub resolver: Arc<Resolver>,
    /// Echo requests over shared sockets.
    pub pinger: Arc<wire::icmp::Pinger>,
    /// What may be probed.
    pub allow: AllowList,
}

/// A validated module.
pub struct Module {
    /// Its name.
    pub name: String,
    /// Its own limit of a probe's time.
    pub timeout: Option<Duration>,
    /// As it was written, for the debug page; its secrets hide themselves.
    pub section: ModuleSection,
    /// What it does.
    pub probe: Arc<dyn ModuleProbe>,
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Where a module is built: it gathers what is wrong with it.
pub struct Workshop<'a> {
    /// The file, for positions and relative paths.
    pub document: &'a Document,
    /// The name of the module under construction.
    pub module: &'a str,
    /// What the modules' TLS clients share.
    pub shelf: &'a Shelf,
    /// What is wrong so far.
    pub problems: Vec<Problem>,
    /// What the operator should know.
    pub notices: Vec<Notice>,
}

impl<'a> Workshop<'a> {
    /// A workshop for one module.
    #[must_use]
    pub fn new(document: &'a Document, shelf: &'a Shelf, module: &'a str) -> Self {
        Self { document, module, shelf, problems: Vec::new(), notices: Vec::new() }
    }

    /// Notes a problem at a value. `key` is relative to the module, e.g. `http.body`.
    pub fn problem<T>(
        &mut self,
        at: &Spanned<T>,
        key: &str,
        cause: impl fmt::Display,
        way_out: impl fmt::Display,
    ) {
        let key = format!("modules.{}.{key}", self.module);
        self.problems.push(self.document.problem(at, key, cause, way_out));
    }

    /// Notes a problem at a key of the module, e.g. `http.basic_auth`, for want of a value that knows its position.
    pub fn problem_at(&mut self, key: &str, cause: impl fmt::Display, way_out: impl fmt::Display) {
        let key = format!("modules.{}.{key}", self.module);
        self.problems.push(self.document.problem_at(key, cause, way_out));
    }

    /// Notes a problem of the module as a whole: `cause` must name the key.
    pub fn module_problem(&mut self, cause: impl fmt::Display, way_out: impl fmt::Display) {
        let key = format!("modules.{}", self.module);
        self.problems.push(self.document.problem_at(key, cause, way_out));
    }

    /// Reads a file that the module names, relative to the configuration's folder, or notes why it cannot be read.
    pub fn read(&mut self, path: &Spanned<PathBuf>, key: &str) -> Option<Vec<u8>> {
        let place = self.document.path(path);
        match kit::config::read(&place, LARGEST) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                self.problem(
                    path,
                    key,
                    format!("read {}: {error}", place.display()),
                    "give a file that can be read",
                );
                None
            }
        }
    }

    /// Notes something that works but should be known.
    pub fn notice(&mut self, name: &'static str, text: impl Into<String>) {
        self.notices.push(Notice { name, text: text.into() });
    }
}
