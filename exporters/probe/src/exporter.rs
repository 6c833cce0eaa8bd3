//! The exporter: the validated configuration, and the shapes that work by it.

use std::sync::Arc;

use kit::allow::AllowList;
use kit::config::{ConfigError, Document, Problem};
use kit::{About, Desc, Exporter, Notice, Prober, Sampler, Watched};
use wire::Resolver;
use wire::icmp::Pinger;

use crate::config::target::targets;
use crate::config::{self, File, ResolverKind, server_address};
use crate::lists::{self, Lists};
use crate::module::{PROBERS, Tools};
use crate::modules::{self, Modules};
use crate::targets::Schedule;

/// The probe exporter.
pub struct ProbeExporter {
    modules: Arc<Modules>,
    schedule: Schedule,
    lists: Lists,
    /// Outlives reloads, so that a new configuration does not begin with new sockets.
    pinger: Arc<Pinger>,
    notices: Vec<Notice>,
}

impl ProbeExporter {
    /// The modules, for probes that nobody asked for over HTTP.
    #[must_use]
    pub fn modules(&self) -> &Arc<Modules> {
        &self.modules
    }

    /// The configured targets.
    #[must_use]
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }
}

#[cfg(test)]
impl ProbeExporter {
    pub(crate) fn lists(&self) -> &Lists {
        &self.lists
    }
}

impl Exporter for ProbeExporter {
    const ABOUT: About = About {
        name: "probe-exporter",
        summary: "Probes over http, tcp, icmp and dns: on demand as blackbox_exporter does, and on a schedule of its own.",
        version: env!("CARGO_PKG_VERSION"),
        port: 9115,
        config_file: "probe.yml",
        builtin_config: include_str!("builtin.yml"),
    };

    type Raw = File;

    fn catalogue() -> Vec<&'static Desc> {
        let mut all: Vec<&'static Desc> = Vec::new();
        let groups = PROBERS.iter().flat_map(|prober| prober.descs).copied().chain([crate::verdict::DESCS]);
        let own = crate::targets::descs().into_iter().chain(lists::DESCS.iter().copied());
        for desc in groups.flatten().copied().chain(own) {
            if !all.contains(&desc) {
                all.push(desc);
            }
        }
        all
    }

    fn build(raw: File, document: &Document, previous: Option<&Self>) -> Result<Self, ConfigError> {
        let (mut problems, mut notices) = (Vec::new(), Vec::new());
        let map = modules::build(&raw, document, &mut problems, &mut notices);
        let targets = targets(&raw, &map, document, &mut problems);
        let lists = config::list::lists(&raw, &map, document, &mut problems);
        let resolver = resolver(&raw, document, &mut problems);
        ConfigError::check(problems)?;
        let allow = AllowList::new(raw.allowed_targets.as_ref());
        if allow.is_open() {
            notices.push(open_door());
        }
        let pinger =
            previous.map_or_else(|| Arc::new(Pinger::new()), |previous| Arc::clone(&previous.pinger));
        let tools =
            |allow| Arc::new(Tools { resolver: Arc::clone(&resolver), pinger: Arc::clone(&pinger), allow });
        // What the configuration names itself needs nobody's leave; the list is about what a URL may name.
        let (own, asked) = (tools(AllowList::default()), tools(allow));
        let names: Vec<String> = lists.iter().map(|list| list.name.clone()).collect();
        let before = previous.map(|previous| &previous.schedule);
        let schedule = Schedule::with_lists(targets, names, own, Arc::clone(&asked), before);
        let lists = Lists::new(lists, &resolver, &schedule, previous.map(|previous| &previous.lists));
        Ok(Self {
            modules: Arc::new(Modules::new(map, asked, schedule.clone())),
            schedule,
            lists,
            pinger,
            notices,
        })
    }

    fn samplers(&self) -> Vec<Arc<dyn Sampler>> {
        self.lists.samplers().into_iter().chain(self.schedule.samplers()).collect()
    }

    fn prober(&self) -> Option<Arc<dyn Prober>> {
        Some(Arc::clone(&self.modules) as Arc<dyn Prober>)
    }

    fn watched(&self) -> Vec<Watched> {
        self.schedule.watched().into_iter().chain(self.lists.watched()).collect()
    }

    fn notices(&self) -> Vec<Notice> {
        self.notices.clone()
    }
}

fn open_door() -> Notice {
    Notice {
        name: "open_targets",
        text: "the configuration has no allowed_targets: whoever reaches /probe can have any target probed from here, \
               save link-local addresses; name what may be probed in allowed_targets (networks, host patterns, ports)"
            .to_owned(),
    }
}

fn resolver(raw: &File, document: &Document, problems: &mut Vec<Problem>) -> Arc<Resolver> {
    let kind = raw.resolver.as_ref().map_or(ResolverKind::Hickory, |kind| kind.value);
    let mut servers = Vec::with_capacity(raw.dns_servers.len());
    for (index, text) in raw.dns_servers.iter().enumerate() {
        match server_address(text) {
            Some(server) => servers.push(server),
            None => {
                let cause = format!("{:?} is not an address with or without a port", text.as_str());
                let way_out = "give e.g. 192.0.2.53 or [2001:db8::53]:53";
                problems.push(document.problem(text, format!("dns_servers[{index}]"), cause, way_out));
            }
        }
    }
    if kind == ResolverKind::System {
        if let (Some(at), false) = (&raw.resolver, raw.dns_servers.is_empty()) {
            let cause = "the system's resolver cannot be told which servers to ask";
            problems.push(document.problem(
                at,
                "resolver",
                cause,
                "remove dns_servers, or take resolver: hickory",
            ));
        }
        return Arc::new(Resolver::system());
    }
    if servers.is_empty() {
        return Arc::new(Resolver::hickory());
    }
    match Resolver::servers(&servers) {
        Ok(resolver) => Arc::new(resolver),
        Err(error) => {
            problems.push(document.problem_at("dns_servers", error, "name servers that can be asked"));
            Arc::new(Resolver::hickory())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{acceptor, build};

    const MODULES: &str = "modules:\n  web: {prober: http, timeout: 3s}\n  ping: {prober: icmp}\n  own: {prober: http, http: {headers: {host: a.test}}}\n";

    #[test]
    fn the_built_in_configuration_is_good() {
        let exporter = build(ProbeExporter::ABOUT.builtin_config).unwrap_or_else(|error| panic!("{error}"));
        assert!(exporter.modules().get(crate::modules::DEFAULT_MODULE).is_some());
        assert_eq!(exporter.notices().iter().map(|notice| notice.name).collect::<Vec<_>>(), ["open_targets"]);
    }

    /// The modules that the peer's reference pages were recorded with are read as they are; but for the one whose
    /// patterns the peer checks only at a probe (its defect 7).
    #[test]
    fn a_blackbox_yml_is_read_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cert.pem"), acceptor(&["probe.test"], false).1).unwrap();
        let text = include_str!("../testdata/blackbox-parity.yml")
            .replace("@LAB@", &folder.path().display().to_string());
        let error = build(&text).err().unwrap_or_else(|| panic!("bug_dns_bad_regex was taken"));
        assert!(error.contains("regular expression"), "{error}");
        let good: Vec<&str> = text.lines().filter(|line| !line.contains("bug_dns_bad_regex")).collect();
        let exporter = build(&good.join("\n")).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(exporter.prober().map(|prober| prober.modules().len()), Some(44 - 1));
    }

    #[test]
    fn targets_are_validated() {
        let list = "targets:\n- {target: 'a.test:80', module: web}\n- {name: b, target: b.test, module: ping, interval: 5s, timeout: 9s}\n";
        assert!(
            build(&format!(
                "{MODULES}targets: [{{target: 'a.test', module: web, interval: 30s, labels: {{team: x}}}}]\n"
            ))
            .is_ok()
        );
        let error = build(&format!("{MODULES}{list}")).err().unwrap_or_default();
        assert!(error.contains("targets[1].timeout") && error.contains("test.yml:7"), "{error}");
        for (entry, want) in [
            ("{module: web}", "target is missing"),
            ("{target: '', module: web}", "target is missing"),
            ("{target: 'ftp://a', module: web}", "neither http nor https"),
            (
                "{target: 'a:80', module: ping}",
                "targets[0].target: \"a:80\": icmp takes a name or an address",
            ),
            ("{target: a}", "module"),
            ("{target: a, module: wbe}", "did you mean \"web\"?"),
            ("{target: a, module: web}, {target: a, module: ping}", "name of targets[0], too"),
            ("{target: a, module: web, interval: 0s}", "no time at all"),
            ("{target: a, module: web, interval: 2h}", "more than 1h"),
            ("{target: a, module: web, interval: -5s}", "interval"),
            (
                "{target: a, module: web, objective: 0}",
                "targets[0].objective: objective `0` asks for nothing; write",
            ),
            (
                "{target: a, module: web, objective: 100%}",
                "targets[0].objective: objective `100%` leaves no room",
            ),
            ("{target: a, module: web, objective: 99.9}", "write `99.9%`"),
            ("{target: a, module: web, objective: [99%]}", "targets[0].objective"),
            ("{target: a, module: web, labels: {'a-b': x}}", "labels.a-b"),
            ("{target: a, module: web, labels: {target: x}}", "labels.target"),
            (
                "{target: a, module: own, hostname: b.test}",
                "targets[0].hostname: hostname \"b.test\" conflicts",
            ),
            ("{target: a, module: web, hostname: \"b\\ntest\"}", "is not a host name"),
            ("{target: a, module: web, nonsense: 1}", "nonsense"),
        ] {
            let error = build(&format!("{MODULES}targets: [{entry}]\n"))
                .err()
                .unwrap_or_else(|| panic!("{entry} was taken"));
            assert!(error.contains(want) && error.contains("test.yml:5"), "{entry}: {error}");
        }
    }

    /// The peer answers it with 400, since no probe can do both.
    #[test]
    fn a_hostname_that_conflicts_with_the_modules_own_is_objected_to() {
        let exporter = build(MODULES).unwrap_or_else(|error| panic!("{error}"));
        for (module, hostname, want) in [
            ("own", "b.test", Some("hostname \"b.test\" conflicts with the module's Host header \"a.test\"")),
            ("own", "a.test", None),
            ("web", "b.test", None),
            ("web", "b\n", Some("hostname \"b\\n\" is not a host name")),
            ("ping", "b.test", None),
        ] {
            let objection = exporter.modules().objection(module, hostname);
            assert_eq!(objection.as_deref(), want, "{module} {hostname:?}");
        }
    }

    #[test]
    fn an_objective_is_the_targets_own_or_the_files_or_ours() {
        let targets = "targets: [{target: a, module: web}, {target: b, module: web, objective: 99.9%}, {target: c, module: web, objective: 0.9995}]\n";
        for (defaults, usual) in
            [("", 0.995), ("defaults: {objective: 99%}\n", 0.99), ("defaults: {}\n", 0.995)]
        {
            let exporter =
                build(&format!("{MODULES}{targets}{defaults}")).unwrap_or_else(|error| panic!("{error}"));
            let got: Vec<f64> =
                exporter.schedule().targets().map(|target| target.objective.ratio()).collect();
            assert_eq!(got, [usual, 0.999, 0.9995], "{defaults}");
        }
        let error = build("defaults: {objective: 1}").err().unwrap_or_default();
        assert!(error.contains("test.yml:1:23: defaults.objective"), "{error}");
    }

    #[test]
    fn modules_and_the_rest_are_validated() {
        for (yaml, want) in [
            ("modules: {m: {prober: htpp}}", "did you mean \"http\"?"),
            ("modules: {m: {}}", "prober"),
            ("modules: {m: {prober: http, timeout: 0}}", "modules.m.timeout"),
            ("modules: {m: {prober: http, timeout: 2h}}", "more than 1h"),
            ("modules: {m: {prober: http, timeout: soon}}", "timeout"),
            ("modules: {m: {prober: http}, m: {prober: tcp}}", "m"),
            ("modules: {m: {prober: dns}}", "query_name"),
            ("modules: {m: {prober: icmp, icmp: {ttl: 256}}}", "ttl"),
            ("dns_servers: [here]", "dns_servers[0]"),
            ("{resolver: system, dns_servers: [192.0.2.1]}", "resolver"),
            ("resolver: systemd", "resolver"),
            ("http_sd_configs: [{url: 'http://a.test'}]", "module"),
            ("http_sd_configs: [{url: 'ftp://a.test', module: http_2xx}]", "http_sd_configs[0].url"),
            ("http_sd_configs: [{url: 'http://a.test', module: nosuch}]", "unknown module"),
            (
                "modules: {m: {prober: tcp}}\nhttp_sd_configs: [{url: 'http://a.test', module: m, refresh_interval: 0s}]",
                "refresh_interval",
            ),
            (
                "modules: {m: {prober: tcp}}\nhttp_sd_configs: [{url: 'http://a.test', module: m}, {url: 'http://a.test', module: m}]",
                "name of http_sd_configs[0]",
            ),
            ("moduls: {}", "moduls"),
        ] {
            let error = build(yaml).err().unwrap_or_else(|| panic!("{yaml} was taken"));
            assert!(error.contains(want) && error.contains("test.yml:"), "{yaml}: {error}");
        }
    }

    #[test]
    fn a_closed_door_is_not_told_of() {
        let exporter = build(&format!("{MODULES}allowed_targets: ['192.0.2.0/24:443']\n"))
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(exporter.notices(), []);
    }

    /// The links of the landing page lead there, and so do the commands of runbooks.
    #[tokio::test]
    async fn what_is_watched_anyway_may_be_asked_for() {
        let exporter = build(
            "modules: {t: {prober: tcp, timeout: 3s}, u: {prober: tcp, timeout: 3s}}\nallowed_targets: ['192.0.2.0/24']\n\
             targets: [{name: a, target: '127.0.0.1:1', module: t, hostname: a.test}]",
        )
        .unwrap_or_else(|error| panic!("{error}"));
        for (module, target, hostname, refused) in [
            ("t", "127.0.0.1:1", None, false),
            ("t", "127.0.0.1:1", Some("a.test"), false),
            ("t", "127.0.0.1:1", Some("b.test"), true),
            ("t", "127.0.0.1:2", None, true),
            ("u", "127.0.0.1:1", None, true),
        ] {
            let trace = kit::Trace::new();
            let deadline = std::time::Instant::now() + std::time::Duration::from_secs(3);
            let verdict = exporter
                .modules()
                .probe(kit::Ask { module, target, hostname, deadline, trace: &trace })
                .await;
            let reason = verdict.failure.map(|failure| failure.reason);
            assert_eq!(
                reason == Some("target_refused"),
                refused,
                "{module} {target} {hostname:?}: {reason:?}"
            );
        }
    }

    #[test]
    fn the_catalogue_names_each_family_once_a_page() {
        let all = ProbeExporter::catalogue();
        for name in [
            "probe_http_status_code",
            "probe_tcp_duration_seconds",
            "probe_ip_protocol",
            "probe_ssl_verified",
        ] {
            assert!(all.iter().any(|desc| desc.name == name), "{name}");
        }
    }
}
