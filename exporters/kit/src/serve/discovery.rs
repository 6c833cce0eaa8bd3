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
            let name = decoded(name);
            lists.retain(|list| list.name.as_bytes() == name);
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

/// A name as a part of a path: `backup site` is `backup%20site`, `a/b` is `a%2Fb`.
pub(super) fn encoded(name: &str) -> String {
    name.bytes().fold(String::with_capacity(name.len()), |mut path, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
        path
    })
}

/// The bytes that a part of a path stands for; what is no escape stands for itself.
fn decoded(part: &str) -> Vec<u8> {
    let bytes = part.as_bytes();
    let (mut name, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let escape = part
            .get(at + 1..at + 3)
            .filter(|hex| *byte == b'%' && hex.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match escape.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(escaped) => {
                name.push(escaped);
                at += 3;
            }
            None => {
                name.push(*byte);
                at += 1;
            }
        }
    }
    name
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
        .map(|list| format!("{prefix}/sd/{}", encoded(&list.name)))
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
    fn any_name_is_a_part_of_a_path() {
        for (name, path) in [
            ("home", "home"),
            ("backup site", "backup%20site"),
            ("a/b?c", "a%2Fb%3Fc"),
            ("são", "s%C3%A3o"),
            ("100%", "100%25"),
        ] {
            assert_eq!((encoded(name).as_str(), decoded(path).as_slice()), (path, name.as_bytes()));
        }
        for odd in ["100%", "%2", "%zz", "%+1", "são", "%é"] {
            assert_eq!(decoded(odd), odd.as_bytes(), "{odd}");
        }
    }

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
