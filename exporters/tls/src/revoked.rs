//! Whether the certificates that targets serve are on a revocation list among the watched files.
//!
//! A list is believed as it lies there: whoever can write it can write the certificates, too. It is no part of a look, which
//! would then depend on when a file was last read, and it is no reason why one fails.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use kit::{BoxFuture, CollectError, Collector, Desc, Page, Scope};
use wire::tls::RevocationList;

use crate::files::Files;
use crate::metrics::flag;
use crate::targets::Schedule;

/// Whether a list names it.
pub const REVOKED: Desc = Desc::gauge(
    "tls_certificate_revoked",
    "Whether the newest revocation list of the certificate's issuer, of those in the watched files (tls_crl_*), names the \
     certificate. Absent where there is no such list.",
)
.labels(&["target", "module", "position"]);

/// Everything that is told here.
pub const DESCS: &[&Desc] = &[&REVOKED];

/// The newest lists, by their issuers.
type Lists = HashMap<String, Arc<RevocationList>>;

/// Looks up, from memory alone, what the schedule's targets serve.
#[derive(Debug)]
pub struct Revoked {
    schedule: Schedule,
    files: Files,
    /// As of a scan.
    lists: Mutex<(u64, Arc<Lists>)>,
}

impl Revoked {
    /// Of these targets, by these files.
    #[must_use]
    pub fn new(schedule: Schedule, files: Files) -> Self {
        Self { schedule, files, lists: Mutex::default() }
    }

    /// Made anew only after a scan.
    fn lists(&self) -> Arc<Lists> {
        let mut cached = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = self.files.generation();
        if cached.0 != generation {
            let mut newest = Lists::new();
            for list in self.files.revocation_lists() {
                let known = newest.get(&list.issuer).map(|known| known.this_update);
                if known.is_none_or(|known| known < list.this_update) {
                    newest.insert(list.issuer.clone(), list);
                }
            }
            *cached = (generation, Arc::new(newest));
        }
        Arc::clone(&cached.1)
    }

    pub(crate) fn page(&self, now: SystemTime) -> Page {
        let lists = self.lists();
        let mut page = Page::new();
        if lists.is_empty() {
            return page;
        }
        for entry in self.schedule.entries().iter() {
            let [target, module] = entry.labels();
            entry.state.with(|known| {
                let shown = known.certificates(entry.target.interval, now);
                let Some(chain) = shown.and_then(|(shown, _)| shown.chain()) else { return };
                for (position, link) in chain.links.iter().enumerate() {
                    let Ok(certificate) = &link.facts else { continue };
                    let list = lists.get(&certificate.issuer);
                    if let Some(revoked) = list.and_then(|list| list.revokes(certificate)) {
                        page.family(&REVOKED).push(&[target, module, &position.to_string()], flag(revoked));
                    }
                }
            });
        }
        page
    }
}

impl Collector for Revoked {
    fn name(&self) -> &str {
        "revoked"
    }

    fn collect(&self, _: Scope) -> BoxFuture<'_, Result<Page, CollectError>> {
        Box::pin(std::future::ready(Ok(self.page(SystemTime::now()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lab, build, make, there};

    #[tokio::test]
    async fn what_is_served_is_looked_up_in_the_lists_among_the_files() {
        if !there("openssl", "what_is_served_is_looked_up_in_the_lists_among_the_files") {
            return;
        }
        let lab = Lab::new();
        let (root, other) = (make("Root", true, None, (-90, 90)), make("Other", true, None, (-90, 90)));
        let served = make("a.test", false, Some(&root), (-9, 90));
        lab.write("cert.pem", &served.pem);
        lab.write("key.pem", &served.key);
        let server = lab.serve("");
        let folder = lab.path().display();
        let yaml = format!(
            "files: [{{name: lists, paths: ['{folder}/*.crl']}}]\ntargets: [{{name: a, target: '{}'}}]",
            server.addr
        );
        let exporter = build(&yaml).unwrap_or_else(|error| panic!("{error}"));
        let told = async |lists: &str| {
            lab.write("ca.crl", lists);
            exporter.files().run_once().await;
            let page = exporter.revoked().unwrap().page(SystemTime::now());
            page.get(REVOKED.name, &[("target", "a"), ("module", "tls"), ("position", "0")])
        };
        exporter.schedule().run_once().await;
        assert_eq!(told(&root.revocation_list(&[])).await, Some(0.0));
        assert_eq!(told(&root.revocation_list(&[&other, &served])).await, Some(1.0));
        assert_eq!(
            told(&other.revocation_list(&[&served])).await,
            None,
            "another issuer's list says nothing of it"
        );
    }
}
