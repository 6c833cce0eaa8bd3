//! What the subcommands `once` of exporters have alike: work now, print for a person or a program, say by the exit code
//! whether all is well.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crate::Exporter;
use crate::config::{ConfigError, Document, DurationError, HumanDuration};
use crate::page::{Page, Value};

/// Reads the argument of a flag `--timeout`.
///
/// # Errors
/// It is no duration, or none at all.
pub fn timeout(text: &str) -> Result<Duration, String> {
    let duration: HumanDuration = text.parse().map_err(|error: DurationError| error.to_string())?;
    if duration.is_zero() { Err("zero is no time at all; give e.g. 2s".to_owned()) } else { Ok(duration.0) }
}

/// The exporter of a file, or of the usual one in the working directory or in /etc/farol, or of what is built in.
///
/// # Errors
/// Everything that is wrong with the file.
pub fn load<E: Exporter>(file: Option<&Path>) -> Result<E, ConfigError> {
    let about = E::ABOUT;
    let usual = ["", "/etc/farol"].iter().map(|folder| Path::new(folder).join(about.config_file));
    let document = match file.map(Path::to_owned).or_else(|| usual.into_iter().find(|path| path.is_file())) {
        Some(path) => Document::read(&path)?,
        None => Document::embedded("built-in", about.builtin_config),
    };
    E::build(document.parse()?, &document, None)
}

/// Prints what `text` makes, told whether colours are welcome: on a terminal, without NO_COLOR. The exit code is 0 when all
/// is well, else 1.
pub fn print(well: bool, text: impl FnOnce(bool) -> String) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let colour = out.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // A reader that has gone away has seen enough.
    let _ = out.write_all(text(colour).as_bytes()).and_then(|()| out.flush());
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Tells that there is nothing that could be done: a bad argument, a bad configuration. The exit code is 2.
#[must_use]
pub fn refuse(error: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{}", error.trim_end());
    ExitCode::from(2)
}

/// Without line breaks, and without the control characters that a server's text could steer a terminal with.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// A page's numbers for programs: name, labels and value of each sample; histograms are left out.
#[must_use]
pub fn metrics(page: &Page) -> Vec<serde_json::Value> {
    page.samples()
        .filter_map(|sample| match sample.value {
            Value::Number(value) => {
                let labels: serde_json::Map<String, serde_json::Value> =
                    sample.labels().map(|(name, value)| (name.to_owned(), value.into())).collect();
                Some(serde_json::json!({"name": sample.desc.name, "labels": labels, "value": value}))
            }
            Value::Histogram(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_text_does_not_steer_the_terminal() {
        assert_eq!(one_line("a\x1b[31mb\nc"), "a [31mb c");
    }
}
