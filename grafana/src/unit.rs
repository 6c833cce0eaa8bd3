//! Units: from a metric's description to what Grafana calls them, with the decimals that make a number readable.

use kit::Desc;

/// The unit of an expression's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// A number of things of which a tenth matters.
    FineCount,
    /// A time that took or lasts, in seconds; shown in its natural unit.
    Seconds,
    /// A time that goes on, in seconds; shown as days and a clock, which is the same in every language.
    Clock,
    /// A moment, in seconds since 1970.
    Timestamp,
    /// Days, whole.
    Days,
    /// Days of which a tenth matters: how long something has run.
    FineDays,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// A share of 1, shown in percent.
    Ratio,
    /// A share of 1 of which a hundredth of a percent matters: uptime.
    FineRatio,
    /// Events per second.
    PerSecond,
    /// Degrees Celsius.
    Celsius,
    /// Something that is shown by a mapping or as it is.
    Plain,
}

impl Unit {
    /// That of a metric, by its name's suffix.
    #[must_use]
    pub fn of(desc: &Desc) -> Self {
        match desc.unit() {
            // `process_start_time_seconds` is older than the convention.
            Some("seconds")
                if ["_timestamp_seconds", "_start_time_seconds"]
                    .iter()
                    .any(|end| desc.name.ends_with(end)) =>
            {
                Self::Timestamp
            }
            Some("seconds") => Self::Seconds,
            Some("bytes") => Self::Bytes,
            Some("ratio") => Self::Ratio,
            Some("celsius") => Self::Celsius,
            _ => Self::Count,
        }
    }

    /// That of the rate of a counter with this unit.
    #[must_use]
    pub const fn per_second(self) -> Self {
        match self {
            // Seconds per second: a share of one processor.
            Self::Seconds => Self::Ratio,
            Self::Bytes => Self::BytesPerSecond,
            _ => Self::PerSecond,
        }
    }

    /// Grafana's identifier.
    #[must_use]
    pub const fn grafana(self) -> &'static str {
        match self {
            // With the separator of the reader's language, and never rounded to thousands.
            Self::Count | Self::FineCount => "locale",
            Self::Seconds => "s",
            Self::Clock => "dtdhms",
            Self::Timestamp => "dateTimeAsIso",
            Self::Days | Self::FineDays => "suffix: d",
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "Bps",
            Self::Ratio | Self::FineRatio => "percentunit",
            Self::PerSecond => "suffix:/s",
            Self::Celsius => "celsius",
            Self::Plain => "none",
        }
    }

    /// Digits behind the point.
    #[must_use]
    pub const fn decimals(self) -> u8 {
        match self {
            Self::Count | Self::Clock | Self::Timestamp | Self::Days | Self::Plain => 0,
            Self::FineCount
            | Self::FineDays
            | Self::Seconds
            | Self::Bytes
            | Self::BytesPerSecond
            | Self::Ratio
            | Self::Celsius => 1,
            Self::FineRatio | Self::PerSecond => 2,
        }
    }

    /// What Prometheus's seconds are multiplied by for Grafana, which counts moments in milliseconds.
    #[must_use]
    pub const fn factor(self) -> u16 {
        match self {
            Self::Timestamp => 1000,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_comes_from_the_name() {
        const AT: Desc = Desc::gauge("x_last_success_timestamp_seconds", "X.");
        const CPU: Desc = Desc::counter("process_cpu_seconds_total", "X.");
        const SENT: Desc = Desc::counter("sent_bytes_total", "X.");
        const UP: Desc = Desc::gauge("up", "X.");
        assert_eq!(Unit::of(&AT), Unit::Timestamp);
        assert_eq!(Unit::of(&CPU).per_second(), Unit::Ratio);
        assert_eq!(Unit::of(&SENT).per_second().grafana(), "Bps");
        assert_eq!(Unit::of(&UP).per_second(), Unit::PerSecond);
    }
}
