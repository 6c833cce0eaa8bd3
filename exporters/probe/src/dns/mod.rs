//! The dns prober: one query, made when the file is loaded; one answer, checked record by record.
//!
//! | file | what |
//! |---|---|
//! | `names` | types, classes and response codes by name and number |
//! | `query` | the query's bytes |
//! | `settings` | the section, checked |
//! | `exchange` | the way there and back: udp, tcp, tls |
//! | `message` | an answer taken apart without copying |
//! | `record` | a record as zone files write it, which is what the patterns match |
//! | `rdata` | the same for its data, type by type |
//! | `validate` | the patterns of a section |

mod exchange;
mod message;
mod names;
mod query;
mod rdata;
mod record;
mod settings;
mod validate;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use kit::{BoxFuture, Desc, Failure, Page, Verdict};
use wire::tls::Seen;
use wire::{Phase, Stopwatch};

use crate::certificates;
use crate::config::{ModuleSection, Transport};
use crate::module::{Context, ModuleProbe, Prober, Workshop};
use crate::verdict::{Address, fail, in_time, phases, verdict};
use exchange::{Answer, Way};
use message::{Malformed, Message, Record, Section};
use settings::{Settings, split};

/// Records in the answer section.
pub const ANSWERS: Desc = Desc::gauge("probe_dns_answer_rrs", "How many records the answer section held.");
/// Records in the authority section.
pub const AUTHORITIES: Desc =
    Desc::gauge("probe_dns_authority_rrs", "How many records the authority section held.");
/// Records in the additional section.
pub const ADDITIONALS: Desc =
    Desc::gauge("probe_dns_additional_rrs", "How many records the additional section held.");
/// Whether an answer came.
pub const SUCCEEDED: Desc = Desc::gauge(
    "probe_dns_query_succeeded",
    "Whether a well-formed answer to the query came, whatever it said; whether it said the right thing is probe_success.",
);
/// How long each phase took.
pub const DURATION: Desc = Desc::gauge(
    "probe_dns_duration_seconds",
    "How long each phase of the query took: resolve (the server's name to an address), connect, request (query to answer), \
     and tls over TLS. A phase that hung shows the time until the probe gave up.",
)
.labels(&["phase"]);
/// The serial of the zone.
pub const SERIAL: Desc = Desc::gauge(
    "probe_dns_serial",
    "The serial number in the SOA record of the answer, when SOA was asked for.",
);
/// The answer's response code.
pub const RCODE: Desc = Desc::gauge(
    "probe_dns_rcode",
    "The answer's response code as a number: 0 NOERROR, 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED. Absent without an answer.",
);
/// Whether the answer was cut.
pub const TRUNCATED: Desc = Desc::gauge(
    "probe_dns_truncated",
    "Whether the answer was cut because it did not fit into a datagram (the TC bit). Absent without an answer.",
);

/// Everything that the dns prober can emit beside what it tells of certificates.
pub const DESCS: &[&Desc] =
    &[&ANSWERS, &AUTHORITIES, &ADDITIONALS, &SUCCEEDED, &DURATION, &SERIAL, &RCODE, &TRUNCATED];

/// Its line in the table of probers.
pub const PROBER: Prober = Prober { name: "dns", build, descs: &[DESCS, certificates::DESCS] };

/// The phases that are always shown, zero for one that was not reached.
const PHASES: [Phase; 3] = [Phase::Connect, Phase::Request, Phase::Resolve];

fn build(section: &ModuleSection, workshop: &mut Workshop<'_>) -> Option<Arc<dyn ModuleProbe>> {
    let settings = Settings::new(section.dns.as_ref(), workshop)?;
    Some(Arc::new(Dns { settings }))
}

struct Dns {
    settings: Settings,
}

/// What a probe learnt on its way, also when it does not come to its end.
#[derive(Default)]
struct Learnt {
    watch: Stopwatch,
    ip: Option<IpAddr>,
    seen: Option<Seen>,
    answer: Option<Answer>,
}

impl ModuleProbe for Dns {
    fn check(&self, target: &str) -> Result<(), Failure> {
        split(target, self.settings.port()).map(drop)
    }

    fn probe<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Verdict> {
        Box::pin(async move {
            let mut learnt = Learnt::default();
            let work = self.run(&context, &mut learnt);
            let ended = tokio::time::timeout_at(context.deadline.into(), work).await;
            let mut failure = in_time(ended, &mut learnt.watch).err();
            let mut page = Page::with_capacity(16, 8);
            let lookup = learnt.watch.get(Phase::Resolve).unwrap_or_default();
            Address { lookup, ip: learnt.ip }.write(&mut page);
            let tls = self.settings.tls.is_some().then_some(Phase::Tls);
            phases(&mut page, &DURATION, &learnt.watch, PHASES.into_iter().chain(tls));
            if let (Some(seen), Some((client, _))) = (&learnt.seen, &self.settings.tls) {
                certificates::write(&mut page, seen, client.verifies());
            }
            let judged = match learnt.answer.as_deref().map(Message::new) {
                Some(Ok(message)) => self.judge(&context, &message, &mut page),
                Some(Err(why)) => Err(unanswered(&mut page, Some(why))),
                None => Err(unanswered(&mut page, None)),
            };
            // Without an answer, why there is none says more.
            failure = failure.or(judged.err());
            verdict(page, failure)
        })
    }
}

impl Dns {
    /// From the target to an answer's bytes.
    async fn run(&self, context: &Context<'_>, learnt: &mut Learnt) -> Result<(), Failure> {
        let settings = &self.settings;
        let (host, port) = split(context.target, settings.port())?;
        let ip = settings.reach.find(context, host, Some(port), &mut learnt.watch).await?;
        learnt.ip = Some(ip);
        let way = Way { context, reach: &settings.reach, addr: SocketAddr::new(ip, port) };
        let query = settings.query.fresh();
        let watch = &mut learnt.watch;
        let answer = match (&settings.tls, settings.transport) {
            (Some((client, name)), _) => {
                let name = name.as_deref().or(context.hostname).unwrap_or(host);
                exchange::tls(&way, &query, watch, (client, name), &mut learnt.seen).await?
            }
            (None, Transport::Tcp) => exchange::tcp(&way, &query, watch).await?,
            (None, Transport::Udp) => exchange::udp(&way, &query, watch).await?,
        };
        learnt.watch.finish();
        learnt.answer = Some(answer);
        Ok(())
    }

    /// Tells what an answer holds, and whether it is what was wanted.
    fn judge(&self, context: &Context<'_>, message: &Message<'_>, page: &mut Page) -> Result<(), Failure> {
        let rcode = message.rcode();
        // Writing the records down is also what finds the ones whose data is not what their type says.
        let mut text = String::with_capacity(128);
        let mut ends = Vec::with_capacity(4);
        let mut serial = None;
        for section in Section::ALL {
            for record in message.records(section) {
                if let Err(why) = record::write(&mut text, &record) {
                    return Err(unanswered(page, Some(why)));
                }
                ends.push((section, text.len()));
                text.push('\n');
                if section == Section::Answer && record.kind == names::SOA && self.settings.kind == names::SOA
                {
                    serial = soa_serial(&record);
                }
            }
        }
        write_counts(page, message.counts, true);
        page.set(&RCODE, f64::from(rcode));
        page.set(&TRUNCATED, f64::from(u8::from(message.truncated())));
        if let Some(serial) = serial {
            page.set(&SERIAL, f64::from(serial));
        }
        let judged = self.check(rcode, &text, &ends);
        context.trace.step("the server answered with response code", i64::from(rcode));
        if !text.is_empty() {
            context.trace.step("records:", text);
        }
        judged
    }

    fn check(&self, rcode: u16, text: &str, ends: &[(Section, usize)]) -> Result<(), Failure> {
        if !self.settings.rcodes.contains(&rcode) {
            let wanted: Vec<String> =
                self.settings.rcodes.iter().map(|rcode| names::RCODE.name(*rcode).to_string()).collect();
            let detail =
                format!("the server answered {}, not {}", names::RCODE.name(rcode), wanted.join(" or "));
            return Err(fail(Phase::Request, "rcode", detail));
        }
        for validator in &self.settings.validators {
            let mut begin = 0;
            let mut records = Vec::new();
            for (section, end) in ends {
                if *section == validator.section() {
                    records.push(&text[begin..*end]);
                }
                // Past the line's end.
                begin = *end + 1;
            }
            validator.check(&records).map_err(|detail| fail(Phase::Request, "dns_answer", detail))?;
        }
        Ok(())
    }
}

/// What the page says when no answer came, or none that can be read, and the failure that follows from it.
fn unanswered(page: &mut Page, why: Option<Malformed>) -> Failure {
    write_counts(page, [0; 3], false);
    let why = why.map_or("there is none", |why| why.0);
    fail(Phase::Request, "dns_bad_response", format!("the answer cannot be read: {why}"))
}

fn write_counts(page: &mut Page, counts: [u16; 3], succeeded: bool) {
    for (desc, count) in [&ANSWERS, &AUTHORITIES, &ADDITIONALS].into_iter().zip(counts) {
        page.set(desc, f64::from(count));
    }
    page.set(&SUCCEEDED, f64::from(u8::from(succeeded)));
}

/// The serial of a zone, behind two names (RFC 1035 §3.3.13).
fn soa_serial(record: &Record<'_>) -> Option<u32> {
    let mut data = record.data;
    data.name().ok()?;
    data.name().ok()?;
    data.u32().ok()
}

/// See [`crate::fuzzing::dns_answer`].
pub(crate) fn fuzz_answer(bytes: &[u8]) -> String {
    let mut text = String::new();
    if let Ok(query) = query::Query::new("www.probe.test", 1, 1, true) {
        let _ = message::answers(bytes, &query);
    }
    if let Ok(message) = Message::new(bytes) {
        for record in Section::ALL.into_iter().flat_map(|section| message.records(section)) {
            let _ = (record::write(&mut text, &record), soa_serial(&record));
        }
    }
    text
}

/// See [`crate::fuzzing::dns_rdata`].
pub(crate) fn fuzz_rdata(kind: u16, data: &[u8]) -> String {
    let mut text = String::new();
    let _ = rdata::write(&mut text, kind, &mut message::Reader::new(data, 0..data.len()));
    text
}

#[cfg(test)]
mod tests;
