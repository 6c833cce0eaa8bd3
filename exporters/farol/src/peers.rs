//! Configuration files of other programs that a member can stand in for, when it is told to.

use kit::config::Document;
use kit::run::{Settings, check};
use tls_exporter::compat::{File, SslExporter};

/// ssl_exporter's probers that no module of ours names.
const PROBERS: [&str; 5] = ["https", "file", "http_file", "kubernetes", "kubeconfig"];

/// Whether it is ssl_exporter's module file: of its form, and with something in it that no file of ours has.
#[must_use]
pub fn is_ssl_exporters(text: &str) -> bool {
    Document::embedded("ssl_exporter.yml", text).parse::<File>().is_ok_and(|file| {
        file.default_module.is_some()
            || file.modules.values().any(|module| PROBERS.contains(&module.prober.as_str()))
    })
}

/// Checks ssl_exporter's module file, and says how it is used.
///
/// # Errors
/// Everything that is wrong with it, ready to print.
pub fn check_ssl_exporters(settings: &Settings, shown: &str) -> Result<String, String> {
    let text = check::<SslExporter>(settings)?;
    Ok(format!(
        "{}\n{shown}: note: it is ssl_exporter's module file: run tls-exporter --compat=ssl_exporter --config.file={shown}",
        text.trim_end()
    ))
}
