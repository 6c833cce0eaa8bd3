//! `farol health`: whether a farol or an exporter on this machine answers, for a container that has no shell and no curl.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use kit::Exporter as _;
use kit::config::{ConfigError, Document};
use probe_exporter::ProbeExporter;
use probe_exporter::once::{self, Once, Outcome};

use crate::{complain, print, status, up};

/// A login or a rate limit in front of the health page shows that the server lives just as well. A health check on the
/// machine itself has no name that a certificate could be for, so that it is not verified.
const MODULE: &str = "\
modules:
  health:
    prober: http
    http:
      preferred_ip_protocol: ip4
      valid_status_codes: [200, 401, 429]
      follow_redirects: false
      tls_config: {insecure_skip_verify: true}
";

/// Shorter than the container runtimes' usual patience, so that the cause is told before they give up.
const TIMEOUT: Duration = Duration::from_secs(4);

/// What `health` can be told.
#[derive(Args, Clone, Debug)]
pub struct Health {
    /// The page to ask, e.g. http://127.0.0.1:9115/-/healthy. Without it: the status page's, where --web.listen-address or its environment variable puts it.
    #[arg(value_name = "URL")]
    pub url: Option<String>,

    /// Where the status page listens; the first one counts.
    #[arg(
        long = "web.listen-address",
        env = "FAROL_WEB_LISTEN_ADDRESS",
        value_name = "ADDRESS",
        value_delimiter = ','
    )]
    pub listen_addresses: Vec<String>,

    /// The web configuration that the status page runs with: it tells whether to speak TLS.
    #[arg(long = "web.config.file", env = "FAROL_WEB_CONFIG_FILE", value_name = "PATH")]
    pub web_config_file: Option<std::path::PathBuf>,
}

/// Asks once, prints one line; 0 when it answers, else 1.
#[must_use]
pub fn main(health: &Health) -> ExitCode {
    let outcome = url(health).and_then(|url| {
        kit::run::block_on(ask(url)).map_err(|error| format!("start the runtime: {error}"))?
    });
    match outcome {
        Ok(line) => {
            print(&format!("{line}\n"));
            ExitCode::SUCCESS
        }
        Err(line) => {
            complain(&line);
            ExitCode::FAILURE
        }
    }
}

/// The page to ask.
fn url(health: &Health) -> Result<String, String> {
    if let Some(url) = &health.url {
        return Ok(url.clone());
    }
    let scheme = up::scheme(health.web_config_file.as_deref());
    let own = format!(":{}", status::ABOUT.port);
    let address = health.listen_addresses.first().unwrap_or(&own);
    let (host, port) = address
        .rsplit_once(':')
        .filter(|(host, _)| *host != "unix")
        .ok_or_else(|| format!("health of {address}: only TCP addresses can be asked; name a URL"))?;
    // All addresses of the machine: the one that every machine has is among them.
    let host = if matches!(host, "" | "0.0.0.0" | "[::]") { "127.0.0.1" } else { host };
    Ok(format!("{scheme}://{host}:{port}/-/healthy"))
}

async fn ask(url: String) -> Result<String, String> {
    let exporter = exporter().map_err(|error| error.to_string())?;
    let once =
        Once { module: Some("health".into()), targets: vec![url], timeout: Some(TIMEOUT), ..Once::default() };
    let outcomes = once::run(once::plan(&once, &exporter)?, &exporter).await;
    outcomes.iter().map(line).collect::<Result<Vec<_>, _>>().map(|lines| lines.join("\n"))
}

fn exporter() -> Result<ProbeExporter, ConfigError> {
    let document = Document::embedded("health", MODULE);
    ProbeExporter::build(document.parse()?, &document, None)
}

fn line(outcome: &Outcome) -> Result<String, String> {
    match &outcome.verdict.failure {
        None => Ok(format!("{} answers", outcome.target)),
        Some(failure) => Err(format!("{}: {}", outcome.target, failure.detail)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    fn health(url: Option<&str>, addresses: &[&str]) -> Health {
        Health {
            url: url.map(str::to_owned),
            listen_addresses: addresses.iter().map(|address| (*address).to_owned()).collect(),
            web_config_file: None,
        }
    }

    #[test]
    fn where_it_asks() {
        for (given, addresses, want) in [
            (None, &[][..], Ok("http://127.0.0.1:9700/-/healthy")),
            (None, &[":9701"], Ok("http://127.0.0.1:9701/-/healthy")),
            (None, &["0.0.0.0:1", ":2"], Ok("http://127.0.0.1:1/-/healthy")),
            (None, &["[::]:1"], Ok("http://127.0.0.1:1/-/healthy")),
            (None, &["[::1]:1"], Ok("http://[::1]:1/-/healthy")),
            (None, &["10.0.0.5:1"], Ok("http://10.0.0.5:1/-/healthy")),
            (Some("http://x:1/y"), &[], Ok("http://x:1/y")),
            (None, &["unix:/run/farol.sock"], Err("only TCP addresses can be asked")),
        ] {
            match (url(&health(given, addresses)), want) {
                (Ok(url), Ok(want)) => assert_eq!(url, want),
                (Err(error), Err(want)) => assert!(error.contains(want), "{error}"),
                (result, _) => panic!("{addresses:?}: {result:?}"),
            }
        }
    }

    #[test]
    fn tls_by_the_web_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("web.yml");
        std::fs::write(&file, "tls_server_config:\n  cert_file: x\n").unwrap();
        let health = Health { web_config_file: Some(file), ..health(None, &[]) };
        assert_eq!(url(&health).unwrap(), "https://127.0.0.1:9700/-/healthy");
    }

    #[test]
    fn what_counts_as_an_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let page = format!("http://{}/-/healthy", listener.local_addr().unwrap());
        let cases = [
            ("200 OK", true),
            ("401 Unauthorized", true),
            ("503 Service Unavailable", false),
            ("302 Found", false),
        ];
        let server = std::thread::spawn(move || {
            for ((status, _), stream) in cases.iter().zip(listener.incoming()) {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 1024]).unwrap();
                write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    .unwrap();
            }
        });
        for (status, well) in cases {
            let outcome = kit::run::block_on(ask(page.clone())).unwrap();
            assert_eq!(outcome.is_ok(), well, "{status}: {outcome:?}");
        }
        server.join().unwrap();
        // The listener is gone with its thread.
        let error = kit::run::block_on(ask(page.clone())).unwrap().unwrap_err();
        assert!(error.starts_with(&page) && error.contains("refused"), "{error}");
    }
}
