//! Classic and native buckets from one observation.

/// What a histogram holds at one moment.
#[derive(Clone, Debug, Default)]
pub struct HistogramSnapshot {}
/// A histogram.
pub struct Histogram {}
