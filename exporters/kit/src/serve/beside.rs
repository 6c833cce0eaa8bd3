//! The exporters that run beside this one in its process, on its page and in `/config`.

use std::fmt::Write;

use super::landing::{escape, state};
use super::site::Site;
use crate::exporter::Beside;

/// Each exporter with where it is, the configuration in force and how its targets are; empty when there is none.
pub(super) fn table(exporters: &[Beside]) -> String {
    if exporters.is_empty() {
        return String::new();
    }
    let mut html = String::from(
        "<section><h2>Exporters</h2><div class=\"scroll\"><table><thead><tr><th>State</th><th>Name</th><th>Page</th><th>Configuration</th><th>Targets</th></tr></thead><tbody>",
    );
    for exporter in exporters {
        let page = escape(&exporter.page);
        let page = if is_url(&exporter.page) { format!("<a href=\"{page}\">{page}</a>") } else { page };
        // How its targets are is said by their own lines; this one says that it runs, by what it was told.
        let state =
            if exporter.is_good { state("up", "runs") } else { state("down", "configuration refused") };
        let _ = write!(
            html,
            "<tr>{state}<td class=\"name\">{}</td><td>{page}</td><td>{}</td><td class=\"detail\">{}</td></tr>",
            escape(exporter.name),
            escape(&exporter.source),
            escape(&exporter.detail)
        );
    }
    html.push_str("</tbody></table></div></section>");
    html
}

/// Whether it is a whole URL, rather than a path or a socket.
pub(super) fn is_url(link: &str) -> bool {
    link.starts_with("http://") || link.starts_with("https://")
}

/// What `/config` shows: the configuration in force, or those of the exporters beside, a document each.
pub(super) fn configuration(site: &Site, host: &str) -> String {
    let force = site.engine.force();
    let exporters = force.face.beside(host);
    if exporters.is_empty() {
        return force.yaml.clone();
    }
    let document = |exporter: &Beside| {
        format!("---\n# {}: {}\n{}\n", exporter.name, exporter.source, exporter.yaml.trim_end())
    };
    exporters.iter().map(document).collect()
}

/// The last lines of the page.
pub(super) fn footer(name: &str, exporters: &[Beside]) -> String {
    let numbers = if exporters.is_empty() {
        "all that is watched is there, with its numbers".to_owned()
    } else {
        format!(
            "it has {}'s own numbers, which exporters run and how many of their targets are well; the numbers of what they watch \
             are on the <code>/metrics</code> of each",
            escape(name)
        )
    };
    format!(
        "Prometheus scrapes <a href=\"./metrics\">/metrics</a>: {numbers}. Reload the configuration by SIGHUP or \
         <code>POST /-/reload</code>."
    )
}
