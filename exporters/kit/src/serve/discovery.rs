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
        Err(name) => {
            let body = format!(
                "{name} is not known yet: its first reading is not over, or failed, which the log and /metrics tell\n"
            );
            reply::later(StatusCode::SERVICE_UNAVAILABLE, body, 5)
        }
    }
}

/// All groups, or the name of a list that is not known yet.
fn groups(lists: &[Discovered]) -> Result<Vec<&Group>, &str> {
    let mut all = Vec::new();
    for list in lists {
        all.extend(list.groups.as_deref().ok_or(list.name.as_str())?);
    }
    Ok(all)
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
        assert_eq!(groups(&[list("a", Some(vec![group])), list("c", None)]), Err("c"));
    }
}
