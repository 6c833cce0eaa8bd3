//! Every target over its corpus and over inputs mutated from it. `FAROL_FUZZ_ROUNDS=100` multiplies the rounds,
//! `FAROL_FUZZ_SEED` takes other inputs, `FAROL_FUZZ` one target only.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use farol_fuzz::mutate::{Chance, LONGEST, mutate};
use farol_fuzz::{TARGETS, Target};

/// The most CPU time that one input may take, in an unoptimized build.
const MOST: Duration = Duration::from_millis(1500);
/// A target gives up its rounds, not its test, when the machine is slower than thought: the whole shall stay bounded.
const PATIENCE: Duration = Duration::from_secs(3);

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

/// This thread's CPU time: what a busy machine adds to the clock does not count.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default())
}

/// Panics so far, also of tasks whose end nobody asks for.
static PANICS: AtomicUsize = AtomicUsize::new(0);

fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.fetch_add(1, Ordering::Relaxed);
            tell(info);
        }));
    });
}

/// Runs one input; panics with it when it does what no input may.
fn check(target: &Target, input: &[u8]) {
    count_panics();
    let (began, panics) = (cpu_time(), PANICS.load(Ordering::Relaxed));
    let ended = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let (took, panicked) = (cpu_time() - began, PANICS.load(Ordering::Relaxed) > panics);
    if ended.is_ok() && !panicked && took < MOST {
        return;
    }
    let file = std::env::temp_dir().join(format!("farol-fuzz-{}", target.name));
    std::fs::write(&file, input).unwrap();
    let why = if panicked || ended.is_err() { "panics".to_owned() } else { format!("takes {took:?}") };
    panic!("{} {why} with {} (\"{}\")", target.name, file.display(), input.escape_ascii());
}

#[test]
fn no_input_makes_a_parser_panic_or_hang() {
    let (factor, seed) = (setting("FAROL_FUZZ_ROUNDS", 1), setting("FAROL_FUZZ_SEED", 1));
    let only = std::env::var("FAROL_FUZZ").ok();
    for target in TARGETS.iter().filter(|target| only.as_ref().is_none_or(|only| only == target.name)) {
        let corpus = target.corpus();
        assert!(!corpus.is_empty(), "{} has no corpus", target.name);
        let began = Instant::now();
        check(target, b"");
        corpus.iter().for_each(|input| check(target, input));
        let mut chance = Chance::new(seed, target.name);
        let mut rounds = 0;
        while rounds < u64::from(target.rounds) * factor
            && began.elapsed() < PATIENCE * u32::try_from(factor).unwrap()
        {
            check(target, &mutate(&corpus, &mut chance));
            rounds += 1;
        }
        println!("{}: {} inputs, {rounds} rounds, {:?}", target.name, corpus.len(), began.elapsed());
    }
}

/// What is quadratic shows at length, not at 16 KiB: each piece of a corpus again and again up to 256 KiB, and each with
/// an end that goes on and on.
#[test]
fn long_inputs_take_no_longer_than_their_length() {
    let only = std::env::var("FAROL_FUZZ").ok();
    for target in TARGETS.iter().filter(|target| only.as_ref().is_none_or(|only| only == target.name)) {
        for input in target.corpus().into_iter().chain([b"a".to_vec(), b"\n".to_vec(), b"- ".to_vec()]) {
            check(target, &input.repeat(LONGEST * 16 / input.len().max(1)));
            let last = input.last().copied().unwrap_or_default();
            check(target, &[input, vec![last; LONGEST * 16]].concat());
        }
    }
}
