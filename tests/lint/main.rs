//! One lint over dashboards, rules, runbooks and the rules' tests. What it finds is told with file and place; each of its rules has
//! a bad example that it must refuse.
//!
//! | file | what |
//! |---|---|
//! | `sources` | the committed files, read once |
//! | `catalogue` | every metric that there is, and its labels |
//! | `promql` | a query taken apart |
//! | `queries` | what queries may name, and how they must be built |
//! | `dashboards` | how a dashboard must be made |
//! | `layout` | where panels stand |
//! | `texts` | both languages, and the words that are not said |
//! | `alerts` | how an alert must be made |
//! | `runbooks` | one for each alert, and no other |
//! | `proofs` | the tests of each alert |

mod alerts;
mod catalogue;
mod dashboards;
mod layout;
mod promql;
mod proofs;
mod queries;
mod runbooks;
mod sources;
mod texts;

/// Fails with everything that was found.
#[track_caller]
fn clean(found: Vec<String>) {
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
}

/// Fails unless something was found that says `want`.
#[track_caller]
fn refused(found: &[String], want: &str) {
    assert!(found.iter().any(|finding| finding.contains(want)), "nothing says {want:?}: {found:?}");
}
