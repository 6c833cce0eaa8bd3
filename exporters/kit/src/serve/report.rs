//! A probe told in words: the debug page and `/logs`.

use std::borrow::Cow;
use std::fmt::Write;

use http::StatusCode;

use super::history::Record;
use super::probe::Query;
use super::reply::{self, Reply};
use super::site::Site;
use crate::expose::Format;

/// `/logs`: by `id`, or by `target` (and `module`).
pub(super) fn logs(site: &Site, query: &str) -> Reply {
    let query = Query::parse(query);
    let bad = |text: &'static str| reply::text(StatusCode::BAD_REQUEST, text);
    let record = match (&query.id, &query.target) {
        (Some(_), Some(_)) => return bad("Give either id or target, not both\n"),
        (None, None) => return bad("Give id=… or target=… (with module=…, if you like)\n"),
        (Some(_), None) if query.module.is_some() => return bad("module goes with target, not with id\n"),
        (Some(id), None) => match id.parse() {
            Ok(id) => site.history.by_id(id),
            Err(_) => return bad("id must be a number\n"),
        },
        (None, Some(target)) => site.history.by_target(&without_password(target), query.module.as_deref()),
    };
    let Some(record) = record else {
        return reply::text(StatusCode::NOT_FOUND, "No such probe among the last ones\n");
    };
    // The module as it is now; a reload may have changed it since.
    let force = site.engine.force();
    let yaml = force.prober.as_ref().filter(|prober| prober.timeout(&record.module).is_some()).map_or_else(
        || "# not in the configuration any more\n".to_owned(),
        |prober| prober.module_yaml(&record.module),
    );
    reply::text(StatusCode::OK, report(&record, &yaml))
}

/// What the probe did, what it found, and the module it went by.
pub(super) fn report(record: &Record, module_yaml: &str) -> String {
    let mut text = String::with_capacity(4096);
    let began = humantime::format_rfc3339_millis(record.began);
    let verdict = match &record.failure {
        None => Cow::Borrowed("success"),
        Some(failure) => Cow::Owned(format!("failure: {failure}")),
    };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "target:   {}\nmodule:   {}", record.target, record.module);
    if let Some(hostname) = &record.hostname {
        let _ = writeln!(text, "hostname: {hostname}");
    }
    let _ = writeln!(text, "began:    {began}\nverdict:  {verdict}");
    let _ = writeln!(
        text,
        "took:     {:.3} ms of {:.3} s allowed\n\nWhat it did:",
        record.took.as_secs_f64() * 1e3,
        record.allowed.as_secs_f64()
    );
    for step in &record.steps {
        let _ = writeln!(text, "{step}");
    }
    text.push_str("\nMetrics that would have been returned:\n");
    text.push_str(&String::from_utf8_lossy(&record.page.plain(Format::Classic)));
    text.push_str("\nModule configuration:\n");
    text.push_str(module_yaml);
    if !module_yaml.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// A target without what stands between `://` and `@`: a URL may carry a user and a password, and the history shows it.
pub(super) fn without_password(target: &str) -> Cow<'_, str> {
    let Some(begin) = target.find("://").map(|at| at + 3) else { return Cow::Borrowed(target) };
    let end = target[begin..].find(['/', '?', '#']).map_or(target.len(), |at| begin + at);
    match target[begin..end].rfind('@') {
        Some(at) => {
            Cow::Owned(format!("{}{}{}", &target[..begin], crate::config::HIDDEN, &target[begin + at..]))
        }
        None => Cow::Borrowed(target),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::history::tests::record;

    #[test]
    fn passwords_in_urls_are_hidden() {
        for (target, want) in [
            ("http://a:b@c/d", "http://<secret>@c/d"),
            ("http://c/d@e", "http://c/d@e"),
            ("http://c?x=a@b", "http://c?x=a@b"),
            ("c:80", "c:80"),
            ("http://a:p@ss@c", "http://<secret>@c"),
        ] {
            assert_eq!(without_password(target), want);
        }
    }

    #[test]
    fn a_report_has_everything() {
        let text = report(&record("web", "x:1", false), "prober: tcp");
        for part in [
            "target:   x:1\n",
            "module:   web\n",
            "verdict:  failure: connect_refused (connect): refused\n",
            "took:     5.000 ms of 5.000 s allowed\n",
            "Module configuration:\nprober: tcp\n",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
