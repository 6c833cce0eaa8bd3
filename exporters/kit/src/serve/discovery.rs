//! `/sd` and `/sd/NAME`: what was discovered, as Prometheus' `http_sd_configs` reads it, from memory. A query
//! chooses among the targets, where the exporter knows how.

use http::StatusCode;

use super::reply::{self, Reply};
use super::router::not_found;
use super::site::Site;
use crate::discovery::{Discovered, Group};

/// Answers `/sd` with all lists, `/sd/NAME` with one. What is not known yet is no empty list, which would make Prometheus
/// forget the targets that it has: it keeps them on any status but 200.
pub(super) fn discovery(site: &Site, path: &str, query: &str) -> Reply {
    let mut lists = match site.engine.force().face.discovered_by(query) {
        Ok(lists) => lists,
        Err(cause) => return reply::text(StatusCode::BAD_REQUEST, format!("{cause}\n")),
    };
    match path.strip_prefix("/sd/") {
        Some(name) => {
            lists.retain(|list| list.name == name);
            if lists.is_empty() {
                return not_found(site);
            }
        }
        None if lists.is_empty() => return not_found(site),
        None => {}
    }
    match groups(&lists) {
        Ok(groups) => match serde_json::to_string(&groups) {
            Ok(body) => reply::json(body),
            Err(error) => reply::text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        },
        Err(unknown) => {
            reply::later(StatusCode::SERVICE_UNAVAILABLE, told(&unknown, &lists, &site.prefix), RETRY)
        }
    }
}

/// Seconds after which who gets no list may ask again.
const RETRY: u64 = 5;

/// All groups, or the names of the lists that are not known yet: a part of them would make Prometheus forget the rest.
fn groups(lists: &[Discovered]) -> Result<Vec<&Group>, Vec<&str>> {
    let unknown: Vec<&str> =
        lists.iter().filter(|list| list.groups.is_none()).map(|list| list.name.as_str()).collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    Ok(lists.iter().flat_map(|list| list.groups.iter().flat_map(|groups| groups.iter())).collect())
}

/// Which lists are missing, and where those are that are not.
fn told(unknown: &[&str], lists: &[Discovered], prefix: &str) -> String {
    let mut text = format!(
        "not known yet: {}: the first reading is not over, or failed, which the log and /metrics tell\n",
        unknown.join(", ")
    );
    let known: Vec<String> = lists
        .iter()
        .filter(|list| list.groups.is_some())
        .map(|list| format!("{prefix}/sd/{}", list.name))
        .collect();
    if !known.is_empty() {
        text.push_str(&format!("the others can be had one by one: {}\n", known.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_not_nothing() {
        let group =
            Group { targets: vec!["a:443".to_owned()], labels: [("x".to_owned(), "y".to_owned())].into() };
        let list = |name: &str, groups: Option<Vec<Group>>| Discovered {
            name: name.to_owned(),
            groups: groups.map(Into::into),
        };
        let known = [list("a", Some(vec![group.clone()])), list("b", Some(Vec::new()))];
        let json = serde_json::to_string(&groups(&known).unwrap()).unwrap();
        assert_eq!(json, r#"[{"targets":["a:443"],"labels":{"x":"y"}}]"#);
        let partly = [list("a", Some(vec![group])), list("c", None), list("d", None)];
        assert_eq!(groups(&partly), Err(vec!["c", "d"]));
        let told = told(&["c", "d"], &partly, "/x");
        assert!(told.contains("not known yet: c, d:") && told.contains("one by one: /x/sd/a\n"), "{told}");
    }
}
