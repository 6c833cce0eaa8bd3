//! Dates as the API writes them, in seconds since 1970.

/// Months as `date` and `ctime` name them.
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The beginning of a day in UTC, `2026-12-31`.
#[must_use]
pub(super) fn day(text: &str) -> Option<f64> {
    let mut parts = text.trim().splitn(3, '-').map(str::parse::<i32>);
    days(parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?).map(|days| f64::from(days) * 86_400.0)
}

/// A moment as `ctime` writes it, `Sun Apr 14 00:24:35 2024`, as if it were in UTC; what follows it does not matter.
#[must_use]
pub(super) fn moment(text: &str) -> Option<f64> {
    let mut words = text.split_whitespace().skip(1);
    let (month, day, clock, year) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let month = MONTHS.iter().position(|name| *name == month)?;
    let mut clock = clock.splitn(3, ':').map(str::parse::<i32>);
    let (hour, minute, second) = (clock.next()?.ok()?, clock.next()?.ok()?, clock.next()?.ok()?);
    let sane = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    let days =
        days(year.parse().ok()?, i32::try_from(month).ok()? + 1, day.parse().ok()?).filter(|_| sane)?;
    Some(f64::from(days) * 86_400.0 + f64::from(hour * 3600 + minute * 60 + second))
}

/// Days since 1970: Howard Hinnant's count of days in the Gregorian calendar.
fn days(year: i32, month: i32, day: i32) -> Option<i32> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // A year that begins in March: the day that leap years add is its last.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted() {
        for (text, want) in [
            ("1970-01-01", Some(0.0)),
            ("2000-02-29", Some(951_782_400.0)),
            ("2026-12-31", Some(1_798_675_200.0)),
            ("2024-03-01", Some(1_709_251_200.0)),
            ("", None),
            ("2026-13-01", None),
            ("soon", None),
        ] {
            assert_eq!(day(text), want, "{text}");
        }
    }

    #[test]
    fn moments_are_read() {
        for (text, want) in [
            ("Sun Apr 14 00:24:35 2024", Some(1_713_054_275.0)),
            ("Thu Jan  1 00:00:00 1970\n", Some(0.0)),
            ("Sun Apr 14 00:24:35 2024, 12.1G scanned", None),
            ("Sun Abc 14 00:24:35 2024", None),
            ("Sun Apr 14 25:24:35 2024", None),
            ("Sun Apr 14 00:24 2024", None),
            ("", None),
        ] {
            assert_eq!(moment(text), want, "{text}");
        }
    }
}
