//! Queries about the exporters themselves, that several dashboards ask.

use kit::own;

use crate::query::{Expr, Scope, foreign};
use crate::unit::Unit;

/// An exporter, as a scrape knows it.
pub(super) const EXPORTER: &[&str] = &["job", "instance"];

/// Each exporter that was there in the last day, with its name. `farol_build_info` alone would not do: it goes with the exporter.
fn known(scope: Scope) -> Expr {
    scope.metric(&own::BUILD).over("last_over_time", "1d").max_by(&["job", "instance", "name"])
}

/// Whether each exporter could be scraped, with its name.
pub(super) fn up(scope: Scope) -> Expr {
    named(scope, scope.metric(&foreign::UP).now()).of_unit(Unit::Plain)
}

/// A value of Prometheus's own about a scrape.
pub(super) fn scrape(scope: Scope, desc: &kit::Desc) -> Expr {
    named(scope, scope.metric(desc).now())
}

/// Resident memory.
pub(super) fn memory(scope: Scope) -> Expr {
    named(scope, scope.metric(&own::RESIDENT).now())
}

/// Processor time per second.
pub(super) fn cpu(scope: Scope) -> Expr {
    named(scope, scope.metric(&own::CPU).rate())
}

/// A value of an exporter, with the exporter's name beside it: only of ours, since every program has a `process_…`.
pub(super) fn named(scope: Scope, value: Expr) -> Expr {
    let known = known(scope);
    let text = format!("({value}) * on (job, instance) group_left (name) {known}");
    Expr::compose(text, value.unit(), &[&value, &known])
}
