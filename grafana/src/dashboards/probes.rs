//! Queries about what is probed, that several dashboards ask.

use kit::prober;
use probe_exporter::certificates;

use super::causes::{CAUSES, UNKNOWN};
use crate::query::{Expr, STEP, Scope, foreign};
use crate::rules::{RuleError, Rules};
use crate::unit::Unit;

/// A service, as rules and dashboards tell it from others. An exporter's instance is not part of it: two exporters that probe
/// one service are two witnesses.
pub(super) const SERVICE: &[&str] = &["job", "target"];

/// Whether the target worked at its last probe.
pub(super) fn success(scope: Scope) -> crate::query::Selector {
    scope.scheduled(&prober::SUCCESS)
}

/// The window of a state: a step. A panel that asks for states must not have steps below [`STATE_STEP`].
const STATES: &str = "$__interval";
/// The shortest step of states: two scrapes of a minute, so that none is without a sample.
pub(super) const STATE_STEP: &str = "2m";

/// A service's state at each step as a number: works, fails by cause, or not known. A service that was there at the end of what is
/// shown has a state at each step.
pub(super) fn state(scope: Scope) -> Expr {
    // The worst of each step, so that no outage falls between two points.
    let works = success(scope).over("min_over_time", STATES);
    let known = uptime(scope);
    let fails: Vec<Expr> = CAUSES
        .iter()
        .map(|cause| {
            scope.scheduled(&prober::FAILURE).like("reason", &cause.pattern()).over("max_over_time", STATES)
        })
        .collect();
    let terms: Vec<String> =
        CAUSES.iter().zip(&fails).map(|(cause, fails)| format!("{fails} * {}", cause.number())).collect();
    let parts: Vec<&Expr> = fails.iter().chain([&works, &known]).collect();
    let text = format!("{works} or {} or {known} * 0 + ({UNKNOWN})", terms.join(" or "));
    Expr::compose(text, Unit::Plain, &parts).max_by(SERVICE)
}

/// The share of probes that worked in a day, as it is at the end of what is shown.
pub(super) fn uptime(scope: Scope) -> Expr {
    scope.recorded(&foreign::UPTIME_24H).at_end().of_unit(Unit::FineRatio)
}

/// The same, as a table's column asks it.
pub(super) fn uptime_of_day(scope: Scope) -> Expr {
    scope.recorded(&foreign::UPTIME_24H).now().of_unit(Unit::FineRatio).min_by(SERVICE)
}

/// The same of several days, added up when it is asked: recorded, it would be a tenth of the work of all rules, for pages that are
/// looked at now and then. Of whole hours; before there is one, the day's.
pub(super) fn uptime_of(scope: Scope, days: u32) -> Expr {
    let window = format!("{days}d");
    let failures = scope.recorded(&foreign::FAILURES_HOUR).over("sum_over_time", &window);
    let attempts = scope.recorded(&foreign::ATTEMPTS_HOUR).over("sum_over_time", &window);
    let day = uptime_of_day(scope);
    let text = format!("(1 - {failures} / ({attempts} > 0) or {day})");
    Expr::compose(text, Unit::FineRatio, &[&failures, &attempts, &day])
}

/// The share of probes that shall succeed.
pub(super) fn objective(scope: Scope) -> Expr {
    let budget = scope.recorded(&foreign::ERROR_BUDGET).now();
    Expr::compose(format!("1 - {budget}"), Unit::FineRatio, &[&budget])
}

/// What is left of the failures that the objective allows in 30 days: 1 is all, 0 none, less is an objective that is missed.
pub(super) fn budget_left(scope: Scope) -> Expr {
    let uptime = uptime_of(scope, 30);
    let budget = scope.recorded(&foreign::ERROR_BUDGET).now();
    let text = format!("1 - (1 - {uptime}) / on (job, target) {budget}");
    Expr::compose(text, Unit::Ratio, &[&uptime, &budget])
}

/// Until the first certificate that the server presents expires.
pub(super) fn certificate_left(scope: Scope) -> Expr {
    let expiry = scope.scheduled(&certificates::EARLIEST_EXPIRY).now().min_by(SERVICE);
    Expr::compose(format!("({expiry} - time()) / 86400"), Unit::Days, &[&expiry])
}

/// The share of its life that the certificate has before it.
pub(super) fn certificate_life(scope: Scope) -> Expr {
    let expiry = scope.scheduled(&certificates::EARLIEST_EXPIRY).now().min_by(SERVICE);
    let begin = scope.scheduled(&certificates::NOT_BEFORE).now().max_by(SERVICE);
    let text = format!("({expiry} - time()) / ({expiry} - {begin} > 0)");
    Expr::compose(text, Unit::Ratio, &[&expiry, &begin])
}

/// The shares of a certificate's life below which its renewal is overdue, and it must be renewed by hand: as the alerts have it, of
/// one that is due after two thirds of its life.
pub(super) fn life_limits(rules: &Rules) -> Result<(f64, f64), RuleError> {
    let (warning, critical) = super::tls::limits(rules)?;
    Ok(((1.0 - warning) / 3.0, (1.0 - critical) / 3.0))
}

/// A value of probes, only where all of the step's probes worked: how long a probe hung, or how soon it was refused, says nothing of
/// how fast a service is.
pub(super) fn good(scope: Scope, value: Expr) -> Expr {
    let worked = success(scope).over("min_over_time", STEP);
    let text = format!("({value}) and on (job, instance, target, module) ({worked} == 1)");
    Expr::compose(text, value.unit(), &[&value, &worked])
}

/// How long probes that worked took, on average over the step.
pub(super) fn duration(scope: Scope) -> Expr {
    let took = good(scope, scope.scheduled(&prober::DURATION).over("avg_over_time", STEP));
    Expr::compose(format!("avg by (job, target) ({took})"), Unit::Seconds, &[&took])
}

/// The same of the last quarter of an hour of what is shown, as recorded: to choose the slowest by.
pub(super) fn duration_at_end(scope: Scope) -> Expr {
    scope.recorded(&foreign::DURATION_MEAN).at_end().of_unit(Unit::Seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPE: Scope = Scope { labels: &["target"] };

    #[test]
    fn queries_name_only_what_there_is() {
        for expr in [
            state(SCOPE),
            budget_left(SCOPE),
            certificate_left(SCOPE),
            certificate_life(SCOPE),
            duration(SCOPE),
            duration_at_end(SCOPE),
        ] {
            assert!(expr.problems().is_empty(), "{expr}: {:?}", expr.problems());
        }
    }
}
