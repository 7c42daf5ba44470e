//! Days to dates, and time zones as sessions name them.

use chrono::{Offset, TimeZone};

/// The proleptic Gregorian date of a number of days since 1970-01-01: year (0 is 1 BC), month, day.
///
/// Howard Hinnant's `civil_from_days`: exact for every day a column can hold, where `chrono` ends at the year 262143.
pub(super) fn date_of_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// A time zone in which `timestamptz` is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    /// Seconds east of Greenwich.
    Fixed(i32),
    /// A zone of the IANA database.
    Named(chrono_tz::Tz),
}

impl Zone {
    /// Coordinated universal time.
    pub(crate) const UTC: Self = Self::Fixed(0);

    /// Reads the value of the setting `TimeZone`; `None` if there is no such zone.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("utc") || text.eq_ignore_ascii_case("gmt") {
            return Some(Self::UTC);
        }
        if let Ok(zone) = text.parse() {
            return Some(Self::Named(zone));
        }
        let insensitive = chrono_tz::TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(text));
        insensitive.map(|zone| Self::Named(*zone)).or_else(|| Self::parse_offset(text))
    }

    /// Reads `+02`, `-05:30`, and Postgres's own `<+02>-02`, whose number counts west.
    fn parse_offset(text: &str) -> Option<Self> {
        let text = match text.strip_prefix('<') {
            Some(rest) => rest.split_once('>')?.0,
            None => text,
        };
        let (sign, digits) = match text.as_bytes().first()? {
            b'+' => (1, &text[1..]),
            b'-' => (-1, &text[1..]),
            _ => (1, text),
        };
        let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "0"));
        let seconds = hours.parse::<i32>().ok()? * 3_600 + minutes.parse::<i32>().ok()? * 60;
        (seconds <= 16 * 3_600).then_some(Self::Fixed(sign * seconds))
    }

    /// Seconds east of Greenwich at a moment.
    pub(super) fn offset_seconds(&self, microseconds: i64) -> i32 {
        match self {
            Self::Fixed(seconds) => *seconds,
            Self::Named(zone) => match chrono::DateTime::from_timestamp_micros(microseconds) {
                Some(moment) => zone.offset_from_utc_datetime(&moment.naive_utc()).fix().local_minus_utc(),
                None => 0,
            },
        }
    }
}
