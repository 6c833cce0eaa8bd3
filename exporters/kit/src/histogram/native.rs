//! Native ("sparse") buckets: their bounds are powers of 2^(2^-schema), so that nobody has to choose them, and only
//! those with observations take room. Rules: the Prometheus native histogram specification, and
//! `io.prometheus.client.Histogram` of client_model for how they travel.

/// The finest resolution: each bucket's bound is 2^(1/32) times the last one's, an error of at most 1.1 %.
const FINEST: i32 = 5;

/// The coarsest that Prometheus knows: each bound is 65536 times the last.
const COARSEST: i32 = -4;

/// What is not above this counts as zero: the zero threshold of Prometheus's own clients.
const ZERO_THRESHOLD: f64 = 1.0 / (1u128 << 127) as f64 / 2.0;

/// More buckets than this lower the resolution, which joins neighbours.
const MOST_BUCKETS: usize = 160;

/// Buckets that lie at most this far apart share a span: a few empty buckets are shorter than a span's head.
const SPAN_GAP: i32 = 2;

/// Upper bounds of the finest schema's buckets between 1/2 and 1: 2^(i/32) / 2, correctly rounded.
#[rustfmt::skip]
#[expect(clippy::approx_constant, reason = "the middle one happens to be 1/sqrt(2)")]
const FINEST_BOUNDS: [f64; 32] = [
    0.5, 0.5109485743270583, 0.5221368912137069, 0.5335702003384118,
    0.5452538663326288, 0.5571933712979462, 0.5693943173783458, 0.5818624293887887,
    0.5946035575013605, 0.6076236799902345, 0.620928906036742, 0.6345254785958666,
    0.6484197773255048, 0.6626183215798707, 0.6771277734684463, 0.691954940981916,
    0.7071067811865476, 0.7225904034885233, 0.7384130729697497, 0.7545822137967114,
    0.7711054127039704, 0.7879904225539432, 0.8052451659746271, 0.8228777390769825,
    0.8408964152537145, 0.859309649061239, 0.8781260801866497, 0.8973545375015536,
    0.9170040432046712, 0.93708381705515, 0.9576032806985737, 0.9785720620877001,
];

/// Native buckets at one moment, as protobuf carries them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NativeSnapshot {
    /// The resolution: bucket `i` holds what is above 2^((i-1) / 2^schema) and not above 2^(i / 2^schema).
    pub schema: i32,
    /// The width of the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: u64,
    /// Runs of neighbouring buckets.
    pub spans: Vec<Span>,
    /// For each bucket of the spans, by how much its count differs from that of the bucket before.
    pub deltas: Vec<i64>,
}

/// A run of neighbouring buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// For the first span the index of its first bucket, for the others the number of buckets left out before it.
    pub offset: i32,
    /// How many buckets it covers.
    pub length: u32,
}

/// The counting side.
#[derive(Debug)]
pub(super) struct Native {
    schema: i32,
    zero: u64,
    /// Index and count of the buckets in use, by index.
    buckets: Vec<(i32, u64)>,
}

impl Default for Native {
    fn default() -> Self {
        Self { schema: FINEST, zero: 0, buckets: Vec::new() }
    }
}

impl Native {
    /// Counts a value that is finite and not negative.
    pub(super) fn observe(&mut self, value: f64) {
        if value <= ZERO_THRESHOLD {
            self.zero += 1;
            return;
        }
        let index = coarser(finest_index(value), FINEST - self.schema);
        match self.buckets.binary_search_by_key(&index, |(index, _)| *index) {
            Ok(place) => self.buckets[place].1 += 1,
            Err(place) => {
                self.buckets.insert(place, (index, 1));
                self.limit();
            }
        }
    }

    fn limit(&mut self) {
        while self.buckets.len() > MOST_BUCKETS && self.schema > COARSEST {
            self.schema -= 1;
            for (index, _) in &mut self.buckets {
                *index = coarser(*index, 1);
            }
            self.buckets.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                if same {
                    kept.1 += next.1;
                }
                same
            });
        }
    }

    pub(super) fn snapshot(&self) -> NativeSnapshot {
        let mut spans: Vec<Span> = Vec::new();
        let mut deltas = Vec::with_capacity(self.buckets.len());
        let (mut next, mut before) = (0, 0);
        for (index, count) in &self.buckets {
            let gap = *index - next;
            match spans.last_mut() {
                Some(span) if gap <= SPAN_GAP => {
                    for _ in 0..gap {
                        deltas.push(-before);
                        before = 0;
                        span.length += 1;
                    }
                    span.length += 1;
                }
                _ => spans.push(Span { offset: gap, length: 1 }),
            }
            let count = i64::try_from(*count).unwrap_or(i64::MAX);
            deltas.push(count - before);
            (next, before) = (*index + 1, count);
        }
        NativeSnapshot {
            schema: self.schema,
            zero_threshold: ZERO_THRESHOLD,
            zero_count: self.zero,
            spans,
            deltas,
        }
    }
}

/// The index of the finest schema's bucket that holds `value`, which is above the zero threshold (so never subnormal).
fn finest_index(value: f64) -> i32 {
    // The value is fraction * 2^exponent, with the fraction in [1/2, 1).
    let bits = value.to_bits();
    let exponent = i32::try_from((bits >> 52) & 0x7ff).unwrap_or(0) - 1022;
    let fraction = f64::from_bits((bits & !(0x7ff << 52)) | (1022 << 52));
    let within = FINEST_BOUNDS.partition_point(|bound| *bound < fraction);
    i32::try_from(within).unwrap_or(0) + ((exponent - 1) << FINEST)
}

/// The index of the bucket that holds bucket `index` when the schema is lower by `steps`: upper bounds are inclusive, so
/// this rounds up.
fn coarser(index: i32, steps: i32) -> i32 {
    (index + (1 << steps) - 1) >> steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The upper bound of a bucket.
    fn bound(index: i32, schema: i32) -> f64 {
        (f64::from(index) * f64::from(-schema).exp2()).exp2()
    }

    /// A snapshot's buckets again: index and count, without the empty ones.
    fn read(snapshot: &NativeSnapshot) -> Vec<(i32, u64)> {
        let (mut index, mut count, mut deltas) = (0, 0, snapshot.deltas.iter());
        let mut buckets = Vec::new();
        for span in &snapshot.spans {
            index += span.offset;
            for _ in 0..span.length {
                count += deltas.next().unwrap();
                if count != 0 {
                    buckets.push((index, u64::try_from(count).unwrap()));
                }
                index += 1;
            }
        }
        assert_eq!(deltas.next(), None);
        buckets
    }

    #[test]
    fn the_threshold_is_that_of_the_other_clients() {
        assert_eq!(ZERO_THRESHOLD, (-128f64).exp2());
    }

    #[test]
    fn a_power_of_two_is_the_upper_bound_of_its_bucket() {
        for (value, schema, index) in [
            (1.0, 5, 0),
            (1.000_000_1, 5, 1),
            (2.0, 5, 32),
            (0.5, 5, -32),
            (4.0, 0, 2),
            (4.1, 0, 3),
            (3.0, 0, 2),
            (0.25, 0, -2),
            (0.3, 0, -1),
            (4.0, -1, 1),
            (4.1, -1, 2),
            (1.0, -4, 0),
            (65536.0, -4, 1),
            (65537.0, -4, 2),
        ] {
            assert_eq!(coarser(finest_index(value), FINEST - schema), index, "{value} at schema {schema}");
        }
    }

    #[test]
    fn the_number_of_buckets_is_bounded() {
        let mut native = Native::default();
        for step in 0..20_000 {
            native.observe(1e-9 * (f64::from(step) / 400.0).exp());
        }
        assert!(native.buckets.len() <= MOST_BUCKETS && native.buckets.len() > MOST_BUCKETS / 4);
        assert_eq!(native.buckets.iter().map(|(_, count)| count).sum::<u64>(), 20_000);
        assert!(native.schema < FINEST);
        assert_eq!(read(&native.snapshot()), native.buckets);
    }

    #[test]
    fn the_widest_range_still_fits() {
        let mut native = Native::default();
        for exponent in -127..=1023 {
            native.observe(f64::from(exponent).exp2());
        }
        assert!(native.buckets.len() <= MOST_BUCKETS);
        assert_eq!(native.snapshot().zero_count, 0);
    }

    #[test]
    fn near_buckets_share_a_span_and_far_ones_do_not() {
        let mut native = Native::default();
        for value in [0.0, 1.0, 1.0, bound(3, 5) * 0.999, bound(7, 5) * 0.999] {
            native.observe(value);
        }
        let snapshot = native.snapshot();
        assert_eq!(snapshot.zero_count, 1);
        assert_eq!(snapshot.spans, [Span { offset: 0, length: 4 }, Span { offset: 3, length: 1 }]);
        assert_eq!(snapshot.deltas, [2, -2, 0, 1, 0]);
    }

    proptest! {
        #[test]
        fn the_index_is_the_inverse_of_the_bound(value in 1e-30f64..1e30, schema in COARSEST..=FINEST) {
            let index = coarser(finest_index(value), FINEST - schema);
            // The bound is computed another way here, so it may be off by some ulps.
            prop_assert!(value <= bound(index, schema) * (1.0 + 1e-12));
            prop_assert!(value > bound(index - 1, schema) * (1.0 - 1e-12));
        }

        #[test]
        fn every_observation_is_in_one_bucket(values in proptest::collection::vec(0f64..1e12, 0..600)) {
            let mut native = Native::default();
            for value in &values {
                native.observe(*value);
            }
            let snapshot = native.snapshot();
            let buckets = read(&snapshot);
            let sum: u64 = buckets.iter().map(|(_, count)| count).sum();
            prop_assert_eq!(sum + snapshot.zero_count, values.len() as u64);
            prop_assert!(buckets.len() <= MOST_BUCKETS);
            prop_assert!(buckets.is_sorted());
        }
    }
}
