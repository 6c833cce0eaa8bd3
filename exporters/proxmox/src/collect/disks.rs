//! `/nodes/{node}/disks/list`: the physical disks and whether SMART finds them good; `/nodes/{node}/disks/smart`: what it
//! counts in each. Two `smartctl` a disk, one after the other: it may take long, and may wake disks that sleep.

use std::time::Duration;

use kit::{BoxFuture, Desc, Page};
use serde::Deserialize;

use super::lost::{Fails, Lost};
use super::smart::{self, Smart};
use super::{Collector, SYS_AUDIT, Scope, Tier, Visit, flag, whole};
use crate::api::value::{Number, Rows, Text};
use crate::api::{Failure, Reason};

/// See the module.
pub const COLLECTOR: Collector = Collector {
    name: "disks",
    tier: Tier::Slow,
    scope: Scope::Node,
    on: true,
    every: Duration::from_secs(3600),
    limit: Duration::from_secs(300),
    needs: &[SYS_AUDIT],
    descs: DESCS,
    collect,
};

/// What of the list is told, and what of each disk.
const DESCS: &[&Desc] = {
    const OWN: [&Desc; 5] = [&HEALTHY, &MISSING, &LIFE_LEFT, &SIZE, &INFO];
    let mut all = [OWN[0]; OWN.len() + smart::DESCS.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < OWN.len() { OWN[at] } else { smart::DESCS[at - OWN.len()] };
        at += 1;
    }
    &{ all }
};

const DEVICE: &[&str] = &["cluster", "node", "device"];

/// SMART's verdict.
pub const HEALTHY: Desc = Desc::gauge(
    "pve_node_disk_healthy",
    "Whether SMART finds the disk good (PASSED, OK). Absent where it says nothing. A disk that had failed stays 0 when it says \
     nothing any more, or is missing: see pve_node_disk_missing.",
)
.labels(DEVICE);
/// A failed one that is not there any more.
pub const MISSING: Desc = Desc::gauge(
    "pve_node_disk_missing",
    "1 for a disk that had failed when it was last seen, and that the node does not list any more; told until it is back and \
     good, one that was not there before has its name or is as large, or the exporter is restarted. Else absent. If another that was there has \
     its name, device is NAME (SERIAL).",
)
.labels(DEVICE);
/// What is left of an SSD.
pub const LIFE_LEFT: Desc = Desc::gauge(
    "pve_node_disk_life_left_ratio",
    "Share of an SSD's life of writes that is left. Absent for disks that do not say.",
)
.labels(DEVICE);
/// Its size.
pub const SIZE: Desc = Desc::gauge("pve_node_disk_size_bytes", "Size of the disk.").labels(DEVICE);
/// Which it is.
pub const INFO: Desc = Desc::info(
    "pve_node_disk_info",
    "A physical disk: model, serial number, kind (hdd, ssd, nvme), and what uses it.",
)
.labels(&["cluster", "node", "device", "model", "serial", "type", "used"]);

/// A row of the answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Row {
    devpath: Text,
    model: Text,
    serial: Text,
    #[serde(rename = "type")]
    kind: Text,
    used: Text,
    health: Text,
    size: Number,
    /// Percent; `N/A` where there is none.
    wearout: Number,
}

fn collect<'a>(visit: &'a Visit<'a>, page: &'a mut Page) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let answer: Rows<Row> = visit.get("/nodes/{node}/disks/list").await?;
        write([visit.name, visit.node], &answer.rows, page);
        write_lost([visit.name, visit.node], &answer.rows, &visit.cluster.lost().disks, page);
        let mut result = whole(&answer, "/nodes/{node}/disks/list");
        for row in answer.rows.iter().filter(|row| healthy(row).is_some() && !row.devpath.is_empty()) {
            let fill = [("node", visit.node), ("disk", &*row.devpath)];
            match visit.get_with::<Smart>("/nodes/{node}/disks/smart?disk={disk}", &fill).await {
                Ok(answer) => smart::write([visit.name, visit.node, &row.devpath], &answer, page),
                // The time of them all is over.
                Err(failure) if matches!(failure.reason, Reason::NodeUnreachable | Reason::Timeout) => {
                    return Err(failure);
                }
                Err(failure) => result = result.and(Err(failure)),
            }
        }
        result
    })
}

impl Fails for Row {
    fn well(&self) -> Option<bool> {
        healthy(self)
    }

    /// By its serial number, wherever it is now; by its name where it has none.
    fn is_same(&self, other: &Self) -> bool {
        match (self.serial(), other.serial()) {
            (Some(own), Some(other)) => own == other,
            _ => self.devpath == other.devpath,
        }
    }

    /// By what has its name, or is as large: a new disk may be put in before the old one is taken out.
    fn is_replaced_by(&self, other: &Self) -> bool {
        let is_as_large =
            || self.size.positive().zip(other.size.positive()).is_some_and(|(own, new)| new >= 0.9 * own);
        self.devpath == other.devpath || is_as_large()
    }
}

impl Row {
    /// The serial number, if the disk says any: Proxmox VE has a word in its place for one that does not.
    fn serial(&self) -> Option<&str> {
        Some(&*self.serial).filter(|serial| !matches!(*serial, "" | "unknown"))
    }
}

/// SMART's verdict; `None` when it has none: a disk that it knows nothing of, as those of a virtual machine.
fn healthy(row: &Row) -> Option<bool> {
    match row.health.to_ascii_uppercase().as_str() {
        "PASSED" | "OK" => Some(true),
        "" | "UNKNOWN" => None,
        _ => Some(false),
    }
}

/// Writes the rows.
pub fn write([cluster, node]: [&str; 2], rows: &[Row], page: &mut Page) {
    for row in rows.iter().filter(|row| !row.devpath.is_empty()) {
        let labels = [cluster, node, &*row.devpath];
        for (desc, value) in [
            (&HEALTHY, healthy(row).map(flag)),
            (&LIFE_LEFT, row.wearout.0.map(|percent| percent / 100.0)),
            (&SIZE, row.size.positive()),
        ] {
            if let Some(value) = value {
                page.family(desc).push(&labels, value);
            }
        }
        page.family(&INFO).push(&info([cluster, node], row), 1.0);
    }
}

fn info<'a>([cluster, node]: [&'a str; 2], row: &'a Row) -> [&'a str; 7] {
    [cluster, node, &row.devpath, &row.model, &row.serial, &row.kind, &row.used]
}

/// Writes what had failed and is not in the list any more, or says nothing any more.
pub fn write_lost([cluster, node]: [&str; 2], rows: &[Row], lost: &Lost<Row>, page: &mut Page) {
    let known = lost.take(node, rows);
    for row in &known.missing {
        // The names of disks are dealt anew at each boot.
        let is_taken = rows.iter().any(|now| now.devpath == row.devpath);
        let mut row = row.clone();
        if is_taken {
            row.devpath = Text(format!("{} ({})", &*row.devpath, &*row.serial).into());
        }
        // What else it said was true then.
        page.family(&HEALTHY).push(&[cluster, node, &row.devpath], 0.0);
        page.family(&INFO).push(&info([cluster, node], &row), 1.0);
        page.family(&MISSING).push(&[cluster, node, &row.devpath], 1.0);
    }
    for row in &known.silent {
        let now = rows.iter().find(|now| row.is_same(now)).unwrap_or(row);
        page.family(&HEALTHY).push(&[cluster, node, &now.devpath], 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// proxcenter #610: SAS and NVMe disks say OK where the others say PASSED.
    #[test]
    fn all_words_of_smart() {
        let json = r#"[{"devpath":"/dev/sda","health":"PASSED","wearout":"N/A"},{"devpath":"/dev/sdb","health":"OK","wearout":98},
            {"devpath":"/dev/sdc","health":"FAILED!","wearout":"3"},{"devpath":"/dev/sdd","health":"UNKNOWN"},{"devpath":"/dev/sde"}]"#;
        let rows: Rows<Row> = serde_json::from_str(json).unwrap();
        let mut page = Page::new();
        write(["c", "a"], &rows.rows, &mut page);
        let get = |name: &str, device| page.get(name, &[("cluster", "c"), ("node", "a"), ("device", device)]);
        let healthy = ["/dev/sda", "/dev/sdb", "/dev/sdc", "/dev/sdd", "/dev/sde"]
            .map(|device| get(HEALTHY.name, device));
        assert_eq!(healthy, [Some(1.0), Some(1.0), Some(0.0), None, None]);
        assert_eq!((get(LIFE_LEFT.name, "/dev/sda"), get(LIFE_LEFT.name, "/dev/sdc")), (None, Some(0.03)));
    }

    #[test]
    fn a_failed_disk_that_vanishes_is_told() {
        let lost = Lost::default();
        let read = |json: &str| {
            let rows: Rows<Row> = serde_json::from_str(json).unwrap();
            let mut page = Page::new();
            write(["c", "a"], &rows.rows, &mut page);
            write_lost(["c", "a"], &rows.rows, &lost, &mut page);
            assert!(page.dropped().is_empty(), "{:?}", page.dropped());
            let get = |desc: &Desc, device| {
                page.get(desc.name, &[("cluster", "c"), ("node", "a"), ("device", device)])
            };
            ["/dev/sda", "/dev/sdb", "/dev/sda (S2)"]
                .map(|device| (get(&HEALTHY, device), get(&MISSING, device)))
        };
        let good = r#"{"devpath":"/dev/sda","serial":"S1","health":"PASSED"}"#;
        let bad = r#"{"devpath":"/dev/sdb","serial":"S2","health":"FAILED!","model":"X","size":100}"#;
        let (well, failed, gone) = ((Some(1.0), None), (Some(0.0), None), (Some(0.0), Some(1.0)));
        let none = (None, None);
        let also_bad = bad.replace("sdb", "sda");
        let silent = bad.replace("FAILED!", "UNKNOWN");
        let other = bad.replace("S2", "S3").replace("FAILED!", "OK");
        let mute = silent.replace("S2", "S4");
        let moved = good.replace("sda", "sdb");
        let (small, large) = [(1, "S7"), (95, "S8")]
            .map(|(size, serial)| format!(r#"{{"devpath":"/dev/sdx","serial":"{serial}","size":{size}}}"#))
            .into();
        let nameless = format!("{good},{bad}").replace("S1", "unknown").replace("S2", "unknown");
        for (list, want, why) in [
            (format!("[{good},{bad}]"), [well, failed, none], ""),
            (format!("[{good}]"), [well, gone, none], "gone is not well"),
            (format!("[{good},{silent}]"), [well, failed, none], "nor is silent"),
            (format!("[{good},{bad}]"), [well, failed, none], ""),
            (format!("[{good},{mute}]"), [well, none, none], "another, which says nothing"),
            (format!("[{good},{bad}]"), [well, failed, none], ""),
            (format!("[{good},{other}]"), [well, well, none], "another is in its place"),
            (format!("[{good}]"), [well, none, none], ""),
            (format!("[{moved},{also_bad}]"), [failed, well, none], "names are dealt anew"),
            (format!("[{good}]"), [well, none, gone], "and again, without the one that failed"),
            (format!("[{good},{small}]"), [well, none, gone], "a stick for backups"),
            (format!("[{good},{large}]"), [well, none, none], "another in its place, by another name"),
            (format!("[{nameless}]"), [well, failed, none], ""),
            (
                format!("[{}]", &nameless[..nameless.find("},").unwrap() + 1]),
                [well, gone, none],
                "without serials",
            ),
        ] {
            assert_eq!(read(&list), want, "{list}: {why}");
        }
    }
}
