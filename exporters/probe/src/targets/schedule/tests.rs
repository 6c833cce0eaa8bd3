use std::sync::Mutex;

use kit::config::{Document, Spanned};
use kit::prober::{FAILURE, SUCCESS};
use kit::sampler::Supervised;

use super::*;
use crate::config::ModuleSection;
use crate::module::{Module, ModuleProbe};
use crate::targets::metrics::{ATTEMPTS, FAILURES, INFO, LAST_SUCCESS, OBJECTIVE, REASONS, SKIPPED};
use crate::verdict::{fail, verdict};

/// What a fake target does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Succeed,
    Fail,
    Hang,
    Panic,
}

/// A prober that does what it is told, and remembers how many of its probes ran at once.
struct Fake {
    act: Mutex<Act>,
    running: AtomicU64,
    most: AtomicU64,
}

impl Fake {
    fn module(act: Act) -> (Arc<Self>, Arc<Module>) {
        let fake =
            Arc::new(Self { act: Mutex::new(act), running: AtomicU64::new(0), most: AtomicU64::new(0) });
        let section = ModuleSection { prober: Spanned::new("tcp".to_owned()), ..ModuleSection::default() };
        let probe = Arc::clone(&fake) as Arc<dyn ModuleProbe>;
        (fake, Arc::new(Module { name: "fake".to_owned(), timeout: None, section, probe }))
    }
}

impl ModuleProbe for Fake {
    fn check(&self, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    fn probe<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Verdict> {
        let act = *self.act.lock().unwrap();
        Box::pin(async move {
            let running = self.running.fetch_add(1, Ordering::Relaxed) + 1;
            self.most.fetch_max(running, Ordering::Relaxed);
            let mut page = Page::new();
            crate::verdict::Address::default().write(&mut page);
            tokio::time::sleep(Duration::from_millis(10)).await;
            let failure = match act {
                Act::Succeed => None,
                Act::Fail => {
                    Some(fail(wire::Phase::Connect, "connect_refused", "connect: connection refused"))
                }
                Act::Hang => {
                    tokio::time::sleep_until((context.deadline).into()).await;
                    Some(fail(wire::Phase::Connect, "connect_timeout", "connect: no answer in time"))
                }
                Act::Panic => panic!("on purpose"),
            };
            self.running.fetch_sub(1, Ordering::Relaxed);
            verdict(page, failure)
        })
    }
}

fn tools() -> Arc<Tools> {
    Arc::new(crate::testing::tools())
}

fn target(name: &str, module: &Arc<Module>, interval: Duration) -> Target {
    Target {
        name: name.to_owned(),
        target: format!("{name}.test:1"),
        hostname: None,
        module: Arc::clone(module),
        interval,
        timeout: interval,
        objective: crate::config::Objective::DEFAULT,
        labels: vec![("team".to_owned(), "web".to_owned())],
    }
}

fn count(page: &Page, desc: &kit::Desc, name: &str) -> f64 {
    page.get(desc.name, &[("target", name), ("module", "fake")]).unwrap_or(f64::NAN)
}

/// Runs a schedule until `done` says so, five seconds at most, and returns its page.
async fn run_until(schedule: &Schedule, done: impl Fn(&Page) -> bool) -> Page {
    let sampler = schedule.samplers().remove(0);
    let supervised = Supervised::start(Arc::clone(&sampler));
    let limit = Instant::now() + Duration::from_secs(5);
    let mut page = sampler.page();
    while !done(&page) {
        assert!(Instant::now() < limit, "it does not come to pass: {page:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
        page = sampler.page();
    }
    supervised.stop(Duration::from_secs(1)).await;
    assert!(page.dropped().is_empty(), "{:?}", page.dropped());
    let known = crate::targets::descs();
    for desc in page.descs() {
        assert!(known.contains(&desc), "{} is not in the catalogue", desc.name);
    }
    page
}

const FAST: Duration = Duration::from_millis(50);

#[tokio::test]
async fn counters_start_at_zero_and_verdicts_follow() {
    let (_, good) = Fake::module(Act::Succeed);
    let (_, bad) = Fake::module(Act::Fail);
    let schedule = Schedule::new(vec![target("good", &good, FAST), target("bad", &bad, FAST)], tools(), None);
    let before = schedule.samplers().remove(0).page();
    for name in ["good", "bad"] {
        for desc in [&ATTEMPTS, &FAILURES, &SKIPPED] {
            assert_eq!(count(&before, desc, name), 0.0, "{} {name}", desc.name);
        }
        assert_eq!(count(&before, &OBJECTIVE, name), 0.995, "known before the first probe");
    }
    assert!(
        before.get(SUCCESS.name, &[("target", "good"), ("module", "fake")]).is_none(),
        "unknown is absent"
    );
    assert_eq!(schedule.watched()[0].ok, None);
    let page = run_until(&schedule, |page| {
        count(page, &ATTEMPTS, "good") >= 3.0 && count(page, &ATTEMPTS, "bad") >= 3.0
    })
    .await;
    assert_eq!(count(&page, &SUCCESS, "good"), 1.0);
    assert_eq!(count(&page, &SUCCESS, "bad"), 0.0);
    assert_eq!(count(&page, &FAILURES, "good"), 0.0);
    assert_eq!(count(&page, &FAILURES, "bad"), count(&page, &ATTEMPTS, "bad"));
    let why = [("target", "bad"), ("module", "fake"), ("phase", "connect"), ("reason", "connect_refused")];
    assert_eq!(page.get(FAILURE.name, &why), Some(1.0));
    assert_eq!(page.get(REASONS.name, &why), Some(count(&page, &FAILURES, "bad")));
    assert!(count(&page, &LAST_SUCCESS, "good") > 1.6e9 && count(&page, &LAST_SUCCESS, "bad").is_nan());
    assert_eq!(count(&page, &crate::verdict::IP_PROTOCOL, "good"), 0.0, "the probe's own families");
    let identity = [("target", "good"), ("module", "fake"), ("address", "good.test:1"), ("team", "web")];
    assert_eq!(page.get(INFO.name, &identity), Some(1.0));
    let watched = schedule.watched();
    assert_eq!((watched[0].ok, watched[1].ok), (Some(true), Some(false)));
    assert!(watched[1].detail.starts_with("connect: connection refused, down for "), "{watched:?}");
    assert_eq!(watched[0].link.as_deref(), Some("/probe?module=fake&target=good.test%3A1&debug=true"));
}

#[tokio::test]
async fn a_slow_target_is_never_probed_twice_at_once_and_rounds_are_counted() {
    let (fake, module) = Fake::module(Act::Hang);
    let mut slow = target("slow", &module, FAST);
    // Validation forbids it; the schedule holds all the same.
    slow.timeout = FAST * 5;
    let schedule = Schedule::new(vec![slow], tools(), None);
    let page = run_until(&schedule, |page| count(page, &ATTEMPTS, "slow") >= 2.0).await;
    assert_eq!(fake.most.load(Ordering::Relaxed), 1);
    assert!(count(&page, &SKIPPED, "slow") >= 4.0, "{page:?}");
}

#[tokio::test]
async fn a_prober_that_panics_costs_one_round_of_one_target() {
    let (fake, bad) = Fake::module(Act::Panic);
    let (_, good) = Fake::module(Act::Succeed);
    let schedule = Schedule::new(vec![target("bad", &bad, FAST), target("good", &good, FAST)], tools(), None);
    let why = [("target", "bad"), ("module", "fake"), ("phase", "internal"), ("reason", "internal")];
    let panics = |page: &Page| page.get(REASONS.name, &why).unwrap_or_default();
    let page =
        run_until(&schedule, |page| panics(page) >= 2.0 && count(page, &ATTEMPTS, "good") >= 2.0).await;
    assert_eq!(page.get(FAILURE.name, &why), Some(1.0));
    // Only now that it stands still do page and counter speak of one moment. The end may have cut one probe off.
    let page = schedule.samplers().remove(0).page();
    let failed = panics(&page) as u64;
    let begun = fake.most.load(Ordering::Relaxed);
    assert!(begun == failed || begun == failed + 1, "{begun} probes were begun, {failed} rounds failed");
    assert_eq!(count(&page, &FAILURES, "bad"), 0.0, "the service has nothing to do with it");
}

#[tokio::test]
async fn a_reload_keeps_what_is_known_of_unchanged_targets() {
    let (_, module) = Fake::module(Act::Succeed);
    let both = vec![target("stays", &module, FAST), target("moves", &module, FAST)];
    let before = Schedule::new(both.clone(), tools(), None);
    run_until(&before, |page| {
        count(page, &ATTEMPTS, "stays") >= 2.0 && count(page, &ATTEMPTS, "moves") >= 2.0
    })
    .await;
    let mut changed = both;
    changed[1].target = "elsewhere.test:1".to_owned();
    changed[0].objective = "99.9%".parse().unwrap();
    let after = Schedule::new(changed, tools(), Some(&before));
    let (old, new) = (before.samplers().remove(0), after.samplers().remove(0));
    assert_ne!(old.generation(), new.generation());
    assert!(count(&new.page(), &ATTEMPTS, "stays") >= 2.0);
    assert_eq!(count(&new.page(), &SUCCESS, "stays"), 1.0, "its verdict does not vanish for a round");
    assert_eq!(count(&new.page(), &ATTEMPTS, "moves"), 0.0, "another address is another target");
    assert_eq!(count(&new.page(), &OBJECTIVE, "stays"), 0.999, "a new objective judges the same counters");
}

#[tokio::test]
async fn a_verdict_that_gets_old_goes_and_the_page_is_made_anew() {
    let (_, module) = Fake::module(Act::Succeed);
    let schedule = Schedule::new(vec![target("t", &module, FAST)], tools(), None);
    let page = run_until(&schedule, |page| count(page, &ATTEMPTS, "t") >= 1.0).await;
    assert_eq!(count(&page, &SUCCESS, "t"), 1.0);
    let sampler = schedule.samplers().remove(0);
    let generation = sampler.generation();
    // Nobody runs it any more: after three intervals and a timeout the verdict is no news.
    tokio::time::sleep(FAST * 5).await;
    assert_ne!(sampler.generation(), generation);
    let page = sampler.page();
    assert!(count(&page, &SUCCESS, "t").is_nan());
    assert!(count(&page, &ATTEMPTS, "t") >= 1.0, "counters stay");
}

#[tokio::test]
async fn a_thousand_targets_share_one_task_and_a_bounded_number_of_probes() {
    let (fake, module) = Fake::module(Act::Succeed);
    let targets =
        (0..1000).map(|index| target(&format!("t{index}"), &module, Duration::from_millis(400))).collect();
    let schedule = Schedule::new(targets, tools(), None);
    // In one pass: looking each of them up would take the thread that the probes share.
    let probed = |sample: &kit::page::Sample<'_>| {
        sample.desc.name == ATTEMPTS.name && matches!(sample.value, kit::page::Value::Number(1.0..))
    };
    run_until(&schedule, |page| page.samples().filter(probed).count() == 1000).await;
    assert!(fake.most.load(Ordering::Relaxed) <= kit::schedule::AT_ONCE as u64);
}

#[test]
fn nothing_to_probe_is_no_loop() {
    assert!(Schedule::new(Vec::new(), tools(), None).samplers().is_empty());
    let _ = Document::embedded("test.yml", "");
}
