//! Whether the certificates that targets serve are on a revocation list among the watched files.
//!
//! A list is believed as it lies there: whoever can write it can write the certificates, too. It is no part of a look, which
//! would then depend on when a file was last read, and it is no reason why one fails.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use kit::{BoxFuture, CollectError, Collector, Desc, Page, Scope};
use wire::tls::{Certificate, RevocationList};

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

/// The lists by their issuers' names: of each key the newest full list, and every delta list, which adds to it.
type Lists = HashMap<String, Vec<Arc<RevocationList>>>;

/// Takes a list, if there is no newer one that stands for it.
fn take(lists: &mut Lists, list: Arc<RevocationList>) {
    let known = lists.entry(list.issuer.clone()).or_default();
    let other = |known: &Arc<RevocationList>| {
        known.is_delta || list.is_delta || known.authority_key != list.authority_key
    };
    if known.iter().any(|known| !other(known) && known.this_update >= list.this_update) {
        return;
    }
    known.retain(other);
    known.push(list);
}

/// Whether a certificate is revoked; `None` without a full list of its issuer, unless a delta list says so.
fn revokes(lists: &Lists, certificate: &Certificate) -> Option<bool> {
    let lists = lists.get(&certificate.issuer)?.iter().filter(|list| list.speaks_of(certificate));
    lists.fold(None, |known, list| match (list.names(certificate), list.is_delta) {
        (true, _) => Some(true),
        (false, false) => known.or(Some(false)),
        (false, true) => known,
    })
}

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
            let mut lists = Lists::new();
            for list in self.files.revocation_lists() {
                take(&mut lists, list);
            }
            *cached = (generation, Arc::new(lists));
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
                    if let Some(revoked) = revokes(&lists, certificate) {
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
    use rustls_pki_types::pem::PemObject as _;

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
        // Another authority of the same name, with the same serial number: the key tells them apart.
        let twin = make("Root", true, None, (-90, 90));
        assert_eq!(told(&twin.revocation_list(&[&served])).await, None);
        let both = root.revocation_list(&[&served]) + &twin.revocation_list(&[]);
        assert_eq!(told(&both).await, Some(1.0));
    }

    #[test]
    fn a_delta_list_adds_to_the_full_one() {
        let root = make("Root", true, None, (-90, 90));
        let (one, two) = (make("a", false, Some(&root), (-9, 90)), make("b", false, Some(&root), (-9, 90)));
        let list = |revoked: &[&crate::testing::Made], is_delta, this_update| {
            let pem = root.revocation_list(revoked);
            let der = rustls_pki_types::CertificateRevocationListDer::from_pem_slice(pem.as_bytes()).unwrap();
            let mut list = RevocationList::parse(&der).unwrap();
            (list.is_delta, list.this_update) = (is_delta, this_update);
            Arc::new(list)
        };
        let mut lists = Lists::new();
        take(&mut lists, list(&[&two], true, 3));
        assert_eq!(revokes(&lists, &one.certificate()), None);
        take(&mut lists, list(&[&one], false, 2));
        take(&mut lists, list(&[], false, 1));
        assert_eq!(
            revokes(&lists, &one.certificate()),
            Some(true),
            "neither the delta nor the older list hides it"
        );
        assert_eq!(revokes(&lists, &two.certificate()), Some(true));
    }
}
