//! Classic and native buckets from one observation.

mod native;

pub use native::{NativeSnapshot, Span};

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use native::Native;

/// Observations in buckets. The text formats show the classic ones, whose bounds the program chooses; protobuf shows
/// native ones beside them, whose bounds follow from the values.
///
/// One short lock covers an observation: a snapshot then never shows a count that its buckets do not add up to, which
/// separate atomics would allow, and an uncontended lock costs no more than the atomics would.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    created: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Observations per classic bucket, not cumulative; the last is the one up to +Inf.
    classic: Box<[u64]>,
    native: Native,
    sum: f64,
}

impl Histogram {
    /// An empty histogram with these classic upper bounds: finite, ascending, without +Inf, which is always added.
    #[must_use]
    pub fn new(bounds: &'static [f64]) -> Self {
        debug_assert!(bounds.iter().all(|bound| bound.is_finite()), "the bounds of a histogram are finite");
        debug_assert!(bounds.is_sorted_by(|a, b| a < b), "the bounds of a histogram ascend");
        let created = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let classic = vec![0; bounds.len() + 1].into_boxed_slice();
        Self { bounds, created, state: Mutex::new(State { classic, native: Native::default(), sum: 0.0 }) }
    }

    /// Counts one observation, in the base unit of the metric. What is not finite is ignored, since one such value
    /// would spoil the sum for good. What is negative counts as zero: we observe durations and sizes, and only a clock
    /// set back makes one of those negative.
    pub fn observe(&self, value: f64) {
        if !value.is_finite() {
            return;
        }
        let value = value.max(0.0);
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        let mut state = self.lock();
        state.classic[bucket] += 1;
        state.sum += value;
        state.native.observe(value);
    }

    /// What has been observed so far.
    #[must_use]
    pub fn snapshot(&self) -> HistogramSnapshot {
        let state = self.lock();
        let mut buckets = Vec::with_capacity(self.bounds.len());
        let mut count = 0;
        for (index, observed) in state.classic.iter().enumerate() {
            count += observed;
            if index < self.bounds.len() {
                buckets.push(count);
            }
        }
        HistogramSnapshot {
            bounds: self.bounds,
            buckets,
            count,
            sum: state.sum,
            created: self.created,
            native: Some(state.native.snapshot()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic between two additions leaves numbers, not a broken structure: better one observation off than none.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a histogram holds at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramSnapshot {
    /// Classic upper bounds, ascending and finite; +Inf is not among them.
    pub bounds: &'static [f64],
    /// For each of `bounds`, how many observations were not above it (cumulative).
    pub buckets: Vec<u64>,
    /// All observations: the bucket up to +Inf.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// When the histogram began to count, in seconds since 1970.
    pub created: f64,
    /// The native buckets, if there are any.
    pub native: Option<NativeSnapshot>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOUNDS: &[f64] = &[0.1, 0.5, 1.0];

    #[test]
    fn a_bound_belongs_to_its_own_bucket() {
        let histogram = Histogram::new(BOUNDS);
        for value in [0.1, 0.2, 0.5, 1.0, 1.5] {
            histogram.observe(value);
        }
        let snapshot = histogram.snapshot();
        assert_eq!(snapshot.buckets, [1, 3, 4]);
        assert_eq!(snapshot.count, 5);
        assert!((snapshot.sum - 3.3).abs() < 1e-9);
        assert!(snapshot.created > 1e9);
    }

    #[test]
    fn what_would_spoil_the_sum_is_ignored_and_negative_is_zero() {
        let histogram = Histogram::new(BOUNDS);
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.5] {
            histogram.observe(value);
        }
        let snapshot = histogram.snapshot();
        assert_eq!((snapshot.count, snapshot.sum), (1, 0.0));
        assert_eq!(snapshot.native.unwrap().zero_count, 1);
    }

    #[test]
    fn without_bounds_there_is_still_a_count() {
        let histogram = Histogram::new(&[]);
        histogram.observe(2.0);
        assert_eq!((histogram.snapshot().buckets.len(), histogram.snapshot().count), (0, 1));
    }

    proptest! {
        #[test]
        fn a_snapshot_adds_up(values in proptest::collection::vec(-1f64..3.0, 0..200)) {
            let histogram = Histogram::new(BOUNDS);
            for value in &values {
                histogram.observe(*value);
            }
            let snapshot = histogram.snapshot();
            prop_assert_eq!(snapshot.count, values.len() as u64);
            prop_assert!(snapshot.buckets.is_sorted());
            for (bound, count) in BOUNDS.iter().zip(&snapshot.buckets) {
                prop_assert_eq!(values.iter().filter(|value| *value <= bound).count() as u64, *count);
            }
        }
    }
}
