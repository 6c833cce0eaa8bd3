//! All modules of a configuration, built and asked by name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kit::config::{Document, Problem, did_you_mean, span_of_time};
use kit::{Ask, BoxFuture, Notice, Page, Verdict};

use crate::config::tls::Shelf;
use crate::config::{File, ModuleSection};
use crate::module::{Context, LATER, Module, ModuleProbe, PROBERS, Tools, Workshop};
use crate::targets::Schedule;
use crate::verdict::{fail, verdict};

/// The module of a request that names none; the peer's.
pub const DEFAULT_MODULE: &str = "http_2xx";
/// No probe is given more time than this.
pub const LONGEST: Duration = Duration::from_secs(3600);

/// The modules by name.
pub type ModuleMap = BTreeMap<String, Arc<Module>>;

/// What is asked on `/probe`.
pub struct Modules {
    modules: ModuleMap,
    tools: Arc<Tools>,
    /// What is probed all the time, which a URL may name whatever it is.
    schedule: Schedule,
}

impl Modules {
    /// The modules with what their probes share.
    #[must_use]
    pub fn new(modules: ModuleMap, tools: Arc<Tools>, schedule: Schedule) -> Self {
        Self { modules, tools, schedule }
    }

    /// The module of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Module>> {
        self.modules.get(name)
    }
}

impl kit::Prober for Modules {
    fn modules(&self) -> Vec<String> {
        self.modules.keys().cloned().collect()
    }

    fn default_module(&self) -> &str {
        DEFAULT_MODULE
    }

    fn timeout(&self, module: &str) -> Option<Option<Duration>> {
        self.modules.get(module).map(|module| module.timeout)
    }

    fn objection(&self, module: &str, hostname: &str) -> Option<String> {
        self.modules.get(module)?.probe.objection(hostname)
    }

    fn module_yaml(&self, module: &str) -> String {
        match self.modules.get(module).map(|module| serde_saphyr::to_string(&module.section)) {
            Some(Ok(text)) => text,
            Some(Err(error)) => format!("# cannot be shown: {error}\n"),
            None => String::new(),
        }
    }

    fn probe<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Verdict> {
        let Some(module) = self.modules.get(ask.module) else {
            let failure = fail(wire::Phase::Setup, "internal", format!("unknown module {:?}", ask.module));
            return Box::pin(std::future::ready(verdict(Page::new(), Some(failure))));
        };
        module.probe.probe(Context {
            target: ask.target,
            hostname: ask.hostname,
            deadline: ask.deadline,
            trace: ask.trace,
            tools: self.schedule.tools_for(&ask).unwrap_or(&self.tools),
        })
    }
}

/// Builds every module of a file. A module with a problem is left out, and its problems are told.
pub fn build(
    file: &File,
    document: &Document,
    problems: &mut Vec<Problem>,
    notices: &mut Vec<Notice>,
) -> ModuleMap {
    let shelf = Shelf::new();
    let mut modules = ModuleMap::new();
    for (name, section) in &file.modules {
        let mut workshop = Workshop::new(document, &shelf, name);
        let timeout = span_of_time(section.timeout.as_ref(), LONGEST, &mut |cause, way_out| {
            if let Some(at) = &section.timeout {
                workshop.problem(at, "timeout", cause, way_out);
            }
        });
        let probe = prober(section, &mut workshop);
        let before = problems.len();
        problems.append(&mut workshop.problems);
        notices.append(&mut workshop.notices);
        if let Some(probe) = probe.filter(|_| problems.len() == before) {
            let module = Module { name: name.clone(), timeout, section: section.clone(), probe };
            modules.insert(name.clone(), Arc::new(module));
        } else if problems.len() == before {
            problems.push(document.problem_at(
                format!("modules.{name}"),
                "cannot be built",
                "check its section",
            ));
        }
    }
    modules
}

fn prober(section: &ModuleSection, workshop: &mut Workshop<'_>) -> Option<Arc<dyn ModuleProbe>> {
    let name = section.prober.as_str();
    if let Some(prober) = PROBERS.iter().find(|prober| prober.name == name) {
        return (prober.build)(section, workshop);
    }
    if let Some(later) = LATER.iter().find(|later| **later == name) {
        let text = format!(
            "module {}: the prober {later} is not supported yet: its probes fail with the reason `unsupported`",
            workshop.module
        );
        workshop.notice("unsupported_prober", text);
        return Some(Arc::new(Unsupported(later)));
    }
    let all = PROBERS.iter().map(|prober| prober.name).chain(LATER.iter().copied());
    let way_out = did_you_mean(name, all);
    workshop.problem(&section.prober, "prober", format!("unknown prober {name:?}"), way_out);
    None
}

/// A prober that a later version does.
struct Unsupported(&'static str);

impl ModuleProbe for Unsupported {
    fn check(&self, _: &str) -> Result<(), kit::Failure> {
        Ok(())
    }

    fn probe<'a>(&'a self, _: Context<'a>) -> BoxFuture<'a, Verdict> {
        let detail = format!("the prober {} is not supported yet", self.0);
        let failure = fail(wire::Phase::Setup, "unsupported", detail);
        Box::pin(std::future::ready(verdict(Page::new(), Some(failure))))
    }
}
