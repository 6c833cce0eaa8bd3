//! The multi-target shape: `(module, target, deadline) → verdict`. kit owns the timeout arithmetic, the history and the
//! debug page; the exporter owns what a module does.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::BoxFuture;
use crate::desc::Desc;
use crate::page::Page;

/// Whether the probe succeeded.
pub const SUCCESS: Desc = Desc::gauge("probe_success", "Whether the probe succeeded.");
/// How long it took.
pub const DURATION: Desc = Desc::gauge("probe_duration_seconds", "How long the whole probe took.");
/// How long it might have taken.
pub const TIMEOUT: Desc = Desc::gauge(
    "probe_timeout_seconds",
    "How long the probe was allowed to take: the module's timeout or what the scrape left.",
);
/// Why it failed.
pub const FAILURE: Desc =
    Desc::info("probe_failure_info", "Why the probe failed: the phase in which it stopped, and the reason from a closed set. Absent on success.")
        .labels(&["phase", "reason"]);

/// The descriptions that kit adds to every probe's page.
pub const DESCS: &[&Desc] = &[&SUCCESS, &DURATION, &TIMEOUT, &FAILURE];

/// One request for a probe.
pub struct Ask<'a> {
    /// The module's name; known to the prober, for kit asked [`Prober::timeout`] first.
    pub module: &'a str,
    /// The target as it was given.
    pub target: &'a str,
    /// The `hostname` parameter: HTTP's Host header and TLS's server name.
    pub hostname: Option<&'a str>,
    /// When the verdict must be there.
    pub deadline: Instant,
    /// Where the probe writes what it does.
    pub trace: &'a Trace,
}

impl Ask<'_> {
    /// Whether a URL names a target as the configuration has it: what is watched anyway needs nobody's leave.
    #[must_use]
    pub fn is_for(&self, module: &str, target: &str, hostname: Option<&str>) -> bool {
        self.module == module
            && self.target == target
            && (self.hostname.is_none() || self.hostname == hostname)
    }
}

/// What a prober answers.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Why it failed; `None` is success.
    pub failure: Option<Failure>,
    /// Everything the probe learnt, also when it failed.
    pub page: Page,
}

/// Why a probe failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The phase in which it stopped: `resolve`, `connect`, `tls`, …
    pub phase: &'static str,
    /// From the exporter's closed set, lower_snake_case.
    pub reason: &'static str,
    /// The cause in words, for people; never a metric's label.
    pub detail: String,
    /// Set when the allow-list refused the target: then nothing was sent, and `/probe` answers 403.
    pub refused: Option<Refusal>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.reason, self.phase, self.detail)
    }
}

/// Why the allow-list refused a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The rule's name: `link_local`, `allowed_targets`, …
    pub rule: Cow<'static, str>,
    /// What was refused and how to allow it.
    pub detail: String,
}

/// What a module's owner answers to kit.
pub trait Prober: Send + Sync + 'static {
    /// The modules' names, for the landing page.
    fn modules(&self) -> Vec<String>;

    /// The module used when a request names none.
    fn default_module(&self) -> &str;

    /// `None` for an unknown module; else the module's own timeout, if it has one.
    fn timeout(&self, module: &str) -> Option<Option<Duration>>;

    /// How long a probe may take when neither its module nor the scraper says: blackbox_exporter's figure, or that of another
    /// peer whose place it takes.
    fn patience(&self) -> Duration {
        Duration::from_secs(120)
    }

    /// What this module probes whatever a request says; `None`: what the request says.
    fn target(&self, module: &str) -> Option<&str> {
        let _ = module;
        None
    }

    /// What is wrong with asking this module for a host by this name; `/probe` answers it with 400, and nothing is probed.
    fn objection(&self, module: &str, hostname: &str) -> Option<String> {
        let _ = (module, hostname);
        None
    }

    /// The module as YAML with secrets hidden, for the debug page.
    fn module_yaml(&self, module: &str) -> String;

    /// The path that it answers to, where that is not `/probe`: the one of the peer whose place it takes.
    fn path(&self) -> &str {
        "/probe"
    }

    /// What a target looks like, for the landing page's form.
    fn target_hint(&self) -> &str {
        "https://example.org/ or host:port"
    }

    /// The target of a request that names none; `None`: such a request is refused.
    fn default_target(&self) -> Option<&str> {
        None
    }

    /// Probes. Cancelled by dropping when a client goes away; must itself end by `ask.deadline`, so that the phase that
    /// hung can still be told.
    fn probe<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Verdict>;

    /// The same with the request's query as it was sent, for one that has parameters of its own.
    fn probe_with<'a>(&'a self, ask: Ask<'a>, query: &'a str) -> BoxFuture<'a, Verdict> {
        let _ = query;
        self.probe(ask)
    }
}

/// What a probe did, step by step: small records while it runs, text only when somebody asks for it.
#[derive(Debug)]
pub struct Trace {
    began: Instant,
    steps: std::sync::Mutex<Vec<Step>>,
}

/// A record of a [`Trace`].
#[derive(Clone, Debug)]
pub struct Step {
    /// Since the probe began.
    pub at: Duration,
    /// What happened, in the words of a log message.
    pub what: &'static str,
    /// What it happened with.
    pub with: Detail,
}

/// The object of a step; the common ones cost no allocation.
#[derive(Clone, Debug, PartialEq)]
pub enum Detail {
    /// Nothing more to say.
    None,
    /// An address.
    Ip(IpAddr),
    /// An address and a port.
    Addr(std::net::SocketAddr),
    /// A number.
    Number(i64),
    /// A text.
    Text(Cow<'static, str>),
}

impl Trace {
    /// An empty trace that begins now.
    #[must_use]
    pub fn new() -> Self {
        Self { began: Instant::now(), steps: std::sync::Mutex::new(Vec::with_capacity(8)) }
    }

    /// When it began.
    #[must_use]
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Records a step.
    pub fn step(&self, what: &'static str, with: impl Into<Detail>) {
        let step = Step { at: self.began.elapsed(), what, with: with.into() };
        if let Ok(mut steps) = self.steps.lock() {
            steps.push(step);
        }
    }

    /// The steps so far.
    #[must_use]
    pub fn into_steps(self) -> Vec<Step> {
        self.steps.into_inner().unwrap_or_default()
    }
}

impl Default for Trace {
    fn default() -> Self {
        Self::new()
    }
}

impl From<()> for Detail {
    fn from((): ()) -> Self {
        Detail::None
    }
}
impl From<IpAddr> for Detail {
    fn from(ip: IpAddr) -> Self {
        Detail::Ip(ip)
    }
}
impl From<std::net::SocketAddr> for Detail {
    fn from(addr: std::net::SocketAddr) -> Self {
        Detail::Addr(addr)
    }
}
impl From<i64> for Detail {
    fn from(number: i64) -> Self {
        Detail::Number(number)
    }
}
impl From<&'static str> for Detail {
    fn from(text: &'static str) -> Self {
        Detail::Text(Cow::Borrowed(text))
    }
}
impl From<String> for Detail {
    fn from(text: String) -> Self {
        Detail::Text(Cow::Owned(text))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10.3} ms  {}", self.at.as_secs_f64() * 1e3, self.what)?;
        match &self.with {
            Detail::None => Ok(()),
            Detail::Ip(ip) => write!(f, " {ip}"),
            Detail::Addr(addr) => write!(f, " {addr}"),
            Detail::Number(number) => write!(f, " {number}"),
            Detail::Text(text) => write!(f, " {text}"),
        }
    }
}

/// How long a probe may take, or why the scraper's header cannot be honoured.
///
/// * `header`: `X-Prometheus-Scrape-Timeout-Seconds`, if the scraper sent it; NaN, infinite, zero and negative are refused.
/// * `offset`: what is kept back for the answer's way home; never more than half of the header's time.
/// * `module`: the module's own timeout; without one, `default` when there is no header.
///
/// The result is never beyond the header, never zero, and never more than a day.
pub fn probe_timeout(
    header: Option<&str>,
    offset: Duration,
    module: Option<Duration>,
    default: Duration,
) -> Result<Duration, String> {
    let scrape = match header {
        None => return Ok(module.unwrap_or(default).min(LONGEST)),
        Some(text) => text
            .trim()
            .parse::<f64>()
            .ok()
            .filter(|seconds| seconds.is_finite() && *seconds > 0.0)
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .filter(|scrape| !scrape.is_zero())
            .ok_or_else(|| {
                format!("X-Prometheus-Scrape-Timeout-Seconds: {text:?} is not a number of seconds above zero")
            })?,
    };
    // Half of a nanosecond is nothing, and nothing is what a timeout may not be.
    let left = scrape.saturating_sub(offset).max(scrape / 2).max(Duration::from_nanos(1));
    Ok(module.map_or(left, |module| module.min(left)).min(LONGEST))
}

/// Nobody waits longer; and a deadline must be a moment that the clock can count to, which 1e19 s from now is not.
const LONGEST: Duration = Duration::from_secs(86_400);

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(module: f64, header: &str, offset: f64) -> f64 {
        let module = (module > 0.0).then(|| Duration::from_secs_f64(module));
        let header = (!header.is_empty()).then_some(header);
        let offset = Duration::from_secs_f64(offset);
        probe_timeout(header, offset, module, Duration::from_secs(120)).unwrap().as_secs_f64()
    }

    #[test]
    fn the_rows_of_the_peers_table() {
        for (module, header, offset, want) in [
            (0.0, "15", 0.5, 14.5),
            (0.0, "15", 0.0, 15.0),
            (20.0, "15", 0.5, 14.5),
            (20.0, "15", 0.0, 15.0),
            (5.0, "15", 0.0, 5.0),
            (5.0, "15", 0.5, 5.0),
            (10.0, "", 0.5, 10.0),
            (10.0, "10", 0.5, 9.5),
            (9.5, "", 0.5, 9.5),
            (9.5, "", 1.0, 9.5),
            (0.0, "", 0.0, 120.0),
        ] {
            assert_eq!(seconds(module, header, offset), want, "({module}, {header:?}, {offset})");
        }
    }

    /// blackbox_exporter ran 2 s on a header of 0.3 s with an offset of 0.5 s, past its scraper.
    #[test]
    fn a_header_below_the_offset_is_not_overrun() {
        assert_eq!(seconds(2.0, "0.3", 0.5), 0.15);
        assert_eq!(seconds(0.0, "0.3", 0.5), 0.15);
    }

    /// Found by fuzzing: half of a nanosecond was no time at all, and a moment in 300 thousand million years a panic.
    #[test]
    fn the_ends_of_the_scale_are_times_to_wait_for() {
        let half = Duration::from_millis(500);
        let allowed = |header| probe_timeout(Some(header), half, None, half).unwrap();
        assert_eq!(allowed("1e-9"), Duration::from_nanos(1));
        assert_eq!(allowed("1e19"), LONGEST);
        assert_eq!(probe_timeout(None, half, Some(Duration::MAX), half), Ok(LONGEST));
    }

    #[test]
    fn nonsense_headers_are_refused() {
        for header in ["NaN", "inf", "-1", "0", "abc", "", "1e-30", "1e300"] {
            let result = probe_timeout(Some(header), Duration::ZERO, None, Duration::from_secs(1));
            assert!(result.is_err(), "{header}: {result:?}");
        }
    }

    #[test]
    fn a_trace_reads_as_a_log() {
        let trace = Trace::new();
        trace.step("resolved to", IpAddr::from([127, 0, 0, 1]));
        trace.step("sent the request", ());
        let text: Vec<String> = trace.into_steps().iter().map(ToString::to_string).collect();
        assert!(text[0].ends_with("ms  resolved to 127.0.0.1"), "{text:?}");
        assert!(text[1].ends_with("ms  sent the request"), "{text:?}");
    }
}
