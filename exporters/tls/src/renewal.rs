//! When a certificate should have been renewed: a moment, not a number of days before the end.
//!
//! With fixed days an alert is red in every cycle of a 45-day certificate and always with a 6-day one. The moment at which
//! a renewer that works will have renewed is a property of the certificate's lifetime; what comes after it is overdue, by
//! a share of the time that is left from there to the end: `(time() - due) / (not_after - due)`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Ten days: certbot 5 renews what lives shorter at half of its lifetime, all else at two thirds.
const SHORT: i64 = 10 * DAY;
/// What lives longer is hardly renewed by a program; somebody has to order it.
const MANUAL: i64 = 100 * DAY;
/// Whoever orders it wants two weeks, or a tenth of its lifetime; but nobody begins a year before the end of ten.
const ORDER: i64 = 14 * DAY;
const EARLIEST: i64 = 60 * DAY;
/// What Nginx Proxy Manager renews, it renews in the first hour in which so much is left.
const NPM: i64 = 30 * DAY;
const DAY: i64 = 86_400;

/// How the moment is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub enum Policy {
    /// By the lifetime, as renewers do.
    #[default]
    Usual,
    /// After a share of the lifetime, above 0 and below 1.
    Fraction(f64),
    /// So long before the end, but not before half of the lifetime.
    Before(Duration),
    /// As certbot 5 does: so long before the end as the certificate's own configuration says, else by the lifetime.
    Certbot(Option<Duration>),
    /// Nobody renews it by itself: somebody has to order it.
    Manual,
    /// As Nginx Proxy Manager does it, every hour: 30 days before the end. What does not live for twice as long it renews
    /// earlier than anybody needs (a 45-day certificate at day 15, a 6-day one every hour), so that half of the lifetime is
    /// when one must be worried: 22.5 days, 3 days.
    Npm,
}

/// The values of the label `policy`.
pub const POLICIES: &[(&str, &str)] = &[
    (
        "fraction",
        "A share of the lifetime: the configured one, else two thirds, or half of less than 10 days.",
    ),
    (
        "manual",
        "Of more than 100 days, or certbot is told not to renew it, so nobody renews it by itself: a tenth of the lifetime, \
         at least 14 days and at most 60, before its end; not before half of the lifetime.",
    ),
    (
        "certbot",
        "As certbot's configuration of the certificate says (renew_before_expiry), else two thirds of the lifetime, or half \
         of less than 10 days.",
    ),
    (
        "ari",
        "When the window ends that the certificate's authority names (RFC 9773); it goes before all others.",
    ),
    ("npm", "As Nginx Proxy Manager renews: 30 days before the end, but not before half of the lifetime."),
    ("before", "As long before the end as the configuration says, but not before half of the lifetime."),
];

/// When a certificate is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Seconds since 1970.
    pub at: i64,
    /// One of [`POLICIES`].
    pub policy: &'static str,
}

impl Policy {
    /// When a certificate with these dates (seconds since 1970) is due. Never before it is valid, never after its end;
    /// one whose end is before its beginning is due at its end.
    #[must_use]
    pub fn due(self, not_before: i64, not_after: i64) -> Due {
        let lifetime = not_after.saturating_sub(not_before);
        if lifetime <= 0 {
            return Due { at: not_after, policy: "fraction" };
        }
        match self {
            Self::Usual if lifetime > MANUAL => Self::Manual.due(not_before, not_after),
            Self::Usual => Due { at: by_lifetime(not_before, not_after), policy: "fraction" },
            Self::Manual => {
                let order = (lifetime / 10).clamp(ORDER, EARLIEST).min(lifetime / 2);
                Due { at: not_after - order, policy: "manual" }
            }
            Self::Certbot(None) => Due { at: by_lifetime(not_before, not_after), policy: "certbot" },
            Self::Certbot(Some(time)) => {
                Due { policy: "certbot", ..Self::Before(time).due(not_before, not_after) }
            }
            Self::Fraction(share) => {
                #[allow(
                    clippy::cast_precision_loss,
                    clippy::cast_possible_truncation,
                    reason = "a lifetime has fewer than 53 bits of seconds, and a share of it is not longer"
                )]
                let past = (lifetime as f64 * share.clamp(0.0, 1.0)) as i64;
                Due { at: not_before + past.min(lifetime), policy: "fraction" }
            }
            Self::Npm => Due { at: not_after - NPM.min(lifetime / 2), policy: "npm" },
            Self::Before(time) => {
                let before = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
                Due { at: not_after - before.min(lifetime / 2), policy: "before" }
            }
        }
    }
}

/// As certbot 5 does without a setting.
fn by_lifetime(not_before: i64, not_after: i64) -> i64 {
    let lifetime = not_after.saturating_sub(not_before);
    // Of seconds, thirds are exact enough; in this order nothing overflows.
    if lifetime < SHORT { not_before + lifetime / 2 } else { not_after - lifetime / 3 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-01-01.
    const FROM: i64 = 1_767_225_600;
    const HOUR: i64 = 3600;

    /// The ends of a certificate that lives so many days: the last second counts.
    fn certificate(days: i64) -> (i64, i64) {
        (FROM, FROM + days * DAY - 1)
    }

    /// How overdue, as the alerts compute it.
    #[allow(clippy::cast_precision_loss, reason = "seconds")]
    fn overdue(now: i64, (from, until): (i64, i64)) -> f64 {
        let due = Policy::Usual.due(from, until).at;
        (now - due) as f64 / (until - due) as f64
    }

    #[test]
    fn certificates_of_every_lifetime_of_the_coming_years() {
        for (days, after, policy) in [
            (90, 60 * DAY, "fraction"),
            (64, 64 * DAY * 2 / 3, "fraction"),
            (47, 47 * DAY * 2 / 3, "fraction"),
            (45, 30 * DAY, "fraction"),
            (6, 3 * DAY, "fraction"),
            (100, 100 * DAY * 2 / 3, "fraction"),
            (200, 180 * DAY, "manual"),
            (398, 398 * DAY * 9 / 10, "manual"),
            (3650, 3590 * DAY, "manual"),
            (101, 87 * DAY, "manual"),
        ] {
            let (from, until) = certificate(days);
            let due = Policy::Usual.due(from, until);
            assert!((due.at - from - after).abs() <= 1, "{days} days: {} h", (due.at - from) / HOUR);
            assert_eq!(due.policy, policy, "{days} days");
        }
    }

    #[test]
    fn what_the_configuration_says() {
        let (from, until) = certificate(90);
        assert_eq!(
            Policy::Fraction(0.5).due(from, until),
            Due { at: from + 45 * DAY - 1, policy: "fraction" }
        );
        let month = Policy::Before(Duration::from_secs(30 * 86_400));
        assert_eq!(month.due(from, until), Due { at: until - 30 * DAY, policy: "before" });
        // 30 days before the end of a 6-day certificate it did not exist: an alert on that would never end.
        let (from, until) = certificate(6);
        assert_eq!(month.due(from, until).at, until - (6 * DAY - 1) / 2);
    }

    #[test]
    fn as_nginx_proxy_manager_renews() {
        for (days, after) in
            [(90, 60 * DAY), (64, 34 * DAY), (47, 47 * DAY / 2), (45, 45 * DAY / 2), (6, 3 * DAY)]
        {
            let (from, until) = certificate(days);
            let due = Policy::Npm.due(from, until);
            assert!((due.at - from - after).abs() <= 1, "{days} days: {} h", (due.at - from) / HOUR);
            assert_eq!(due.policy, "npm");
        }
    }

    /// What the alerts ask: overdue by a share of the time that is left, by more than the half day that may lie between two runs
    /// of certbot's timer, and of less than ten days six hours past two thirds of the lifetime, where others renew it.
    fn alarming(now: i64, dates: (i64, i64), share: f64) -> bool {
        let lifetime = dates.1 - dates.0;
        let late = now - Policy::Usual.due(dates.0, dates.1).at > 13 * HOUR;
        let short = lifetime < SHORT && 3 * (now - dates.0 - 6 * HOUR) < 2 * lifetime;
        overdue(now, dates) > share && late && !short
    }

    /// A clock walks through half a year of healthy renewals (by a timer that runs twice a day), and no hour of it is worth
    /// an alert; then renewals fail, and the warning (overdue by a tenth) and the critical alert (by half) come at the hour
    /// that is known beforehand, both before the end.
    #[test]
    fn a_simulated_clock_walks_through_renewals_that_work_and_that_fail() {
        for (days, warning, critical) in [
            (90, 60 * 24 + 72, 60 * 24 + 360),
            (47, 752 + 38, 752 + 188),
            (45, 30 * 24 + 36, 30 * 24 + 180),
            (6, 96 + 6, 72 + 36),
        ] {
            let lifetime = days * DAY - 1;
            let (mut from, mut now) = (FROM, FROM);
            while now < FROM + 180 * DAY {
                let dates = (from, from + lifetime);
                if now >= Policy::Usual.due(dates.0, dates.1).at && (now / HOUR) % 12 == 0 {
                    from = now;
                } else {
                    assert!(!alarming(now, dates, 0.1), "{days} days, {} h old", (now - from) / HOUR);
                }
                now += HOUR;
            }
            let dates = (from, from + lifetime);
            let first =
                |share: f64| (0..days * 24).find(|hour| alarming(from + hour * HOUR, dates, share)).unwrap();
            assert!((first(0.1) - warning).abs() <= 1, "{days} days: warned after {} h", first(0.1));
            assert!((first(0.5) - critical).abs() <= 1, "{days} days: critical after {} h", first(0.5));
            assert!(critical < days * 24);
        }
    }

    proptest! {
        #[test]
        fn due_lies_within_the_lifetime_whatever_the_policy(
            from in -4_000_000_000_i64..4_000_000_000, lifetime in 1_i64..4_000_000_000, share in 0.0_f64..1.0, before: u64,
        ) {
            let until = from + lifetime;
            for policy in [
                Policy::Usual,
                Policy::Npm,
                Policy::Fraction(share),
                Policy::Before(Duration::from_secs(before)),
                Policy::Certbot(Some(Duration::from_secs(before))),
                Policy::Certbot(None),
                Policy::Manual,
            ] {
                let due = policy.due(from, until);
                prop_assert!(from <= due.at && due.at <= until, "{policy:?} {due:?}");
                prop_assert!(POLICIES.iter().any(|(word, _)| *word == due.policy));
            }
            // A renewer needs time after it is due, in any case.
            let due = Policy::Usual.due(from, until).at;
            prop_assert!(until - due >= (lifetime / 10).min(EARLIEST));
        }

        #[test]
        fn a_longer_life_is_never_due_earlier(from in 0_i64..4_000_000_000, days in 1_i64..1000, more in 1_i64..100) {
            // But where another rule begins: at 10 and at 100 days.
            let (short, long) = (days * DAY, (days + more) * DAY);
            prop_assume!((short < SHORT) == (long < SHORT) && (short > MANUAL) == (long > MANUAL));
            prop_assert!(Policy::Usual.due(from, from + short).at <= Policy::Usual.due(from, from + long).at);
        }

        #[test]
        fn no_dates_break_it(from: i64, until: i64, share: f64) {
            for policy in [Policy::Usual, Policy::Npm, Policy::Fraction(share), Policy::Before(Duration::MAX)] {
                let _ = policy.due(from, until);
            }
        }
    }
}
