//! Queries about certificates, that several dashboards ask: on what the rules record of servers and files alike.

use crate::color::Steps;
use crate::query::{Expr, Scope, foreign};
use crate::rules::{RuleError, Rules};
use crate::unit::Unit;

/// A certificate, as a table's row has it.
pub(super) const CERTIFICATE: &[&str] = &["job", "name", "path"];
/// What is looked at, as a table's row has it.
pub(super) const TARGET: &[&str] = &["job", "target"];

/// How much of the time to renew it in is used up: below 0 it is not due yet.
pub(super) fn used(scope: Scope) -> Expr {
    scope.recorded(&foreign::CERTIFICATE_OVERDUE).now().of_unit(Unit::Ratio)
}

/// The same for people, who read 0% of what is not due; what is due sooner is a trifle more, to be sorted by.
pub(super) fn used_shown(scope: Scope) -> Expr {
    let used = used(scope);
    let text = format!("clamp_min({used}, 0) + 1e-6 / (1 - clamp_max({used}, 0))");
    Expr::compose(text, Unit::Ratio, &[&used])
}

/// Until it expires.
pub(super) fn days_left(scope: Scope) -> Expr {
    let left = scope.recorded(&foreign::CERTIFICATE_LEFT).now();
    Expr::compose(format!("{left} / 86400"), Unit::Days, &[&left])
}

/// The same at the end of what is shown: to choose by.
pub(super) fn days_left_at_end(scope: Scope) -> Expr {
    let left = scope.recorded(&foreign::CERTIFICATE_LEFT).at_end();
    Expr::compose(format!("{left} / 86400"), Unit::Days, &[&left])
}

/// The shares of the time to renew in from which on the renewal is overdue, and must be done by hand.
pub(super) fn limits(rules: &Rules) -> Result<(f64, f64), RuleError> {
    let limit = |severity| rules.threshold("CertificateRenewalOverdue", severity);
    Ok((limit("warning")?, limit("critical")?))
}

/// The colours of that share.
pub(super) fn used_steps(rules: &Rules) -> Result<Steps, RuleError> {
    let (amber, red) = limits(rules)?;
    Ok(Steps::rising(Some(amber), Some(red)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_name_only_what_there_is() {
        const SCOPE: Scope = Scope { labels: &["name"] };
        for expr in [used(SCOPE), used_shown(SCOPE), days_left(SCOPE), days_left_at_end(SCOPE)] {
            assert!(expr.problems().is_empty(), "{expr}: {:?}", expr.problems());
        }
    }
}
