//! What `--config.check`, `--config.example` and `--metrics.list` print.

use std::fmt::{Display, Write as _};
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use super::engine::{Loaded, load};
use super::{Settings, block_on};
use crate::desc::Desc;
use crate::exporter::Exporter;
use crate::web::Web;
use crate::{collector, own, prober, sampler, sandbox, serve};

/// Everything that an exporter's pages can show: its own metrics and kit's.
#[must_use]
pub fn catalogue<E: Exporter>() -> Vec<&'static Desc> {
    let own: &[&Desc] = &own::DESCS;
    let mut all = E::catalogue();
    for desc in [own, &sandbox::DESCS, serve::DESCS, prober::DESCS, collector::DESCS, sampler::DESCS]
        .into_iter()
        .flatten()
    {
        if !all.iter().any(|known| known.name == desc.name) {
            all.push(desc);
        }
    }
    all
}

/// Reads and validates the configuration (and the web configuration, if there is one) and says what is there.
///
/// # Errors
/// Everything that is wrong, ready to print.
pub fn check<E: Exporter>(settings: &Settings) -> Result<String, String> {
    let about = E::ABOUT;
    // Building may make sockets and timers, which want a runtime.
    block_on(async {
        let mut text = String::new();
        let mut errors = Vec::new();
        match settings.source.read(&about).and_then(|document| {
            let (_, loaded) = load::<E>(&document, None, &mut E::build)?;
            Ok((document.name, loaded))
        }) {
            Ok((name, loaded)) => {
                let _ = writeln!(text, "{name}: ok: {}", contents(&loaded));
                for notice in &loaded.notices {
                    let _ = writeln!(text, "{name}: note: {}: {}", notice.name, notice.text);
                }
            }
            Err(error) => errors.push(error.to_string()),
        }
        if let Some(path) = &settings.web_config {
            match Web::load(path, &Arc::default(), None) {
                Ok(web) => {
                    let tls = if web.tls.is_some() { "TLS" } else { "no TLS" };
                    let users = if web.users.is_some() { "users" } else { "no users" };
                    let _ = writeln!(text, "{}: ok: {tls}, {users}", path.display());
                }
                Err(error) => errors.push(error.to_string()),
            }
        }
        if errors.is_empty() { Ok(text) } else { Err(errors.join("\n")) }
    })
    .unwrap_or_else(|error| Err(format!("start the runtime: {error}")))
}

/// `3 modules (http_2xx, icmp, tcp_connect), 2 watched`.
fn contents(loaded: &Loaded) -> String {
    let mut parts = Vec::new();
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    if let Some(prober) = &loaded.prober {
        let modules = prober.modules();
        parts.push(format!("{} ({})", count(modules.len(), "module"), modules.join(", ")));
    }
    let watched = loaded.face.watched().len();
    if watched > 0 || parts.is_empty() {
        parts.push(format!("{watched} watched"));
    }
    parts.join(", ")
}

/// Prints to standard output.
pub(super) fn out(text: &str) -> ExitCode {
    let mut out = std::io::stdout().lock();
    // A reader that has seen enough (`| head`) is no failure.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    ExitCode::SUCCESS
}

/// Prints why the process ends.
pub(super) fn failed(error: &dyn Display) -> ExitCode {
    let _ = writeln!(std::io::stderr().lock(), "{error}");
    ExitCode::FAILURE
}
