//! What every entry of a file's `targets:` has: how often, for how long, and labels of its operator's.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::{HumanDuration, Spanned, span_of_time};

/// More often is an attack on the target, not a watch over it.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// Told of what is wrong: the value, its key in the entry, the cause, the way out.
pub type Tell<'t, T> = dyn FnMut(&Spanned<T>, &str, String, &str) + 't;

/// The bounds of an exporter's intervals.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How often, if the target does not say.
    pub usual: Duration,
    /// The longest interval and timeout.
    pub longest: Duration,
}

/// An entry's interval, and its own timeout if it has one; that is not above the interval. What is wrong is told at its value,
/// with its key, cause and way out.
pub fn timing(
    interval: Option<&Spanned<HumanDuration>>,
    timeout: Option<&Spanned<HumanDuration>>,
    bounds: Bounds,
    tell: &mut Tell<'_, HumanDuration>,
) -> (Duration, Option<Duration>) {
    let mut read = |raw: Option<&Spanned<HumanDuration>>, key: &str| {
        let at = raw?;
        span_of_time(raw, bounds.longest, &mut |cause, way_out| tell(at, key, cause, way_out))
    };
    let (every, own) = (read(interval, "interval").unwrap_or(bounds.usual), read(timeout, "timeout"));
    if let Some(at) = interval.filter(|_| every < SHORTEST_INTERVAL) {
        let way_out = format!("give {} or more", HumanDuration(SHORTEST_INTERVAL));
        tell(at, "interval", format!("{} is too short", HumanDuration(every)), &way_out);
    } else if let (Some(own), Some(at)) = (own, timeout)
        && own > every
    {
        let cause = format!("{} is more than the interval, {}", HumanDuration(own), HumanDuration(every));
        tell(at, "timeout", cause, "give less, or a longer interval");
    }
    (every, own)
}

/// Tells which labels of the operator's cannot be: those that are no names, and those that are `taken`.
pub fn check_labels(labels: &BTreeMap<String, Spanned<String>>, taken: &[&str], tell: &mut Tell<'_, String>) {
    for (name, value) in labels {
        if !crate::desc::is_label_name(name) || taken.contains(&name.as_str()) {
            let way_out = format!(
                "a label name is [a-zA-Z_][a-zA-Z0-9_]*, without a leading __, and none of {}",
                taken.join(", ")
            );
            tell(value, name, format!("{name:?} cannot be a label of yours"), &way_out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_make_sense() {
        let bounds = Bounds { usual: Duration::from_secs(15), longest: Duration::from_secs(3600) };
        let given = |seconds: f64| Some(Spanned::new(HumanDuration(Duration::from_secs_f64(seconds))));
        for (interval, timeout, want, told) in [
            (None, None, 15.0, ""),
            (given(30.0), given(5.0), 30.0, ""),
            (given(0.1), None, 0.1, ""),
            (given(0.09), None, 0.09, "interval: 90ms is too short; give 100ms or more"),
            (given(0.0), None, 15.0, "interval: 0 is no time at all; give some, e.g. 5s, or remove the key"),
            (given(7200.0), None, 15.0, "interval: 2h is more than 1h; give at most 1h"),
            (
                given(5.0),
                given(6.0),
                5.0,
                "timeout: 6s is more than the interval, 5s; give less, or a longer interval",
            ),
        ] {
            let mut all = Vec::new();
            let (every, own) =
                timing(interval.as_ref(), timeout.as_ref(), bounds, &mut |_, key, cause, way_out| {
                    all.push(format!("{key}: {cause}; {way_out}"));
                });
            assert_eq!((every.as_secs_f64(), all.join("\n").as_str()), (want, told));
            assert_eq!(own, timeout.map(|timeout| timeout.value.0));
        }
    }

    #[test]
    fn labels_that_cannot_be_are_told() {
        let labels =
            ["site", "target", "__x", "a-b"].map(|name| (name.to_owned(), Spanned::new(String::new())));
        let mut all = Vec::new();
        check_labels(&labels.into(), &["target"], &mut |_, name, _, way_out| {
            assert!(way_out.ends_with("and none of target"), "{way_out}");
            all.push(name.to_owned());
        });
        assert_eq!(all, ["__x", "a-b", "target"]);
    }
}
