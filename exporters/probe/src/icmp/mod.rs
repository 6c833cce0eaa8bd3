//! The icmp prober: one echo, over a socket that all probes share.
//!
//! | file | what |
//! |---|---|
//! | `settings` | the section's numbers, checked |

mod settings;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use kit::{BoxFuture, Desc, Failure, Page, Verdict};
use wire::icmp::{Echo, Reply};
use wire::{Phase, Stopwatch};

use crate::config::ModuleSection;
use crate::module::{Context, ModuleProbe, Prober, Workshop};
use crate::verdict::{Address, fail, in_time, invalid, phases, verdict};
use settings::Settings;

/// How long each phase took.
pub const DURATION: Desc = Desc::gauge(
    "probe_icmp_duration_seconds",
    "How long each phase of the echo took: resolve (name to address), setup (having a socket), rtt (request to reply). \
     A phase that hung shows the time until the probe gave up.",
)
.labels(&["phase"]);
/// What is left of the reply's time to live.
pub const HOP_LIMIT: Desc = Desc::gauge(
    "probe_icmp_reply_hop_limit",
    "The reply's time to live (IPv6: hop limit) on arrival; a change of it is a change of the way back.",
);

/// Everything that the icmp prober can emit.
pub const DESCS: &[&Desc] = &[&DURATION, &HOP_LIMIT];

/// Its line in the table of probers.
pub const PROBER: Prober = Prober { name: "icmp", build, descs: &[DESCS] };

/// The phases that are always shown, zero for one that was not reached.
const PHASES: [Phase; 3] = [Phase::Resolve, Phase::Rtt, Phase::Setup];

fn build(section: &ModuleSection, workshop: &mut Workshop<'_>) -> Option<Arc<dyn ModuleProbe>> {
    let settings = Settings::new(&section.icmp.clone().unwrap_or_default(), workshop)?;
    Some(Arc::new(Icmp { settings }))
}

struct Icmp {
    settings: Settings,
}

impl ModuleProbe for Icmp {
    fn check(&self, target: &str) -> Result<(), Failure> {
        host(target).map(drop)
    }

    fn probe<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Verdict> {
        Box::pin(async move {
            let mut watch = Stopwatch::new();
            let mut ip = None;
            let ended = self.run(&context, &mut watch, &mut ip).await;
            watch.finish();
            let mut page = Page::with_capacity(12, 8);
            Address { lookup: watch.get(Phase::Resolve).unwrap_or_default(), ip }.write(&mut page);
            phases(&mut page, &DURATION, &watch, PHASES);
            let failure = match ended {
                Ok(reply) => {
                    if let Some(hops) = reply.hop_limit {
                        page.set(&HOP_LIMIT, f64::from(hops));
                    }
                    None
                }
                Err(failure) => Some(failure),
            };
            verdict(page, failure)
        })
    }
}

impl Icmp {
    async fn run(
        &self,
        context: &Context<'_>,
        watch: &mut Stopwatch,
        ip: &mut Option<IpAddr>,
    ) -> Result<Reply, Failure> {
        let host = host(context.target)?;
        let settings = &self.settings;
        // The pinger ends by the deadline on its own; the resolver knows of none.
        let found = settings.reach.find(context, host, None, watch);
        let found = tokio::time::timeout_at(context.deadline.into(), found).await;
        let target = in_time(found, watch)?;
        *ip = Some(target);
        let began = Instant::now();
        let echo = Echo {
            target,
            payload_size: settings.payload_size,
            ttl: Some(settings.ttl),
            dont_fragment: settings.dont_fragment,
            egress: &settings.reach.egress,
            deadline: context.deadline,
        };
        match context.tools.pinger.ping(&echo).await {
            Ok(reply) => {
                // The kernel's stamps know it better than the time at which this task got its turn.
                watch.add(Phase::Setup, reply.setup);
                watch.add(Phase::Rtt, reply.rtt);
                context.trace.step("the reply came from", reply.source);
                Ok(reply)
            }
            Err(error) => {
                watch.add(error.phase, began.elapsed());
                Err(fail(error.phase, error.reason.word(), error.to_string()))
            }
        }
    }
}

/// The host of a target; brackets around an IPv6 address are allowed, a port is not.
fn host(target: &str) -> Result<&str, Failure> {
    let host = target.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(target);
    if host.is_empty() {
        return Err(invalid("the target is empty: give a name or an address, e.g. 192.0.2.1"));
    }
    if host.contains('/') {
        return Err(invalid(format!("{target:?}: icmp takes a name or an address, not a URL")));
    }
    if host.contains(':') && host.parse::<std::net::Ipv6Addr>().is_err() && !host.contains('%') {
        return Err(invalid(format!("{target:?}: icmp takes a name or an address, without a port")));
    }
    Ok(host)
}

#[cfg(test)]
mod tests;
