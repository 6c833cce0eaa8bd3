//! The last scrub or resilvering of a ZFS pool, out of the words in which `zpool status` tells it.

use kit::{Desc, Page};

use super::calendar::moment;

const KIND: &[&str] = &["cluster", "node", "pool", "kind"];

/// When it ended.
pub(super) const SCAN_END: Desc = Desc::gauge(
    "pve_zfs_pool_last_scan_timestamp_seconds",
    "When the pool's last scrub (kind scrub) or resilvering (resilver) ended; absent while one runs, and before the first. \
     Debian scrubs every pool once a month.",
)
.labels(KIND);
/// What it found.
pub(super) const SCAN_ERRORS: Desc = Desc::gauge(
    "pve_zfs_pool_last_scan_errors",
    "Errors that the pool's last scrub or resilvering found and could not repair.",
)
.labels(KIND);
/// Whether it runs.
pub(super) const SCAN_RUNNING: Desc = Desc::gauge(
    "pve_zfs_pool_scan_running",
    "1 while a scrub (kind scrub) or resilvering (resilver) of the pool goes on, or is paused; else absent.",
)
.labels(KIND);

/// A scan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scan {
    /// `scrub` or `resilver`.
    kind: &'static str,
    /// When it ended, by the node's own clock, and what it could not repair; `None` while it runs or was cancelled.
    end: Option<(f64, Option<f64>)>,
    runs: bool,
}

impl Scan {
    /// Reads `scrub repaired 0B in 00:12:34 with 0 errors on Sun Apr 14 00:24:35 2024`, `resilvered 1.2G in … with … errors
    /// on …`, `scrub in progress since …`, `scrub canceled on …`. `None` for `none requested`, and for what is not
    /// understood.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let kind = match *words.first()? {
            "scrub" => "scrub",
            "resilver" | "resilvered" => "resilver",
            _ => return None,
        };
        let runs = matches!(words.get(1), Some(&("in" | "paused")));
        let end = text.rsplit_once(" errors on ").and_then(|(before, date)| {
            let errors = before.rsplit(' ').next().and_then(|number| number.parse().ok());
            Some((moment(date)?, errors))
        });
        Some(Self { kind, end: end.filter(|_| !runs), runs })
    }

    /// Writes it; `zone`: seconds from UTC to the node's own time, without which no moment can be told.
    pub(super) fn write(&self, [cluster, node, pool]: [&str; 3], zone: Option<f64>, page: &mut Page) {
        let labels = [cluster, node, pool, self.kind];
        if self.runs {
            page.family(&SCAN_RUNNING).push(&labels, 1.0);
        }
        if let Some((end, errors)) = self.end {
            if let Some(zone) = zone {
                page.family(&SCAN_END).push(&labels, end - zone);
            }
            if let Some(errors) = errors {
                page.family(&SCAN_ERRORS).push(&labels, errors);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans_in_words() {
        let end = Some((1_713_054_275.0, Some(0.0)));
        for (text, want) in [
            (
                "scrub repaired 0B in 00:12:34 with 0 errors on Sun Apr 14 00:24:35 2024",
                Some(Scan { kind: "scrub", end, runs: false }),
            ),
            (
                "resilvered 1.21G in 00:00:09 with 3 errors on Sun Apr 14 00:24:35 2024",
                Some(Scan { kind: "resilver", end: Some((1_713_054_275.0, Some(3.0))), runs: false }),
            ),
            (
                "scrub in progress since Sun Apr 14 00:24:01 2024\n\t1.2T scanned at 1G/s",
                Some(Scan { kind: "scrub", end: None, runs: true }),
            ),
            (
                "resilver in progress since Sun Apr 14 00:24:01 2024",
                Some(Scan { kind: "resilver", end: None, runs: true }),
            ),
            (
                "scrub paused since Sun Apr 14 00:24:01 2024",
                Some(Scan { kind: "scrub", end: None, runs: true }),
            ),
            (
                "scrub canceled on Sun Apr 14 00:24:01 2024",
                Some(Scan { kind: "scrub", end: None, runs: false }),
            ),
            ("none requested", None),
            ("", None),
        ] {
            assert_eq!(Scan::parse(text), want, "{text}");
        }
    }

    #[test]
    fn a_moment_needs_the_nodes_time_zone() {
        let scan =
            Scan::parse("scrub repaired 0B in 00:12:34 with 0 errors on Sun Apr 14 00:24:35 2024").unwrap();
        let labels = [("cluster", "c"), ("node", "a"), ("pool", "p"), ("kind", "scrub")];
        let mut page = Page::new();
        scan.write(["c", "a", "p"], Some(7200.0), &mut page);
        assert_eq!(page.get(SCAN_END.name, &labels), Some(1_713_054_275.0 - 7200.0));
        let mut page = Page::new();
        scan.write(["c", "a", "p"], None, &mut page);
        assert_eq!(
            (page.get(SCAN_END.name, &labels), page.get(SCAN_ERRORS.name, &labels)),
            (None, Some(0.0))
        );
    }
}
