//! What the operator wrote. It is not hostile, but it is typed by hand, and a panic at a reload would end the exporter.

use kit::Exporter;
use kit::config::Document;
use probe_exporter::ProbeExporter;
use proxmox_exporter::ProxmoxExporter;

use crate::block_on;

/// A configuration, up to the exporter that is built of it; an error's positions are in the text.
pub(crate) fn config(bytes: &[u8]) {
    built::<ProbeExporter>(bytes);
}

/// The same of a Proxmox VE exporter's: clusters, or the modules of a pve.yml.
pub(crate) fn pve_config(bytes: &[u8]) {
    built::<ProxmoxExporter>(bytes);
}

fn built<E: Exporter>(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let document = Document::embedded("fuzz.yml", text);
    // YAML ends lines by any of these; the line behind the last is where an end that came too soon is found.
    let ends = text.chars().filter(|c| matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}'));
    let lines = u64::try_from(ends.count()).unwrap() + 2;
    block_on(async {
        let Err(error) = document.parse().and_then(|raw| E::build(raw, &document, None)) else {
            return;
        };
        assert!(!error.problems.is_empty());
        for problem in &error.problems {
            assert!(problem.line <= lines, "line {} of {lines}: {problem}", problem.line);
            assert!(!problem.one_line().contains('\n'));
        }
    });
}

/// A web configuration.
pub(crate) fn web_config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = kit::fuzzing::web_config(text);
}

/// A resolv.conf.
pub(crate) fn resolv_conf(bytes: &[u8]) {
    block_on(async {
        let _ = wire::fuzzing::resolv_conf(bytes);
    });
}

/// A hosts file.
pub(crate) fn hosts(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let found = wire::fuzzing::hosts(&text);
    assert!(found <= text.split_ascii_whitespace().count());
}

/// A file with certificates, of whatever format.
pub(crate) fn certificate_file(bytes: &[u8]) {
    let found = tls_exporter::fuzzing::file(bytes);
    assert!(found <= bytes.len());
}

/// certbot's configuration of a certificate.
pub(crate) fn certbot(bytes: &[u8]) {
    let due = tls_exporter::fuzzing::certbot(&String::from_utf8_lossy(bytes), 90 * 86_400);
    assert!((0..=90 * 86_400).contains(&due), "due at {due}");
}
