//! What an exporter tells kit about itself.

use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::collector::Collector;
use crate::config::{ConfigError, Document};
use crate::desc::Desc;
use crate::discovery::Discovered;
use crate::prober::Prober;
use crate::sampler::Sampler;

/// An exporter's constants.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The binary's name, e.g. `probe-exporter`.
    pub name: &'static str,
    /// What it is for, in one sentence; the landing page and `--help` show it.
    pub summary: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The port it listens on when no flag says otherwise.
    pub port: u16,
    /// The configuration file it looks for when no flag names one, e.g. `probe.yml`.
    pub config_file: &'static str,
    /// What stands for the configuration when there is no file.
    pub builtin_config: &'static str,
}

/// An exporter: the validated configuration in force, and the shapes that work by it. A reload builds a new one beside
/// the old; only when that succeeds does it take the old one's place.
pub trait Exporter: Send + Sync + Sized + 'static {
    /// Its constants.
    const ABOUT: About;

    /// The configuration file as it is written. Its doc comments become `--config.example`; serialized again with its
    /// secrets hidden it becomes `/config`.
    type Raw: DeserializeOwned + Serialize + JsonSchema + Send + 'static;

    /// Every metric this exporter can emit; kit's own are added.
    fn catalogue() -> Vec<&'static Desc>;

    /// Folders below which it makes and changes files, e.g. what `$STATE_DIRECTORY` names; the sandbox forbids it
    /// everywhere else. Asked once, before the configuration is read.
    fn writes() -> Vec<PathBuf> {
        Vec::new()
    }

    /// Validates. `document` turns a [`crate::config::Spanned`] value into an error with file, line and column.
    /// `previous` is the exporter in force, whose counters an unchanged target should keep.
    ///
    /// # Errors
    /// Everything that is wrong with the file, each with its position and the way out.
    fn build(raw: Self::Raw, document: &Document, previous: Option<&Self>) -> Result<Self, ConfigError>;

    /// What is asked at each scrape of `/metrics`.
    fn collectors(&self) -> Vec<Arc<dyn Collector>> {
        Vec::new()
    }

    /// What runs in the background. A sampler that `build` took over from the previous exporter (the same `Arc`) goes
    /// on running through a reload.
    fn samplers(&self) -> Vec<Arc<dyn Sampler>> {
        Vec::new()
    }

    /// What answers `/probe`.
    fn prober(&self) -> Option<Arc<dyn Prober>> {
        None
    }

    /// What is watched, and its state now, for the landing page.
    fn watched(&self) -> Vec<Watched> {
        Vec::new()
    }

    /// The exporters that run beside it in its process, which its page and its `/config` show in the place of targets and of a
    /// configuration of its own. `host` is the name by which whoever looks reached this machine, for links to them.
    fn beside(&self, host: &str) -> Vec<Beside> {
        let _ = host;
        Vec::new()
    }

    /// What it discovers for others, from memory: `/sd` serves it. The names are those of the configuration, also of lists
    /// that are not known yet.
    fn discovered(&self) -> Vec<Discovered> {
        Vec::new()
    }

    /// [`Exporter::discovered`] for a request with a query (`type=a&tag=b`, as it stands in the URL): fewer targets, or the
    /// same ones otherwise written. An exporter that knows no parameters gives all it has.
    ///
    /// # Errors
    /// What is wrong with the query, for people: the answer is 400.
    fn discovered_by(&self, query: &str) -> Result<Vec<Discovered>, String> {
        let _ = query;
        Ok(self.discovered())
    }

    /// What the operator should know about this configuration.
    fn notices(&self) -> Vec<Notice> {
        Vec::new()
    }
}

/// A line of the landing page.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// Its name, as configured.
    pub name: String,
    /// What kind of thing it is: a module, `node`, `link`, …
    pub kind: String,
    /// Its state: `Some(true)` well, `Some(false)` not, `None` not known yet.
    pub ok: Option<bool>,
    /// The number that matters, or the cause of the failure.
    pub detail: String,
    /// What shows more: a path of this exporter, e.g. `/probe?…`, or a whole URL of http or https.
    pub link: Option<String>,
}

/// An exporter on the page of another one, in the same process.
#[derive(Clone, Debug, PartialEq)]
pub struct Beside {
    /// Its name.
    pub name: &'static str,
    /// Its own page as a URL; of one that has none, where it listens.
    pub page: String,
    /// Where its configuration comes from: a file.
    pub source: String,
    /// Its configuration in force, its secrets hidden.
    pub yaml: String,
    /// Whether the last reading of its configuration was good.
    pub is_good: bool,
    /// How its targets are, in one sentence.
    pub detail: String,
    /// What it watches. Links are whole URLs.
    pub watched: Vec<Watched>,
}

impl Watched {
    /// The page of `/probe` that shows what a probe of a target does, step by step.
    #[must_use]
    pub fn probe_link(module: &str, target: &str, hostname: Option<&str>) -> String {
        let path = "/probe?";
        let mut query = url::form_urlencoded::Serializer::for_suffix(path.to_owned(), path.len());
        query.append_pair("module", module).append_pair("target", target);
        if let Some(hostname) = hostname {
            query.append_pair("hostname", hostname);
        }
        query.append_pair("debug", "true").finish()
    }
}

/// Something about a configuration that works, but that its operator should know: told at start-up, by
/// `--config.check`, and as `farol_config_notice_info{notice}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// lower_snake_case, the metric's label.
    pub name: &'static str,
    /// One or two sentences: what is, and the way out.
    pub text: String,
}
