//! Nothing to call: `benches/` holds the criterion benches, `peers/` the side-by-side runs, and `RESULTS.md` what they
//! have shown, with date and method.
