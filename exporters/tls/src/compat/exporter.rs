//! The validated configuration.

use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Semaphore;

use kit::allow::AllowList;
use kit::config::{ConfigError, Document, Problem, did_you_mean};
use kit::{About, Desc, Exporter, Notice, Prober};
use wire::Resolver;

use super::config::{File, PeerModule};
use super::page::DESCS;
use super::prober::{Does, Peer, PeerProber};
use crate::exporter::open_door;
use crate::module::{self, Tools};

/// The TLS exporter in the place of ssl_exporter.
#[derive(Debug)]
pub struct SslExporter {
    prober: Arc<PeerProber>,
    notices: Vec<Notice>,
}

impl Exporter for SslExporter {
    const ABOUT: About = About {
        name: "tls-exporter",
        summary: "TLS certificates on the wire and in files, under ssl_exporter's names (--compat=ssl_exporter).",
        version: env!("CARGO_PKG_VERSION"),
        port: 9219,
        config_file: "ssl_exporter.yml",
        builtin_config: include_str!("builtin.yml"),
    };

    type Raw = File;

    fn catalogue() -> Vec<&'static Desc> {
        DESCS.to_vec()
    }

    fn build(raw: File, document: &Document, _: Option<&Self>) -> Result<Self, ConfigError> {
        let (mut problems, mut notices) = (Vec::new(), Vec::new());
        let modules = raw.modules.iter().map(|(name, module)| (name.clone(), module.section()));
        let ours = crate::config::File { modules: modules.collect(), ..crate::config::File::default() };
        let mut built = module::build_keeping_paths(&ours, document, &mut problems, &mut notices);
        let mut peers = BTreeMap::new();
        for (name, raw) in &raw.modules {
            let does = does(name, raw, document, &mut problems, &mut notices);
            if let (Some(does), Some(module)) = (does, built.remove(name)) {
                let target = raw.target.as_ref().map(|target| target.value.clone());
                let target = target.filter(|target| !target.is_empty());
                peers.insert(name.clone(), Peer { does, target, module, word: raw.prober.value.clone() });
            }
        }
        let default = raw.default_module.as_ref().map_or("", |name| name.as_str());
        if let Some(at) =
            raw.default_module.as_ref().filter(|at| !at.is_empty() && !raw.modules.contains_key(&at.value))
        {
            let way_out = did_you_mean(default, raw.modules.keys().map(String::as_str));
            problems.push(document.problem(
                at,
                "default_module",
                format!("unknown module {default:?}"),
                way_out,
            ));
        }
        ConfigError::check(problems)?;
        let allow = AllowList::new(raw.allowed_targets.as_ref());
        if allow.is_open() {
            notices.push(open_door());
        }
        let tools = Tools { resolver: Arc::new(Resolver::hickory()), allow };
        let prober = Arc::new(PeerProber {
            peers,
            default: default.to_owned(),
            tools,
            place: Arc::new(Semaphore::new(1)),
        });
        Ok(Self { prober, notices })
    }

    fn prober(&self) -> Option<Arc<dyn Prober>> {
        Some(Arc::clone(&self.prober) as Arc<dyn Prober>)
    }

    fn notices(&self) -> Vec<Notice> {
        self.notices.clone()
    }
}

/// What a module does, by its prober's name.
fn does(
    name: &str,
    raw: &PeerModule,
    document: &Document,
    problems: &mut Vec<Problem>,
    notices: &mut Vec<Notice>,
) -> Option<Does> {
    const PROBERS: [&str; 6] = ["tcp", "https", "file", "http_file", "kubernetes", "kubeconfig"];
    let renegotiation = raw.tls_config.as_ref().and_then(|tls| tls.renegotiation.as_ref());
    match renegotiation.map(|word| word.as_str()) {
        None | Some("" | "never") => {}
        Some(word @ ("once" | "freely")) => notices.push(Notice {
            name: "renegotiation",
            text: format!("module {name}: renegotiation {word} is not done; servers that demand it fail"),
        }),
        Some(word) => {
            let cause = format!("unknown renegotiation {word:?}");
            let key = format!("modules.{name}.tls_config.renegotiation");
            if let Some(at) = renegotiation {
                problems.push(document.problem(at, key, cause, "take never"));
            }
        }
    }
    match raw.prober.as_str() {
        "tcp" => Some(Does::Tcp),
        "https" => Some(Does::Https),
        "file" => Some(Does::File),
        "http_file" => Some(Does::HttpFile),
        word @ ("kubernetes" | "kubeconfig") => {
            notices.push(Notice {
                name: "unsupported_prober",
                text: format!(
                    "module {name}: the prober {word} is not there; looks with it fail with the reason prober_unsupported"
                ),
            });
            Some(Does::Nothing)
        }
        word => {
            let (key, way_out) = (format!("modules.{name}.prober"), did_you_mean(word, PROBERS.into_iter()));
            problems.push(document.problem(&raw.prober, key, format!("unknown prober {word:?}"), way_out));
            None
        }
    }
}
