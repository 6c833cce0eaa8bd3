//! The command line that every exporter has: flags in Prometheus's style, each one also as an environment variable.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, ValueEnum};

use crate::sandbox::Mode;

/// Flags common to all exporters. A binary with flags or subcommands of its own flattens them into its clap struct and
/// hands this to [`crate::run::main_with`].
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// Configuration file. Without it: the exporter's usual file in the working directory or in /etc/farol, else what is built in, if anything is.
    #[arg(long = "config.file", env = "FAROL_CONFIG_FILE", value_name = "PATH")]
    pub config_file: Option<PathBuf>,

    /// Check the configuration (and the web configuration, if one is named), print what is in it, and exit: 0 good, 1 not.
    #[arg(long = "config.check", env = "FAROL_CONFIG_CHECK", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub config_check: bool,

    /// Print a commented example of the configuration file and exit.
    #[arg(long = "config.example", env = "FAROL_CONFIG_EXAMPLE", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub config_example: bool,

    /// Reload when the configuration file's content has changed, looking this often (e.g. 30s; a plain number is seconds). 0 = only on SIGHUP and POST /-/reload.
    #[arg(long = "config.auto-reload-interval", env = "FAROL_CONFIG_AUTO_RELOAD_INTERVAL", value_name = "DURATION", default_value = "0", value_parser = duration)]
    pub auto_reload_interval: Duration,

    /// Address to listen on: host:port, :port (both IP families), an IPv6 address in brackets with its port, or unix:/path. May be given several times. Without it: the exporter's own port.
    #[arg(
        long = "web.listen-address",
        env = "FAROL_WEB_LISTEN_ADDRESS",
        value_name = "ADDRESS",
        value_delimiter = ','
    )]
    pub listen_addresses: Vec<String>,

    /// Web configuration file of the Prometheus exporter toolkit: TLS, client certificates, users, headers, rate limit.
    #[arg(long = "web.config.file", env = "FAROL_WEB_CONFIG_FILE", value_name = "PATH")]
    pub web_config_file: Option<PathBuf>,

    /// Listen on the sockets that systemd hands over, instead of on addresses.
    #[arg(long = "web.systemd-socket", env = "FAROL_WEB_SYSTEMD_SOCKET", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub systemd_socket: bool,

    /// Requests answered at the same time; more are told 503. Probes and health checks do not count: connections limit them. 0 = no limit.
    #[arg(
        long = "web.max-requests",
        env = "FAROL_WEB_MAX_REQUESTS",
        value_name = "COUNT",
        default_value_t = 40
    )]
    pub max_requests: usize,

    /// Connections open at the same time; when they are all taken, the longest idle one makes room. 0 = no limit.
    #[arg(
        long = "web.max-connections",
        env = "FAROL_WEB_MAX_CONNECTIONS",
        value_name = "COUNT",
        default_value_t = 512
    )]
    pub max_connections: usize,

    /// The URL under which others reach this exporter; its path is the default of --web.route-prefix.
    #[arg(long = "web.external-url", env = "FAROL_WEB_EXTERNAL_URL", value_name = "URL")]
    pub external_url: Option<String>,

    /// Path in front of every endpoint, e.g. /probe-exporter.
    #[arg(long = "web.route-prefix", env = "FAROL_WEB_ROUTE_PREFIX", value_name = "PATH")]
    pub route_prefix: Option<String>,

    /// Taken off the scraper's timeout, so that the answer is there in time (e.g. 500ms; a plain number is seconds).
    #[arg(long = "timeout-offset", env = "FAROL_TIMEOUT_OFFSET", value_name = "DURATION", default_value = "0.5", value_parser = duration)]
    pub timeout_offset: Duration,

    /// How many probes the landing page and /logs remember; as many failures again are kept when newer probes push them out.
    #[arg(long = "history.limit", env = "FAROL_HISTORY_LIMIT", value_name = "COUNT", default_value_t = 100)]
    pub history_limit: usize,

    /// Give up what an exporter does not need before anything foreign is read: writing and executing files (landlock), dangerous system calls (seccomp), new privileges.
    #[arg(long = "sandbox", env = "FAROL_SANDBOX", value_name = "MODE", value_enum, default_value_t = Mode::Auto)]
    pub sandbox: Mode,

    /// Least important level that is logged.
    #[arg(long = "log.level", env = "FAROL_LOG_LEVEL", value_name = "LEVEL", value_enum, default_value_t = Level::Info)]
    pub log_level: Level,

    /// How log lines look.
    #[arg(long = "log.format", env = "FAROL_LOG_FORMAT", value_name = "FORMAT", value_enum, default_value_t = LogFormat::Logfmt)]
    pub log_format: LogFormat,

    /// Print every metric that this program can emit as JSON, and exit.
    #[arg(long = "metrics.list", env = "FAROL_METRICS_LIST", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub metrics_list: bool,
}

/// The levels of `--log.level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// Every step.
    Debug,
    /// What an operator wants to know.
    Info,
    /// What may be wrong.
    Warn,
    /// What is wrong.
    Error,
}

/// The formats of `--log.format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// `ts=… level=info msg="…" key=value`.
    Logfmt,
    /// One JSON object a line.
    Json,
}

/// A duration on the command line: `30s`, `500ms`, or a plain number of seconds as the peers' flags take it.
///
/// # Errors
/// When it is neither, or not a time that can be waited for.
pub fn duration(text: &str) -> Result<Duration, String> {
    match text.trim().parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds)
            .map_err(|_| format!("{text:?} is not a number of seconds from zero on")),
        Err(_) => humantime::parse_duration(text)
            .map_err(|error| format!("{text:?}: {error}; write e.g. 30s or 500ms")),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;

    fn parse(arguments: &[&str]) -> Result<Common, clap::Error> {
        let command = Common::augment_args(Command::new("x").no_binary_name(true));
        Common::from_arg_matches(&command.try_get_matches_from(arguments)?)
    }

    #[test]
    fn the_defaults() {
        let flags = parse(&[]).unwrap();
        assert_eq!((flags.max_requests, flags.max_connections, flags.history_limit), (40, 512, 100));
        assert_eq!(flags.timeout_offset, Duration::from_millis(500));
        assert_eq!(flags.auto_reload_interval, Duration::ZERO);
        assert!(flags.listen_addresses.is_empty() && !flags.config_check);
    }

    #[test]
    fn dotted_flags_repeat_and_take_an_equals_sign() {
        let flags =
            parse(&["--web.listen-address=:1", "--web.listen-address", "unix:/x", "--timeout-offset=1"])
                .unwrap();
        assert_eq!(flags.listen_addresses, [":1", "unix:/x"]);
        assert_eq!(flags.timeout_offset, Duration::from_secs(1));
    }

    #[test]
    fn every_flag_has_its_environment_variable() {
        for argument in Common::augment_args(Command::new("x")).get_arguments() {
            let (Some(long), Some(variable)) = (argument.get_long(), argument.get_env()) else {
                panic!("{argument:?}");
            };
            let want = format!("FAROL_{}", long.to_uppercase().replace(['.', '-'], "_"));
            assert_eq!(variable.to_str(), Some(want.as_str()));
        }
    }

    #[test]
    fn durations() {
        for (text, want) in [("0.5", 500), ("30s", 30_000), ("500ms", 500), ("0", 0)] {
            assert_eq!(duration(text).unwrap(), Duration::from_millis(want), "{text}");
        }
        for text in ["-1", "NaN", "inf", "soon"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
