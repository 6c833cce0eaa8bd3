//! Whether somebody wants a guest to be off: by the tasks that started and stopped it, and by what was seen of it since. A guest
//! that fell by itself is an outage, one that was stopped is none.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kit::{Desc, Page};

use super::tasks::Row;
use crate::cluster::map::{Guest, Map};

/// Guests that were stopped on purpose.
pub const STOPPED: Desc = Desc::gauge(
    "pve_guest_stopped_timestamp_seconds",
    "When the guest was stopped on purpose, and not started since: by a task that stopped, shut down or suspended it (also one \
     that ran into its timeout, if the guest went off all the same), or by itself, asleep (state suspended). Of one that was \
     off when the exporter started, and of which the node's task log has no start: when it was first seen. Absent for a guest \
     that fell: it tells a guest that somebody stopped from one that crashed, or could not be started.",
)
.labels(&["cluster", "id"]);

/// So long after a task that should stop a guest it may be seen to run: the shutdown was slow, or the list is. One that runs
/// after that was started by somebody, or never stopped.
const GRACE: Duration = Duration::from_secs(900);

/// What a task did to a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// It started it, or tried to: it is to run.
    Started,
    /// It stopped it.
    Stopped,
    /// It asked it to stop and failed, mostly for want of patience: it may stop still.
    Asked,
}

#[derive(Clone, Copy, Debug)]
struct Switch {
    what: What,
    /// When the task ended, by the cluster's clock, in seconds since 1970.
    end: f64,
    /// When that was learnt.
    at: Instant,
}

/// What is known of a guest.
#[derive(Debug, Default)]
struct Life {
    last: Option<Switch>,
    /// When it was first seen to sleep, in seconds since 1970.
    asleep: Option<f64>,
    /// Whether it was seen to run, or its task log was read: there is nothing to ask.
    known: bool,
}

/// What is known of all guests of a cluster, by their id (`qemu/100`).
#[derive(Debug, Default)]
pub struct Switches(Mutex<BTreeMap<Box<str>, Life>>);

impl Switches {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Box<str>, Life>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what tasks did.
    pub(super) fn take(&self, rows: &[Row], at: Instant) {
        let mut lives = self.lock();
        for row in rows {
            let Some((id, what, end)) = row.switches() else { continue };
            let life = lives.entry(id.into()).or_default();
            // The same task again tells nothing new.
            if life.last.is_none_or(|last| end > last.end) {
                life.last = Some(Switch { what, end, at });
            }
        }
    }

    /// Takes what is seen of the guests now.
    pub(crate) fn settle(&self, map: &Map, at: Instant) {
        let mut lives = self.lock();
        let there: HashMap<&str, &Guest> = map.guests.iter().map(|guest| (&*guest.id, guest)).collect();
        lives.retain(|id, _| there.contains_key(&**id));
        for guest in &map.guests {
            let is_asleep = *guest.status == *"suspended";
            let Some(running) = guest.running else { continue };
            if !running && !is_asleep && !lives.contains_key(&guest.id) {
                continue;
            }
            let life = lives.entry(guest.id.clone()).or_default();
            life.asleep = is_asleep.then(|| life.asleep.unwrap_or_else(now));
            life.known |= running;
            if let Some(last) = &mut life.last {
                if running && at.saturating_duration_since(last.at) > GRACE {
                    last.what = What::Started;
                } else if !running && last.what == What::Asked {
                    last.what = What::Stopped;
                }
            }
        }
    }

    /// Whether nothing tells why this guest is off: it was when this program started, and no task is known that made it so.
    pub(super) fn is_riddle(&self, guest: &Guest) -> bool {
        guest.running == Some(false)
            && !guest.template
            && self.lock().get(&guest.id).is_none_or(|life| !life.known && life.last.is_none())
    }

    /// Takes the task log of a guest that is off. When it has neither a start nor a stop, nothing says that the guest is to run.
    pub(super) fn read(&self, id: &str, rows: &[Row], at: Instant) {
        self.take(rows, at);
        let mut lives = self.lock();
        let life = lives.entry(id.into()).or_default();
        match &mut life.last {
            Some(last) if last.what == What::Asked => last.what = What::Stopped,
            None => life.last = Some(Switch { what: What::Stopped, end: now(), at }),
            Some(_) => {}
        }
        life.known = true;
    }

    /// Forgets everything: another cluster.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    pub(super) fn write(&self, cluster: &str, page: &mut Page) {
        let lives = self.lock();
        let mut family = page.family(&STOPPED);
        for (id, life) in lives.iter() {
            let stopped = life.last.filter(|last| last.what == What::Stopped).map(|last| last.end);
            if let Some(time) = stopped.into_iter().chain(life.asleep).reduce(f64::max) {
                family.push(&[cluster, id], time);
            }
        }
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row((kind, id, status, end): &(&str, &str, &str, u32)) -> Row {
        let json = format!(
            r#"{{"upid":"{kind}{id}{end}","node":"a","type":"{kind}","id":"{id}","status":"{status}","endtime":{end}}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    fn rows(tasks: &[(&str, &str, &str, u32)]) -> Vec<Row> {
        tasks.iter().map(row).collect()
    }

    fn map(guests: &[(&str, &str)]) -> Map {
        let guest = |(id, status): &(&str, &str)| Guest {
            id: (*id).into(),
            vmid: "".into(),
            node: "a".into(),
            name: "".into(),
            running: Some(*status == "running"),
            template: false,
            status: (*status).into(),
            pool: "".into(),
            tags: "".into(),
        };
        Map { guests: guests.iter().map(guest).collect(), ..Map::default() }
    }

    fn stopped(switches: &Switches) -> Vec<String> {
        let mut page = Page::new();
        switches.write("c", &mut page);
        page.samples().filter_map(|sample| Some(sample.labels().nth(1)?.1.to_owned())).collect()
    }

    #[test]
    fn a_guest_that_was_stopped_on_purpose() {
        let switches = Switches::default();
        // The newest first, as the cluster has them.
        for window in [
            &[("qmstart", "101", "OK", 50), ("qmshutdown", "101", "OK", 40), ("vzstop", "102", "OK", 30)][..],
            &[
                ("qmstop", "103", "can't lock", 70),
                ("qmreboot", "104", "OK", 65),
                ("vzdump", "105", "OK", 61),
            ],
            &[("vzstart", "106", "OK", 90), ("vzshutdown", "106", "OK", 91), ("qmpause", "107", "OK", 92)],
            &[("qmresume", "107", "OK", 99), ("qmsuspend", "108", "OK", 80)],
            &[("qmstart", "109", "no such volume", 99), ("qmstop", "109", "OK", 98)],
        ] {
            switches.take(&rows(window), Instant::now());
        }
        assert_eq!(stopped(&switches), ["lxc/102", "lxc/106", "qemu/108"]);
    }

    #[test]
    fn a_shutdown_that_ran_into_its_timeout() {
        let (switches, began) = (Switches::default(), Instant::now());
        let late = began + GRACE + Duration::from_secs(60);
        let tasks = rows(&[
            ("qmshutdown", "1", "VM quit/powerdown failed - got timeout", 40),
            ("qmshutdown", "2", "got timeout", 40),
        ]);
        let all = |one, two| map(&[("qemu/1", one), ("qemu/2", two)]);
        switches.take(&tasks, began);
        switches.settle(&all("running", "running"), began);
        assert!(stopped(&switches).is_empty(), "it runs still");
        switches.settle(&all("stopped", "running"), began + Duration::from_secs(300));
        assert_eq!(stopped(&switches), ["qemu/1"], "it took its time");
        switches.take(&tasks, late);
        switches.settle(&all("stopped", "running"), late);
        switches.settle(&all("stopped", "stopped"), late + Duration::from_secs(60));
        assert_eq!(stopped(&switches), ["qemu/1"], "the other one ran on, and fell later");
    }

    #[test]
    fn one_that_was_started_without_a_task_and_falls_has_fallen() {
        let (switches, began) = (Switches::default(), Instant::now());
        switches.take(&rows(&[("vzstop", "1", "OK", 40)]), began);
        switches.settle(&map(&[("lxc/1", "running")]), began + Duration::from_secs(5));
        assert_eq!(stopped(&switches), ["lxc/1"], "the list is slow");
        switches.settle(&map(&[("lxc/1", "running")]), began + GRACE * 2);
        switches.settle(&map(&[("lxc/1", "stopped")]), began + GRACE * 3);
        assert!(stopped(&switches).is_empty());
    }

    #[test]
    fn a_guest_that_sleeps() {
        let (switches, at) = (Switches::default(), Instant::now());
        switches.settle(&map(&[("qemu/1", "suspended"), ("qemu/2", "paused")]), at);
        assert_eq!(stopped(&switches), ["qemu/1"]);
        switches.settle(&map(&[("qemu/1", "running"), ("qemu/2", "paused")]), at);
        assert!(stopped(&switches).is_empty());
        switches.settle(&map(&[("qemu/1", "stopped")]), at);
        assert!(stopped(&switches).is_empty(), "it fell");
    }

    #[test]
    fn one_that_was_off_before() {
        let (switches, at) = (Switches::default(), Instant::now());
        let all =
            map(&[("qemu/1", "stopped"), ("qemu/2", "stopped"), ("lxc/3", "stopped"), ("lxc/4", "running")]);
        switches.settle(&all, at);
        let riddles =
            |switches: &Switches| all.guests.iter().filter(|guest| switches.is_riddle(guest)).count();
        assert_eq!(riddles(&switches), 3);
        switches.read("qemu/1", &rows(&[("qmstart", "1", "OK", 50), ("qmstop", "1", "OK", 40)]), at);
        switches.read(
            "qemu/2",
            &rows(&[("qmshutdown", "2", "got timeout", 50), ("qmstart", "2", "OK", 40)]),
            at,
        );
        assert_eq!(
            (riddles(&switches), stopped(&switches)),
            (1, vec!["qemu/2".to_owned()]),
            "the first one fell"
        );
        switches.read("lxc/3", &rows(&[("vzdump", "3", "OK", 50)]), at);
        assert_eq!(
            (riddles(&switches), stopped(&switches)),
            (0, vec!["lxc/3".to_owned(), "qemu/2".to_owned()])
        );
        // What is no part of the cluster any more is forgotten.
        switches.settle(&map(&[]), at);
        assert!(stopped(&switches).is_empty());
    }
}
