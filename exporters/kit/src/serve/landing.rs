//! The page for people: what is watched, its state now, the last probes, and where to look. One template, no script;
//! whatever comes from outside is escaped. All links are relative, so that it works behind any proxy's path.

use std::fmt::Write;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use super::beside;
use super::reply::{self, Reply};
use super::site::Site;
use crate::exporter::{Beside, Watched};

const TEMPLATE: &str = include_str!("landing.html");
const STYLE: &str = include_str!("landing.css");
/// Most lines of a table.
const LINES: usize = 500;

/// Lets in the page's own style, by its digest, and nothing else.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let digest = STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// Answers `/`, for whoever reached this machine by `host`.
pub(super) fn landing(site: &Site, host: &str) -> Reply {
    let about = &site.engine.about;
    let force = site.engine.force();
    let mut exporters = force.face.beside(host);
    let mut watched = force.face.watched();
    watched.extend(exporters.iter_mut().flat_map(|exporter| std::mem::take(&mut exporter.watched)));
    // What is broken first.
    watched.sort_by_key(|line| match line.ok {
        Some(false) => 0,
        None => 1,
        Some(true) => 2,
    });
    let page = fill(TEMPLATE, |name| match name {
        "name" => escape(about.name),
        "version" => escape(about.version),
        "summary" => escape(about.summary),
        "style" => STYLE.to_owned(),
        "links" => links(force.prober.is_some(), !force.face.discovered().is_empty()),
        "notices" => notices(site),
        "facts" => facts(site, &exporters, &watched),
        "exporters" => beside::table(&exporters),
        "watched" => watched_table(&watched),
        "form" => form(site),
        "recent" => recent(site),
        "footer" => beside::footer(about.name, &exporters),
        _ => String::new(),
    });
    reply::html(page, POLICY.clone())
}

/// Replaces each `{{name}}`.
fn fill(template: &str, value: impl Fn(&str) -> String) -> String {
    let mut page = String::with_capacity(template.len() + STYLE.len() + 8192);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        page.push_str(before);
        page.push_str(&value(name));
        rest = after;
    }
    page.push_str(rest);
    page
}

pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

fn links(prober: bool, discovers: bool) -> String {
    let logs = if prober { "<a href=\"#recent\">Probes</a>" } else { "" };
    let lists = if discovers { "<a href=\"./sd\">Discovery</a>" } else { "" };
    format!(
        "<a href=\"./metrics\">Metrics</a>{logs}{lists}<a href=\"./config\">Configuration</a><a href=\"./-/ready\">Ready</a>"
    )
}

fn notices(site: &Site) -> String {
    let mut html = String::new();
    if !site.engine.last_good() {
        html.push_str("<p class=\"notice\" role=\"alert\"><b>The configuration file is refused.</b>The one before is still in force; the log, <code>--config.check</code> and <code>POST /-/reload</code> say why.</p>");
    }
    for notice in &site.engine.force().notices {
        let _ = write!(
            html,
            "<p class=\"notice\"><b>{}</b>{}</p>",
            escape(&notice.name.replace('_', " ")),
            escape(&notice.text)
        );
    }
    html
}

fn facts(site: &Site, exporters: &[Beside], watched: &[Watched]) -> String {
    let mut html = String::new();
    let mut fact = |class: &str, name: &str, value: &str| {
        let _ = write!(html, "<div><dt>{name}</dt><dd class=\"{class}\">{}</dd></div>", escape(value));
    };
    if !exporters.is_empty() {
        fact("", "Exporters", &exporters.len().to_string());
    }
    if !watched.is_empty() {
        let count = |ok| watched.iter().filter(|line| line.ok == ok).count();
        fact("", "Watched", &watched.len().to_string());
        fact("up", "Well", &count(Some(true)).to_string());
        let down = count(Some(false));
        fact(if down > 0 { "down" } else { "" }, "Not well", &down.to_string());
    }
    let force = site.engine.force();
    if let Some(prober) = &force.prober {
        fact("", "Modules", &prober.modules().len().to_string());
    }
    fact("", "Running for", &ago(site.started));
    // Else each has its own.
    if exporters.is_empty() {
        fact("text", "Configuration", &force.source);
    }
    html
}

fn watched_table(watched: &[Watched]) -> String {
    if watched.is_empty() {
        return String::new();
    }
    let mut html = String::from(
        "<section><h2>Watched</h2><div class=\"scroll\"><table><thead><tr><th>State</th><th>Name</th><th>Kind</th><th>Detail</th></tr></thead><tbody>",
    );
    for line in watched.iter().take(LINES) {
        let (class, word) = match line.ok {
            Some(true) => ("up", "well"),
            Some(false) => ("down", "not well"),
            None => ("unknown", "not known yet"),
        };
        let name = escape(&line.name);
        let name = match &line.link {
            // Whole as an exporter gives it: the page of another exporter in the same process.
            Some(link) if beside::is_url(link) => {
                format!("<a href=\"{}\">{name}</a>", escape(link))
            }
            // Else always below this page: a path cannot lead elsewhere.
            Some(link) => format!("<a href=\"./{}\">{name}</a>", escape(link.trim_start_matches('/'))),
            None => name,
        };
        let _ = write!(
            html,
            "<tr>{}<td class=\"name\">{name}</td><td class=\"kind\">{}</td><td class=\"detail\">{}</td></tr>",
            state(class, word),
            escape(&line.kind),
            escape(&line.detail)
        );
    }
    html.push_str("</tbody></table></div>");
    if watched.len() > LINES {
        let _ = write!(
            html,
            "<p class=\"empty\">and {} more, all of them on /metrics</p>",
            watched.len() - LINES
        );
    }
    html.push_str("</section>");
    html
}

/// The first cell of a row.
pub(super) fn state(class: &str, word: &str) -> String {
    format!("<td class=\"state {class}\">{word}</td>")
}

fn form(site: &Site) -> String {
    let force = site.engine.force();
    let Some(prober) = &force.prober else { return String::new() };
    let mut options = String::new();
    for module in prober.modules() {
        let selected = if module == prober.default_module() { " selected" } else { "" };
        let module = escape(&module);
        let _ = write!(options, "<option{selected}>{module}</option>");
    }
    let hint = escape(prober.target_hint());
    format!(
        "<section><h2>Probe now</h2><form action=\"./probe\" method=\"get\"><label>Module<select name=\"module\">{options}</select></label><label class=\"grow\">Target<input name=\"target\" required placeholder=\"{hint}\" autocomplete=\"off\" spellcheck=\"false\"></label><label class=\"check\"><input type=\"checkbox\" name=\"debug\" value=\"true\" checked>tell what it did</label><button>Probe</button></form></section>"
    )
}

fn recent(site: &Site) -> String {
    if site.engine.force().prober.is_none() {
        return String::new();
    }
    let records = site.history.list();
    let mut html = String::from(
        "<section id=\"recent\"><h2>Last probes<small>by /probe, newest first; failures are kept longer</small></h2>",
    );
    if records.is_empty() {
        html.push_str("<p class=\"empty\">None yet.</p></section>");
        return html;
    }
    html.push_str("<div class=\"scroll\"><table><thead><tr><th>Verdict</th><th>Target</th><th>Module</th><th class=\"n\">Took</th><th>When</th><th></th></tr></thead><tbody>");
    for record in records.iter().take(LINES) {
        let (class, word) = match &record.failure {
            None => ("up", "success"),
            Some(failure) => ("down", failure.reason),
        };
        let _ = write!(
            html,
            "<tr>{}<td class=\"name\">{}</td><td class=\"kind\">{}</td><td class=\"n\">{:.1} ms</td><td class=\"when\">{} ago</td><td><a href=\"./logs?id={}\">log</a></td></tr>",
            state(class, word),
            escape(&record.target),
            escape(&record.module),
            record.took.as_secs_f64() * 1e3,
            ago(record.began),
            record.id
        );
    }
    html.push_str("</tbody></table></div></section>");
    html
}

/// `3 s`, `5 min`, `2 h`, `4 d`.
fn ago(time: SystemTime) -> String {
    let seconds = time.elapsed().unwrap_or(Duration::ZERO).as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_template_is_filled_once() {
        let page = fill(TEMPLATE, |name| format!("<{name}>"));
        assert!(!page.contains("{{") && !page.contains("}}"));
        assert_eq!(page.matches("<watched>").count(), 1);
        assert_eq!(fill("a{{b}}c{{b}}", |_| "{{b}}".into()), "a{{b}}c{{b}}", "values are not filled again");
    }

    #[test]
    fn foreign_words_are_escaped() {
        assert_eq!(escape("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
        let evil = Watched {
            name: "<script>".into(),
            kind: "k".into(),
            ok: Some(false),
            detail: "\"&".into(),
            link: Some("//evil.example/\"".into()),
        };
        let html = watched_table(&[evil]);
        assert!(html.contains("&lt;script&gt;") && html.contains("href=\"./evil.example/&quot;\""), "{html}");
    }

    #[test]
    fn the_policy_is_the_styles_digest() {
        let policy = POLICY.to_str().unwrap();
        assert!(policy.contains("style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    }
}
