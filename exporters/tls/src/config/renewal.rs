//! `renewal:`, when a certificate should have been renewed, as it is written and validated.

use std::time::Duration;

use kit::config::{Document, HumanDuration, Problem, Spanned};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::renewal::Policy;

/// When a certificate should have been renewed. One of the two; without either, as certbot does: two thirds of the
/// lifetime, half of it under 10 days, and for what lives longer than 100 days a tenth of it before its end.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewalSection {
    /// After this share of its lifetime, above 0 and below 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 0.66)]
    pub fraction: Option<Spanned<f64>>,
    /// This long before its end. A certificate that does not live twice as long is due at half of its lifetime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"30d")]
    pub before: Option<Spanned<HumanDuration>>,
}

impl RenewalSection {
    /// The policy; problems are told, and then it is the usual one. `key` is the section's place.
    pub fn policy(&self, document: &Document, key: &str, problems: &mut Vec<Problem>) -> Policy {
        match (&self.fraction, &self.before) {
            (None, None) => Policy::Usual,
            (Some(at), Some(_)) => {
                let cause = "fraction and before exclude one another";
                problems.push(document.problem(at, format!("{key}.fraction"), cause, "keep one"));
                Policy::Usual
            }
            (Some(fraction), None) => {
                if !(fraction.value > 0.0 && fraction.value < 1.0) {
                    let cause = format!("{} is not a share above 0 and below 1", fraction.value);
                    let way_out = "give e.g. 0.66";
                    problems.push(document.problem(fraction, format!("{key}.fraction"), cause, way_out));
                }
                Policy::Fraction(fraction.value)
            }
            (None, Some(before)) => {
                if before.value.0 < Duration::from_secs(60) {
                    let cause = format!("{} is no time to renew in", before.value);
                    problems.push(document.problem(before, format!("{key}.before"), cause, "give e.g. 30d"));
                }
                Policy::Before(before.value.0)
            }
        }
    }
}
