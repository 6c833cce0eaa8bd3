//! The command line of `up`.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};
use kit::flags::{Level, LogFormat, duration};
use kit::run::Settings;
use kit::sandbox::{Mode, Sandbox};

use crate::members::Member;

/// What `up` can be told.
#[derive(Args, Clone, Debug)]
pub struct Flags {
    /// Folder with one configuration file per exporter (probe.yml, ...). Without it: the working directory, else /etc/farol, else what is found on this machine.
    #[arg(long = "config.dir", env = "FAROL_CONFIG_DIR", value_name = "FOLDER")]
    pub config_dir: Option<PathBuf>,

    /// Reload an exporter when its file's content has changed, looking this often (e.g. 30s). 0 = only on SIGHUP and POST /-/reload.
    #[arg(long = "config.auto-reload-interval", env = "FAROL_CONFIG_AUTO_RELOAD_INTERVAL", value_name = "DURATION", default_value = "0", value_parser = duration)]
    pub auto_reload_interval: Duration,

    /// Address of the status page: host:port, :port (both IP families) or unix:/path. May be given several times. Without it: port 9700, on loopback only as long as nothing is configured.
    #[arg(
        long = "web.listen-address",
        env = "FAROL_WEB_LISTEN_ADDRESS",
        value_name = "ADDRESS",
        value_delimiter = ','
    )]
    pub listen_addresses: Vec<String>,

    /// Address of an exporter, e.g. probe-exporter=127.0.0.1:9115. May be given several times. Without it: the exporter's own port, on loopback only as long as it is not configured.
    #[arg(long = "listen", env = "FAROL_LISTEN", value_name = "EXPORTER=ADDRESS", value_delimiter = ',')]
    pub listen: Vec<Listen>,

    /// Web configuration file of the Prometheus exporter toolkit (TLS, users, ...), for the status page and every exporter.
    #[arg(long = "web.config.file", env = "FAROL_WEB_CONFIG_FILE", value_name = "PATH")]
    pub web_config_file: Option<PathBuf>,

    /// Which machine is looked at, when nothing is configured.
    #[command(flatten)]
    pub machine: Machine,

    /// Give up what an exporter does not need before anything foreign is read: writing and executing files (landlock; not while what runs on this machine is looked at, which it would forbid), dangerous system calls (seccomp), new privileges.
    #[arg(long = "sandbox", env = "FAROL_SANDBOX", value_name = "MODE", value_enum, default_value_t = Mode::Auto)]
    pub sandbox: Mode,

    /// Least important level that is logged.
    #[arg(long = "log.level", env = "FAROL_LOG_LEVEL", value_name = "LEVEL", value_enum, default_value_t = Level::Info)]
    pub log_level: Level,

    /// How log lines look.
    #[arg(long = "log.format", env = "FAROL_LOG_FORMAT", value_name = "FORMAT", value_enum, default_value_t = LogFormat::Logfmt)]
    pub log_format: LogFormat,

    /// Print every metric that farol and its exporters can emit as JSON, and exit.
    #[arg(long = "metrics.list", env = "FAROL_METRICS_LIST", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub metrics_list: bool,
}

/// Which machine is looked at.
#[derive(Args, Clone, Debug)]
pub struct Machine {
    /// Where the root of the machine to look at is seen, e.g. /host in a container that has it mounted there.
    #[arg(long = "path.rootfs", env = "FAROL_PATH_ROOTFS", value_name = "FOLDER", default_value = "/")]
    pub root: PathBuf,
}

impl Flags {
    /// The addresses that an exporter was given.
    #[must_use]
    pub fn addresses(&self, exporter: &str) -> Vec<String> {
        self.listen
            .iter()
            .filter(|listen| listen.exporter == exporter)
            .map(|listen| listen.address.clone())
            .collect()
    }

    /// What every exporter in this process shares.
    #[must_use]
    pub fn settings(&self, sandbox: Sandbox) -> Settings {
        Settings {
            sandbox,
            auto_reload: self.auto_reload_interval,
            web_config: self.web_config_file.clone(),
            ..Settings::default()
        }
    }

    /// `https` when the web configuration sets TLS up, for the addresses that are printed.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        scheme(self.web_config_file.as_deref())
    }
}

/// `https` when this web configuration sets TLS up.
#[must_use]
pub fn scheme(web_config: Option<&Path>) -> &'static str {
    let text = web_config.and_then(|file| std::fs::read_to_string(file).ok());
    let tls = text.is_some_and(|text| text.lines().any(|line| line.starts_with("tls_server_config:")));
    if tls { "https" } else { "http" }
}

/// An exporter's address: `probe-exporter=127.0.0.1:9115`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The exporter's name.
    pub exporter: &'static str,
    /// As `--web.listen-address` has it.
    pub address: String,
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, address) = text.split_once('=').ok_or_else(|| {
            format!("{text:?} is not EXPORTER=ADDRESS; write e.g. probe-exporter=127.0.0.1:9115")
        })?;
        let member = Member::named(name)
            .ok_or_else(|| format!("there is no exporter {name:?}; there are: {}", Member::names()))?;
        Ok(Self { exporter: member.about.name, address: address.to_owned() })
    }
}
