//! What a scrape shows of Nginx Proxy Manager.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kit::Page;

use super::discover::{self, Unasked};
use super::entry::Entry;
use super::inventory::{Inventory, KINDS, ROWS, STATES};
use super::metrics::{
    DRIFT, ERROR, EXPIRES_ON, HOSTS, INTERVAL, KEPT, LAST_SUCCESS, LEFT_OUT_INFO, ODD, ONLINE, TOOK, UP,
    USED_BY,
};
use super::state::Known;
use crate::metrics::{count, flag, seconds};

/// A renewal writes the file, and then what Nginx Proxy Manager remembers: between the two they differ.
const SETTLED: Duration = Duration::from_secs(60);

/// Of each file the end of its first certificate, in seconds since 1970, and when it was last changed.
pub(super) type Ends<'a> = HashMap<&'a Path, (i64, Option<SystemTime>)>;

pub(super) fn write(page: &mut Page, entry: &Entry, known: &Known, ends: &Ends<'_>) {
    let npm = entry.name.as_str();
    page.family(&INTERVAL).push(&[npm], entry.interval.as_secs_f64());
    // Before the first reading something may be known from before the restart.
    if let Some(last) = &known.last {
        page.family(&UP).push(&[npm], flag(last.fault.is_none()));
        page.family(&TOOK).push(&[npm], last.took.as_secs_f64());
        if let Some(fault) = &last.fault {
            page.family(&ERROR).push(&[npm, fault.reason.word()], 1.0);
        }
    }
    let Some((inventory, at)) = &known.inventory else { return };
    page.family(&LAST_SUCCESS).push(&[npm], timestamp(*at));
    if let Some(at) = known.keeping.at() {
        page.family(&KEPT).push(&[npm], timestamp(at));
    }
    for (word, _) in ROWS {
        let odd = inventory.odd.iter().filter(|odd| odd.word() == *word);
        page.family(&ODD).push(&[npm, word], count(odd.count()));
    }
    for Unasked { host, name, reason } in discover::left_out(inventory) {
        let labels = [npm, host.kind.word(), &host.id.to_string(), name, reason.word()];
        page.family(&LEFT_OUT_INFO).push(&labels, 1.0);
    }
    hosts(page, npm, inventory);
    for (id, certificate) in &inventory.certificates {
        let (number, name) = (id.to_string(), certificate.name());
        let users = inventory.hosts.iter().filter(|host| host.certificate == Some(*id)).count();
        page.family(&USED_BY).push(&[npm, &number, name], count(users));
        let Some(expires_on) = certificate.expires_on else { continue };
        let labels = [npm, &number, name, &certificate.provider];
        page.family(&EXPIRES_ON).push(&labels, seconds(expires_on));
        let path = discover::file(entry, *id, Some(certificate));
        let end = path.and_then(|path| ends.get(path.as_path()));
        if let Some((end, _)) = end.filter(|(_, changed)| remembers(*at, *changed)) {
            page.family(&DRIFT).push(&labels[..3], seconds(expires_on - end));
        }
    }
}

/// Whether an inventory that was read at a moment must know of the file's last change. Where the file's clock runs ahead nobody
/// can tell, and what is read counts.
fn remembers(read: SystemTime, changed: Option<SystemTime>) -> bool {
    changed.is_none_or(|changed| changed + SETTLED <= read || changed > SystemTime::now())
}

fn hosts(page: &mut Page, npm: &str, inventory: &Inventory) {
    let mut rows = page.family(&HOSTS);
    for (kind, _) in KINDS {
        for (state, _) in STATES {
            let those =
                inventory.hosts.iter().filter(|host| host.kind.word() == *kind && host.state() == *state);
            rows.push(&[npm, kind, state], count(those.count()));
        }
    }
    let mut rows = page.family(&ONLINE);
    for host in inventory.hosts.iter().filter(|host| host.enabled) {
        if let Some(online) = host.online {
            rows.push(&[npm, host.kind.word(), &host.id.to_string(), &host.label()], flag(online));
        }
    }
}

fn timestamp(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_the_file_settled_says_nothing_of_it() {
        let now = SystemTime::now();
        let ago = |seconds| now - Duration::from_secs(seconds);
        assert!(remembers(ago(10), Some(ago(70))));
        assert!(!remembers(ago(10), Some(ago(69))), "the database may be written after it");
        assert!(!remembers(ago(3600), Some(ago(600))), "of before the renewal");
        assert!(remembers(ago(10), None), "nobody knows when");
        assert!(remembers(ago(10), Some(now + Duration::from_secs(3600))), "a clock that runs ahead");
    }
}
