//! `/cluster/tasks`: what was done lately on all nodes. The answer is a window, which moves on; what ended in it is counted
//! here once, so that a failure is not lost between two scrapes.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::switches::{STOPPED, Switches, What};
use super::{Collector, SYS_AUDIT, Scope, Tier, Visit, whole};
use crate::api::Failure;
use crate::api::value::{Number, Rows, Text};

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "tasks",
    tier: Tier::Fast,
    scope: Scope::Cluster,
    on: true,
    every: Duration::ZERO,
    limit: Duration::ZERO,
    needs: &[SYS_AUDIT],
    descs: &[&FINISHED, &RUNNING, &LAST_END, &STOPPED],
    collect,
};

/// How a task can end.
const RESULTS: &[(&str, &str)] = &[
    ("ok", "It did what it should."),
    ("warnings", "It did, with warnings in its log."),
    ("error", "It failed; its log says why."),
];
/// Tasks that ended.
pub const FINISHED: Desc = Desc::counter(
    "pve_tasks_finished_total",
    "Tasks that were seen to end since the exporter started, by type (vzdump, qmigrate, aptupdate, …) and result.",
)
.labels(&["cluster", "node", "type", "result"])
.closed("result", RESULTS);
/// Tasks that run.
pub const RUNNING: Desc =
    Desc::gauge("pve_tasks_running", "Tasks that run now, by type.").labels(&["cluster", "node", "type"]);
/// The last end.
pub const LAST_END: Desc = Desc::gauge(
    "pve_task_last_end_timestamp_seconds",
    "When a task of this type last ended with this result, of those that the cluster still remembers or this exporter saw.",
)
.labels(&["cluster", "node", "type", "result"])
.closed("result", RESULTS);

/// A row of the answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Row {
    upid: Text,
    node: Text,
    id: Text,
    #[serde(rename = "type")]
    kind: Text,
    status: Text,
    endtime: Number,
}

/// What is remembered of the tasks that were seen.
#[derive(Debug, Default)]
pub struct Memory {
    seen: Mutex<Seen>,
    switches: Switches,
}

#[derive(Debug, Default)]
struct Seen {
    /// Whether an answer was seen: what had ended before the first one is not counted.
    begun: bool,
    /// The tasks that ended and are still in the window.
    ended: HashSet<Box<str>>,
    counts: BTreeMap<Kind, Ends>,
}

/// Node, type, result.
type Kind = (Box<str>, Box<str>, &'static str);

#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    count: f64,
    last: f64,
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let answer: Rows<Row> = visit.get("/cluster/tasks").await?;
        visit.cluster.tasks().take(&answer.rows);
        write(visit.name, &answer.rows, visit.cluster.tasks(), page);
        whole(&answer, "/cluster/tasks")
    })
}

impl Row {
    /// How it ended; `None` while it runs.
    fn result(&self) -> Option<&'static str> {
        match &*self.status {
            "" | "running" if self.endtime.0.is_none() => None,
            "OK" => Some("ok"),
            status if status.starts_with("WARNINGS") => Some("warnings"),
            _ => Some("error"),
        }
    }
}

impl Row {
    /// The guest that the task started or stopped, what it did to it, and when it ended; `None` for all else. A restart is neither.
    pub(super) fn switches(&self) -> Option<(String, What, f64)> {
        let (kind, action) = match (self.kind.strip_prefix("qm"), self.kind.strip_prefix("vz")) {
            (Some(action), _) => ("qemu", action),
            (_, Some(action)) => ("lxc", action),
            _ => return None,
        };
        let what = match (action, self.result()?) {
            // One that failed was to start it all the same.
            ("start" | "resume", _) => What::Started,
            ("stop" | "shutdown" | "suspend" | "pause", "error") => What::Asked,
            ("stop" | "shutdown" | "suspend" | "pause", _) => What::Stopped,
            _ => return None,
        };
        let end = self.endtime.positive()?;
        (!self.id.is_empty()).then(|| (format!("{kind}/{}", &*self.id), what, end))
    }
}

impl Memory {
    /// Who wants which guest to be off.
    #[must_use]
    pub fn switches(&self) -> &Switches {
        &self.switches
    }

    /// Forgets everything: another cluster.
    pub fn forget(&self) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Seen::default();
        self.switches.forget();
    }

    /// Counts what ended since the last answer.
    pub fn take(&self, rows: &[Row]) {
        self.switches.take(rows, Instant::now());
        let mut guard = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = &mut *guard;
        let mut window = HashSet::with_capacity(rows.len());
        for row in rows.iter().filter(|row| !row.upid.is_empty()) {
            let Some(result) = row.result() else { continue };
            let fresh = seen.begun && !seen.ended.contains(&row.upid.0);
            let ends = seen.counts.entry((row.node.0.clone(), row.kind.0.clone(), result)).or_default();
            if fresh {
                ends.count += 1.0;
            }
            let end = row.endtime.0.unwrap_or(0.0);
            ends.last = ends.last.max(end);
            window.insert(row.upid.0.clone());
        }
        (seen.begun, seen.ended) = (true, window);
    }
}

/// Writes what runs now and what has ended.
pub fn write(cluster: &str, rows: &[Row], memory: &Memory, page: &mut Page) {
    let mut running = BTreeMap::<(&str, &str), f64>::new();
    for row in rows.iter().filter(|row| !row.upid.is_empty() && row.result().is_none()) {
        *running.entry((&row.node, &row.kind)).or_default() += 1.0;
    }
    let mut family = page.family(&RUNNING);
    for ((node, kind), number) in running {
        family.push(&[cluster, node, kind], number);
    }
    let seen = memory.seen.lock().unwrap_or_else(PoisonError::into_inner);
    let mut family = page.family(&FINISHED);
    for ((node, kind, result), ends) in &seen.counts {
        family.push(&[cluster, node, kind, result], ends.count);
    }
    let mut family = page.family(&LAST_END);
    for ((node, kind, result), ends) in seen.counts.iter().filter(|(_, ends)| ends.last > 0.0) {
        family.push(&[cluster, node, kind, result], ends.last);
    }
    memory.switches.write(cluster, page);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(tasks: &[(&str, &str, Option<u32>)]) -> Vec<Row> {
        let row = |(upid, status, end): &(&str, &str, Option<u32>)| {
            let end = end.map_or(String::new(), |end| format!(",\"endtime\":{end}"));
            let json = format!(r#"{{"upid":"{upid}","node":"a","type":"vzdump","status":"{status}"{end}}}"#);
            serde_json::from_str(&json).unwrap()
        };
        tasks.iter().map(row).collect()
    }

    #[test]
    fn each_end_is_counted_once() {
        let (memory, mut last) = (Memory::default(), Vec::new());
        for window in [
            vec![("1", "OK", Some(10)), ("2", "running", None)],
            vec![("1", "OK", Some(10)), ("2", "OK", Some(20)), ("3", "job errors", Some(25))],
            vec![
                ("2", "OK", Some(20)),
                ("3", "job errors", Some(25)),
                ("4", "WARNINGS: 1", Some(30)),
                ("5", "", None),
            ],
        ] {
            last = rows(&window);
            memory.take(&last);
        }
        let mut page = Page::new();
        write("c", &last, &memory, &mut page);
        let labels = |result| [("cluster", "c"), ("node", "a"), ("type", "vzdump"), ("result", result)];
        for (result, count, end) in [("ok", 1.0, 20.0), ("error", 1.0, 25.0), ("warnings", 1.0, 30.0)] {
            assert_eq!(page.get("pve_tasks_finished_total", &labels(result)), Some(count), "{result}");
            assert_eq!(
                page.get("pve_task_last_end_timestamp_seconds", &labels(result)),
                Some(end),
                "{result}"
            );
        }
        assert_eq!(
            page.get("pve_tasks_running", &[("cluster", "c"), ("node", "a"), ("type", "vzdump")]),
            Some(1.0)
        );
    }
}
