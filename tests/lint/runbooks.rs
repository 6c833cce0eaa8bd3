//! Runbooks: a page for each alert, and no page that no alert leads to.

use std::collections::BTreeSet;

use crate::sources::sources;
use crate::{clean, refused};

/// `links` are the alerts' names and where they lead, `pages` the files that there are.
fn check(links: &[(&str, &str)], pages: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let mut used = BTreeSet::new();
    for (alert, link) in links {
        // Where the pages are read from (a checkout, a web server) is the operator's choice; which page is not.
        let page = link.rsplit(['/', '}']).next().unwrap_or_default();
        if pages.iter().any(|known| known == page) {
            used.insert(page);
        } else {
            found.push(format!("{alert}: no page alerts/runbooks/{page}"));
        }
    }
    let lonely = pages.iter().filter(|page| !used.contains(page.as_str()) && *page != "README.md");
    found.extend(lonely.map(|page| format!("alerts/runbooks/{page}: no alert leads there")));
    found
}

#[test]
fn each_alert_has_its_page() {
    let links: Vec<(&str, &str)> = sources()
        .rules
        .alerts()
        .map(|(name, rule)| (name, rule.annotations.get("runbook_url").map_or("", String::as_str)))
        .collect();
    clean(check(&links, &sources().runbooks));
}

#[test]
fn bad_examples() {
    let pages = ["A.md".to_owned(), "Old.md".to_owned(), "README.md".to_owned()];
    let found = check(&[("A", "{{ x }}/{{ end }}A.md"), ("B", "https://x.test/B.md")], &pages);
    refused(&found, "B: no page alerts/runbooks/B.md");
    refused(&found, "Old.md: no alert leads there");
    assert_eq!(found.len(), 2);
}
